/* dense_features.c: Keras 2's DenseFeatures over tf.feature_column columns (tensorflow/python/feature_column/
 * feature_column_v2.py): each column makes some numbers of its inputs, and they stand beside each other in a row.
 *
 * Invariant: columns stand in the config in the order in which the layer sorts them by name, and so do their weights. */
#include <string.h>
#include "base/dtype.h"
#include "layers/lookup.h"
#include "layers/support.h"

typedef enum categorical_kind { NOT_CATEGORICAL, VOCABULARY, IDENTITY, HASHED, BUCKETS } categorical_kind;

typedef struct column {
    const char *key; /* of the input */
    bool is_numeric; /* the source's values as they are */
    bool embedded;
    categorical_kind categorical;
    int64_t size;                  /* numeric: values; categorical: categories */
    int64_t dimension;             /* of the embedding */
    const char *combiner, *weight; /* the embedding's */
    int64_t fallback;              /* category of what is not in the list; -1: none */
    int64_t words;                 /* in the list; behind them hashed ones */
    hp_lookup lookup;
    const float *boundaries;
    int64_t boundary_count;
} column;

typedef struct dense_features {
    const hp_json *feature_columns;
    column *columns;
    size_t count;
} dense_features;

static const hp_field fields[] = {
    HP_JSON_OF(dense_features, feature_columns, "list of feature columns"),
    HP_IGNORE("partitioner"), /* how a variable is spread over devices */
    HP_FIELDS_END,
};

/* ---- reading columns */

typedef struct reading {
    hp_layer_scope *scope;
    hp_layer *layer;
} reading;

static bool refuse(const reading *r, const char *what, const hp_json *found) {
    char text[80];
    hp_layer_refuse(r->scope, r->layer, HP_ERROR_UNSUPPORTED, "feature_columns", "%s: found %s", what,
        hp_json_describe(found, text, sizeof text));
    return false;
}

static bool is_class(const hp_json *object, const char *name) {
    const char *class_name = hp_json_string(hp_json_get(object, "class_name"));
    return class_name && strcmp(class_name, name) == 0;
}

static bool positive(const reading *r, const hp_json *value, const char *what, int64_t *result) {
    if (!hp_json_is(value, HP_JSON_INT) || value->integer < 1 || value->integer > INT32_MAX)
        return refuse(r, what, value);
    *result = value->integer;
    return true;
}

static bool read_numeric(const reading *r, const hp_json *config, column *c) {
    const hp_json *shape = hp_json_get(config, "shape");
    c->key = hp_json_string(hp_json_get(config, "key"));
    c->size = 1;
    if (!c->key || !hp_json_is(shape, HP_JSON_ARRAY)) return refuse(r, "a numeric column without key or shape", config);
    if (!hp_json_is_null(hp_json_get(config, "normalizer_fn")))
        return refuse(r, "normalizer_fn is code of the user's own", hp_json_get(config, "normalizer_fn"));
    HP_JSON_EACH (item, shape) {
        int64_t dim;
        if (!positive(r, item, "the shape of a numeric column", &dim)) return false;
        if (__builtin_mul_overflow(c->size, dim, &c->size) || c->size > INT32_MAX) return refuse(r, "shape", shape);
    }
    c->is_numeric = true;
    return true;
}

static bool read_buckets(const reading *r, const hp_json *config, column *c) {
    const hp_json *source = hp_json_get(config, "source_column"), *list = hp_json_get(config, "boundaries");
    if (!is_class(source, "NumericColumn")) return refuse(r, "the source of a bucketized column", source);
    if (!hp_json_is(list, HP_JSON_ARRAY) || list->count == 0) return refuse(r, "boundaries", list);
    if (!read_numeric(r, hp_json_get(source, "config"), c)) return false;
    float *boundaries = hp_arena_alloc(r->layer->arena, list->count * sizeof *boundaries);
    if (!boundaries) return r->scope->reasons->out_of_memory = true, false;
    HP_JSON_EACH (item, list) {
        if (!hp_json_is(item, HP_JSON_INT) && !hp_json_is(item, HP_JSON_DOUBLE)) return refuse(r, "a boundary", item);
        boundaries[c->boundary_count++] = (float)item->number;
    }
    c->boundaries = boundaries;
    c->is_numeric = false;
    c->categorical = BUCKETS;
    return true;
}

static bool read_vocabulary(const reading *r, const hp_json *config, column *c) {
    const hp_json *list = hp_json_get(config, "vocabulary_list"), *oov = hp_json_get(config, "num_oov_buckets");
    const hp_json *fallback = hp_json_get(config, "default_value");
    if (!hp_json_is(list, HP_JSON_ARRAY) || list->count == 0) return refuse(r, "vocabulary_list", list);
    bool strings = hp_json_is(list->first, HP_JSON_STRING);
    hp_json *mask = strings ? hp_json_new_string(r->layer->arena, "") : hp_json_new_int(r->layer->arena, -1);
    if (!mask) return r->scope->reasons->out_of_memory = true, false;
    c->lookup = (hp_lookup){.max_tokens = HP_INT_NULL,
        .vocabulary = list,
        .mask_token = mask,
        .vocabulary_dtype = strings ? HP_VOCABULARY_STRING : HP_VOCABULARY_INT64};
    size_t before = r->scope->reasons->count;
    hp_lookup_check(r->scope, r->layer, &c->lookup);
    c->words = (int64_t)list->count;
    c->size = c->words + (hp_json_is(oov, HP_JSON_INT) && oov->integer > 0 ? oov->integer : 0);
    c->fallback = hp_json_is(fallback, HP_JSON_INT) ? fallback->integer : -1;
    c->categorical = VOCABULARY;
    return r->scope->reasons->count == before;
}

static bool read_categorical(const reading *r, const hp_json *object, column *c) {
    const hp_json *config = hp_json_get(object, "config");
    c->key = hp_json_string(hp_json_get(config, "key"));
    if (is_class(object, "BucketizedColumn")) {
        if (!read_buckets(r, config, c)) return false;
        if (c->embedded && c->size != 1) return refuse(r, "an embedding of several numbers", object);
        return true;
    }
    if (!c->key) return refuse(r, "the column of categories", object);
    if (is_class(object, "VocabularyListCategoricalColumn")) return read_vocabulary(r, config, c);
    if (is_class(object, "IdentityCategoricalColumn")) {
        const hp_json *fallback = hp_json_get(config, "default_value");
        c->categorical = IDENTITY;
        c->fallback = hp_json_is(fallback, HP_JSON_INT) ? fallback->integer : -1;
        return positive(r, hp_json_get(config, "number_buckets"), "number_buckets", &c->size);
    }
    if (is_class(object, "HashedCategoricalColumn")) {
        c->categorical = HASHED;
        return positive(r, hp_json_get(config, "hash_bucket_size"), "hash_bucket_size", &c->size);
    }
    return refuse(r, "the column of categories", object);
}

static bool read_column(const reading *r, const hp_json *object, column *c) {
    const hp_json *config = hp_json_get(object, "config");
    if (is_class(object, "NumericColumn")) return read_numeric(r, config, c);
    if (is_class(object, "BucketizedColumn")) return read_buckets(r, config, c);
    const hp_json *inner = hp_json_get(config, "categorical_column");
    if (is_class(object, "IndicatorColumn")) return read_categorical(r, inner, c);
    if (!is_class(object, "EmbeddingColumn")) return refuse(r, "the column", object);
    if (!hp_json_is_null(hp_json_get(config, "max_norm")))
        return refuse(r, "max_norm", hp_json_get(config, "max_norm"));
    c->embedded = true;
    c->combiner = hp_json_string(hp_json_get(config, "combiner"));
    if (!c->combiner ||
        (strcmp(c->combiner, "mean") != 0 && strcmp(c->combiner, "sum") != 0 && strcmp(c->combiner, "sqrtn") != 0))
        return refuse(r, "combiner", hp_json_get(config, "combiner"));
    return positive(r, hp_json_get(config, "dimension"), "dimension", &c->dimension) && read_categorical(r, inner, c);
}

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    dense_features *d = config;
    reading r = {scope, layer};
    if (!hp_json_is(d->feature_columns, HP_JSON_ARRAY)) {
        refuse(&r, "expected a list of columns", d->feature_columns);
        return;
    }
    d->columns = hp_arena_alloc(layer->arena, (d->feature_columns->count + 1) * sizeof *d->columns);
    if (!d->columns) {
        scope->reasons->out_of_memory = true;
        return;
    }
    HP_JSON_EACH (item, d->feature_columns) {
        column *c = &d->columns[d->count];
        if (!read_column(&r, item, c)) continue;
        if (c->embedded) c->weight = hp_arena_printf(layer->arena, "%zu_embedding_weights", d->count);
        if (c->embedded && !c->weight) scope->reasons->out_of_memory = true;
        d->count++;
    }
}

/* ---- lowering */

static hp_value input_of(hp_builder *b, const hp_call *call, const char *key) {
    const hp_arg *first = call->arg_count ? &call->args[0] : NULL;
    for (size_t i = 0; first && first->kind == HP_ARG_LIST && i < first->item_count; i++)
        if (first->items[i].name && strcmp(first->items[i].name, key) == 0 && first->items[i].kind == HP_ARG_TENSOR)
            return first->items[i].tensor;
    return hp_builder_fail(b, HP_ERROR_SHAPE, "there is no input \"%.64s\" for a column", key);
}

/* (batch, ...) to (batch, n). */
static hp_value flat(hp_builder *b, hp_value x) {
    const hp_shape *shape = hp_builder_shape(b, x);
    if (b->status != HP_OK) return HP_NO_VALUE;
    return hp_emit_reshape(b, x, 2, (int64_t[]){shape->dims[0], hp_shape_product(shape, 1, shape->rank)});
}

static hp_value integers(hp_builder *b, int64_t value) {
    return hp_emit_literal(b, HP_INT64, 0, NULL, &value);
}

/* The category of each value that is no word of the list: hashed, or the fallback. */
static hp_value vocabulary_ids(hp_builder *b, const column *c, hp_value x) {
    enum { MISSING = -2 };
    hp_value keys, offsets, in = c->lookup.words.integers ? hp_emit_cast(b, x, HP_INT64) : x;
    hp_lookup_constants(b, &c->lookup, &keys, &offsets);
    bool hashed = c->size > c->words;
    hp_lookup_params params;
    memset(&params, 0, sizeof params);
    params.missing = hashed ? MISSING : c->fallback;
    params.mask = -1;
    params.masked = 1;
    hp_value ids = hp_emit_lookup(b, in, keys, offsets, &params);
    if (!hashed) return ids;
    hp_hash_params hash;
    memset(&hash, 0, sizeof hash);
    hash.buckets = (uint64_t)(c->size - c->words);
    hp_value place = hp_emit_binary(b, HP_BINARY_ADD, hp_emit_hash(b, in, HP_NO_VALUE, &hash), integers(b, c->words));
    return hp_emit_select(b, hp_emit_compare(b, HP_EQUAL, ids, integers(b, MISSING)), place, ids);
}

/* -1 for the values that TensorFlow takes for missing: "" and -1. */
static hp_value hashed_ids(hp_builder *b, const column *c, hp_value x) {
    static const int64_t ends[] = {0, 0};
    hp_hash_params hash;
    memset(&hash, 0, sizeof hash);
    hash.buckets = (uint64_t)c->size;
    hp_value ids = hp_emit_hash(b, x, HP_NO_VALUE, &hash), missing;
    if (hp_builder_tensor(b, x)->dtype == HP_STRING) {
        hp_value keys = hp_emit_literal(b, HP_UINT8, 1, (int64_t[]){0}, "");
        hp_value offsets = hp_emit_literal(b, HP_INT64, 1, (int64_t[]){2}, ends);
        hp_lookup_params params;
        memset(&params, 0, sizeof params);
        params.missing = -1;
        missing = hp_emit_compare(b, HP_EQUAL, hp_emit_lookup(b, x, keys, offsets, &params), integers(b, 0));
    } else {
        missing = hp_emit_compare(b, HP_EQUAL, hp_emit_cast(b, x, HP_INT64), integers(b, -1));
    }
    return hp_emit_select(b, missing, integers(b, -1), ids);
}

/* The values themselves; those outside become the fallback, or where there is none HP_ERROR_ROW, as an index outside a
 * table is one. */
static hp_value identity_ids(hp_builder *b, const column *c, hp_value ids) {
    hp_value none = integers(b, -1), zero = integers(b, 0), size = integers(b, c->size);
    hp_value missing = hp_emit_compare(b, HP_EQUAL, ids, none), below = hp_emit_compare(b, HP_LESS, ids, zero);
    if (c->fallback >= 0) {
        hp_value outside = hp_emit_logical(b, HP_OR, below, hp_emit_compare(b, HP_GREATER_EQUAL, ids, size));
        ids = hp_emit_select(b, outside, integers(b, c->fallback), ids);
        return hp_emit_select(b, missing, none, ids);
    }
    int64_t *all = hp_arena_alloc(&b->graph->arena, ((size_t)c->size + 1) * sizeof *all);
    if (!all) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < c->size; i++) all[i] = i;
    ids = hp_emit_select(b, missing, zero, hp_emit_select(b, below, size, ids));
    ids = hp_emit_gather(b, hp_emit_literal(b, HP_INT64, 1, &c->size, all), ids, 0);
    return hp_emit_select(b, missing, none, ids);
}

/* Categories as int64[batch, n]; -1: none. */
static hp_value category_ids(hp_builder *b, const column *c, hp_value x) {
    if (c->categorical == VOCABULARY) return vocabulary_ids(b, c, x);
    if (c->categorical == HASHED) return hashed_ids(b, c, x);
    if (c->categorical == BUCKETS) {
        hp_value boundaries = hp_emit_literal(b, HP_FLOAT32, 1, &c->boundary_count, c->boundaries);
        return hp_emit_cast(b, hp_emit_bucketize(b, hp_as_float(b, x), boundaries), HP_INT64);
    }
    return identity_ids(b, c, hp_emit_cast(b, x, HP_INT64));
}

/* The embeddings of a row's categories, added up as `combiner` says; zeros where it has none. */
static hp_value embed(hp_builder *b, hp_layer *layer, const column *c, hp_value counts, int64_t size) {
    hp_value table = hp_layer_weight(b, layer, c->weight, true, HP_DIMS(size, c->dimension));
    hp_value sum = hp_emit_gemm(b, counts, table, HP_NO_VALUE);
    if (strcmp(c->combiner, "sum") == 0) return sum;
    hp_value n = hp_emit_reduce(b, counts, HP_REDUCTION_SUM, (int[]){1}, 1, true);
    if (strcmp(c->combiner, "sqrtn") == 0) n = hp_emit_unary(b, n, HP_UNARY_SQRT, 0, 0, 0);
    return hp_emit_binary(b, HP_BINARY_DIVIDE, sum, hp_emit_binary(b, HP_BINARY_MAXIMUM, n, hp_emit_float(b, 1)));
}

static hp_value column_value(hp_builder *b, hp_layer *layer, const column *c, hp_value x) {
    if (c->is_numeric) return flat(b, hp_as_float(b, x));
    x = flat(b, x);
    hp_value ids = category_ids(b, c, x);
    int64_t depth = c->categorical == BUCKETS ? c->boundary_count + 1 : c->size;
    if (c->categorical == BUCKETS && !c->embedded)
        return flat(b, hp_emit_encode(b, ids, HP_NO_VALUE, HP_ENCODING_ONE_HOT, depth, false));
    hp_value counts = hp_emit_encode(b, ids, HP_NO_VALUE, HP_ENCODING_COUNT, depth, false);
    return c->embedded ? embed(b, layer, c, counts, depth) : counts;
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const dense_features *d = layer->config;
    hp_value *values = hp_arena_alloc(&b->graph->arena, (d->count + 1) * sizeof *values);
    if (!values) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < d->count; i++)
        values[i] = column_value(b, layer, &d->columns[i], input_of(b, call, d->columns[i].key));
    if (b->status != HP_OK) return;
    hp_call_output(b, call, d->count == 1 ? values[0] : hp_emit_concat(b, values, (int)d->count, 1));
}

const hp_layer_class hp_layer_DenseFeatures = {
    .class_name = "DenseFeatures",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(dense_features),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = -1,
    .check = check,
    .lower = lower,
    .no_autocast = true,
};

/* encoding.c: CategoryEncoding and Discretization (keras/src/layers/preprocessing/), and the encoding that all layers
 * of categories share. Tensors are always dense: `sparse` changes how Keras stores the result, not its values. */
#include "layers/encoding.h"
#include <math.h>
#include "base/dtype.h"
#include "layers/support.h"

const char *const hp_encoding_modes[] = {"int", "one_hot", "multi_hot", "count", "tf_idf", "binary", "tf-idf", NULL};

int hp_encoding_mode(int value) {
    return value <= HP_MODE_TF_IDF ? value : value == HP_MODE_TF_IDF + 1 ? HP_MODE_MULTI_HOT : HP_MODE_TF_IDF;
}

hp_value hp_encode_categories(hp_builder *b, hp_value indices, hp_value weights, int mode, int64_t depth) {
    hp_shape shape = *hp_builder_shape(b, indices);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (mode == HP_MODE_ONE_HOT) {
        if (shape.rank > 1 && shape.dims[shape.rank - 1] == 1)
            indices = hp_emit_reshape(b, indices, shape.rank - 1, shape.dims);
        return hp_emit_encode(b, indices, HP_NO_VALUE, HP_ENCODING_ONE_HOT, depth, false);
    }
    if (shape.rank > 2) {
        indices = hp_move_axis(b, indices, 1, shape.rank - 1);
        if (weights != HP_NO_VALUE) weights = hp_move_axis(b, weights, 1, shape.rank - 1);
    }
    hp_encoding encoding = mode == HP_MODE_MULTI_HOT ? HP_ENCODING_MULTI_HOT : HP_ENCODING_COUNT;
    return hp_emit_encode(b, indices, weights, encoding, depth, shape.rank <= 2);
}

/* ---- CategoryEncoding */

typedef struct category_encoding {
    int64_t num_tokens;
    int output_mode;
} category_encoding;

static const hp_field category_fields[] = {
    HP_INT(category_encoding, num_tokens, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ENUM(category_encoding, output_mode, HP_MODE_MULTI_HOT, hp_encoding_modes),
    HP_IGNORE("sparse"), /* see above */
    HP_FIELDS_END,
};

static void check_category(hp_layer_scope *scope, hp_layer *layer, void *config) {
    category_encoding *c = config;
    c->output_mode = hp_encoding_mode(c->output_mode);
    if (c->output_mode == HP_MODE_INT || c->output_mode == HP_MODE_TF_IDF)
        hp_layer_refuse(
            scope, layer, HP_ERROR_FORMAT, "output_mode", "is not one of \"one_hot\", \"multi_hot\" and \"count\"");
}

static void lower_category(hp_builder *b, hp_layer *layer, hp_call *call) {
    const category_encoding *c = layer->config;
    hp_value weights = hp_call_tensor(b, call, 1, "count_weights");
    hp_dtype dtype = layer->variables;
    if (weights != HP_NO_VALUE) {
        /* TensorFlow's bincount, which makes the variables' dtype, has no axis beside the rows and the indices. */
        if (hp_builder_shape(b, weights)->rank > 2) dtype = layer->dtype;
        weights = hp_emit_cast(b, weights, layer->dtype);
        weights = hp_emit_cast(b, weights, layer->dtype == HP_FLOAT64 ? HP_FLOAT64 : HP_FLOAT32);
    }
    hp_value y = hp_encode_categories(b, call->inputs[0], weights, c->output_mode, c->num_tokens);
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

const hp_layer_class hp_layer_CategoryEncoding = {
    .class_name = "CategoryEncoding",
    .module = "keras.layers",
    .fields = category_fields,
    .config_size = sizeof(category_encoding),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_category,
    .lower = lower_category,
    .any_dtype = true,
    .own_dtype = true,
};

/* ---- Discretization */

typedef struct discretization {
    const hp_json *bin_boundaries;
    int output_mode;
    float *boundaries;
    int64_t count;
    bool old; /* Keras 1 or 2 */
} discretization;

static const hp_field discretization_fields[] = {
    HP_JSON_OF(discretization, bin_boundaries, "list of numbers"),
    HP_ENUM(discretization, output_mode, HP_MODE_INT, hp_encoding_modes),
    HP_IGNORE("num_bins"), /* what adapt() is to find */
    HP_IGNORE("epsilon"),
    HP_IGNORE("sparse"), /* see above */
    HP_FIELDS_END,
};

static void check_discretization(hp_layer_scope *scope, hp_layer *layer, void *config) {
    discretization *c = config;
    char text[80];
    c->old = hp_layer_is_old(scope);
    c->output_mode = hp_encoding_mode(c->output_mode);
    if (c->output_mode == HP_MODE_TF_IDF)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_mode",
            "is not one of \"int\", \"one_hot\", \"multi_hot\" and \"count\"");
    if (!hp_json_is(c->bin_boundaries, HP_JSON_ARRAY)) {
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "bin_boundaries",
            "found %s, expected a list of numbers (a layer that was never adapted has none)",
            c->bin_boundaries ? hp_json_describe(c->bin_boundaries, text, sizeof text) : "nothing");
        return;
    }
    c->boundaries = hp_arena_alloc(layer->arena, (c->bin_boundaries->count + 1) * sizeof *c->boundaries);
    if (!c->boundaries) {
        scope->reasons->out_of_memory = true;
        return;
    }
    HP_JSON_EACH (item, c->bin_boundaries) {
        bool number = hp_json_is(item, HP_JSON_INT) || hp_json_is(item, HP_JSON_DOUBLE);
        float value = number ? (float)item->number : 0;
        if (!number || isnan(value) || (c->count > 0 && value < c->boundaries[c->count - 1])) {
            hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "bin_boundaries",
                "found %s at place %lld, expected ascending numbers", hp_json_describe(item, text, sizeof text),
                (long long)c->count);
            return;
        }
        c->boundaries[c->count++] = value;
    }
}

static void lower_discretization(hp_builder *b, hp_layer *layer, hp_call *call) {
    const discretization *c = layer->config;
    hp_value boundaries = hp_emit_literal(b, HP_FLOAT32, 1, (const int64_t[]){c->count}, c->boundaries);
    hp_value y = hp_emit_bucketize(b, hp_as_float(b, call->inputs[0]), boundaries);
    if (c->output_mode != HP_MODE_INT) {
        y = hp_encode_categories(b, y, HP_NO_VALUE, c->output_mode, c->count + 1);
        y = hp_emit_cast(b, y, layer->dtype);
    } else if (c->old) { /* a float dtype was not looked at */
        y = hp_emit_cast(b, y, hp_dtype_is_integer(layer->dtype) ? layer->dtype : HP_INT64);
    }
    hp_call_output(b, call, y);
}

const hp_layer_class hp_layer_Discretization = {
    .class_name = "Discretization",
    .module = "keras.layers",
    .fields = discretization_fields,
    .config_size = sizeof(discretization),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_discretization,
    .lower = lower_discretization,
    .any_dtype = true,
};

/* activations.c: Keras's activations: found by name, parsed from configs, emitted.
 *
 * Invariant: a parsed spec has an entry, and its params are what Keras's function would be called with. */
#include <math.h>
#include <string.h>
#include "base/dtype.h"
#include "layers/layer.h"

typedef struct hp_activation_entry {
    const char *name;
    hp_unary op;
    double params[3];
    hp_value (*emit)(hp_builder *b, hp_value x, int axis); /* axis-wise ones; NULL: elementwise */
} hp_activation_entry;

static hp_value emit_softmax(hp_builder *b, hp_value x, int axis) {
    return hp_emit_softmax(b, x, axis, false);
}

static hp_value emit_log_softmax(hp_builder *b, hp_value x, int axis) {
    return hp_emit_softmax(b, x, axis, true);
}

/* The half of x from item `begin` of that axis on. */
static hp_value half(hp_builder *b, hp_value x, int axis, int64_t begin, int64_t count) {
    const hp_shape *shape = hp_builder_shape(b, x);
    int64_t first[HP_MAX_RANK], counts[HP_MAX_RANK], steps[HP_MAX_RANK];
    for (int i = 0; i < shape->rank; i++) {
        first[i] = i == axis ? begin : 0;
        counts[i] = i == axis ? count : shape->dims[i];
        steps[i] = 1;
    }
    return hp_emit_slice(b, x, first, counts, steps);
}

/* keras/src/backend/tensorflow/nn.py glu: a * sigmoid(b), where x is a beside b. */
static hp_value emit_glu(hp_builder *b, hp_value x, int axis) {
    int64_t size = hp_builder_shape(b, x)->dims[axis];
    if (size % 2 != 0)
        return hp_builder_fail(b, HP_ERROR_SHAPE, "glu halves axis %d, whose size %lld is odd", axis, (long long)size);
    hp_value gate = hp_emit_unary(b, half(b, x, axis, size / 2, size / 2), HP_UNARY_SIGMOID, 0, 0, 0);
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, half(b, x, axis, 0, size / 2), gate);
}

/* 0, 1 ... n - 1 as floats of that shape (n elements). */
static hp_value indices(hp_builder *b, int64_t n, int rank, const int64_t *dims) {
    float *data = n > 0 && n <= (1 << 24) ? hp_alloc_array((size_t)n, sizeof *data) : NULL;
    if (!data)
        return hp_builder_fail(
            b, n > (1 << 24) ? HP_ERROR_UNSUPPORTED : HP_ERROR_NO_MEMORY, "sparsemax of %lld values", (long long)n);
    for (int64_t i = 0; i < n; i++) data[i] = (float)i;
    hp_value value = hp_emit_floats(b, rank, dims, data);
    hp_free(data);
    return value;
}

static hp_value sum(hp_builder *b, hp_value x, int axis, bool keepdims) {
    return hp_emit_reduce(b, x, HP_REDUCTION_SUM, &axis, 1, keepdims);
}

static hp_value multiply(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, x, y);
}

/* keras/src/ops/nn.py sparsemax, without its sort. Sorted downwards, a value z at place k (from 1) with the sum s of
 * all up to it is in the support when z - (s - 1) / k > 0. k and s are counted here by comparing every value with
 * every other, equal ones in their order. Keras then takes tau = (sum of s over the support - 1) / its size (of s, not
 * of z), and max(z - tau, 0). */
static hp_value emit_sparsemax(hp_builder *b, hp_value x, int axis) {
    hp_shape shape = *hp_builder_shape(b, x);
    if (shape.rank >= HP_MAX_RANK)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "sparsemax of more than %d axes", HP_MAX_RANK - 1);
    int64_t row[HP_MAX_RANK], column[HP_MAX_RANK], n = shape.dims[axis];
    for (int i = 0, at = 0; i < shape.rank; i++) { /* axis of size n becomes (1, n) in one, (n, 1) in the other */
        row[at] = i == axis ? 1 : shape.dims[i];
        column[at++] = shape.dims[i];
        if (i != axis) continue;
        row[at] = shape.dims[i];
        column[at++] = 1;
    }
    int64_t column_places[HP_MAX_RANK] = {n, 1}, row_places[HP_MAX_RANK] = {n};
    for (int i = 0; i < shape.rank - axis - 1; i++) column_places[i + 2] = row_places[i + 1] = 1;
    int inner = axis + 1, rank = shape.rank + 1;
    hp_value each = hp_emit_reshape(b, x, rank, column), others = hp_emit_reshape(b, x, rank, row);
    hp_value earlier = hp_emit_compare(
        b, HP_LESS_EQUAL, indices(b, n, rank - axis - 1, row_places), indices(b, n, rank - axis, column_places));
    hp_value tied = hp_emit_logical(b, HP_AND, hp_emit_compare(b, HP_EQUAL, others, each), earlier);
    hp_value above = hp_emit_logical(b, HP_OR, hp_emit_compare(b, HP_GREATER, others, each), tied);
    above = hp_emit_cast(b, above, hp_builder_real(b));
    hp_value place = sum(b, above, inner, false), cumulated = sum(b, multiply(b, above, others), inner, false);
    hp_value one = hp_emit_float(b, 1);
    hp_value mean = hp_emit_binary(b, HP_BINARY_DIVIDE, hp_emit_binary(b, HP_BINARY_SUBTRACT, cumulated, one), place);
    hp_value support = hp_emit_cast(b, hp_emit_compare(b, HP_GREATER, x, mean), hp_builder_real(b));
    hp_value total = sum(b, multiply(b, support, cumulated), axis, true);
    hp_value tau = hp_emit_binary(
        b, HP_BINARY_DIVIDE, hp_emit_binary(b, HP_BINARY_SUBTRACT, total, one), sum(b, support, axis, true));
    return hp_emit_unary(b, hp_emit_binary(b, HP_BINARY_SUBTRACT, x, tau), HP_UNARY_RELU, 0, INFINITY, 0);
}

static const hp_activation_entry entries[] = {
#define ELEMENTWISE(name, id, p0, p1, p2) {#name, HP_UNARY_##id, {p0, p1, p2}, NULL},
#define AXISWISE(name, emitter) {#name, HP_UNARY_IDENTITY, {-1, 0, 0}, emitter},
#include "layers/activations.def"
#undef ELEMENTWISE
#undef AXISWISE
};

const hp_activation_entry *hp_activation_find(const char *name) {
    for (size_t i = 0; name && i < sizeof entries / sizeof *entries; i++)
        if (strcmp(entries[i].name, name) == 0) return &entries[i];
    return NULL;
}

void hp_activation_by_name(hp_activation_spec *spec, const char *name) {
    spec->entry = hp_activation_find(name);
    memcpy(spec->params, spec->entry->params, sizeof spec->entry->params);
}

/* An activation layer in the place of a function: its config is the arguments. */
static bool parse_layer(
    hp_layer_scope *scope, const hp_layer *layer, const char *key, const hp_json *value, hp_activation_spec *spec) {
    const char *where = hp_arena_printf(scope->arena, "%s: %s", layer->place, key);
    hp_layer *inner = where ? hp_layer_new(scope, value, where) : NULL;
    if (!inner) return false;
    if (!inner->cls->activation) {
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, key, "the layer %s as an activation is not supported",
            inner->cls->class_name);
        return false;
    }
    inner->cls->activation(inner->config, spec);
    return true;
}

bool hp_activation_parse(
    hp_layer_scope *scope, const hp_layer *layer, const char *key, const hp_json *value, hp_activation_spec *spec) {
    char text[80];
    hp_activation_by_name(spec, "linear");
    if (hp_json_is_null(value)) return true;
    const char *name = hp_json_string(value), *class_name = hp_json_string(hp_json_get(value, "class_name"));
    if (class_name && strcmp(class_name, "function") == 0) {
        name = hp_json_string(hp_json_get(value, "config"));
        if (!hp_activation_find(name)) name = hp_json_string(hp_json_get(value, "registered_name"));
    } else if (class_name) {
        return parse_layer(scope, layer, key, value, spec);
    }
    if (hp_activation_find(name)) {
        hp_activation_by_name(spec, name);
        return true;
    }
    hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, key, "found %s, which is no activation of Keras",
        hp_json_describe(value, text, sizeof text));
    return false;
}

bool hp_activation_elementwise(const hp_activation_spec *spec, hp_activation *activation) {
    *activation = (hp_activation){.op = spec->entry->op};
    for (int i = 0; i < 4; i++) activation->params[i] = (float)spec->params[i];
    return spec->entry->emit == NULL;
}

/* relu of integers keeps their dtype where its slope is 0: x where it is above the threshold, from 0 to `most` cut to an
 * integer. */
static hp_value integer_relu(hp_builder *b, hp_value x, double most, double threshold) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    hp_shape scalar = {0};
    int bits = 8 * (int)hp_dtype_size(dtype) - (dtype <= HP_INT64);
    if (threshold != 0) {
        hp_value above =
            hp_emit_compare(b, HP_GREATER, hp_emit_cast(b, x, hp_builder_real(b)), hp_emit_float(b, threshold));
        x = hp_emit_binary(b, HP_BINARY_MULTIPLY, x, hp_emit_cast(b, above, dtype));
    }
    x = hp_emit_binary(b, HP_BINARY_MAXIMUM, x, hp_emit_fill(b, dtype, &scalar, 0));
    if (!(most < ldexp(1, bits))) return x;
    return hp_emit_binary(b, HP_BINARY_MINIMUM, x, hp_emit_fill(b, dtype, &scalar, trunc(most)));
}

hp_value hp_emit_activation(hp_builder *b, hp_value x, const hp_activation_spec *activation) {
    const hp_activation_entry *entry = activation->entry;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (!entry->emit && entry->op == HP_UNARY_IDENTITY) return x;
    if (entry->emit) {
        int axis = hp_builder_axis(b, (int64_t)activation->params[0], hp_builder_shape(b, x)->rank);
        return b->status == HP_OK ? entry->emit(b, x, axis) : HP_NO_VALUE;
    }
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    if (hp_dtype_is_integer(dtype) && entry->op == HP_UNARY_RELU6) return integer_relu(b, x, 6, 0);
    if (hp_dtype_is_integer(dtype) && entry->op == HP_UNARY_RELU && activation->params[0] == 0)
        return integer_relu(b, x, activation->params[1], activation->params[2]);
    x = hp_emit_cast(b, x, hp_builder_real(b));
    return hp_emit_unary(b, x, entry->op, activation->params[0], activation->params[1], activation->params[2]);
}

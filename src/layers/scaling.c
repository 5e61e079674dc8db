/* scaling.c: Rescaling and Normalization (keras/src/layers/preprocessing/). */
#include <math.h>
#include <string.h>
#include "layers/support.h"

/* Numbers of a nested list, row by row. Counts beyond `size` are not stored. False: something else is in it. */
static bool numbers(const hp_json *value, int depth, double *to, size_t size, size_t *count) {
    if (hp_json_is(value, HP_JSON_INT) || hp_json_is(value, HP_JSON_DOUBLE)) {
        if (*count < size) to[*count] = (float)value->number; /* Keras casts from float32, to float64 too */
        ++*count;
        return true;
    }
    if (!hp_json_is(value, HP_JSON_ARRAY) || depth >= HP_MAX_RANK) return false;
    HP_JSON_EACH (item, value)
        if (!numbers(item, depth + 1, to, size, count)) return false;
    return true;
}

/* A number or nested list of numbers as an array in the layer's arena; its dims are those of the first branch. False:
 * reported. */
typedef struct numeric {
    int rank;
    int64_t dims[HP_MAX_RANK];
    double *data;
} numeric;

static bool parse_numeric(
    hp_layer_scope *scope, hp_layer *layer, const char *key, const hp_json *value, numeric *array) {
    char text[80];
    size_t count = 0, filled = 0;
    *array = (numeric){0};
    int64_t product = 1;
    for (const hp_json *at = value; hp_json_is(at, HP_JSON_ARRAY) && array->rank < HP_MAX_RANK; at = at->first) {
        array->dims[array->rank++] = (int64_t)at->count;
        product *= (int64_t)at->count;
        if (product > 1000000000) break;
    }
    if (!numbers(value, 0, NULL, 0, &count) || (int64_t)count != product) {
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, key, "found %s, expected a number or a regular list of numbers",
            value ? hp_json_describe(value, text, sizeof text) : "nothing");
        return false;
    }
    array->data = hp_arena_alloc(layer->arena, count * sizeof(double));
    if (!array->data) {
        scope->reasons->out_of_memory = true;
        return false;
    }
    return numbers(value, 0, array->data, count, &filled);
}

static hp_value emit_numeric(hp_builder *b, const numeric *array) {
    return hp_emit_doubles(b, array->rank, array->dims, array->data);
}

/* ---- Rescaling: x * scale + offset */

typedef struct rescaling {
    const hp_json *scale, *offset; /* as in the config: numbers or lists over the last axes */
    numeric scales, offsets;
} rescaling;

static const hp_field rescaling_fields[] = {
    HP_JSON_OF(rescaling, scale, "number or nested list of numbers"),
    HP_JSON_OF(rescaling, offset, "number or nested list of numbers"),
    HP_FIELDS_END,
};

static void check_rescaling(hp_layer_scope *scope, hp_layer *layer, void *config) {
    rescaling *c = config;
    parse_numeric(scope, layer, "scale", c->scale, &c->scales);
    if (c->offset) {
        parse_numeric(scope, layer, "offset", c->offset, &c->offsets);
    } else {
        c->offsets.data = hp_arena_alloc(layer->arena, sizeof(double)); /* the default: 0 */
        if (!c->offsets.data) scope->reasons->out_of_memory = true;
    }
}

static void lower_rescaling(hp_builder *b, hp_layer *layer, hp_call *call) {
    const rescaling *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    if (c->scales.rank == 0 && c->offsets.rank == 0) {
        hp_call_output(b, call, hp_emit_unary(b, x, HP_UNARY_AFFINE, *c->scales.data, *c->offsets.data, 0));
        return;
    }
    x = hp_emit_binary(b, HP_BINARY_MULTIPLY, x, emit_numeric(b, &c->scales));
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_ADD, x, emit_numeric(b, &c->offsets)));
}

const hp_layer_class hp_layer_Rescaling = {
    .class_name = "Rescaling",
    .module = "keras.layers",
    .fields = rescaling_fields,
    .config_size = sizeof(rescaling),
    .masking = HP_MASK_PASS,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_rescaling,
    .lower = lower_rescaling,
};

/* ---- Normalization: (x - mean) / max(sqrt(variance), 1e-7), or its inverse. Mean and variance are weights, unless the
 * config has them. */

typedef struct normalization {
    hp_ints axis; /* none: one mean for everything */
    bool invert;
    const hp_json *mean, *variance; /* as in the config */
    bool given;
    numeric means, variances;
} normalization;

static const hp_field normalization_fields[] = {
    HP_INTS(normalization, axis, HP_NULL, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_BOOL(normalization, invert, false),
    HP_JSON_OF(normalization, mean, "number or nested list of numbers"),
    HP_JSON_OF(normalization, variance, "number or nested list of numbers"),
    HP_FIELDS_END,
};

static void check_normalization(hp_layer_scope *scope, hp_layer *layer, void *config) {
    normalization *c = config;
    c->given = c->mean && c->variance;
    if (!hp_json_get(hp_json_get(layer->json, "config"), "axis")) c->axis = (hp_ints){.count = 1, .at = {-1}};
    if ((c->mean != NULL) != (c->variance != NULL))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, c->mean ? "variance" : "mean",
            "mean and variance must be given both or not at all");
    if (!c->given || !parse_numeric(scope, layer, "mean", c->mean, &c->means) ||
        !parse_numeric(scope, layer, "variance", c->variance, &c->variances))
        return;
    if (c->means.rank != c->variances.rank || memcmp(c->means.dims, c->variances.dims, sizeof c->means.dims) != 0)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "variance", "its shape differs from the mean's");
}

/* The kept axes in order, and the shape that broadcasts over the others. False: reported. */
static bool kept_axes(
    hp_builder *b, const normalization *c, const hp_shape *shape, int *axes, int *count, int64_t *broadcast) {
    bool chosen[HP_MAX_RANK] = {false};
    for (int i = 0; i < c->axis.count; i++) chosen[hp_builder_axis(b, c->axis.at[i], shape->rank)] = true;
    if (b->status != HP_OK) return false;
    if (chosen[0]) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "axis: 0 is the batch");
        return false;
    }
    for (int i = 0; i < shape->rank; i++) {
        broadcast[i] = chosen[i] ? shape->dims[i] : 1;
        if (chosen[i]) axes[(*count)++] = i;
    }
    return true;
}

/* A mean or variance of the config in the place of its axes. */
static hp_value place(hp_builder *b, const numeric *array, const int *axes, int count, const hp_shape *shape) {
    int64_t dims[HP_MAX_RANK];
    if (array->rank > count)
        return hp_builder_fail(b, HP_ERROR_FORMAT, "mean: it has %d axes, the layer keeps %d", array->rank, count);
    for (int i = 0; i < shape->rank; i++) dims[i] = 1;
    for (int i = 1; i <= array->rank; i++) dims[axes[count - i]] = array->dims[array->rank - i];
    return hp_emit_reshape(b, emit_numeric(b, array), shape->rank, dims);
}

static void lower_normalization(hp_builder *b, hp_layer *layer, hp_call *call) {
    const normalization *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), mean, variance;
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], count = 0;
    int64_t broadcast[HP_MAX_RANK], dims[HP_MAX_RANK];
    if (!kept_axes(b, c, &shape, axes, &count, broadcast)) return;
    for (int i = 0; i < count; i++) dims[i] = shape.dims[axes[i]];
    if (c->given) {
        mean = place(b, &c->means, axes, count, &shape);
        variance = place(b, &c->variances, axes, count, &shape);
    } else {
        mean = hp_emit_reshape(b, hp_layer_weight(b, layer, "mean", false, count, dims), shape.rank, broadcast);
        variance = hp_emit_reshape(b, hp_layer_weight(b, layer, "variance", false, count, dims), shape.rank, broadcast);
        hp_layer_weight(b, layer, "count", false, 0, dims); /* state of adapt() that is saved as well */
    }
    hp_value deviation = hp_emit_binary(
        b, HP_BINARY_MAXIMUM, hp_emit_unary(b, variance, HP_UNARY_SQRT, 0, 0, 0), hp_emit_float(b, 1e-7));
    hp_value y = c->invert
                     ? hp_emit_binary(b, HP_BINARY_ADD, mean, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, deviation))
                     : hp_emit_binary(b, HP_BINARY_DIVIDE, hp_emit_binary(b, HP_BINARY_SUBTRACT, x, mean), deviation);
    hp_call_output(b, call, y);
}

const hp_layer_class hp_layer_Normalization = {
    .class_name = "Normalization",
    .module = "keras.layers",
    .fields = normalization_fields,
    .config_size = sizeof(normalization),
    .masking = HP_MASK_PASS,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_normalization,
    .lower = lower_normalization,
};

/* normalization.c: BatchNormalization at inference and LayerNormalization (keras/src/layers/normalization/). */
#include <string.h>
#include "base/dtype.h"
#include "layers/support.h"

/* ---- BatchNormalization: x * s + (beta - mean * s), s = gamma / sqrt(variance + epsilon): two elementwise nodes with
 * operands made of constants alone, which passes fold. */

typedef struct batch_normalization {
    hp_ints axis;
    double epsilon;
    bool center, scale, renorm;
} batch_normalization;

static const hp_field batch_fields[] = {
    HP_INTS(batch_normalization, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_FLOAT(batch_normalization, epsilon, 1e-3, 0, 1e30),
    HP_BOOL(batch_normalization, center, true),
    HP_BOOL(batch_normalization, scale, true),
    HP_BOOL(batch_normalization, renorm, false),
    HP_IGNORE("momentum"),
    HP_IGNORE("renorm_clipping"),
    HP_IGNORE("renorm_momentum"),
    HP_IGNORE("synchronized"),
    HP_IGNORE_WEIGHT("beta"),
    HP_IGNORE_WEIGHT("gamma"),
    HP_IGNORE("moving_mean_initializer"),
    HP_IGNORE("moving_variance_initializer"),
    HP_FIELDS_END,
};

static void check_batch(hp_layer_scope *scope, hp_layer *layer, void *config) {
    if (((const batch_normalization *)config)->axis.count == 0)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "axis", "no axis is named");
}

/* The parameters' shape: (size) for one axis; for several, which Keras 2 allows, all axes with 1 for the others.
 * `broadcast` is that shape from the first of the axes on. False: reported. */
static bool parameter_shape(
    hp_builder *b, const hp_ints *axes, const hp_shape *shape, hp_shape *stored, hp_shape *broadcast) {
    *stored = (hp_shape){.rank = shape->rank};
    *broadcast = (hp_shape){.rank = 0};
    int first = shape->rank;
    for (int i = 0; i < shape->rank; i++) stored->dims[i] = 1;
    for (int i = 0; i < axes->count; i++) {
        int axis = hp_builder_axis(b, axes->at[i], shape->rank);
        if (b->status == HP_OK && axis == 0) hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "axis: 0 is the batch");
        if (b->status != HP_OK) return false;
        stored->dims[axis] = shape->dims[axis];
        if (axis < first) first = axis;
    }
    for (int i = first; i < shape->rank; i++) broadcast->dims[broadcast->rank++] = stored->dims[i];
    if (axes->count == 1) *stored = (hp_shape){.rank = 1, .dims = {shape->dims[first]}};
    return true;
}

static hp_value parameter_of(hp_builder *b, hp_layer *layer, const char *name, bool trainable, const hp_shape *shape) {
    return hp_layer_weight(b, layer, name, trainable, shape->rank, shape->dims);
}

static void lower_batch(hp_builder *b, hp_layer *layer, hp_call *call) {
    const batch_normalization *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    hp_shape stored, broadcast;
    if (!parameter_shape(b, &c->axis, hp_builder_shape(b, x), &stored, &broadcast)) return;
    hp_value gamma = c->scale ? parameter_of(b, layer, "gamma", true, &stored) : HP_NO_VALUE;
    hp_value beta = c->center ? parameter_of(b, layer, "beta", true, &stored) : HP_NO_VALUE;
    hp_value mean = parameter_of(b, layer, "moving_mean", false, &stored);
    hp_value variance = parameter_of(b, layer, "moving_variance", false, &stored);
    if (c->renorm) { /* state of training that is saved as well */
        parameter_of(b, layer, "moving_stddev", false, &stored);
        parameter_of(b, layer, "renorm_mean", false, &stored);
        parameter_of(b, layer, "renorm_stddev", false, &stored);
    }
    hp_value scale = hp_emit_unary(
        b, hp_emit_binary(b, HP_BINARY_ADD, variance, hp_emit_float(b, c->epsilon)), HP_UNARY_RSQRT, 0, 0, 0);
    if (gamma != HP_NO_VALUE) scale = hp_emit_binary(b, HP_BINARY_MULTIPLY, scale, gamma);
    hp_value offset = hp_emit_binary(b, HP_BINARY_MULTIPLY, mean, scale);
    offset = beta != HP_NO_VALUE ? hp_emit_binary(b, HP_BINARY_SUBTRACT, beta, offset)
                                 : hp_emit_unary(b, offset, HP_UNARY_NEGATIVE, 0, 0, 0);
    if (!hp_shape_equal(&stored, &broadcast)) {
        scale = hp_emit_reshape(b, scale, broadcast.rank, broadcast.dims);
        offset = hp_emit_reshape(b, offset, broadcast.rank, broadcast.dims);
    }
    x = hp_emit_binary(b, HP_BINARY_MULTIPLY, x, scale);
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_ADD, x, offset));
}

#define BATCH_NORMALIZATION(name)                                                                                      \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = batch_fields,                                                                                        \
        .config_size = sizeof(batch_normalization),                                                                    \
        .masking = HP_MASK_PASS,                                                                                       \
        .arguments = HP_NAMES("training", "mask"),                                                                     \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .check = check_batch,                                                                                          \
        .lower = lower_batch}

BATCH_NORMALIZATION(BatchNormalization);
BATCH_NORMALIZATION(SyncBatchNormalization); /* of Keras 2: its own name stands in paths */

/* ---- LayerNormalization */

typedef struct layer_normalization {
    hp_ints axis;
    double epsilon;
    bool center, scale, rms_scaling;
} layer_normalization;

static const hp_field layer_fields[] = {
    HP_INTS(layer_normalization, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_FLOAT(layer_normalization, epsilon, 1e-3, 0, 1e30),
    HP_BOOL(layer_normalization, center, true),
    HP_BOOL(layer_normalization, scale, true),
    HP_BOOL(layer_normalization, rms_scaling, false),
    HP_IGNORE_WEIGHT("beta"),
    HP_IGNORE_WEIGHT("gamma"),
    HP_FIELDS_END,
};

/* A parameter: declared with the axes as the config sorts them (negative ones first), read in the order of the input's
 * axes, as Keras reshapes it. */
static hp_value parameter(
    hp_builder *b, hp_layer *layer, const char *name, int count, const int64_t *declared, const int64_t *dims) {
    return hp_emit_reshape(b, hp_layer_weight(b, layer, name, true, count, declared), count, dims);
}

/* rms_scaling of Keras: x / sqrt(variance + epsilon) * gamma, with the variance around the mean. */
static hp_value scaled_by_deviation(
    hp_builder *b, hp_value x, hp_value gamma, const int *axes, int count, double epsilon) {
    hp_value mean = hp_emit_reduce(b, x, HP_REDUCTION_MEAN, axes, count, true);
    hp_value square = hp_emit_binary(b, HP_BINARY_SQUARED_DIFFERENCE, x, mean);
    hp_value variance = hp_emit_reduce(b, square, HP_REDUCTION_MEAN, axes, count, true);
    variance = hp_emit_binary(b, HP_BINARY_ADD, variance, hp_emit_float(b, epsilon));
    x = hp_emit_binary(b, HP_BINARY_MULTIPLY, x, hp_emit_unary(b, variance, HP_UNARY_RSQRT, 0, 0, 0));
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, x, gamma);
}

static void lower_layer(hp_builder *b, hp_layer *layer, hp_call *call) {
    const layer_normalization *c = layer->config;
    hp_dtype dtype = hp_builder_tensor(b, call->inputs[0])->dtype;
    hp_value x = hp_as_float(b, call->inputs[0]);
    hp_shape shape = *hp_builder_shape(b, x);
    int count = c->axis.count, last[HP_MAX_RANK], permutation[HP_MAX_RANK], inverse[HP_MAX_RANK];
    int64_t sorted[HP_MAX_RANK], declared[HP_MAX_RANK], dims[HP_MAX_RANK];
    bool chosen[HP_MAX_RANK] = {false};
    memcpy(sorted, c->axis.at, sizeof sorted);
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && sorted[k - 1] > sorted[k]; k--) {
            int64_t swap = sorted[k];
            sorted[k] = sorted[k - 1];
            sorted[k - 1] = swap;
        }
    for (int i = 0; i < count; i++) {
        int axis = hp_builder_axis(b, sorted[i], shape.rank);
        if (b->status != HP_OK) return;
        if (axis == 0 || chosen[axis]) {
            hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "axis: %s", axis ? "an axis is named twice" : "0 is the batch");
            return;
        }
        chosen[axis] = true;
        declared[i] = shape.dims[axis];
    }
    int kept = 0, taken = 0; /* axes that are normalised go last */
    for (int i = 0; i < shape.rank; i++) {
        int place = chosen[i] ? shape.rank - count + taken : kept;
        permutation[place] = i;
        inverse[i] = place;
        if (chosen[i])
            dims[taken++] = shape.dims[i];
        else
            kept++;
    }
    bool moved = false;
    for (int i = 0; i < shape.rank; i++) moved |= permutation[i] != i;
    hp_value gamma = c->scale || c->rms_scaling ? parameter(b, layer, "gamma", count, declared, dims) : HP_NO_VALUE;
    hp_value beta = c->center && !c->rms_scaling ? parameter(b, layer, "beta", count, declared, dims) : HP_NO_VALUE;
    for (int i = 0; i < count; i++) last[i] = shape.rank - count + i;
    if (moved) x = hp_emit_transpose(b, x, permutation);
    x = c->rms_scaling ? scaled_by_deviation(b, x, gamma, last, count, c->epsilon)
                       : hp_emit_normalise(b, x, gamma, beta, count, c->epsilon, false);
    if (moved) x = hp_emit_transpose(b, x, inverse);
    /* ops.layer_normalization gives its input's dtype back: of integers only whole numbers are left */
    if (!hp_dtype_is_float(dtype)) x = hp_as_float(b, hp_emit_cast(b, x, dtype));
    hp_call_output(b, call, x);
}

static void check_layer(hp_layer_scope *scope, hp_layer *layer, void *config) {
    if (((const layer_normalization *)config)->axis.count == 0)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "axis", "no axis is named");
}

const hp_layer_class hp_layer_LayerNormalization = {
    .class_name = "LayerNormalization",
    .module = "keras.layers",
    .fields = layer_fields,
    .config_size = sizeof(layer_normalization),
    .masking = HP_MASK_PASS,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_layer,
    .lower = lower_layer,
    .no_autocast = true,
};

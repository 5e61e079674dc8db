/* group_normalization.c: GroupNormalization (keras/src/layers/normalization/group_normalization.py).
 *
 * The channels' axis is split into (groups, channels / groups); mean and variance are taken over everything but the rows
 * and the groups. Keras 2 weights the moments with a mask only where the mask broadcasts to the input itself, which no
 * mask of a sequence does. */
#include "base/dtype.h"
#include "layers/support.h"

typedef struct group_normalization {
    int64_t groups, axis;
    double epsilon;
    bool center, scale;
} group_normalization;

static const hp_field fields[] = {
    HP_INT(group_normalization, groups, 32, -1, HP_MAX_DIM),
    HP_INT(group_normalization, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_FLOAT(group_normalization, epsilon, 1e-3, 0, 1e30),
    HP_BOOL(group_normalization, center, true),
    HP_BOOL(group_normalization, scale, true),
    HP_IGNORE_WEIGHT("beta"),
    HP_IGNORE_WEIGHT("gamma"),
    HP_FIELDS_END,
};

static hp_value parameter(hp_builder *b, hp_layer *layer, const char *name, int64_t size, const hp_shape *broadcast) {
    hp_value value = hp_layer_weight(b, layer, name, true, HP_DIMS(size));
    return hp_emit_reshape(b, value, broadcast->rank, broadcast->dims);
}

/* x * inv + (beta - mean * inv) with inv = gamma / sqrt(variance + epsilon), in Keras's order. */
static hp_value normalise(
    hp_builder *b, hp_value x, const int *axes, int count, double epsilon, hp_value gamma, hp_value beta) {
    hp_value mean = hp_emit_reduce(b, x, HP_REDUCTION_MEAN, axes, count, true);
    hp_value square = hp_emit_binary(b, HP_BINARY_SQUARED_DIFFERENCE, x, mean);
    hp_value variance = hp_emit_reduce(b, square, HP_REDUCTION_MEAN, axes, count, true);
    variance = hp_emit_binary(b, HP_BINARY_ADD, variance, hp_emit_float(b, epsilon));
    hp_value inv = hp_emit_unary(b, variance, HP_UNARY_RSQRT, 0, 0, 0);
    if (gamma != HP_NO_VALUE) inv = hp_emit_binary(b, HP_BINARY_MULTIPLY, inv, gamma);
    hp_value offset = hp_emit_binary(b, HP_BINARY_MULTIPLY, mean, inv);
    offset = beta != HP_NO_VALUE ? hp_emit_binary(b, HP_BINARY_SUBTRACT, beta, offset)
                                 : hp_emit_unary(b, offset, HP_UNARY_NEGATIVE, 0, 0, 0);
    return hp_emit_binary(b, HP_BINARY_ADD, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, inv), offset);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const group_normalization *c = layer->config;
    hp_dtype dtype = hp_builder_tensor(b, call->inputs[0])->dtype;
    hp_value x = hp_as_float(b, call->inputs[0]);
    if (!hp_check_rank(b, x, 2, HP_MAX_RANK - 1)) return;
    const hp_shape shape = *hp_builder_shape(b, x);
    int axis = hp_builder_axis(b, c->axis, shape.rank);
    if (b->status == HP_OK && axis == 0) hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "axis: 0 is the batch");
    if (b->status != HP_OK) return;
    int64_t size = shape.dims[axis], groups = c->groups == -1 ? size : c->groups;
    if (groups <= 0 || size % groups) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "groups: %lld does not divide the %lld channels of axis %d",
            (long long)groups, (long long)size, axis);
        return;
    }
    hp_shape grouped = {.rank = shape.rank + 1}, broadcast = {.rank = shape.rank - axis + 1};
    int axes[HP_MAX_RANK], count = 0;
    for (int i = 0; i < grouped.rank; i++) {
        grouped.dims[i] = i < axis        ? shape.dims[i]
                          : i == axis     ? groups
                          : i == axis + 1 ? size / groups
                                          : shape.dims[i - 1];
        if (i >= axis) broadcast.dims[i - axis] = i <= axis + 1 ? grouped.dims[i] : 1;
        if (i > 0 && i != axis) axes[count++] = i;
    }
    hp_value gamma = c->scale ? parameter(b, layer, "gamma", size, &broadcast) : HP_NO_VALUE;
    hp_value beta = c->center ? parameter(b, layer, "beta", size, &broadcast) : HP_NO_VALUE;
    x = normalise(b, hp_emit_reshape(b, x, grouped.rank, grouped.dims), axes, count, c->epsilon, gamma, beta);
    x = hp_emit_reshape(b, x, shape.rank, shape.dims);
    /* Keras casts to its input's dtype first: of integers only whole numbers are left */
    if (!hp_dtype_is_float(dtype)) x = hp_as_float(b, hp_emit_cast(b, x, dtype));
    hp_call_output(b, call, x);
}

const hp_layer_class hp_layer_GroupNormalization = {
    .class_name = "GroupNormalization",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(group_normalization),
    .masking = HP_MASK_PASS,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower,
    .no_autocast = true,
};

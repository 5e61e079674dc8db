/* activation.c: functions of one tensor with arguments (keras/src/ops/nn.py, numpy.py): the arguments stand in the
 * operation's config. */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    double negative_slope, alpha, threshold, default_value, b, x_min, x_max;
    int64_t axis, decimals;
    bool approximate;
    const hp_json *axes;
} config;

static hp_value input(hp_builder *b, const hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    return hp_dtype_is_float(hp_builder_tensor(b, x)->dtype) ? x : hp_emit_cast(b, x, HP_FLOAT32);
}

#define ACTIVATION_OP(name, module_, ...)                                                                              \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

#define ELEMENTWISE_OP(name, field, op, p0, p1)                                                                        \
    ACTIVATION_OP(name, HP_OP_NN, field) {                                                                             \
        const config *c = layer->config;                                                                               \
        hp_call_output(b, call, hp_emit_unary(b, input(b, call), HP_UNARY_##op, p0, p1, 0));                           \
    }

#define ARGUMENT(member, fallback) HP_FLOAT(config, member, fallback, -INFINITY, INFINITY)

ELEMENTWISE_OP(LeakyRelu, ARGUMENT(negative_slope, 0.2), RELU, c->negative_slope, INFINITY)
ELEMENTWISE_OP(Elu, ARGUMENT(alpha, 1), ELU, c->alpha, 0)
ELEMENTWISE_OP(Celu, ARGUMENT(alpha, 1), CELU, c->alpha, 0)
ELEMENTWISE_OP(HardShrink, ARGUMENT(threshold, 0.5), HARD_SHRINK, c->threshold, 0)
ELEMENTWISE_OP(SoftShrink, ARGUMENT(threshold, 0.5), SOFT_SHRINK, c->threshold, 0)
ELEMENTWISE_OP(Squareplus, ARGUMENT(b, 4), SQUAREPLUS, c->b, 0)

ACTIVATION_OP(Threshold, HP_OP_NN, ARGUMENT(threshold, HP_REQUIRED), ARGUMENT(default_value, HP_REQUIRED)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    bool is_float = hp_dtype_is_float(dtype);
    hp_value y = is_float ? x : hp_emit_cast(b, x, HP_FLOAT64);
    y = hp_emit_unary(b, y, HP_UNARY_THRESHOLD, c->threshold, c->default_value, 0);
    hp_call_output(b, call, is_float ? y : hp_emit_cast(b, y, dtype));
}

ACTIVATION_OP(Gelu, HP_OP_NN, HP_BOOL(config, approximate, true)) {
    const config *c = layer->config;
    hp_call_output(
        b, call, hp_emit_unary(b, input(b, call), c->approximate ? HP_UNARY_GELU_TANH : HP_UNARY_GELU_ERF, 0, 0, 0));
}

/* ---- over an axis */

/* Softmax over several axes at once: moved to the end and merged, as keras/src/ops/nn.py does. */
static hp_value over_axes(
    hp_builder *b, hp_value x, const hp_json *axis, hp_value (*emit)(hp_builder *, hp_value, int)) {
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], permutation[HP_MAX_RANK], back[HP_MAX_RANK], at = 0;
    bool chosen[HP_MAX_RANK] = {false};
    if (hp_json_is(axis, HP_JSON_INT)) return emit(b, x, hp_builder_axis(b, axis->integer, shape.rank));
    int count = hp_op_axes(b, axis, shape.rank, axes);
    for (int i = 0; i < count; i++) chosen[axes[i]] = true;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < shape.rank; i++)
            if (chosen[i] == (pass == 1)) permutation[at++] = i;
    int64_t dims[HP_MAX_RANK], merged = 1;
    for (int i = 0; i < shape.rank; i++) back[permutation[i]] = i;
    x = hp_emit_transpose(b, x, permutation);
    hp_shape moved = *hp_builder_shape(b, x);
    for (int i = 0; i < shape.rank - count; i++) dims[i] = moved.dims[i];
    for (int i = shape.rank - count; i < shape.rank; i++) merged *= moved.dims[i];
    dims[shape.rank - count] = merged;
    x = hp_emit_reshape(b, x, shape.rank - count + 1, dims);
    x = emit(b, x, shape.rank - count);
    x = hp_emit_reshape(b, x, shape.rank, moved.dims);
    return hp_emit_transpose(b, x, back);
}

static hp_value softmax(hp_builder *b, hp_value x, int axis) {
    return hp_emit_softmax(b, x, axis, false);
}

static hp_value log_softmax(hp_builder *b, hp_value x, int axis) {
    return hp_emit_softmax(b, x, axis, true);
}

#define AXIS_FIELD                                                                                                     \
    { .name = "axis", .type = HP_FIELD_JSON, .offset = offsetof(config, axes), .null_ok = true }

ACTIVATION_OP(Softmax, HP_OP_NN, AXIS_FIELD) {
    const config *c = layer->config;
    hp_call_output(b, call, over_axes(b, input(b, call), c->axes, softmax));
}

ACTIVATION_OP(LogSoftmax, HP_OP_NN, AXIS_FIELD) {
    const config *c = layer->config;
    hp_call_output(b, call, over_axes(b, input(b, call), c->axes, log_softmax));
}

/* Those that are activations of layers too: by their entry in activations.def, with the axis as its argument. */
static void named(hp_builder *b, hp_layer *layer, hp_call *call, const char *name) {
    const config *c = layer->config;
    hp_value x = input(b, call);
    hp_activation_spec spec;
    hp_activation_by_name(&spec, name);
    spec.params[0] = hp_builder_axis(b, c->axis, hp_builder_shape(b, x)->rank);
    hp_call_output(b, call, hp_emit_activation(b, x, &spec));
}

#define AXIS HP_INT(config, axis, -1, -HP_MAX_RANK, HP_MAX_RANK)
ACTIVATION_OP(Glu, HP_OP_NN, AXIS) {
    named(b, layer, call, "glu");
}
ACTIVATION_OP(Sparsemax, HP_OP_NN, AXIS) {
    named(b, layer, call, "sparsemax");
}

/* ---- numpy's with arguments */

ACTIVATION_OP(Clip, HP_OP_NUMPY, ARGUMENT(x_min, HP_NULL), ARGUMENT(x_max, HP_NULL)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    double low = isnan(c->x_min) ? -INFINITY : c->x_min, high = isnan(c->x_max) ? INFINITY : c->x_max;
    hp_value wide = hp_dtype_is_float(dtype) ? x : hp_emit_cast(b, x, HP_FLOAT64);
    hp_value y = hp_emit_unary(b, wide, HP_UNARY_CLIP, low, high, 0);
    hp_call_output(b, call, hp_dtype_is_float(dtype) ? y : hp_emit_cast(b, y, dtype == HP_BOOL ? HP_INT32 : dtype));
}

ACTIVATION_OP(Round, HP_OP_NUMPY, HP_INT(config, decimals, 0, -30, 30)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    if (!hp_dtype_is_float(dtype) && c->decimals >= 0) {
        hp_call_output(b, call, x);
        return;
    }
    x = input(b, call);
    float factor = pow(10, (double)c->decimals);
    if (c->decimals != 0) x = hp_emit_unary(b, x, HP_UNARY_AFFINE, factor, 0, 0);
    x = hp_emit_unary(b, x, HP_UNARY_ROUND, 0, 0, 0);
    if (c->decimals != 0) x = hp_emit_binary(b, HP_BINARY_DIVIDE, x, hp_emit_float(b, (double)factor));
    hp_call_output(b, call, hp_dtype_is_float(dtype) ? x : hp_emit_cast(b, x, dtype));
}

/* nan_to_num (keras/src/ops/numpy.py): NaN and the infinities replaced; the largest finite numbers where none is given. */
typedef struct nan_config {
    double nan, posinf, neginf;
} nan_config;

static const hp_field nan_fields[] = {
    HP_FLOAT(nan_config, nan, 0, -INFINITY, INFINITY),
    HP_FLOAT(nan_config, posinf, HP_NULL, -INFINITY, INFINITY),
    HP_FLOAT(nan_config, neginf, HP_NULL, -INFINITY, INFINITY),
    HP_FIELDS_END,
};

static void lower_nan_to_num(hp_builder *b, hp_layer *layer, hp_call *call) {
    const nan_config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (!hp_dtype_is_float(hp_builder_tensor(b, x)->dtype)) {
        hp_call_output(b, call, x);
        return;
    }
    const double most = 3.4028234663852886e38;
    hp_value nan = hp_emit_compare(b, HP_NOT_EQUAL, x, x);
    hp_value high = hp_emit_compare(b, HP_EQUAL, x, hp_emit_float(b, INFINITY));
    hp_value low = hp_emit_compare(b, HP_EQUAL, x, hp_emit_float(b, -INFINITY));
    hp_value y = hp_emit_select(b, nan, hp_emit_float(b, c->nan), x);
    y = hp_emit_select(b, high, hp_emit_float(b, isnan(c->posinf) ? most : c->posinf), y);
    hp_call_output(b, call, hp_emit_select(b, low, hp_emit_float(b, isnan(c->neginf) ? -most : c->neginf), y));
}

const hp_op_class hp_op_NanToNum = HP_OP("NanToNum", HP_OP_NUMPY, nan_fields, nan_config, lower_nan_to_num);

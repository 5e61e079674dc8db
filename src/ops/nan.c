/* nan.c: reductions that leave NaN out, and other reductions made of several (keras/src/backend/tensorflow/numpy.py). */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis, *axes, *dtype;
    bool keepdims, synchronized;
    double rtol, atol;
    bool equal_nan;
} config;

#define NAN_OP(name, module_, ...)                                                                                     \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define REDUCTION HP_JSON_FIELD(config, axis), HP_BOOL(config, keepdims, false)

static hp_value reduced(hp_builder *b, const config *c, hp_value x, hp_reduction op, bool keepdims) {
    int axes[HP_MAX_RANK];
    int count = hp_op_axes(b, c->axis, hp_builder_shape(b, x)->rank, axes);
    return hp_emit_reduce(b, x, op, axes, count, keepdims);
}

/* x with `value` in the place of NaN. */
static hp_value filled(hp_builder *b, hp_value x, double value) {
    if (!hp_dtype_is_float(hp_op_dtype(b, x))) return x;
    return hp_emit_select(b, hp_op_is_nan(b, x), hp_op_number(b, value, x), x);
}

/* Sums of small integers are int32. */
static hp_value all_nan(hp_builder *b, const config *c, hp_value x) {
    return reduced(b, c, hp_op_is_nan(b, x), HP_REDUCTION_ALL, c->keepdims);
}

NAN_OP(Nansum, HP_OP_NUMPY, REDUCTION) {
    const config *c = layer->config;
    hp_value x = hp_op_summable(b, filled(b, hp_op_operand(b, call, 0, "x"), 0));
    hp_call_output(b, call, reduced(b, c, x, HP_REDUCTION_SUM, c->keepdims));
}

NAN_OP(Nanprod, HP_OP_NUMPY, REDUCTION) {
    const config *c = layer->config;
    hp_value x = hp_op_summable(b, filled(b, hp_op_operand(b, call, 0, "x"), 1));
    hp_call_output(b, call, reduced(b, c, x, HP_REDUCTION_PROD, c->keepdims));
}

static void extreme(hp_builder *b, const config *c, hp_call *call, hp_reduction op, double least) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value y = reduced(b, c, filled(b, x, least), op, c->keepdims);
    if (hp_dtype_is_float(hp_op_dtype(b, x))) y = hp_emit_select(b, all_nan(b, c, x), hp_op_number(b, NAN, y), y);
    hp_call_output(b, call, y);
}

NAN_OP(Nanmax, HP_OP_NUMPY, REDUCTION) {
    extreme(b, layer->config, call, HP_REDUCTION_MAX, -INFINITY);
}

NAN_OP(Nanmin, HP_OP_NUMPY, REDUCTION) {
    extreme(b, layer->config, call, HP_REDUCTION_MIN, INFINITY);
}

static void place(hp_builder *b, const config *c, hp_call *call, hp_reduction op, double least) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value y = reduced(b, c, filled(b, x, least), op, c->keepdims);
    if (hp_dtype_is_float(hp_op_dtype(b, x))) y = hp_emit_select(b, all_nan(b, c, x), hp_op_number(b, -1, y), y);
    hp_call_output(b, call, y);
}

NAN_OP(Nanargmax, HP_OP_NUMPY, REDUCTION) {
    place(b, layer->config, call, HP_REDUCTION_ARGMAX, -INFINITY);
}

NAN_OP(Nanargmin, HP_OP_NUMPY, REDUCTION) {
    place(b, layer->config, call, HP_REDUCTION_ARGMIN, INFINITY);
}

static hp_value count_valid(hp_builder *b, const config *c, hp_value x, bool keepdims) {
    hp_value valid = hp_emit_cast(b, hp_emit_compare(b, HP_EQUAL, x, x), hp_op_dtype(b, x));
    return reduced(b, c, valid, HP_REDUCTION_SUM, keepdims);
}

static hp_value nanmean(hp_builder *b, const config *c, hp_value x, bool keepdims) {
    hp_value sum = reduced(b, c, filled(b, x, 0), HP_REDUCTION_SUM, keepdims);
    return hp_op_divide(b, sum, count_valid(b, c, x, keepdims));
}

NAN_OP(Nanmean, HP_OP_NUMPY, REDUCTION) {
    const config *c = layer->config;
    hp_call_output(b, call, nanmean(b, c, hp_op_floating(b, hp_op_operand(b, call, 0, "x")), c->keepdims));
}

static hp_value nanvar(hp_builder *b, const config *c, hp_call *call) {
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    hp_value off = filled(b, hp_op_subtract(b, x, nanmean(b, c, x, true)), 0);
    hp_value sum = reduced(b, c, hp_op_unary(b, off, HP_UNARY_SQUARE), HP_REDUCTION_SUM, c->keepdims);
    return hp_op_divide(b, sum, count_valid(b, c, x, c->keepdims));
}

NAN_OP(Nanvar, HP_OP_NUMPY, REDUCTION) {
    hp_call_output(b, call, nanvar(b, layer->config, call));
}

NAN_OP(Nanstd, HP_OP_NUMPY, REDUCTION) {
    hp_call_output(b, call, hp_op_unary(b, nanvar(b, layer->config, call), HP_UNARY_SQRT));
}

static void cumulate(hp_builder *b, hp_layer *layer, hp_call *call, bool product) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (hp_dtype_is_float(hp_op_dtype(b, x))) { /* nan_to_num: infinities become the largest numbers, too */
        x = filled(b, x, product ? 1 : 0);
        x = hp_emit_binary(b, HP_BINARY_MINIMUM, x, hp_op_number(b, 3.4028234663852886e38, x));
        x = hp_emit_binary(b, HP_BINARY_MAXIMUM, x, hp_op_number(b, -3.4028234663852886e38, x));
    }
    hp_dtype dtype = hp_op_dtype(b, x);
    x = hp_op_summable(b, x);
    if (hp_json_is_null(c->axis)) x = hp_emit_reshape(b, x, 1, (int64_t[]){-1});
    int64_t axis = hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : 0;
    hp_value y = hp_emit_cumulate(b, x, product, (int)axis, false);
    if (dtype == HP_BOOL) dtype = HP_INT32;
    hp_call_output(b, call, hp_emit_cast(b, y, hp_op_config_dtype(b, layer, dtype))); /* small integers wrap around */
}

NAN_OP(Nancumsum, HP_OP_NUMPY, HP_JSON_FIELD(config, axis)) {
    cumulate(b, layer, call, false);
}

NAN_OP(Nancumprod, HP_OP_NUMPY, HP_JSON_FIELD(config, axis)) {
    cumulate(b, layer, call, true);
}

/* ---- others */

NAN_OP(Ptp, HP_OP_NUMPY, REDUCTION) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call,
        hp_op_subtract(
            b, reduced(b, c, x, HP_REDUCTION_MAX, c->keepdims), reduced(b, c, x, HP_REDUCTION_MIN, c->keepdims)));
}

NAN_OP(Average, HP_OP_NUMPY, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), weights = HP_NO_VALUE;
    const hp_arg *arg = hp_call_arg(call, 1, "weights");
    if (arg) {
        weights = hp_op_value(b, arg, HP_DTYPE_NONE);
        hp_dtype dtype = hp_promote(hp_op_dtype(b, x), hp_op_dtype(b, weights));
        x = hp_emit_cast(b, x, dtype);
        weights = hp_emit_cast(b, weights, dtype);
    }
    if (weights == HP_NO_VALUE) {
        hp_call_output(b, call, reduced(b, c, x, HP_REDUCTION_MEAN, false));
        return;
    }
    int rank = hp_builder_shape(b, x)->rank;
    if (hp_builder_shape(b, weights)->rank != rank && hp_json_is(c->axis, HP_JSON_INT)) { /* of that axis alone */
        int64_t dims[HP_MAX_RANK];
        int axis = hp_builder_axis(b, c->axis->integer, rank);
        for (int i = 0; i < rank; i++) dims[i] = i == axis ? hp_builder_shape(b, weights)->dims[0] : 1;
        weights = hp_emit_reshape(b, weights, rank, dims);
    }
    hp_value sum = reduced(b, c, hp_op_multiply(b, x, weights), HP_REDUCTION_SUM, false);
    hp_call_output(b, call, hp_op_divide(b, sum, reduced(b, c, weights, HP_REDUCTION_SUM, false)));
}

/* The mean; of integers an integer, cut off. */
static hp_value mean_of(hp_builder *b, const config *c, hp_value x, bool keepdims) {
    hp_dtype dtype = hp_op_dtype(b, x);
    if (hp_dtype_is_float(dtype)) return reduced(b, c, x, HP_REDUCTION_MEAN, keepdims);
    hp_shape shape = *hp_builder_shape(b, x);
    hp_value sum = reduced(b, c, x, HP_REDUCTION_SUM, keepdims);
    int axes[HP_MAX_RANK], count = hp_op_axes(b, c->axis, shape.rank, axes);
    double elements = 1;
    for (int i = 0; i < count; i++) elements *= (double)shape.dims[axes[i]];
    sum = hp_emit_cast(b, sum, HP_FLOAT64);
    return hp_emit_cast(b, hp_op_divide(b, sum, hp_op_number(b, elements, sum)), dtype);
}

/* Sums over a count, as tf.math.divide_no_nan: of integers, whose sums and counts wrap around, as floats. */
static hp_value over_count(hp_builder *b, const config *c, hp_value x, hp_dtype dtype) {
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], count = hp_op_axes(b, c->axis, shape.rank, axes);
    int64_t elements = 1;
    for (int i = 0; i < count; i++) elements *= shape.dims[axes[i]];
    hp_value sum = reduced(b, c, x, HP_REDUCTION_SUM, true);
    hp_value number = hp_emit_cast(b, hp_emit_literal(b, HP_INT64, 0, NULL, &elements), dtype);
    hp_dtype real = hp_dtype_is_float(dtype) ? dtype : hp_dtype_size(dtype) < 4 ? HP_FLOAT32 : HP_FLOAT64;
    sum = hp_emit_cast(b, hp_emit_cast(b, sum, dtype), real);
    number = hp_emit_cast(b, number, real);
    hp_value none = hp_emit_compare(b, HP_EQUAL, number, hp_op_number(b, 0, number));
    return hp_emit_select(b, none, hp_op_number(b, 0, sum), hp_op_divide(b, sum, number));
}

/* Mean and variance as of a batch norm that is synchronised between replicas, of which there is one (_compute_moments_sync). */
static void synchronised(hp_builder *b, const config *c, hp_value x, hp_value both[2]) {
    hp_dtype dtype = hp_op_dtype(b, x);
    hp_value wide = hp_dtype_is_float(dtype) ? x : hp_emit_cast(b, x, HP_INT64);
    both[0] = over_count(b, c, wide, dtype);
    both[1] = over_count(b, c, hp_op_multiply(b, wide, wide), dtype);
    both[1] = hp_op_subtract(b, both[1], hp_op_multiply(b, both[0], both[0]));
    both[1] = hp_emit_binary(b, HP_BINARY_MAXIMUM, both[1], hp_op_number(b, 0, both[1]));
}

/* Mean and variance; of 16 bits computed in float32, and cut off at float16's ends, bfloat16 too. */
static void lower_moments(hp_builder *b, hp_layer *layer, hp_call *call) {
    config c = *(const config *)layer->config;
    c.axis = c.axes;
    hp_value x = hp_op_operand(b, call, 0, "x"), both[2];
    hp_dtype dtype = hp_op_dtype(b, x);
    bool half = dtype == HP_FLOAT16 || dtype == HP_BFLOAT16;
    if (half) x = hp_emit_cast(b, x, HP_FLOAT32);
    if (c.synchronized) {
        synchronised(b, &c, x, both);
    } else {
        both[0] = mean_of(b, &c, x, true);
        hp_value off = hp_op_subtract(b, x, both[0]);
        both[1] = mean_of(b, &c, hp_op_multiply(b, off, off), true);
    }
    for (int i = 0; i < 2 && b->status == HP_OK; i++) {
        if (half) both[i] = hp_emit_cast(b, hp_emit_unary(b, both[i], HP_UNARY_CLIP, -65504, 65504, 0), dtype);
        int axes[HP_MAX_RANK], count = hp_op_axes(b, c.axis, hp_builder_shape(b, x)->rank, axes);
        for (int k = count; !c.keepdims && k > 0; k--) both[i] = hp_op_drop_axis(b, both[i], axes[k - 1]);
        hp_call_output(b, call, both[i]);
    }
}

static const hp_field fields_moments[] = {
    HP_JSON_FIELD(config, axes), HP_BOOL(config, keepdims, false), HP_BOOL(config, synchronized, false), HP_FIELDS_END};

const hp_op_class hp_op_Moments = {
    .class_name = "Moments",
    .module = HP_OP_NN,
    .fields = fields_moments,
    .config_size = sizeof(config),
    .masking = HP_MASK_STOP,
    .min_inputs = 0,
    .max_inputs = -1,
    .lower = lower_moments,
    .no_autocast = true,
    .own_dtype = true,
    .is_operation = true,
};

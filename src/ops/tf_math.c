/* tf_math.c: arithmetic of TensorFlow that keras.ops has no name for (tensorflow/python/ops/math_ops.py, nn_impl.py,
 * clip_ops.py), made of what it has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis;
    const char *norm;
    bool reverse;
    double clip_norm, bias, alpha, power, beta, min, max;
    int64_t depth_radius, type, n, num_bits;
    bool keepdims, narrow_range, keeps_fractions, infinite_poles;
} config;

#define AXIS HP_JSON_FIELD(config, axis)

/* 0 where x is, else y. */
static void zero_where_zero(hp_builder *b, hp_call *call, hp_value x, hp_value y) {
    hp_call_output(b, call, hp_emit_select(b, hp_op_compare(b, HP_EQUAL, x, 0), hp_op_number(b, 0, y), y));
}

HP_TF_OP(XLogY, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    zero_where_zero(b, call, pair[0], hp_op_multiply(b, pair[0], hp_op_unary(b, pair[1], HP_UNARY_LOG)));
}

HP_TF_OP(XLog1PY, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    zero_where_zero(b, call, pair[0], hp_op_multiply(b, pair[0], hp_op_unary(b, pair[1], HP_UNARY_LOG1P)));
}

HP_TF_OP(XDivY, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    zero_where_zero(b, call, pair[0], hp_op_divide(b, pair[0], pair[1]));
}

HP_TF_OP(ReciprocalNoNan, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    zero_where_zero(b, call, x, hp_op_unary(b, x, HP_UNARY_RECIPROCAL));
}

/* ---- division: towards 0, and as Python 2 has it */

static hp_value truncated(hp_builder *b, hp_value x, hp_value y) {
    hp_dtype dtype = hp_op_dtype(b, x);
    if (!hp_dtype_is_integer(dtype)) return hp_op_unary(b, hp_op_divide(b, x, y), HP_UNARY_TRUNC);
    /* the quotient of the magnitudes, with the sign of both */
    hp_value down = hp_emit_binary(
        b, HP_BINARY_FLOOR_DIVIDE, hp_op_unary(b, x, HP_UNARY_ABSOLUTE), hp_op_unary(b, y, HP_UNARY_ABSOLUTE));
    hp_value sign = hp_op_multiply(b, hp_op_unary(b, x, HP_UNARY_SIGN), hp_op_unary(b, y, HP_UNARY_SIGN));
    return hp_op_multiply(b, down, sign);
}

/* TensorFlow 2.3 keeps_fractions of floats. */
HP_TF_OP(TruncateDiv, HP_BOOL(config, keeps_fractions, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    bool divides = c->keeps_fractions && !hp_dtype_is_integer(hp_op_dtype(b, pair[0]));
    hp_call_output(b, call, divides ? hp_op_divide(b, pair[0], pair[1]) : truncated(b, pair[0], pair[1]));
}

HP_TF_OP(TruncateMod, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_call_output(b, call, hp_op_subtract(b, pair[0], hp_op_multiply(b, truncated(b, pair[0], pair[1]), pair[1])));
}

/* Of integers in floats: of 32 bits where they have up to 16, else of 64. */
HP_TF_OP_COMPLEX(TrueDivideOf, hp_op_complex_divide, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = hp_op_dtype(b, pair[0]);
    hp_dtype real = !hp_dtype_is_integer(dtype) ? dtype : hp_dtype_size(dtype) <= 2 ? HP_FLOAT32 : HP_FLOAT64;
    hp_call_output(b, call, hp_op_divide(b, hp_emit_cast(b, pair[0], real), hp_emit_cast(b, pair[1], real)));
}

HP_TF_OP(Div, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    bool integers = hp_dtype_is_integer(hp_op_dtype(b, pair[0]));
    hp_call_output(b, call,
        integers ? hp_emit_binary(b, HP_BINARY_FLOOR_DIVIDE, pair[0], pair[1]) : hp_op_divide(b, pair[0], pair[1]));
}

/* ---- over axes */

static hp_value summed(hp_builder *b, const hp_json *axis, hp_value x, bool keepdims) {
    int axes[HP_MAX_RANK], count = hp_op_axes(b, axis, hp_builder_shape(b, x)->rank, axes);
    return hp_emit_reduce(b, x, HP_REDUCTION_SUM, axes, count, keepdims);
}

HP_TF_OP(CountNonzeroOf, AXIS, HP_BOOL(config, keepdims, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_INT64);
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value there = hp_op_compare(b, HP_NOT_EQUAL, x, 0);
    hp_call_output(b, call, summed(b, c->axis, hp_emit_cast(b, there, dtype), c->keepdims));
}

/* x scaled down to a norm, where its own is greater. */
HP_TF_OP(ClipByNorm, AXIS, HP_FLOAT(config, clip_norm, HP_REQUIRED, 0, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value norm = hp_op_unary(b, summed(b, c->axis, hp_op_unary(b, x, HP_UNARY_SQUARE), true), HP_UNARY_SQRT);
    hp_value most = hp_op_number(b, c->clip_norm, norm);
    hp_value y = hp_op_divide(b, hp_op_scale(b, x, c->clip_norm), hp_emit_binary(b, HP_BINARY_MAXIMUM, norm, most));
    hp_call_output(b, call, y);
}

/* relu of both signs, one behind the other. */
HP_TF_OP(Crelu, AXIS, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value parts[2] = {x, hp_op_unary(b, x, HP_UNARY_NEGATIVE)};
    for (int i = 0; i < 2; i++) parts[i] = hp_emit_binary(b, HP_BINARY_MAXIMUM, parts[i], hp_op_number(b, 0, parts[i]));
    hp_call_output(b, call, hp_emit_concat(b, parts, 2, hp_json_is(c->axis, HP_JSON_INT) ? (int)c->axis->integer : -1));
}

/* x * sigmoid(beta * x) */
HP_TF_OP(Swish, HP_FLOAT(config, beta, 1, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call, hp_op_multiply(b, x, hp_op_unary(b, hp_op_scale(b, x, c->beta), HP_UNARY_SIGMOID)));
}

/* Memory of the graph for n x n elements, n the length of x's last axis; NULL: the builder has failed. */
static void *square(hp_builder *b, hp_value x, size_t element, int64_t *n) {
    enum { MOST = 1 << 12 };
    const hp_shape *shape = hp_builder_shape(b, x);
    *n = shape->rank > 1 ? shape->dims[shape->rank - 1] : 0;
    if (b->status != HP_OK) return NULL;
    if (*n < 1 || *n > MOST) {
        hp_builder_fail(
            b, HP_ERROR_UNSUPPORTED, "a last axis of %lld; from 1 to %d are supported", (long long)*n, MOST);
        return NULL;
    }
    void *memory = hp_arena_alloc(&b->graph->arena, (size_t)(*n * *n) * element);
    if (!memory) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "%lld x %lld elements", (long long)*n, (long long)*n);
    return memory;
}

/* x / (bias + alpha * the squares of the channels around it) ^ power: sums of channels are a product with a band. */
HP_TF_OP(LocalResponse, HP_INT(config, depth_radius, 5, 0, 4096), HP_FLOAT(config, bias, 1, -1e30, 1e30),
    HP_FLOAT(config, alpha, 1, -1e30, 1e30), HP_FLOAT(config, power, 0.5, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int64_t n;
    float *near = square(b, x, sizeof *near, &n);
    if (!near) return;
    for (int64_t i = 0; i < n * n; i++) near[i] = llabs(i / n - i % n) <= c->depth_radius;
    hp_value kernel = hp_emit_floats(b, 2, (const int64_t[]){n, n}, near);
    hp_value sums = hp_emit_gemm(b, hp_op_unary(b, hp_op_floating(b, x), HP_UNARY_SQUARE), kernel, HP_NO_VALUE);
    hp_value base = hp_op_add(b, hp_op_scale(b, sums, c->alpha), hp_op_number(b, c->bias, sums));
    hp_call_output(
        b, call, hp_op_multiply(b, x, hp_emit_binary(b, HP_BINARY_POWER, base, hp_op_number(b, -c->power, base))));
}

/* Half the sum of all squares. */
HP_TF_OP(L2Loss, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call, hp_op_scale(b, summed(b, NULL, hp_op_unary(b, x, HP_UNARY_SQUARE), false), 0.5));
}

/* The share of all elements that are 0. */
HP_TF_OP(ZeroFraction, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    hp_value zeros = summed(b, NULL, hp_emit_cast(b, hp_op_compare(b, HP_EQUAL, x, 0), HP_FLOAT32), false);
    hp_call_output(b, call, hp_op_scale(b, zeros, 1 / (double)hp_shape_elements(&shape)));
}

/* ---- functions of one tensor */

/* The quantile of the normal distribution: sqrt(2) erfinv(2 x - 1). */
HP_TF_OP(Ndtri, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value y = hp_op_unary(b, hp_emit_unary(b, x, HP_UNARY_AFFINE, 2, -1, 0), HP_UNARY_ERFINV);
    hp_call_output(b, call, hp_op_scale(b, y, 1.4142135623730951));
}

HP_TF_OP(Erfcinv, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call, hp_op_unary(b, hp_emit_unary(b, x, HP_UNARY_AFFINE, -1, 1, 0), HP_UNARY_ERFINV));
}

/* At 0, -1, -2 ... NaN; up to TensorFlow 2.4 infinite_poles. */
HP_TF_OP(Digamma, HP_BOOL(config, infinite_poles, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x"), y = hp_op_unary(b, x, HP_UNARY_DIGAMMA);
    hp_value whole = hp_emit_compare(b, HP_EQUAL, x, hp_op_unary(b, x, HP_UNARY_FLOOR));
    hp_value pole = hp_emit_logical(b, HP_AND, whole, hp_op_compare(b, HP_LESS_EQUAL, x, 0));
    hp_call_output(b, call, c->infinite_poles ? hp_emit_select(b, pole, hp_op_number(b, INFINITY, y), y) : y);
}

HP_TF_OP(BesselI1, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x"),
             growth = hp_op_unary(b, hp_op_unary(b, x, HP_UNARY_ABSOLUTE), HP_UNARY_EXP);
    hp_call_output(b, call, hp_op_multiply(b, hp_op_unary(b, x, HP_UNARY_BESSEL_I1E), growth));
}

/* The logarithm of the beta function of the last axis's numbers. */
HP_TF_OP(Lbeta, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value parts = hp_op_reduce(b, hp_op_unary(b, x, HP_UNARY_LGAMMA), HP_REDUCTION_SUM, -1, false);
    hp_value whole = hp_op_unary(b, hp_op_reduce(b, x, HP_REDUCTION_SUM, -1, false), HP_UNARY_LGAMMA);
    hp_call_output(b, call, hp_op_subtract(b, parts, whole));
}

/* Horner's scheme; the coefficients are a list, the highest first. */
HP_TF_OP(Polyval, HP_FIELDS_END) {
    (void)layer;
    const hp_arg *list = hp_call_arg(call, -1, "coeffs");
    hp_value x = hp_op_operand(b, call, -1, "x"), y = HP_NO_VALUE;
    bool tensors = list && list->kind == HP_ARG_LIST, numbers = list && list->kind == HP_ARG_CONSTANT;
    size_t count = tensors ? list->item_count : numbers && list->constant ? list->constant->count : 0;
    for (size_t i = 0; i < count; i++) {
        const hp_arg number = {.kind = HP_ARG_CONSTANT, .constant = numbers ? hp_json_at(list->constant, i) : NULL};
        hp_value part = hp_op_value(b, tensors ? &list->items[i] : &number, hp_op_dtype(b, x));
        y = i ? hp_op_add(b, hp_op_multiply(b, y, x), part) : part;
    }
    if (count == 0) hp_builder_fail(b, HP_ERROR_FORMAT, "coeffs: found no list");
    hp_call_output(b, call, y);
}

/* log(cumsum(exp(x))), with the greatest taken off first. */
HP_TF_OP(CumulativeLogsumexp, AXIS, HP_BOOL(config, reverse, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int axis =
        hp_builder_axis(b, hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : 0, hp_builder_shape(b, x)->rank);
    hp_value most = hp_op_reduce(b, x, HP_REDUCTION_MAX, axis, true);
    hp_value sums =
        hp_emit_cumulate(b, hp_op_unary(b, hp_op_subtract(b, x, most), HP_UNARY_EXP), false, axis, c->reverse);
    hp_call_output(b, call, hp_op_add(b, hp_op_unary(b, sums, HP_UNARY_LOG), most));
}

/* A number of the config, or the argument of that name, in x's dtype. */
static hp_value bound(hp_builder *b, const hp_call *call, const char *name, double given, hp_value x) {
    const hp_arg *arg = hp_call_arg(call, -1, name);
    return arg ? hp_emit_cast(b, hp_op_value(b, arg, HP_FLOAT32), hp_op_dtype(b, x)) : hp_op_number(b, given, x);
}

static hp_value half_up(hp_builder *b, hp_value x) {
    return hp_op_unary(b, hp_op_binary(b, HP_BINARY_ADD, x, 0.5), HP_UNARY_FLOOR);
}

/* x on the grid of integers of num_bits between min and max, moved so that 0 is on it, and back
 * (tensorflow/core/kernels/fake_quant_ops_functor.h). */
HP_TF_OP(FakeQuant, HP_FLOAT(config, min, -6, -1e30, 1e30), HP_FLOAT(config, max, 6, -1e30, 1e30),
    HP_INT(config, num_bits, 8, 2, 16), HP_BOOL(config, narrow_range, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value min = bound(b, call, "min", c->min, x), max = bound(b, call, "max", c->max, x);
    double least = c->narrow_range, most = (double)((1 << c->num_bits) - 1);
    hp_value scale = hp_op_binary(b, HP_BINARY_DIVIDE, hp_op_subtract(b, max, min), most - least);
    hp_value zero = hp_op_subtract(b, hp_op_number(b, least, x), hp_op_divide(b, min, scale));
    zero = hp_emit_unary(
        b, half_up(b, zero), HP_UNARY_CLIP, least, most, 0); /* what is below 0 is cut: rounded half away */
    hp_value low = hp_op_multiply(b, hp_op_subtract(b, hp_op_number(b, least, x), zero), scale);
    hp_value high = hp_op_multiply(b, hp_op_subtract(b, hp_op_number(b, most, x), zero), scale);
    hp_value inverse = hp_op_divide(b, hp_op_number(b, 1, scale), scale);
    zero = half_up(b, hp_op_multiply(b, hp_op_unary(b, low, HP_UNARY_NEGATIVE), inverse));
    hp_value y = hp_emit_binary(b, HP_BINARY_MAXIMUM, hp_emit_binary(b, HP_BINARY_MINIMUM, x, high), low);
    y = hp_op_subtract(b, hp_op_multiply(b, hp_op_subtract(b, y, low), inverse), zero);
    y = hp_op_multiply(b, half_up(b, y), scale);
    hp_value nothing =
        hp_emit_logical(b, HP_AND, hp_op_compare(b, HP_EQUAL, min, 0), hp_op_compare(b, HP_EQUAL, max, 0));
    hp_call_output(b, call, hp_emit_select(b, nothing, hp_op_number(b, 0, y), y));
}

/* x[batch, channels, ...] + bias[channels] */
HP_TF_OP(BiasAddFirst, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    int rank = hp_builder_shape(b, pair[0])->rank;
    int64_t dims[HP_MAX_RANK] = {hp_builder_shape(b, pair[1])->dims[0], 1, 1, 1, 1, 1};
    if (!hp_check_rank(b, pair[0], 2, 6) || !hp_check_rank(b, pair[1], 1, 1)) return;
    hp_call_output(b, call, hp_op_add(b, pair[0], hp_emit_reshape(b, pair[1], rank - 1, dims)));
}

/* ---- products with matrices */

static hp_value weighted(hp_builder *b, const hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x"), w = hp_op_operand(b, call, 1, "weights");
    return hp_op_add(b, hp_emit_matmul(b, x, w, false, false), hp_op_operand(b, call, 2, "biases"));
}

HP_TF_OP(XwPlusB, HP_FIELDS_END) {
    (void)layer;
    hp_call_output(b, call, weighted(b, call));
}

HP_TF_OP(ReluLayer, HP_FIELDS_END) {
    (void)layer;
    hp_call_output(b, call, hp_emit_unary(b, weighted(b, call), HP_UNARY_RELU, 0, (double)INFINITY, 0));
}

/* What element i has in element k of a cosine transform of n numbers. */
static double wave(const config *c, int64_t n, int64_t i, int64_t k) {
    const double pi = 3.14159265358979323846;
    bool end = c->type == 2 ? k == 0 : c->type == 3 ? i == 0 : c->type == 1 && (i == 0 || i == n - 1);
    double x = (double)i, y = (double)k, m = (double)n, turns, scale = 2;
    if (c->norm) /* "mfcc" is tf.signal.mfccs_from_log_mel_spectrograms's */
        scale = sqrt((end && strcmp(c->norm, "mfcc") != 0 ? 1 : 2) / m);
    else if (end && c->type != 2)
        scale = 1;
    switch (c->type) {
    case 1:
        turns = x * y / (m - 1);
        break;
    case 2:
        turns = y * (2 * x + 1) / (2 * m);
        break;
    case 3:
        turns = x * (2 * y + 1) / (2 * m);
        break;
    default:
        turns = (2 * x + 1) * (2 * y + 1) / (4 * m);
    }
    return scale * cos(pi * turns);
}

/* The cosine transform of the last axis, cut to n numbers or with zeros behind. */
HP_TF_OP(Dct, HP_INT(config, type, 2, 1, 4), HP_INT(config, n, HP_NULL, 1, 1 << 24), HP_STRING_FIELD(config, norm),
    HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    int64_t n;
    if (c->n != HP_INT_NULL) x = hp_op_of_length(b, x, c->n);
    double *waves = square(b, x, sizeof *waves, &n);
    if (!waves) return;
    if (c->type == 1 && (n < 2 || c->norm)) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "type 1 is of two numbers at least, without a norm");
        return;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) waves[i * n + k] = wave(c, n, i, k);
    hp_call_output(b, call, hp_emit_gemm(b, x, hp_emit_doubles(b, 2, (const int64_t[]){n, n}, waves), HP_NO_VALUE));
}

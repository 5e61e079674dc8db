/* reduce.c: reductions over axes (keras/src/ops/numpy.py, math.py). Without an axis, or over axis 0, they mix the rows of
 * a batch; the builder says so. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis, *dtype;
    bool keepdims, exclusive, reverse;
    int64_t ddof;
} config;

#define AXIS HP_JSON_FIELD(config, axis)
static const hp_field fields[] = {
    AXIS, HP_BOOL(config, keepdims, false), HP_JSON_FIELD(config, dtype), HP_IGNORE("initial"), HP_FIELDS_END};

static hp_value reduced(hp_builder *b, const config *c, hp_value x, hp_reduction op) {
    int axes[HP_MAX_RANK];
    int count = hp_op_axes(b, c->axis, hp_builder_shape(b, x)->rank, axes);
    return hp_emit_reduce(b, x, op, axes, count, c->keepdims);
}

static hp_value as_asked(hp_builder *b, const config *c, hp_value y) {
    const char *name = "";
    hp_dtype dtype = hp_json_is_null(c->dtype) ? HP_DTYPE_NONE : hp_layer_parse_dtype(c->dtype, &name);
    return dtype == HP_DTYPE_NONE ? y : hp_emit_cast(b, y, dtype);
}

/* Of all elements where there is no axis: as one vector. */
static void lower_arg(hp_builder *b, hp_layer *layer, hp_call *call, hp_reduction op) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    bool of_keras = strcmp(layer->cls->module, HP_OP_NUMPY) == 0;
    if (of_keras && hp_op_dtype(b, x) == HP_FLOAT32) { /* a negative zero is the smaller one */
        hp_value zero = hp_emit_compare(b, HP_EQUAL, x, hp_op_number(b, 0, x)), bits = hp_emit_bitcast(b, x, HP_INT32);
        hp_value negative = hp_emit_compare(b, HP_LESS, bits, hp_op_number(b, 0, bits));
        negative = hp_emit_logical(b, HP_AND, zero, negative);
        x = hp_emit_select(b, negative, hp_op_number(b, -1.1754943508222875e-38, x), x);
    }
    if (!hp_json_is_null(c->axis)) {
        hp_call_output(b, call, as_asked(b, c, reduced(b, c, x, op)));
        return;
    }
    int axis = 0;
    x = hp_emit_reduce(b, hp_emit_reshape(b, x, 1, (int64_t[]){-1}), op, &axis, 1, false);
    for (int i = 0; i < shape.rank; i++) shape.dims[i] = 1;
    hp_call_output(b, call, as_asked(b, c, c->keepdims ? hp_emit_reshape(b, x, shape.rank, shape.dims) : x));
}

/* A start value, of Max and Min alone: one more element, so that there may be none besides. */
static hp_value with_initial(hp_builder *b, const hp_layer *layer, hp_value x, hp_reduction op) {
    const hp_json *initial = hp_json_get(hp_json_get(layer->json, "config"), "initial");
    const config *c = layer->config;
    if (hp_json_is_null(initial)) return x;
    bool number = hp_json_is(initial, HP_JSON_INT) || hp_json_is(initial, HP_JSON_DOUBLE);
    if (!number || (op != HP_REDUCTION_MAX && op != HP_REDUCTION_MIN))
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "initial: a start value of this kind is not supported");
    int axes[HP_MAX_RANK], count = hp_op_axes(b, c->axis, hp_builder_shape(b, x)->rank, axes);
    int64_t before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0};
    if (b->status != HP_OK || count == 0) return x;
    if (hp_builder_shape(b, x)->rows && axes[count - 1] == 0)
        return hp_builder_mixes_rows(b, "a reduction over the batch axis");
    after[axes[count - 1]] = 1;
    return hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, initial->number);
}

#define REDUCE_OP(name, op, prepare)                                                                                   \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        const config *c = layer->config;                                                                               \
        hp_value x = prepare(b, hp_op_operand(b, call, 0, "x"));                                                       \
        x = with_initial(b, layer, x, HP_REDUCTION_##op);                                                              \
        hp_call_output(b, call, as_asked(b, c, reduced(b, c, x, HP_REDUCTION_##op)));                                  \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, fields, config, lower_##name)

static hp_value unchanged(hp_builder *b, hp_value x) {
    (void)b;
    return x;
}

static hp_value as_bool(hp_builder *b, hp_value x) {
    return hp_emit_cast(b, x, HP_BOOL);
}

REDUCE_OP(Sum, SUM, hp_op_summable);
REDUCE_OP(Mean, MEAN, hp_op_floating);
REDUCE_OP(Max, MAX, unchanged);
REDUCE_OP(Min, MIN, unchanged);
REDUCE_OP(Amax, MAX, unchanged);
REDUCE_OP(Amin, MIN, unchanged);
REDUCE_OP(Prod, PROD, hp_op_summable);
REDUCE_OP(Any, ANY, as_bool);
REDUCE_OP(All, ALL, as_bool);

#define ARG_OP(name, module_, op)                                                                                      \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        lower_arg(b, layer, call, HP_REDUCTION_##op);                                                                  \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields, config, lower_##name)
ARG_OP(Argmax, HP_OP_NUMPY, ARGMAX);
ARG_OP(Argmin, HP_OP_NUMPY, ARGMIN);
ARG_OP(ArgmaxOf, HP_OP_TF, ARGMAX);
ARG_OP(ArgminOf, HP_OP_TF, ARGMIN);

/* tf.reduce_sum, reduce_prod and reduce_mean: of integers, integers of the same dtype; a mean is cut towards 0. */
static void lower_of(hp_builder *b, hp_layer *layer, hp_call *call, hp_reduction op) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_dtype(b, x);
    hp_shape shape = *hp_builder_shape(b, x);
    bool mean = op == HP_REDUCTION_MEAN && hp_dtype_is_integer(dtype);
    hp_value y =
        reduced(b, c, hp_dtype_is_integer(dtype) ? hp_emit_cast(b, x, HP_INT64) : x, mean ? HP_REDUCTION_SUM : op);
    if (mean && b->status == HP_OK) {
        int axes[HP_MAX_RANK], count = hp_op_axes(b, c->axis, shape.rank, axes);
        double size = 1;
        for (int i = 0; i < count; i++) size *= (double)shape.dims[axes[i]];
        hp_value down =
            hp_emit_binary(b, HP_BINARY_FLOOR_DIVIDE, hp_op_unary(b, y, HP_UNARY_ABSOLUTE), hp_op_number(b, size, y));
        y = hp_op_multiply(b, down, hp_op_unary(b, y, HP_UNARY_SIGN));
    }
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

#define OF_OP(name, op, KIND)                                                                                          \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        lower_of(b, layer, call, HP_REDUCTION_##op);                                                                   \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = KIND(#name, HP_OP_TF, fields, config, lower_##name)
OF_OP(SumOf, SUM, HP_OP_LINEAR);
OF_OP(ProdOf, PROD, HP_OP);
OF_OP(MeanOf, MEAN, HP_OP_LINEAR);

static void lower_count_nonzero(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_emit_cast(b, hp_emit_cast(b, hp_op_operand(b, call, 0, "x"), HP_BOOL), HP_INT32);
    hp_call_output(b, call, reduced(b, layer->config, x, HP_REDUCTION_SUM));
}

const hp_op_class hp_op_CountNonzero = HP_OP("CountNonzero", HP_OP_NUMPY, fields, config, lower_count_nonzero);

/* mean((x - mean(x))^2), as tf.nn.moments; ddof is taken off the count. */
static hp_value variance(hp_builder *b, const config *c, hp_value x) {
    config kept = *c;
    kept.keepdims = true;
    hp_value mean = reduced(b, &kept, x, HP_REDUCTION_MEAN);
    hp_value off = hp_emit_binary(b, HP_BINARY_SUBTRACT, x, mean);
    return reduced(b, c, hp_emit_unary(b, off, HP_UNARY_SQUARE, 0, 0, 0), HP_REDUCTION_MEAN);
}

static void lower_var(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_call_output(b, call, variance(b, layer->config, hp_op_floating(b, hp_op_operand(b, call, 0, "x"))));
}

const hp_op_class hp_op_Var = HP_OP("Var", HP_OP_NUMPY, fields, config, lower_var);

static void lower_std(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value y = variance(b, layer->config, hp_op_floating(b, hp_op_operand(b, call, 0, "x")));
    hp_call_output(b, call, hp_emit_unary(b, y, HP_UNARY_SQRT, 0, 0, 0));
}

const hp_op_class hp_op_Std = HP_OP("Std", HP_OP_NUMPY, fields, config, lower_std);

/* log(sum(exp(x - max))) + max (keras/src/backend/tensorflow/math.py logsumexp). */
static void lower_logsumexp(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    config kept = *c;
    kept.keepdims = true;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    hp_value most = reduced(b, &kept, x, HP_REDUCTION_MAX);
    hp_value finite =
        hp_emit_compare(b, HP_LESS, hp_emit_unary(b, most, HP_UNARY_ABSOLUTE, 0, 0, 0), hp_emit_float(b, INFINITY));
    most = hp_emit_select(b, finite, most, hp_emit_float(b, 0));
    hp_value terms = hp_emit_unary(b, hp_emit_binary(b, HP_BINARY_SUBTRACT, x, most), HP_UNARY_EXP, 0, 0, 0);
    hp_value sum = hp_emit_unary(b, reduced(b, &kept, terms, HP_REDUCTION_SUM), HP_UNARY_LOG, 0, 0, 0);
    hp_value y = hp_emit_binary(b, HP_BINARY_ADD, sum, most);
    if (!c->keepdims) { /* the kept axes have size 1: any reduction drops them */
        int axes[HP_MAX_RANK];
        int count = hp_op_axes(b, c->axis, hp_builder_shape(b, x)->rank, axes);
        y = hp_emit_reduce(b, y, HP_REDUCTION_MAX, axes, count, false);
    }
    hp_call_output(b, call, y);
}

const hp_op_class hp_op_Logsumexp = HP_OP("Logsumexp", HP_OP_MATH, fields, config, lower_logsumexp);

/* ---- cumulative */

static void cumulate(hp_builder *b, hp_layer *layer, hp_call *call, bool product) {
    const config *c = layer->config;
    hp_value x = as_asked(b, c, hp_op_operand(b, call, 0, "x"));
    hp_dtype dtype = hp_op_dtype(b, x);
    int axes[HP_MAX_RANK] = {0};
    if (hp_json_is_null(c->axis))
        x = hp_emit_reshape(b, x, 1, (int64_t[]){-1});
    else if (hp_op_axes(b, c->axis, hp_builder_shape(b, x)->rank, axes) != 1)
        hp_builder_fail(b, HP_ERROR_FORMAT, "axis: one axis is needed");
    x = hp_emit_cumulate(b, hp_op_summable(b, x), product, axes[0], false);
    hp_call_output(b, call, dtype == HP_BOOL ? x : hp_emit_cast(b, x, dtype)); /* small integers wrap around */
}

static void lower_cumsum(hp_builder *b, hp_layer *layer, hp_call *call) {
    cumulate(b, layer, call, false);
}

static void lower_cumprod(hp_builder *b, hp_layer *layer, hp_call *call) {
    cumulate(b, layer, call, true);
}

const hp_op_class hp_op_Cumsum = HP_OP("Cumsum", HP_OP_NUMPY, fields, config, lower_cumsum);
const hp_op_class hp_op_Cumprod = HP_OP("Cumprod", HP_OP_NUMPY, fields, config, lower_cumprod);

/* tf.math.cumsum and cumprod: from the end where `reverse`; without the element itself where `exclusive`. */
static void cumulate_in_direction(hp_builder *b, hp_layer *layer, hp_call *call, bool product) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_dtype(b, x);
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK] = {0};
    if (hp_op_axes(b, c->axis, shape.rank, axes) != 1) hp_builder_fail(b, HP_ERROR_FORMAT, "axis: one axis is needed");
    if (b->status != HP_OK) return;
    hp_value y = hp_emit_cumulate(b, hp_op_summable(b, x), product, axes[0], c->reverse);
    if (c->exclusive && shape.dims[axes[0]] > 0) {
        int64_t size = shape.dims[axes[0]], from = c->reverse ? 1 : 0;
        hp_shape one = shape;
        one.dims[axes[0]] = 1;
        hp_value rest = hp_op_part(b, y, axes[0], from, from + size - 1), parts[2];
        parts[c->reverse] = hp_emit_fill(b, hp_op_dtype(b, y), &one, product);
        parts[!c->reverse] = rest;
        y = hp_emit_concat(b, parts, 2, axes[0]);
    }
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

static void lower_cumsum_to(hp_builder *b, hp_layer *layer, hp_call *call) {
    cumulate_in_direction(b, layer, call, false);
}

static void lower_cumprod_to(hp_builder *b, hp_layer *layer, hp_call *call) {
    cumulate_in_direction(b, layer, call, true);
}

static const hp_field direction_fields[] = {
    AXIS, HP_BOOL(config, exclusive, false), HP_BOOL(config, reverse, false), HP_FIELDS_END};
const hp_op_class hp_op_CumsumInDirection =
    HP_OP("CumsumInDirection", HP_OP_TF, direction_fields, config, lower_cumsum_to);
const hp_op_class hp_op_CumprodInDirection =
    HP_OP("CumprodInDirection", HP_OP_TF, direction_fields, config, lower_cumprod_to);

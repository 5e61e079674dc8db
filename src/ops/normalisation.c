/* normalisation.c: normalisations, attention and encodings as operations (keras/src/ops/nn.py). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis;
    double epsilon;
    int64_t order, num_classes;
    bool rms_scaling, is_causal, sparse;
    double attn_logits_soft_cap;
} config;

#define NN_OP(name, ...)                                                                                               \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NN, fields_##name, config, lower_##name);                      \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define AXIS HP_JSON_FIELD(config, axis)
#define EPSILON HP_FLOAT(config, epsilon, HP_NULL, 0, 1e30)

static double epsilon_of(const config *c) {
    return isnan(c->epsilon) ? 1e-7 : c->epsilon; /* keras.config.epsilon() */
}

static const hp_json last_axis = {.type = HP_JSON_INT, .integer = -1, .number = -1};

static hp_value reduced(hp_builder *b, const hp_json *axis, hp_value x, hp_reduction op) {
    int axes[HP_MAX_RANK];
    int count = hp_op_axes(b, axis ? axis : &last_axis, hp_builder_shape(b, x)->rank, axes);
    return hp_emit_reduce(b, x, op, axes, count, true);
}

/* An optional argument in x's dtype; with fewer axes than x it is of the normalised ones. */
static hp_value parameter(
    hp_builder *b, const hp_call *call, int position, const char *keyword, const hp_json *axis, hp_value x) {
    const hp_arg *arg = hp_call_arg(call, position, keyword);
    if (!arg) return HP_NO_VALUE;
    hp_value v = hp_emit_cast(b, hp_op_value(b, arg, HP_DTYPE_NONE), hp_op_dtype(b, x));
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], count = hp_op_axes(b, axis ? axis : &last_axis, shape.rank, axes);
    int64_t dims[HP_MAX_RANK];
    if (hp_builder_shape(b, v)->rank == shape.rank || b->status != HP_OK) return v;
    for (int i = 0; i < shape.rank; i++) dims[i] = 1;
    for (int i = 0; i < count; i++) dims[axes[i]] = shape.dims[axes[i]];
    return hp_emit_reshape(b, v, shape.rank, dims);
}

/* 1 / sqrt(x + epsilon) */
static hp_value inverse_root(hp_builder *b, hp_value x, double epsilon) {
    return hp_op_unary(b, hp_op_add(b, x, hp_op_number(b, epsilon, x)), HP_UNARY_RSQRT);
}

NN_OP(RMSNorm, AXIS, EPSILON) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x"), scale;
    hp_dtype dtype = hp_op_dtype(b, x);
    x = hp_emit_cast(b, x, dtype == HP_FLOAT64 ? HP_FLOAT64 : HP_FLOAT32);
    hp_value mean = reduced(b, c->axis, hp_op_unary(b, x, HP_UNARY_SQUARE), HP_REDUCTION_MEAN);
    hp_value y = hp_op_multiply(b, x, inverse_root(b, mean, epsilon_of(c)));
    if ((scale = parameter(b, call, 1, "scale", c->axis, x)) != HP_NO_VALUE) y = hp_op_multiply(b, y, scale);
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

NN_OP(LayerNorm, AXIS, EPSILON, HP_BOOL(config, rms_scaling, false)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x"), v;
    hp_dtype dtype = hp_op_dtype(b, x);
    x = hp_emit_cast(b, x, dtype == HP_FLOAT64 ? HP_FLOAT64 : HP_FLOAT32);
    hp_value off = hp_op_subtract(b, x, reduced(b, c->axis, x, HP_REDUCTION_MEAN));
    hp_value variance = reduced(b, c->axis, hp_op_unary(b, off, HP_UNARY_SQUARE), HP_REDUCTION_MEAN);
    hp_value y = hp_op_multiply(b, c->rms_scaling ? x : off, inverse_root(b, variance, epsilon_of(c)));
    if ((v = parameter(b, call, 1, "gamma", c->axis, x)) != HP_NO_VALUE) y = hp_op_multiply(b, y, v);
    if (!c->rms_scaling && (v = parameter(b, call, 2, "beta", c->axis, x)) != HP_NO_VALUE) y = hp_op_add(b, y, v);
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

NN_OP(BatchNorm, AXIS, HP_FLOAT(config, epsilon, 1e-3, 0, 1e30)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x"), v;
    hp_value mean = parameter(b, call, 1, "mean", c->axis, x), variance = parameter(b, call, 2, "variance", c->axis, x);
    hp_value factor = inverse_root(b, variance, c->epsilon);
    if ((v = parameter(b, call, 4, "scale", c->axis, x)) != HP_NO_VALUE) factor = hp_op_multiply(b, factor, v);
    hp_value y = hp_op_multiply(b, hp_op_subtract(b, x, mean), factor);
    if ((v = parameter(b, call, 3, "offset", c->axis, x)) != HP_NO_VALUE) y = hp_op_add(b, y, v);
    hp_call_output(b, call, y);
}

/* tf.math.l2_normalize: over all axes where none is named. */
static void lower_l2_normalize(hp_builder *b, hp_layer *layer, hp_call *call) {
    static const hp_json all = {.type = HP_JSON_NULL};
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    hp_value sum = reduced(b, c->axis ? c->axis : &all, hp_op_unary(b, x, HP_UNARY_SQUARE), HP_REDUCTION_SUM);
    sum = hp_emit_binary(b, HP_BINARY_MAXIMUM, sum, hp_op_number(b, c->epsilon, sum));
    hp_call_output(b, call, hp_op_multiply(b, x, hp_op_unary(b, sum, HP_UNARY_RSQRT)));
}

static const hp_field l2_fields[] = {AXIS, HP_FLOAT(config, epsilon, 1e-12, 0, 1e30), HP_FIELDS_END};
const hp_op_class hp_op_L2Normalize = HP_OP("L2Normalize", HP_OP_TF, l2_fields, config, lower_l2_normalize);

NN_OP(Normalize, AXIS, HP_INT(config, order, 2, 1, 1000), EPSILON) {
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), norm;
    const hp_json *given = hp_json_get(hp_json_get(layer->json, "config"), "axis"), *axis = given ? given : &last_axis;
    if (c->order == 2) {
        hp_value sum = reduced(b, axis, hp_op_unary(b, x, HP_UNARY_SQUARE), HP_REDUCTION_SUM);
        hp_value inverse = hp_op_unary(b, sum, HP_UNARY_RSQRT);
        inverse = hp_emit_binary(b, HP_BINARY_MINIMUM, inverse, hp_op_number(b, 1 / epsilon_of(c), x));
        hp_call_output(b, call, hp_op_multiply(b, x, inverse));
        return;
    }
    norm = hp_op_unary(b, x, HP_UNARY_ABSOLUTE);
    if (c->order != 1) norm = hp_emit_binary(b, HP_BINARY_POWER, norm, hp_op_number(b, (double)c->order, x));
    norm = reduced(b, axis, norm, HP_REDUCTION_SUM);
    if (c->order != 1) norm = hp_emit_binary(b, HP_BINARY_POWER, norm, hp_op_number(b, 1.0 / (double)c->order, x));
    norm = hp_emit_binary(b, HP_BINARY_MAXIMUM, norm, hp_op_number(b, epsilon_of(c), x));
    hp_call_output(b, call, hp_op_divide(b, x, norm));
}

/* ---- attention: [batch, time, heads, size] */

static hp_value causal_mask(hp_builder *b, int64_t rows, int64_t columns) {
    unsigned char *mask = hp_arena_alloc(&b->graph->arena, (size_t)(rows * columns) + 1);
    if (!mask) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++) mask[i * columns + k] = k <= i;
    return hp_emit_literal(b, HP_BOOL, 2, (const int64_t[]){rows, columns}, mask);
}

/* [batch, time, heads, size] -> [batch, heads, time, size], each head repeated so often. */
static hp_value heads_first(hp_builder *b, hp_value x, int64_t repeats) {
    if (repeats > 1) x = hp_emit_repeat(b, x, 2, repeats);
    return hp_emit_transpose(b, x, (const int[]){0, 2, 1, 3});
}

NN_OP(DotProductAttention, HP_BOOL(config, is_causal, false), HP_IGNORE("flash_attention"),
    HP_FLOAT(config, attn_logits_soft_cap, HP_NULL, -1e30, 1e30)) {
    const config *c = layer->config;
    hp_value qkv[3] = {
        hp_op_operand(b, call, 0, "query"), hp_op_operand(b, call, 1, "key"), hp_op_operand(b, call, 2, "value")};
    hp_dtype dtype = hp_op_dtype(b, qkv[0]);
    for (int i = 1; i < 3; i++) dtype = hp_promote(dtype, hp_op_dtype(b, qkv[i]));
    hp_dtype of = hp_dtype_is_float(dtype) ? dtype : HP_FLOAT32; /* integers: products of floats, cast back */
    for (int i = 0; i < 3; i++) qkv[i] = hp_emit_cast(b, qkv[i], of);
    hp_shape q = *hp_builder_shape(b, qkv[0]), k = *hp_builder_shape(b, qkv[1]);
    if (!hp_check_rank(b, qkv[0], 4, 4) || !hp_check_rank(b, qkv[1], 4, 4)) return;
    int64_t repeats = k.dims[2] > 1 && q.dims[2] > k.dims[2] ? q.dims[2] / k.dims[2] : 1;
    hp_value scores = hp_emit_matmul(b, heads_first(b, qkv[0], 1), heads_first(b, qkv[1], repeats), false, true);
    scores = hp_emit_cast(b, scores, hp_promote(of, HP_FLOAT32));
    const hp_arg *scale = hp_call_arg(call, 5, "scale"), *bias = hp_call_arg(call, 3, "bias");
    hp_value factor = hp_op_value(b, scale, HP_FLOAT32);
    if (factor == HP_NO_VALUE)
        factor = hp_op_number(b, 1 / sqrtf((float)k.dims[3]), scores); /* of float32 in any case */
    scores = hp_op_multiply(b, scores, hp_emit_cast(b, factor, hp_op_dtype(b, scores)));
    hp_value offset = hp_op_value(b, bias, HP_FLOAT32);
    if (offset != HP_NO_VALUE)
        scores = hp_op_add(b, scores, hp_emit_cast(b, hp_emit_cast(b, offset, of), hp_op_dtype(b, scores)));
    hp_value mask = hp_op_value(b, hp_call_arg(call, 4, "mask"), HP_BOOL);
    double most = hp_op_dtype(b, scores) == HP_FLOAT64 ? DBL_MAX : (double)FLT_MAX;
    hp_value least = hp_op_number(b, most * -0.7, scores);
    if (mask != HP_NO_VALUE) scores = hp_emit_select(b, hp_emit_cast(b, mask, HP_BOOL), scores, least);
    if (c->is_causal) scores = hp_emit_select(b, causal_mask(b, q.dims[1], k.dims[1]), scores, least);
    hp_value weights = hp_emit_cast(b, hp_emit_cast(b, hp_emit_softmax(b, scores, -1, false), dtype), of);
    hp_value y = hp_emit_matmul(b, weights, heads_first(b, qkv[2], repeats), false, false);
    hp_call_output(b, call, hp_emit_cast(b, hp_emit_transpose(b, y, (const int[]){0, 2, 1, 3}), dtype));
}

/* ---- multi-hot: the classes that stand anywhere along axis 1 */

NN_OP(MultiHot, HP_INT(config, num_classes, HP_REQUIRED, 1, HP_MAX_DIM), AXIS, HP_BOOL(config, sparse, false)) {
    const config *c = layer->config;
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_FLOAT32);
    hp_value x = hp_emit_cast(b, hp_op_operand(b, call, 0, "inputs"), HP_INT64);
    int rank = hp_builder_shape(b, x)->rank;
    int64_t *classes = hp_arena_alloc(&b->graph->arena, (size_t)c->num_classes * sizeof *classes);
    if (!classes) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (int64_t i = 0; i < c->num_classes; i++) classes[i] = i;
    hp_value table = hp_emit_literal(b, HP_INT64, 1, &c->num_classes, classes);
    hp_value hot = hp_emit_compare(b, HP_EQUAL, hp_op_new_axis(b, x, rank), table);
    int64_t axis = hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : -1;
    hot = hp_move_axis(b, hot, rank, hp_builder_axis(b, axis, rank + 1));
    hp_call_output(b, call, hp_emit_cast(b, hp_op_reduce(b, hot, HP_REDUCTION_ANY, rank > 1 ? 1 : 0, false), dtype));
}

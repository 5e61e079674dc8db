/* builder_linear.c: emitters of the primitives that multiply matrices, slide windows or recur. See builder.h. */
#include "prims/attention.h"
#include "prims/builder.h"
#include "prims/conv_double.h"
#include "prims/linear.h"
#include "prims/matmul.h"
#include "prims/rnn.h"

static const char kernel_of_rows[] = "a kernel whose first axis is the rows";

static hp_value emit_linear(
    hp_builder *b, const hp_prim *prim, hp_value x, hp_value w, hp_value bias, const hp_linear_params *params) {
    hp_value inputs[HP_LINEAR_INPUTS] = {x, w, bias, HP_NO_VALUE}, output;
    if (hp_builder_shape(b, w)->rows) return hp_builder_mixes_rows(b, kernel_of_rows);
    return hp_emit_node(b, prim, params, sizeof *params, inputs, HP_LINEAR_INPUTS, &output, 1);
}

static bool is_double(const hp_builder *b, hp_value x) {
    return hp_builder_tensor(b, x)->dtype == HP_FLOAT64;
}

static hp_value add_bias(hp_builder *b, hp_value y, hp_value bias) {
    return bias == HP_NO_VALUE ? y : hp_emit_binary(b, HP_BINARY_ADD, y, bias);
}

static hp_value emit_double(
    hp_builder *b, hp_conv_double_kind kind, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *conv) {
    hp_conv_double_params params = {.kind = kind, .conv = *conv};
    if (hp_builder_shape(b, kernel)->rows) return hp_builder_mixes_rows(b, kernel_of_rows);
    hp_value inputs[2] = {x, kernel}, output;
    return add_bias(b, hp_emit_node(b, &hp_prim_conv_double, &params, sizeof params, inputs, 2, &output, 1), bias);
}

hp_value hp_emit_gemm(hp_builder *b, hp_value x, hp_value w, hp_value bias) {
    /* a matrix of its own for every row, or no epilogue */
    if (b->status == HP_OK && (hp_builder_shape(b, w)->rows || is_double(b, x)))
        return add_bias(b, hp_emit_matmul(b, x, w, false, false), bias);
    hp_linear_params params = {0};
    return emit_linear(b, &hp_prim_gemm, x, w, bias, &params);
}

/* A matrix that is the same for every row of x is a gemm's weight. In a graph that mixes rows it must be known to be
 * constant, because a gemm packs a computed one in a single piece. */
static bool is_weight(const hp_builder *b, hp_value x, hp_value y) {
    const hp_shape *x_shape = hp_builder_shape(b, x), *y_shape = hp_builder_shape(b, y);
    if (y_shape->rank != 2 || y_shape->rows || x_shape->rank < 2) return false;
    return b->graph->batch_rows == 0 || b->graph->values[y].constant;
}

/* True: axis 0 with the rows would be summed over, or would not stay axis 0. */
static bool matmul_mixes_rows(const hp_shape *x, const hp_shape *y, bool transpose_x) {
    if (y->rows && (y->rank < 3 || x->rank > y->rank)) return true;
    if (x->rows && x->rank == 2) return transpose_x || y->rank > 2;
    if (x->rows && y->rank > x->rank) return true;
    /* (rows, ...) against a constant batch of more than 1 */
    if (x->rows != y->rows && x->rank == y->rank && x->rank > 2) return (x->rows ? y : x)->dims[0] != 1;
    return false;
}

hp_value hp_emit_matmul(hp_builder *b, hp_value x, hp_value y, bool transpose_x, bool transpose_y) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (!transpose_x && !is_double(b, x) && is_weight(b, x, y)) {
        hp_linear_params params = {.transpose_w = transpose_y};
        return emit_linear(b, &hp_prim_gemm, x, y, HP_NO_VALUE, &params);
    }
    if (matmul_mixes_rows(hp_builder_shape(b, x), hp_builder_shape(b, y), transpose_x))
        return hp_builder_mixes_rows(b, "a matrix product over the batch axis");
    hp_matmul_params params = {transpose_x, transpose_y};
    hp_value inputs[2] = {x, y}, output;
    return hp_emit_node(b, &hp_prim_matmul, &params, sizeof params, inputs, 2, &output, 1);
}

bool hp_attention_fits(const hp_builder *b, hp_value query, hp_value key, hp_value value) {
    const hp_value operands[3] = {query, key, value};
    const hp_shape *q = hp_builder_shape(b, query);
    for (int i = 0; i < 3; i++) {
        const hp_tensor *t = hp_builder_tensor(b, operands[i]);
        if (t->dtype != HP_FLOAT32 || t->shape.rank < 3 || t->shape.rows != q->rows || t->shape.dims[0] != q->dims[0])
            return false;
    }
    return hp_builder_shape(b, key)->dims[1] == hp_builder_shape(b, value)->dims[1];
}

hp_value hp_emit_attention(
    hp_builder *b, hp_value query, hp_value key, hp_value value, hp_value mask, const hp_attention_params *params) {
    hp_value inputs[HP_ATTENTION_INPUTS] = {query, key, value, mask}, output;
    return hp_emit_node(b, &hp_prim_attention, params, sizeof *params, inputs, HP_ATTENTION_INPUTS, &output, 1);
}

/* ---- windows over spatial axes of which one is empty: they slide over a few zeros in its place, and of what that gives as
 * many elements are taken as there would be. */

typedef struct window_axes {
    int spatial;
    const int64_t *kernel, *strides, *dilation, *before, *after; /* dilation: NULL for 1 */
    bool transposed;
} window_axes;

static int64_t reach_of(const window_axes *w, int i) {
    return (w->kernel[i] - 1) * (w->dilation ? w->dilation[i] : 1) + 1;
}

/* Those zeros in the place of x, and how many elements each axis of the result is to have; -1: as it comes. False: x is not empty, or
 * a window is larger than what TensorFlow lets slide over nothing. */
static bool fill_empty(hp_builder *b, const window_axes *w, hp_value *x, int64_t *made) {
    const hp_shape *shape = hp_builder_shape(b, *x);
    hp_shape filled = *shape;
    bool any = false;
    if (b->status != HP_OK || shape->rank != w->spatial + 2 || w->spatial > HP_MAX_SPATIAL) return false;
    for (int i = 0; i < HP_MAX_RANK; i++) made[i] = -1;
    for (int i = 0; i < w->spatial; i++) {
        if (shape->dims[i + 1] != 0) continue;
        int64_t rest = reach_of(w, i) - w->before[i] - w->after[i];
        made[i + 1] = w->transposed ? rest - w->strides[i] : 0;
        filled.dims[i + 1] = w->transposed || rest < 1 ? 1 : rest;
        if (w->transposed ? made[i + 1] < 0 : rest > w->strides[i]) return false;
        any = true;
    }
    if (any) *x = hp_emit_fill(b, hp_builder_tensor(b, *x)->dtype, &filled, 0);
    return any;
}

static hp_value cut_empty(hp_builder *b, hp_value y, const int64_t *made) {
    hp_shape shape = *hp_builder_shape(b, y);
    int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) {
        if (made[i] >= 0) shape.dims[i] = made[i];
        step[i] = 1;
    }
    return hp_emit_slice(b, y, begin, shape.dims, step);
}

static bool conv_over_nothing(
    hp_builder *b, hp_value *x, hp_value kernel, const hp_conv_params *params, bool transposed, int64_t *made) {
    if (hp_builder_shape(b, kernel)->rank != params->spatial + 2) return false; /* the primitive tells */
    window_axes w = {params->spatial, hp_builder_shape(b, kernel)->dims, params->strides, params->dilation,
        params->pad_before, params->pad_after, transposed};
    return fill_empty(b, &w, x, made);
}

hp_value hp_emit_conv(hp_builder *b, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *params) {
    int64_t made[HP_MAX_RANK];
    if (conv_over_nothing(b, &x, kernel, params, false, made))
        return cut_empty(b, hp_emit_conv(b, x, kernel, bias, params), made);
    if (is_double(b, x)) return emit_double(b, HP_CONV_DOUBLE_PLAIN, x, kernel, bias, params);
    hp_linear_params node = {.conv = *params};
    return emit_linear(b, &hp_prim_conv, x, kernel, bias, &node);
}

hp_value hp_emit_depthwise(hp_builder *b, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *params) {
    int64_t made[HP_MAX_RANK];
    if (conv_over_nothing(b, &x, kernel, params, false, made))
        return cut_empty(b, hp_emit_depthwise(b, x, kernel, bias, params), made);
    if (is_double(b, x)) return emit_double(b, HP_CONV_DOUBLE_DEPTHWISE, x, kernel, bias, params);
    hp_linear_params node = {.conv = *params};
    node.conv.groups = 1;
    return emit_linear(b, &hp_prim_depthwise, x, kernel, bias, &node);
}

hp_value hp_emit_conv_transpose(
    hp_builder *b, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *params) {
    int64_t made[HP_MAX_RANK];
    if (conv_over_nothing(b, &x, kernel, params, true, made))
        return cut_empty(b, hp_emit_conv_transpose(b, x, kernel, bias, params), made);
    if (is_double(b, x)) return emit_double(b, HP_CONV_DOUBLE_TRANSPOSED, x, kernel, bias, params);
    hp_linear_params node = {.conv = *params};
    return emit_linear(b, &hp_prim_conv_transpose, x, kernel, bias, &node);
}

/* The largest of integers that a float cannot hold: axis by axis, of the elements that each place of a window meets. */
static hp_value pool_integers(hp_builder *b, hp_value x, const hp_pool_params *p) {
    double least = p->zeros || hp_builder_tensor(b, x)->dtype == HP_UINT64 ? 0 : -0x1p63;
    for (int i = 0; i < p->spatial && b->status == HP_OK; i++) {
        int64_t before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0}, step[HP_MAX_RANK], axis = i + 1;
        before[axis] = p->pad_before[i];
        after[axis] = p->pad_after[i];
        x = hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, least);
        hp_shape shape = *hp_builder_shape(b, x);
        if (b->status == HP_OK && (shape.rank != p->spatial + 2 || shape.dims[axis] < p->pool_size[i]))
            return hp_builder_fail(b, HP_ERROR_SHAPE, "pooling: a window of %lld does not fit into %lld elements",
                (long long)p->pool_size[i], (long long)shape.dims[axis]);
        shape.dims[axis] = (shape.dims[axis] - p->pool_size[i]) / p->strides[i] + 1;
        for (int a = 0; a < shape.rank; a++) step[a] = 1;
        step[axis] = p->strides[i];
        hp_value most = HP_NO_VALUE;
        for (int64_t k = 0; k < p->pool_size[i] && b->status == HP_OK; k++) {
            int64_t begin[HP_MAX_RANK] = {0};
            begin[axis] = k;
            hp_value met = hp_emit_slice(b, x, begin, shape.dims, step);
            most = k == 0 ? met : hp_emit_binary(b, HP_BINARY_MAXIMUM, most, met);
        }
        x = most;
    }
    return x;
}

hp_value hp_emit_pool(hp_builder *b, hp_value x, const hp_pool_params *params) {
    hp_value output;
    int64_t made[HP_MAX_RANK];
    window_axes w = {
        params->spatial, params->pool_size, params->strides, NULL, params->pad_before, params->pad_after, false};
    if (fill_empty(b, &w, &x, made)) return cut_empty(b, hp_emit_pool(b, x, params), made);
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    if (params->mode == HP_POOL_MAX && (dtype == HP_INT64 || dtype == HP_UINT64)) return pool_integers(b, x, params);
    return hp_emit_node(b, &hp_prim_pool, params, sizeof *params, &x, 1, &output, 1);
}

void hp_emit_rnn(hp_builder *b, hp_value x, hp_value mask, const hp_value *states, hp_value kernel,
    hp_value recurrent_kernel, hp_value bias, const hp_rnn_params *params, hp_value *outputs) {
    bool lstm = params->cell == HP_RNN_LSTM;
    hp_value inputs[HP_RNN_INPUTS] = {x, kernel, recurrent_kernel, bias, mask, states ? states[0] : HP_NO_VALUE,
        states && lstm ? states[1] : HP_NO_VALUE};
    hp_emit_node(b, &hp_prim_rnn, params, sizeof *params, inputs, HP_RNN_INPUTS, outputs, hp_rnn_output_count(params));
}

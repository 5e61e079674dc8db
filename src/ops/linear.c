/* linear.c: products of tensors (keras/src/ops/numpy.py): matmul, einsum, dot, tensordot and their relatives. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"
#include "prims/einsum.h"

typedef struct config {
    bool transpose_a, transpose_b;
    const char *subscripts;
    const hp_json *axes;
} config;

/* Products of integers are computed of floats and cast back, as Keras does. Returns their dtype: the operands' own, but int32
 * of int8 where `widens`. */
static hp_dtype floats(hp_builder *b, hp_value *operands, size_t count, bool widens) {
    hp_dtype dtype = count ? hp_op_dtype(b, operands[0]) : HP_FLOAT32;
    bool small = widens;
    for (size_t i = 0; i < count; i++) {
        small = small && hp_op_dtype(b, operands[i]) == HP_INT8;
        dtype = hp_promote(dtype, hp_op_dtype(b, operands[i]));
    }
    hp_dtype of = hp_dtype_is_float(dtype) ? dtype : HP_FLOAT32;
    for (size_t i = 0; i < count; i++) operands[i] = hp_emit_cast(b, operands[i], of);
    return small ? HP_INT32 : dtype;
}

static void give(hp_builder *b, hp_call *call, hp_value y, hp_dtype dtype) {
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

/* numpy.matmul: one axis is a row on the left, a column on the right, and is dropped from the result. */
static void multiply(hp_builder *b, hp_call *call, hp_value pair[2], hp_dtype dtype) {
    hp_shape left = *hp_builder_shape(b, pair[0]), right = *hp_builder_shape(b, pair[1]);
    if (b->status != HP_OK) return;
    if (left.rank < 1 || right.rank < 1) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "matmul of tensors with %d and %d axes", left.rank, right.rank);
        return;
    }
    if (left.rank == 1) { /* a row, whose axis goes again */
        pair[0] = hp_op_new_axis(b, pair[0], 0);
        hp_value column = right.rank == 1 ? hp_op_new_axis(b, pair[1], 1) : pair[1];
        hp_value y = hp_op_drop_axis(b, hp_emit_matmul(b, pair[0], column, false, false), -2);
        give(b, call, right.rank == 1 ? hp_op_drop_axis(b, y, -1) : y, dtype);
        return;
    }
    hp_value y = right.rank == 1 ? hp_emit_reshape(b, pair[1], 2, (int64_t[]){right.dims[0], 1}) : pair[1];
    y = right.rank <= 2 && !right.rows ? hp_emit_gemm(b, pair[0], y, HP_NO_VALUE)
                                       : hp_emit_matmul(b, pair[0], y, false, false);
    if (right.rank == 1) y = hp_emit_reshape(b, y, left.rank - 1, left.dims);
    give(b, call, y, dtype);
}

static void lower_matmul(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    multiply(b, call, pair, floats(b, pair, 2, true));
}

const hp_op_class hp_op_Matmul = HP_OP("Matmul", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_matmul);

/* TensorFlow's, whose operands may be transposed (graphs of Keras 2). */
static const hp_field tf_matmul_fields[] = {
    HP_BOOL(config, transpose_a, false), HP_BOOL(config, transpose_b, false), HP_FIELDS_END};

static void lower_tf_matmul(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = floats(b, pair, 2, false);
    for (int i = 0; i < 2 && b->status == HP_OK; i++) {
        int rank = hp_builder_shape(b, pair[i])->rank;
        if (i ? c->transpose_b : c->transpose_a) pair[i] = hp_move_axis(b, pair[i], rank - 1, rank - 2);
    }
    if (b->status == HP_OK) multiply(b, call, pair, dtype);
}

const hp_op_class hp_op_MatMul = HP_OP("MatMul", HP_OP_TF, tf_matmul_fields, config, lower_tf_matmul);

/* ---- einsum */

static const hp_field einsum_fields[] = {HP_STRING_FIELD(config, subscripts), HP_FIELDS_END};

static void lower_einsum(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value operands[16];
    size_t count = 0;
    for (size_t i = 0; i < call->arg_count && count < 16; i++) {
        if (call->args[i].kind == HP_ARG_LIST) {
            for (size_t k = 0; k < call->args[i].item_count && count < 16; k++)
                operands[count++] = hp_op_value(b, &call->args[i].items[k], HP_DTYPE_NONE);
        } else {
            operands[count++] = hp_op_value(b, &call->args[i], HP_DTYPE_NONE);
        }
    }
    if (!c->subscripts || count == 0) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "einsum without subscripts or operands");
        return;
    }
    hp_dtype dtype = floats(b, operands, count, true);
    give(b, call, hp_emit_einsum(b, c->subscripts, operands, (int)count), dtype);
}

const hp_op_class hp_op_Einsum = HP_OP("Einsum", HP_OP_NUMPY, einsum_fields, config, lower_einsum);

/* ---- as einsum: letters for the axes of both, shared where they are summed */

static void contract(hp_builder *b, hp_call *call, hp_value pair[2], const int *left_axes, const int *right_axes,
    int count, hp_dtype dtype) {
    int left = hp_builder_shape(b, pair[0])->rank, right = hp_builder_shape(b, pair[1])->rank;
    char a[HP_MAX_RANK + 1] = "", c[HP_MAX_RANK + 1] = "", out[2 * HP_MAX_RANK + 1] = "", equation[64];
    bool summed[HP_MAX_RANK] = {false};
    int n = 0;
    for (int i = 0; i < left; i++) a[i] = (char)('a' + i);
    for (int i = 0; i < right; i++) c[i] = (char)('n' + i);
    for (int i = 0; i < count; i++) {
        c[right_axes[i]] = a[left_axes[i]];
        summed[left_axes[i]] = true;
    }
    for (int i = 0; i < left; i++)
        if (!summed[i]) out[n++] = a[i];
    for (int i = 0; i < right; i++)
        if (c[i] >= 'n') out[n++] = c[i];
    snprintf(equation, sizeof equation, "%s,%s->%s", a, c, out);
    give(b, call, hp_emit_einsum(b, equation, pair, 2), dtype);
}

/* numpy.dot: the last axis of the left with the last but one of the right. */
static void lower_dot(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = floats(b, pair, 2, false);
    int left = hp_builder_shape(b, pair[0])->rank, right = hp_builder_shape(b, pair[1])->rank;
    if (b->status != HP_OK) return;
    if (left == 0 || right == 0)
        give(b, call, hp_emit_binary(b, HP_BINARY_MULTIPLY, pair[0], pair[1]), dtype);
    else
        contract(b, call, pair, (int[]){left - 1}, (int[]){right == 1 ? 0 : right - 2}, 1, dtype);
}

const hp_op_class hp_op_Dot = HP_OP("Dot", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_dot);

static int axis_list(hp_builder *b, const hp_json *value, int rank, int *axes) {
    int count = 0;
    if (hp_json_is(value, HP_JSON_INT)) {
        axes[count++] = hp_builder_axis(b, value->integer, rank);
    } else {
        HP_JSON_EACH (item, value)
            if (count < HP_MAX_RANK && item->type == HP_JSON_INT)
                axes[count++] = hp_builder_axis(b, item->integer, rank);
    }
    return count;
}

static const hp_field tensordot_fields[] = {HP_JSON_FIELD(config, axes), HP_FIELDS_END};

static void lower_tensordot(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value pair[2];
    int left_axes[HP_MAX_RANK], right_axes[HP_MAX_RANK], count = 0;
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = floats(b, pair, 2, false);
    int left = hp_builder_shape(b, pair[0])->rank, right = hp_builder_shape(b, pair[1])->rank;
    if (b->status != HP_OK) return;
    if (hp_json_is(c->axes, HP_JSON_INT) || hp_json_is_null(c->axes)) {
        count = c->axes ? (int)c->axes->integer : 2;
        for (int i = 0; i < count && count <= left && count <= right; i++) {
            left_axes[i] = left - count + i;
            right_axes[i] = i;
        }
    } else {
        count = axis_list(b, hp_json_at(c->axes, 0), left, left_axes);
        if (axis_list(b, hp_json_at(c->axes, 1), right, right_axes) != count) count = -1;
    }
    if (count < 0 || count > left || count > right)
        hp_builder_fail(b, HP_ERROR_SHAPE, "tensordot over axes that the tensors do not have");
    else
        contract(b, call, pair, left_axes, right_axes, count, dtype);
}

const hp_op_class hp_op_Tensordot = HP_OP("Tensordot", HP_OP_NUMPY, tensordot_fields, config, lower_tensordot);

/* Over the last axis of both. */
static void lower_inner(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = floats(b, pair, 2, false);
    int left = hp_builder_shape(b, pair[0])->rank, right = hp_builder_shape(b, pair[1])->rank;
    if (b->status == HP_OK && left > 0 && right > 0)
        contract(b, call, pair, (int[]){left - 1}, (int[]){right - 1}, 1, dtype);
}

const hp_op_class hp_op_Inner = HP_OP("Inner", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_inner);

/* norm.c: norms of vectors and matrices (keras/src/ops/linalg.py, Norm), and tf.norm, which takes a tensor without an axis for
 * one vector. Those of a matrix by its singular values are refused: they need a decomposition. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *ord, *axis;
    bool keepdims;
} config;

static const hp_field fields[] = {
    HP_JSON_FIELD(config, ord),
    HP_JSON_FIELD(config, axis),
    HP_BOOL(config, keepdims, false),
    HP_FIELDS_END,
};

static hp_value magnitude(hp_builder *b, hp_value x) {
    return hp_op_unary(b, x, HP_UNARY_ABSOLUTE);
}

static hp_value euclidean(hp_builder *b, hp_value x, const int *axes, int count, bool keepdims) {
    hp_value squares = hp_op_unary(b, x, HP_UNARY_SQUARE);
    return hp_op_unary(b, hp_emit_reduce(b, squares, HP_REDUCTION_SUM, axes, count, keepdims), HP_UNARY_SQRT);
}

static hp_value of_vectors(hp_builder *b, hp_value x, double ord, const int *axes, int count, bool keepdims) {
    if (ord == 2) return euclidean(b, x, axes, count, keepdims);
    if (isinf(ord))
        return hp_emit_reduce(b, magnitude(b, x), ord > 0 ? HP_REDUCTION_MAX : HP_REDUCTION_MIN, axes, count, keepdims);
    if (ord == 0) {
        hp_value there = hp_emit_cast(b, hp_emit_compare(b, HP_NOT_EQUAL, x, hp_op_number(b, 0, x)), hp_op_dtype(b, x));
        return hp_emit_reduce(b, there, HP_REDUCTION_SUM, axes, count, keepdims);
    }
    hp_value powers = hp_emit_binary(b, HP_BINARY_POWER, magnitude(b, x), hp_op_number(b, ord, x));
    hp_value sum = hp_emit_reduce(b, powers, HP_REDUCTION_SUM, axes, count, keepdims);
    hp_value inverse = hp_op_divide(b, hp_op_number(b, 1, x), hp_op_number(b, ord, x));
    return hp_emit_binary(b, HP_BINARY_POWER, sum, inverse);
}

/* The greatest (or least) sum of magnitudes along `summed`, over `over`. */
static hp_value of_matrices(
    hp_builder *b, hp_value x, int summed, int over, bool greatest, const int *axes, bool keepdims) {
    hp_value sums = hp_op_reduce(b, magnitude(b, x), HP_REDUCTION_SUM, summed, true);
    hp_value y = hp_op_reduce(b, sums, greatest ? HP_REDUCTION_MAX : HP_REDUCTION_MIN, over, true);
    return keepdims ? y : hp_emit_reduce(b, y, HP_REDUCTION_SUM, axes, 2, false); /* of one element */
}

/* The axes as they were given: rows first, then columns. */
static bool exchanged(hp_builder *b, const config *c, const int *axes, int rank) {
    int64_t given[HP_MAX_RANK] = {0, 1};
    if (!hp_json_is_null(c->axis)) hp_op_integers(b, c->axis, 0, given);
    return (given[0] < 0 ? given[0] + rank : given[0]) != axes[0];
}

static hp_value norm_of(hp_builder *b, const config *c, hp_value x, bool of_tf) {
    int rank = hp_builder_shape(b, x)->rank, axes[HP_MAX_RANK], count = hp_op_axes(b, c->axis, rank, axes);
    const char *name = hp_json_string(c->ord);
    bool number = hp_json_is(c->ord, HP_JSON_INT) || hp_json_is(c->ord, HP_JSON_DOUBLE);
    bool plain = !number && (!name || !strcmp(name, "fro") || !strcmp(name, "euclidean"));
    double ord = number ? c->ord->number : 2;
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (plain) return euclidean(b, x, axes, count, c->keepdims);
    if (number && (count == 1 || (of_tf && hp_json_is_null(c->axis))))
        return of_vectors(b, x, ord, axes, count, c->keepdims);
    if (number && count == 2 && (isinf(ord) || fabs(ord) == 1)) {
        int rows = exchanged(b, c, axes, rank), summed = isinf(ord) ? axes[!rows] : axes[rows];
        int over = summed == axes[0] ? axes[1] : axes[0];
        return of_matrices(b, x, summed, over, ord > 0, axes, c->keepdims);
    }
    char text[80];
    return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "ord: %s over %d axes is not supported",
        hp_json_describe(c->ord, text, sizeof text), count);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    bool of_tf = strcmp(layer->cls->module, HP_OP_TF) == 0;
    hp_call_output(b, call, norm_of(b, layer->config, hp_op_floating(b, hp_op_operand(b, call, 0, "x")), of_tf));
}

const hp_op_class hp_op_Norm = HP_OP("Norm", "keras.src.ops.linalg", fields, config, lower);
const hp_op_class hp_op_TensorNorm = HP_OP("TensorNorm", HP_OP_TF, fields, config, lower);

/* tf.linalg.normalize: x over its norm, and the norm. */
HP_TF_OP(NormalizeNorm, HP_JSON_FIELD(config, ord), HP_JSON_FIELD(config, axis), HP_FIELDS_END) {
    config kept = *(const config *)layer->config;
    kept.keepdims = true;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), norm = norm_of(b, &kept, x, true);
    hp_call_output(b, call, hp_op_divide(b, x, norm));
    hp_call_output(b, call, norm);
}

/* statistics.c: correlations, membership, reductions by segment (keras/src/ops/numpy.py, math.py, nn.py), as
 * keras/src/backend/tensorflow has them. Most of them look at a whole batch. */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    bool assume_unique, invert, sorted, of_root;
    int64_t kth;
    const hp_json *axis, *num_segments;
    double max_val;
    int mode;
} config;

#define STATISTICS_OP(name, module_, ...)                                                                              \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

static hp_value flat(hp_builder *b, hp_value x) {
    return hp_emit_reshape(b, x, 1, (int64_t[]){-1});
}

/* False: axis 0 of one of these is the rows, and the whole batch is needed. */
static bool whole_batch(hp_builder *b, hp_value x, hp_value y, const char *what) {
    bool rows = hp_builder_shape(b, x)->rows || (y != HP_NO_VALUE && hp_builder_shape(b, y)->rows);
    if (rows) hp_builder_mixes_rows(b, what);
    return b->status == HP_OK;
}

STATISTICS_OP(IsIn, HP_OP_NUMPY, HP_BOOL(config, assume_unique, false), HP_BOOL(config, invert, false)) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_shape shape = *hp_builder_shape(b, pair[0]);
    pair[1] = flat(b, pair[1]);
    if (b->status != HP_OK) return;
    if (hp_shape_elements(&shape) == 0 || hp_builder_shape(b, pair[1])->dims[0] == 0) {
        hp_call_output(b, call, hp_emit_fill(b, HP_BOOL, &shape, 0)); /* inverted as well */
        return;
    }
    hp_value equal = hp_emit_compare(b, HP_EQUAL, hp_op_new_axis(b, pair[0], shape.rank), pair[1]);
    hp_value found = hp_op_reduce(b, equal, HP_REDUCTION_ANY, -1, false);
    hp_call_output(b, call, c->invert ? hp_emit_logical(b, HP_NOT, found, HP_NO_VALUE) : found);
}

/* Of the rows of a matrix, clipped to -1 ... 1. */
STATISTICS_OP(Corrcoef, HP_OP_NUMPY, HP_IGNORE("dtype")) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_dtype(b, x);
    x = dtype == HP_INT64 ? hp_emit_cast(b, x, HP_FLOAT64) : hp_op_floating(b, x);
    if (!whole_batch(b, x, HP_NO_VALUE, "the correlation of rows") || !hp_check_rank(b, x, 2, 2)) return;
    double samples = (double)hp_builder_shape(b, x)->dims[1];
    x = hp_op_subtract(b, x, hp_op_reduce(b, x, HP_REDUCTION_MEAN, 1, true));
    hp_value covariance = hp_op_divide(b, hp_emit_matmul(b, x, x, false, true), hp_op_number(b, samples - 1, x));
    hp_value squares = hp_op_reduce(b, hp_op_unary(b, x, HP_UNARY_SQUARE), HP_REDUCTION_SUM, 1, false);
    hp_value deviation = hp_op_unary(b, hp_op_divide(b, squares, hp_op_number(b, samples - 1, x)), HP_UNARY_SQRT);
    hp_value y = hp_op_divide(
        b, covariance, hp_op_multiply(b, hp_op_new_axis(b, deviation, 1), hp_op_new_axis(b, deviation, 0)));
    hp_call_output(b, call, hp_emit_unary(b, y, HP_UNARY_CLIP, -1, 1, 0));
}

enum { VALID, SAME, FULL };

/* Of two vectors. */
STATISTICS_OP(Correlate, HP_OP_NUMPY, HP_ENUM(config, mode, VALID, HP_NAMES("valid", "same", "full"))) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    if (!whole_batch(b, pair[0], pair[1], "a correlation along the batch axis")) return;
    hp_dtype dtype = hp_op_dtype(b, pair[0]);
    if (!hp_dtype_is_float(dtype)) dtype = dtype == HP_INT64 ? HP_FLOAT64 : HP_FLOAT32;
    for (int i = 0; i < 2; i++) {
        pair[i] = hp_emit_cast(b, pair[i], dtype);
        if (!hp_check_rank(b, pair[i], 1, 1)) return;
    }
    int64_t n = hp_builder_shape(b, pair[0])->dims[0], m = hp_builder_shape(b, pair[1])->dims[0];
    hp_conv_params params = {.spatial = 1, .groups = 1, .strides = {1}, .dilation = {1}};
    if (c->mode != VALID && m > 0) params.pad_before[0] = params.pad_after[0] = m - 1;
    hp_value y = hp_emit_conv(b, hp_emit_reshape(b, pair[0], 3, (int64_t[]){1, n, 1}),
        hp_emit_reshape(b, pair[1], 3, (int64_t[]){m, 1, 1}), HP_NO_VALUE, &params);
    y = flat(b, y);
    int64_t length = n > m ? n : m, start = (n + m - 1 - length) / 2;
    hp_call_output(b, call, c->mode == SAME ? hp_op_part(b, y, 0, start, start + length) : y);
}

STATISTICS_OP(PSNR, HP_OP_NN, HP_FLOAT(config, max_val, HP_REQUIRED, -1e300, 1e300)) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_value off = flat(b, hp_op_unary(b, hp_op_subtract(b, pair[0], pair[1]), HP_UNARY_SQUARE));
    hp_value error = hp_op_reduce(b, off, HP_REDUCTION_MEAN, 0, false);
    hp_value noise = hp_op_scale(b, hp_op_unary(b, error, HP_UNARY_LOG10), 10);
    hp_call_output(b, call, hp_op_subtract(b, hp_op_number(b, 20 * log10(c->max_val), noise), noise));
}

/* The k + 1 least of a vector of integers in order, then the others: the greatest first, after the least became 0. */
STATISTICS_OP(
    Argpartition, HP_OP_NUMPY, HP_INT(config, kth, HP_REQUIRED, -HP_MAX_DIM, HP_MAX_DIM), HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_emit_cast(b, hp_op_operand(b, call, 0, "x"), HP_INT32), least, place, rest;
    if (hp_json_is_null(c->axis)) x = flat(b, x);
    if (!whole_batch(b, x, HP_NO_VALUE, "the batch is sorted") || !hp_check_rank(b, x, 1, 1)) return;
    int64_t n = hp_builder_shape(b, x)->dims[0], k = c->kth < 0 ? 0 : c->kth < n ? c->kth : n - 1;
    hp_emit_sort(b, x, 0, false, &least);
    hp_emit_sort(b, least, 0, false, &place);
    hp_value low = hp_emit_compare(b, HP_LESS_EQUAL, place, hp_op_number(b, (double)k, place));
    hp_emit_sort(b, hp_emit_select(b, low, hp_op_number(b, 0, x), x), 0, true, &rest);
    hp_value parts[2] = {hp_op_part(b, least, 0, 0, k + 1), hp_op_part(b, rest, 0, 0, n - k - 1)};
    hp_call_output(b, call, hp_emit_concat(b, parts, 2, 0));
}

#define NUM_SEGMENTS HP_JSON_OF(config, num_segments, "an integer, null for as many as there are")

/* ---- reductions by segment: all elements of axis 0 with one id together; ids outside are left out */

/* What a segment without elements has. */
static hp_value neutral(hp_builder *b, hp_reduction op, hp_value like) {
    hp_dtype dtype = hp_op_dtype(b, like);
    bool most = op == HP_REDUCTION_MAX;
    if (op == HP_REDUCTION_SUM || op == HP_REDUCTION_PROD) return hp_op_number(b, op == HP_REDUCTION_PROD, like);
    if (dtype == HP_FLOAT32) return hp_op_number(b, most ? -3.4028234663852886e38 : 3.4028234663852886e38, like);
    if (dtype == HP_FLOAT64) return hp_op_number(b, most ? -1.7976931348623157e308 : 1.7976931348623157e308, like);
    int64_t number = dtype == HP_INT64 ? (most ? INT64_MIN : INT64_MAX) : most ? INT32_MIN : INT32_MAX;
    if (dtype != HP_INT64 && dtype != HP_INT32)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "segments of %s are not supported", hp_dtype_name(dtype));
    return hp_emit_cast(b, hp_emit_literal(b, HP_INT64, 0, NULL, &number), dtype);
}

/* How many segments there are: where the call does not say it, one behind the greatest id, or, of sums, as many as there are
 * ids. *gaps: one of these has no elements. */
static int64_t count_segments(
    hp_builder *b, const hp_call *call, const config *c, hp_value ids, hp_reduction op, bool *gaps) {
    enum { MOST = 64 };
    int64_t known[MOST], end = 0, found = 0;
    const hp_json *said = hp_op_setting(b, call, -1, "num_segments", c->num_segments);
    *gaps = false;
    if (!c->sorted && !hp_json_is_null(said)) {
        if (hp_json_is(said, HP_JSON_INT) && said->integer >= 0) return said->integer;
        hp_builder_fail(b, HP_ERROR_FORMAT, "num_segments: expected an integer that is not negative");
    }
    int count = hp_builder_known(b, ids, known, NULL, MOST);
    if (b->status == HP_OK && count < 0)
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED,
            "num_segments: their number depends on the data, segment_ids that are more than a few constants");
    for (int i = 0; i < count; i++) {
        bool again = false;
        for (int k = 0; k < i && !again; k++) again = known[k] == known[i];
        found += !again;
        if (known[i] >= end) end = known[i] + 1;
    }
    *gaps = c->sorted && found != end;
    return op == HP_REDUCTION_SUM && !c->sorted ? found : end;
}

static hp_value reduced(
    hp_builder *b, const hp_call *call, const config *c, hp_value data, hp_value ids, hp_reduction op) {
    bool gaps;
    int64_t segments = count_segments(b, call, c, ids, op, &gaps);
    if (!whole_batch(b, data, ids, "segments of the batch")) return HP_NO_VALUE;
    hp_shape shape = *hp_builder_shape(b, data), id_shape = *hp_builder_shape(b, ids);
    if (id_shape.rank > shape.rank || shape.rank + 2 - id_shape.rank > HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "segment_ids have %d axes, the data %d", id_shape.rank, shape.rank);
        return HP_NO_VALUE;
    }
    for (int i = 0; i < id_shape.rank; i++)
        if (id_shape.dims[i] != shape.dims[i]) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "segment_ids have %lld along axis %d, the data %lld",
                (long long)id_shape.dims[i], i, (long long)shape.dims[i]);
            return HP_NO_VALUE;
        }
    int64_t n = hp_shape_elements(&id_shape), dims[HP_MAX_RANK] = {1, n}, id_dims[HP_MAX_RANK] = {1, n};
    int rest = shape.rank - id_shape.rank;
    for (int i = 0; i < rest; i++) {
        dims[i + 2] = shape.dims[id_shape.rank + i];
        id_dims[i + 2] = 1;
    }
    data = hp_emit_reshape(b, data, rest + 2, dims);
    ids = hp_emit_reshape(b, hp_emit_cast(b, ids, HP_INT32), rest + 2, id_dims);
    int64_t one_each[HP_MAX_RANK] = {segments, 1};
    for (int i = 0; i < rest; i++) one_each[i + 2] = 1;
    hp_value numbers = hp_emit_reshape(b, hp_op_range(b, 0, 1, (double)segments, HP_INT32), rest + 2, one_each);
    hp_value mine = hp_emit_compare(b, HP_EQUAL, numbers, ids);
    hp_value y = hp_op_reduce(b, hp_emit_select(b, mine, data, neutral(b, op, data)), op, 1, false);
    if (!gaps || (op != HP_REDUCTION_MAX && op != HP_REDUCTION_MIN)) return y;
    hp_value any = hp_op_reduce(b, mine, HP_REDUCTION_ANY, 1, false); /* of sorted ids, TensorFlow gives 0 for none */
    return hp_emit_select(b, any, y, hp_op_number(b, 0, y));
}

static void reduce_segments(hp_builder *b, const config *c, hp_call *call, hp_reduction op) {
    hp_value data = hp_op_operand(b, call, 0, "data"), ids = hp_op_operand(b, call, 1, "segment_ids");
    hp_call_output(b, call, reduced(b, call, c, data, ids, op));
}

/* tf.math.unsorted_segment_mean and its like: sums by how many there are, 1 at least, or the root of that. */
STATISTICS_OP(SegmentMean, HP_OP_TF, NUM_SEGMENTS, HP_BOOL(config, sorted, false), HP_BOOL(config, of_root, false)) {
    const config *c = layer->config;
    hp_value data = hp_op_operand(b, call, 0, "data"), ids = hp_op_operand(b, call, 1, "segment_ids");
    hp_shape shape = *hp_builder_shape(b, data);
    hp_value ones = hp_emit_fill(b, hp_op_dtype(b, data), &shape, 1);
    hp_value counts = reduced(b, call, c, ones, ids, HP_REDUCTION_SUM);
    counts = hp_op_binary(b, HP_BINARY_MAXIMUM, counts, 1);
    if (c->of_root) counts = hp_op_unary(b, counts, HP_UNARY_SQRT);
    hp_call_output(b, call, hp_op_divide(b, reduced(b, call, c, data, ids, HP_REDUCTION_SUM), counts));
}

#define SEGMENT_OP(name, op)                                                                                           \
    STATISTICS_OP(name, HP_OP_MATH, NUM_SEGMENTS, HP_BOOL(config, sorted, false)) {                                    \
        reduce_segments(b, layer->config, call, HP_REDUCTION_##op);                                                    \
    }
SEGMENT_OP(SegmentSum, SUM)
SEGMENT_OP(SegmentMax, MAX)
SEGMENT_OP(SegmentMin, MIN)
SEGMENT_OP(SegmentProd, PROD)

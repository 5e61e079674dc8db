/* order.c: sorting, the largest elements, quantiles and searches (keras/src/ops/numpy.py, math.py). */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis;
    const char *method, *side;
    int64_t k;
    bool sorted, keepdims;
} config;

#define ORDER_OP(name, module_, ...)                                                                                   \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

/* x along the one axis of the config, all elements as one axis where it is null. */
static hp_value along(hp_builder *b, const config *c, hp_value x, int *axis) {
    *axis = 0;
    if (hp_json_is_null(c->axis)) return hp_emit_reshape(b, x, 1, (int64_t[]){-1});
    *axis =
        hp_builder_axis(b, c->axis->type == HP_JSON_INT ? c->axis->integer : INT64_MAX, hp_builder_shape(b, x)->rank);
    return x;
}

ORDER_OP(Sort, HP_OP_NUMPY, HP_JSON_FIELD(config, axis)) {
    int axis;
    hp_value x = along(b, layer->config, hp_op_operand(b, call, 0, "x"), &axis);
    hp_call_output(b, call, hp_emit_sort(b, x, axis, false, NULL));
}

ORDER_OP(Argsort, HP_OP_NUMPY, HP_JSON_FIELD(config, axis)) {
    int axis;
    hp_value places, x = along(b, layer->config, hp_op_operand(b, call, 0, "x"), &axis);
    hp_emit_sort(b, x, axis, false, &places);
    hp_call_output(b, call, places);
}

/* The k largest of the last axis, the larger ones first; their places. */
ORDER_OP(TopK, HP_OP_MATH, HP_INT(config, k, HP_REQUIRED, 1, HP_MAX_DIM), HP_BOOL(config, sorted, true)) {
    const config *c = layer->config;
    hp_value places, x = hp_op_operand(b, call, 0, "x");
    const hp_shape *shape = hp_builder_shape(b, x);
    if (b->status == HP_OK && (shape->rank < 1 || shape->dims[shape->rank - 1] < c->k))
        hp_builder_fail(b, HP_ERROR_SHAPE, "k is %lld, the last axis is shorter", (long long)c->k);
    hp_value values = hp_emit_sort(b, x, -1, true, &places);
    hp_call_output(b, call, hp_op_part(b, values, -1, 0, c->k));
    hp_call_output(b, call, hp_op_part(b, places, -1, 0, c->k));
}

/* Whether the prediction of the target class is among the k largest: fewer than k are larger. */
ORDER_OP(InTopK, HP_OP_MATH, HP_INT(config, k, HP_REQUIRED, 1, HP_MAX_DIM)) {
    const config *c = layer->config;
    hp_value targets = hp_op_operand(b, call, 0, "targets"), predictions = hp_op_operand(b, call, 1, "predictions");
    int rank = hp_builder_shape(b, predictions)->rank;
    hp_value own = hp_emit_take_along(b, predictions, hp_op_new_axis(b, targets, rank - 1), -1);
    hp_value larger = hp_emit_cast(b, hp_emit_compare(b, HP_GREATER, predictions, own), HP_INT32);
    hp_value count = hp_op_reduce(b, larger, HP_REDUCTION_SUM, -1, false);
    hp_call_output(b, call, hp_emit_compare(b, HP_LESS, count, hp_op_number(b, (double)c->k, count)));
}

/* ---- quantiles: keras/src/backend/tensorflow/numpy.py _quantile */

/* x with the reduced axes merged into one at the end; *kept: its shape with axes of 1 in their places. */
static hp_value reduced_last(hp_builder *b, const config *c, hp_value x, hp_shape *kept) {
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], permutation[HP_MAX_RANK], at = 0, count = hp_op_axes(b, c->axis, shape.rank, axes);
    bool chosen[HP_MAX_RANK] = {false};
    int64_t dims[HP_MAX_RANK], merged = 1;
    for (int i = 0; i < count; i++) chosen[axes[i]] = true;
    if (shape.rows && chosen[0]) {
        hp_builder_mixes_rows(b, "a quantile over the rows");
        return HP_NO_VALUE;
    }
    *kept = shape;
    for (int i = 0; i < shape.rank; i++)
        if (!chosen[i]) {
            dims[at] = shape.dims[i];
            permutation[at++] = i;
        }
    int others = at;
    for (int i = 0; i < count; i++) {
        permutation[at++] = axes[i];
        merged *= shape.dims[axes[i]];
        kept->dims[axes[i]] = 1;
    }
    dims[others] = merged;
    x = hp_emit_transpose(b, x, permutation);
    return hp_emit_reshape(b, x, others + 1, dims);
}

/* The fraction of the step between the two neighbours of place q (n - 1), and the lower one, by method. */
static void place_of(const char *method, double at, double *low, double *fraction) {
    *low = floor(at);
    *fraction = at - *low;
    if (!strcmp(method, "lower")) *fraction = 0;
    if (!strcmp(method, "higher")) *fraction = *fraction > 0;
    if (!strcmp(method, "nearest")) {
        *low = nearbyint(at);
        *fraction = 0;
    }
    if (!strcmp(method, "midpoint")) *fraction = *fraction > 0 ? 0.5 : 0;
}

/* One quantile of sorted[..., n]. counts[..., 1]: how many of them are no NaN, or HP_NO_VALUE for all. */
static hp_value quantile(hp_builder *b, const config *c, hp_value sorted, hp_value counts, double q) {
    const char *method = c->method ? c->method : "linear";
    hp_shape shape = *hp_builder_shape(b, sorted);
    int64_t n = shape.dims[shape.rank - 1];
    if (counts == HP_NO_VALUE) {
        double low, fraction;
        place_of(method, q * (double)(n - 1), &low, &fraction);
        hp_value a = hp_op_part(b, sorted, -1, (int64_t)low, (int64_t)low + 1);
        if (fraction == 0) return a;
        hp_value z = hp_op_part(b, sorted, -1, (int64_t)low + 1, (int64_t)low + 2);
        return hp_op_add(b, hp_op_scale(b, a, 1 - fraction), hp_op_scale(b, z, fraction));
    }
    hp_value last = hp_emit_binary(b, HP_BINARY_SUBTRACT, counts, hp_op_number(b, 1, counts));
    hp_value at = hp_op_scale(b, hp_emit_cast(b, last, HP_FLOAT64), q), low = hp_op_unary(b, at, HP_UNARY_FLOOR);
    low = hp_emit_binary(b, HP_BINARY_MAXIMUM, low, hp_op_number(b, 0, low));
    hp_value high = hp_emit_binary(b, HP_BINARY_MINIMUM, hp_op_add(b, low, hp_op_number(b, 1, low)),
        hp_emit_binary(b, HP_BINARY_MAXIMUM, hp_emit_cast(b, last, HP_FLOAT64), hp_op_number(b, 0, low)));
    hp_value fraction = hp_emit_cast(b, hp_op_subtract(b, at, low), hp_op_dtype(b, sorted));
    hp_value a = hp_emit_take_along(b, sorted, hp_emit_cast(b, low, HP_INT64), -1);
    hp_value z = hp_emit_take_along(b, sorted, hp_emit_cast(b, high, HP_INT64), -1);
    hp_value y = hp_op_add(b, a, hp_op_multiply(b, hp_op_subtract(b, z, a), fraction));
    hp_value some = hp_emit_compare(b, HP_GREATER, counts, hp_op_number(b, 0, counts));
    return hp_emit_select(b, some, y, hp_op_number(b, NAN, y));
}

static hp_value valid_counts(hp_builder *b, hp_value x) {
    hp_value valid = hp_emit_cast(b, hp_emit_compare(b, HP_EQUAL, x, x), HP_INT32);
    return hp_op_reduce(b, valid, HP_REDUCTION_SUM, -1, true);
}

/* Quantiles `q` (a number or a list, of the config or the call) as numpy's: a list makes a new first axis. */
static void quantiles(hp_builder *b, const config *c, hp_call *call, const hp_json *q, double scale, bool ignore_nan) {
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), parts[64];
    const char *tag = hp_json_string(hp_json_get(q, "class_name"));
    if (tag) q = hp_json_get(hp_json_get(q, "config"), "value");
    hp_shape kept;
    bool list = hp_json_is(q, HP_JSON_ARRAY);
    size_t count = list ? q->count : 1;
    if (!q || count < 1 || count > 64 || (!list && q->type != HP_JSON_INT && q->type != HP_JSON_DOUBLE)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "q must be a number or a list of up to 64");
        return;
    }
    if (ignore_nan && c->method && strcmp(c->method, "linear") != 0) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "method \"%s\" with NaN left out", c->method);
        return;
    }
    x = reduced_last(b, c, x, &kept);
    hp_value sorted = hp_emit_sort(b, x, -1, false, NULL);
    hp_value counts = ignore_nan ? valid_counts(b, x) : HP_NO_VALUE;
    hp_value any_nan = HP_NO_VALUE;
    if (!ignore_nan) any_nan = hp_op_reduce(b, hp_op_is_nan(b, x), HP_REDUCTION_ANY, -1, true);
    if (b->status != HP_OK) return;
    for (size_t i = 0; i < count; i++) {
        hp_value y = quantile(b, c, sorted, counts, (list ? hp_json_at(q, i) : q)->number * scale);
        if (!ignore_nan) y = hp_emit_select(b, any_nan, hp_op_number(b, NAN, y), y);
        int rank = hp_builder_shape(b, y)->rank;
        if (c->keepdims)
            parts[i] = hp_emit_reshape(b, y, kept.rank, kept.dims);
        else
            parts[i] = hp_emit_reshape(b, y, rank - 1, hp_builder_shape(b, y)->dims);
        if (list) parts[i] = hp_op_new_axis(b, parts[i], 0);
    }
    hp_call_output(b, call, list ? hp_emit_concat(b, parts, (int)count, 0) : parts[0]);
}

static const hp_json half = {.type = HP_JSON_DOUBLE, .number = 0.5};
#define QUANTILE_FIELDS HP_JSON_FIELD(config, axis), HP_STRING_FIELD(config, method), HP_BOOL(config, keepdims, false)

ORDER_OP(Median, HP_OP_NUMPY, HP_JSON_FIELD(config, axis), HP_BOOL(config, keepdims, false)) {
    quantiles(b, layer->config, call, &half, 1, false);
}
ORDER_OP(Nanmedian, HP_OP_NUMPY, HP_JSON_FIELD(config, axis), HP_BOOL(config, keepdims, false)) {
    quantiles(b, layer->config, call, &half, 1, true);
}
/* Keras's Quantile.call does not pass its method on: always linear. */
ORDER_OP(Quantile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    config linear = *(const config *)layer->config;
    linear.method = NULL;
    quantiles(b, &linear, call, hp_op_constant(call, 1, "q"), 1, false);
}
ORDER_OP(Percentile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    quantiles(b, layer->config, call, hp_op_constant(call, 1, "q"), 0.01, false);
}
ORDER_OP(Nanquantile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    quantiles(b, layer->config, call, hp_op_constant(call, 1, "q"), 1, true);
}
ORDER_OP(Nanpercentile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    quantiles(b, layer->config, call, hp_op_constant(call, 1, "q"), 0.01, true);
}

/* ---- searches */

/* How many of the one-dimensional `sequence` are less than (or, `equal`, at most) each of x: int32. */
static hp_value count_below(hp_builder *b, hp_value x, hp_value sequence, bool equal) {
    int rank = hp_builder_shape(b, x)->rank;
    hp_value below = hp_emit_compare(b, equal ? HP_LESS_EQUAL : HP_LESS, sequence, hp_op_new_axis(b, x, rank));
    return hp_op_reduce(b, hp_emit_cast(b, below, HP_INT32), HP_REDUCTION_SUM, -1, false);
}

ORDER_OP(SearchSorted, HP_OP_NUMPY, HP_STRING_FIELD(config, side)) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "sorted_sequence", "values", pair);
    hp_call_output(b, call, count_below(b, pair[1], pair[0], c->side && !strcmp(c->side, "right")));
}

ORDER_OP(Digitize, HP_OP_NUMPY, HP_IGNORE("bins")) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x"), bins = hp_op_operand(b, call, 1, "bins");
    hp_call_output(b, call, count_below(b, hp_as_float(b, x), hp_as_float(b, bins), true));
}

ORDER_OP(TakeAlongAxis, HP_OP_NUMPY, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x"), indices = hp_op_operand(b, call, 1, "indices");
    int axis;
    x = along(b, c, x, &axis);
    if (hp_json_is_null(c->axis)) indices = hp_emit_reshape(b, indices, 1, (int64_t[]){-1});
    hp_call_output(b, call, hp_emit_take_along(b, x, indices, axis));
}

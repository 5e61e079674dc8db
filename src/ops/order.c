/* order.c: sorting, the largest elements, quantiles and searches (keras/src/ops/numpy.py, math.py). */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis, *most;
    const char *method, *side;
    int64_t k;
    bool sorted, keepdims;
    int direction;
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

/* tf.sort and tf.argsort, in either direction. */
#define DIRECTION HP_ENUM(config, direction, 0, HP_NAMES("ascending", "descending"))

ORDER_OP(SortInDirection, HP_OP_TF, HP_JSON_FIELD(config, axis), DIRECTION) {
    const config *c = layer->config;
    int axis;
    hp_value x = along(b, c, hp_op_operand(b, call, 0, "x"), &axis);
    hp_call_output(b, call, hp_emit_sort(b, x, axis, c->direction == 1, NULL));
}

ORDER_OP(ArgsortInDirection, HP_OP_TF, HP_JSON_FIELD(config, axis), DIRECTION) {
    const config *c = layer->config;
    int axis;
    hp_value places, x = along(b, c, hp_op_operand(b, call, 0, "x"), &axis);
    hp_emit_sort(b, x, axis, c->direction == 1, &places);
    hp_call_output(b, call, places);
}

/* The k largest of the last axis, the larger ones first; their places. Graphs of Keras 2 may compute k. */
#define K_GIVEN                                                                                                        \
    { .name = "k", .type = HP_FIELD_JSON, .offset = offsetof(config, most), .null_ok = true, .says = "an integer" }

ORDER_OP(TopK, HP_OP_MATH, K_GIVEN, HP_BOOL(config, sorted, true)) {
    const config *c = layer->config;
    hp_value places, x = hp_op_operand(b, call, 0, "x");
    const hp_shape *shape = hp_builder_shape(b, x);
    const hp_json *k = hp_op_setting(b, call, -1, "k", c->most);
    int64_t most = shape->rank < 1 ? 0 : shape->dims[shape->rank - 1];
    if (b->status != HP_OK) return;
    if (!hp_json_is(k, HP_JSON_INT) || k->integer < 0 || k->integer > most) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "k must be a number up to the last axis's %lld", (long long)most);
        return;
    }
    hp_value values = hp_emit_sort(b, x, -1, true, &places);
    hp_call_output(b, call, hp_op_part(b, values, -1, 0, k->integer));
    hp_call_output(b, call, hp_op_part(b, places, -1, 0, k->integer));
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

typedef struct sorted {
    hp_value values; /* [..., n] */
    hp_value counts; /* [..., 1], float64: how many of them are no NaN; HP_NO_VALUE: all n */
    int64_t n;
} sorted;

static hp_value at_most(hp_builder *b, const sorted *s, hp_value places) {
    hp_value most = s->counts == HP_NO_VALUE ? hp_op_number(b, (double)(s->n - 1), places)
                                             : hp_op_subtract(b, s->counts, hp_op_number(b, 1, s->counts));
    hp_value zero = hp_op_number(b, 0, places);
    return hp_emit_binary(b, HP_BINARY_MAXIMUM, hp_emit_binary(b, HP_BINARY_MINIMUM, places, most), zero);
}

/* The values at places of float64, [k] or [..., k]. */
static hp_value values_at(hp_builder *b, const sorted *s, hp_value places) {
    hp_value at = hp_emit_cast(b, places, HP_INT64);
    return s->counts == HP_NO_VALUE ? hp_emit_gather(b, s->values, at, -1) : hp_emit_take_along(b, s->values, at, -1);
}

/* The k quantiles q (float64, [k]) of each vector: [..., k]. */
static hp_value quantiles_of(hp_builder *b, const char *method, const sorted *s, hp_value q) {
    hp_value last = s->counts == HP_NO_VALUE ? hp_op_number(b, (double)(s->n - 1), q)
                                             : hp_op_subtract(b, s->counts, hp_op_number(b, 1, s->counts));
    hp_value exact = hp_op_multiply(b, last, q);
    hp_value low = at_most(b, s, hp_op_unary(b, exact, HP_UNARY_FLOOR));
    hp_value high = at_most(b, s, hp_op_unary(b, exact, HP_UNARY_CEIL));
    if (!strcmp(method, "lower")) return values_at(b, s, low);
    if (!strcmp(method, "higher")) return values_at(b, s, high);
    if (!strcmp(method, "nearest")) return values_at(b, s, at_most(b, s, hp_op_unary(b, exact, HP_UNARY_ROUND)));
    if (!strcmp(method, "midpoint"))
        return hp_op_scale(b, hp_op_add(b, values_at(b, s, low), values_at(b, s, high)), 0.5);
    if (strcmp(method, "linear") != 0)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "method \"%s\" is not known", method);
    low = hp_emit_binary(
        b, HP_BINARY_MAXIMUM, hp_op_subtract(b, high, hp_op_number(b, 1, high)), hp_op_number(b, 0, high));
    high = at_most(b, s, hp_op_add(b, low, hp_op_number(b, 1, low)));
    hp_value fraction = hp_emit_cast(b, hp_op_subtract(b, high, exact), hp_op_dtype(b, s->values));
    hp_value rest = hp_op_subtract(b, hp_op_number(b, 1, fraction), fraction);
    return hp_op_add(
        b, hp_op_multiply(b, values_at(b, s, high), rest), hp_op_multiply(b, values_at(b, s, low), fraction));
}

static hp_value valid_counts(hp_builder *b, hp_value x) {
    hp_value valid = hp_emit_cast(b, hp_emit_compare(b, HP_EQUAL, x, x), HP_INT32);
    return hp_emit_cast(b, hp_op_reduce(b, valid, HP_REDUCTION_SUM, -1, true), HP_FLOAT64);
}

/* The quantiles of x at q, as numpy's: several of them make a new first axis. */
static void quantiles(hp_builder *b, const config *c, hp_call *call, hp_value q, bool ignore_nan) {
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    hp_shape kept, many = *hp_builder_shape(b, q);
    if (b->status == HP_OK && many.rows) hp_builder_mixes_rows(b, "quantiles that the rows give");
    if (!hp_check_rank(b, q, 0, 1)) return;
    q = hp_emit_reshape(b, hp_emit_cast(b, q, HP_FLOAT64), 1, (int64_t[]){-1});
    x = reduced_last(b, c, x, &kept);
    if (b->status != HP_OK) return;
    sorted s = {hp_emit_sort(b, x, -1, false, NULL), ignore_nan ? valid_counts(b, x) : HP_NO_VALUE, 0};
    hp_shape shape = *hp_builder_shape(b, x);
    s.n = shape.dims[shape.rank - 1];
    hp_value y = quantiles_of(b, c->method ? c->method : "linear", &s, q);
    hp_value none = ignore_nan ? hp_emit_compare(b, HP_EQUAL, s.counts, hp_op_number(b, 0, s.counts))
                               : hp_op_reduce(b, hp_op_is_nan(b, x), HP_REDUCTION_ANY, -1, true);
    y = hp_emit_select(b, none, hp_op_number(b, NAN, y), y);
    if (c->keepdims) { /* the axes of 1 lie where they were, the quantiles behind them */
        if (kept.rank == HP_MAX_RANK) {
            hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "more than %d axes", HP_MAX_RANK);
            return;
        }
        kept.dims[kept.rank] = many.rank ? many.dims[0] : 1;
        y = hp_emit_reshape(b, y, kept.rank + 1, kept.dims);
    }
    int last = hp_builder_shape(b, y)->rank - 1;
    hp_call_output(b, call, many.rank ? hp_move_axis(b, y, last, 0) : hp_op_drop_axis(b, y, -1));
}

/* q of the call as float32, which is what Keras makes of numbers; in percent where `percent`. */
static hp_value places(hp_builder *b, const hp_call *call, bool percent) {
    hp_value q = hp_op_operand(b, call, 1, "q");
    if (percent)
        q = hp_op_divide(b, hp_emit_cast(b, q, HP_FLOAT32), hp_emit_literal(b, HP_FLOAT32, 0, NULL, (float[]){100}));
    return q;
}

#define QUANTILE_FIELDS HP_JSON_FIELD(config, axis), HP_STRING_FIELD(config, method), HP_BOOL(config, keepdims, false)

ORDER_OP(Median, HP_OP_NUMPY, HP_JSON_FIELD(config, axis), HP_BOOL(config, keepdims, false)) {
    quantiles(b, layer->config, call, hp_emit_doubles(b, 0, NULL, (double[]){0.5}), false);
}
ORDER_OP(Nanmedian, HP_OP_NUMPY, HP_JSON_FIELD(config, axis), HP_BOOL(config, keepdims, false)) {
    quantiles(b, layer->config, call, hp_emit_doubles(b, 0, NULL, (double[]){0.5}), true);
}
/* Keras's Quantile.call does not pass its method on: always linear. */
ORDER_OP(Quantile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    config linear = *(const config *)layer->config;
    linear.method = NULL;
    quantiles(b, &linear, call, places(b, call, false), false);
}
ORDER_OP(Percentile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    quantiles(b, layer->config, call, places(b, call, true), false);
}
ORDER_OP(Nanquantile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    quantiles(b, layer->config, call, hp_emit_cast(b, places(b, call, false), HP_FLOAT32), true);
}
ORDER_OP(Nanpercentile, HP_OP_NUMPY, QUANTILE_FIELDS) {
    quantiles(b, layer->config, call, places(b, call, true), true);
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

/* tf.searchsorted: each row of values in its own row of the sequences. */
HP_TF_OP(SearchSortedRows, HP_STRING_FIELD(config, side), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "sorted_sequence", "values", pair);
    int rank = hp_builder_shape(b, pair[0])->rank;
    if (rank > 1) pair[0] = hp_op_new_axis(b, pair[0], rank - 1);
    hp_value y = count_below(b, pair[1], pair[0], c->side && !strcmp(c->side, "right"));
    hp_call_output(b, call, hp_emit_cast(b, y, hp_op_config_dtype(b, layer, HP_INT32)));
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

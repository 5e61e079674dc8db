/* tf_statistics.c: moments, norms and counts of TensorFlow that Keras has no name for (tensorflow/python/ops/nn_impl.py, clip_ops.py,
 * bincount_ops.py). Those over axis 0, or over everything, look at a whole batch; the builder says so. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axes, *value_range;
    double epsilon, clip_norm;
    int64_t nbins, minlength, maxlength, axis, num_classes;
    bool keepdims, is_training, binary_output;
} config;

static hp_value sum_of(hp_builder *b, const int *axes, int count, hp_value x, bool keepdims) {
    return hp_emit_reduce(b, x, HP_REDUCTION_SUM, axes, count, keepdims);
}

static hp_value sum_of_all(hp_builder *b, hp_value x) {
    int axes[HP_MAX_RANK];
    return sum_of(b, axes, hp_op_axes(b, NULL, hp_builder_shape(b, x)->rank, axes), x, false);
}

static hp_value inverse(hp_builder *b, hp_value x) {
    return hp_op_divide(b, hp_op_number(b, 1, x), x);
}

/* ---- moments */

/* Mean and variance, weighted by what broadcasts to x. */
HP_TF_OP(WeightedMoments, HP_JSON_FIELD(config, axes), HP_BOOL(config, keepdims, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    hp_value weights = hp_emit_cast(b, hp_op_operand(b, call, 1, "frequency_weights"), hp_op_dtype(b, x));
    int axes[HP_MAX_RANK], count = hp_op_axes(b, c->axes, hp_builder_shape(b, x)->rank, axes);
    hp_value all_weights = hp_op_add(b, weights, hp_op_scale(b, x, 0));
    hp_value share = inverse(b, sum_of(b, axes, count, all_weights, true));
    hp_value mean = hp_op_multiply(b, sum_of(b, axes, count, hp_op_multiply(b, weights, x), true), share);
    hp_value off = hp_op_unary(b, hp_op_subtract(b, x, mean), HP_UNARY_SQUARE);
    hp_value moments[2] = {
        mean, hp_op_multiply(b, sum_of(b, axes, count, hp_op_multiply(b, weights, off), true), share)};
    for (int i = 0; i < 2; i++) {
        bool drops = !c->keepdims; /* axes of one element: their maximum is it */
        hp_value y = drops ? hp_emit_reduce(b, moments[i], HP_REDUCTION_MAX, axes, count, false) : moments[i];
        hp_call_output(b, call, y);
    }
}

/* How many elements, their sum, and that of their squares. TensorFlow's fourth, a shift, is none here, and read by nobody. */
HP_TF_OP(SufficientStatistics, HP_JSON_FIELD(config, axes), HP_BOOL(config, keepdims, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], count = hp_op_axes(b, c->axes, shape.rank, axes);
    hp_value sums[2] = {sum_of(b, axes, count, x, c->keepdims),
        sum_of(b, axes, count, hp_op_unary(b, x, HP_UNARY_SQUARE), c->keepdims)};
    double elements = 1;
    for (int i = 0; i < count; i++) elements *= (double)shape.dims[axes[i]];
    hp_call_output(b, call, hp_op_number(b, elements, x));
    for (int i = 0; i < 2; i++) hp_call_output(b, call, sums[i]);
}

/* Of the last axis's channels: y, mean and variance; in training those of the batch, the variance for the moving one, which is
 * divided by one less. */
HP_TF_OP(FusedBatchNorm, HP_FLOAT(config, epsilon, 1e-3, 0, 1e30), HP_BOOL(config, is_training, true), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value scale = hp_op_operand(b, call, 1, "scale"), offset = hp_op_operand(b, call, 2, "offset");
    hp_value mean, variance, given;
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK];
    double elements = 1;
    for (int i = 0; i < shape.rank - 1; i++) {
        axes[i] = i;
        elements *= (double)shape.dims[i];
    }
    if (c->is_training) {
        mean = hp_emit_reduce(b, x, HP_REDUCTION_MEAN, axes, shape.rank - 1, false);
        hp_value off = hp_op_unary(b, hp_op_subtract(b, x, mean), HP_UNARY_SQUARE);
        variance = hp_emit_reduce(b, off, HP_REDUCTION_MEAN, axes, shape.rank - 1, false);
        given = hp_op_scale(b, variance, elements / (elements > 1 ? elements - 1 : 1));
    } else {
        mean = hp_op_operand(b, call, 3, "mean");
        given = variance = hp_op_operand(b, call, 4, "variance");
    }
    hp_value root = hp_op_unary(b, hp_op_binary(b, HP_BINARY_ADD, variance, c->epsilon), HP_UNARY_RSQRT);
    hp_value y = hp_op_multiply(b, hp_op_subtract(b, x, mean), hp_op_multiply(b, root, scale));
    hp_call_output(b, call, hp_op_add(b, y, offset));
    hp_call_output(b, call, hp_emit_alias(b, mean));
    hp_call_output(b, call, hp_emit_alias(b, given));
}

/* ---- norms of several tensors together */

enum { MOST_TENSORS = 64 };

static hp_value norm_of_all(hp_builder *b, const hp_value *values, int count) {
    hp_value sum = HP_NO_VALUE;
    for (int i = 0; i < count; i++) {
        hp_value part = hp_op_scale(b, sum_of_all(b, hp_op_unary(b, values[i], HP_UNARY_SQUARE)), 0.5);
        sum = i ? hp_op_add(b, sum, part) : part;
    }
    return hp_op_unary(b, hp_op_scale(b, sum, 2), HP_UNARY_SQRT);
}

HP_TF_OP(GlobalNorm, HP_FIELDS_END) {
    (void)layer;
    hp_value values[MOST_TENSORS];
    int count = hp_op_list(b, call, "xs", values, MOST_TENSORS);
    if (count) hp_call_output(b, call, norm_of_all(b, values, count));
}

/* All scaled down to one norm, where theirs, or the one that is said, is greater; and that norm. */
HP_TF_OP(ClipByGlobalNorm, HP_FIELDS_END) {
    (void)layer;
    hp_value values[MOST_TENSORS];
    int count = hp_op_list(b, call, "xs", values, MOST_TENSORS);
    if (!count) return;
    hp_value norm = hp_op_value(b, hp_call_arg(call, -1, "use_norm"), hp_op_dtype(b, values[0]));
    hp_value most = hp_op_value(b, hp_call_arg(call, 1, "clip_norm"), hp_op_dtype(b, values[0]));
    if (norm == HP_NO_VALUE) norm = norm_of_all(b, values, count);
    hp_value least = hp_emit_binary(b, HP_BINARY_MINIMUM, inverse(b, norm), inverse(b, most));
    hp_value finite = hp_op_compare(b, HP_LESS, hp_op_unary(b, norm, HP_UNARY_ABSOLUTE), INFINITY);
    hp_value scale = hp_emit_select(b, finite, hp_op_multiply(b, most, least), hp_op_number(b, NAN, least));
    for (int i = 0; i < count; i++) hp_call_output(b, call, hp_op_multiply(b, values[i], scale));
    hp_call_output(b, call, hp_emit_alias(b, norm));
}

/* Scaled down to an average norm, that of all elements by their number. */
HP_TF_OP(ClipByAverageNorm, HP_FLOAT(config, clip_norm, HP_REQUIRED, 0, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    hp_value share = hp_op_unary(b, sum_of_all(b, hp_op_unary(b, x, HP_UNARY_SQUARE)), HP_UNARY_RSQRT);
    share = hp_op_scale(b, share, (double)hp_shape_elements(&shape));
    share = hp_op_binary(b, HP_BINARY_MINIMUM, share, 1 / c->clip_norm);
    hp_call_output(b, call, hp_op_multiply(b, hp_op_scale(b, x, c->clip_norm), share));
}

/* ---- counts */

enum { MOST_BINS = 1 << 16 };

/* How many numbers of the last axis each bin has, or the sum of their weights. */
static hp_value counted(hp_builder *b, hp_value bins, hp_value weights, int64_t count, hp_dtype dtype) {
    int rank = hp_builder_shape(b, bins)->rank;
    hp_value all = hp_op_new_axis(b, hp_op_range(b, 0, 1, (double)count, hp_op_dtype(b, bins)), 1);
    hp_value here = hp_emit_compare(b, HP_EQUAL, all, hp_op_new_axis(b, bins, rank - 1));
    hp_value one = weights == HP_NO_VALUE
                       ? hp_emit_cast(b, here, hp_dtype_is_float(dtype) ? dtype : HP_INT64)
                       : hp_emit_select(b, here, hp_op_new_axis(b, weights, rank - 1), hp_op_number(b, 0, weights));
    return hp_emit_cast(b, hp_op_reduce(b, one, HP_REDUCTION_SUM, -1, false), dtype);
}

static hp_value in_a_row(hp_builder *b, hp_value x) {
    return hp_emit_reshape(b, x, 1, (const int64_t[]){-1});
}

/* The bin of each element, of bins of one width between two numbers; what is outside is in the first or the last. */
static hp_value bins_of(hp_builder *b, const config *c, hp_value x) {
    const hp_json *low = hp_json_at(c->value_range, 0), *high = hp_json_at(c->value_range, 1);
    bool fits = low && high && low->type != HP_JSON_STRING && high->type != HP_JSON_STRING;
    if (!fits) return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "value_range: expected two numbers");
    double step = (high->number - low->number) / (double)c->nbins; /* in double precision in TensorFlow, too */
    hp_value least = hp_op_number(b, low->number, x);
    x = hp_op_subtract(b, hp_emit_binary(b, HP_BINARY_MAXIMUM, x, least), least);
    x = hp_op_binary(b, HP_BINARY_DIVIDE, hp_emit_cast(b, x, HP_FLOAT64), step);
    return hp_emit_cast(b, hp_op_binary(b, HP_BINARY_MINIMUM, x, (double)(c->nbins - 1)), HP_INT32);
}

#define BINS HP_JSON_FIELD(config, value_range), HP_INT(config, nbins, 100, 1, MOST_BINS), HP_FIELDS_END

HP_TF_OP(HistogramBins, BINS) {
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_INT32);
    hp_value bins = bins_of(b, layer->config, hp_op_operand(b, call, 0, "values"));
    hp_call_output(b, call, hp_emit_cast(b, bins, dtype));
}

HP_TF_OP(HistogramFixedWidth, BINS) {
    const config *c = layer->config;
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_INT32);
    hp_value x = hp_op_operand(b, call, 0, "values");
    if (b->status == HP_OK && hp_builder_shape(b, x)->rows) hp_builder_mixes_rows(b, "a histogram of the batch");
    hp_call_output(b, call, counted(b, bins_of(b, c, in_a_row(b, x)), HP_NO_VALUE, c->nbins, dtype));
}

/* How often each of the first integers occurs, in all elements or (axis -1) in each row. */
HP_TF_OP(Bincount, HP_INT(config, minlength, HP_NULL, 0, MOST_BINS), HP_INT(config, maxlength, HP_NULL, 0, MOST_BINS),
    HP_INT(config, axis, HP_NULL, -1, -1), HP_BOOL(config, binary_output, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "arr"),
             weights = hp_op_value(b, hp_call_arg(call, -1, "weights"), HP_FLOAT32);
    hp_dtype dtype = weights == HP_NO_VALUE ? hp_op_config_dtype(b, layer, HP_INT32) : hp_op_dtype(b, weights);
    if (b->status == HP_OK && (c->minlength == HP_INT_NULL || c->maxlength != c->minlength))
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED,
            "minlength and maxlength: without both, and the same, the shape depends on the data");
    if (b->status == HP_OK && c->axis == HP_INT_NULL && hp_builder_shape(b, x)->rows)
        hp_builder_mixes_rows(b, "the batch is counted");
    if (b->status != HP_OK) return;
    if (c->axis == HP_INT_NULL) {
        x = in_a_row(b, x);
        if (weights != HP_NO_VALUE) weights = in_a_row(b, weights);
    }
    hp_value y = counted(b, x, weights, c->minlength, c->binary_output ? HP_INT32 : dtype);
    if (c->binary_output) y = hp_emit_cast(b, hp_op_compare(b, HP_GREATER, y, 0), dtype);
    hp_call_output(b, call, y);
}

/* [label, prediction]: how many rows have both. */
HP_TF_OP(ConfusionMatrix, HP_INT(config, num_classes, HP_NULL, 1, 256), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_INT32);
    hp_value labels = hp_emit_cast(b, hp_op_operand(b, call, 0, "labels"), HP_INT64);
    hp_value predictions = hp_emit_cast(b, hp_op_operand(b, call, 1, "predictions"), HP_INT64);
    hp_value weights = hp_op_value(b, hp_call_arg(call, -1, "weights"), HP_FLOAT32);
    if (b->status == HP_OK && c->num_classes == HP_INT_NULL)
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "num_classes: without it the shape depends on the data");
    if (b->status == HP_OK && hp_builder_shape(b, labels)->rows) hp_builder_mixes_rows(b, "the batch is counted");
    if (b->status != HP_OK) return;
    int64_t n = c->num_classes;
    hp_value at = in_a_row(b, hp_op_add(b, hp_op_scale(b, labels, (double)n), predictions));
    if (weights != HP_NO_VALUE) weights = in_a_row(b, weights);
    hp_value y = hp_emit_cast(b, counted(b, at, weights, n * n, weights == HP_NO_VALUE ? HP_INT64 : HP_FLOAT32), dtype);
    hp_call_output(b, call, hp_emit_reshape(b, y, 2, (const int64_t[]){n, n}));
}

/* sampling.c: images read at computed places, compared and decoded (keras/src/ops/image.py, nn.py): MapCoordinates,
 * ScaleAndTranslate, SSIM, and CTCDecode, as keras/src/backend/tensorflow has them. */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    int64_t order, filter_size, mask_index, beam_width, top_paths;
    int fill_mode, data_format, method, strategy;
    double fill_value, max_val, filter_sigma, k1, k2;
    bool antialias, merge_repeated, greedy;
    const hp_json *spatial_dims, *power_factors;
} config;

#define SAMPLING_OP(name, module_, ...)                                                                                \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

static hp_value both(hp_builder *b, hp_value x, hp_value y) {
    return x == HP_NO_VALUE ? y : hp_emit_logical(b, HP_AND, x, y);
}

/* ---- MapCoordinates */

enum { CONSTANT, NEAREST, WRAP, MIRROR, REFLECT };

/* An index along an axis as one inside of it; *valid: whether it was, where that matters. */
static hp_value inside(hp_builder *b, int mode, hp_value index, int64_t size, hp_value *valid) {
    double n = (double)size;
    *valid = HP_NO_VALUE;
    if (mode == CONSTANT)
        *valid = both(b, hp_op_compare(b, HP_GREATER_EQUAL, index, 0), hp_op_compare(b, HP_LESS, index, n));
    if (mode == CONSTANT || mode == NEAREST)
        return hp_op_binary(b, HP_BINARY_MINIMUM, hp_op_binary(b, HP_BINARY_MAXIMUM, index, 0), n - 1);
    if (mode == WRAP) return hp_op_binary(b, HP_BINARY_MOD, index, n);
    hp_value mod = hp_op_binary(b, HP_BINARY_MOD, hp_op_unary(b, index, HP_UNARY_ABSOLUTE), 2 * n);
    hp_value over = hp_op_subtract(b, hp_op_number(b, mode == REFLECT ? 2 * n - 1 : 2 * n, mod), mod);
    return hp_emit_select(b, hp_op_compare(b, HP_LESS, mod, n), mod, over);
}

typedef struct node {
    hp_value index, valid, weight; /* weight HP_NO_VALUE: 1 */
} node;

/* The places along an axis that a coordinate reads, one (order 0) or two. */
static int axis_nodes(hp_builder *b, const config *c, hp_value coordinate, int64_t size, node nodes[2]) {
    bool real = hp_dtype_is_float(hp_op_dtype(b, coordinate));
    if (c->order == 0) {
        hp_value at = real ? hp_op_unary(b, coordinate, HP_UNARY_ROUND) : coordinate;
        nodes[0].weight = HP_NO_VALUE;
        nodes[0].index = inside(b, c->fill_mode, hp_emit_cast(b, at, HP_INT32), size, &nodes[0].valid);
        return 1;
    }
    hp_value lower = hp_op_unary(b, coordinate, HP_UNARY_FLOOR), index = hp_emit_cast(b, lower, HP_INT32);
    nodes[1].weight = hp_op_subtract(b, coordinate, lower);
    nodes[0].weight = hp_op_subtract(b, hp_op_number(b, 1, coordinate), nodes[1].weight);
    nodes[0].index = inside(b, c->fill_mode, index, size, &nodes[0].valid);
    nodes[1].index = inside(b, c->fill_mode, hp_op_binary(b, HP_BINARY_ADD, index, 1), size, &nodes[1].valid);
    return 2;
}

/* What one choice of a node for each axis adds. */
static hp_value corner(hp_builder *b, const config *c, hp_value table, const hp_shape *shape, node nodes[][2],
    unsigned choice, hp_dtype dtype) {
    hp_value at = HP_NO_VALUE, valid = HP_NO_VALUE, weight = HP_NO_VALUE;
    for (int d = 0; d < shape->rank; d++) {
        const node *n = &nodes[d][choice >> d & 1];
        at = at == HP_NO_VALUE
                 ? n->index
                 : hp_op_add(b, hp_op_binary(b, HP_BINARY_MULTIPLY, at, (double)shape->dims[d]), n->index);
        if (n->valid != HP_NO_VALUE) valid = both(b, valid, n->valid);
        if (n->weight != HP_NO_VALUE) weight = weight == HP_NO_VALUE ? n->weight : hp_op_multiply(b, weight, n->weight);
    }
    hp_value y = hp_emit_cast(b, hp_emit_gather(b, table, at, 0), dtype);
    if (valid != HP_NO_VALUE) y = hp_emit_select(b, valid, y, hp_op_number(b, c->fill_value, y));
    return weight == HP_NO_VALUE ? y : hp_op_multiply(b, weight, y);
}

SAMPLING_OP(MapCoordinates, HP_OP_IMAGE, HP_INT(config, order, HP_REQUIRED, 0, 1),
    HP_ENUM(config, fill_mode, CONSTANT, HP_NAMES("constant", "nearest", "wrap", "mirror", "reflect")),
    HP_FLOAT(config, fill_value, 0, -1e300, 1e300)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), coordinates = hp_op_operand(b, call, 1, "coordinates");
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status == HP_OK && (shape.rows || hp_builder_shape(b, coordinates)->rows))
        hp_builder_mixes_rows(b, "coordinates along the batch axis");
    if (b->status != HP_OK || !hp_check_rank(b, coordinates, 2, -1)) return;
    if (hp_builder_shape(b, coordinates)->dims[0] != shape.rank) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "coordinates of %lld axes in a tensor of %d",
            (long long)hp_builder_shape(b, coordinates)->dims[0], shape.rank);
        return;
    }
    hp_dtype given = hp_op_dtype(b, x), dtype = hp_op_dtype(b, coordinates);
    node nodes[HP_MAX_RANK][2];
    for (int d = 0; d < shape.rank; d++) {
        hp_value coordinate = hp_op_drop_axis(b, hp_op_part(b, coordinates, 0, d, d + 1), 0);
        axis_nodes(b, c, coordinate, shape.dims[d], nodes[d]);
    }
    hp_value table = hp_emit_reshape(b, x, 1, (int64_t[]){-1}), y = HP_NO_VALUE;
    for (unsigned choice = 0; choice < (c->order ? 1U << shape.rank : 1U) && b->status == HP_OK; choice++) {
        hp_value part = corner(b, c, table, &shape, nodes, choice, dtype);
        y = choice ? hp_op_add(b, y, part) : part;
    }
    if (!hp_dtype_is_float(given) && hp_dtype_is_float(dtype)) y = hp_op_unary(b, y, HP_UNARY_ROUND);
    hp_call_output(b, call, hp_emit_cast(b, y, given));
}

/* ---- ScaleAndTranslate */

enum { LINEAR, BILINEAR, TRILINEAR, TRIANGLE, CUBIC, BICUBIC, TRICUBIC, LANCZOS3, LANCZOS5 };

static hp_value polynomial(hp_builder *b, hp_value x, const double *factors, int count) {
    hp_value y = hp_op_number(b, factors[0], x);
    for (int i = 1; i < count; i++) y = hp_op_binary(b, HP_BINARY_ADD, hp_op_multiply(b, y, x), factors[i]);
    return y;
}

/* The weight of an element at distance x. */
static hp_value kernel(hp_builder *b, int method, hp_value x) {
    hp_value zero = hp_op_number(b, 0, x);
    if (method < CUBIC) return hp_emit_binary(b, HP_BINARY_MAXIMUM, zero, hp_op_subtract(b, hp_op_number(b, 1, x), x));
    if (method < LANCZOS3) {
        hp_value near = polynomial(b, x, (double[]){1.5, -2.5, 0, 1}, 4);
        hp_value far = polynomial(b, x, (double[]){-0.5, 2.5, -4, 2}, 4);
        hp_value y = hp_emit_select(b, hp_op_compare(b, HP_GREATER_EQUAL, x, 1), far, near);
        return hp_emit_select(b, hp_op_compare(b, HP_GREATER_EQUAL, x, 2), zero, y);
    }
    const double pi = 3.14159265358979323846;
    double radius = method == LANCZOS3 ? 3 : 5;
    hp_value angle = hp_op_scale(b, x, pi), square = hp_op_scale(b, hp_op_unary(b, x, HP_UNARY_SQUARE), pi * pi);
    hp_value y = hp_op_scale(b, hp_op_unary(b, angle, HP_UNARY_SIN), radius);
    y = hp_op_multiply(b, y, hp_op_unary(b, hp_op_scale(b, angle, 1 / radius), HP_UNARY_SIN));
    y = hp_op_divide(b, y, hp_emit_select(b, hp_op_compare(b, HP_NOT_EQUAL, x, 0), square, hp_op_number(b, 1, x)));
    y = hp_emit_select(b, hp_op_compare(b, HP_GREATER, x, 1e-3), y, hp_op_number(b, 1, x));
    return hp_emit_select(b, hp_op_compare(b, HP_GREATER, x, radius), zero, y);
}

/* [input, output]: backend/tensorflow/image.py _compute_weight_mat. */
static hp_value weights(hp_builder *b, const config *c, int64_t in, int64_t out, hp_value scale, hp_value translation) {
    hp_value inverse = hp_op_divide(b, hp_op_number(b, 1, scale), scale);
    hp_value at = hp_op_multiply(
        b, hp_op_binary(b, HP_BINARY_ADD, hp_op_range(b, 0, 1, out, hp_op_dtype(b, scale)), 0.5), inverse);
    at = hp_op_binary(b, HP_BINARY_SUBTRACT, hp_op_subtract(b, at, hp_op_multiply(b, translation, inverse)), 0.5);
    hp_value x = hp_op_subtract(
        b, hp_op_new_axis(b, at, 0), hp_op_new_axis(b, hp_op_range(b, 0, 1, in, hp_op_dtype(b, scale)), 1));
    x = hp_op_unary(b, x, HP_UNARY_ABSOLUTE);
    if (c->antialias) x = hp_op_divide(b, x, hp_op_binary(b, HP_BINARY_MAXIMUM, inverse, 1));
    hp_value w = kernel(b, c->method, x), sum = hp_op_reduce(b, w, HP_REDUCTION_SUM, 0, true);
    hp_value zero = hp_op_number(b, 0, w);
    hp_value divisor = hp_emit_select(b, hp_op_compare(b, HP_NOT_EQUAL, sum, 0), sum, hp_op_number(b, 1, sum));
    hp_value counts =
        hp_op_compare(b, HP_GREATER, hp_op_unary(b, sum, HP_UNARY_ABSOLUTE), 1000 * 1.1920928955078125e-7);
    w = hp_emit_select(b, counts, hp_op_divide(b, w, divisor), zero);
    hp_value in_range =
        both(b, hp_op_compare(b, HP_GREATER_EQUAL, at, -0.5), hp_op_compare(b, HP_LESS_EQUAL, at, (double)in - 0.5));
    return hp_emit_select(b, hp_op_new_axis(b, in_range, 0), w, zero);
}

SAMPLING_OP(ScaleAndTranslate, HP_OP_IMAGE, HP_JSON_FIELD(config, spatial_dims), HP_BOOL(config, antialias, true),
    HP_ENUM(config, method, HP_REQUIRED,
        HP_NAMES(
            "linear", "bilinear", "trilinear", "triangle", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5"))) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "images");
    const hp_arg *sizes = hp_call_arg(call, 1, "output_shape");
    int64_t shape[HP_MAX_RANK], dims[HP_MAX_RANK];
    if (b->status == HP_OK && (!sizes || sizes->kind != HP_ARG_CONSTANT))
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "output_shape: found no plain numbers");
    if (b->status != HP_OK) return;
    hp_op_integers(b, sizes->constant, -1, shape);
    int count = hp_op_integers(b, c->spatial_dims, -1, dims), rank = hp_builder_shape(b, x)->rank;
    hp_value scale = hp_op_operand(b, call, 2, "scale"), translation = hp_op_operand(b, call, 3, "translation");
    hp_dtype dtype = hp_promote(hp_op_dtype(b, scale), hp_op_dtype(b, translation)), given = hp_op_dtype(b, x);
    scale = hp_emit_cast(b, scale, dtype);
    translation = hp_emit_cast(b, translation, dtype);
    if (b->status == HP_OK && (!hp_dtype_is_float(given) || !hp_dtype_is_float(dtype)))
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "images, scale or translation of integers are not supported");
    for (int i = 0; i < count && b->status == HP_OK; i++) {
        int axis = hp_builder_axis(b, dims[i], rank);
        if (hp_builder_shape(b, x)->rows && axis == 0) {
            hp_builder_mixes_rows(b, "the batch axis is resampled");
            return;
        }
        hp_value w = weights(b, c, hp_builder_shape(b, x)->dims[axis], shape[axis],
            hp_op_drop_axis(b, hp_op_part(b, scale, 0, i, i + 1), 0),
            hp_op_drop_axis(b, hp_op_part(b, translation, 0, i, i + 1), 0));
        x = hp_emit_matmul(b, hp_move_axis(b, x, axis, rank - 1), hp_emit_cast(b, w, given), false, false);
        x = hp_move_axis(b, x, rank - 1, axis);
    }
    hp_call_output(b, call, x);
}

/* ---- SSIM */

static hp_value blurred(hp_builder *b, hp_value x, hp_value kernel_of, int64_t size) {
    hp_conv_params params = {.spatial = 2, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}};
    hp_shape shape = *hp_builder_shape(b, x); /* channels become images */
    if (b->status != HP_OK || shape.dims[1] < size || shape.dims[2] < size)
        return hp_builder_fail(b, HP_ERROR_SHAPE, "images smaller than the filter of %lld", (long long)size);
    return hp_emit_depthwise(b, x, kernel_of, HP_NO_VALUE, &params);
}

/* A bell of `filter_size` pixels either way, for each channel. */
static hp_value bell_filter(hp_builder *b, const config *c, int64_t channels, hp_dtype dtype) {
    int64_t size = c->filter_size;
    hp_value at =
        hp_op_binary(b, HP_BINARY_SUBTRACT, hp_op_range(b, 0, 1, (double)size, dtype), (double)(size - 1) / 2);
    hp_value bell = hp_op_scale(b, hp_op_unary(b, at, HP_UNARY_SQUARE), -1 / (2 * c->filter_sigma * c->filter_sigma));
    bell = hp_op_unary(b, bell, HP_UNARY_EXP);
    bell = hp_op_divide(b, bell, hp_op_reduce(b, bell, HP_REDUCTION_SUM, 0, true));
    hp_value filter = hp_op_multiply(b, hp_op_new_axis(b, bell, 1), hp_op_new_axis(b, bell, 0));
    return hp_emit_repeat(b, hp_emit_reshape(b, filter, 4, (int64_t[]){size, size, 1, 1}), 2, channels);
}

/* How alike two images are around each pixel; *contrast: without what their brightness adds. */
static hp_value similarity(hp_builder *b, const config *c, hp_value x, hp_value y, hp_value *contrast) {
    int64_t size = c->filter_size;
    hp_value filter = bell_filter(b, c, hp_builder_shape(b, x)->dims[3], hp_op_dtype(b, x));
    hp_value mean_x = blurred(b, x, filter, size), mean_y = blurred(b, y, filter, size);
    hp_value xx = hp_op_multiply(b, mean_x, mean_x), yy = hp_op_multiply(b, mean_y, mean_y);
    hp_value xy = hp_op_multiply(b, mean_x, mean_y);
    hp_value sigma_xx = hp_op_subtract(b, blurred(b, hp_op_multiply(b, x, x), filter, size), xx);
    hp_value sigma_yy = hp_op_subtract(b, blurred(b, hp_op_multiply(b, y, y), filter, size), yy);
    hp_value sigma_xy = hp_op_subtract(b, blurred(b, hp_op_multiply(b, x, y), filter, size), xy);
    double c1 = pow(c->k1 * c->max_val, 2), c2 = pow(c->k2 * c->max_val, 2);
    hp_value above[2] = {hp_op_binary(b, HP_BINARY_ADD, hp_op_scale(b, xy, 2), c1),
        hp_op_binary(b, HP_BINARY_ADD, hp_op_scale(b, sigma_xy, 2), c2)};
    hp_value below[2] = {hp_op_binary(b, HP_BINARY_ADD, hp_op_add(b, xx, yy), c1),
        hp_op_binary(b, HP_BINARY_ADD, hp_op_add(b, sigma_xx, sigma_yy), c2)};
    if (contrast) *contrast = hp_op_divide(b, above[1], below[1]);
    return hp_op_divide(b, hp_op_multiply(b, above[0], above[1]), hp_op_multiply(b, below[0], below[1]));
}

static void structural_similarity(hp_builder *b, const config *c, hp_call *call, hp_value pair[2], hp_dtype given) {
    if (!hp_check_rank(b, pair[0], 4, 4) || !hp_check_rank(b, pair[1], 4, 4)) return;
    for (int i = 0; i < 2; i++) {
        pair[i] = hp_op_floating(b, pair[i]);
        if (c->data_format == HP_CHANNELS_FIRST) pair[i] = hp_channels_last(b, pair[i]);
    }
    hp_value map = similarity(b, c, pair[0], pair[1], NULL);
    hp_call_output(
        b, call, hp_emit_cast(b, hp_emit_reduce(b, map, HP_REDUCTION_MEAN, (int[]){1, 2, 3}, 3, false), given));
}

#define SSIM_FIELDS                                                                                                    \
    HP_FLOAT(config, max_val, 1, -1e30, 1e30), HP_INT(config, filter_size, 11, 1, 4096),                               \
        HP_FLOAT(config, filter_sigma, 1.5, 0, 1e30), HP_FLOAT(config, k1, 0.01, -1e30, 1e30),                         \
        HP_FLOAT(config, k2, 0.03, -1e30, 1e30)

SAMPLING_OP(SSIM, HP_OP_IMAGE, SSIM_FIELDS, HP_ENUM(config, data_format, HP_NULL, hp_data_formats)) {
    hp_value pair[2];
    hp_op_operands(b, call, "image1", "image2", pair);
    structural_similarity(b, layer->config, call, pair, hp_op_dtype(b, pair[0]));
}

/* tf.image.ssim: of floats whatever the images are. Integers need no scaling, for max_val is theirs. */
SAMPLING_OP(ImageSSIM, HP_OP_TF, SSIM_FIELDS) {
    hp_value pair[2];
    hp_op_operands(b, call, "image1", "image2", pair);
    structural_similarity(b, layer->config, call, pair, hp_op_dtype(b, hp_op_floating(b, pair[0])));
}

/* Half as large: means of two by two pixels, the last ones repeated where their number is odd. */
static hp_value halved(hp_builder *b, hp_value x) {
    const hp_pool_params params = {.spatial = 2, .mode = HP_POOL_AVERAGE, .pool_size = {2, 2}, .strides = {2, 2}};
    const hp_shape *shape = hp_builder_shape(b, x);
    const int64_t none[4] = {0}, after[4] = {0, shape->dims[1] % 2, shape->dims[2] % 2, 0};
    if (after[1] || after[2]) x = hp_emit_pad(b, x, none, after, HP_PAD_SYMMETRIC, 0);
    return hp_emit_pool(b, x, &params);
}

/* tf.image.ssim_multiscale: the contrasts of each scale and the similarity of the last one, to their powers. */
SAMPLING_OP(ImageSSIMMultiscale, HP_OP_TF, SSIM_FIELDS, HP_JSON_FIELD(config, power_factors)) {
    const config *c = layer->config;
    hp_value pair[2], y = HP_NO_VALUE;
    hp_op_operands(b, call, "image1", "image2", pair);
    if (!hp_check_rank(b, pair[0], 4, 4) || !hp_check_rank(b, pair[1], 4, 4)) return;
    for (int i = 0; i < 2; i++) pair[i] = hp_op_floating(b, pair[i]);
    size_t count = hp_json_is(c->power_factors, HP_JSON_ARRAY) ? c->power_factors->count : 0;
    for (size_t k = 0; k < count && b->status == HP_OK; k++) {
        const hp_json *power = hp_json_at(c->power_factors, k);
        for (int i = 0; i < 2 && k > 0; i++) pair[i] = halved(b, pair[i]);
        hp_value contrast, map = similarity(b, c, pair[0], pair[1], &contrast);
        if (k + 1 < count) map = contrast;
        map = hp_emit_reduce(b, map, HP_REDUCTION_MEAN, (int[]){1, 2}, 2, false);
        map = hp_op_binary(b, HP_BINARY_POWER, hp_op_binary(b, HP_BINARY_MAXIMUM, map, 0), power->number);
        y = k ? hp_op_multiply(b, y, map) : map;
    }
    if (count == 0) hp_builder_fail(b, HP_ERROR_FORMAT, "power_factors: expected a list of numbers");
    hp_call_output(b, call, hp_op_reduce(b, y, HP_REDUCTION_MEAN, -1, false));
}

/* ---- CTCDecode */

enum { GREEDY, BEAM_SEARCH };

/* Python's [begin:end] of the last axis; HP_NO_VALUE: nothing. */
static hp_value classes_of(hp_builder *b, hp_value x, int64_t begin, int64_t end) {
    int64_t count = hp_builder_shape(b, x)->dims[2];
    if (begin < 0) begin = begin + count > 0 ? begin + count : 0;
    if (end < 0) end = end + count > 0 ? end + count : 0;
    if (end > count) end = count;
    return begin < end ? hp_op_part(b, x, 2, begin, end) : HP_NO_VALUE;
}

/* Keras moves the blank behind the other classes, and gives them their numbers back; as its slices have it, which for the last
 * class, as -1, take all classes once more. */
static void search_beams(hp_builder *b, const config *c, hp_value x, hp_value lengths, hp_value y[2]) {
    int64_t mask = c->mask_index, classes = hp_builder_shape(b, x)->dims[2];
    bool moves = mask != HP_INT_NULL;
    if (moves) {
        hp_value parts[3];
        int count = 0;
        const int64_t ranges[3][2] = {{0, mask}, {mask + 1, INT64_MAX}, {mask, mask + 1}};
        for (int i = 0; i < 3; i++)
            if ((parts[count] = classes_of(b, x, ranges[i][0], ranges[i][1])) != HP_NO_VALUE) count++;
        x = hp_emit_concat(b, parts, count, 2);
    }
    hp_emit_ctc_beam(b, x, lengths, c->beam_width, c->top_paths, y);
    if (b->status != HP_OK || !moves) return;
    hp_value behind = hp_op_compare(b, HP_GREATER_EQUAL, y[0], (double)(mask < 0 ? mask + classes : mask));
    y[0] = hp_op_add(b, y[0], hp_emit_cast(b, behind, HP_INT32));
}

/* The labels [batch, steps] that are kept, one behind the other, -1 behind them. */
static hp_value moved_up(hp_builder *b, hp_value labels, hp_value kept) {
    double steps = (double)hp_builder_shape(b, labels)->dims[1];
    hp_value place = hp_emit_cumulate(b, hp_emit_cast(b, kept, HP_INT32), false, 1, false);
    place = hp_op_binary(b, HP_BINARY_SUBTRACT, place, 1);
    hp_value here = hp_emit_compare(b, HP_EQUAL, hp_op_new_axis(b, place, 1),
        hp_op_new_axis(b, hp_op_range(b, 0, 1, steps, hp_op_dtype(b, place)), 1)); /* [batch, place, step] */
    here = both(b, here, hp_op_new_axis(b, kept, 1));
    labels = hp_emit_select(b, here, hp_op_new_axis(b, labels, 1), hp_op_number(b, -1, labels));
    return hp_op_reduce(b, labels, HP_REDUCTION_MAX, 2, false);
}

/* Those of labels [batch, steps] that are not as the one before; true at first. */
static hp_value changes(hp_builder *b, hp_value labels) {
    int64_t steps = hp_builder_shape(b, labels)->dims[1];
    hp_value first = hp_op_compare(b, HP_EQUAL, hp_op_scale(b, hp_op_part(b, labels, 1, 0, 1), 0), 0);
    if (steps < 2) return first;
    hp_value changed =
        hp_emit_compare(b, HP_NOT_EQUAL, hp_op_part(b, labels, 1, 1, steps), hp_op_part(b, labels, 1, 0, steps - 1));
    return hp_emit_concat(b, (hp_value[]){first, changed}, 2, 1);
}

/* The best class of each step, repeated ones once, blanks left out, -1 behind: [1, batch, steps]; and minus the sum of
 * the best logits: [batch, 1]. */
static void follow_best(hp_builder *b, const config *c, hp_value x, hp_value lengths, hp_value y[2]) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t mask = c->mask_index == HP_INT_NULL ? -1 : c->mask_index;
    int64_t steps = shape.dims[1], blank = mask < 0 ? mask + shape.dims[2] : mask;
    hp_value best = hp_op_reduce(b, x, HP_REDUCTION_ARGMAX, 2, false);
    hp_value all = hp_op_new_axis(b, hp_op_range(b, 0, 1, (double)steps, hp_op_dtype(b, best)), 0);
    hp_value there = hp_emit_compare(b, HP_LESS, all, hp_op_new_axis(b, hp_emit_cast(b, lengths, HP_INT32), 1));
    hp_value kept = both(b, there, hp_op_compare(b, HP_NOT_EQUAL, best, (double)blank));
    if (c->merge_repeated) kept = both(b, kept, changes(b, best));
    y[0] = hp_op_new_axis(b, moved_up(b, best, kept), 0);
    hp_value most = hp_op_reduce(b, x, HP_REDUCTION_MAX, 2, false);
    most = hp_emit_select(b, there, most, hp_op_number(b, 0, most));
    y[1] = hp_op_unary(b, hp_op_reduce(b, most, HP_REDUCTION_SUM, 1, true), HP_UNARY_NEGATIVE);
}

/* False: reported. */
static bool decodes(hp_builder *b, hp_value x) {
    if (!hp_check_rank(b, x, 3, 3)) return false;
    if (hp_builder_shape(b, x)->rows) hp_builder_mixes_rows(b, "an axis is put before the rows");
    return b->status == HP_OK;
}

SAMPLING_OP(CTCDecode, HP_OP_NN, HP_ENUM(config, strategy, GREEDY, HP_NAMES("greedy", "beam_search")),
    HP_INT(config, beam_width, 100, 1, 1 << 20), HP_INT(config, top_paths, 1, 1, 1 << 20),
    HP_BOOL(config, merge_repeated, true), HP_INT(config, mask_index, HP_NULL, -HP_MAX_DIM, HP_MAX_DIM)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), lengths = hp_op_operand(b, call, 1, "sequence_lengths"), y[2];
    x = hp_op_floating(b, x);
    if (!decodes(b, x)) return;
    (c->strategy == BEAM_SEARCH ? search_beams : follow_best)(b, c, x, lengths, y);
    for (int i = 0; i < 2; i++) hp_call_output(b, call, y[i]);
}

/* keras.backend.ctc_decode of Keras 2, of probabilities: each path is a tensor of its own, int64, and has no label twice in a row. */
SAMPLING_OP(CTCDecodeOf, HP_OP_TF, HP_BOOL(config, greedy, true), HP_INT(config, beam_width, 100, 1, 1 << 20),
    HP_INT(config, top_paths, 1, 1, 64)) {
    config c = *(const config *)layer->config;
    hp_value x = hp_op_operand(b, call, 0, "y_pred"), lengths = hp_op_operand(b, call, 1, "input_length"), y[2];
    if (!decodes(b, x)) return;
    x = hp_op_unary(b, hp_op_binary(b, HP_BINARY_ADD, x, 1e-7), HP_UNARY_LOG);
    c.mask_index = HP_INT_NULL;
    c.merge_repeated = true;
    (c.greedy ? follow_best : search_beams)(b, &c, x, lengths, y);
    for (int64_t i = 0; i < (c.greedy ? 1 : c.top_paths); i++) {
        hp_value path = hp_op_drop_axis(b, hp_op_part(b, y[0], 0, i, i + 1), 0);
        if (!c.greedy) path = moved_up(b, path, both(b, hp_op_compare(b, HP_NOT_EQUAL, path, -1), changes(b, path)));
        hp_call_output(b, call, hp_emit_cast(b, path, HP_INT64));
    }
    hp_call_output(b, call, y[1]);
}

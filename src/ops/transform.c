/* transform.c: images under projective maps (keras/src/ops/image.py): AffineTransform, PerspectiveTransform, as TensorFlow's
 * ImageProjectiveTransformV3 computes them: each pixel of the result is read at the place that the map gives it. */
#include "base/dtype.h"
#include "layers/support.h"
#include "ops/op.h"

enum { NEAREST, BILINEAR };
enum { REFLECT, WRAP, CONSTANT, EDGE };

typedef struct config {
    int interpolation, fill_mode, data_format;
    double fill_value;
} config;

#define TRANSFORM_OP(name, ...)                                                                                        \
    static const hp_field fields_##name[] = {                                                                          \
        HP_ENUM(config, interpolation, BILINEAR, HP_NAMES("nearest", "bilinear")),                                     \
        HP_FLOAT(config, fill_value, 0, -1e300, 1e300), HP_ENUM(config, data_format, HP_NULL, hp_data_formats),        \
        __VA_ARGS__};                                                                                                  \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_IMAGE, fields_##name, config, lower_##name);                   \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

static hp_value plus(hp_builder *b, hp_value x, double y) {
    return hp_op_binary(b, HP_BINARY_ADD, x, y);
}

/* Towards zero. */
static hp_value whole(hp_builder *b, hp_value x) {
    return hp_op_unary(b, x, HP_UNARY_TRUNC);
}

/* C's round: halves away from zero. */
static hp_value rounded(hp_builder *b, hp_value x) {
    hp_value cut = whole(b, x), rest = hp_op_subtract(b, x, cut);
    hp_value far = hp_op_compare(b, HP_GREATER_EQUAL, hp_op_unary(b, rest, HP_UNARY_ABSOLUTE), 0.5);
    return hp_emit_select(b, far, hp_op_add(b, cut, hp_op_unary(b, x, HP_UNARY_SIGN)), cut);
}

/* 0, 1 ... n - 1 along `axis` of three. */
static hp_value counting(hp_builder *b, int64_t n, int axis) {
    int64_t dims[3] = {1, 1, 1};
    dims[axis] = n;
    return hp_emit_reshape(b, hp_op_range(b, 0, 1, n, HP_FLOAT32), 3, dims);
}

/* ---- places outside of the image (MapCoordinate) */

static hp_value reflected(hp_builder *b, hp_value x, int64_t size) {
    double n = (double)size, both = 2 * n;
    hp_value turns =
        hp_op_scale(b, whole(b, hp_op_divide(b, hp_op_unary(b, x, HP_UNARY_NEGATIVE), hp_op_number(b, both, x))), both);
    hp_value low = hp_op_add(b, turns, x);
    low = hp_emit_select(
        b, hp_op_compare(b, HP_LESS, low, -n), plus(b, low, both), plus(b, hp_op_unary(b, low, HP_UNARY_NEGATIVE), -1));
    turns = hp_op_scale(b, whole(b, hp_op_divide(b, x, hp_op_number(b, both, x))), both);
    hp_value high = hp_op_subtract(b, x, turns);
    high = hp_emit_select(b, hp_op_compare(b, HP_GREATER_EQUAL, high, n),
        plus(b, hp_op_subtract(b, hp_op_number(b, both, high), high), -1), high);
    hp_value y = hp_emit_select(b, hp_op_compare(b, HP_GREATER, x, n - 1), high, x);
    return hp_emit_select(b, hp_op_compare(b, HP_LESS, x, 0), low, y);
}

static hp_value wrapped(hp_builder *b, hp_value x, int64_t size) {
    double n = (double)size;
    hp_value span = hp_op_number(b, n - 1, x);
    hp_value turns = whole(b, hp_op_divide(b, hp_op_unary(b, x, HP_UNARY_NEGATIVE), span));
    hp_value low = hp_op_add(b, x, hp_op_scale(b, plus(b, turns, 1), n));
    hp_value high = hp_op_subtract(b, x, hp_op_scale(b, whole(b, hp_op_divide(b, x, span)), n));
    hp_value y = hp_emit_select(b, hp_op_compare(b, HP_GREATER, x, n - 1), high, x);
    return hp_emit_select(b, hp_op_compare(b, HP_LESS, x, 0), low, y);
}

static hp_value filled(hp_builder *b, int mode, hp_value x, int64_t size) {
    if (mode == CONSTANT) return x;
    if (mode != EDGE) {
        if (size <= 1) return hp_op_scale(b, x, 0);
        x = mode == REFLECT ? reflected(b, x, size) : wrapped(b, x, size);
    }
    return hp_emit_unary(b, x, HP_UNARY_CLIP, 0, (double)(size - 1), 0);
}

/* ---- reading */

typedef struct images {
    hp_value pixels; /* [batch, height * width, channels] */
    int64_t height, width;
    hp_value fill; /* a scalar of the same dtype */
} images;

static hp_value inside(hp_builder *b, hp_value at, int64_t size) {
    return hp_emit_logical(
        b, HP_AND, hp_op_compare(b, HP_GREATER_EQUAL, at, 0), hp_op_compare(b, HP_LESS, at, (double)size));
}

/* The pixels at whole places y, x of [batch, height, width]. */
static hp_value read(hp_builder *b, const images *from, hp_value y, hp_value x) {
    hp_value valid = hp_emit_logical(b, HP_AND, inside(b, y, from->height), inside(b, x, from->width));
    hp_value zero = hp_op_number(b, 0, x);
    x = hp_emit_cast(b, hp_emit_select(b, valid, x, zero), HP_INT64);
    y = hp_emit_cast(b, hp_emit_select(b, valid, y, zero), HP_INT64);
    hp_value at = hp_op_add(b, hp_op_multiply(b, y, hp_op_number(b, (double)from->width, y)), x);
    int64_t batch = hp_builder_shape(b, at)->dims[0], count = from->height * from->width;
    int64_t dims[3] = {batch, count, 1};
    hp_value found = hp_emit_take_along(b, from->pixels, hp_emit_reshape(b, at, 3, dims), 1);
    return hp_emit_select(b, hp_emit_reshape(b, valid, 3, dims), found, from->fill);
}

static hp_value weighted(hp_builder *b, hp_value weight, int64_t count, hp_value x) {
    int64_t batch = hp_builder_shape(b, weight)->dims[0];
    return hp_op_multiply(
        b, hp_emit_reshape(b, weight, 3, (int64_t[]){batch, count, 1}), hp_emit_cast(b, x, HP_FLOAT32));
}

static hp_value interpolated(hp_builder *b, const images *from, hp_value y, hp_value x) {
    int64_t count = from->height * from->width;
    hp_value low_y = hp_op_unary(b, y, HP_UNARY_FLOOR), low_x = hp_op_unary(b, x, HP_UNARY_FLOOR), sum = HP_NO_VALUE;
    hp_value high_y = plus(b, low_y, 1), high_x = plus(b, low_x, 1);
    for (int down = 0; down < 2; down++) {
        hp_value row = down ? high_y : low_y;
        hp_value line = hp_op_add(b, weighted(b, hp_op_subtract(b, high_x, x), count, read(b, from, row, low_x)),
            weighted(b, hp_op_subtract(b, x, low_x), count, read(b, from, row, high_x)));
        line = weighted(b, down ? hp_op_subtract(b, y, low_y) : hp_op_subtract(b, high_y, y), count, line);
        sum = down ? hp_op_add(b, sum, line) : line;
    }
    return hp_emit_cast(b, sum, hp_op_dtype(b, from->fill));
}

/* a * x + b * y + c of three columns of the maps, [batch, height, width]. */
static hp_value plane(hp_builder *b, hp_value map, int first, hp_value x, hp_value y) {
    hp_value parts[3] = {HP_NO_VALUE, HP_NO_VALUE, HP_NO_VALUE};
    for (int i = 0; i < (first < 6 ? 3 : 2); i++)
        parts[i] = hp_op_new_axis(b, hp_op_part(b, map, 1, first + i, first + i + 1), 2);
    hp_value sum = hp_op_add(b, hp_op_multiply(b, parts[0], x), hp_op_multiply(b, parts[1], y));
    return first < 6 ? hp_op_add(b, sum, parts[2]) : plus(b, sum, 1);
}

/* map: [batch or 1, 8] of float32. */
static void transform(hp_builder *b, const config *c, hp_call *call, hp_value map) {
    hp_value x = hp_op_operand(b, call, 0, "images");
    int rank = hp_builder_shape(b, x)->rank;
    if (!hp_check_rank(b, x, 3, 4)) return;
    if (rank == 3) x = hp_op_new_axis(b, x, 0);
    if (c->data_format == HP_CHANNELS_FIRST) x = hp_channels_last(b, x);
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status == HP_OK && shape.rows && !hp_builder_shape(b, map)->rows && hp_builder_shape(b, map)->dims[0] != 1)
        hp_builder_mixes_rows(b, "each row has its own constant map");
    if (b->status != HP_OK) return;
    images from = {.height = shape.dims[1], .width = shape.dims[2], .fill = hp_op_number(b, c->fill_value, x)};
    int64_t count = from.height * from.width;
    from.pixels = hp_emit_reshape(b, x, 3, (int64_t[]){shape.dims[0], count, shape.dims[3]});
    hp_value across = counting(b, from.width, 2), down = counting(b, from.height, 1);
    hp_value projection = plane(b, map, 6, across, down);
    hp_value at_x = filled(b, c->fill_mode, hp_op_divide(b, plane(b, map, 0, across, down), projection), from.width);
    hp_value at_y = filled(b, c->fill_mode, hp_op_divide(b, plane(b, map, 3, across, down), projection), from.height);
    hp_value y = c->interpolation == BILINEAR ? interpolated(b, &from, at_y, at_x)
                                              : read(b, &from, rounded(b, at_y), rounded(b, at_x));
    hp_value none = hp_op_compare(b, HP_EQUAL, projection, 0);
    none = hp_emit_reshape(b, none, 3, (int64_t[]){hp_builder_shape(b, none)->dims[0], count, 1});
    y = hp_emit_reshape(b, hp_emit_select(b, none, from.fill, y), 4, shape.dims);
    if (c->data_format == HP_CHANNELS_FIRST) y = hp_channels_first(b, y);
    hp_call_output(b, call, rank == 3 ? hp_op_drop_axis(b, y, 0) : y);
}

TRANSFORM_OP(AffineTransform, HP_ENUM(config, fill_mode, CONSTANT, HP_NAMES("reflect", "wrap", "constant", "nearest")),
    HP_FIELDS_END) {
    hp_value map = hp_emit_cast(b, hp_op_operand(b, call, 1, "transform"), HP_FLOAT32);
    if (!hp_check_rank(b, map, 1, 2)) return;
    if (hp_builder_shape(b, map)->rank == 1) map = hp_op_new_axis(b, map, 0);
    if (b->status == HP_OK && hp_builder_shape(b, map)->dims[1] != 8)
        hp_builder_fail(b, HP_ERROR_SHAPE, "a transform of %lld numbers; 8 are needed",
            (long long)hp_builder_shape(b, map)->dims[1]);
    transform(b, layer->config, call, map);
}

/* ---- four points and where they come from */

/* Rows of [batch, n, m] in an order of [batch, n]. */
static hp_value reordered(hp_builder *b, hp_value rows, hp_value order) {
    return hp_emit_take_along(b, rows, hp_op_new_axis(b, order, 2), 1);
}

/* The rows [batch, n, m] with the one first whose first number is the largest, and the first one in its place. */
static hp_value pivoted(hp_builder *b, hp_value rows, int64_t n) {
    static const int32_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
    hp_value column = hp_op_drop_axis(b, hp_op_part(b, rows, 2, 0, 1), 2), zero = HP_NO_VALUE;
    hp_value best = hp_op_reduce(b, hp_op_unary(b, column, HP_UNARY_ABSOLUTE), HP_REDUCTION_ARGMAX, 1, true);
    hp_value at = hp_emit_literal(b, HP_INT32, 2, (const int64_t[]){1, n}, numbers);
    best = hp_emit_cast(b, best, HP_INT32);
    zero = hp_op_number(b, 0, at);
    hp_value order = hp_emit_select(b, hp_emit_compare(b, HP_EQUAL, at, best), zero, at);
    return reordered(b, rows, hp_emit_select(b, hp_emit_compare(b, HP_EQUAL, at, zero), best, order));
}

/* x of A x = y, given [A y] as [batch, 8, 9] of float32: [batch, 8]. In the order, and with the roundings, of the LU
 * decomposition with partial pivoting that tf.linalg.solve does: where points hardly fix a map, those decide it. */
static hp_value solved(hp_builder *b, hp_value rows) {
    enum { N = 8 };
    hp_value upper[N], x[N];
    for (int k = 0; k < N && b->status == HP_OK; k++) { /* rows without their first k columns, which are zeros */
        rows = pivoted(b, rows, N - k);
        upper[k] = hp_op_part(b, rows, 1, 0, 1);
        if (k == N - 1) break;
        rows = hp_op_part(b, rows, 1, 1, N - k);
        hp_value factor = hp_op_divide(b, hp_op_part(b, rows, 2, 0, 1), hp_op_part(b, upper[k], 2, 0, 1));
        rows = hp_op_subtract(b, hp_op_part(b, rows, 2, 1, N + 1 - k),
            hp_op_multiply(b, factor, hp_op_part(b, upper[k], 2, 1, N + 1 - k)));
    }
    for (int k = N - 1; k >= 0 && b->status == HP_OK; k--) {
        hp_value sum = hp_op_part(b, upper[k], 2, N - k, N + 1 - k), last = hp_op_part(b, upper[k], 2, 0, 1);
        for (int i = k + 1; i < N; i++)
            sum = hp_op_subtract(b, sum, hp_op_multiply(b, x[i], hp_op_part(b, upper[k], 2, i - k, i - k + 1)));
        x[k] = hp_op_multiply(b, sum, hp_op_divide(b, hp_op_number(b, 1, last), last));
    }
    return b->status == HP_OK ? hp_op_drop_axis(b, hp_emit_concat(b, x, N, 1), 2) : HP_NO_VALUE;
}

/* One of the numbers of points [batch, 4, 2], as [batch, 1, 1]. */
static hp_value coordinate(hp_builder *b, hp_value points, int i, int k) {
    return hp_op_part(b, hp_op_part(b, points, 1, i, i + 1), 2, k, k + 1);
}

/* The map that takes each end point to its start point (compute_homography_matrix): two equations a point. */
static hp_value homography(hp_builder *b, hp_value start, hp_value end) {
    hp_value rows[8];
    for (int i = 0; i < 8; i++) {
        hp_value x = coordinate(b, end, i / 2, 0), y = coordinate(b, end, i / 2, 1);
        hp_value to = coordinate(b, start, i / 2, i % 2), back = hp_op_unary(b, to, HP_UNARY_NEGATIVE);
        hp_value zero = hp_op_scale(b, x, 0), one = plus(b, zero, 1), row[9];
        for (int k = 0; k < 6; k++) row[k] = k / 3 != i % 2 ? zero : k % 3 == 0 ? x : k % 3 == 1 ? y : one;
        row[6] = hp_op_multiply(b, back, x);
        row[7] = hp_op_multiply(b, back, y);
        row[8] = to;
        rows[i] = hp_emit_concat(b, row, 9, 2);
    }
    return solved(b, hp_emit_concat(b, rows, 8, 1));
}

TRANSFORM_OP(PerspectiveTransform, HP_FIELDS_END) {
    config c = *(const config *)layer->config;
    hp_value points[2] = {hp_op_operand(b, call, 1, "start_points"), hp_op_operand(b, call, 2, "end_points")};
    c.fill_mode = CONSTANT;
    for (int i = 0; i < 2; i++) {
        if (!hp_check_rank(b, points[i], 2, 3)) return;
        points[i] = hp_emit_cast(b, points[i], HP_FLOAT32);
        if (hp_builder_shape(b, points[i])->rank == 2) points[i] = hp_op_new_axis(b, points[i], 0);
        const hp_shape *shape = hp_builder_shape(b, points[i]);
        if (b->status == HP_OK && (shape->dims[1] != 4 || shape->dims[2] != 2))
            hp_builder_fail(b, HP_ERROR_SHAPE, "points of shape (%lld, %lld); (4, 2) is needed",
                (long long)shape->dims[1], (long long)shape->dims[2]);
    }
    if (b->status == HP_OK) transform(b, &c, call, homography(b, points[0], points[1]));
}

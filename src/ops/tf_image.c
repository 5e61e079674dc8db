/* tf_image.c: tf.image (tensorflow/python/ops/image_ops_impl.py), where it is not keras.ops.image: integers there are scaled
 * to 0 .. 1 and back, and sizes may follow from shapes. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "layers/resizing.h"
#include "ops/op.h"

typedef struct config {
    hp_resizing resizing;
    const hp_json *size, *top, *left, *height, *width;
    int64_t k, target_height, target_width;
    double delta, factor, gamma, gain, fraction, max_val;
    int of;
    bool saturate, preserve_aspect_ratio, align_corners, keeps_dtype, keeps_same, points, pads;
} config;

/* ---- dtypes */

static double largest(hp_dtype dtype) {
    int bits = (int)hp_dtype_size(dtype) * 8;
    return ldexp(1, dtype >= HP_UINT8 && dtype <= HP_UINT64 ? bits : bits - 1) - 1;
}

/* tf.image.convert_image_dtype; integers to other integers are no images of a model. */
static hp_value converted(hp_builder *b, hp_value x, hp_dtype to, bool saturate) {
    hp_dtype from = hp_op_dtype(b, x);
    bool whole = hp_dtype_is_integer(from), into = hp_dtype_is_integer(to);
    if (from == to || b->status != HP_OK) return x;
    if (whole && into)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "images of %s as %s", hp_dtype_name(from), hp_dtype_name(to));
    if (whole) return hp_op_scale(b, hp_emit_cast(b, x, to), 1 / largest(from));
    if (!into) return hp_emit_cast(b, x, to);
    x = hp_op_scale(b, x, largest(to) + 0.5);
    return saturate ? hp_op_saturate(b, x, to, true) : hp_emit_cast(b, x, to);
}

/* The images as float32 (floats of `own` stay), of three axes or four. */
static hp_value images_of(hp_builder *b, const hp_call *call, bool own, hp_dtype *dtype) {
    hp_value x = hp_op_operand(b, call, 0, "images");
    *dtype = hp_op_dtype(b, x);
    if (!hp_check_rank(b, x, 3, 4)) return HP_NO_VALUE;
    return own && hp_dtype_is_float(*dtype) ? x : converted(b, x, HP_FLOAT32, false);
}

static void put(hp_builder *b, hp_call *call, hp_value y, hp_dtype dtype) {
    hp_call_output(b, call, converted(b, y, dtype, true));
}

HP_TF_OP(ConvertImageDtype, HP_BOOL(config, saturate, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "images");
    hp_call_output(b, call, converted(b, x, hp_op_config_dtype(b, layer, HP_FLOAT32), c->saturate));
}

/* ---- colours */

HP_TF_OP(AdjustBrightness, HP_FLOAT(config, delta, HP_REQUIRED, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_dtype dtype;
    hp_value x = images_of(b, call, true, &dtype);
    put(b, call, hp_op_add(b, x, hp_op_number(b, c->delta, x)), dtype);
}

/* Away from the mean of each channel. */
HP_TF_OP(AdjustContrast, HP_FLOAT(config, factor, HP_REQUIRED, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_dtype dtype;
    hp_value x = images_of(b, call, false, &dtype);
    int rank = hp_builder_shape(b, x)->rank;
    hp_value mean = hp_emit_reduce(b, x, HP_REDUCTION_MEAN, (const int[]){rank - 3, rank - 2}, 2, true);
    put(b, call, hp_op_add(b, hp_op_scale(b, hp_op_subtract(b, x, mean), c->factor), mean), dtype);
}

HP_TF_OP(AdjustGamma, HP_FLOAT(config, gamma, 1, 0, 1e30), HP_FLOAT(config, gain, 1, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_dtype dtype;
    hp_value x = images_of(b, call, true, &dtype);
    put(b, call, hp_op_scale(b, hp_emit_binary(b, HP_BINARY_POWER, x, hp_op_number(b, c->gamma, x)), c->gain), dtype);
}

/* Of four axes: hue and saturation, changed, back in colours. */
static hp_value as_batch(hp_builder *b, hp_value x, int rank) {
    return rank == 3 ? hp_op_new_axis(b, x, 0) : x;
}

static void recoloured(hp_builder *b, hp_call *call, hp_value hsv[3], int rank, hp_dtype dtype) {
    hp_value y = hp_op_hsv_to_rgb(b, hp_emit_concat(b, hsv, 3, 3));
    put(b, call, rank == 3 ? hp_op_drop_axis(b, y, 0) : y, dtype);
}

static int split_colours(hp_builder *b, const hp_call *call, hp_value hsv[3], hp_dtype *dtype) {
    hp_value x = images_of(b, call, false, dtype);
    int rank = hp_builder_shape(b, x)->rank;
    x = hp_op_rgb_to_hsv(b, as_batch(b, x, rank));
    for (int i = 0; i < 3; i++) hsv[i] = hp_op_part(b, x, 3, i, i + 1);
    return rank;
}

/* The hue goes round. */
HP_TF_OP(AdjustHue, HP_FLOAT(config, delta, HP_REQUIRED, -1, 1), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value hsv[3];
    hp_dtype dtype;
    int rank = split_colours(b, call, hsv, &dtype);
    hsv[0] = hp_op_add(b, hsv[0], hp_op_number(b, c->delta, hsv[0]));
    hsv[0] = hp_op_subtract(b, hsv[0], hp_op_unary(b, hsv[0], HP_UNARY_FLOOR));
    recoloured(b, call, hsv, rank, dtype);
}

HP_TF_OP(AdjustSaturation, HP_FLOAT(config, factor, HP_REQUIRED, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value hsv[3];
    hp_dtype dtype;
    int rank = split_colours(b, call, hsv, &dtype);
    hsv[1] = hp_emit_unary(b, hp_op_scale(b, hsv[1], c->factor), HP_UNARY_CLIP, 0, 1, 0);
    recoloured(b, call, hsv, rank, dtype);
}

HP_TF_OP(Grayscale, HP_FIELDS_END) {
    static const double weights[] = {0.2989, 0.587, 0.114};
    (void)layer;
    hp_dtype dtype;
    hp_value x = images_of(b, call, true, &dtype), y = HP_NO_VALUE;
    for (int i = 0; i < 3; i++) {
        hp_value part = hp_op_scale(b, hp_op_part(b, x, -1, i, i + 1), weights[i]);
        y = i ? hp_op_add(b, y, part) : part;
    }
    hp_call_output(b, call, converted(b, y, dtype, false));
}

/* Colours as other mixtures of the three: the matrices of rgb_to_yuv and alike, transposed back by `of`. */
static const char *const colour_spaces[] = {"yuv", "from_yuv", "yiq", "from_yiq", NULL};

HP_TF_OP(ColourMatrix, HP_ENUM(config, of, HP_REQUIRED, colour_spaces), HP_FIELDS_END) {
    static const double matrices[4][9] = {
        {0.299, -0.14714119, 0.61497538, 0.587, -0.28886916, -0.51496512, 0.114, 0.43601035, -0.10001026},
        {1, 1, 1, 0, -0.394642334, 2.03206185, 1.13988303, -0.58062185, 0},
        {0.299, 0.59590059, 0.2115, 0.587, -0.27455667, -0.52273617, 0.114, -0.32134392, 0.31119955},
        {1, 1, 1, 0.95598634, -0.27201283, -1.10674021, 0.6208248, -0.64720424, 1.70423049}};
    const config *c = layer->config;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "images"));
    hp_value kernel = hp_emit_doubles(b, 2, (const int64_t[]){3, 3}, matrices[c->of]);
    hp_call_output(b, call, hp_emit_gemm(b, x, kernel, HP_NO_VALUE));
}

/* (x - mean) / max(deviation, 1 / sqrt(pixels)) of each image. */
/* As TensorFlow had it up to 2.4, keeps_dtype: integers scaled, and the result as such again. */
HP_TF_OP(Standardize, HP_BOOL(config, keeps_dtype, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_dtype dtype;
    hp_value x = images_of(b, call, false, &dtype);
    if (b->status != HP_OK) return;
    if (!c->keeps_dtype) x = hp_emit_cast(b, hp_op_operand(b, call, 0, "images"), HP_FLOAT32);
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[3] = {shape.rank - 3, shape.rank - 2, shape.rank - 1};
    double pixels = (double)hp_shape_product(&shape, shape.rank - 3, shape.rank);
    hp_value off = hp_op_subtract(b, x, hp_emit_reduce(b, x, HP_REDUCTION_MEAN, axes, 3, true));
    hp_value variance = hp_emit_reduce(b, hp_op_unary(b, off, HP_UNARY_SQUARE), HP_REDUCTION_MEAN, axes, 3, true);
    hp_value deviation = hp_op_unary(b, variance, HP_UNARY_SQRT);
    hp_value least = hp_op_number(b, 1 / sqrt(pixels), deviation);
    hp_value y = hp_op_divide(b, off, hp_emit_binary(b, HP_BINARY_MAXIMUM, deviation, least));
    put(b, call, y, c->keeps_dtype ? dtype : HP_FLOAT32);
}

/* The peak signal-to-noise ratio of each image, in decibels. */
HP_TF_OP(ImagePSNR, HP_FLOAT(config, max_val, HP_REQUIRED, -1e30, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = hp_op_dtype(b, pair[0]);
    double most = hp_dtype_is_integer(dtype) ? c->max_val / largest(dtype) : c->max_val;
    for (int i = 0; i < 2; i++) pair[i] = converted(b, pair[i], HP_FLOAT32, false);
    int rank = hp_builder_shape(b, pair[0])->rank, axes[3] = {rank - 3, rank - 2, rank - 1};
    if (!hp_check_rank(b, pair[0], 3, -1) || !hp_check_rank(b, pair[1], 3, -1)) return;
    hp_value off = hp_op_unary(b, hp_op_subtract(b, pair[0], pair[1]), HP_UNARY_SQUARE);
    hp_value noise = hp_op_unary(b, hp_emit_reduce(b, off, HP_REDUCTION_MEAN, axes, 3, false), HP_UNARY_LOG);
    double scale = 10 / log(10);
    hp_call_output(b, call, hp_emit_unary(b, noise, HP_UNARY_AFFINE, -scale, 2 * scale * log(most), 0));
}

/* ---- places */

HP_TF_OP(QuarterTurns, HP_INT(config, k, 1, -1e6, 1e6), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "images");
    if (!hp_check_rank(b, x, 3, 4)) return;
    int rank = hp_builder_shape(b, x)->rank, permutation[] = {0, 1, 2, 3};
    permutation[rank - 3] = rank - 2;
    permutation[rank - 2] = rank - 3;
    for (int64_t turn = (c->k % 4 + 4) % 4; turn > 0; turn--) {
        x = hp_emit_transpose(b, x, permutation);
        hp_shape shape = *hp_builder_shape(b, x);
        int64_t begin[4] = {0}, step[4] = {1, 1, 1, 1};
        begin[rank - 3] = shape.dims[rank - 3] - 1;
        step[rank - 3] = -1;
        x = hp_emit_slice(b, x, begin, shape.dims, step);
    }
    hp_call_output(b, call, x);
}

/* Along one axis: the middle `size` of it, or it in the middle of so many zeros. */
static hp_value fitted(hp_builder *b, hp_value x, int axis, int64_t size) {
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return HP_NO_VALUE;
    int64_t more = size - shape.dims[axis], before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0};
    if (more < 0) return hp_op_part(b, x, axis, -more / 2, -more / 2 + size);
    before[axis] = more / 2;
    after[axis] = more - more / 2;
    return hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0);
}

#define TARGET                                                                                                         \
    HP_INT(config, target_height, HP_REQUIRED, 1, HP_MAX_DIM), HP_INT(config, target_width, HP_REQUIRED, 1, HP_MAX_DIM)

HP_TF_OP(ResizeWithCropOrPad, TARGET, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "images");
    if (!hp_check_rank(b, x, 3, 4)) return;
    int rank = hp_builder_shape(b, x)->rank;
    hp_call_output(b, call, fitted(b, fitted(b, x, rank - 3, c->target_height), rank - 2, c->target_width));
}

HP_TF_OP(CentralCrop, HP_FLOAT(config, fraction, HP_REQUIRED, 1e-30, 1), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "images");
    if (!hp_check_rank(b, x, 3, 4)) return;
    int rank = hp_builder_shape(b, x)->rank;
    for (int axis = rank - 3; axis < rank - 1 && b->status == HP_OK; axis++) {
        int64_t size = hp_builder_shape(b, x)->dims[axis];
        int64_t start = (int64_t)(((double)size - (double)size * c->fraction) / 2);
        x = hp_op_part(b, x, axis, start, size - start);
    }
    hp_call_output(b, call, x);
}

/* The part of an image that a box is, or an image within zeros, where it lies in the box: its top, its left, the height and the
 * width, which may follow from shapes. */
HP_TF_OP(BoundingBox, HP_JSON_FIELD(config, top), HP_JSON_FIELD(config, left), HP_JSON_FIELD(config, height),
    HP_JSON_FIELD(config, width), HP_BOOL(config, pads, false), HP_FIELDS_END) {
    static const char *const names[] = {"top", "left", "height", "width"};
    const config *c = layer->config;
    const hp_json *const given[] = {c->top, c->left, c->height, c->width};
    hp_value x = hp_op_operand(b, call, 0, "images");
    int64_t box[4], before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0};
    if (!hp_check_rank(b, x, 3, 4)) return;
    for (int i = 0; i < 4; i++) {
        const hp_json *number = hp_op_setting(b, call, -1, names[i], given[i]);
        if (b->status == HP_OK && (!hp_json_is(number, HP_JSON_INT) || number->integer < 0))
            hp_builder_fail(b, HP_ERROR_SHAPE, "a box has integers from 0 on");
        if (b->status != HP_OK) return;
        box[i] = number->integer;
    }
    hp_shape shape = *hp_builder_shape(b, x);
    for (int i = 0; i < 2 && b->status == HP_OK; i++) {
        int axis = shape.rank - 3 + i;
        before[axis] = box[i];
        after[axis] = box[2 + i] - shape.dims[axis] - box[i];
        if (c->pads ? after[axis] < 0 : box[i] > shape.dims[axis] - box[2 + i])
            hp_builder_fail(b, HP_ERROR_SHAPE, "the box and an image of %lld along axis %d do not fit",
                (long long)shape.dims[axis], axis);
        else if (!c->pads)
            x = hp_op_part(b, x, axis, box[i], box[i] + box[2 + i]);
    }
    hp_call_output(b, call, c->pads ? hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0) : x);
}

/* ---- sizes */

enum { MOST_PIXELS = 1 << 20 }; /* along an axis */

#define METHOD                                                                                                         \
    HP_ENUM(hp_resizing, interpolation, HP_RESIZE_BILINEAR, hp_interpolations), HP_BOOL(hp_resizing, antialias, false)

/* The images and a height and a width. False: reported. */
static bool sizes_of(
    hp_builder *b, const hp_call *call, const config *c, hp_value *x, hp_resizing *resizing, hp_shape *shape) {
    int64_t size[HP_MAX_RANK] = {0};
    *x = hp_op_operand(b, call, 0, "images");
    if (!hp_check_rank(b, *x, 3, 4)) return false;
    *shape = *hp_builder_shape(b, *x);
    const hp_json *given = hp_op_setting(b, call, -1, "size", c->size);
    if (b->status != HP_OK) return false;
    int count = hp_op_integers(b, given, 0, size);
    if (count != 2 || size[0] < 1 || size[1] < 1 || size[0] > MOST_PIXELS || size[1] > MOST_PIXELS) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "size must be a height and a width of at most %d", MOST_PIXELS);
        return false;
    }
    *resizing = c->resizing;
    resizing->height = size[0];
    resizing->width = size[1];
    if (!c->preserve_aspect_ratio) return true;
    double height = (double)shape->dims[shape->rank - 3], width = (double)shape->dims[shape->rank - 2];
    double scale = fmin((double)size[0] / height, (double)size[1] / width);
    resizing->height = (int64_t)nearbyint(scale * height);
    resizing->width = (int64_t)nearbyint(scale * width);
    return true;
}

/* tf.image.resize: what it gives is float32, but of the nearest pixels. */
static hp_value resized(hp_builder *b, const hp_resizing *resizing, hp_value x) {
    if (resizing->interpolation != HP_RESIZE_NEAREST) x = hp_emit_cast(b, x, HP_FLOAT32);
    return hp_resize_images(b, resizing, x);
}

/* Where the call says a scale (the raw operation), it must be the one of these sizes. */
static bool check_scale(hp_builder *b, const hp_call *call, const hp_resizing *resizing, const hp_shape *shape) {
    const double fine = 1 << 20;
    const hp_arg *arg = hp_call_arg(call, -1, "scale");
    if (!arg) return true;
    hp_value scale = hp_op_scale(b, hp_emit_cast(b, hp_op_value(b, arg, HP_FLOAT32), HP_FLOAT64), fine);
    int64_t found[2];
    double wanted[2] = {(double)resizing->height / (double)shape->dims[shape->rank - 3],
        (double)resizing->width / (double)shape->dims[shape->rank - 2]};
    bool rows[2], fits = hp_builder_known(b, scale, found, rows, 2) == 2;
    for (int i = 0; i < 2 && fits; i++) fits = !rows[i] && fabs((double)found[i] - wanted[i] * fine) <= 1 + wanted[i];
    if (b->status == HP_OK && !fits) hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "scale: is not that of the sizes");
    return b->status == HP_OK;
}

HP_TF_OP(
    ResizeFloats, HP_JSON_FIELD(config, size), METHOD, HP_BOOL(config, preserve_aspect_ratio, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_resizing resizing;
    hp_shape shape;
    hp_value x;
    if (!sizes_of(b, call, c, &x, &resizing, &shape)) return;
    if (!check_scale(b, call, &resizing, &shape)) return;
    hp_call_output(b, call, resized(b, &resizing, x));
}

/* ---- sizes as TensorFlow 1 had them: pixels are points, the first at 0, and with align_corners the last at the end */

static hp_value picked(hp_builder *b, hp_value x, int axis, const int64_t *places, int64_t count) {
    return hp_emit_gather(b, x, hp_emit_literal(b, HP_INT64, 1, &count, places), axis);
}

/* One axis; the nearest point, or between two. */
static hp_value resampled(hp_builder *b, hp_value x, int axis, int64_t size, bool align, bool nearest) {
    int64_t from = hp_builder_shape(b, x)->dims[axis], dims[HP_MAX_RANK] = {1, 1, 1, 1};
    int rank = hp_builder_shape(b, x)->rank;
    int64_t *low = hp_arena_alloc(&b->graph->arena, 2 * (size_t)size * sizeof *low), *high = low + size;
    float *share = hp_arena_alloc(&b->graph->arena, (size_t)size * sizeof *share);
    if (!low || !share) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    float scale = align && size > 1 ? (float)(from - 1) / (float)(size - 1) : (float)from / (float)size;
    for (int64_t i = 0; i < size; i++) {
        float at = (float)i * scale;
        int64_t point = nearest && align ? (int64_t)roundf(at) : (int64_t)floorf(at);
        low[i] = point < from - 1 ? point : from - 1;
        high[i] = low[i] < from - 1 ? low[i] + 1 : from - 1;
        share[i] = at - floorf(at);
    }
    if (nearest) return picked(b, x, axis, low, size);
    dims[axis] = size;
    hp_value first = picked(b, x, axis, low, size), span = hp_op_subtract(b, picked(b, x, axis, high, size), first);
    return hp_op_add(b, first, hp_op_multiply(b, span, hp_emit_literal(b, HP_FLOAT32, rank, dims, share)));
}

/* One axis by cubic splines (a = -0.75), at positions rounded to 1/1024 of a pixel; what is outside is the nearest pixel. */
static hp_value splined(hp_builder *b, hp_value x, int axis, int64_t size, bool align) {
    const double a = -0.75, steps = 1024;
    int64_t from = hp_builder_shape(b, x)->dims[axis], dims[HP_MAX_RANK] = {1, 1, 1, 1};
    int rank = hp_builder_shape(b, x)->rank;
    int64_t *places = hp_arena_alloc(&b->graph->arena, 4 * (size_t)size * sizeof *places);
    float *weights = hp_arena_alloc(&b->graph->arena, 4 * (size_t)size * sizeof *weights);
    if (!places || !weights) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    float scale = align && size > 1 ? (float)(from - 1) / (float)(size - 1) : (float)from / (float)size;
    for (int64_t i = 0; i < size; i++) {
        float at = (float)i * scale, whole = floorf(at);
        double part = (double)lrintf((at - whole) * (float)steps) / steps;
        for (int64_t t = -1; t <= 2; t++) {
            double near = fabs((double)t - part), beyond = near;
            int64_t place = (int64_t)whole + t;
            near = ((a + 2) * near - (a + 3)) * near * near + 1;
            beyond = ((a * beyond - 5 * a) * beyond + 8 * a) * beyond - 4 * a;
            places[(t + 1) * size + i] = place < 0 ? 0 : place < from ? place : from - 1;
            weights[(t + 1) * size + i] = (float)(t == 0 || t == 1 ? near : beyond);
        }
    }
    dims[axis] = size;
    hp_value y = HP_NO_VALUE;
    for (int t = 0; t < 4; t++) {
        hp_value weight = hp_emit_literal(b, HP_FLOAT32, rank, dims, weights + t * size);
        hp_value part = hp_op_multiply(b, picked(b, x, axis, places + t * size, size), weight);
        y = t ? hp_op_add(b, y, part) : part;
    }
    return y;
}

/* One axis: the mean of what each new pixel covers; with align_corners the last ones reach over the edge, whose pixel counts on. */
static hp_value averaged(hp_builder *b, hp_value x, int axis, int64_t size, bool align) {
    int64_t from = hp_builder_shape(b, x)->dims[axis];
    int rank = hp_builder_shape(b, x)->rank;
    float *shares = hp_arena_alloc(&b->graph->arena, (size_t)(from * size) * sizeof *shares);
    if (!shares) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    float scale = align && size > 1 ? (float)(from - 1) / (float)(size - 1) : (float)from / (float)size;
    for (int64_t i = 0; i < from * size; i++) shares[i] = 0;
    for (int64_t i = 0; i < size; i++) {
        float begin = (float)i * scale, end = (float)(i + 1) * scale;
        for (int64_t k = (int64_t)floorf(begin); k < (int64_t)ceilf(end); k++) {
            float low = fmaxf((float)k, begin), high = fminf((float)(k + 1), end);
            shares[(k < from ? k : from - 1) * size + i] += (high - low) / scale;
        }
    }
    hp_value weights = hp_emit_literal(b, HP_FLOAT32, 2, (const int64_t[]){from, size}, shares);
    x = hp_emit_gemm(b, hp_move_axis(b, x, axis, rank - 1), weights, HP_NO_VALUE);
    return hp_move_axis(b, x, rank - 1, axis);
}

static hp_value rescaled(hp_builder *b, hp_value x, int axis, int64_t size, bool align, int method) {
    if (method == HP_RESIZE_AREA) return averaged(b, x, axis, size, align);
    return method == HP_RESIZE_BICUBIC ? splined(b, x, axis, size, align)
                                       : resampled(b, x, axis, size, align, method == HP_RESIZE_NEAREST);
}

/* Where `keeps`, images that have this size are left as they are, of whatever dtype. */
static hp_value in_points(hp_builder *b, const hp_resizing *resizing, hp_value x, bool align, bool keeps) {
    hp_shape shape = *hp_builder_shape(b, x);
    int method = resizing->interpolation;
    bool same = resizing->height == shape.dims[shape.rank - 3] && resizing->width == shape.dims[shape.rank - 2];
    if (same && keeps) return x;
    if (method > HP_RESIZE_BICUBIC && method != HP_RESIZE_AREA)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "interpolation: TensorFlow 1 had none of this name");
    if (method != HP_RESIZE_NEAREST) x = hp_emit_cast(b, x, HP_FLOAT32);
    x = rescaled(b, x, shape.rank - 2, resizing->width, align, method);
    return rescaled(b, x, shape.rank - 3, resizing->height, align, method);
}

HP_TF_OP(ResizePoints, HP_JSON_FIELD(config, size), METHOD, HP_BOOL(config, align_corners, false),
    HP_BOOL(config, preserve_aspect_ratio, false), HP_BOOL(config, keeps_same, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_resizing resizing;
    hp_shape shape;
    hp_value x;
    if (!sizes_of(b, call, c, &x, &resizing, &shape)) return;
    hp_call_output(b, call, in_points(b, &resizing, x, c->align_corners, c->keeps_same));
}

/* As large as fits, in the middle of zeros; in float32, as TensorFlow has it. */
HP_TF_OP(ResizeWithPad, TARGET, METHOD, HP_BOOL(config, points, false), HP_BOOL(config, align_corners, false),
    HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "images");
    if (!hp_check_rank(b, x, 3, 4)) return;
    hp_shape shape = *hp_builder_shape(b, x);
    hp_resizing resizing = c->resizing;
    const int64_t targets[2] = {c->target_height, c->target_width};
    int64_t before[4] = {0}, after[4] = {0}, sides[2];
    float ratio = fmaxf(
        (float)shape.dims[shape.rank - 2] / (float)targets[1], (float)shape.dims[shape.rank - 3] / (float)targets[0]);
    for (int i = 0; i < 2; i++) {
        float side = (float)shape.dims[shape.rank - 3 + i] / ratio, room = floorf(((float)targets[i] - side) / 2);
        sides[i] = (int64_t)floorf(side);
        before[shape.rank - 3 + i] = room > 0 ? (int64_t)room : 0;
        after[shape.rank - 3 + i] = targets[i] - sides[i] - before[shape.rank - 3 + i];
    }
    resizing.height = sides[0];
    resizing.width = sides[1];
    x = c->points ? in_points(b, &resizing, x, c->align_corners, true) : resized(b, &resizing, x);
    hp_call_output(b, call, hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0));
}

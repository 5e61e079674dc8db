/* image.c: images: colours, sizes, borders, filters, patches (keras/src/ops/image.py, as its TensorFlow backend). */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "layers/conv.h"
#include "layers/resizing.h"
#include "ops/op.h"

typedef struct config {
    hp_resizing resizing;
    const hp_json *size, *sigma;
    int64_t top_padding, left_padding, bottom_padding, right_padding, target_height, target_width;
    int64_t top_cropping, left_cropping, bottom_cropping, right_cropping;
    hp_ints strides, dilation_rate, kernel_size;
    int data_format, padding;
} config;

#define IMAGE_OP(name, module_, ...)                                                                                   \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define DATA_FORMAT_AT(member)                                                                                         \
    {                                                                                                                  \
        .name = "data_format", .type = HP_FIELD_ENUM, .offset = offsetof(config, member), .null_ok = true,             \
        .names = (const char *const[]) {                                                                               \
            "channels_last", "channels_first", NULL                                                                    \
        }                                                                                                              \
    }
#define DATA_FORMAT DATA_FORMAT_AT(data_format)
#define OPTIONAL(member) HP_INT(config, member, HP_NULL, 0, HP_MAX_DIM)

/* The images with channels last, one axis before the others if there was none. */
static hp_value images_of(hp_builder *b, const hp_call *call, const config *c, int *rank) {
    hp_value x = hp_op_operand(b, call, 0, "images");
    *rank = hp_builder_shape(b, x)->rank;
    if (!hp_check_rank(b, x, 3, 4)) return HP_NO_VALUE;
    if (*rank == 3) x = hp_op_new_axis(b, x, 0);
    return c->data_format == HP_CHANNELS_FIRST ? hp_channels_last(b, x) : x;
}

static void put(hp_builder *b, hp_call *call, const config *c, int rank, hp_value y) {
    if (c->data_format == HP_CHANNELS_FIRST) y = hp_channels_first(b, y);
    hp_call_output(b, call, rank == 3 ? hp_op_drop_axis(b, y, 0) : y);
}

/* ---- colours */

static hp_value channel(hp_builder *b, hp_value x, int64_t i) {
    return hp_op_part(b, x, -1, i, i + 1);
}

IMAGE_OP(RGBToGrayscale, HP_OP_IMAGE, DATA_FORMAT) {
    static const double weights[] = {0.2989, 0.5870, 0.1140};
    const config *c = layer->config;
    int rank;
    hp_value x = images_of(b, call, c, &rank), y = HP_NO_VALUE;
    hp_dtype dtype = hp_op_dtype(b, x);
    if (b->status != HP_OK) return;
    if (hp_builder_shape(b, x)->dims[3] == 1) {
        put(b, call, c, rank, x);
        return;
    }
    x = hp_op_floating(b, x);
    for (int i = 0; i < 3; i++) {
        hp_value part = hp_op_scale(b, channel(b, x, i), weights[i]);
        y = i ? hp_op_add(b, y, part) : part;
    }
    put(b, call, c, rank, hp_emit_cast(b, y, dtype));
}

hp_value hp_op_rgb_to_hsv(hp_builder *b, hp_value x) {
    hp_value rgb[3], parts[3];
    for (int i = 0; i < 3; i++) rgb[i] = channel(b, x, i);
    hp_value v = hp_op_reduce(b, x, HP_REDUCTION_MAX, -1, true);
    hp_value span = hp_op_subtract(b, v, hp_op_reduce(b, x, HP_REDUCTION_MIN, -1, true)), zero = hp_op_number(b, 0, v);
    hp_value coloured = hp_emit_compare(b, HP_GREATER, span, zero);
    hp_value norm =
        hp_op_divide(b, hp_op_number(b, 1.0 / 6, v), hp_emit_select(b, coloured, span, hp_op_number(b, 1, v)));
    for (int i = 0; i < 3; i++) {
        hp_value off = hp_op_subtract(b, rgb[(i + 1) % 3], rgb[(i + 2) % 3]);
        parts[i] = hp_op_add(b, hp_op_multiply(b, norm, off), hp_op_number(b, i * 2.0 / 6, v));
    }
    hp_value h = hp_emit_select(b, hp_emit_compare(b, HP_EQUAL, rgb[1], v), parts[1], parts[2]);
    h = hp_emit_select(b, hp_emit_compare(b, HP_EQUAL, rgb[0], v), parts[0], h);
    h = hp_emit_select(b, coloured, h, zero);
    h = hp_emit_select(b, hp_emit_compare(b, HP_LESS, h, zero), hp_op_add(b, h, hp_op_number(b, 1, h)), h);
    hp_value s = hp_emit_select(b, hp_emit_compare(b, HP_GREATER, v, zero), hp_op_divide(b, span, v), zero);
    return hp_emit_concat(b, (const hp_value[]){h, s, v}, 3, 3);
}

IMAGE_OP(RGBToHSV, HP_OP_IMAGE, DATA_FORMAT) {
    int rank;
    hp_value x = images_of(b, call, layer->config, &rank);
    put(b, call, layer->config, rank, hp_op_rgb_to_hsv(b, x));
}

/* Of each colour clip(|6 h - centre| ..., 0, 1). */
hp_value hp_op_hsv_to_rgb(hp_builder *b, hp_value x) {
    static const double centres[] = {3, 2, 4};
    hp_value parts[3];
    hp_value h = hp_op_scale(b, channel(b, x, 0), 6), s = channel(b, x, 1), v = channel(b, x, 2);
    hp_value grey = hp_op_subtract(b, hp_op_number(b, 1, s), s);
    for (int i = 0; i < 3; i++) {
        hp_value off = hp_op_unary(b, hp_op_subtract(b, h, hp_op_number(b, centres[i], h)), HP_UNARY_ABSOLUTE);
        off = i == 0 ? hp_op_subtract(b, off, hp_op_number(b, 1, h)) : hp_op_subtract(b, hp_op_number(b, 2, h), off);
        off = hp_emit_unary(b, off, HP_UNARY_CLIP, 0, 1, 0);
        parts[i] = hp_op_multiply(b, hp_op_add(b, grey, hp_op_multiply(b, s, off)), v);
    }
    return hp_emit_concat(b, parts, 3, 3);
}

IMAGE_OP(HSVToRGB, HP_OP_IMAGE, DATA_FORMAT) {
    int rank;
    hp_value x = images_of(b, call, layer->config, &rank);
    put(b, call, layer->config, rank, hp_op_hsv_to_rgb(b, x));
}

/* ---- sizes */

/* hp_resizing is the first member of config: its fields lie as in its own struct. */
IMAGE_OP(Resize, HP_OP_IMAGE, HP_JSON_FIELD(config, size),
    HP_ENUM(hp_resizing, interpolation, HP_RESIZE_BILINEAR, hp_interpolations), HP_BOOL(hp_resizing, antialias, false),
    HP_BOOL(hp_resizing, crop_to_aspect_ratio, false), HP_BOOL(hp_resizing, pad_to_aspect_ratio, false),
    HP_ENUM(hp_resizing, fill_mode, 0, hp_fill_modes), HP_FLOAT(hp_resizing, fill_value, 0, -1e30, 1e30),
    DATA_FORMAT_AT(resizing.data_format)) {
    const config *c = layer->config;
    hp_resizing resizing = c->resizing;
    int64_t size[HP_MAX_RANK] = {0};
    if (hp_op_integers(b, c->size, 0, size) != 2 || size[0] < 1 || size[1] < 1) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "size must be a height and a width");
        return;
    }
    resizing.height = size[0];
    resizing.width = size[1];
    hp_call_output(b, call, hp_resize_images(b, &resizing, hp_op_operand(b, call, 0, "images")));
}

/* One that is not given follows from the target. */
static int64_t inferred(int64_t given, int64_t target, int64_t other, int64_t size) {
    return given != HP_INT_NULL ? given : target - other - size;
}

IMAGE_OP(PadImages, HP_OP_IMAGE, OPTIONAL(top_padding), OPTIONAL(left_padding), OPTIONAL(bottom_padding),
    OPTIONAL(right_padding), OPTIONAL(target_height), OPTIONAL(target_width), DATA_FORMAT) {
    const config *c = layer->config;
    int rank;
    hp_value x = images_of(b, call, c, &rank);
    if (b->status != HP_OK) return;
    int64_t h = hp_builder_shape(b, x)->dims[1], w = hp_builder_shape(b, x)->dims[2], before[4] = {0}, after[4] = {0};
    before[1] = inferred(c->top_padding, c->target_height, c->bottom_padding, h);
    after[1] = inferred(c->bottom_padding, c->target_height, before[1], h);
    before[2] = inferred(c->left_padding, c->target_width, c->right_padding, w);
    after[2] = inferred(c->right_padding, c->target_width, before[2], w);
    if (before[1] < 0 || after[1] < 0 || before[2] < 0 || after[2] < 0)
        hp_builder_fail(b, HP_ERROR_SHAPE, "the paddings and the target size do not fit an image of %lld x %lld",
            (long long)h, (long long)w);
    else
        put(b, call, c, rank, hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0));
}

IMAGE_OP(CropImages, HP_OP_IMAGE, OPTIONAL(top_cropping), OPTIONAL(left_cropping), OPTIONAL(bottom_cropping),
    OPTIONAL(right_cropping), OPTIONAL(target_height), OPTIONAL(target_width), DATA_FORMAT) {
    const config *c = layer->config;
    int rank;
    hp_value x = images_of(b, call, c, &rank);
    if (b->status != HP_OK) return;
    int64_t h = hp_builder_shape(b, x)->dims[1], w = hp_builder_shape(b, x)->dims[2];
    int64_t top = c->top_cropping != HP_INT_NULL ? c->top_cropping : h - c->target_height - c->bottom_cropping;
    int64_t left = c->left_cropping != HP_INT_NULL ? c->left_cropping : w - c->target_width - c->right_cropping;
    int64_t height = c->target_height != HP_INT_NULL ? c->target_height : h - c->bottom_cropping - top;
    int64_t width = c->target_width != HP_INT_NULL ? c->target_width : w - c->right_cropping - left;
    if (top < 0 || left < 0 || height < 0 || width < 0 || top + height > h || left + width > w)
        hp_builder_fail(b, HP_ERROR_SHAPE, "the croppings and the target size do not fit an image of %lld x %lld",
            (long long)h, (long long)w);
    else
        put(b, call, c, rank, hp_op_part(b, hp_op_part(b, x, 1, top, top + height), 2, left, left + width));
}

/* ---- filters: one kernel for every channel */

static hp_value filtered(hp_builder *b, hp_value x, hp_value kernel, hp_conv_params *params) {
    params->spatial = 2;
    params->groups = 1;
    for (int i = 0; i < 2; i++) params->strides[i] = params->dilation[i] = 1;
    return hp_emit_depthwise(b, x, kernel, HP_NO_VALUE, params);
}

/* A kernel[height, width] as [height, width, channels, multiplier], `multiplier` of them. */
static hp_value depthwise_kernel(
    hp_builder *b, const double *kernels, int64_t height, int64_t width, int64_t channels, int64_t multiplier) {
    int64_t dims[4] = {height, width, channels, multiplier}, size = height * width;
    double *all = hp_arena_alloc(&b->graph->arena, (size_t)(size * channels * multiplier) * sizeof *all);
    if (!all) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < size; i++)
        for (int64_t k = 0; k < channels * multiplier; k++)
            all[i * channels * multiplier + k] = kernels[k % multiplier * size + i];
    return hp_emit_doubles(b, 4, dims, all);
}

static double number_at(const hp_json *value, size_t i, double fallback) {
    if (hp_json_get(hp_json_get(value, "config"), "items")) value = hp_json_get(hp_json_get(value, "config"), "items");
    const hp_json *item = hp_json_is(value, HP_JSON_ARRAY) ? hp_json_at(value, i) : value;
    return hp_json_is(item, HP_JSON_INT) || hp_json_is(item, HP_JSON_DOUBLE) ? item->number : fallback;
}

IMAGE_OP(
    GaussianBlur, HP_OP_IMAGE, HP_INTS(config, kernel_size, 3, 1, 1024), HP_JSON_FIELD(config, sigma), DATA_FORMAT) {
    const config *c = layer->config;
    int rank;
    hp_value x = hp_as_float(b, images_of(b, call, c, &rank));
    int64_t size[HP_MAX_RANK];
    if (b->status != HP_OK) return;
    if (!hp_ints_spread(&c->kernel_size, 2, size)) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "kernel_size must be two integers");
        return;
    }
    double *kernel = hp_arena_alloc(&b->graph->arena, (size_t)(size[0] * size[1]) * sizeof *kernel);
    double *factors[2] = {hp_arena_alloc(&b->graph->arena, (size_t)size[0] * sizeof(double)),
        hp_arena_alloc(&b->graph->arena, (size_t)size[1] * sizeof(double))};
    if (!kernel || !factors[0] || !factors[1]) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (int a = 0; a < 2; a++) {
        double sum = 0, sigma = number_at(c->sigma, (size_t)a, 1);
        for (int64_t i = 0; i < size[a]; i++) {
            double off = ((double)i - (double)(size[a] - 1) / 2) / sigma;
            sum += factors[a][i] = exp(-0.5 * off * off);
        }
        for (int64_t i = 0; i < size[a]; i++) factors[a][i] /= sum;
    }
    /* Keras reshapes the outer product [width][height] to the kernel's height and width */
    for (int64_t i = 0; i < size[0] * size[1]; i++) kernel[i] = factors[1][i / size[0]] * factors[0][i % size[0]];
    hp_conv_params params;
    memset(&params, 0, sizeof params);
    const hp_shape *shape = hp_builder_shape(b, x);
    for (int i = 0; i < 2; i++)
        hp_same_padding(shape->dims[i + 1], size[i], 1, 1, &params.pad_before[i], &params.pad_after[i]);
    hp_value kernels = depthwise_kernel(b, kernel, size[0], size[1], shape->dims[3], 1);
    put(b, call, c, rank, filtered(b, x, kernels, &params));
}

/* tf.image.sobel_edges: [..., channels, 2], the vertical and the horizontal derivative, borders reflected. */
IMAGE_OP(SobelEdges, HP_OP_IMAGE, DATA_FORMAT) {
    static const double kernels[] = {-1, -2, -1, 0, 0, 0, 1, 2, 1, -1, 0, 1, -2, 0, 2, -1, 0, 1};
    static const int64_t around[] = {0, 1, 1, 0};
    const config *c = layer->config;
    int rank;
    hp_value x = hp_as_float(b, images_of(b, call, c, &rank));
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return;
    hp_conv_params params;
    memset(&params, 0, sizeof params);
    x = hp_emit_pad(b, x, around, around, HP_PAD_REFLECT, 0);
    hp_value y = filtered(b, x, depthwise_kernel(b, kernels, 3, 3, shape.dims[3], 2), &params);
    y = hp_emit_reshape(b, y, 5, (const int64_t[]){shape.dims[0], shape.dims[1], shape.dims[2], shape.dims[3], 2});
    if (c->data_format == HP_CHANNELS_FIRST) y = hp_emit_transpose(b, y, (const int[]){0, 3, 1, 2, 4});
    hp_call_output(b, call, rank == 3 ? hp_op_drop_axis(b, y, 0) : y);
}

/* ---- patches: a convolution with the identity, as Keras makes it */

enum { MAX_WINDOW = 8192 }; /* elements of a patch: the identity has its square */

IMAGE_OP(ExtractPatches, HP_OP_IMAGE, HP_JSON_FIELD(config, size), HP_INTS(config, strides, HP_NULL, 1, HP_MAX_DIM),
    HP_INTS(config, dilation_rate, 1, 1, HP_MAX_DIM), HP_ENUM(config, padding, 0, HP_NAMES("valid", "same")),
    DATA_FORMAT) {
    const config *c = layer->config;
    int64_t size[HP_MAX_RANK] = {0};
    int given = hp_op_integers(b, c->size, 0, size), spatial = given == 3 ? 3 : 2;
    if (given == 1) size[1] = size[0];
    hp_value x = hp_op_operand(b, call, 0, "images");
    bool single = hp_builder_shape(b, x)->rank == spatial + 1;
    if (!hp_check_rank(b, x, spatial + 1, spatial + 2)) return;
    if (single) x = hp_op_new_axis(b, x, 0);
    hp_dtype dtype = hp_op_dtype(b, x);
    x = hp_as_float(b, x);
    if (c->data_format == HP_CHANNELS_FIRST) x = hp_channels_last(b, x);
    hp_shape shape = *hp_builder_shape(b, x);
    hp_conv_params params;
    memset(&params, 0, sizeof params);
    params.spatial = spatial;
    params.groups = 1;
    bool fits = hp_ints_spread(&c->dilation_rate, spatial, params.dilation);
    if (c->strides.count > 0)
        fits = fits && hp_ints_spread(&c->strides, spatial, params.strides);
    else
        memcpy(params.strides, size, (size_t)spatial * sizeof *size);
    int64_t channels = shape.dims[spatial + 1], window = channels, dims[HP_MAX_RANK];
    for (int i = 0; i < spatial; i++) {
        fits = fits && size[i] > 0 && size[i] <= MAX_WINDOW && window > 0 && window <= MAX_WINDOW;
        if (fits) window *= size[i];
        dims[i] = size[i];
    }
    if (!fits || window < 1 || window > MAX_WINDOW) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "patches of this size, strides or dilation_rate");
        return;
    }
    for (int i = 0; i < spatial && c->padding == 1; i++)
        hp_same_padding(shape.dims[i + 1], size[i], params.strides[i], params.dilation[i], &params.pad_before[i],
            &params.pad_after[i]);
    float *identity = hp_arena_alloc(&b->graph->arena, (size_t)(window * window) * sizeof *identity);
    if (!identity) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (int64_t i = 0; i < window * window; i++) identity[i] = i / window == i % window;
    dims[spatial] = channels;
    dims[spatial + 1] = window;
    hp_value y = hp_emit_conv(b, x, hp_emit_floats(b, spatial + 2, dims, identity), HP_NO_VALUE, &params);
    if (c->data_format == HP_CHANNELS_FIRST) y = hp_channels_first(b, y);
    hp_call_output(b, call, hp_emit_cast(b, single ? hp_op_drop_axis(b, y, 0) : y, dtype));
}

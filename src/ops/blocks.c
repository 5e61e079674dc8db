/* blocks.c: blocks of pixels as channels and back, windows as columns and back (keras/src/ops/nn.py). */
#include <string.h>

#include "ops/op.h"

typedef struct config {
    int64_t block_size;
    int data_format;
    hp_ints kernel_size, dilation, padding, stride, output_size;
} config;

#define BLOCK_OP(name, ...)                                                                                            \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NN, fields_##name, config, lower_##name);                      \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define BLOCK_FIELDS                                                                                                   \
    HP_INT(config, block_size, HP_REQUIRED, 2, 4096), HP_ENUM(config, data_format, HP_CHANNELS_LAST, hp_data_formats)

/* [batch, height, width, channels] of the argument. */
static hp_value images_of(hp_builder *b, const hp_call *call, const config *c) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (!hp_check_rank(b, x, 4, 4)) return HP_NO_VALUE;
    return c->data_format == HP_CHANNELS_FIRST ? hp_channels_last(b, x) : x;
}

static void put(hp_builder *b, hp_call *call, const config *c, hp_value y) {
    hp_call_output(b, call, c->data_format == HP_CHANNELS_FIRST ? hp_channels_first(b, y) : y);
}

BLOCK_OP(DepthToSpace, BLOCK_FIELDS) {
    const config *c = layer->config;
    hp_value x = images_of(b, call, c);
    hp_shape s = *hp_builder_shape(b, x);
    int64_t n = c->block_size, depth = s.dims[3] / (n * n);
    if (b->status != HP_OK) return;
    if (s.dims[3] % (n * n) != 0) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "%lld channels are not made of blocks of %lld x %lld", (long long)s.dims[3],
            (long long)n, (long long)n);
        return;
    }
    x = hp_emit_reshape(b, x, 6, (const int64_t[]){s.dims[0], s.dims[1], s.dims[2], n, n, depth});
    x = hp_emit_transpose(b, x, (const int[]){0, 1, 3, 2, 4, 5});
    put(b, call, c, hp_emit_reshape(b, x, 4, (const int64_t[]){s.dims[0], s.dims[1] * n, s.dims[2] * n, depth}));
}

BLOCK_OP(SpaceToDepth, BLOCK_FIELDS) {
    const config *c = layer->config;
    hp_value x = images_of(b, call, c);
    hp_shape s = *hp_builder_shape(b, x);
    int64_t n = c->block_size, h = s.dims[1] / n, w = s.dims[2] / n;
    if (b->status != HP_OK) return;
    if (s.dims[1] % n != 0 || s.dims[2] % n != 0) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "an image of %lld x %lld is not made of blocks of %lld",
            (long long)s.dims[1], (long long)s.dims[2], (long long)n);
        return;
    }
    x = hp_emit_reshape(b, x, 6, (const int64_t[]){s.dims[0], h, n, w, n, s.dims[3]});
    x = hp_emit_transpose(b, x, (const int[]){0, 1, 3, 2, 4, 5});
    put(b, call, c, hp_emit_reshape(b, x, 4, (const int64_t[]){s.dims[0], h, w, n * n * s.dims[3]}));
}

/* ---- windows of images with channels first as columns, and columns added up to images */

typedef struct windows {
    int64_t kernel[2], dilation[2], padding[2], stride[2], count[2];
} windows;

#define WINDOW_FIELDS                                                                                                  \
    HP_INTS(config, kernel_size, HP_REQUIRED, 1, HP_MAX_DIM), HP_INTS(config, dilation, 1, 1, HP_MAX_DIM),             \
        HP_INTS(config, padding, 0, 0, HP_MAX_DIM), HP_INTS(config, stride, 1, 1, HP_MAX_DIM)

/* Over an image of this size. False: reported. */
static bool windows_of(hp_builder *b, const config *c, const int64_t *size, windows *w) {
    int64_t padded[2] = {0, 0};
    bool fits = hp_ints_spread(&c->kernel_size, 2, w->kernel) && hp_ints_spread(&c->dilation, 2, w->dilation) &&
                hp_ints_spread(&c->padding, 2, w->padding) && hp_ints_spread(&c->stride, 2, w->stride);
    for (int i = 0; i < 2 && fits; i++) {
        padded[i] = size[i] + 2 * w->padding[i];
        int64_t room = padded[i] - w->dilation[i] * (w->kernel[i] - 1) - 1;
        w->count[i] = room < 0 ? 0 : room / w->stride[i] + 1;
        fits = w->count[i] > 0 && w->kernel[i] < 4096 && w->count[i] < 1 << 20;
    }
    fits = fits && padded[0] <= INT32_MAX / padded[1]; /* places in it are of 32 bits */
    if (!fits) hp_builder_fail(b, HP_ERROR_SHAPE, "windows of this size do not fit the image");
    return fits && b->status == HP_OK;
}

/* The place on one axis of the padded image of tap `k` of window `i`. */
static int64_t place(const windows *w, int axis, int64_t i, int64_t k) {
    return i * w->stride[axis] + k * w->dilation[axis];
}

BLOCK_OP(Unfold, WINDOW_FIELDS) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (!hp_check_rank(b, x, 4, 4)) return;
    hp_shape s = *hp_builder_shape(b, x);
    windows w;
    if (!windows_of(b, c, s.dims + 2, &w)) return;
    int64_t taps = w.kernel[0] * w.kernel[1], places = w.count[0] * w.count[1], wide = s.dims[3] + 2 * w.padding[1];
    int64_t around[4] = {0, 0, w.padding[0], w.padding[1]}, high = s.dims[2] + 2 * w.padding[0];
    int32_t *indices =
        taps < INT32_MAX / places ? hp_arena_alloc(&b->graph->arena, (size_t)(taps * places) * sizeof *indices) : NULL;
    if (!indices) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (int64_t t = 0; t < taps; t++)
        for (int64_t p = 0; p < places; p++)
            indices[t * places + p] = (int32_t)(place(&w, 0, p / w.count[1], t / w.kernel[1]) * wide +
                                                place(&w, 1, p % w.count[1], t % w.kernel[1]));
    x = hp_emit_pad(b, x, around, around, HP_PAD_CONSTANT, 0);
    x = hp_emit_reshape(b, x, 3, (const int64_t[]){s.dims[0], s.dims[1], high * wide});
    x = hp_emit_gather(b, x, hp_emit_literal(b, HP_INT32, 2, (const int64_t[]){taps, places}, indices), 2);
    hp_call_output(b, call, hp_emit_reshape(b, x, 3, (const int64_t[]){s.dims[0], s.dims[1] * taps, places}));
}

/* Each pixel is the sum of the taps that fall on it: gathered, a zero where there is none, and added. */
BLOCK_OP(Fold, HP_INTS(config, output_size, HP_REQUIRED, 1, HP_MAX_DIM), WINDOW_FIELDS) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int64_t size[HP_MAX_RANK];
    windows w;
    if (!hp_check_rank(b, x, 3, 3)) return;
    if (!hp_ints_spread(&c->output_size, 2, size)) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "output_size must be two integers");
        return;
    }
    if (!windows_of(b, c, size, &w)) return;
    hp_shape s = *hp_builder_shape(b, x);
    int64_t taps = w.kernel[0] * w.kernel[1], places = w.count[0] * w.count[1], pixels = size[0] * size[1];
    if (s.dims[2] != places || s.dims[1] % taps != 0 || taps * places >= INT32_MAX || pixels >= INT32_MAX / taps) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "found %lld columns of %lld, expected %lld of a multiple of %lld",
            (long long)s.dims[2], (long long)s.dims[1], (long long)places, (long long)taps);
        return;
    }
    int32_t *indices = hp_arena_alloc(&b->graph->arena, (size_t)(pixels * taps) * sizeof *indices);
    if (!indices) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (int64_t i = 0; i < pixels * taps; i++) indices[i] = (int32_t)(taps * places);
    for (int64_t t = 0; t < taps; t++)
        for (int64_t p = 0; p < places; p++) {
            int64_t y = place(&w, 0, p / w.count[1], t / w.kernel[1]) - w.padding[0];
            int64_t z = place(&w, 1, p % w.count[1], t % w.kernel[1]) - w.padding[1];
            if (y >= 0 && y < size[0] && z >= 0 && z < size[1])
                indices[(y * size[1] + z) * taps + t] = (int32_t)(t * places + p);
        }
    int64_t channels = s.dims[1] / taps;
    x = hp_emit_reshape(b, x, 3, (const int64_t[]){s.dims[0], channels, taps * places});
    x = hp_emit_pad(b, x, (const int64_t[]){0, 0, 0}, (const int64_t[]){0, 0, 1}, HP_PAD_CONSTANT, 0);
    x = hp_emit_gather(b, x, hp_emit_literal(b, HP_INT32, 2, (const int64_t[]){pixels, taps}, indices), 2);
    x = hp_op_reduce(b, x, HP_REDUCTION_SUM, 3, false);
    hp_call_output(b, call, hp_emit_reshape(b, x, 4, (const int64_t[]){s.dims[0], channels, size[0], size[1]}));
}

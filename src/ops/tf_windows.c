/* tf_windows.c: windows over images whose taps are seen one by one: the places of maxima, dilation and erosion
 * (tensorflow/python/ops/nn_ops.py). Outside of an image there is nothing: no tap is taken there. */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    hp_ints pool_size, strides, dilation_rate;
    int padding;
    bool include_batch_in_index, erosion;
} config;

#define WINDOW HP_INTS(config, strides, 1, 1, HP_MAX_DIM), HP_ENUM(config, padding, 0, HP_NAMES("valid", "same"))

typedef struct windows {
    int64_t size[2], stride[2], rate[2], before[2], after[2], count[2], image[3]; /* height, width, channels */
} windows;

/* False: reported. */
static bool windows_of(hp_builder *b, const config *c, hp_value x, windows *w) {
    enum { MOST = 1 << 24 };
    hp_shape shape = *hp_builder_shape(b, x);
    if (!hp_check_rank(b, x, 4, 4)) return false;
    bool fits = hp_ints_spread(&c->strides, 2, w->stride);
    int64_t taps = 1;
    for (int i = 0; i < 2 && fits; i++) {
        int64_t reach = (w->size[i] - 1) * w->rate[i] + 1;
        w->before[i] = w->after[i] = 0;
        if (c->padding == 1)
            hp_same_padding(shape.dims[i + 1], w->size[i], w->stride[i], w->rate[i], &w->before[i], &w->after[i]);
        w->count[i] = (shape.dims[i + 1] + w->before[i] + w->after[i] - reach) / w->stride[i] + 1;
        fits = reach <= shape.dims[i + 1] + w->before[i] + w->after[i] && w->count[i] > 0;
        taps *= fits ? w->size[i] * w->count[i] : 1;
        fits = fits && taps > 0 && taps <= MOST;
    }
    for (int i = 0; i < 3; i++) w->image[i] = shape.dims[i + 1];
    if (!fits) hp_builder_fail(b, HP_ERROR_SHAPE, "windows of this size do not fit the image");
    return fits;
}

/* [batch, places, taps, channels], -infinity where a tap is outside. */
static hp_value taps_of(hp_builder *b, const windows *w, hp_value x) {
    int64_t places = w->count[0] * w->count[1], taps = w->size[0] * w->size[1];
    int64_t wide = w->image[1] + w->before[1] + w->after[1], high = w->image[0] + w->before[0] + w->after[0];
    int64_t *at = hp_arena_alloc(&b->graph->arena, (size_t)(places * taps) * sizeof *at);
    if (!at) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t p = 0; p < places; p++)
        for (int64_t t = 0; t < taps; t++) {
            int64_t down = p / w->count[1] * w->stride[0] + t / w->size[1] * w->rate[0];
            at[p * taps + t] = down * wide + p % w->count[1] * w->stride[1] + t % w->size[1] * w->rate[1];
        }
    x = hp_emit_pad(b, x, (const int64_t[]){0, w->before[0], w->before[1], 0},
        (const int64_t[]){0, w->after[0], w->after[1], 0}, HP_PAD_CONSTANT, -INFINITY);
    int64_t rows = hp_builder_shape(b, x)->dims[0];
    x = hp_emit_reshape(b, x, 3, (const int64_t[]){rows, high * wide, w->image[2]});
    return hp_emit_gather(b, x, hp_emit_literal(b, HP_INT64, 2, (const int64_t[]){places, taps}, at), 1);
}

/* [batch, places, channels] as images. */
static void put(hp_builder *b, hp_call *call, const windows *w, hp_value y) {
    int64_t rows = hp_builder_shape(b, y)->dims[0];
    hp_call_output(b, call, hp_emit_reshape(b, y, 4, (const int64_t[]){rows, w->count[0], w->count[1], w->image[2]}));
}

/* The place in the image, flat, of tap 0 of each window and channel. */
static hp_value first_places(hp_builder *b, const windows *w) {
    int64_t places = w->count[0] * w->count[1], channels = w->image[2];
    int64_t *at = hp_arena_alloc(&b->graph->arena, (size_t)(places * channels) * sizeof *at);
    if (!at) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < places * channels; i++) {
        int64_t place = i / channels, down = place / w->count[1] * w->stride[0] - w->before[0];
        int64_t along = place % w->count[1] * w->stride[1] - w->before[1];
        at[i] = (down * w->image[1] + along) * channels + i % channels;
    }
    return hp_emit_literal(b, HP_INT64, 2, (const int64_t[]){places, channels}, at);
}

/* The greatest of each window, and where it stands: the first of equal ones. */
HP_TF_OP(MaxPoolWithArgmax, HP_INTS(config, pool_size, HP_REQUIRED, 1, HP_MAX_DIM), WINDOW,
    HP_BOOL(config, include_batch_in_index, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs");
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_INT64);
    windows w = {.rate = {1, 1}};
    if (!hp_ints_spread(&c->pool_size, 2, w.size) || !windows_of(b, c, x, &w)) return;
    hp_value taps = taps_of(b, &w, hp_op_floating(b, x));
    hp_value tap = hp_emit_cast(b, hp_op_reduce(b, taps, HP_REDUCTION_ARGMAX, 2, false), HP_INT64);
    hp_value down = hp_op_binary(b, HP_BINARY_FLOOR_DIVIDE, tap, (double)w.size[1]);
    hp_value place = hp_op_add(b, tap, hp_op_scale(b, down, (double)(w.image[1] - w.size[1])));
    place = hp_op_add(b, hp_op_scale(b, place, (double)w.image[2]), first_places(b, &w));
    if (c->include_batch_in_index) {
        hp_shape shape = *hp_builder_shape(b, x);
        if (b->status == HP_OK && shape.rows) hp_builder_mixes_rows(b, "rows are numbered");
        double image = (double)(w.image[0] * w.image[1] * w.image[2]);
        hp_value images = hp_op_range(b, 0, image, (double)shape.dims[0], HP_INT64);
        place = hp_op_add(b, place, hp_emit_reshape(b, images, 3, (const int64_t[]){-1, 1, 1}));
    }
    put(b, call, &w, hp_emit_cast(b, hp_op_reduce(b, taps, HP_REDUCTION_MAX, 2, false), hp_op_dtype(b, x)));
    put(b, call, &w, hp_emit_cast(b, place, dtype));
}

/* The greatest of a window's elements with the filter's added; erosion: the least, with those of the filter turned round taken off. */
HP_TF_OP(Dilation, WINDOW, HP_INTS(config, dilation_rate, 1, 1, HP_MAX_DIM), HP_BOOL(config, erosion, false),
    HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), filter = hp_op_operand(b, call, 1, "filters");
    hp_shape shape = *hp_builder_shape(b, filter);
    windows w = {.size = {shape.dims[0], shape.dims[1]}};
    if (!hp_check_rank(b, filter, 3, 3)) return;
    if (!hp_ints_spread(&c->dilation_rate, 2, w.rate)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "dilations do not fit 2 spatial axes");
        return;
    }
    if (!windows_of(b, c, x, &w)) return;
    if (c->erosion) {
        int64_t last[3] = {shape.dims[0] - 1, shape.dims[1] - 1, 0};
        filter = hp_emit_slice(b, filter, last, shape.dims, (const int64_t[]){-1, -1, 1});
        x = hp_op_unary(b, x, HP_UNARY_NEGATIVE);
    }
    filter = hp_emit_reshape(b, filter, 2, (const int64_t[]){shape.dims[0] * shape.dims[1], shape.dims[2]});
    hp_value y = hp_op_reduce(b, hp_op_add(b, taps_of(b, &w, x), filter), HP_REDUCTION_MAX, 2, false);
    put(b, call, &w, c->erosion ? hp_op_unary(b, y, HP_UNARY_NEGATIVE) : y);
}

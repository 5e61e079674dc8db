/* contrast.c: AutoContrast and ContrastLimitedAdaptiveHistogramEqualization
 * (keras/src/layers/preprocessing/image_preprocessing/), which work at inference as in training. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "layers/support.h"

typedef struct contrast {
    const hp_json *value_range;
    hp_ints tile_grid_size;
    double clip_limit;
    int data_format;
    double low, high; /* set by check */
    int64_t grid[2];
} contrast;

static hp_value scaled(hp_builder *b, hp_value x, double scale, double offset) {
    return hp_emit_unary(b, x, HP_UNARY_AFFINE, (float)scale, (float)offset, 0);
}

/* As it is after an operation in a dtype: what has half the precision is rounded each time. */
static hp_value rounded(hp_builder *b, hp_dtype dtype, hp_value x) {
    return hp_as_float(b, hp_emit_cast(b, x, dtype));
}

/* From [low, high] to [0, 255] and back (_transform_value_range: shift, stretch, shift), in a dtype. */
static hp_value to_bytes(hp_builder *b, const contrast *c, hp_dtype dtype, hp_value x) {
    x = rounded(b, dtype, x);
    if (c->low == 0 && c->high == 255) return x;
    x = rounded(b, dtype, scaled(b, x, 1, -c->low));
    x = rounded(b, dtype, hp_emit_binary(b, HP_BINARY_DIVIDE, x, hp_emit_float(b, c->high - c->low)));
    return rounded(b, dtype, scaled(b, x, 255, 0));
}

static hp_value from_bytes(hp_builder *b, const contrast *c, hp_dtype dtype, hp_value x) {
    if (c->low == 0 && c->high == 255) return x;
    x = rounded(b, dtype, hp_emit_binary(b, HP_BINARY_DIVIDE, x, hp_emit_float(b, 255)));
    x = rounded(b, dtype, scaled(b, x, c->high - c->low, 0));
    return rounded(b, dtype, scaled(b, x, 1, c->low));
}

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    contrast *c = config;
    const hp_json *range = c->value_range, *first = hp_json_at(range, 0), *second = hp_json_at(range, 1);
    c->low = 0;
    c->high = 255;
    if (hp_json_is(first, HP_JSON_INT) || hp_json_is(first, HP_JSON_DOUBLE)) c->low = first->number;
    if (hp_json_is(second, HP_JSON_INT) || hp_json_is(second, HP_JSON_DOUBLE)) c->high = second->number;
    if ((range && range->count != 2) || !(c->low < c->high))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "value_range", "is not two ascending numbers");
    if (!hp_ints_spread(&c->tile_grid_size, 2, c->grid))
        hp_layer_refuse(
            scope, layer, HP_ERROR_FORMAT, "tile_grid_size", "found %d integers, expected 2", c->tile_grid_size.count);
}

/* ---- AutoContrast: each channel of each image stretched to the whole range */

static const hp_field auto_fields[] = {
    HP_JSON_OF(contrast, value_range, "two ascending numbers"),
    HP_INTS(contrast, tile_grid_size, 8, 1, 4096), /* not of this layer: as in check */
    HP_IGNORE("data_format"),                      /* axes 1 and 2 in both */
    HP_IGNORE("bounding_box_format"),
    HP_FIELDS_END,
};

static void lower_auto(hp_builder *b, hp_layer *layer, hp_call *call) {
    static const int axes[] = {1, 2};
    const contrast *c = layer->config;
    hp_value original = hp_as_float(b, call->inputs[0]), x = to_bytes(b, c, layer->dtype, original);
    if (!hp_check_rank(b, x, 4, 4)) return;
    hp_value low = hp_emit_reduce(b, x, HP_REDUCTION_MIN, axes, 2, true);
    hp_value high = hp_emit_reduce(b, x, HP_REDUCTION_MAX, axes, 2, true);
    hp_value scale = rounded(b, layer->dtype,
        hp_emit_binary(b, HP_BINARY_DIVIDE, hp_emit_float(b, 255),
            rounded(b, layer->dtype, hp_emit_binary(b, HP_BINARY_SUBTRACT, high, low))));
    hp_value offset = rounded(b, layer->dtype, hp_emit_binary(b, HP_BINARY_MULTIPLY, scaled(b, low, -1, 0), scale));
    hp_value y = rounded(b, layer->dtype, hp_emit_binary(b, HP_BINARY_MULTIPLY, x, scale));
    y = rounded(b, layer->dtype, hp_emit_binary(b, HP_BINARY_ADD, y, offset));
    y = from_bytes(b, c, layer->dtype, hp_emit_unary(b, y, HP_UNARY_CLIP, 0, 255, 0));
    y = hp_emit_select(b, hp_emit_compare(b, HP_NOT_EQUAL, y, y), original, y); /* channels of one colour */
    hp_call_output(b, call, hp_emit_cast(b, y, layer->dtype));
}

const hp_layer_class hp_layer_AutoContrast = {
    .class_name = "AutoContrast",
    .module = "keras.layers",
    .fields = auto_fields,
    .config_size = sizeof(contrast),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .lower = lower_auto,
};

/* ---- adaptive equalization: each pixel by the distributions of the four tiles around it */

static const hp_field adaptive_fields[] = {
    HP_JSON_OF(contrast, value_range, "two ascending numbers"),
    HP_FLOAT(contrast, clip_limit, 4, -1e30, 1e30),
    HP_INTS(contrast, tile_grid_size, 8, 1, 4096),
    HP_ENUM(contrast, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_IGNORE("bounding_box_format"),
    HP_FIELDS_END,
};

typedef struct tiles {
    int64_t grid[2], size[2], whole[2]; /* tiles, pixels of one, pixels of all */
    int64_t channels;
} tiles;

/* Cumulated, limited histograms [batch, tiles down, tiles across, channels, 256] of whole numbers. */
static hp_value distributions(hp_builder *b, const contrast *c, const tiles *t, hp_value pixels, int64_t batch) {
    int64_t area = t->size[0] * t->size[1];
    hp_value x = hp_emit_reshape(
        b, pixels, 6, (const int64_t[]){batch, t->grid[0], t->size[0], t->grid[1], t->size[1], t->channels});
    x = hp_emit_transpose(b, x, (const int[]){0, 1, 3, 5, 2, 4});
    x = hp_emit_reshape(b, x, 5, (const int64_t[]){batch, t->grid[0], t->grid[1], t->channels, area});
    x = hp_emit_encode(b, hp_emit_cast(b, x, HP_INT64), HP_NO_VALUE, HP_ENCODING_COUNT, 256, false);
    x = hp_as_float(b, x);
    if (c->clip_limit > 0) {
        hp_value cut = hp_emit_unary(b, x, HP_UNARY_CLIP, 0, (float)(c->clip_limit * (double)area / 256), 0);
        int last = 4;
        hp_value excess =
            hp_emit_reduce(b, hp_emit_binary(b, HP_BINARY_SUBTRACT, x, cut), HP_REDUCTION_SUM, &last, 1, true);
        x = hp_emit_binary(b, HP_BINARY_ADD, cut, hp_emit_binary(b, HP_BINARY_DIVIDE, excess, hp_emit_float(b, 256)));
    }
    x = hp_emit_cumulate(b, x, false, 4, false);
    int last = 4;
    hp_value least = hp_emit_reduce(b, x, HP_REDUCTION_MIN, &last, 1, true);
    hp_value rest = scaled(b, least, -1, (double)area);
    hp_value none = hp_emit_compare(b, HP_EQUAL, rest, hp_emit_float(b, 0));
    rest = hp_emit_select(b, none, hp_emit_float(b, 1), rest);
    x = scaled(b, hp_emit_binary(b, HP_BINARY_SUBTRACT, x, least), 255, 0);
    return hp_emit_unary(b, hp_emit_binary(b, HP_BINARY_DIVIDE, x, rest), HP_UNARY_CLIP, 0, 255, 0);
}

/* The tile (of those with an edge around) before a pixel of one axis, or behind it, and how far it is towards the latter. */
static int64_t tile_of(const tiles *t, int axis, int64_t at, bool behind, float *weight) {
    float size = (float)t->size[axis], place = ((float)at - size / 2) / size + 1, before = floorf(place);
    *weight = place - before;
    int64_t tile = (int64_t)before + behind;
    return tile < 0 ? 0 : tile > t->grid[axis] + 1 ? t->grid[axis] + 1 : tile;
}

/* Of one of the four tiles around each pixel (1: behind it across, 2: behind it down): where its distribution begins. */
static hp_value corner(hp_builder *b, const tiles *t, int which) {
    int64_t count = t->whole[0] * t->whole[1] * t->channels, at = 0;
    int64_t *begins = hp_arena_alloc(&b->graph->arena, (size_t)count * sizeof *begins);
    if (!begins) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t y = 0; y < t->whole[0]; y++)
        for (int64_t x = 0; x < t->whole[1]; x++) {
            float weight;
            int64_t row = tile_of(t, 0, y, which / 2, &weight), column = tile_of(t, 1, x, which % 2, &weight);
            for (int64_t k = 0; k < t->channels; k++)
                begins[at++] = ((row * (t->grid[1] + 2) + column) * t->channels + k) * 256;
        }
    return hp_emit_literal(b, HP_INT64, 1, &count, begins);
}

/* x and y [batch, down, across, channels] by how far each pixel is between the tiles along an axis, as Keras adds them. */
static hp_value between(hp_builder *b, const tiles *t, int axis, hp_value x, hp_value y) {
    int64_t dims[3] = {1, 1, 1}, count = t->whole[axis];
    float *part = hp_arena_alloc(&b->graph->arena, 2 * (size_t)count * sizeof *part), *rest = part + count;
    if (!part) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        tile_of(t, axis, i, false, &part[i]);
        rest[i] = 1 - part[i];
    }
    dims[axis] = count;
    x = hp_emit_binary(b, HP_BINARY_MULTIPLY, x, hp_emit_floats(b, 3, dims, rest));
    y = hp_emit_binary(b, HP_BINARY_MULTIPLY, y, hp_emit_floats(b, 3, dims, part));
    return hp_emit_binary(b, HP_BINARY_ADD, x, y);
}

static hp_value equalized(hp_builder *b, const contrast *c, hp_value images) {
    hp_shape s = *hp_builder_shape(b, images);
    if (b->status != HP_OK) return HP_NO_VALUE;
    tiles t = {.channels = s.dims[3]};
    int64_t before[4] = {0}, after[4] = {0}, begin[4] = {0}, batch = s.dims[0];
    for (int i = 0; i < 2; i++) {
        t.grid[i] = c->grid[i];
        t.size[i] = (s.dims[i + 1] + t.grid[i] - 1) / t.grid[i];
        t.whole[i] = t.size[i] * t.grid[i];
        after[i + 1] = t.whole[i] - s.dims[i + 1];
    }
    hp_value x = hp_emit_pad(b, images, before, after, HP_PAD_SYMMETRIC, 0);
    hp_value pixels = hp_emit_unary(b, hp_emit_unary(b, x, HP_UNARY_TRUNC, 0, 0, 0), HP_UNARY_CLIP, 0, 255, 0);
    hp_value table = hp_emit_pad(b, distributions(b, c, &t, pixels, batch), (const int64_t[]){0, 1, 1, 0, 0},
        (const int64_t[]){0, 1, 1, 0, 0}, HP_PAD_EDGE, 0);
    int64_t count = t.whole[0] * t.whole[1] * t.channels;
    int64_t entries = (t.grid[0] + 2) * (t.grid[1] + 2) * t.channels * 256;
    table = hp_emit_reshape(b, table, 2, (const int64_t[]){batch, entries});
    pixels = hp_emit_cast(b, hp_emit_reshape(b, pixels, 2, (const int64_t[]){batch, count}), HP_INT64);
    hp_value found[4];
    for (int i = 0; i < 4; i++) {
        found[i] = hp_emit_take_along(b, table, hp_emit_binary(b, HP_BINARY_ADD, pixels, corner(b, &t, i)), 1);
        found[i] = hp_emit_reshape(b, found[i], 4, (const int64_t[]){batch, t.whole[0], t.whole[1], t.channels});
    }
    hp_value above = between(b, &t, 1, found[0], found[1]), below = between(b, &t, 1, found[2], found[3]);
    hp_value y = between(b, &t, 0, above, below);
    return hp_emit_slice(b, y, begin, s.dims, (const int64_t[]){1, 1, 1, 1});
}

static void lower_adaptive(hp_builder *b, hp_layer *layer, hp_call *call) {
    const contrast *c = layer->config;
    bool first = c->data_format == HP_CHANNELS_FIRST, wide = b->wide;
    hp_dtype dtype = hp_builder_tensor(b, call->inputs[0])->dtype;
    if (!hp_check_rank(b, call->inputs[0], 4, 4)) return;
    b->wide = false; /* Keras computes all of it in float32 */
    hp_value x = hp_as_float(b, call->inputs[0]);
    if (first) x = hp_channels_last(b, x);
    x = from_bytes(b, c, HP_FLOAT32, equalized(b, c, to_bytes(b, c, HP_FLOAT32, x)));
    b->wide = wide;
    hp_call_output(b, call, hp_emit_cast(b, first ? hp_channels_first(b, x) : x, dtype));
}

const hp_layer_class hp_layer_ContrastLimitedAdaptiveHistogramEqualization = {
    .class_name = "ContrastLimitedAdaptiveHistogramEqualization",
    .module = "keras.layers",
    .fields = adaptive_fields,
    .config_size = sizeof(contrast),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .lower = lower_adaptive,
};

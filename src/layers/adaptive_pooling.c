/* adaptive_pooling.c: AdaptiveAveragePooling and AdaptiveMaxPooling, 1D to 3D
 * (keras/src/layers/pooling/base_adaptive_pooling.py, keras/src/backend/tensorflow/nn.py): so many windows along each
 * axis, of one size where that divides, else of two sizes that differ by one.
 *
 * Axes are pooled one after the other, as Keras does: averages of averages. */
#include <string.h>
#include "layers/adaptive_pooling.h"

typedef struct adaptive_pooling {
    hp_ints output_size;
    int data_format;
    int spatial, mode; /* set by check */
    int64_t size[HP_MAX_SPATIAL];
} adaptive_pooling;

static const hp_field fields[] = {
    HP_INTS(adaptive_pooling, output_size, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ENUM(adaptive_pooling, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    adaptive_pooling *c = config;
    int spatial = layer->cls->spatial;
    c->spatial = spatial;
    c->mode = strncmp(layer->cls->class_name, "AdaptiveMax", 11) == 0 ? HP_POOL_MAX : HP_POOL_AVERAGE;
    if (!hp_ints_spread(&c->output_size, spatial, c->size))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_size", "found %d integers, expected %d",
            c->output_size.count, spatial);
}

static hp_value pool_axis(
    hp_builder *b, const adaptive_pooling *c, hp_value x, int axis, int64_t window, int64_t stride) {
    hp_pool_params params;
    memset(&params, 0, sizeof params);
    params.spatial = c->spatial;
    params.mode = c->mode;
    for (int i = 0; i < c->spatial; i++) {
        params.pool_size[i] = i == axis ? window : 1;
        params.strides[i] = i == axis ? stride : 1;
    }
    return hp_emit_pool(b, x, &params);
}

/* Windows from floor(i * size / count) to ceil((i + 1) * size / count): pools of both sizes at every place, of which the
 * right ones are picked. */
static hp_value pick_windows(hp_builder *b, const adaptive_pooling *c, hp_value x, int axis, int64_t size) {
    int64_t count = c->size[axis], small = (size + count - 1) / count, places = size - small + 1;
    bool any_large = false;
    int32_t *index = hp_alloc_array((size_t)count, sizeof *index);
    if (!index) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        int64_t begin = i * size / count, end = ((i + 1) * size + count - 1) / count;
        bool large = end - begin > small;
        any_large = any_large || large;
        index[i] = (int32_t)(large ? places + begin : begin);
    }
    hp_value pools[2] = {pool_axis(b, c, x, axis, small, 1), HP_NO_VALUE}, all = pools[0];
    if (any_large) {
        pools[1] = pool_axis(b, c, x, axis, small + 1, 1);
        all = hp_emit_concat(b, pools, 2, axis + 1);
    }
    hp_value indices = hp_emit_literal(b, HP_INT32, 1, &count, index);
    hp_free(index);
    return hp_emit_gather(b, all, indices, axis + 1);
}

hp_value hp_adaptive_pool(
    hp_builder *b, hp_value x, hp_pool_mode mode, int spatial, const int64_t *size_of, bool first) {
    adaptive_pooling config = {.spatial = spatial, .mode = (int)mode}, *c = &config;
    memcpy(config.size, size_of, (size_t)spatial * sizeof *size_of);
    if (!hp_check_rank(b, x, spatial + 2, spatial + 2)) return HP_NO_VALUE;
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    x = hp_pool_operand(b, x, mode);
    if (first) x = hp_channels_last(b, x);
    for (int i = 0; i < c->spatial && b->status == HP_OK; i++) {
        int64_t size = hp_builder_shape(b, x)->dims[i + 1], count = c->size[i];
        if (size < 1 || size > INT32_MAX / 2 || count > INT32_MAX / 2)
            hp_builder_fail(b, HP_ERROR_SHAPE, "axis %d has %lld elements, %lld windows cannot be made of them", i + 1,
                (long long)size, (long long)count);
        else if (size % count == 0)
            x = pool_axis(b, c, x, i, size / count, size / count);
        else
            x = pick_windows(b, c, x, i, size);
    }
    x = hp_pool_result(b, x, mode, dtype);
    return first ? hp_channels_first(b, x) : x;
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const adaptive_pooling *c = layer->config;
    bool first = c->data_format == HP_CHANNELS_FIRST;
    hp_call_output(b, call, hp_adaptive_pool(b, call->inputs[0], (hp_pool_mode)c->mode, c->spatial, c->size, first));
}

#define POOLING(name, axes)                                                                                            \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(adaptive_pooling),                                                                       \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check,                                                                                                \
        .lower = lower}

POOLING(AdaptiveAveragePooling1D, 1);
POOLING(AdaptiveAveragePooling2D, 2);
POOLING(AdaptiveAveragePooling3D, 3);
POOLING(AdaptiveMaxPooling1D, 1);
POOLING(AdaptiveMaxPooling2D, 2);
POOLING(AdaptiveMaxPooling3D, 3);

/* pooling.c: MaxPooling and AveragePooling, 1D to 3D (keras/src/layers/pooling/base_pooling.py).
 *
 * Averages leave the padding out of the count, as TensorFlow does. */
#include <string.h>
#include "layers/conv.h"

typedef struct pooling {
    hp_ints pool_size, strides;
    int padding, data_format;
    int spatial, mode; /* set by check */
    int64_t pool[HP_MAX_SPATIAL], stride[HP_MAX_SPATIAL];
} pooling;

static const char *const paddings[] = {"valid", "same", NULL};

static const hp_field fields[] = {
    HP_INTS(pooling, pool_size, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INTS(pooling, strides, HP_NULL, 1, HP_MAX_DIM),
    HP_ENUM(pooling, padding, HP_PADDING_VALID, paddings),
    HP_ENUM(pooling, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    pooling *c = config;
    int spatial = layer->cls->spatial;
    c->spatial = spatial;
    c->mode = strncmp(layer->cls->class_name, "Max", 3) == 0 ? HP_POOL_MAX : HP_POOL_AVERAGE;
    if (!hp_ints_spread(&c->pool_size, spatial, c->pool))
        hp_layer_refuse(
            scope, layer, HP_ERROR_FORMAT, "pool_size", "found %d integers, expected %d", c->pool_size.count, spatial);
    if (c->strides.count == 0) c->strides = c->pool_size; /* null */
    if (!hp_ints_spread(&c->strides, spatial, c->stride))
        hp_layer_refuse(
            scope, layer, HP_ERROR_FORMAT, "strides", "found %d integers, expected %d", c->strides.count, spatial);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const pooling *c = layer->config;
    if (!hp_check_rank(b, call->inputs[0], c->spatial + 2, c->spatial + 2)) return;
    bool first = c->data_format == HP_CHANNELS_FIRST;
    hp_dtype dtype = hp_builder_tensor(b, call->inputs[0])->dtype;
    hp_value x = hp_pool_operand(b, call->inputs[0], (hp_pool_mode)c->mode);
    if (first) x = hp_channels_last(b, x);
    hp_shape shape = *hp_builder_shape(b, x);
    hp_pool_params params;
    memset(&params, 0, sizeof params);
    params.spatial = c->spatial;
    params.mode = c->mode;
    for (int i = 0; i < c->spatial; i++) {
        int64_t size = shape.dims[i + 1];
        params.pool_size[i] = c->pool[i];
        params.strides[i] = c->stride[i];
        if (c->padding == HP_PADDING_SAME)
            hp_same_padding(size, c->pool[i], c->stride[i], 1, &params.pad_before[i], &params.pad_after[i]);
        else if (size > 0 && c->pool[i] > size) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "the pool of %lld does not fit the %lld elements of axis %d",
                (long long)c->pool[i], (long long)size, i + 1);
            return;
        }
    }
    x = hp_pool_result(b, hp_emit_pool(b, x, &params), (hp_pool_mode)c->mode, dtype);
    hp_call_output(b, call, first ? hp_channels_first(b, x) : x);
}

#define POOLING(name, axes)                                                                                            \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(pooling),                                                                                \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check,                                                                                                \
        .lower = lower}

POOLING(MaxPooling1D, 1);
POOLING(MaxPooling2D, 2);
POOLING(MaxPooling3D, 3);
POOLING(AveragePooling1D, 1);
POOLING(AveragePooling2D, 2);
POOLING(AveragePooling3D, 3);

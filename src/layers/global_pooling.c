/* global_pooling.c: global max and average pooling, 1D to 3D (keras/src/layers/pooling/base_global_pooling.py).
 * GlobalAveragePooling1D alone takes a mask: it averages the steps that are kept. */
#include "layers/support.h"

typedef struct global_pooling {
    int data_format;
    bool keepdims;
} global_pooling;

static const hp_field fields[] = {
    HP_ENUM(global_pooling, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_BOOL(global_pooling, keepdims, false),
    HP_FIELDS_END,
};

static void lower(hp_builder *b, hp_layer *layer, hp_call *call, int spatial, hp_reduction reduction) {
    const global_pooling *c = layer->config;
    if (!hp_check_rank(b, call->inputs[0], spatial + 2, spatial + 2)) return;
    int axes[HP_MAX_SPATIAL];
    for (int i = 0; i < spatial; i++) axes[i] = i + (c->data_format == HP_CHANNELS_FIRST ? 2 : 1);
    hp_value x = call->inputs[0]; /* a maximum keeps its dtype */
    if (reduction != HP_REDUCTION_MAX) x = hp_as_float(b, x);
    hp_call_output(b, call, hp_emit_reduce(b, x, reduction, axes, spatial, c->keepdims));
}

/* where(mask, x, 0) summed over the steps, divided by the number of kept ones. */
static void lower_masked(hp_builder *b, hp_layer *layer, hp_call *call, hp_value mask) {
    const global_pooling *c = layer->config;
    bool first = c->data_format == HP_CHANNELS_FIRST;
    int axis = first ? 2 : 1;
    hp_value x = hp_as_float(b, call->inputs[0]);
    const hp_shape *shape = hp_builder_shape(b, mask);
    int64_t dims[3] = {shape->dims[0], first ? 1 : shape->dims[1], first ? shape->dims[1] : 1};
    mask = hp_emit_reshape(b, hp_emit_cast(b, mask, HP_BOOL), 3, dims);
    hp_value kept = hp_emit_select(b, mask, x, hp_emit_float(b, 0));
    hp_value sum = hp_emit_reduce(b, kept, HP_REDUCTION_SUM, &axis, 1, c->keepdims);
    hp_value count =
        hp_emit_reduce(b, hp_emit_cast(b, mask, hp_builder_real(b)), HP_REDUCTION_SUM, &axis, 1, c->keepdims);
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_DIVIDE, sum, count));
}

static void average_1d(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value mask = hp_call_mask(b, call);
    if (mask != HP_NO_VALUE && hp_check_rank(b, call->inputs[0], 3, 3) && hp_check_rank(b, mask, 2, 2))
        lower_masked(b, layer, call, mask);
    else
        lower(b, layer, call, 1, HP_REDUCTION_MEAN);
}

static void average_2d(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, 2, HP_REDUCTION_MEAN);
}

static void average_3d(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, 3, HP_REDUCTION_MEAN);
}

static void max_1d(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, 1, HP_REDUCTION_MAX);
}

static void max_2d(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, 2, HP_REDUCTION_MAX);
}

static void max_3d(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower(b, layer, call, 3, HP_REDUCTION_MAX);
}

#define POOLING(name, lower_function)                                                                                  \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(global_pooling),                                                                         \
        .masking = HP_MASK_OWN,                                                                                        \
        .arguments = HP_NAMES("mask"),                                                                                 \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .lower = (lower_function)}

POOLING(GlobalAveragePooling1D, average_1d);
POOLING(GlobalAveragePooling2D, average_2d);
POOLING(GlobalAveragePooling3D, average_3d);
POOLING(GlobalMaxPooling1D, max_1d);
POOLING(GlobalMaxPooling2D, max_2d);
POOLING(GlobalMaxPooling3D, max_3d);

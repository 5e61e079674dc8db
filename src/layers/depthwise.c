/* depthwise.c: DepthwiseConv1D and 2D, SeparableConv1D and 2D (keras/src/layers/convolutional/base_depthwise_conv.py,
 * base_separable_conv.py). A separable convolution is a depthwise one without bias, then one of size 1. */
#include <string.h>
#include "layers/conv.h"

static const hp_field depthwise_fields[] = {
    HP_INT(hp_conv_config, depth_multiplier, 1, 1, HP_MAX_DIM),
    HP_CONV_FIELDS,
    HP_IGNORE_WEIGHT("depthwise"),
    HP_FIELDS_END,
};

static const hp_field separable_fields[] = {
    HP_INT(hp_conv_config, filters, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(hp_conv_config, depth_multiplier, 1, 1, HP_MAX_DIM),
    HP_CONV_FIELDS,
    HP_IGNORE_WEIGHT("depthwise"),
    HP_IGNORE_WEIGHT("pointwise"),
    HP_FIELDS_END,
};

/* The depthwise kernel's dims; false: too many channels come out to count. */
static bool kernel_dims(hp_builder *b, const hp_conv_config *c, int64_t channels, int64_t *dims, int64_t *made) {
    memcpy(dims, c->kernel, (size_t)c->spatial * sizeof *dims);
    dims[c->spatial] = channels;
    dims[c->spatial + 1] = c->depth_multiplier;
    if (!__builtin_mul_overflow(channels, c->depth_multiplier, made) && *made <= (int64_t)HP_MAX_DIM) return true;
    hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "depth_multiplier: %lld is too large", (long long)c->depth_multiplier);
    return false;
}

static void lower_depthwise(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_conv_config *c = layer->config;
    hp_value x = hp_conv_input(b, c, call->inputs[0]);
    if (b->status != HP_OK) return;
    hp_shape shape = *hp_builder_shape(b, x);
    hp_conv_params params;
    int64_t dims[HP_MAX_SPATIAL + 2], made;
    if (!hp_conv_window(b, c, &shape, &params) || !kernel_dims(b, c, shape.dims[shape.rank - 1], dims, &made)) return;
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, c->spatial + 2, dims);
    hp_value bias = c->use_bias ? hp_layer_weight(b, layer, "bias", true, HP_DIMS(made)) : HP_NO_VALUE;
    hp_call_output(b, call, hp_conv_output(b, c, hp_emit_depthwise(b, x, kernel, bias, &params)));
}

static void lower_separable(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_conv_config *c = layer->config;
    hp_value x = hp_conv_input(b, c, call->inputs[0]);
    if (b->status != HP_OK) return;
    hp_shape shape = *hp_builder_shape(b, x);
    hp_conv_params params;
    int64_t dims[HP_MAX_SPATIAL + 2], point[HP_MAX_SPATIAL + 2], made;
    if (!hp_conv_window(b, c, &shape, &params) || !kernel_dims(b, c, shape.dims[shape.rank - 1], dims, &made)) return;
    for (int i = 0; i < c->spatial; i++) point[i] = 1;
    point[c->spatial] = made;
    point[c->spatial + 1] = c->filters;
    hp_value depthwise = hp_layer_weight(b, layer, "depthwise_kernel", true, c->spatial + 2, dims);
    hp_value pointwise = hp_layer_weight(b, layer, "pointwise_kernel", true, c->spatial + 2, point);
    hp_value bias = c->use_bias ? hp_layer_weight(b, layer, "bias", true, HP_DIMS(c->filters)) : HP_NO_VALUE;
    x = hp_emit_depthwise(b, x, depthwise, HP_NO_VALUE, &params);
    pointwise = hp_emit_reshape(b, pointwise, HP_DIMS(made, c->filters));
    hp_call_output(b, call, hp_conv_output(b, c, hp_emit_gemm(b, x, pointwise, bias)));
}

#define CONV(name, table, axes, lower_function)                                                                        \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(hp_conv_config),                                                                         \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = hp_conv_check,                                                                                        \
        .lower = (lower_function)}

CONV(DepthwiseConv1D, depthwise_fields, 1, lower_depthwise);
CONV(DepthwiseConv2D, depthwise_fields, 2, lower_depthwise);
CONV(SeparableConv1D, separable_fields, 1, lower_separable);
CONV(SeparableConv2D, separable_fields, 2, lower_separable);

/* conv.c: Conv1D, Conv2D, Conv3D (keras/src/layers/convolutional/base_conv.py).
 *
 * channels_first is computed channels last between two transpositions. */
#include "layers/conv.h"

#include <string.h>

const char *const hp_paddings[] = {"valid", "same", "causal", NULL};

void hp_conv_check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hp_conv_config *c = config;
    int spatial = layer->cls->spatial;
    const struct {
        const char *key;
        const hp_ints *ints;
        int64_t *values;
    } lists[] = {{"kernel_size", &c->kernel_size, c->kernel}, {"strides", &c->strides, c->stride},
        {"dilation_rate", &c->dilation_rate, c->dilation}};
    c->spatial = spatial;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!hp_ints_spread(lists[i].ints, spatial, lists[i].values))
            hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, lists[i].key, "found %d integers, expected %d",
                lists[i].ints->count, spatial);
    bool takes_causal = layer->cls == &hp_layer_Conv1D || layer->cls == &hp_layer_SeparableConv1D;
    if (c->padding == HP_PADDING_CAUSAL && !takes_causal)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "padding", "\"causal\" is for Conv1D and SeparableConv1D");
}

hp_value hp_conv_input(hp_builder *b, const hp_conv_config *c, hp_value x) {
    if (!hp_check_rank(b, x, c->spatial + 2, c->spatial + 2)) return HP_NO_VALUE;
    x = hp_as_float(b, x);
    return c->data_format == HP_CHANNELS_FIRST ? hp_channels_last(b, x) : x;
}

bool hp_conv_window(hp_builder *b, const hp_conv_config *c, const hp_shape *shape, hp_conv_params *params) {
    memset(params, 0, sizeof *params);
    params->spatial = c->spatial;
    params->groups = 1;
    for (int i = 0; i < c->spatial; i++) {
        int64_t size = shape->dims[i + 1], extent;
        if (__builtin_mul_overflow(c->kernel[i] - 1, c->dilation[i], &extent) || extent >= INT32_MAX) {
            hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the kernel with its dilation is larger than any input");
            return false;
        }
        params->strides[i] = c->stride[i];
        params->dilation[i] = c->dilation[i];
        if (c->padding == HP_PADDING_SAME)
            hp_same_padding(
                size, c->kernel[i], c->stride[i], c->dilation[i], &params->pad_before[i], &params->pad_after[i]);
        else if (c->padding == HP_PADDING_CAUSAL)
            params->pad_before[i] = extent;
        /* Into nothing everything fits that "same" takes, or a stride as wide as the kernel: hp_emit_conv tells. */
        if (size > 0 && extent + 1 > size + params->pad_before[i] + params->pad_after[i]) {
            hp_builder_fail(b, HP_ERROR_SHAPE,
                "the kernel reaches over %lld elements, the input has %lld along axis %d", (long long)extent + 1,
                (long long)size, i + 1);
            return false;
        }
    }
    return b->status == HP_OK;
}

hp_value hp_conv_output(hp_builder *b, const hp_conv_config *c, hp_value y) {
    /* An axis-wise activation sees Keras's layout, an elementwise one fuses with the convolution where it is. */
    hp_activation elementwise;
    if (c->data_format == HP_CHANNELS_LAST) return hp_emit_activation(b, y, &c->activation);
    if (hp_activation_elementwise(&c->activation, &elementwise))
        return hp_channels_first(b, hp_emit_activation(b, y, &c->activation));
    return hp_emit_activation(b, hp_channels_first(b, y), &c->activation);
}

static const hp_field fields[] = {
    HP_INT(hp_conv_config, filters, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(hp_conv_config, groups, 1, 1, HP_MAX_DIM),
    HP_CONV_FIELDS,
    HP_LORA_FIELDS(hp_conv_config),
    HP_IGNORE_WEIGHT("kernel"),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hp_conv_config *c = config;
    hp_conv_check(scope, layer, c);
    if (c->filters % c->groups != 0)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "groups", "%lld filters do not divide into %lld groups",
            (long long)c->filters, (long long)c->groups);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_conv_config *c = layer->config;
    hp_value x = hp_conv_input(b, c, call->inputs[0]);
    if (b->status != HP_OK) return;
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t channels = shape.dims[shape.rank - 1], dims[HP_MAX_SPATIAL + 2];
    if (channels % c->groups != 0) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "%lld input channels do not divide into %lld groups", (long long)channels,
            (long long)c->groups);
        return;
    }
    hp_conv_params params;
    if (!hp_conv_window(b, c, &shape, &params)) return;
    params.groups = (int32_t)c->groups;
    memcpy(dims, c->kernel, (size_t)c->spatial * sizeof *dims);
    dims[c->spatial] = channels / c->groups;
    dims[c->spatial + 1] = c->filters;
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, c->spatial + 2, dims);
    hp_value bias = c->use_bias ? hp_layer_weight(b, layer, "bias", true, HP_DIMS(c->filters)) : HP_NO_VALUE;
    kernel = hp_layer_lora(b, layer, "kernel", kernel, &c->lora);
    hp_call_output(b, call, hp_conv_output(b, c, hp_emit_conv(b, x, kernel, bias, &params)));
}

#define CONV(name, axes)                                                                                               \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(hp_conv_config),                                                                         \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check,                                                                                                \
        .lower = lower}

CONV(Conv1D, 1);
CONV(Conv2D, 2);
CONV(Conv3D, 3);

/* conv_transpose.c: Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
 * (keras/src/layers/convolutional/base_conv_transpose.py, with TensorFlow's padding).
 *
 * The kernel spread over strided inputs makes (size - 1) * stride + extent elements; padding and output_padding say how
 * many of them, from where on, are kept, or how many zeros follow. */
#include <string.h>
#include "layers/conv.h"

typedef struct conv_transpose {
    hp_conv_config conv;
    hp_ints output_padding;
    const hp_json *output_shape;   /* Keras 1's, the batch among it; NULL with later versions */
    int64_t extra[HP_MAX_SPATIAL]; /* output_padding; -1: null */
} conv_transpose;

/* hp_conv_config is the first member: its fields fill it. */
static const hp_field fields[] = {
    HP_INT(hp_conv_config, filters, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(hp_conv_config, groups, 1, 1, 1), /* Keras 2 writes it */
    HP_CONV_FIELDS,
    HP_INTS(conv_transpose, output_padding, HP_NULL, 0, HP_MAX_DIM),
    HP_JSON_OF(conv_transpose, output_shape, "list of sizes; of Keras 1 alone"),
    HP_IGNORE_WEIGHT("kernel"),
    HP_FIELDS_END,
};

/* Keras 1 was told the shape that is made of the inputs, batch and channels included. */
static bool is_output_shape(const hp_json *shape, int spatial) {
    if (!hp_json_is(shape, HP_JSON_ARRAY) || shape->count != (size_t)spatial + 2) return false;
    HP_JSON_EACH (item, shape)
        if (item != shape->first && (!hp_json_is(item, HP_JSON_INT) || item->integer < 1 || item->integer > INT32_MAX))
            return false;
    return true;
}

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    conv_transpose *c = config;
    int spatial = layer->cls->spatial;
    bool strided = false, dilated = false;
    if (c->output_shape && (scope->family != 1 || !is_output_shape(c->output_shape, spatial)))
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "output_shape",
            "found it in a layer of Keras %d, expected %d integers in one of Keras 1", scope->family, spatial + 2);
    hp_conv_check(scope, layer, &c->conv);
    for (int i = 0; i < spatial; i++) c->extra[i] = -1;
    if (c->output_padding.count > 0 && !hp_ints_spread(&c->output_padding, spatial, c->extra))
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_padding", "found %d integers, expected %d",
            c->output_padding.count, spatial);
    for (int i = 0; i < spatial; i++) {
        strided = strided || c->conv.stride[i] > 1;
        dilated = dilated || c->conv.dilation[i] > 1;
        if (c->extra[i] >= 0 && c->extra[i] >= c->conv.stride[i])
            hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "output_padding",
                "found %lld, expected less than the stride %lld", (long long)c->extra[i], (long long)c->conv.stride[i]);
    }
    if (strided && dilated)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "dilation_rate", "strides and dilation cannot be together");
}

/* One axis, as _get_output_shape_given_tf_padding and the gradient of TensorFlow's convolution. */
bool hp_conv_transpose_window(hp_builder *b, int axis, int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
    bool same, int64_t extra, hp_conv_params *params) {
    int64_t extent, full, made;
    if (__builtin_mul_overflow(kernel - 1, dilation, &extent) || extent >= INT32_MAX ||
        __builtin_mul_overflow(size, stride, &full) || full >= HP_MAX_ELEMENTS) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the result has too many elements along axis %d", axis + 1);
        return false;
    }
    extent++;
    full = (size - 1) * stride + extent;
    if (same) {
        made = extra < 0 ? size * stride : (size - 1) * stride + extent % 2 + extra;
        params->pad_before[axis] = full > made ? (full - made) / 2 : 0;
    } else {
        made = full + (extra >= 0 ? extra : extent < stride ? stride - extent : 0);
        params->pad_before[axis] = 0;
    }
    params->pad_after[axis] = full - made - params->pad_before[axis];
    params->strides[axis] = stride;
    params->dilation[axis] = dilation;
    return true;
}

/* The output_padding that makes as many elements along an axis as Keras 1 was told; fails where no padding does. */
static int64_t extra_for_shape(hp_builder *b, const conv_transpose *c, int axis, int64_t size) {
    const hp_conv_config *conv = &c->conv;
    bool first = conv->data_format == HP_CHANNELS_FIRST, same = conv->padding == HP_PADDING_SAME;
    int64_t made = hp_json_at(c->output_shape, (size_t)axis + (first ? 2 : 1))->integer, stride = conv->stride[axis];
    int64_t least = same ? (size - 1) * stride + 1 : (size - 1) * stride + conv->kernel[axis];
    if (made < least || made >= least + stride)
        hp_builder_fail(b, HP_ERROR_SHAPE, "output_shape: %lld elements along axis %d, expected %lld to %lld",
            (long long)made, axis + 1, (long long)least, (long long)(least + stride - 1));
    return same ? made - (size - 1) * stride - conv->kernel[axis] % 2 : made - least;
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const conv_transpose *c = layer->config;
    const hp_conv_config *conv = &c->conv;
    hp_value x = hp_conv_input(b, conv, call->inputs[0]);
    if (b->status != HP_OK) return;
    hp_shape shape = *hp_builder_shape(b, x);
    hp_conv_params params;
    memset(&params, 0, sizeof params);
    params.spatial = conv->spatial;
    params.groups = 1;
    for (int i = 0; i < conv->spatial; i++) {
        int64_t extra = c->output_shape ? extra_for_shape(b, c, i, shape.dims[i + 1]) : c->extra[i];
        if (!hp_conv_transpose_window(b, i, shape.dims[i + 1], conv->kernel[i], conv->stride[i], conv->dilation[i],
                conv->padding == HP_PADDING_SAME, extra, &params))
            return;
    }
    int64_t dims[HP_MAX_SPATIAL + 2];
    memcpy(dims, conv->kernel, (size_t)conv->spatial * sizeof *dims);
    dims[conv->spatial] = conv->filters;
    dims[conv->spatial + 1] = shape.dims[shape.rank - 1];
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, conv->spatial + 2, dims);
    hp_value bias = conv->use_bias ? hp_layer_weight(b, layer, "bias", true, HP_DIMS(conv->filters)) : HP_NO_VALUE;
    hp_call_output(b, call, hp_conv_output(b, conv, hp_emit_conv_transpose(b, x, kernel, bias, &params)));
}

#define CONV_TRANSPOSE(name, axes)                                                                                     \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(conv_transpose),                                                                         \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check,                                                                                                \
        .lower = lower}

CONV_TRANSPOSE(Conv1DTranspose, 1);
CONV_TRANSPOSE(Conv2DTranspose, 2);
CONV_TRANSPOSE(Conv3DTranspose, 3);

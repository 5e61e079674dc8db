/* nn.c: convolutions and pooling as operations (keras/src/ops/nn.py), on the primitives that the layers use. */
#include <string.h>

#include "layers/adaptive_pooling.h"
#include "layers/conv.h"
#include "ops/op.h"

typedef struct config {
    hp_ints strides, dilation_rate, pool_size, output_padding, output_size;
    int padding, data_format;
    const hp_json *paddings;
} config;

#define PADDING HP_ENUM(config, padding, 0, HP_NAMES("valid", "same"))
#define DATA_FORMAT                                                                                                    \
    {                                                                                                                  \
        .name = "data_format", .type = HP_FIELD_ENUM, .offset = offsetof(config, data_format), .null_ok = true,        \
        .names = (const char *const[]) {                                                                               \
            "channels_last", "channels_first", NULL                                                                    \
        }                                                                                                              \
    }

static const hp_field conv_fields[] = {HP_INTS(config, strides, 1, 1, HP_MAX_DIM),
    HP_INTS(config, dilation_rate, 1, 1, HP_MAX_DIM), PADDING, DATA_FORMAT, HP_FIELDS_END};

/* TensorFlow's explicit paddings: pairs for the spatial axes, or numbers, those of the batch and of the channels, too. */
static bool explicit_paddings(hp_builder *b, const hp_json *paddings, hp_conv_params *params) {
    int64_t numbers[2 * HP_MAX_RANK], sides = 2 * params->spatial, count = 0;
    HP_JSON_EACH (item, paddings) {
        bool pair = item->type == HP_JSON_ARRAY;
        for (const hp_json *side = pair ? item->first : item; side; side = pair ? side->next : NULL)
            if (count < 2 * HP_MAX_RANK) numbers[count++] = hp_json_is(side, HP_JSON_INT) ? side->integer : -1;
    }
    int64_t first = count == sides + 4 ? 2 : 0;
    for (int64_t i = 0; i < count; i++) {
        bool spatial = i >= first && i < first + sides;
        if (count != first + sides + first || numbers[i] < 0 || (!spatial && numbers[i] != 0)) count = -1;
        if (count > 0 && spatial) (i % 2 ? params->pad_after : params->pad_before)[(i - first) / 2] = numbers[i];
    }
    if (count <= 0) hp_builder_fail(b, HP_ERROR_FORMAT, "paddings: expected two numbers for each spatial axis");
    return b->status == HP_OK;
}

/* x with channels last, its spatial axes, and the padding of a window over them. False after a failure. */
static bool window_over(hp_builder *b, const config *c, hp_value *x, const int64_t *kernel, hp_conv_params *params) {
    if (c->data_format == HP_CHANNELS_FIRST) *x = hp_channels_last(b, *x);
    hp_shape shape = *hp_builder_shape(b, *x);
    int spatial = shape.rank - 2;
    memset(params, 0, sizeof *params);
    if (b->status != HP_OK) return false;
    if (spatial < 1 || spatial > HP_MAX_SPATIAL || !hp_ints_spread(&c->strides, spatial, params->strides) ||
        !hp_ints_spread(&c->dilation_rate, spatial, params->dilation)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "strides or dilation_rate do not fit %d spatial axes", spatial);
        return false;
    }
    params->spatial = spatial;
    params->groups = 1;
    for (int i = 0; i < spatial && c->padding == 1; i++)
        hp_same_padding(shape.dims[i + 1], kernel[i], params->strides[i], params->dilation[i], &params->pad_before[i],
            &params->pad_after[i]);
    return !c->paddings || explicit_paddings(b, c->paddings, params);
}

/* The same of floats. */
static bool prepare(hp_builder *b, const config *c, hp_value *x, const int64_t *kernel, hp_conv_params *params) {
    *x = hp_as_float(b, *x);
    return window_over(b, c, x, kernel, params);
}

static void finish(hp_builder *b, hp_call *call, const config *c, hp_value y) {
    hp_call_output(b, call, c->data_format == HP_CHANNELS_FIRST ? hp_channels_first(b, y) : y);
}

static void lower_conv(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), kernel = hp_as_float(b, hp_op_operand(b, call, 1, "kernel"));
    hp_conv_params params;
    hp_shape k = *hp_builder_shape(b, kernel);
    if (!prepare(b, c, &x, k.dims, &params)) return;
    const hp_shape *shape = hp_builder_shape(b, x);
    if (k.rank != shape->rank || k.dims[k.rank - 2] < 1) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "the kernel has %d axes, the input %d", k.rank, shape->rank);
        return;
    }
    params.groups = (int32_t)(shape->dims[shape->rank - 1] / k.dims[k.rank - 2]);
    finish(b, call, c, hp_emit_conv(b, x, kernel, HP_NO_VALUE, &params));
}

static void lower_depthwise(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), kernel = hp_as_float(b, hp_op_operand(b, call, 1, "kernel"));
    hp_conv_params params;
    if (prepare(b, c, &x, hp_builder_shape(b, kernel)->dims, &params))
        finish(b, call, c, hp_emit_depthwise(b, x, kernel, HP_NO_VALUE, &params));
}

static void lower_separable(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs");
    hp_value depthwise = hp_as_float(b, hp_op_operand(b, call, 1, "depthwise_kernel"));
    hp_value pointwise = hp_as_float(b, hp_op_operand(b, call, 2, "pointwise_kernel"));
    hp_conv_params params, point = {.groups = 1};
    if (!prepare(b, c, &x, hp_builder_shape(b, depthwise)->dims, &params)) return;
    point.spatial = params.spatial;
    for (int i = 0; i < HP_MAX_SPATIAL; i++) point.strides[i] = point.dilation[i] = i < params.spatial;
    x = hp_emit_depthwise(b, x, depthwise, HP_NO_VALUE, &params);
    finish(b, call, c, hp_emit_conv(b, x, pointwise, HP_NO_VALUE, &point));
}

const hp_op_class hp_op_Conv = HP_OP("Conv", HP_OP_NN, conv_fields, config, lower_conv);
const hp_op_class hp_op_DepthwiseConv = HP_OP("DepthwiseConv", HP_OP_NN, conv_fields, config, lower_depthwise);
/* With TensorFlow's explicit paddings. */
#define PADDINGS HP_JSON_FIELD(config, paddings), DATA_FORMAT, HP_FIELDS_END
static const hp_field padded_fields[] = {
    HP_INTS(config, strides, 1, 1, HP_MAX_DIM), HP_INTS(config, dilation_rate, 1, 1, HP_MAX_DIM), PADDINGS};
const hp_op_class hp_op_ConvPadded = HP_OP("ConvPadded", HP_OP_TF, padded_fields, config, lower_conv);
const hp_op_class hp_op_DepthwiseConvPadded =
    HP_OP("DepthwiseConvPadded", HP_OP_TF, padded_fields, config, lower_depthwise);
const hp_op_class hp_op_SeparableConv = HP_OP("SeparableConv", HP_OP_NN, conv_fields, config, lower_separable);

static const hp_field transpose_fields[] = {HP_INTS(config, strides, 1, 1, HP_MAX_DIM),
    HP_INTS(config, dilation_rate, 1, 1, HP_MAX_DIM), HP_INTS(config, output_padding, HP_NULL, 0, HP_MAX_DIM), PADDING,
    DATA_FORMAT, HP_FIELDS_END};

/* The kernel is [spatial..., filters, channels]. */
static void lower_conv_transpose(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), kernel = hp_as_float(b, hp_op_operand(b, call, 1, "kernel"));
    hp_conv_params params;
    hp_shape k = *hp_builder_shape(b, kernel);
    int64_t extra[HP_MAX_RANK] = {-1, -1, -1};
    config valid = *c;
    valid.padding = 0;
    if (!prepare(b, &valid, &x, k.dims, &params)) return;
    if (c->output_padding.count > 0 && !hp_ints_spread(&c->output_padding, params.spatial, extra)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "output_padding does not fit %d spatial axes", params.spatial);
        return;
    }
    hp_shape shape = *hp_builder_shape(b, x);
    for (int i = 0; i < params.spatial; i++)
        if (!hp_conv_transpose_window(b, i, shape.dims[i + 1], k.dims[i], params.strides[i], params.dilation[i],
                c->padding == 1, extra[i], &params))
            return;
    finish(b, call, c, hp_emit_conv_transpose(b, x, kernel, HP_NO_VALUE, &params));
}

const hp_op_class hp_op_ConvTranspose =
    HP_OP("ConvTranspose", HP_OP_NN, transpose_fields, config, lower_conv_transpose);

/* tf.nn.conv2d_transpose and its like: the spatial sizes of the result are said, the batch's and the channels' follow. */
static void lower_transpose_to(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), kernel = hp_as_float(b, hp_op_operand(b, call, 1, "kernel"));
    hp_conv_params params;
    hp_shape k = *hp_builder_shape(b, kernel);
    int64_t size[HP_MAX_RANK] = {0};
    config valid = *c;
    valid.padding = 0;
    bool rows[HP_MAX_RANK]; /* of the first, which nobody needs */
    int count = hp_op_sizes(b, call, "output_shape", NULL, size, rows);
    if (!prepare(b, &valid, &x, k.dims, &params)) return;
    if (count != params.spatial && count != params.spatial + 2)
        hp_builder_fail(b, HP_ERROR_SHAPE, "output_shape has %d sizes, the input %d axes", count, params.spatial + 2);
    hp_shape shape = *hp_builder_shape(b, x);
    for (int i = 0; i < params.spatial && b->status == HP_OK; i++) {
        int64_t reach = (k.dims[i] - 1) * params.dilation[i] + 1, out = size[i + (count > params.spatial)];
        int64_t least = (shape.dims[i + 1] - 1) * params.strides[i] + (c->padding == 1 ? 1 : reach);
        int64_t extra = out - least,
                cut = c->padding == 1 ? reach - 2 * (reach / 2) - 1 : 0; /* as Keras counts it: -1 or 0 */
        if (extra < 0 || extra >= params.strides[i])
            hp_builder_fail(b, HP_ERROR_SHAPE, "output_shape: %lld along axis %d, possible are %lld to %lld",
                (long long)out, i + 1, (long long)least, (long long)(least + params.strides[i] - 1));
        else if (!hp_conv_transpose_window(b, i, shape.dims[i + 1], k.dims[i], params.strides[i], params.dilation[i],
                     c->padding == 1, extra - cut, &params))
            return;
    }
    if (b->status == HP_OK) finish(b, call, c, hp_emit_conv_transpose(b, x, kernel, HP_NO_VALUE, &params));
}

const hp_op_class hp_op_ConvTransposeTo = HP_OP("ConvTransposeTo", HP_OP_TF, conv_fields, config, lower_transpose_to);

/* ---- pooling: strides default to pool_size */

static const hp_field pool_fields[] = {HP_INTS(config, pool_size, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INTS(config, strides, HP_NULL, 1, HP_MAX_DIM), PADDING, DATA_FORMAT, HP_FIELDS_END};

static void pool(hp_builder *b, hp_layer *layer, hp_call *call, hp_pool_mode mode) {
    const config *c = layer->config;
    config window = *c;
    if (window.strides.count == 0) window.strides = window.pool_size;
    window.dilation_rate = (hp_ints){.count = 1, .scalar = true, .at = {1}};
    hp_value x = hp_op_operand(b, call, 0, "inputs");
    int64_t size[HP_MAX_RANK] = {0};
    int spatial = hp_builder_shape(b, x)->rank - 2;
    hp_conv_params params;
    if (b->status != HP_OK) return;
    if (spatial < 1 || spatial > HP_MAX_SPATIAL || !hp_ints_spread(&c->pool_size, spatial, size)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "pool_size does not fit %d spatial axes", spatial);
        return;
    }
    hp_dtype dtype = hp_op_dtype(b, x);
    x = hp_pool_operand(b, x, mode);
    if (!window_over(b, &window, &x, size, &params)) return;
    hp_pool_params p;
    memset(&p, 0, sizeof p);
    p.spatial = params.spatial;
    p.mode = mode;
    for (int i = 0; i < spatial; i++) {
        p.pool_size[i] = size[i];
        p.strides[i] = params.strides[i];
        p.pad_before[i] = params.pad_before[i];
        p.pad_after[i] = params.pad_after[i];
    }
    finish(b, call, c, hp_pool_result(b, hp_emit_pool(b, x, &p), mode, dtype));
}

static void lower_max_pool(hp_builder *b, hp_layer *layer, hp_call *call) {
    pool(b, layer, call, HP_POOL_MAX);
}

static void lower_average_pool(hp_builder *b, hp_layer *layer, hp_call *call) {
    pool(b, layer, call, HP_POOL_AVERAGE);
}

const hp_op_class hp_op_MaxPool = HP_OP("MaxPool", HP_OP_NN, pool_fields, config, lower_max_pool);
static const hp_field padded_pool_fields[] = {
    HP_INTS(config, pool_size, HP_REQUIRED, 1, HP_MAX_DIM), HP_INTS(config, strides, HP_NULL, 1, HP_MAX_DIM), PADDINGS};
const hp_op_class hp_op_MaxPoolPadded = HP_OP("MaxPoolPadded", HP_OP_TF, padded_pool_fields, config, lower_max_pool);
const hp_op_class hp_op_AveragePool = HP_OP("AveragePool", HP_OP_NN, pool_fields, config, lower_average_pool);

static const hp_field adaptive_fields[] = {
    HP_INTS(config, output_size, HP_REQUIRED, 1, HP_MAX_DIM), DATA_FORMAT, HP_FIELDS_END};

static void adaptive(hp_builder *b, hp_layer *layer, hp_call *call, hp_pool_mode mode) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs");
    int64_t size[HP_MAX_RANK] = {0};
    int spatial = hp_builder_shape(b, x)->rank - 2;
    if (b->status != HP_OK) return;
    if (spatial < 1 || spatial > HP_MAX_SPATIAL || !hp_ints_spread(&c->output_size, spatial, size))
        hp_builder_fail(b, HP_ERROR_SHAPE, "output_size does not fit %d spatial axes", spatial);
    else
        hp_call_output(b, call, hp_adaptive_pool(b, x, mode, spatial, size, c->data_format == HP_CHANNELS_FIRST));
}

static void lower_adaptive_max(hp_builder *b, hp_layer *layer, hp_call *call) {
    adaptive(b, layer, call, HP_POOL_MAX);
}

static void lower_adaptive_average(hp_builder *b, hp_layer *layer, hp_call *call) {
    adaptive(b, layer, call, HP_POOL_AVERAGE);
}

const hp_op_class hp_op_AdaptiveMaxPool =
    HP_OP("AdaptiveMaxPool", HP_OP_NN, adaptive_fields, config, lower_adaptive_max);
const hp_op_class hp_op_AdaptiveAveragePool =
    HP_OP("AdaptiveAveragePool", HP_OP_NN, adaptive_fields, config, lower_adaptive_average);

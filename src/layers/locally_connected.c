/* locally_connected.c: LocallyConnected1D and LocallyConnected2D of Keras 1 and 2
 * (tf_keras/src/layers/locally_connected/): a convolution with a kernel of its own at every place.
 *
 * Its three implementations store the kernel differently: 1: [places, window, filters]; 2: the whole matrix from inputs
 * to outputs, of which a mask leaves the connected entries; 3: the connected entries alone, sorted by output, then
 * input. 2 and 3 become one dense matrix. */
#include <string.h>
#include "layers/conv.h"
#include "prims/einsum.h"

enum { MAX_MATRIX = 1 << 28 };

typedef struct locally_connected {
    hp_conv_config conv;
    int64_t implementation;
} locally_connected;

static const hp_field fields[] = {
    HP_INT(hp_conv_config, filters, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_CONV_FIELDS,
    HP_INT(locally_connected, implementation, 1, 1, 3),
    HP_IGNORE_WEIGHT("kernel"),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    locally_connected *c = config;
    hp_conv_check(scope, layer, &c->conv);
    if (c->implementation == 1 && c->conv.padding != HP_PADDING_VALID)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "padding", "implementation 1 takes \"valid\" alone");
    for (int i = 0; i < layer->cls->spatial; i++)
        if (c->conv.dilation[i] != 1)
            hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "dilation_rate", "there is no dilation here");
}

/* The sizes of a call; a 1D layer has a second axis of 1. */
typedef struct places {
    const hp_conv_config *c;
    bool first; /* channels first */
    int64_t in[2], out[2], kernel[2], stride[2], channels, filters;
    int64_t inputs, outputs; /* elements of a row on either side */
} places;

static bool measure(hp_builder *b, const locally_connected *c, const hp_shape *shape, places *p) {
    *p = (places){.c = &c->conv,
        .first = c->conv.data_format == HP_CHANNELS_FIRST,
        .filters = c->conv.filters,
        .in = {1, 1},
        .out = {1, 1},
        .kernel = {1, 1},
        .stride = {1, 1}};
    p->channels = shape->dims[p->first ? 1 : shape->rank - 1];
    p->inputs = p->channels;
    p->outputs = p->filters;
    for (int i = 0; i < c->conv.spatial; i++) {
        p->in[i] = shape->dims[i + (p->first ? 2 : 1)];
        p->kernel[i] = c->conv.kernel[i];
        p->stride[i] = c->conv.stride[i];
        int64_t last = c->conv.padding == HP_PADDING_SAME ? p->in[i] : p->in[i] - p->kernel[i] + 1;
        p->out[i] = last > 0 ? (last + p->stride[i] - 1) / p->stride[i] : 0;
        if (p->out[i] < 1) {
            hp_builder_fail(
                b, HP_ERROR_SHAPE, "the kernel does not fit the %lld elements of axis %d", (long long)p->in[i], i + 1);
            return false;
        }
        if (__builtin_mul_overflow(p->inputs, p->in[i], &p->inputs) ||
            __builtin_mul_overflow(p->outputs, p->out[i], &p->outputs)) {
            hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the layer is too large");
            return false;
        }
    }
    return true;
}

/* Place in the flattened elements of a row. */
static int64_t flat(const places *p, const int64_t *size, int64_t y, int64_t x, int64_t channel, int64_t channels) {
    int64_t place = y * size[1] + x;
    return p->first ? channel * size[0] * size[1] + place : place * channels + channel;
}

/* conv_connected_inputs: the inputs that an output at `place` sees along an axis. */
static void connected(const places *p, int axis, int64_t place, int64_t *begin, int64_t *end) {
    int64_t left = p->kernel[axis] / 2, center = place * p->stride[axis];
    if (p->c->padding == HP_PADDING_VALID) center += left;
    *begin = center - left > 0 ? center - left : 0;
    *end = center + p->kernel[axis] - left < p->in[axis] ? center + p->kernel[axis] - left : p->in[axis];
}

/* ---- implementation 1 */

/* The elements that each place sees, in the order of its kernel: [places, window]. */
static hp_value window_indices(hp_builder *b, const places *p) {
    int64_t count = p->out[0] * p->out[1], window = p->kernel[0] * p->kernel[1] * p->channels, total;
    if (__builtin_mul_overflow(count, window, &total) || total > MAX_MATRIX)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the layer is too large");
    int32_t *index = hp_alloc_array((size_t)total, sizeof *index), *to = index;
    if (!index) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t place = 0; place < count; place++)
        for (int64_t i = 0; i < window; i++) {
            int64_t taps = p->kernel[0] * p->kernel[1];
            int64_t channel = p->first ? i / taps : i % p->channels, tap = p->first ? i % taps : i / p->channels;
            int64_t y = place / p->out[1] * p->stride[0] + tap / p->kernel[1];
            int64_t x = place % p->out[1] * p->stride[1] + tap % p->kernel[1];
            *to++ = (int32_t)flat(p, p->in, y, x, channel, p->channels);
        }
    hp_value value = hp_emit_literal(b, HP_INT32, HP_DIMS(count, window), index);
    hp_free(index);
    return value;
}

static hp_value by_windows(hp_builder *b, hp_layer *layer, const places *p, hp_value x) {
    int64_t count = p->out[0] * p->out[1], window = p->kernel[0] * p->kernel[1] * p->channels;
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, HP_DIMS(count, window, p->filters));
    hp_value windows = hp_emit_gather(b, x, window_indices(b, p), 1);
    hp_value y = hp_emit_einsum(b, "rpw,pwf->rpf", (const hp_value[]){windows, kernel}, 2);
    return p->first ? hp_move_axis(b, y, 2, 1) : y;
}

/* ---- implementations 2 and 3 */

/* [inputs, outputs]: 0 for what is not connected, else 1; numbered: 1, 2 ... sorted by output, then input, `entries`
 * of them. To be freed; NULL: reported. */
static int32_t *connections(hp_builder *b, const places *p, bool numbered, int64_t *entries) {
    int64_t total;
    if (__builtin_mul_overflow(p->inputs, p->outputs, &total) || total > MAX_MATRIX) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the layer is too large");
        return NULL;
    }
    int32_t *matrix = hp_alloc_array((size_t)total, sizeof *matrix);
    if (!matrix) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return NULL;
    }
    for (int64_t place = 0; place < p->out[0] * p->out[1]; place++) {
        int64_t begin[2], end[2];
        connected(p, 0, place / p->out[1], &begin[0], &end[0]);
        connected(p, 1, place % p->out[1], &begin[1], &end[1]);
        for (int64_t y = begin[0]; y < end[0]; y++)
            for (int64_t x = begin[1]; x < end[1]; x++)
                for (int64_t c = 0; c < p->channels; c++)
                    for (int64_t f = 0; f < p->filters; f++) {
                        int64_t in = flat(p, p->in, y, x, c, p->channels);
                        int64_t out = flat(p, p->out, place / p->out[1], place % p->out[1], f, p->filters);
                        matrix[in * p->outputs + out] = 1;
                    }
    }
    *entries = 0;
    for (int64_t out = 0; numbered && out < p->outputs; out++)
        for (int64_t in = 0; in < p->inputs; in++)
            if (matrix[in * p->outputs + out]) matrix[in * p->outputs + out] = (int32_t)++ * entries;
    return matrix;
}

/* The kernel of implementation 2: [input sizes..., output sizes...], each as the data format has them. */
static hp_value full_kernel(hp_builder *b, hp_layer *layer, const places *p) {
    int64_t dims[HP_MAX_RANK];
    int n = 0;
    for (int side = 0; side < 2; side++) {
        const int64_t *size = side ? p->out : p->in;
        if (p->first) dims[n++] = side ? p->filters : p->channels;
        for (int i = 0; i < p->c->spatial; i++) dims[n++] = size[i];
        if (!p->first) dims[n++] = side ? p->filters : p->channels;
    }
    return hp_emit_reshape(b, hp_layer_weight(b, layer, "kernel", true, n, dims), HP_DIMS(p->inputs, p->outputs));
}

static hp_value by_matrix(hp_builder *b, hp_layer *layer, const places *p, hp_value x) {
    const locally_connected *c = layer->config;
    int64_t entries;
    int32_t *matrix = connections(b, p, c->implementation == 3, &entries);
    if (!matrix) return HP_NO_VALUE;
    hp_value connected_values = hp_emit_literal(b, HP_INT32, HP_DIMS(p->inputs, p->outputs), matrix), kernel;
    hp_free(matrix);
    if (c->implementation == 2) {
        hp_value mask = hp_emit_cast(b, connected_values, hp_builder_real(b));
        kernel = hp_emit_binary(b, HP_BINARY_MULTIPLY, mask, full_kernel(b, layer, p));
    } else { /* entry 0 is none */
        hp_value stored = hp_layer_weight(b, layer, "kernel", true, HP_DIMS(entries)), zero;
        zero = hp_emit_reshape(b, hp_emit_float(b, 0), HP_DIMS(1));
        kernel = hp_emit_gather(b, hp_emit_concat(b, (const hp_value[]){zero, stored}, 2, 0), connected_values, 0);
    }
    return hp_emit_gemm(b, x, kernel, HP_NO_VALUE);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const locally_connected *c = layer->config;
    int spatial = c->conv.spatial;
    hp_value x = hp_as_float(b, call->inputs[0]);
    places p;
    if (!hp_check_rank(b, x, spatial + 2, spatial + 2)) return;
    hp_shape shape = *hp_builder_shape(b, x);
    if (!measure(b, c, &shape, &p)) return;
    x = hp_emit_reshape(b, x, HP_DIMS(shape.dims[0], p.inputs));
    hp_value y = c->implementation == 1 ? by_windows(b, layer, &p, x) : by_matrix(b, layer, &p, x);
    int64_t dims[HP_MAX_RANK] = {shape.dims[0]}, bias_dims[HP_MAX_RANK];
    int n = 1;
    if (p.first) dims[n++] = p.filters;
    for (int i = 0; i < layer->cls->spatial; i++) dims[n++] = bias_dims[i] = p.out[i];
    if (!p.first) dims[n++] = p.filters;
    bias_dims[spatial] = p.filters;
    y = hp_emit_reshape(b, y, n, dims);
    if (c->conv.use_bias) { /* channels first: Keras reshapes it, it does not transpose */
        hp_value bias = hp_layer_weight(b, layer, "bias", true, spatial + 1, bias_dims);
        y = hp_emit_binary(b, HP_BINARY_ADD, y, hp_emit_reshape(b, bias, spatial + 1, dims + 1));
    }
    hp_call_output(b, call, hp_emit_activation(b, y, &c->conv.activation));
}

#define LOCALLY_CONNECTED(name, axes)                                                                                  \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(locally_connected),                                                                      \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check,                                                                                                \
        .lower = lower}

LOCALLY_CONNECTED(LocallyConnected1D, 1);
LOCALLY_CONNECTED(LocallyConnected2D, 2);

/* resample.c: ZeroPadding, Cropping, UpSampling, 1D to 3D (keras/src/layers/reshaping/). */
#include <string.h>
#include "base/dtype.h"
#include "layers/resizing.h"

/* The margins of padding and cropping: one int; one per axis; or a pair per axis. In 1D a list of two is the pair. */
typedef struct margins {
    const hp_json *padding, *cropping; /* as in the config */
    int data_format, spatial;
    int64_t before[HP_MAX_SPATIAL], after[HP_MAX_SPATIAL];
} margins;

static const hp_field padding_fields[] = {
    HP_JSON_OF(margins, padding, "size, list of sizes or of pairs"),
    HP_ENUM(margins, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_FIELDS_END,
};

static const hp_field cropping_fields[] = {
    HP_JSON_OF(margins, cropping, "size, list of sizes or of pairs"),
    HP_ENUM(margins, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_FIELDS_END,
};

static bool size_of(const hp_json *value, int64_t *to) {
    if (!hp_json_is(value, HP_JSON_INT) || value->integer < 0 || (double)value->integer > HP_MAX_DIM) return false;
    *to = value->integer;
    return true;
}

static bool pair(const hp_json *value, int64_t *before, int64_t *after) {
    if (size_of(value, before)) return size_of(value, after);
    return hp_json_is(value, HP_JSON_ARRAY) && value->count == 2 && size_of(hp_json_at(value, 0), before) &&
           size_of(hp_json_at(value, 1), after);
}

static void check_margins(hp_layer_scope *scope, hp_layer *layer, void *config) {
    margins *c = config;
    int spatial = layer->cls->spatial;
    const char *key = layer->cls->fields[0].name;
    const hp_json *value = c->padding ? c->padding : c->cropping;
    bool each = spatial > 1 && hp_json_is(value, HP_JSON_ARRAY), good = !each || value->count == (size_t)spatial;
    c->spatial = spatial;
    for (int i = 0; good && i < spatial; i++)
        good = pair(each ? hp_json_at(value, (size_t)i) : value, &c->before[i], &c->after[i]);
    char text[80];
    if (!good)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, key, "found %s, expected sizes or pairs of sizes for %d axes",
            value ? hp_json_describe(value, text, sizeof text) : "nothing", spatial);
}

static void lower_padding(hp_builder *b, hp_layer *layer, hp_call *call) {
    const margins *c = layer->config;
    if (!hp_check_rank(b, call->inputs[0], c->spatial + 2, c->spatial + 2)) return;
    int64_t before[HP_MAX_RANK] = {0}, after[HP_MAX_RANK] = {0};
    int first = c->data_format == HP_CHANNELS_FIRST ? 2 : 1;
    memcpy(before + first, c->before, (size_t)c->spatial * sizeof *before);
    memcpy(after + first, c->after, (size_t)c->spatial * sizeof *after);
    hp_call_output(b, call, hp_emit_pad(b, call->inputs[0], before, after, HP_PAD_CONSTANT, 0));
}

static void lower_cropping(hp_builder *b, hp_layer *layer, hp_call *call) {
    const margins *c = layer->config;
    if (!hp_check_rank(b, call->inputs[0], c->spatial + 2, c->spatial + 2)) return;
    hp_shape shape = *hp_builder_shape(b, call->inputs[0]);
    int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    int first = c->data_format == HP_CHANNELS_FIRST ? 2 : 1;
    for (int i = 0; i < shape.rank; i++) step[i] = 1;
    for (int i = 0; i < c->spatial; i++) {
        begin[first + i] = c->before[i];
        shape.dims[first + i] -= c->before[i] + c->after[i];
        if (shape.dims[first + i] > 0) continue;
        hp_builder_fail(b, HP_ERROR_SHAPE, "cropping: nothing is left of axis %d", first + i);
        return;
    }
    hp_call_output(b, call, hp_emit_slice(b, call->inputs[0], begin, shape.dims, step));
}

#define MARGINS(name, table, axes, lower_function)                                                                     \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(margins),                                                                                \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check_margins,                                                                                        \
        .lower = (lower_function)}

MARGINS(ZeroPadding1D, padding_fields, 1, lower_padding);
MARGINS(ZeroPadding2D, padding_fields, 2, lower_padding);
MARGINS(ZeroPadding3D, padding_fields, 3, lower_padding);
MARGINS(Cropping1D, cropping_fields, 1, lower_cropping);
MARGINS(Cropping2D, cropping_fields, 2, lower_cropping);
MARGINS(Cropping3D, cropping_fields, 3, lower_cropping);

/* ---- UpSampling: every element `size` times; in 2D also by tf.image.resize */

typedef struct up_sampling {
    hp_ints size;
    int data_format, interpolation, spatial;
    int64_t sizes[HP_MAX_SPATIAL];
} up_sampling;

static const hp_field up_sampling_fields[] = {
    HP_INTS(up_sampling, size, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ENUM(up_sampling, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_FIELDS_END,
};

static const hp_field up_sampling_2d_fields[] = {
    HP_INTS(up_sampling, size, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ENUM(up_sampling, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_ENUM(up_sampling, interpolation, HP_RESIZE_NEAREST, hp_interpolations),
    HP_FIELDS_END,
};

static void check_sizes(hp_layer_scope *scope, hp_layer *layer, void *config) {
    up_sampling *c = config;
    int spatial = layer->cls->spatial;
    c->spatial = spatial;
    if (!hp_ints_spread(&c->size, spatial, c->sizes))
        hp_layer_refuse(
            scope, layer, HP_ERROR_FORMAT, "size", "found %d integers, expected %d", c->size.count, spatial);
}

/* In float32 whatever the dtype is, as TensorFlow's kernels. */
static hp_value resize(hp_builder *b, const up_sampling *c, hp_value x) {
    bool first = c->data_format == HP_CHANNELS_FIRST;
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    x = hp_emit_cast(b, x, HP_FLOAT32);
    if (first) x = hp_channels_last(b, x);
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_resize_params params;
    memset(&params, 0, sizeof params);
    params.method = c->interpolation;
    if (__builtin_mul_overflow(shape->dims[1], c->sizes[0], &params.height) ||
        __builtin_mul_overflow(shape->dims[2], c->sizes[1], &params.width))
        return hp_builder_fail(b, HP_ERROR_SHAPE, "size: the output is too large");
    x = hp_emit_resize(b, x, &params);
    x = hp_dtype_is_integer(dtype) ? hp_round_to_integer(b, x, dtype) : hp_emit_cast(b, x, dtype);
    return first ? hp_channels_first(b, x) : x;
}

static void lower_up_sampling(hp_builder *b, hp_layer *layer, hp_call *call) {
    const up_sampling *c = layer->config;
    hp_value x = call->inputs[0];
    if (!hp_check_rank(b, x, c->spatial + 2, c->spatial + 2)) return;
    if (c->interpolation != HP_RESIZE_NEAREST) {
        hp_call_output(b, call, resize(b, c, x));
        return;
    }
    for (int i = 0; i < c->spatial; i++)
        if (c->sizes[i] > 1) x = hp_emit_repeat(b, x, i + (c->data_format == HP_CHANNELS_FIRST ? 2 : 1), c->sizes[i]);
    hp_call_output(b, call, x);
}

#define UP_SAMPLING(name, table, axes)                                                                                 \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(up_sampling),                                                                            \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .spatial = (axes),                                                                                             \
        .check = check_sizes,                                                                                          \
        .lower = lower_up_sampling}

UP_SAMPLING(UpSampling1D, up_sampling_fields, 1);
UP_SAMPLING(UpSampling2D, up_sampling_2d_fields, 2);
UP_SAMPLING(UpSampling3D, up_sampling_fields, 3);

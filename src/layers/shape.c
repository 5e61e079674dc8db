/* shape.c: layers that only rearrange: Flatten, Reshape, Permute, RepeatVector (keras/src/layers/reshaping/). */
#include "layers/support.h"

/* ---- Flatten */

typedef struct flatten {
    int data_format;
} flatten;

static const hp_field flatten_fields[] = {
    HP_ENUM(flatten, data_format, HP_CHANNELS_LAST, hp_data_formats),
    HP_FIELDS_END,
};

static void lower_flatten(hp_builder *b, hp_layer *layer, hp_call *call) {
    const flatten *c = layer->config;
    hp_value x = c->data_format == HP_CHANNELS_FIRST ? hp_channels_last(b, call->inputs[0]) : call->inputs[0];
    const hp_shape *shape = hp_builder_shape(b, x);
    int64_t dims[2] = {shape->dims[0], hp_shape_product(shape, 1, shape->rank)};
    hp_call_output(b, call, hp_emit_reshape(b, x, 2, dims));
}

const hp_layer_class hp_layer_Flatten = {
    .class_name = "Flatten",
    .module = "keras.layers",
    .fields = flatten_fields,
    .config_size = sizeof(flatten),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower_flatten,
};

/* ---- Reshape */

typedef struct reshape {
    hp_ints target_shape;
} reshape;

static const hp_field reshape_fields[] = {
    HP_INTS(reshape, target_shape, HP_REQUIRED, -1, HP_MAX_DIM),
    HP_FIELDS_END,
};

static void check_reshape(hp_layer_scope *scope, hp_layer *layer, void *config) {
    const reshape *c = config;
    int unknown = 0;
    for (int i = 0; i < c->target_shape.count; i++) unknown += c->target_shape.at[i] == -1;
    if (unknown > 1)
        hp_layer_refuse(
            scope, layer, HP_ERROR_FORMAT, "target_shape", "found %d sizes of -1, at most one may be", unknown);
    if (c->target_shape.count >= HP_MAX_RANK)
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "target_shape", "found %d axes, at most %d can be",
            c->target_shape.count, HP_MAX_RANK - 1);
}

static void lower_reshape(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_ints *target = &((const reshape *)layer->config)->target_shape;
    const hp_shape *shape = hp_builder_shape(b, call->inputs[0]);
    int64_t dims[HP_MAX_RANK] = {shape->dims[0]}, known = 1, elements = hp_shape_product(shape, 1, shape->rank);
    int unknown = -1;
    for (int i = 0; i < target->count; i++) {
        dims[i + 1] = target->at[i];
        if (target->at[i] < 0)
            unknown = i + 1;
        else if (__builtin_mul_overflow(known, target->at[i], &known))
            known = 0;
    }
    if (unknown > 0) dims[unknown] = known > 0 ? elements / known : 0;
    int64_t made = unknown > 0 ? known * dims[unknown] : known;
    char text[96];
    if (made != elements) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "target_shape: its %lld elements do not fit an input of shape %s",
            (long long)made, hp_shape_text(shape, text, sizeof text));
        return;
    }
    hp_call_output(b, call, hp_emit_reshape(b, call->inputs[0], target->count + 1, dims));
}

const hp_layer_class hp_layer_Reshape = {
    .class_name = "Reshape",
    .module = "keras.layers",
    .fields = reshape_fields,
    .config_size = sizeof(reshape),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_reshape,
    .lower = lower_reshape,
};

/* ---- Permute */

typedef struct permute {
    hp_ints dims;
} permute;

static const hp_field permute_fields[] = {
    HP_INTS(permute, dims, HP_REQUIRED, 1, HP_MAX_RANK - 1),
    HP_FIELDS_END,
};

static void check_permute(hp_layer_scope *scope, hp_layer *layer, void *config) {
    const hp_ints *dims = &((const permute *)config)->dims;
    unsigned seen = 0;
    for (int i = 0; i < dims->count; i++) seen |= 1U << dims->at[i];
    if (dims->scalar || seen != (1U << (dims->count + 1)) - 2)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "dims", "expected every axis from 1 to %d once", dims->count);
}

static void lower_permute(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_ints *dims = &((const permute *)layer->config)->dims;
    if (!hp_check_rank(b, call->inputs[0], dims->count + 1, dims->count + 1)) return;
    int permutation[HP_MAX_RANK] = {0};
    for (int i = 0; i < dims->count; i++) permutation[i + 1] = (int)dims->at[i];
    hp_call_output(b, call, hp_emit_transpose(b, call->inputs[0], permutation));
}

const hp_layer_class hp_layer_Permute = {
    .class_name = "Permute",
    .module = "keras.layers",
    .fields = permute_fields,
    .config_size = sizeof(permute),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check_permute,
    .lower = lower_permute,
};

/* ---- RepeatVector */

typedef struct repeat_vector {
    int64_t n;
} repeat_vector;

static const hp_field repeat_vector_fields[] = {
    HP_INT(repeat_vector, n, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_FIELDS_END,
};

static void lower_repeat_vector(hp_builder *b, hp_layer *layer, hp_call *call) {
    const repeat_vector *c = layer->config;
    if (!hp_check_rank(b, call->inputs[0], 2, 2)) return;
    const hp_shape *shape = hp_builder_shape(b, call->inputs[0]);
    int64_t dims[3] = {shape->dims[0], 1, shape->dims[1]};
    hp_call_output(b, call, hp_emit_tile(b, hp_emit_reshape(b, call->inputs[0], 3, dims), 1, c->n));
}

const hp_layer_class hp_layer_RepeatVector = {
    .class_name = "RepeatVector",
    .module = "keras.layers",
    .fields = repeat_vector_fields,
    .config_size = sizeof(repeat_vector),
    .masking = HP_MASK_STOP,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower_repeat_vector,
};

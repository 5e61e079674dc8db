/* applications.c: the private layers of keras.applications: ConvNeXt's LayerScale and StochasticDepth, and
 * InceptionResNetV2's CustomScaleLayer (keras/src/applications/). Files name them without registration; format/ gives
 * them the module of the public layers. */
#include <math.h>
#include "layers/call_options.h"

typedef struct scale_config {
    double drop_path_rate, scale;
    int64_t projection_dim;
} scale_config;

/* ---- LayerScale: x * gamma */

static const hp_field layer_scale_fields[] = {
    HP_INT(scale_config, projection_dim, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_IGNORE("init_values"),
    HP_FIELDS_END,
};

static void lower_layer_scale(hp_builder *b, hp_layer *layer, hp_call *call) {
    const scale_config *c = layer->config;
    hp_value gamma = hp_layer_weight(b, layer, "gamma", true, HP_DIMS(c->projection_dim));
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_MULTIPLY, hp_as_float(b, call->inputs[0]), gamma));
}

/* ---- StochasticDepth: nothing at inference */

static const hp_field stochastic_depth_fields[] = {
    HP_FLOAT(scale_config, drop_path_rate, HP_REQUIRED, 0, 1),
    HP_FIELDS_END,
};

static void lower_stochastic_depth(hp_builder *b, hp_layer *layer, hp_call *call) {
    const scale_config *c = layer->config;
    hp_call_refuse_training(b, call, c->drop_path_rate);
    hp_call_output(b, call, call->inputs[0]);
}

/* ---- CustomScaleLayer: x + y * scale */

static const hp_field custom_scale_fields[] = {
    HP_FLOAT(scale_config, scale, HP_REQUIRED, -INFINITY, INFINITY),
    HP_FIELDS_END,
};

static void lower_custom_scale(hp_builder *b, hp_layer *layer, hp_call *call) {
    const scale_config *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), y = hp_as_float(b, call->inputs[1]);
    y = hp_emit_binary(b, HP_BINARY_MULTIPLY, y, hp_emit_float(b, c->scale));
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_ADD, x, y));
}

#define APPLICATION(name, table, inputs, lower_function)                                                               \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(scale_config),                                                                           \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = (inputs),                                                                                        \
        .max_inputs = (inputs),                                                                                        \
        .lower = (lower_function)}

APPLICATION(LayerScale, layer_scale_fields, 1, lower_layer_scale);
APPLICATION(StochasticDepth, stochastic_depth_fields, 1, lower_stochastic_depth);
APPLICATION(CustomScaleLayer, custom_scale_fields, 2, lower_custom_scale);

/* pipeline.c: Pipeline (keras/src/layers/preprocessing/pipeline.py): layers one behind the other. */
#include "layers/layer.h"

typedef struct pipeline {
    hp_layer_list layers;
} pipeline;

static const hp_field fields[] = {HP_LAYERS(pipeline, layers), HP_FIELDS_END};

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const pipeline *c = layer->config;
    hp_value x = call->inputs[0];
    for (size_t i = 0; i < c->layers.count; i++) x = hp_layer_call(b, c->layers.at[i], &x, 1);
    hp_call_output(b, call, x);
}

const hp_layer_class hp_layer_Pipeline = {
    .class_name = "Pipeline",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(pipeline),
    .masking = HP_MASK_OWN,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower,
    .any_dtype = true,
    .no_autocast = true,
};

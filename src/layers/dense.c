/* dense.c: Dense (keras/src/layers/core/dense.py): activation(x W + b) over the last axis. */
#include "layers/lora.h"

typedef struct dense {
    int64_t units;
    hp_activation_spec activation;
    bool use_bias;
    hp_lora lora;
} dense;

static const hp_field fields[] = {
    HP_INT(dense, units, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ACTIVATION(dense, activation),
    HP_BOOL(dense, use_bias, true),
    HP_LORA_FIELDS(dense),
    HP_IGNORE_WEIGHT("kernel"),
    HP_IGNORE_WEIGHT("bias"),
    HP_FIELDS_END,
};

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const dense *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    if (!hp_check_rank(b, x, 2, -1)) return;
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, HP_DIMS(shape->dims[shape->rank - 1], c->units));
    hp_value bias = c->use_bias ? hp_layer_weight(b, layer, "bias", true, HP_DIMS(c->units)) : HP_NO_VALUE;
    kernel = hp_layer_lora(b, layer, "kernel", kernel, &c->lora);
    hp_call_output(b, call, hp_emit_activation(b, hp_emit_gemm(b, x, kernel, bias), &c->activation));
}

const hp_layer_class hp_layer_Dense = {
    .class_name = "Dense",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(dense),
    .masking = HP_MASK_PASS,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower,
};

/* activation.c: the layer Activation and the layers that are one elementwise activation with arguments
 * (keras/src/layers/activations/). Softmax and PReLU are in softmax.c. */
#include <math.h>
#include "layers/support.h"

/* ---- Activation */

typedef struct activation {
    hp_activation_spec activation;
} activation;

static const hp_field activation_fields[] = {
    HP_ACTIVATION(activation, activation),
    HP_FIELDS_END,
};

static void lower_activation(hp_builder *b, hp_layer *layer, hp_call *call) {
    const activation *c = layer->config;
    hp_call_output(b, call, hp_emit_activation(b, call->inputs[0], &c->activation));
}

const hp_layer_class hp_layer_Activation = {
    .class_name = "Activation",
    .module = "keras.layers",
    .fields = activation_fields,
    .config_size = sizeof(activation),
    .masking = HP_MASK_PASS,
    .padding = HP_PADDING_STEPWISE,
    .min_inputs = 1,
    .max_inputs = 1,
    .lower = lower_activation,
};

/* ---- activations with arguments: the class says what they are, lower emits that */

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_activation_spec spec;
    layer->cls->activation(layer->config, &spec);
    hp_call_output(b, call, hp_emit_activation(b, call->inputs[0], &spec));
}

#define ARGUMENTS(name, struct_name, table, as_activation)                                                             \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(struct_name),                                                                            \
        .masking = HP_MASK_PASS,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .lower = lower,                                                                                                \
        .activation = (as_activation)}

typedef struct relu {
    double max_value, negative_slope, threshold;
} relu;

static const hp_field relu_fields[] = {
    HP_FLOAT(relu, max_value, HP_NULL, 0, INFINITY),
    HP_FLOAT(relu, negative_slope, 0, 0, INFINITY),
    HP_FLOAT(relu, threshold, 0, 0, INFINITY),
    HP_FIELDS_END,
};

static void as_relu(const void *config, hp_activation_spec *spec) {
    const relu *c = config;
    hp_activation_by_name(spec, "relu");
    spec->params[0] = c->negative_slope;
    spec->params[1] = isnan(c->max_value) ? INFINITY : c->max_value;
    spec->params[2] = c->threshold;
}

ARGUMENTS(ReLU, relu, relu_fields, as_relu);

typedef struct leaky_relu {
    double negative_slope;
} leaky_relu;

static const hp_field leaky_relu_fields[] = {
    HP_FLOAT(leaky_relu, negative_slope, 0.3, 0, INFINITY),
    HP_FIELDS_END,
};

static void as_leaky_relu(const void *config, hp_activation_spec *spec) {
    hp_activation_by_name(spec, "leaky_relu");
    spec->params[0] = ((const leaky_relu *)config)->negative_slope;
}

ARGUMENTS(LeakyReLU, leaky_relu, leaky_relu_fields, as_leaky_relu);

typedef struct elu {
    double alpha;
} elu;

static const hp_field elu_fields[] = {
    HP_FLOAT(elu, alpha, 1, -INFINITY, INFINITY),
    HP_FIELDS_END,
};

static void as_elu(const void *config, hp_activation_spec *spec) {
    hp_activation_by_name(spec, "elu");
    spec->params[0] = ((const elu *)config)->alpha;
}

ARGUMENTS(ELU, elu, elu_fields, as_elu);

/* keras1.c: layers that only old versions had: MaxoutDense and Highway (keras 1.2.2 keras/layers/core.py),
 * BatchNormalization in modes 1 and 2 (keras/layers/normalization.py), ThresholdedReLU, ParametricSoftplus and SReLU (keras/layers/advanced_activations.py; the first one up to Keras 2). */
#include <math.h>
#include "layers/support.h"

typedef struct keras1_config {
    int64_t units, nb_feature;
    bool use_bias;
    double theta, epsilon;
    int64_t axis;
    hp_activation_spec activation;
} keras1_config;

static hp_value multiply(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_MULTIPLY, x, y);
}

static hp_value add(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_ADD, x, y);
}

static hp_value subtract(hp_builder *b, hp_value x, hp_value y) {
    return hp_emit_binary(b, HP_BINARY_SUBTRACT, x, y);
}

static hp_value relu(hp_builder *b, hp_value x) {
    return hp_emit_unary(b, x, HP_UNARY_RELU, 0, INFINITY, 0);
}

/* ---- MaxoutDense: the largest of several linear functions */

static const hp_field maxout_fields[] = {
    HP_INT(keras1_config, units, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_INT(keras1_config, nb_feature, 4, 1, HP_MAX_DIM),
    HP_BOOL(keras1_config, use_bias, true),
    HP_IGNORE("input_dim"),
    HP_IGNORE_WEIGHT("kernel"),
    HP_IGNORE_WEIGHT("bias"),
    HP_FIELDS_END,
};

static void lower_maxout(hp_builder *b, hp_layer *layer, hp_call *call) {
    const keras1_config *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    if (!hp_check_rank(b, x, 2, 2)) return;
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t width;
    if (__builtin_mul_overflow(c->nb_feature, c->units, &width)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the layer is too large");
        return;
    }
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, HP_DIMS(c->nb_feature, shape.dims[1], c->units));
    hp_value bias = HP_NO_VALUE;
    if (c->use_bias) bias = hp_layer_weight(b, layer, "bias", true, HP_DIMS(c->nb_feature, c->units));
    /* all functions side by side in one product */
    kernel = hp_emit_reshape(b, hp_emit_transpose(b, kernel, (const int[]){1, 0, 2}), HP_DIMS(shape.dims[1], width));
    if (bias != HP_NO_VALUE) bias = hp_emit_reshape(b, bias, HP_DIMS(width));
    hp_value y = hp_emit_reshape(b, hp_emit_gemm(b, x, kernel, bias), HP_DIMS(shape.dims[0], c->nb_feature, c->units));
    hp_call_output(b, call, hp_emit_reduce(b, y, HP_REDUCTION_MAX, (const int[]){1}, 1, false));
}

/* ---- Highway: t * activation(x W + b) + (1 - t) * x, t = sigmoid(x W_carry + b_carry) */

static const hp_field highway_fields[] = {
    HP_ACTIVATION(keras1_config, activation),
    HP_BOOL(keras1_config, use_bias, true),
    HP_IGNORE("input_dim"),
    HP_IGNORE("transform_bias"),
    HP_IGNORE_WEIGHT("kernel"),
    HP_IGNORE_WEIGHT("bias"),
    HP_FIELDS_END,
};

static void lower_highway(hp_builder *b, hp_layer *layer, hp_call *call) {
    const keras1_config *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), bias = HP_NO_VALUE, carry_bias = HP_NO_VALUE;
    if (!hp_check_rank(b, x, 2, 2)) return;
    int64_t size = hp_builder_shape(b, x)->dims[1];
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, HP_DIMS(size, size));
    hp_value carry = hp_layer_weight(b, layer, "carry_kernel", true, HP_DIMS(size, size));
    if (c->use_bias) {
        bias = hp_layer_weight(b, layer, "bias", true, HP_DIMS(size));
        carry_bias = hp_layer_weight(b, layer, "carry_bias", true, HP_DIMS(size));
    }
    hp_value share = hp_emit_unary(b, hp_emit_gemm(b, x, carry, carry_bias), HP_UNARY_SIGMOID, 0, 0, 0);
    hp_value made = hp_emit_activation(b, hp_emit_gemm(b, x, kernel, bias), &c->activation);
    hp_value kept = multiply(b, subtract(b, hp_emit_float(b, 1), share), x);
    hp_call_output(b, call, add(b, multiply(b, made, share), kept));
}

/* ---- BatchNormalization that takes mean and variance from what it is given: of each sample's last axis (mode 1), or of
 * the batch (mode 2) */

static const hp_field batch_fields[] = {
    HP_INT(keras1_config, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_FLOAT(keras1_config, epsilon, 1e-3, 0, 1e30),
    HP_IGNORE("momentum"),
    HP_IGNORE_WEIGHT("beta"),
    HP_IGNORE_WEIGHT("gamma"),
    HP_FIELDS_END,
};

/* (x - mean) and the variance, over these axes. */
static hp_value centred(hp_builder *b, hp_value x, const int *axes, int count, hp_value *variance) {
    hp_value y = subtract(b, x, hp_emit_reduce(b, x, HP_REDUCTION_MEAN, axes, count, true));
    *variance = hp_emit_reduce(b, multiply(b, y, y), HP_REDUCTION_MEAN, axes, count, true);
    return y;
}

/* A parameter of one axis, shaped to meet x; all four stand in the file. */
static hp_value batch_parameter(
    hp_builder *b, hp_layer *layer, const char *name, bool trainable, hp_value x, int axis) {
    hp_shape shape = *hp_builder_shape(b, x), broadcast = {.rank = shape.rank - axis};
    for (int i = 0; i < broadcast.rank; i++) broadcast.dims[i] = i == 0 ? shape.dims[axis] : 1;
    hp_value value = hp_layer_weight(b, layer, name, trainable, HP_DIMS(shape.dims[axis]));
    return hp_emit_reshape(b, value, broadcast.rank, broadcast.dims);
}

static void lower_batch(hp_builder *b, hp_layer *layer, hp_call *call, bool whole_batch) {
    const keras1_config *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), variance;
    if (!hp_check_rank(b, x, 2, -1)) return;
    int rank = hp_builder_shape(b, x)->rank, axis = hp_builder_axis(b, c->axis, rank), axes[HP_MAX_RANK], count = 0;
    if (b->status != HP_OK) return;
    hp_value gamma = batch_parameter(b, layer, "gamma", true, x, axis);
    hp_value beta = batch_parameter(b, layer, "beta", true, x, axis);
    batch_parameter(b, layer, "running_mean", false, x, axis);
    batch_parameter(b, layer, "running_std", false, x, axis);
    for (int i = 0; i < rank; i++)
        if (whole_batch ? i != axis : i == rank - 1) axes[count++] = i;
    hp_value y = centred(b, x, axes, count, &variance), epsilon = hp_emit_float(b, c->epsilon);
    hp_value deviation = hp_emit_unary(b, add(b, variance, epsilon), HP_UNARY_SQRT, 0, 0, 0);
    if (!whole_batch) deviation = add(b, deviation, epsilon);
    y = hp_emit_binary(b, HP_BINARY_DIVIDE, y, deviation);
    hp_call_output(b, call, add(b, multiply(b, y, gamma), beta));
}

static void lower_mode1(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower_batch(b, layer, call, false);
}

static void lower_mode2(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower_batch(b, layer, call, true);
}

/* ---- activations */

static const hp_field thresholded_fields[] = {
    HP_FLOAT(keras1_config, theta, 1, 0, INFINITY),
    HP_FIELDS_END,
};

static void lower_thresholded(hp_builder *b, hp_layer *layer, hp_call *call) {
    const keras1_config *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    hp_value above = hp_emit_compare(b, HP_GREATER, x, hp_emit_float(b, c->theta));
    hp_call_output(b, call, multiply(b, x, hp_emit_cast(b, above, hp_builder_real(b))));
}

/* A weight of the shape of a row. */
static hp_value row_weight(hp_builder *b, hp_layer *layer, const char *name, hp_value x) {
    const hp_shape *shape = hp_builder_shape(b, x);
    return shape->rank < 1 ? HP_NO_VALUE : hp_layer_weight(b, layer, name, true, shape->rank - 1, shape->dims + 1);
}

static const hp_field softplus_fields[] = {
    HP_IGNORE("alpha_init"), HP_IGNORE("beta_init"), HP_IGNORE("weights"), HP_FIELDS_END};

static void lower_softplus(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_as_float(b, call->inputs[0]);
    hp_value alphas = row_weight(b, layer, "alphas", x), betas = row_weight(b, layer, "betas", x);
    hp_value y = hp_emit_unary(b, multiply(b, betas, x), HP_UNARY_SOFTPLUS, 0, 0, 0);
    hp_call_output(b, call, multiply(b, y, alphas));
}

static const hp_field srelu_fields[] = {HP_IGNORE("t_left_init"), HP_IGNORE("a_left_init"), HP_IGNORE("t_right_init"),
    HP_IGNORE("a_right_init"), HP_FIELDS_END};

/* Between t_left and t_right = t_left + |weight| the identity; outside, slopes a_left and a_right. */
static void lower_srelu(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_as_float(b, call->inputs[0]);
    hp_value t_left = row_weight(b, layer, "t_left", x), a_left = row_weight(b, layer, "a_left", x);
    hp_value width = row_weight(b, layer, "t_right", x), a_right = row_weight(b, layer, "a_right", x);
    width = hp_emit_unary(b, width, HP_UNARY_ABSOLUTE, 0, 0, 0);
    hp_value t_right = add(b, t_left, width), from_left = subtract(b, x, t_left);
    hp_value center = hp_emit_binary(b, HP_BINARY_MINIMUM, relu(b, from_left), subtract(b, t_right, t_left));
    hp_value left = multiply(b, a_left, relu(b, hp_emit_unary(b, from_left, HP_UNARY_NEGATIVE, 0, 0, 0)));
    hp_value right = multiply(b, relu(b, subtract(b, x, t_right)), a_right);
    hp_call_output(b, call, add(b, add(b, t_left, subtract(b, center, left)), right));
}

#define KERAS1(name, table, policy, lower_function)                                                                    \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(keras1_config),                                                                          \
        .masking = (policy),                                                                                           \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .lower = (lower_function)}

KERAS1(MaxoutDense, maxout_fields, HP_MASK_STOP, lower_maxout);
KERAS1(Highway, highway_fields, HP_MASK_STOP, lower_highway);
KERAS1(BatchNormalizationMode1, batch_fields, HP_MASK_PASS, lower_mode1);
KERAS1(BatchNormalizationMode2, batch_fields, HP_MASK_PASS, lower_mode2);
KERAS1(ThresholdedReLU, thresholded_fields, HP_MASK_PASS, lower_thresholded);
KERAS1(ParametricSoftplus, softplus_fields, HP_MASK_PASS, lower_softplus);
KERAS1(SReLU, srelu_fields, HP_MASK_PASS, lower_srelu);

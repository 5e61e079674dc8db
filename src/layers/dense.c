/* dense.c: Dense (keras/src/layers/core/dense.py): activation(x W + b) over the last axis, quantised or not. */
#include "layers/quantization.h"

typedef struct dense {
    int64_t units;
    hp_activation_spec activation;
    bool use_bias;
    hp_lora lora;
    hp_quantization quantization;
} dense;

static const hp_field fields[] = {
    HP_INT(dense, units, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_ACTIVATION(dense, activation),
    HP_BOOL(dense, use_bias, true),
    HP_LORA_FIELDS(dense),
    HP_QUANTIZATION_FIELD(dense),
    HP_IGNORE_WEIGHT("kernel"),
    HP_IGNORE_WEIGHT("bias"),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    dense *c = config;
    hp_quantization_read(scope, layer, &c->quantization, ~0U, 1U << HP_QUANTIZED_INT8);
    if (c->quantization.mode == HP_QUANTIZED_FLOAT8 && c->lora.lora_rank != HP_INT_NULL)
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "lora_rank", "Keras has no adapters of float8 layers");
}

/* x times a kernel of int8 or int4 values, taken apart from its scale (_int8_call, _int4_call). */
static hp_value multiply_integers(hp_builder *b, hp_layer *layer, hp_value x, int64_t rows) {
    const dense *c = layer->config;
    const hp_quantization *q = &c->quantization;
    hp_value kernel = q->mode == HP_QUANTIZED_INT4
                          ? hp_quantization_unpacked(b, layer, "kernel", rows, c->units)
                          : hp_layer_weight(b, layer, "kernel", false, HP_DIMS(rows, c->units));
    if (q->mode == HP_QUANTIZED_INT4 && q->block_size) {
        int64_t groups = hp_quantization_groups(q, rows);
        hp_value scale = hp_layer_weight(b, layer, "kernel_scale", false, HP_DIMS(groups, c->units));
        hp_value zero = hp_layer_weight(b, layer, "kernel_zero", false, HP_DIMS(groups, c->units));
        hp_value group_of = hp_layer_weight(b, layer, "g_idx", false, HP_DIMS(rows));
        return hp_emit_gemm(b, x, hp_quantization_ungroup(b, kernel, scale, zero, group_of, 0), HP_NO_VALUE);
    }
    hp_value scale = hp_layer_weight(b, layer, "kernel_scale", false, HP_DIMS(c->units)), inputs_scale;
    if (q->quantizes_inputs) {
        x = hp_quantization_inputs(b, layer, q, x, (const int[]){-1}, 1, &inputs_scale);
        scale = hp_quantization_rounded(b, layer, hp_emit_binary(b, HP_BINARY_MULTIPLY, scale, inputs_scale));
    }
    x = hp_quantization_rounded(b, layer, hp_emit_gemm(b, x, kernel, HP_NO_VALUE));
    return hp_emit_binary(b, HP_BINARY_DIVIDE, x, scale);
}

static hp_value multiply_quantised(hp_builder *b, hp_layer *layer, hp_value x, int64_t rows) {
    const dense *c = layer->config;
    const hp_quantization *q = &c->quantization;
    if (q->mode != HP_QUANTIZED_FLOAT8) return multiply_integers(b, layer, x, rows);
    hp_float8 scales = hp_quantization_float8(b, layer, q);
    hp_value kernel = hp_layer_weight(b, layer, "kernel", true, HP_DIMS(rows, c->units));
    kernel = hp_quantization_to_float8(b, layer, kernel, scales.kernel_scale);
    return hp_emit_gemm(b, hp_quantization_to_float8(b, layer, x, scales.inputs_scale), kernel, HP_NO_VALUE);
}

static hp_value quantised(hp_builder *b, hp_layer *layer, hp_value x, int64_t rows) {
    const dense *c = layer->config;
    hp_value y = multiply_quantised(b, layer, x, rows), first, second;
    double scale;
    hp_value bias = c->use_bias ? hp_layer_weight(b, layer, "bias", true, HP_DIMS(c->units)) : HP_NO_VALUE;
    hp_shape kernel = {.rank = 2, .dims = {rows, c->units}};
    if (hp_layer_lora_adapters(b, layer, "kernel", &kernel, &c->lora, &first, &second, &scale)) {
        hp_value update = hp_emit_gemm(b, hp_emit_gemm(b, x, first, HP_NO_VALUE), second, HP_NO_VALUE);
        y = hp_emit_binary(b, HP_BINARY_ADD, y, hp_emit_binary(b, HP_BINARY_MULTIPLY, update, hp_emit_float(b, scale)));
    }
    hp_quantization_places(layer, hp_quantization_kernel_places);
    if (c->quantization.mode == HP_QUANTIZED_FLOAT8) bias = hp_quantization_float8_bias(b, layer, bias);
    y = hp_quantization_rounded(b, layer, y);
    return bias == HP_NO_VALUE ? y : hp_emit_binary(b, HP_BINARY_ADD, y, bias);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const dense *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]), y;
    if (!hp_check_rank(b, x, 2, -1)) return;
    const hp_shape *shape = hp_builder_shape(b, x);
    int64_t rows = shape->dims[shape->rank - 1];
    if (c->quantization.mode != HP_QUANTIZED_NOT) {
        y = quantised(b, layer, x, rows);
    } else {
        hp_value kernel = hp_layer_weight(b, layer, "kernel", true, HP_DIMS(rows, c->units));
        hp_value bias = c->use_bias ? hp_layer_weight(b, layer, "bias", true, HP_DIMS(c->units)) : HP_NO_VALUE;
        y = hp_emit_gemm(b, x, hp_layer_lora(b, layer, "kernel", kernel, &c->lora), bias);
    }
    hp_call_output(b, call, hp_emit_activation(b, y, &c->activation));
}

const hp_layer_class hp_layer_Dense = {
    .class_name = "Dense",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(dense),
    .masking = HP_MASK_PASS,
    .padding = HP_PADDING_STEPWISE,
    .min_inputs = 1,
    .max_inputs = 1,
    .check = check,
    .lower = lower,
};

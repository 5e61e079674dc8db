/* quantization.h: what model.quantize(...) makes of a layer with a kernel: int8, int4 and float8. GPTQ and AWQ are refused:
 * Keras 3.15 saves such layers without their zero points (Dense.save_own_variables) and cannot load them itself.
 *
 * Sources: keras/src/quantizers/, dtype_policies/dtype_policy.py, and the layers' own _int8_call, _int4_call and so on.
 * Quantised kernels are kept as float32 here, which holds all of their values exactly; a sum of int8 products is exact as
 * well up to 1,040 terms (1,040 * 127 * 127 < 2^24), behind that it is rounded like any other float32 sum. */
#ifndef HP_LAYERS_QUANTIZATION_H
#define HP_LAYERS_QUANTIZATION_H

#include "layers/lora.h"

typedef enum hp_quantization_mode {
    HP_QUANTIZED_NOT,
    HP_QUANTIZED_INT8,
    HP_QUANTIZED_INT4,
    HP_QUANTIZED_FLOAT8,
} hp_quantization_mode;

typedef struct hp_quantization {
    const hp_json *quantization_config; /* the key of that name; NULL: none */
    hp_quantization_mode mode;
    int64_t block_size;          /* rows that share a scale and a zero point (int4); 0: no blocks */
    int64_t amax_history_length; /* float8: of variables that only training reads */
    bool quantizes_inputs;       /* int8, int4: inputs are quantised row by row as they come */
    double least, most, epsilon; /* their quantizer's range */
} hp_quantization;

/* The key of a config struct with the member `quantization`, or with one of another name. */
#define HP_QUANTIZATION_FIELD(config_type) HP_FIELD_OF_QUANTIZATION(config_type, quantization)
#define HP_FIELD_OF_QUANTIZATION(config_type, member)                                                                  \
    {                                                                                                                  \
        .name = "quantization_config", .type = HP_FIELD_JSON,                                                          \
        .offset = offsetof(config_type, member.quantization_config), .null_ok = true, .fallback = HP_NULL              \
    }

/* Fills the rest from the layer's dtype policy and quantization_config; for `check`. What cannot be carried out, and a
 * mode that `modes` (a sum of 1 << mode) does not hold, is refused by name. `inputs_by_default`: int8 and int4 layers
 * whose config names no quantizers quantise their inputs (as a sum of 1 << mode). */
void hp_quantization_read(hp_layer_scope *scope, const hp_layer *layer, hp_quantization *quantization, unsigned modes,
    unsigned inputs_by_default);

/* Gives the weights of these names their numbers in paths, in this order (variable_serialization_spec); NULL ends the
 * list, names that the layer does not have are left out. */
void hp_quantization_places(hp_layer *layer, const char *const *names);

/* The order of a Dense or EinsumDense layer. */
extern const char *const hp_quantization_kernel_places[];

/* A matrix [rows, columns] of values that Keras packs two to a byte along its last axis: the weight `name` unpacked. */
hp_value hp_quantization_unpacked(hp_builder *b, hp_layer *layer, const char *name, int64_t rows, int64_t columns);
/* ... along its first axis. */
hp_value hp_quantization_unpacked_rows(hp_builder *b, hp_layer *layer, const char *name, int64_t rows, int64_t columns);

/* (values - zero) * scale, where scale and zero hold one entry per group along `axis` and groups[i] says which one
 * belongs to place i (dequantize_with_sz_map). */
hp_value hp_quantization_ungroup(
    hp_builder *b, hp_value values, hp_value scale, hp_value zero, hp_value groups, int axis);
/* How many groups `rows` make. */
int64_t hp_quantization_groups(const hp_quantization *quantization, int64_t rows);

/* x quantised along `axes` (abs_max_quantize); *scale: what it was multiplied by, those axes 1. */
hp_value hp_quantization_inputs(hp_builder *b, const hp_layer *layer, const hp_quantization *quantization, hp_value x,
    const int *axes, int axis_count, hp_value *scale);

/* The float8 variables of a layer, which must be asked for in this order, before its kernel. */
typedef struct hp_float8 {
    hp_value inputs_scale, kernel_scale;
} hp_float8;
hp_float8 hp_quantization_float8(hp_builder *b, hp_layer *layer, const hp_quantization *quantization);
/* x rounded to float8 and back under a scale (quantize_and_dequantize). */
hp_value hp_quantization_to_float8(hp_builder *b, const hp_layer *layer, hp_value x, hp_value scale);
/* A float8 layer's bias: rounded to bfloat16 where the layer computes in float32. */
hp_value hp_quantization_float8_bias(hp_builder *b, const hp_layer *layer, hp_value bias);

/* A value with the precision that the layer computes in. */
hp_value hp_quantization_rounded(hp_builder *b, const hp_layer *layer, hp_value value);

#endif

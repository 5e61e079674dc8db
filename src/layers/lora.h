/* lora.h: low-rank adapters of a kernel (enable_lora of keras/src/layers/core/dense.py and others). */
#ifndef HP_LAYERS_LORA_H
#define HP_LAYERS_LORA_H

#include "layers/support.h"

typedef struct hp_lora {
    int64_t lora_rank; /* HP_INT_NULL: none */
    double lora_alpha; /* NaN: as the rank */
} hp_lora;

/* The keys of a config struct with the member `lora`, or with one of another name. */
#define HP_LORA_FIELDS(config_type) HP_FIELDS_OF_LORA(config_type, lora)
#define HP_FIELDS_OF_LORA(config_type, member)                                                                         \
    {.name = "lora_rank",                                                                                              \
        .type = HP_FIELD_INT,                                                                                          \
        .offset = offsetof(config_type, member.lora_rank),                                                             \
        .null_ok = true,                                                                                               \
        .fallback = HP_NULL,                                                                                           \
        .min = 1,                                                                                                      \
        .max = HP_MAX_DIM},                                                                                            \
    {                                                                                                                  \
        .name = "lora_alpha", .type = HP_FIELD_FLOAT, .offset = offsetof(config_type, member.lora_alpha),              \
        .null_ok = true, .fallback = HP_NULL, .min = -1e30, .max = 1e30                                                \
    }

/* `kernel`, the weight of that name, with its adapters added: kernel + alpha / rank * a b. Files with paths hold the
 * sum as the kernel and no adapters; `.h5` files hold all three. Call it after all other weights of the layer were
 * asked for. */
hp_value hp_layer_lora(hp_builder *b, hp_layer *layer, const char *kernel_name, hp_value kernel, const hp_lora *lora);

/* The adapters themselves, [..., rank] and [rank, columns], of a kernel of that shape, where they are applied apart from
 * it (quantised layers): *scale is alpha / rank. False: the layer has none. */
bool hp_layer_lora_adapters(hp_builder *b, hp_layer *layer, const char *kernel_name, const hp_shape *kernel,
    const hp_lora *lora, hp_value *first, hp_value *second, double *scale);

#endif

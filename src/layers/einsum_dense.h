/* einsum_dense.h: what EinsumDense and its quantised forms share. */
#ifndef HP_LAYERS_EINSUM_DENSE_H
#define HP_LAYERS_EINSUM_DENSE_H

#include "layers/quantization.h"

enum { HP_EINSUM_LETTERS = HP_MAX_RANK + 1 }; /* with the terminator */

typedef struct hp_einsum_dense {
    const char *equation, *bias_axes;
    const hp_json *output_shape;
    hp_activation_spec activation;
    hp_lora lora;
    hp_quantization quantization;
    /* set by check */
    char input[HP_EINSUM_LETTERS], weight[HP_EINSUM_LETTERS], output[HP_EINSUM_LETTERS];
    bool left_elided, right_elided;
    int given_count;
    int64_t given[HP_MAX_RANK]; /* output_shape without the rows; -1: null */
} hp_einsum_dense;

/* einsum(equation, x, kernel). */
hp_value hp_einsum_dense_multiply(hp_builder *b, const hp_einsum_dense *c, hp_value x, hp_value kernel);

/* The same with the layer's quantised kernel, whose weights it declares; `kernel`: the shape that it would have. */
hp_value hp_einsum_dense_quantised(hp_builder *b, hp_layer *layer, hp_value x, const hp_shape *kernel);

/* y, the quantised product, with the layer's adapters added, rounded as the layer computes; to be called when all other
 * weights are declared. */
hp_value hp_einsum_dense_adapted(hp_builder *b, hp_layer *layer, hp_value x, const hp_shape *kernel, hp_value y);

#endif

/* embedding.h: the table that Embedding and ReversibleEmbedding look up in. */
#ifndef HP_LAYERS_EMBEDDING_H
#define HP_LAYERS_EMBEDDING_H

#include "layers/quantization.h"

typedef struct hp_embedding {
    int64_t input_dim, output_dim;
    bool mask_zero;
    hp_lora lora;
    hp_quantization quantization;
} hp_embedding;

/* The table, float32 [input_dim, output_dim], dequantised where it is stored quantised. Declares its weights. */
hp_value hp_embedding_table(hp_builder *b, hp_layer *layer, const hp_embedding *c);

/* The table with the layer's adapters, if there are any: Keras adds them to what was looked up, which is the same sum.
 * To be called when all other weights of the layer are declared. */
hp_value hp_embedding_adapted(hp_builder *b, hp_layer *layer, const hp_embedding *c, hp_value table);

/* The table's rows for the indices x (cut to integers), with a mask where the layer makes one. */
hp_value hp_embedding_look_up(hp_builder *b, const hp_embedding *c, hp_value x, hp_value table);

#endif

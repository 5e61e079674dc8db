/* encoding.h: categories as vectors, as keras/src/utils/numerical_utils.py encode_categorical_inputs does it. */
#ifndef HP_LAYERS_ENCODING_H
#define HP_LAYERS_ENCODING_H

#include "layers/layer.h"

/* "int", "one_hot", "multi_hot", "count", "tf_idf", for HP_ENUM, with the names of old files ("binary", "tf-idf") behind
 * them, which hp_encoding_mode turns into today's. */
enum { HP_MODE_INT, HP_MODE_ONE_HOT, HP_MODE_MULTI_HOT, HP_MODE_COUNT, HP_MODE_TF_IDF };
extern const char *const hp_encoding_modes[];
int hp_encoding_mode(int value);

/* Indices as float32 vectors of `depth` (every mode but int; tf_idf counts). weights: of the indices, or
 * HP_NO_VALUE. One-hot drops a last axis of 1, the others sum over the last axis, or over axis 1 from three axes on. */
hp_value hp_encode_categories(hp_builder *b, hp_value indices, hp_value weights, int mode, int64_t depth);

#endif

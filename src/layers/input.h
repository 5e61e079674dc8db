/* input.h: the config of an InputLayer, which graph/ reads. */
#ifndef HP_LAYERS_INPUT_H
#define HP_LAYERS_INPUT_H

#include "layers/layer.h"

typedef struct hp_input_config {
    const hp_json *batch_shape;
    int rank;
    int64_t dims[HP_MAX_RANK]; /* -1: None */
    hp_unary rounding;         /* to the dtype's numbers: hp_float8_rounding */
} hp_input_config;

/* Fills rank and dims from a list of integers and nulls; false: it is none, or has more than HP_MAX_RANK items. */
bool hp_input_shape(const hp_json *shape, int *rank, int64_t *dims);

#endif

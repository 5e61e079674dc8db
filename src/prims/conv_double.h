/* conv_double.h: params of the convolutions of float64; inputs x and kernel, no epilogue. */
#ifndef HP_PRIMS_CONV_DOUBLE_H
#define HP_PRIMS_CONV_DOUBLE_H

#include "prims/params.h"

typedef enum hp_conv_double_kind {
    HP_CONV_DOUBLE_PLAIN,
    HP_CONV_DOUBLE_DEPTHWISE,
    HP_CONV_DOUBLE_TRANSPOSED
} hp_conv_double_kind;

typedef struct hp_conv_double_params {
    int32_t kind; /* hp_conv_double_kind */
    int32_t zero;
    hp_conv_params conv;
} hp_conv_double_params;

#endif

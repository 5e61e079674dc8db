/* matmul.h: params of the batched matrix product. */
#ifndef HP_PRIMS_MATMUL_H
#define HP_PRIMS_MATMUL_H

#include "prims/params.h"

typedef struct hp_matmul_params {
    int32_t transpose_x; /* x is [..., K, M] */
    int32_t transpose_y; /* y is [..., N, K] */
} hp_matmul_params;

#endif

/* categories.h: parameters of the primitives that make categories of values: bucketize, encode, hash. See builder.h. */
#ifndef HP_PRIMS_CATEGORIES_H
#define HP_PRIMS_CATEGORIES_H

#include <stdint.h>
#include "prims/params.h"

typedef struct hp_encode_params {
    int64_t depth;
    int32_t encoding; /* hp_encoding */
    int32_t strict;   /* a negative index is HP_ERROR_ROW, else it is left out */
} hp_encode_params;

#endif

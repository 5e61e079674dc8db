/* dtype.h: facts about hp_dtype, made from HP_DTYPE_LIST. */
#ifndef HP_BASE_DTYPE_H
#define HP_BASE_DTYPE_H

#include <math.h>
#include <stdbool.h>
#include "base/half.h"
#include "hornpipe.h"

/* Bytes of one element; 0 for HP_DTYPE_NONE. */
size_t hp_dtype_size(hp_dtype dtype);
/* Keras's name ("float32"); "none" for HP_DTYPE_NONE. */
const char *hp_dtype_name(hp_dtype dtype);
/* The dtype of a Keras name; HP_DTYPE_NONE when there is none of that name, and for complex ones, which no tensor of a graph
 * has: they are pairs while lowering (prims/builder.h). */
hp_dtype hp_dtype_from_name(const char *name);
bool hp_dtype_is_float(hp_dtype dtype);
bool hp_dtype_is_complex(hp_dtype dtype);
bool hp_dtype_is_integer(hp_dtype dtype); /* signed or unsigned; not bool */

/* Element `index` of an array as a double; NaN where elements are no numbers (strings). Here, since it is called for each
 * element of what is selected from. */
static inline double hp_dtype_number(hp_dtype dtype, const void *elements, int64_t index) {
    switch (dtype) {
    case HP_FLOAT32:
        return (double)((const float *)elements)[index];
    case HP_FLOAT64:
        return ((const double *)elements)[index];
    case HP_FLOAT16:
        return (double)hp_half_to_float(((const uint16_t *)elements)[index]);
    case HP_BFLOAT16:
        return (double)hp_bfloat_to_float(((const uint16_t *)elements)[index]);
    case HP_INT8:
        return ((const int8_t *)elements)[index];
    case HP_INT16:
        return ((const int16_t *)elements)[index];
    case HP_INT32:
        return ((const int32_t *)elements)[index];
    case HP_INT64:
        return (double)((const int64_t *)elements)[index];
    case HP_UINT8:
    case HP_BOOL:
        return ((const uint8_t *)elements)[index];
    case HP_UINT16:
        return ((const uint16_t *)elements)[index];
    case HP_UINT32:
        return ((const uint32_t *)elements)[index];
    case HP_UINT64:
        return (double)((const uint64_t *)elements)[index];
    default:
        return NAN;
    }
}

#endif

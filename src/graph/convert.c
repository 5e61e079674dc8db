/* convert.c: see convert.h. */
#include "graph/convert.h"

#include "base/half.h"

bool hp_convertible(hp_dtype dtype) {
    return dtype != HP_DTYPE_NONE && dtype != HP_STRING;
}

#define CONVERT(id, type, expression)                                                                                  \
    case id:                                                                                                           \
        for (size_t i = 0; i < count; i++) {                                                                           \
            type x = ((const type *)from)[i];                                                                          \
            to[i] = (expression);                                                                                      \
        }                                                                                                              \
        break

void hp_convert_to_float(hp_dtype dtype, const void *from, size_t count, float *to) {
    switch (dtype) {
        CONVERT(HP_FLOAT32, float, x);
        CONVERT(HP_FLOAT64, double, (float)x);
        CONVERT(HP_FLOAT16, uint16_t, hp_half_to_float(x));
        CONVERT(HP_BFLOAT16, uint16_t, hp_bfloat_to_float(x));
        CONVERT(HP_INT8, int8_t, x);
        CONVERT(HP_INT16, int16_t, x);
        CONVERT(HP_INT32, int32_t, (float)x);
        CONVERT(HP_INT64, int64_t, (float)x);
        CONVERT(HP_UINT8, uint8_t, x);
        CONVERT(HP_UINT16, uint16_t, x);
        CONVERT(HP_UINT32, uint32_t, (float)x);
        CONVERT(HP_UINT64, uint64_t, (float)x);
        CONVERT(HP_BOOL, uint8_t, x != 0);
    case HP_STRING:
    case HP_DTYPE_NONE:
        break;
    }
}

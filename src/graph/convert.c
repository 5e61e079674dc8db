/* convert.c: see convert.h. */
#include "graph/convert.h"

#include "base/dtype.h"
#include "base/half.h"

bool hp_convertible(hp_dtype dtype) {
    return dtype != HP_DTYPE_NONE && dtype != HP_STRING && !hp_dtype_is_complex(dtype);
}

#define CONVERT(id, type, expression)                                                                                  \
    case id:                                                                                                           \
        for (size_t i = 0; i < count; i++) {                                                                           \
            type x = ((const type *)from)[i];                                                                          \
            to[i] = (expression);                                                                                      \
        }                                                                                                              \
        break

/* The same for both widths of the result. */
#define CONVERTER(name, wide)                                                                                          \
    static void name(hp_dtype dtype, const void *from, size_t count, wide *to) {                                       \
        switch (dtype) {                                                                                               \
            CONVERT(HP_FLOAT32, float, x);                                                                             \
            CONVERT(HP_FLOAT64, double, (wide)x);                                                                      \
            CONVERT(HP_FLOAT16, uint16_t, hp_half_to_float(x));                                                        \
            CONVERT(HP_BFLOAT16, uint16_t, hp_bfloat_to_float(x));                                                     \
            CONVERT(HP_INT8, int8_t, x);                                                                               \
            CONVERT(HP_INT16, int16_t, x);                                                                             \
            CONVERT(HP_INT32, int32_t, (wide)x);                                                                       \
            CONVERT(HP_INT64, int64_t, (wide)x);                                                                       \
            CONVERT(HP_UINT8, uint8_t, x);                                                                             \
            CONVERT(HP_UINT16, uint16_t, x);                                                                           \
            CONVERT(HP_UINT32, uint32_t, (wide)x);                                                                     \
            CONVERT(HP_UINT64, uint64_t, (wide)x);                                                                     \
            CONVERT(HP_BOOL, uint8_t, x != 0);                                                                         \
        case HP_STRING:                                                                                                \
        case HP_COMPLEX64:                                                                                             \
        case HP_COMPLEX128:                                                                                            \
        case HP_DTYPE_NONE:                                                                                            \
            break;                                                                                                     \
        }                                                                                                              \
    }
CONVERTER(to_float, float)
CONVERTER(to_double, double)

void hp_convert_to_real(hp_dtype dtype, const void *from, size_t count, hp_dtype real, void *to) {
    if (real == HP_FLOAT64)
        to_double(dtype, from, count, to);
    else
        to_float(dtype, from, count, to);
}

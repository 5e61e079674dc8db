/* convert_numbers.c: numbers to numbers, exactly as numpy's astype where that is defined.
 *
 * A block of elements is widened without loss to one of four types that together hold every value (int32, int64,
 * uint64, double), and narrowed from there with one rounding and one check. So 13 x 13 pairs need 4 loops per target
 * and one per source. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/dtype.h"
#include "base/half.h"
#include "io/convert.h"

enum { BLOCK = 512 };

typedef enum wide_type { WIDE_INT32, WIDE_INT64, WIDE_UINT64, WIDE_DOUBLE } wide_type;

typedef union wide_block {
    int32_t int32[BLOCK];
    int64_t int64[BLOCK];
    uint64_t uint64[BLOCK];
    double number[BLOCK];
} wide_block;

static wide_type widen(const void *from, hp_dtype dtype, size_t count, wide_block *wide) {
#define WIDEN(type, member, kind)                                                                                      \
    for (size_t i = 0; i < count; i++) wide->member[i] = ((const type *)from)[i];                                      \
    return kind
    switch (dtype) {
    case HP_INT8:
        WIDEN(int8_t, int32, WIDE_INT32);
    case HP_INT16:
        WIDEN(int16_t, int32, WIDE_INT32);
    case HP_INT32:
        WIDEN(int32_t, int32, WIDE_INT32);
    case HP_UINT8:
        WIDEN(uint8_t, int32, WIDE_INT32);
    case HP_UINT16:
        WIDEN(uint16_t, int32, WIDE_INT32);
    case HP_UINT32:
        WIDEN(uint32_t, int64, WIDE_INT64);
    case HP_INT64:
        WIDEN(int64_t, int64, WIDE_INT64);
    case HP_UINT64:
        WIDEN(uint64_t, uint64, WIDE_UINT64);
    case HP_FLOAT64:
        WIDEN(double, number, WIDE_DOUBLE);
    case HP_FLOAT16:
        for (size_t i = 0; i < count; i++) wide->number[i] = hp_half_to_float(((const uint16_t *)from)[i]);
        return WIDE_DOUBLE;
    case HP_BFLOAT16:
        for (size_t i = 0; i < count; i++) wide->number[i] = hp_bfloat_to_float(((const uint16_t *)from)[i]);
        return WIDE_DOUBLE;
    case HP_BOOL: /* a file may hold any byte */
        for (size_t i = 0; i < count; i++) wide->int32[i] = ((const uint8_t *)from)[i] != 0;
        return WIDE_INT32;
    default:
        WIDEN(float, number, WIDE_DOUBLE);
    }
#undef WIDEN
}

/* An integer too long for a double, cut to what fits with its last bit standing for all that was cut off: it rounds
 * to a shorter type as the integer itself would. */
static double sticky_double(uint64_t magnitude) {
    if (magnitude >> 53) magnitude = (magnitude & ~(uint64_t)0x7FF) | (magnitude & 0x7FF ? 0x800 : 0);
    return (double)magnitude;
}

static double sticky_signed(int64_t value) {
    return value < 0 ? -sticky_double(-(uint64_t)value) : sticky_double((uint64_t)value);
}

/* Stores from[i] as `type` where `fits`, a condition on from[i]; stops at the first that does not. */
#define NARROW(type, fits)                                                                                             \
    for (size_t i = 0; i < count; i++) {                                                                               \
        if (!(fits)) {                                                                                                 \
            *bad = i;                                                                                                  \
            return false;                                                                                              \
        }                                                                                                              \
        ((type *)dst)[i] = (type)from[i];                                                                              \
    }                                                                                                                  \
    return true
#define NARROW_WITH(type, expression)                                                                                  \
    for (size_t i = 0; i < count; i++) ((type *)dst)[i] = (type)(expression);                                          \
    return true

static bool narrow_int32(const int32_t *from, size_t count, hp_dtype dtype, void *dst, size_t *bad) {
    switch (dtype) {
    case HP_INT8:
        NARROW(int8_t, from[i] >= INT8_MIN && from[i] <= INT8_MAX);
    case HP_INT16:
        NARROW(int16_t, from[i] >= INT16_MIN && from[i] <= INT16_MAX);
    case HP_INT32:
        NARROW_WITH(int32_t, from[i]);
    case HP_INT64:
        NARROW_WITH(int64_t, from[i]);
    case HP_UINT8:
        NARROW(uint8_t, from[i] >= 0 && from[i] <= UINT8_MAX);
    case HP_UINT16:
        NARROW(uint16_t, from[i] >= 0 && from[i] <= UINT16_MAX);
    case HP_UINT32:
        NARROW(uint32_t, from[i] >= 0);
    case HP_UINT64:
        NARROW(uint64_t, from[i] >= 0);
    case HP_BOOL:
        NARROW_WITH(uint8_t, from[i] != 0);
    case HP_FLOAT64:
        NARROW_WITH(double, from[i]);
    case HP_FLOAT16:
        NARROW_WITH(uint16_t, hp_half_from_double(from[i]));
    case HP_BFLOAT16:
        NARROW_WITH(uint16_t, hp_bfloat_from_double(from[i]));
    default:
        NARROW_WITH(float, from[i]);
    }
}

static bool narrow_int64(const int64_t *from, size_t count, hp_dtype dtype, void *dst, size_t *bad) {
    switch (dtype) {
    case HP_INT8:
        NARROW(int8_t, from[i] >= INT8_MIN && from[i] <= INT8_MAX);
    case HP_INT16:
        NARROW(int16_t, from[i] >= INT16_MIN && from[i] <= INT16_MAX);
    case HP_INT32:
        NARROW(int32_t, from[i] >= INT32_MIN && from[i] <= INT32_MAX);
    case HP_INT64:
        NARROW_WITH(int64_t, from[i]);
    case HP_UINT8:
        NARROW(uint8_t, from[i] >= 0 && from[i] <= UINT8_MAX);
    case HP_UINT16:
        NARROW(uint16_t, from[i] >= 0 && from[i] <= UINT16_MAX);
    case HP_UINT32:
        NARROW(uint32_t, from[i] >= 0 && from[i] <= UINT32_MAX);
    case HP_UINT64:
        NARROW(uint64_t, from[i] >= 0);
    case HP_BOOL:
        NARROW_WITH(uint8_t, from[i] != 0);
    case HP_FLOAT64:
        NARROW_WITH(double, from[i]);
    case HP_FLOAT16:
        NARROW_WITH(uint16_t, hp_half_from_double(sticky_signed(from[i])));
    case HP_BFLOAT16:
        NARROW_WITH(uint16_t, hp_bfloat_from_double(sticky_signed(from[i])));
    default:
        NARROW_WITH(float, from[i]);
    }
}

static bool narrow_uint64(const uint64_t *from, size_t count, hp_dtype dtype, void *dst, size_t *bad) {
    switch (dtype) {
    case HP_INT8:
        NARROW(int8_t, from[i] <= INT8_MAX);
    case HP_INT16:
        NARROW(int16_t, from[i] <= INT16_MAX);
    case HP_INT32:
        NARROW(int32_t, from[i] <= INT32_MAX);
    case HP_INT64:
        NARROW(int64_t, from[i] <= INT64_MAX);
    case HP_UINT8:
        NARROW(uint8_t, from[i] <= UINT8_MAX);
    case HP_UINT16:
        NARROW(uint16_t, from[i] <= UINT16_MAX);
    case HP_UINT32:
        NARROW(uint32_t, from[i] <= UINT32_MAX);
    case HP_UINT64:
        NARROW_WITH(uint64_t, from[i]);
    case HP_BOOL:
        NARROW_WITH(uint8_t, from[i] != 0);
    case HP_FLOAT64:
        NARROW_WITH(double, from[i]);
    case HP_FLOAT16:
        NARROW_WITH(uint16_t, hp_half_from_double(sticky_double(from[i])));
    case HP_BFLOAT16:
        NARROW_WITH(uint16_t, hp_bfloat_from_double(sticky_double(from[i])));
    default:
        NARROW_WITH(float, from[i]);
    }
}

/* Whether a number, cut towards zero, lies from `low` to below `end`; false for NaN. */
static bool within(double value, double low, double end) {
    double whole = trunc(value);
    return whole >= low && whole < end;
}

static bool narrow_double(const double *from, size_t count, hp_dtype dtype, void *dst, size_t *bad) {
    switch (dtype) {
    case HP_INT8:
        NARROW(int8_t, within(from[i], -0x1p7, 0x1p7));
    case HP_INT16:
        NARROW(int16_t, within(from[i], -0x1p15, 0x1p15));
    case HP_INT32:
        NARROW(int32_t, within(from[i], -0x1p31, 0x1p31));
    case HP_INT64:
        NARROW(int64_t, within(from[i], -0x1p63, 0x1p63));
    case HP_UINT8:
        NARROW(uint8_t, within(from[i], 0, 0x1p8));
    case HP_UINT16:
        NARROW(uint16_t, within(from[i], 0, 0x1p16));
    case HP_UINT32:
        NARROW(uint32_t, within(from[i], 0, 0x1p32));
    case HP_UINT64:
        NARROW(uint64_t, within(from[i], 0, 0x1p64));
    case HP_BOOL:
        NARROW_WITH(uint8_t, from[i] != 0);
    case HP_FLOAT64:
        NARROW_WITH(double, from[i]);
    case HP_FLOAT16:
        NARROW_WITH(uint16_t, hp_half_from_double(from[i]));
    case HP_BFLOAT16:
        NARROW_WITH(uint16_t, hp_bfloat_from_double(from[i]));
    default:
        NARROW_WITH(float, from[i]);
    }
}

bool hp_io_convert_numbers(
    const void *from, hp_dtype from_dtype, size_t count, hp_dtype dtype, void *dst, size_t *bad) {
    size_t from_size = hp_dtype_size(from_dtype), size = hp_dtype_size(dtype);
    if (from_dtype == dtype && dtype != HP_BOOL) {
        memcpy(dst, from, count * size);
        return true;
    }
    for (size_t done = 0; done < count; done += BLOCK) {
        wide_block wide;
        size_t n = count - done < BLOCK ? count - done : BLOCK;
        void *to = (char *)dst + done * size;
        wide_type type = widen((const char *)from + done * from_size, from_dtype, n, &wide);
        bool good = type == WIDE_INT32    ? narrow_int32(wide.int32, n, dtype, to, bad)
                    : type == WIDE_INT64  ? narrow_int64(wide.int64, n, dtype, to, bad)
                    : type == WIDE_UINT64 ? narrow_uint64(wide.uint64, n, dtype, to, bad)
                                          : narrow_double(wide.number, n, dtype, to, bad);
        if (!good) {
            *bad += done;
            return false;
        }
    }
    return true;
}

void hp_io_describe_number(const void *value, hp_dtype dtype, char *text, size_t size) {
    wide_block wide;
    switch (widen(value, dtype, 1, &wide)) {
    case WIDE_INT32:
        snprintf(text, size, "%" PRId32, wide.int32[0]);
        break;
    case WIDE_INT64:
        snprintf(text, size, "%" PRId64, wide.int64[0]);
        break;
    case WIDE_UINT64:
        snprintf(text, size, "%" PRIu64, wide.uint64[0]);
        break;
    case WIDE_DOUBLE:
        snprintf(text, size, dtype == HP_FLOAT64 ? "%.17g" : "%.9g", wide.number[0]);
        break;
    }
}

/* typed_cast.c: astype among float32, float64, float16, bfloat16, integers and bool. See typed.h. */
#include "prims/typed.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/half.h"
#include "prims/typed_loops.h"

/* A float as an integer: cut towards zero; what does not fit, and NaN, is the least int64 (as cvttsd2si gives). */
static inline int64_t whole(double x) {
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}

/* To at most 32 bits TensorFlow goes through int32. */
static inline int32_t whole32(double x) {
    return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

static inline uint64_t whole_unsigned(double x) {
    return x >= 9223372036854775808.0 && x < 18446744073709551616.0 ? (uint64_t)x : (uint64_t)whole(x);
}

/* float16 and bfloat16 are 16 bits of their own kinds: told apart by the type's name. */
typedef struct half_bits {
    uint16_t bits;
} half_bits;
typedef struct bfloat_bits {
    uint16_t bits;
} bfloat_bits;

static inline float from_half(half_bits x) {
    return hp_half_to_float(x.bits);
}

static inline float from_bfloat(bfloat_bits x) {
    return hp_bfloat_to_float(x.bits);
}

/* One function per pair of types. */
#define TO_HALVES(type, name, widen)                                                                                   \
    static void name##_to_f16(const hp_typed_call *c) {                                                                \
        HP_LOOP_1(uint16_t, type, hp_half_from_double((double)widen(p)))                                               \
    }                                                                                                                  \
    static void name##_to_bf16(const hp_typed_call *c) {                                                               \
        HP_LOOP_1(uint16_t, type, hp_bfloat_from_double((double)widen(p)))                                             \
    }
#define FROM_INTEGER(type, name, to, to_name)                                                                          \
    static void name##_to_##to_name(const hp_typed_call *c) {                                                          \
        HP_LOOP_1(to, type, (to)p)                                                                                     \
    }
#define FROM_FLOAT(type, name, to, to_name, convert)                                                                   \
    static void name##_to_##to_name(const hp_typed_call *c) {                                                          \
        HP_LOOP_1(to, type, (to)convert(p))                                                                            \
    }
#define TO_BOOL(type, name)                                                                                            \
    static void name##_to_boolean(const hp_typed_call *c) {                                                            \
        HP_LOOP_1(uint8_t, type, p != 0)                                                                               \
    }

#define CASTS_OF_INTEGER(dtype, type, name)                                                                            \
    FROM_INTEGER(type, name, float, f32)                                                                               \
    FROM_INTEGER(type, name, double, f64)                                                                              \
    FROM_INTEGER(type, name, int8_t, i8)                                                                               \
    FROM_INTEGER(type, name, int16_t, i16)                                                                             \
    FROM_INTEGER(type, name, int32_t, i32)                                                                             \
    FROM_INTEGER(type, name, int64_t, i64)                                                                             \
    FROM_INTEGER(type, name, uint8_t, u8)                                                                              \
    FROM_INTEGER(type, name, uint16_t, u16)                                                                            \
    FROM_INTEGER(type, name, uint32_t, u32)                                                                            \
    FROM_INTEGER(type, name, uint64_t, u64)                                                                            \
    TO_HALVES(type, name, )                                                                                            \
    TO_BOOL(type, name)
#define CASTS_OF_FLOAT(dtype, type, name)                                                                              \
    FROM_INTEGER(type, name, float, f32)                                                                               \
    FROM_INTEGER(type, name, double, f64)                                                                              \
    FROM_FLOAT(type, name, int8_t, i8, whole32)                                                                        \
    FROM_FLOAT(type, name, int16_t, i16, whole32)                                                                      \
    FROM_FLOAT(type, name, int32_t, i32, whole32)                                                                      \
    FROM_FLOAT(type, name, int64_t, i64, whole)                                                                        \
    FROM_FLOAT(type, name, uint8_t, u8, whole32)                                                                       \
    FROM_FLOAT(type, name, uint16_t, u16, whole32)                                                                     \
    FROM_FLOAT(type, name, uint32_t, u32, whole)                                                                       \
    FROM_FLOAT(type, name, uint64_t, u64, whole_unsigned)                                                              \
    TO_HALVES(type, name, )                                                                                            \
    TO_BOOL(type, name)
#define FROM_HALF(type, name, widen, to, to_name, convert)                                                             \
    static void name##_to_##to_name(const hp_typed_call *c) {                                                          \
        HP_LOOP_1(to, type, (to)convert(widen(p)))                                                                     \
    }
#define CASTS_OF_HALF(dtype, type, name, widen)                                                                        \
    FROM_HALF(type, name, widen, float, f32, )                                                                         \
    FROM_HALF(type, name, widen, double, f64, )                                                                        \
    FROM_HALF(type, name, widen, int8_t, i8, whole32)                                                                  \
    FROM_HALF(type, name, widen, int16_t, i16, whole32)                                                                \
    FROM_HALF(type, name, widen, int32_t, i32, whole32)                                                                \
    FROM_HALF(type, name, widen, int64_t, i64, whole)                                                                  \
    FROM_HALF(type, name, widen, uint8_t, u8, whole32)                                                                 \
    FROM_HALF(type, name, widen, uint16_t, u16, whole32)                                                               \
    FROM_HALF(type, name, widen, uint32_t, u32, whole)                                                                 \
    FROM_HALF(type, name, widen, uint64_t, u64, whole_unsigned)                                                        \
    TO_HALVES(type, name, widen)                                                                                       \
    static void name##_to_boolean(const hp_typed_call *c) {                                                            \
        HP_LOOP_1(uint8_t, type, widen(p) != 0)                                                                        \
    }

#define FLOATS(FOR) FOR(HP_FLOAT32, float, f32) FOR(HP_FLOAT64, double, f64)
#define HALVES(FOR) FOR(HP_FLOAT16, half_bits, f16, from_half) FOR(HP_BFLOAT16, bfloat_bits, bf16, from_bfloat)
#define INTEGERS_AND_BOOL(FOR) HP_TYPED_INTEGERS(FOR) FOR(HP_BOOL, uint8_t, boolean)

FLOATS(CASTS_OF_FLOAT)
HALVES(CASTS_OF_HALF)
INTEGERS_AND_BOOL(CASTS_OF_INTEGER)

hp_typed_function *hp_typed_cast(hp_dtype from, hp_dtype to) {
    static hp_typed_function *const functions[HP_BOOL + 1][HP_BOOL + 1] = {
#define ROW_OF(dtype_, type, name)                                                                                     \
    [dtype_] = {[HP_FLOAT32] = name##_to_f32,                                                                          \
        [HP_FLOAT64] = name##_to_f64,                                                                                  \
        [HP_FLOAT16] = name##_to_f16,                                                                                  \
        [HP_BFLOAT16] = name##_to_bf16,                                                                                \
        [HP_INT8] = name##_to_i8,                                                                                      \
        [HP_INT16] = name##_to_i16,                                                                                    \
        [HP_INT32] = name##_to_i32,                                                                                    \
        [HP_INT64] = name##_to_i64,                                                                                    \
        [HP_UINT8] = name##_to_u8,                                                                                     \
        [HP_UINT16] = name##_to_u16,                                                                                   \
        [HP_UINT32] = name##_to_u32,                                                                                   \
        [HP_UINT64] = name##_to_u64,                                                                                   \
        [HP_BOOL] = name##_to_boolean},
#define ROW_OF_HALF(dtype_, type, name, widen) ROW_OF(dtype_, type, name)
        FLOATS(ROW_OF) HALVES(ROW_OF_HALF) INTEGERS_AND_BOOL(ROW_OF)
#undef ROW_OF_HALF
#undef ROW_OF
    };
    bool known = (unsigned)from <= HP_BOOL && (unsigned)to <= HP_BOOL;
    return known ? functions[from][to] : NULL;
}

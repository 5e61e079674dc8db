/* typed_bits.c: bitwise functions, shifts and greatest common divisors of integers. See typed.h. */
#include "prims/typed_bits.h"

#include <stdbool.h>
#include <stdint.h>

#include "prims/typed_loops.h"

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The numbers below are of 64 bits, signed ones extended by their sign; only the result is cut to its type. */
static inline uint64_t shift_left(uint64_t x, int64_t by) {
    return by <= 0 ? x : by >= 64 ? 0 : x << by;
}

static inline uint64_t shift_right(uint64_t x, int64_t by, bool is_signed) {
    if (by <= 0) return x;
    if (by >= 64) return is_signed && (int64_t)x < 0 ? UINT64_MAX : 0;
    return is_signed ? (uint64_t)((int64_t)x >> by) : x >> by;
}

static inline uint64_t gcd_of(uint64_t x, uint64_t y, bool is_signed) {
    if (is_signed && (int64_t)x < 0) x = 0 - x;
    if (is_signed && (int64_t)y < 0) y = 0 - y;
    return gcd(x, y);
}

#define IS_SIGNED(T) ((T)-1 < (T)1)
#define WIDE(T, x) (IS_SIGNED(T) ? (uint64_t)(int64_t)(x) : (uint64_t)(x))

#define BITS_OF(dtype, type, name)                                                                                     \
    static void name##_and(const hp_typed_call *c) {                                                                   \
        HP_LOOP_2(type, type, type, (type)(p & q))                                                                     \
    }                                                                                                                  \
    static void name##_or(const hp_typed_call *c) {                                                                    \
        HP_LOOP_2(type, type, type, (type)(p | q))                                                                     \
    }                                                                                                                  \
    static void name##_xor(const hp_typed_call *c) {                                                                   \
        HP_LOOP_2(type, type, type, (type)(p ^ q))                                                                     \
    }                                                                                                                  \
    static void name##_not(const hp_typed_call *c) {                                                                   \
        HP_LOOP_1(type, type, (type)~p)                                                                                \
    }                                                                                                                  \
    static void name##_left(const hp_typed_call *c) {                                                                  \
        HP_LOOP_2(type, type, type, (type)shift_left(WIDE(type, p), (int64_t)q))                                       \
    }                                                                                                                  \
    static void name##_right(const hp_typed_call *c) {                                                                 \
        HP_LOOP_2(type, type, type, (type)shift_right(WIDE(type, p), (int64_t)q, IS_SIGNED(type)))                     \
    }                                                                                                                  \
    static void name##_gcd(const hp_typed_call *c) {                                                                   \
        HP_LOOP_2(type, type, type, (type)gcd_of(WIDE(type, p), WIDE(type, q), IS_SIGNED(type)))                       \
    }
HP_TYPED_INTEGERS(BITS_OF)

hp_typed_function *hp_typed_bits(hp_dtype dtype, hp_logical_op op) {
    static hp_typed_function *const functions[][HP_GCD + 1] = {
#define ROW_OF(dtype_, type, name)                                                                                     \
    [dtype_] = {name##_and, name##_or, name##_xor, name##_not, name##_left, name##_right, name##_gcd},
        HP_TYPED_INTEGERS(ROW_OF)
#undef ROW_OF
    };
    bool known = (size_t)dtype < sizeof functions / sizeof functions[0] && (unsigned)op <= HP_GCD;
    return known ? functions[dtype][op] : NULL;
}

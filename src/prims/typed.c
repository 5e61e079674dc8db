/* typed.c: elementwise loops of integers, bool and mixed types; the choice among all of them. See typed.h.
 *
 * float64's arithmetic is in typed_double.c. */
#include "prims/typed.h"

#include <stdbool.h>
#include <stdint.h>

#include "prims/typed_bits.h"
#include "prims/typed_double.h"
#include "prims/typed_loops.h"

/* ---- integers: the same file for each type */

#define T int8_t
#define NAME(x) i8_##x
#define MINIMUM INT8_MIN
#define MAXIMUM INT8_MAX
#define NEGATIVE(x) ((x) < 0)
#include "prims/typed_integer.inc"
#define T int16_t
#define NAME(x) i16_##x
#define MINIMUM INT16_MIN
#define MAXIMUM INT16_MAX
#define NEGATIVE(x) ((x) < 0)
#include "prims/typed_integer.inc"
#define T int32_t
#define NAME(x) i32_##x
#define MINIMUM INT32_MIN
#define MAXIMUM INT32_MAX
#define NEGATIVE(x) ((x) < 0)
#include "prims/typed_integer.inc"
#define T int64_t
#define NAME(x) i64_##x
#define MINIMUM INT64_MIN
#define MAXIMUM INT64_MAX
#define NEGATIVE(x) ((x) < 0)
#include "prims/typed_integer.inc"
#define T uint8_t
#define NAME(x) u8_##x
#define MINIMUM 0
#define MAXIMUM UINT8_MAX
#define NEGATIVE(x) 0
#include "prims/typed_integer.inc"
#define T uint16_t
#define NAME(x) u16_##x
#define MINIMUM 0
#define MAXIMUM UINT16_MAX
#define NEGATIVE(x) 0
#include "prims/typed_integer.inc"
#define T uint32_t
#define NAME(x) u32_##x
#define MINIMUM 0
#define MAXIMUM UINT32_MAX
#define NEGATIVE(x) 0
#include "prims/typed_integer.inc"
#define T uint64_t
#define NAME(x) u64_##x
#define MINIMUM 0
#define MAXIMUM UINT64_MAX
#define NEGATIVE(x) 0
#include "prims/typed_integer.inc"

/* ---- comparisons, for every type that can be compared */

#define COMPARED(FOR)                                                                                                  \
    HP_TYPED_INTEGERS(FOR)                                                                                             \
    FOR(HP_FLOAT32, float, f32) FOR(HP_FLOAT64, double, f64) FOR(HP_BOOL, uint8_t, boolean)
#define COMPARE_OF(type, name, op, symbol)                                                                             \
    static void name##_##op(const hp_typed_call *c) {                                                                  \
        HP_LOOP_2(uint8_t, type, type, p symbol q)                                                                     \
    }
#define COMPARES_OF(dtype, type, name)                                                                                 \
    COMPARE_OF(type, name, equal, ==)                                                                                  \
    COMPARE_OF(type, name, not_equal, !=)                                                                              \
    COMPARE_OF(type, name, less, <)                                                                                    \
    COMPARE_OF(type, name, less_equal, <=)                                                                             \
    COMPARE_OF(type, name, greater, >)                                                                                 \
    COMPARE_OF(type, name, greater_equal, >=)
COMPARED(COMPARES_OF)

hp_typed_function *hp_typed_compare(hp_dtype dtype, hp_compare_op op) {
    static hp_typed_function *const functions[][HP_GREATER_EQUAL + 1] = {
#define ROW_OF(dtype_, type, name)                                                                                     \
    [dtype_] = {name##_equal, name##_not_equal, name##_less, name##_less_equal, name##_greater, name##_greater_equal},
        COMPARED(ROW_OF)
#undef ROW_OF
    };
    bool known = (size_t)dtype < sizeof functions / sizeof functions[0] && (unsigned)op <= HP_GREATER_EQUAL;
    return known ? functions[dtype][op] : NULL;
}

/* ---- logic */

static void logical_and(const hp_typed_call *c) {
    HP_LOOP_2(uint8_t, uint8_t, uint8_t, p && q)
}
static void logical_or(const hp_typed_call *c) {
    HP_LOOP_2(uint8_t, uint8_t, uint8_t, p || q)
}
static void logical_xor(const hp_typed_call *c) {
    HP_LOOP_2(uint8_t, uint8_t, uint8_t, !p != !q)
}
static void logical_not(const hp_typed_call *c){HP_LOOP_1(uint8_t, uint8_t, !p)}

hp_typed_function *hp_typed_logical(hp_dtype dtype, hp_logical_op op) {
    static hp_typed_function *const functions[] = {
        [HP_AND] = logical_and, [HP_OR] = logical_or, [HP_XOR] = logical_xor, [HP_NOT] = logical_not};
    if (dtype != HP_BOOL) return hp_typed_bits(dtype, op);
    return (unsigned)op <= HP_NOT ? functions[op] : NULL;
}

/* ---- select: by size, whatever the bytes mean */

typedef struct bytes16 {
    uint64_t word[2];
} bytes16;

static void select1(const hp_typed_call *c) {
    HP_LOOP_3(uint8_t, uint8_t, uint8_t, p ? q : s)
}
static void select2(const hp_typed_call *c) {
    HP_LOOP_3(uint16_t, uint8_t, uint16_t, p ? q : s)
}
static void select4(const hp_typed_call *c) {
    HP_LOOP_3(uint32_t, uint8_t, uint32_t, p ? q : s)
}
static void select8(const hp_typed_call *c) {
    HP_LOOP_3(uint64_t, uint8_t, uint64_t, p ? q : s)
}

static void select16(const hp_typed_call *c) {
    for (size_t r = 0; r < c->rows; r++) {
        bytes16 *y = (bytes16 *)c->y + r * c->n;
        const uint8_t *condition = HP_ROW(uint8_t, 0);
        const bytes16 *a = HP_ROW(bytes16, 1), *b = HP_ROW(bytes16, 2);
        const hp_typed_operand *o = c->operands;
        for (size_t i = 0; i < c->n; i++) y[i] = condition[i * o[0].step] ? a[i * o[1].step] : b[i * o[2].step];
    }
}

#define SIZE_OF(name, value, keras, bytes) [name] = (bytes),
static const unsigned char sizes[] = {HP_DTYPE_LIST(SIZE_OF)};
#undef SIZE_OF

hp_typed_function *hp_typed_select(hp_dtype dtype) {
    switch ((size_t)dtype < sizeof sizes ? sizes[dtype] : 0) {
    case 1:
        return select1;
    case 2:
        return select2;
    case 4:
        return select4;
    case 8:
        return select8;
    case 16:
        return select16;
    default:
        return NULL;
    }
}

/* ---- arithmetic */

hp_typed_function *hp_typed_unary(hp_dtype dtype, hp_unary op) {
    switch (dtype) {
#define CASE_OF(dtype_, type, name)                                                                                    \
    case dtype_:                                                                                                       \
        return name##_find_unary(op);
        HP_TYPED_INTEGERS(CASE_OF)
#undef CASE_OF
    case HP_FLOAT64:
        return hp_typed_double_unary(op);
    default:
        return op == HP_UNARY_IDENTITY && dtype == HP_BOOL ? u8_find_unary(op) : NULL;
    }
}

hp_typed_function *hp_typed_binary(hp_dtype dtype, hp_binary op) {
    switch (dtype) {
#define CASE_OF(dtype_, type, name)                                                                                    \
    case dtype_:                                                                                                       \
        return name##_find_binary(op);
        HP_TYPED_INTEGERS(CASE_OF)
#undef CASE_OF
    case HP_FLOAT64:
        return hp_typed_double_binary(op);
    default:
        return NULL;
    }
}

/* typed.h: elementwise loops over every element type, in plain C: what the float32 kernels do not cover.
 *
 * Written once (typed_*.inc) and compiled per type. A function here reads 1 to 3 broadcast operands and writes one
 * contiguous block; it never fails. Integers wrap around; an integer division by zero gives 0. */
#ifndef HP_PRIMS_TYPED_H
#define HP_PRIMS_TYPED_H

#include <stddef.h>
#include "hornpipe.h"
#include "prims/params.h"

/* Element i of row r is data[r * stride + i * step], in elements; step is 0 or 1. */
typedef struct hp_typed_operand {
    const void *data;
    size_t stride, step;
} hp_typed_operand;

typedef struct hp_typed_call {
    void *y; /* [rows][n]; may be an operand whose step is 1, whose stride is n and whose elements are as large */
    size_t rows, n;
    hp_typed_operand operands[3];
    const double *params;
} hp_typed_call;

typedef void hp_typed_function(const hp_typed_call *call);

/* NULL: there is none for this dtype (the shape rule refuses it then). */
hp_typed_function *hp_typed_unary(hp_dtype dtype, hp_unary op);
hp_typed_function *hp_typed_binary(hp_dtype dtype, hp_binary op);
hp_typed_function *hp_typed_compare(hp_dtype dtype, hp_compare_op op);
hp_typed_function *hp_typed_logical(hp_dtype dtype, hp_logical_op op);
hp_typed_function *hp_typed_select(hp_dtype dtype);
/* numpy's astype; what does not fit the integer gives the least int32 or int64, cut to the type, as TensorFlow's
 * casts on x86 do. */
hp_typed_function *hp_typed_cast(hp_dtype from, hp_dtype to);

/* Calls FOR(dtype, C type, name) for the dtypes that have arithmetic here besides float32. */
#define HP_TYPED_INTEGERS(FOR)                                                                                         \
    FOR(HP_INT8, int8_t, i8)                                                                                           \
    FOR(HP_INT16, int16_t, i16)                                                                                        \
    FOR(HP_INT32, int32_t, i32)                                                                                        \
    FOR(HP_INT64, int64_t, i64)                                                                                        \
    FOR(HP_UINT8, uint8_t, u8)                                                                                         \
    FOR(HP_UINT16, uint16_t, u16)                                                                                      \
    FOR(HP_UINT32, uint32_t, u32)                                                                                      \
    FOR(HP_UINT64, uint64_t, u64)

#endif

/* binary.c: elementwise functions of two operands, comparisons and logic (keras/src/ops/numpy.py), with NumPy's
 * broadcasting and Keras's promotion of dtypes. */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

static hp_dtype dtype_of(hp_builder *b, hp_value x) {
    return hp_builder_tensor(b, x)->dtype;
}

static void cast_both(hp_builder *b, hp_value pair[2], hp_dtype dtype) {
    for (int i = 0; i < 2; i++) pair[i] = hp_emit_cast(b, pair[i], dtype);
}

/* What bools become: Keras adds bools as logical or, and multiplies them as and. */
typedef enum on_bool { BOOL_INT32, BOOL_OR, BOOL_AND } on_bool;

static void emit(hp_builder *b, hp_call *call, hp_binary op, bool floats_only, on_bool bools) {
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    if (b->status != HP_OK) return;
    hp_dtype dtype = dtype_of(b, pair[0]);
    if (floats_only && !hp_dtype_is_float(dtype)) cast_both(b, pair, HP_FLOAT32);
    if (!floats_only && dtype == HP_BOOL && bools != BOOL_INT32) {
        hp_call_output(b, call, hp_emit_logical(b, bools == BOOL_OR ? HP_OR : HP_AND, pair[0], pair[1]));
        return;
    }
    if (!floats_only && dtype == HP_BOOL) cast_both(b, pair, HP_INT32);
    hp_call_output(
        b, call, op == HP_BINARY_ADD ? hp_add_as_bias(b, pair[0], pair[1]) : hp_emit_binary(b, op, pair[0], pair[1]));
}

#define BINARY_OP(name, op, floats_only, bools) COMPLEX_OP(name, op, floats_only, bools, NULL)
#define COMPLEX_OP(name, op, floats_only, bools, complex)                                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        (void)layer;                                                                                                   \
        emit(b, call, HP_BINARY_##op, floats_only, bools);                                                             \
    }                                                                                                                  \
    const hp_op_class hp_op_##name =                                                                                   \
        HP_OP_COMPLEX(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name, complex)

COMPLEX_OP(Add, ADD, false, BOOL_OR, hp_op_complex_add);
COMPLEX_OP(Subtract, SUBTRACT, false, BOOL_INT32, hp_op_complex_subtract);
COMPLEX_OP(Multiply, MULTIPLY, false, BOOL_AND, hp_op_complex_multiply);
BINARY_OP(Divide, DIVIDE, true, BOOL_INT32);
BINARY_OP(TrueDivide, DIVIDE, true, BOOL_INT32);
BINARY_OP(FloorDivide, FLOOR_DIVIDE, false, BOOL_INT32);
BINARY_OP(Mod, MOD, false, BOOL_INT32);
BINARY_OP(Power, POWER, false, BOOL_INT32);
BINARY_OP(Maximum, MAXIMUM, false, BOOL_OR);
BINARY_OP(Minimum, MINIMUM, false, BOOL_AND);
BINARY_OP(Arctan2, ARCTAN2, true, BOOL_INT32);

/* ---- comparisons */

static void compare(hp_builder *b, hp_call *call, hp_compare_op op) {
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_call_output(b, call, hp_emit_compare(b, op, pair[0], pair[1]));
}

#define COMPARE_OP(name, op)                                                                                           \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        (void)layer;                                                                                                   \
        compare(b, call, op);                                                                                          \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name)

COMPARE_OP(Equal, HP_EQUAL);
COMPARE_OP(NotEqual, HP_NOT_EQUAL);
COMPARE_OP(Less, HP_LESS);
COMPARE_OP(LessEqual, HP_LESS_EQUAL);
COMPARE_OP(Greater, HP_GREATER);
COMPARE_OP(GreaterEqual, HP_GREATER_EQUAL);

/* ---- logic: operands are cast to bool first */

static void logic(hp_builder *b, hp_call *call, hp_logical_op op) {
    hp_value x = hp_emit_cast(b, hp_op_operand(b, call, 0, op == HP_NOT ? "x" : "x1"), HP_BOOL);
    hp_value y = op == HP_NOT ? HP_NO_VALUE : hp_emit_cast(b, hp_op_operand(b, call, 1, "x2"), HP_BOOL);
    hp_call_output(b, call, hp_emit_logical(b, op, x, y));
}

#define LOGICAL_OP(name, op)                                                                                           \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        (void)layer;                                                                                                   \
        logic(b, call, op);                                                                                            \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name)

LOGICAL_OP(LogicalAnd, HP_AND);
LOGICAL_OP(LogicalOr, HP_OR);
LOGICAL_OP(LogicalXor, HP_XOR);
LOGICAL_OP(LogicalNot, HP_NOT);

/* ---- tests of one tensor */

typedef enum test { IS_NAN, IS_INF, IS_FINITE, IS_POSINF, IS_NEGINF } test;

static void test_values(hp_builder *b, hp_call *call, test what) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (!hp_dtype_is_float(dtype_of(b, x))) x = hp_emit_cast(b, x, HP_FLOAT32);
    hp_value infinite = hp_emit_cast(b, hp_emit_float(b, what == IS_NEGINF ? -INFINITY : INFINITY), dtype_of(b, x));
    hp_value size = what == IS_INF || what == IS_FINITE ? hp_emit_unary(b, x, HP_UNARY_ABSOLUTE, 0, 0, 0) : x;
    hp_value y = what == IS_NAN      ? hp_emit_compare(b, HP_NOT_EQUAL, x, x)
                 : what == IS_FINITE ? hp_emit_compare(b, HP_LESS, size, infinite)
                                     : hp_emit_compare(b, HP_EQUAL, size, infinite);
    hp_call_output(b, call, y);
}

#define TEST_OP(name, what)                                                                                            \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        (void)layer;                                                                                                   \
        test_values(b, call, what);                                                                                    \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name)

TEST_OP(Isnan, IS_NAN);
TEST_OP(Isinf, IS_INF);
TEST_OP(Isfinite, IS_FINITE);
TEST_OP(Isposinf, IS_POSINF);
TEST_OP(Isneginf, IS_NEGINF);

/* ---- where(condition, x1, x2) */

static void lower_where(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value condition = hp_emit_cast(b, hp_op_operand(b, call, 0, "condition"), HP_BOOL);
    const hp_arg *x1 = hp_call_arg(call, 1, "x1"), *x2 = hp_call_arg(call, 2, "x2");
    if (!x1 || !x2) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "where without x1 and x2 gives a shape that depends on the data");
        return;
    }
    hp_arg both[2] = {*x1, *x2};
    both[0].name = both[1].name = NULL;
    hp_call inner = {.args = both, .arg_count = 2};
    hp_value pair[2];
    hp_op_operands(b, &inner, "x1", "x2", pair);
    hp_call_output(b, call, hp_emit_select(b, condition, pair[0], pair[1]));
}

const hp_op_class hp_op_Where = HP_OP("Where", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_where);

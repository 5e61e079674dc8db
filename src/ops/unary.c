/* unary.c: elementwise functions of one tensor without arguments (keras/src/ops/numpy.py, math.py, nn.py). Integers and
 * bools become float32 first, as Keras has it, but for those that keep the dtype. */
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

/* Of an integer, without a way through floats, which would round the largest. HP_NO_VALUE: it has to go that way. */
static hp_value of_integer(hp_builder *b, hp_value x, hp_unary op) {
    hp_dtype dtype = hp_op_dtype(b, x);
    bool below = dtype < HP_UINT8 || dtype > HP_UINT64;
    hp_value zero = hp_op_number(b, 0, x);
    if (op == HP_UNARY_TRUNC || (!below && (op == HP_UNARY_ABSOLUTE || op == HP_UNARY_RELU))) return x;
    if (op == HP_UNARY_RELU) return hp_emit_binary(b, HP_BINARY_MAXIMUM, x, zero);
    if (op != HP_UNARY_NEGATIVE && op != HP_UNARY_ABSOLUTE) return HP_NO_VALUE;
    hp_value negative = hp_emit_binary(b, HP_BINARY_SUBTRACT, zero, x);
    return op == HP_UNARY_NEGATIVE ? negative : hp_emit_binary(b, HP_BINARY_MAXIMUM, x, negative);
}

static void emit(hp_builder *b, hp_call *call, hp_unary op, double p0, double p1, bool keeps_integers) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    hp_value whole = keeps_integers && hp_dtype_is_integer(dtype) ? of_integer(b, x, op) : HP_NO_VALUE;
    if (whole != HP_NO_VALUE) {
        hp_call_output(b, call, whole);
        return;
    }
    if (keeps_integers && !hp_dtype_is_float(dtype)) {
        hp_value wide = hp_emit_cast(b, x, HP_FLOAT64); /* exact up to 2^53 */
        hp_call_output(b, call, hp_emit_cast(b, hp_emit_unary(b, wide, op, p0, p1, 0), dtype));
        return;
    }
    hp_call_output(b, call, hp_emit_unary(b, hp_op_floating(b, x), op, p0, p1, 0));
}

/* name, module, function, its parameters, whether integers stay integers; and what it is of complex numbers, or NULL */
#define UNARY_OP(name, module_, op, p0, p1, keeps) COMPLEX_OP(name, module_, op, p0, p1, keeps, NULL)
#define COMPLEX_OP(name, module_, op, p0, p1, keeps, complex)                                                          \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        (void)layer;                                                                                                   \
        emit(b, call, HP_UNARY_##op, p0, p1, keeps);                                                                   \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP_COMPLEX(#name, module_, hp_op_no_fields, hp_op_none, lower_##name, complex)

COMPLEX_OP(Absolute, HP_OP_NUMPY, ABSOLUTE, 0, 0, true, hp_op_complex_absolute);
COMPLEX_OP(Abs, HP_OP_NUMPY, ABSOLUTE, 0, 0, true, hp_op_complex_absolute);
COMPLEX_OP(Negative, HP_OP_NUMPY, NEGATIVE, 0, 0, true, hp_op_by_parts);
static void lower_Square(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (hp_op_dtype(b, x) == HP_BOOL) x = hp_emit_cast(b, x, HP_INT32);
    bool real = hp_dtype_is_float(hp_op_dtype(b, x));
    hp_call_output(b, call, real ? hp_op_unary(b, x, HP_UNARY_SQUARE) : hp_op_multiply(b, x, x));
}
const hp_op_class hp_op_Square =
    HP_OP_COMPLEX("Square", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_Square, hp_op_complex_square);

UNARY_OP(Sign, HP_OP_NUMPY, SIGN, 0, 0, true);
UNARY_OP(Sqrt, HP_OP_NUMPY, SQRT, 0, 0, false);
UNARY_OP(Rsqrt, HP_OP_MATH, RSQRT, 0, 0, false);
UNARY_OP(Reciprocal, HP_OP_NUMPY, RECIPROCAL, 0, 0, false);
UNARY_OP(Floor, HP_OP_NUMPY, FLOOR, 0, 0, false);
UNARY_OP(Ceil, HP_OP_NUMPY, CEIL, 0, 0, false);
UNARY_OP(Trunc, HP_OP_NUMPY, TRUNC, 0, 0, true);
COMPLEX_OP(Exp, HP_OP_NUMPY, EXP, 0, 0, false, hp_op_complex_exp);
UNARY_OP(Exp2, HP_OP_NUMPY, EXP2, 0, 0, false);
UNARY_OP(Expm1, HP_OP_NUMPY, EXPM1, 0, 0, false);
UNARY_OP(Log, HP_OP_NUMPY, LOG, 0, 0, false);
UNARY_OP(Log1p, HP_OP_NUMPY, LOG1P, 0, 0, false);
UNARY_OP(Log2, HP_OP_NUMPY, LOG2, 0, 0, false);
UNARY_OP(Log10, HP_OP_NUMPY, LOG10, 0, 0, false);
UNARY_OP(Sin, HP_OP_NUMPY, SIN, 0, 0, false);
UNARY_OP(Cos, HP_OP_NUMPY, COS, 0, 0, false);
UNARY_OP(Tan, HP_OP_NUMPY, TAN, 0, 0, false);
UNARY_OP(Arcsin, HP_OP_NUMPY, ASIN, 0, 0, false);
UNARY_OP(Arccos, HP_OP_NUMPY, ACOS, 0, 0, false);
UNARY_OP(Arctan, HP_OP_NUMPY, ATAN, 0, 0, false);
UNARY_OP(Sinh, HP_OP_NUMPY, SINH, 0, 0, false);
UNARY_OP(Cosh, HP_OP_NUMPY, COSH, 0, 0, false);
UNARY_OP(Tanh, HP_OP_NUMPY, TANH, 0, 0, false);
UNARY_OP(Arcsinh, HP_OP_NUMPY, ASINH, 0, 0, false);
UNARY_OP(Arccosh, HP_OP_NUMPY, ACOSH, 0, 0, false);
UNARY_OP(Arctanh, HP_OP_NUMPY, ATANH, 0, 0, false);
UNARY_OP(Deg2rad, HP_OP_NUMPY, AFFINE, 3.14159265358979323846 / 180, 0, false);
UNARY_OP(Rad2deg, HP_OP_NUMPY, AFFINE, 180 / 3.14159265358979323846, 0, false);
UNARY_OP(Erf, HP_OP_MATH, ERF, 0, 0, false);
UNARY_OP(Erfc, HP_OP_MATH, ERFC, 0, 0, false);
UNARY_OP(Erfinv, HP_OP_MATH, ERFINV, 0, 0, false);
UNARY_OP(Lgamma, HP_OP_TF, LGAMMA, 0, 0, false);
UNARY_OP(BesselI0e, HP_OP_TF, BESSEL_I0E, 0, 0, false);
UNARY_OP(BesselI1e, HP_OP_TF, BESSEL_I1E, 0, 0, false);
UNARY_OP(Relu, HP_OP_NN, RELU, 0, INFINITY, true);
UNARY_OP(Relu6, HP_OP_NN, RELU6, 0, 0, true);
UNARY_OP(Sigmoid, HP_OP_NN, SIGMOID, 0, 0, false);
UNARY_OP(SparseSigmoid, HP_OP_NN, SPARSE_SIGMOID, 0, 0, false);
UNARY_OP(LogSigmoid, HP_OP_NN, LOG_SIGMOID, 0, 0, false);
UNARY_OP(HardSigmoid, HP_OP_NN, HARD_SIGMOID, 0, 0, false);
UNARY_OP(HardSilu, HP_OP_NN, HARD_SILU, 0, 0, false);
UNARY_OP(HardTanh, HP_OP_NN, HARD_TANH, 0, 0, false);
UNARY_OP(TanhShrink, HP_OP_NN, TANH_SHRINK, 0, 0, false);
UNARY_OP(Silu, HP_OP_NN, SILU, 0, 0, false);
UNARY_OP(Selu, HP_OP_NN, SELU, 0, 0, false);
UNARY_OP(Softplus, HP_OP_NN, SOFTPLUS, 0, 0, false);
UNARY_OP(Softsign, HP_OP_NN, SOFTSIGN, 0, 0, false);
UNARY_OP(SparsePlus, HP_OP_NN, SPARSE_PLUS, 0, 0, false);

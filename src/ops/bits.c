/* bits.c: bitwise functions, shifts, common divisors and other readings of the same bytes (keras/src/ops/numpy.py). */
#include <float.h>
#include <math.h>

#include "base/dtype.h"
#include "base/half.h"
#include "ops/op.h"

static void lower_bits(hp_builder *b, hp_call *call, const char *first, const char *second, hp_logical_op op) {
    hp_value pair[2];
    hp_op_operands(b, call, first, second, pair);
    hp_call_output(b, call, hp_emit_logical(b, op, pair[0], pair[1]));
}

#define BITS_OP(name, op)                                                                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call) {                                          \
        (void)layer;                                                                                                   \
        lower_bits(b, call, "x", "y", op);                                                                             \
    }                                                                                                                  \
    const hp_op_class hp_op_##name = HP_OP(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name)

BITS_OP(BitwiseAnd, HP_AND);
BITS_OP(BitwiseOr, HP_OR);
BITS_OP(BitwiseXor, HP_XOR);
BITS_OP(BitwiseLeftShift, HP_SHIFT_LEFT);
BITS_OP(LeftShift, HP_SHIFT_LEFT);
BITS_OP(BitwiseRightShift, HP_SHIFT_RIGHT);
BITS_OP(RightShift, HP_SHIFT_RIGHT);

static void lower_not(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_call_output(b, call, hp_emit_logical(b, HP_NOT, hp_op_operand(b, call, 0, "x"), HP_NO_VALUE));
}

const hp_op_class hp_op_BitwiseInvert = HP_OP("BitwiseInvert", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_not);
const hp_op_class hp_op_BitwiseNot = HP_OP("BitwiseNot", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_not);

static void lower_gcd(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    lower_bits(b, call, "x1", "x2", HP_GCD);
}

const hp_op_class hp_op_Gcd = HP_OP("Gcd", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_gcd);

/* |x1| (|x2| / gcd), 0 where one is 0. */
static void lower_lcm(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_value divisor = hp_emit_logical(b, HP_GCD, pair[0], pair[1]);
    for (int i = 0; i < 2; i++) pair[i] = hp_op_unary(b, pair[i], HP_UNARY_ABSOLUTE);
    hp_value quotient = hp_emit_binary(b, HP_BINARY_FLOOR_DIVIDE, pair[1], divisor); /* 0 by 0 is 0 */
    hp_call_output(b, call, hp_op_multiply(b, pair[0], quotient));
}

const hp_op_class hp_op_Lcm = HP_OP("Lcm", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_lcm);

/* ---- other dtypes */

static void lower_view(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_config_dtype(b, layer, hp_op_dtype(b, x));
    if (b->status == HP_OK) hp_call_output(b, call, hp_emit_bitcast(b, x, dtype));
}

/* tf.bitcast: the parts of an element, or what becomes one, are an axis of their own. */
static void lower_bitcast(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_config_dtype(b, layer, hp_op_dtype(b, x));
    size_t from = hp_dtype_size(hp_op_dtype(b, x)), to = hp_dtype_size(dtype);
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return;
    if (to > from && (shape.rank == 0 || (size_t)shape.dims[shape.rank - 1] * from != to)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "the last axis of %s is not one element of %s",
            hp_dtype_name(hp_op_dtype(b, x)), hp_dtype_name(dtype));
        return;
    }
    if (to < from) x = hp_op_new_axis(b, x, shape.rank);
    x = hp_emit_bitcast(b, x, dtype);
    hp_call_output(b, call, to > from ? hp_op_drop_axis(b, x, -1) : x);
}

/* Of numbers as they are stored: half precision is not widened. */
#define STORED_OP(name, module_, lower_)                                                                               \
    {                                                                                                                  \
        .class_name = name, .module = module_, .fields = hp_op_no_fields, .config_size = sizeof(hp_op_none),           \
        .masking = HP_MASK_STOP, .max_inputs = -1, .lower = lower_, .no_autocast = true, .own_dtype = true,            \
        .is_operation = true                                                                                           \
    }
const hp_op_class hp_op_View = STORED_OP("View", HP_OP_NUMPY, lower_view);
const hp_op_class hp_op_Bitcast = STORED_OP("Bitcast", HP_OP_TF, lower_bitcast);

/* ---- cut to the range of another dtype before the cast */

/* An integer dtype holds -2^n or 0 up to 2^n - 1: n. */
static int integer_bits(hp_dtype dtype) {
    return (int)hp_dtype_size(dtype) * 8 - (dtype < HP_UINT8);
}

static double greatest(hp_dtype dtype) {
    if (hp_dtype_is_integer(dtype)) return ldexp(1, integer_bits(dtype)) - 1; /* as a double has it */
    return dtype == HP_FLOAT16    ? 65504
           : dtype == HP_BFLOAT16 ? 0x1.fep127
           : dtype == HP_FLOAT32  ? (double)FLT_MAX
                                  : DBL_MAX;
}

static double least(hp_dtype dtype) {
    if (!hp_dtype_is_integer(dtype)) return -greatest(dtype);
    return dtype < HP_UINT8 ? -ldexp(1, integer_bits(dtype)) : 0;
}

/* The number of a float dtype that is next to x, or the next smaller one behind that. */
static double number_of(hp_dtype dtype, double x, bool smaller) {
    if (dtype == HP_FLOAT16) return (double)hp_half_to_float((uint16_t)(hp_half_from_double(x) - smaller));
    if (dtype == HP_BFLOAT16) return (double)hp_bfloat_to_float((uint16_t)(hp_bfloat_from_double(x) - smaller));
    if (dtype == HP_FLOAT32) return (double)(smaller ? nextafterf((float)x, 0) : (float)x);
    return smaller ? nextafter(x, 0) : x;
}

/* Keras's limits are the nearest numbers of the float dtype, also where the integers end before: then the cast overflows. */
static hp_value saturate_floats(hp_builder *b, hp_value x, hp_dtype to, bool within) {
    hp_dtype from = hp_op_dtype(b, x);
    bool integers = hp_dtype_is_integer(to);
    double low = fmax(least(from), least(to)), high = number_of(from, fmin(greatest(from), greatest(to)), false);
    bool over = integers ? high >= ldexp(1, integer_bits(to)) : high > greatest(to);
    if (over && (within || !integers)) high = number_of(from, high, true);
    if (!integers) low = -high;
    x = hp_emit_cast(b, x, HP_FLOAT64);
    x = hp_emit_binary(b, HP_BINARY_MAXIMUM, x, hp_op_number(b, low, x));
    return hp_emit_binary(b, HP_BINARY_MINIMUM, x, hp_op_number(b, high, x));
}

static hp_value at_limit(hp_builder *b, hp_binary op, hp_value x, int64_t limit) {
    return hp_emit_binary(b, op, x, hp_emit_cast(b, hp_emit_literal(b, HP_INT64, 0, NULL, &limit), hp_op_dtype(b, x)));
}

static hp_value saturate_integers(hp_builder *b, hp_value x, hp_dtype to) {
    hp_dtype from = hp_op_dtype(b, x);
    int bits = integer_bits(to);
    if (from < HP_UINT8 && (to >= HP_UINT8 || bits < integer_bits(from)))
        x = at_limit(b, HP_BINARY_MAXIMUM, x, to >= HP_UINT8 ? 0 : -(INT64_C(1) << bits));
    if (bits < integer_bits(from)) x = at_limit(b, HP_BINARY_MINIMUM, x, (int64_t)((UINT64_C(1) << bits) - 1));
    return x;
}

/* Where the greatest integer becomes a float that is no integer of that dtype any more, Keras has it as the least one on x86-64,
 * and everything is cut to that. */
static hp_value saturate_to_floats(hp_builder *b, hp_value x, hp_dtype to, bool within) {
    hp_dtype from = hp_op_dtype(b, x);
    double high = fmin(number_of(to, greatest(from), false), greatest(to));
    if (high >= ldexp(1, integer_bits(from)))
        return within ? x : at_limit(b, HP_BINARY_MINIMUM, x, (int64_t)least(from));
    if (high >= greatest(from)) return x;
    if (from < HP_UINT8) x = at_limit(b, HP_BINARY_MAXIMUM, x, (int64_t)-high);
    return at_limit(b, HP_BINARY_MINIMUM, x, (int64_t)high);
}

hp_value hp_op_saturate(hp_builder *b, hp_value x, hp_dtype to, bool within) {
    hp_dtype from = hp_op_dtype(b, x);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (to == HP_BOOL && from != HP_BOOL)
        x = hp_emit_unary(b, hp_emit_cast(b, x, HP_FLOAT64), HP_UNARY_CLIP, 0, 1, 0);
    else if (hp_dtype_is_float(from))
        x = saturate_floats(b, x, to, within);
    else if (from != HP_BOOL)
        x = hp_dtype_is_integer(to) ? saturate_integers(b, x, to) : saturate_to_floats(b, x, to, within);
    return hp_emit_cast(b, x, to);
}

/* keras/src/ops/core.py _saturate_cast */
static void lower_saturate_cast(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call, hp_op_saturate(b, x, hp_op_config_dtype(b, layer, HP_FLOAT32), false));
}

static void lower_saturate_cast_of(hp_builder *b, hp_layer *layer, hp_call *call) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call, hp_op_saturate(b, x, hp_op_config_dtype(b, layer, HP_FLOAT32), true));
}

const hp_op_class hp_op_SaturateCast = STORED_OP("SaturateCast", HP_OP_CORE, lower_saturate_cast);
const hp_op_class hp_op_SaturateCastOf = STORED_OP("SaturateCastOf", HP_OP_TF, lower_saturate_cast_of);

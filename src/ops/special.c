/* special.c: elementwise functions made of several primitives, as keras/src/backend/tensorflow/numpy.py makes them. */
#include <float.h>
#include <math.h>

#include "base/dtype.h"
#include "ops/op.h"

#define SPECIAL_OP(name) COMPLEX_OP(name, NULL)
#define COMPLEX_OP(name, complex)                                                                                      \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name =                                                                                   \
        HP_OP_COMPLEX(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_##name, complex);                         \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

static hp_value select_number(hp_builder *b, hp_value condition, double number, hp_value otherwise) {
    return hp_emit_select(b, condition, hp_op_number(b, number, otherwise), otherwise);
}

/* ---- of one tensor */

SPECIAL_OP(Cbrt) {
    (void)layer;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), size = hp_op_unary(b, x, HP_UNARY_ABSOLUTE);
    hp_value root = hp_emit_binary(b, HP_BINARY_POWER, size, hp_op_number(b, 1.0 / 3, x));
    hp_call_output(b, call, hp_op_multiply(b, hp_op_unary(b, x, HP_UNARY_SIGN), root));
}

SPECIAL_OP(Sinc) {
    (void)layer;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x")), scaled = hp_op_scale(b, x, 3.14159265358979323846);
    hp_value y = hp_op_divide(b, hp_op_unary(b, scaled, HP_UNARY_SIN), scaled);
    hp_call_output(b, call, select_number(b, hp_op_compare(b, HP_EQUAL, x, 0), 1, y));
}

/* A Chebyshev series by Clenshaw's recurrence (Cephes, chbevl). */
static hp_value chebyshev(hp_builder *b, hp_value x, const double *coefficients, int count) {
    hp_value b0 = hp_op_number(b, coefficients[0], x), b1 = hp_op_number(b, 0, x), b2 = b1;
    for (int i = 1; i < count; i++) {
        b2 = b1;
        b1 = b0;
        hp_value next = hp_op_subtract(b, hp_op_multiply(b, x, b1), b2);
        b0 = hp_op_add(b, next, hp_op_number(b, coefficients[i], x));
    }
    return hp_op_scale(b, hp_op_subtract(b, b0, b2), 0.5);
}

/* I0(|x|) in double precision: its power series up to 20, the asymptotic one above. */
static hp_value i0_of_doubles(hp_builder *b, hp_value size) {
    enum { POWERS = 42, DIVISIONS = 40 };
    double factors[POWERS], parts[DIVISIONS];
    factors[0] = parts[0] = 1;
    for (int k = 1; k < POWERS; k++) factors[k] = factors[k - 1] / ((double)k * k);
    for (int k = 1; k < DIVISIONS; k++) parts[k] = parts[k - 1] * (2 * k - 1) * (2 * k - 1) / (8.0 * k);
    hp_value limit = hp_op_number(b, 20, size);
    hp_value low = hp_emit_binary(b, HP_BINARY_MINIMUM, size, limit);
    hp_value high = hp_emit_binary(b, HP_BINARY_MAXIMUM, size, limit);
    hp_value square = hp_op_scale(b, hp_op_multiply(b, low, low), 0.25);
    hp_value inverse = hp_op_divide(b, hp_op_number(b, 1, high), high);
    hp_value below = hp_op_number(b, factors[POWERS - 1], size), above = hp_op_number(b, parts[DIVISIONS - 1], size);
    for (int k = POWERS - 2; k >= 0; k--)
        below = hp_op_add(b, hp_op_multiply(b, below, square), hp_op_number(b, factors[k], size));
    for (int k = DIVISIONS - 2; k >= 0; k--)
        above = hp_op_add(b, hp_op_multiply(b, above, inverse), hp_op_number(b, parts[k], size));
    hp_value root = hp_op_unary(b, hp_op_scale(b, high, 6.28318530717958647692), HP_UNARY_SQRT);
    /* The half of the exponent twice: the function ends where exp(x) / sqrt(x) does, not where exp(x) does. */
    hp_value growth = hp_op_unary(b, hp_op_scale(b, high, 0.5), HP_UNARY_EXP);
    above = hp_op_multiply(b, hp_op_divide(b, hp_op_multiply(b, above, growth), root), growth);
    return hp_emit_select(b, hp_op_compare(b, HP_LESS_EQUAL, size, 20), below, above);
}

/* Modified Bessel function of order 0, as Cephes's i0f: exp(-|x|) I0(x) by two series, split at 8. */
SPECIAL_OP(I0) {
    static const double small[] = {-1.30002500998624804212E-8, 6.04699502254191894932E-8, -2.67079385394061173391E-7,
        1.11738753912010371815E-6, -4.41673835845875056359E-6, 1.64484480707288970893E-5, -5.75419501008210370398E-5,
        1.88502885095841655729E-4, -5.76375574538582365885E-4, 1.63947561694133579842E-3, -4.32430999505057594430E-3,
        1.05464603945949983183E-2, -2.37374148058994688156E-2, 4.93052842396707084878E-2, -9.49010970480476444210E-2,
        1.71620901522208775349E-1, -3.04682672343198398683E-1, 6.76795274409476084995E-1};
    static const double large[] = {3.39623202570838634515E-9, 2.26666899049817806459E-8, 2.04891858946906374183E-7,
        2.89137052083475648297E-6, 6.88975834691682398426E-5, 3.36911647825569408990E-3, 8.04490411014108831608E-1};
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    x = hp_op_dtype(b, x) == HP_INT64 ? hp_emit_cast(b, x, HP_FLOAT64) : hp_op_floating(b, x);
    hp_value size = hp_op_unary(b, x, HP_UNARY_ABSOLUTE);
    if (hp_op_dtype(b, x) == HP_FLOAT64) {
        hp_call_output(b, call, i0_of_doubles(b, size));
        return;
    }
    hp_value below = chebyshev(b, hp_op_subtract(b, hp_op_scale(b, size, 0.5), hp_op_number(b, 2, x)), small, 18);
    hp_value at_least_8 = hp_emit_binary(b, HP_BINARY_MAXIMUM, size, hp_op_number(b, 8, x));
    hp_value z = hp_op_subtract(b, hp_op_divide(b, hp_op_number(b, 32, x), at_least_8), hp_op_number(b, 2, x));
    hp_value above = hp_op_divide(b, chebyshev(b, z, large, 7), hp_op_unary(b, at_least_8, HP_UNARY_SQRT));
    hp_value y = hp_emit_select(b, hp_op_compare(b, HP_LESS_EQUAL, size, 8), below, above);
    hp_call_output(b, call, hp_op_multiply(b, y, hp_op_unary(b, size, HP_UNARY_EXP)));
}

SPECIAL_OP(Signbit) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    if (hp_op_dtype(b, x) == HP_BOOL) x = hp_emit_cast(b, x, HP_INT32);
    if (hp_dtype_is_float(hp_op_dtype(b, x))) x = hp_emit_bitcast(b, hp_emit_cast(b, x, HP_FLOAT32), HP_INT32);
    hp_call_output(b, call, hp_op_compare(b, HP_LESS, x, 0));
}

SPECIAL_OP(Fabs) {
    (void)layer;
    hp_call_output(b, call, hp_op_unary(b, hp_op_floating(b, hp_op_operand(b, call, 0, "x")), HP_UNARY_ABSOLUTE));
}

/* ---- as complex numbers, whose imaginary part is 0 here */

COMPLEX_OP(Angle, hp_op_complex_angle) {
    (void)layer;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x"));
    hp_value zeros = hp_op_scale(b, x, 0); /* NaN stays */
    hp_call_output(b, call, select_number(b, hp_op_compare(b, HP_LESS, x, 0), 3.14159265358979323846, zeros));
}

static void pass_through(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_call_output(b, call, hp_op_operand(b, call, 0, "x"));
}

#define PASSING_OP(name, complex)                                                                                      \
    const hp_op_class hp_op_##name = HP_OP_SAME(#name, HP_OP_NUMPY, hp_op_no_fields, hp_op_none, pass_through, complex)
PASSING_OP(Real, hp_op_complex_real);
PASSING_OP(Conj, hp_op_complex_conjugate);
PASSING_OP(Conjugate, hp_op_complex_conjugate);

COMPLEX_OP(Imag, hp_op_complex_imaginary) {
    (void)layer;
    hp_tensor tensor = *hp_builder_tensor(b, hp_op_operand(b, call, 0, "x"));
    hp_call_output(b, call, hp_emit_fill(b, tensor.dtype, &tensor.shape, 0));
}

SPECIAL_OP(Isreal) {
    (void)layer;
    hp_tensor tensor = *hp_builder_tensor(b, hp_op_operand(b, call, 0, "x"));
    hp_call_output(b, call, hp_emit_fill(b, HP_BOOL, &tensor.shape, 1));
}

/* ---- of two tensors */

static void floats(hp_builder *b, hp_call *call, hp_value pair[2]) {
    hp_op_operands(b, call, "x1", "x2", pair);
    for (int i = 0; i < 2; i++) pair[i] = hp_op_floating(b, pair[i]);
}

/* The same, but what promotes to int64 becomes float64. */
static void wide_floats(hp_builder *b, hp_call *call, hp_value pair[2]) {
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = hp_op_dtype(b, pair[0]) == HP_INT64 ? HP_FLOAT64 : HP_FLOAT32;
    for (int i = 0; i < 2 && !hp_dtype_is_float(hp_op_dtype(b, pair[i])); i++)
        pair[i] = hp_emit_cast(b, pair[i], dtype);
}

SPECIAL_OP(Heaviside) {
    (void)layer;
    hp_value pair[2];
    wide_floats(b, call, pair);
    hp_value y = select_number(b, hp_op_compare(b, HP_GREATER, pair[0], 0), 1, pair[1]);
    hp_call_output(b, call, select_number(b, hp_op_compare(b, HP_LESS, pair[0], 0), 0, y));
}

SPECIAL_OP(DivideNoNan) {
    (void)layer;
    hp_value pair[2];
    floats(b, call, pair);
    hp_value y = hp_op_divide(b, pair[0], pair[1]);
    hp_call_output(b, call, select_number(b, hp_op_compare(b, HP_EQUAL, pair[1], 0), 0, y));
}

hp_value hp_op_hypot(hp_builder *b, hp_value x, hp_value y) {
    x = hp_op_unary(b, x, HP_UNARY_ABSOLUTE);
    y = hp_op_unary(b, y, HP_UNARY_ABSOLUTE);
    hp_value most = hp_emit_binary(b, HP_BINARY_MAXIMUM, x, y);
    hp_value ratio = hp_op_divide(b, hp_emit_binary(b, HP_BINARY_MINIMUM, x, y), most);
    ratio = select_number(b, hp_op_compare(b, HP_EQUAL, most, 0), 0, ratio);
    hp_value sum = hp_op_add(b, hp_op_unary(b, ratio, HP_UNARY_SQUARE), hp_op_number(b, 1, ratio));
    return hp_op_multiply(b, most, hp_op_unary(b, sum, HP_UNARY_SQRT));
}

SPECIAL_OP(Hypot) {
    (void)layer;
    hp_value pair[2];
    wide_floats(b, call, pair);
    hp_call_output(b, call, hp_op_hypot(b, pair[0], pair[1]));
}

/* max + log1p(exp(-|x1 - x2| factor)) / factor */
static void log_add(hp_builder *b, hp_call *call, double factor) {
    hp_value pair[2];
    floats(b, call, pair);
    hp_value delta = hp_op_subtract(b, pair[0], pair[1]), off = hp_op_unary(b, delta, HP_UNARY_ABSOLUTE);
    hp_value more = hp_op_unary(b, hp_op_unary(b, hp_op_scale(b, off, -factor), HP_UNARY_EXP), HP_UNARY_LOG1P);
    if (factor != 1) more = hp_op_divide(b, more, hp_op_number(b, factor, more));
    hp_value y = hp_op_add(b, hp_emit_binary(b, HP_BINARY_MAXIMUM, pair[0], pair[1]), more);
    hp_call_output(b, call, hp_emit_select(b, hp_op_is_nan(b, delta), hp_op_add(b, pair[0], pair[1]), y));
}

SPECIAL_OP(Logaddexp) {
    (void)layer;
    log_add(b, call, 1);
}

SPECIAL_OP(Logaddexp2) {
    (void)layer;
    log_add(b, call, (double)0.693147180559945309417F); /* of float32 in any case */
}

/* The remainder with the sign of x1. */
SPECIAL_OP(Fmod) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_dtype dtype = hp_op_dtype(b, pair[0]);
    if (dtype == HP_BOOL) dtype = HP_INT32;
    bool narrow = dtype == HP_UINT8 || dtype == HP_UINT16 || dtype == HP_UINT32;
    for (int i = 0; i < 2; i++) pair[i] = hp_emit_cast(b, pair[i], narrow ? HP_INT64 : dtype);
    hp_value rest = hp_emit_binary(
        b, HP_BINARY_MOD, hp_op_unary(b, pair[0], HP_UNARY_ABSOLUTE), hp_op_unary(b, pair[1], HP_UNARY_ABSOLUTE));
    hp_value y = hp_op_multiply(b, hp_op_unary(b, pair[0], HP_UNARY_SIGN), rest);
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

/* A NaN on one side gives the other side. */
static void ignore_nan(hp_builder *b, hp_call *call, hp_binary op) {
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    if (hp_op_dtype(b, pair[0]) == HP_BOOL) {
        hp_call_output(b, call, hp_emit_logical(b, op == HP_BINARY_MAXIMUM ? HP_OR : HP_AND, pair[0], pair[1]));
        return;
    }
    hp_value y = hp_emit_binary(b, op, pair[0], pair[1]);
    if (hp_dtype_is_float(hp_op_dtype(b, pair[0]))) {
        y = hp_emit_select(b, hp_op_is_nan(b, pair[0]), pair[1], y);
        y = hp_emit_select(b, hp_op_is_nan(b, pair[1]), pair[0], y);
    }
    hp_call_output(b, call, y);
}

SPECIAL_OP(Fmax) {
    (void)layer;
    ignore_nan(b, call, HP_BINARY_MAXIMUM);
}

SPECIAL_OP(Fmin) {
    (void)layer;
    ignore_nan(b, call, HP_BINARY_MINIMUM);
}

SPECIAL_OP(Ldexp) {
    (void)layer;
    hp_value x = hp_op_floating(b, hp_op_operand(b, call, 0, "x1"));
    hp_value exponent = hp_emit_cast(b, hp_op_operand(b, call, 1, "x2"), hp_op_dtype(b, x));
    hp_value y = hp_op_multiply(b, x, hp_op_unary(b, exponent, HP_UNARY_EXP2));
    hp_value same = hp_emit_logical(b, HP_OR, hp_op_compare(b, HP_EQUAL, x, 0),
        hp_op_compare(b, HP_EQUAL, hp_op_unary(b, x, HP_UNARY_ABSOLUTE), INFINITY));
    hp_call_output(b, call, hp_emit_select(b, same, x, y));
}

/* The float next to x1 towards x2: its bits counted up or down. Of doubles in any dtype: what a narrow float has next is
 * lost when it is rounded, as in Keras. */
SPECIAL_OP(Nextafter) {
    (void)layer;
    hp_value pair[2];
    floats(b, call, pair);
    hp_dtype dtype = hp_op_dtype(b, pair[0]);
    for (int i = 0; i < 2; i++) pair[i] = hp_emit_cast(b, pair[i], HP_FLOAT64);
    hp_value sum = hp_op_add(b, pair[0], pair[1]), x = hp_op_add(b, pair[0], hp_op_scale(b, pair[1], 0));
    hp_value bits = hp_emit_bitcast(b, x, HP_INT64);
    hp_value up = hp_emit_compare(b, HP_LESS, x, pair[1]), positive = hp_op_compare(b, HP_GREATER, x, 0);
    hp_value away = hp_emit_logical(b, HP_NOT, hp_emit_logical(b, HP_XOR, up, positive), HP_NO_VALUE);
    hp_value step = hp_emit_select(b, away, hp_op_number(b, 1, bits), hp_op_number(b, -1, bits));
    hp_value y = hp_emit_bitcast(b, hp_op_add(b, bits, step), HP_FLOAT64);
    hp_value least = hp_emit_select(b, up, hp_op_number(b, DBL_TRUE_MIN, x), hp_op_number(b, -DBL_TRUE_MIN, x));
    y = hp_emit_select(b, hp_op_compare(b, HP_EQUAL, x, 0), least, y);
    y = hp_emit_select(b, hp_emit_compare(b, HP_EQUAL, x, pair[1]), pair[1], y);
    hp_call_output(b, call, hp_emit_cast(b, hp_emit_select(b, hp_op_is_nan(b, sum), sum, y), dtype));
}

/* ---- nearness */

typedef struct close_config {
    double rtol, atol;
    bool equal_nan;
} close_config;

static double number_of(const hp_call *call, int position, const char *keyword, double fallback) {
    const hp_json *value = hp_op_constant(call, position, keyword);
    return hp_json_is(value, HP_JSON_DOUBLE) || hp_json_is(value, HP_JSON_INT) ? value->number : fallback;
}

static hp_value close_to(hp_builder *b, hp_call *call, double rtol, double atol, bool equal_nan) {
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    if (!hp_dtype_is_float(hp_op_dtype(b, pair[0]))) return hp_emit_compare(b, HP_EQUAL, pair[0], pair[1]);
    hp_value off = hp_op_unary(b, hp_op_subtract(b, pair[0], pair[1]), HP_UNARY_ABSOLUTE);
    hp_value room = hp_op_scale(b, hp_op_unary(b, pair[1], HP_UNARY_ABSOLUTE), rtol);
    hp_value y = hp_emit_compare(b, HP_LESS_EQUAL, off, hp_op_add(b, room, hp_op_number(b, atol, room)));
    if (!equal_nan) return y;
    return hp_emit_logical(b, HP_OR, y, hp_emit_logical(b, HP_AND, hp_op_is_nan(b, pair[0]), hp_op_is_nan(b, pair[1])));
}

static const hp_field isclose_fields[] = {HP_BOOL(close_config, equal_nan, false), HP_FIELDS_END};
static void lower_isclose(hp_builder *b, hp_layer *layer, hp_call *call) {
    double rtol = number_of(call, 2, "rtol", 1e-5), atol = number_of(call, 3, "atol", 1e-8);
    hp_call_output(b, call, close_to(b, call, rtol, atol, ((const close_config *)layer->config)->equal_nan));
}
const hp_op_class hp_op_Isclose = HP_OP("Isclose", HP_OP_NUMPY, isclose_fields, close_config, lower_isclose);

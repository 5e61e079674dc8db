/* reference_unary.c: the functions of unary.def in double precision, from their definitions in Keras 3
 * (keras/src/activations/activations.py, keras/src/backend/tensorflow/nn.py), and how near a kernel must come.
 *
 * Invariant: nothing here is shared with the kernels. */
#include "check.h"

#define PI 3.14159265358979323846

#define REFERENCE(name)                                                                                                \
    static double reference_##name(double x __attribute__((unused)), const double *p __attribute__((unused)))

REFERENCE(identity) {
    return x;
}
REFERENCE(negative) {
    return -x;
}
REFERENCE(absolute) {
    return fabs(x);
}
REFERENCE(square) {
    return x * x;
}
REFERENCE(sqrt) {
    return sqrt(x);
}
REFERENCE(rsqrt) {
    return 1 / sqrt(x);
}
REFERENCE(reciprocal) {
    return 1 / x;
}
REFERENCE(sign) {
    return isnan(x) ? x : (x > 0) - (x < 0);
}
REFERENCE(floor) {
    return floor(x);
}
REFERENCE(ceil) {
    return ceil(x);
}
REFERENCE(trunc) {
    return trunc(x);
}
REFERENCE(round) {
    return rint(x);
}
REFERENCE(affine) {
    return p[0] * x + p[1];
}
REFERENCE(clip) {
    return x < p[0] ? p[0] : x > p[1] ? p[1] : x;
}
REFERENCE(exp) {
    return exp(x);
}
REFERENCE(exp2) {
    return exp2(x);
}
REFERENCE(expm1) {
    return expm1(x);
}
REFERENCE(log) {
    return log(x);
}
REFERENCE(log1p) {
    return log1p(x);
}
REFERENCE(log2) {
    return log2(x);
}
REFERENCE(log10) {
    return log10(x);
}
REFERENCE(sin) {
    return sin(x);
}
REFERENCE(cos) {
    return cos(x);
}
REFERENCE(tan) {
    return tan(x);
}
REFERENCE(asin) {
    return asin(x);
}
REFERENCE(acos) {
    return acos(x);
}
REFERENCE(atan) {
    return atan(x);
}
REFERENCE(sinh) {
    return sinh(x);
}
REFERENCE(cosh) {
    return cosh(x);
}
REFERENCE(tanh) {
    return tanh(x);
}
REFERENCE(asinh) {
    return asinh(x);
}
REFERENCE(acosh) {
    return acosh(x);
}
REFERENCE(atanh) {
    return atanh(x);
}
REFERENCE(erf) {
    return erf(x);
}
REFERENCE(erfc) {
    return erfc(x);
}
/* By bisection on erfc, which keeps its digits in the tail. */
REFERENCE(erfinv) {
    double a = fabs(x), low = 0, high = 6;
    if (!(a < 1)) return a == 1 ? copysign(INFINITY, x) : NAN;
    if (a < 1e-6) return x * (sqrt(PI) / 2) * (1 + PI * x * x / 12);
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2;
        if (erfc(middle) > 1 - a)
            low = middle;
        else
            high = middle;
    }
    return copysign(low, x);
}
REFERENCE(lgamma) {
    return lgamma(x);
}
/* The recurrence far up, then the first terms of the asymptotic series; below 0 by reflection. */
REFERENCE(digamma) {
    double sum = 0;
    if (x <= 0 && x == floor(x)) return NAN;
    if (x < 0) return reference_digamma(1 - x, p) - PI / tan(PI * (x - rint(x)));
    for (; x < 60; x++) sum -= 1 / x;
    return sum + log(x) - 1 / (2 * x) - 1 / (12 * x * x) + 1 / (120 * pow(x, 4)) - 1 / (252 * pow(x, 6));
}
/* Bessel's integral by the trapezoidal rule, which converges with its points' number as a power series does. */
static double bessel_integral(int order, double x) {
    double sum = 0, size = fabs(x), rest = 1 / (8 * size);
    int points = 24 + (int)(5 * sqrt(fmin(size, 1e3)));
    if (isnan(x)) return x;
    if (size > 1e3)
        return copysign(
            (1 + (order ? -3 * rest : rest) + (order ? -7.5 : 4.5) * rest * rest) / sqrt(2 * PI * size), order ? x : 1);
    if (order && size < 1e-3) return x / 2 * (1 - size + 0.625 * size * size); /* the sum below cancels */
    for (int i = 0; i <= points; i++) {
        double turn = PI * i / points;
        sum += exp(-2 * size * sin(turn / 2) * sin(turn / 2)) * (order ? cos(turn) : 1) * (i % points ? 1 : 0.5);
    }
    return copysign(sum / points, order ? x : 1);
}
REFERENCE(bessel_i0e) {
    return bessel_integral(0, x);
}
REFERENCE(bessel_i1e) {
    return bessel_integral(1, x);
}
REFERENCE(sigmoid) {
    return 1 / (1 + exp(-x));
}
REFERENCE(softplus) {
    return isnan(x) ? x : fmax(x, 0) + log1p(exp(-fabs(x)));
}
REFERENCE(log_sigmoid) {
    return -reference_softplus(-x, p);
}
REFERENCE(relu) {
    double slope = p[0], maximum = p[1], threshold = p[2], y;
    if (slope != 0 && maximum == INFINITY && threshold == 0) return x > 0 ? x : slope * x;
    if (threshold != 0)
        y = x > threshold ? x : 0;
    else
        y = x < 0 ? 0 : x;
    if (maximum < INFINITY && !isnan(y)) y = fmin(fmax(y, 0), maximum);
    if (slope != 0) y -= slope * (threshold - x < 0 ? 0 : threshold - x);
    return y;
}
REFERENCE(relu6) {
    return x < 0 ? 0 : x > 6 ? 6 : x;
}
REFERENCE(elu) {
    return x > 0 ? x : p[0] * expm1(x);
}
REFERENCE(selu) {
    const double alpha = 1.6732632423543772848170429916717, scale = 1.0507009873554804934193349852946;
    return scale * (x > 0 ? x : alpha * expm1(x));
}
REFERENCE(celu) {
    return (x < 0 ? 0 : x) + p[0] * expm1((x > 0 ? 0 : x) / p[0]);
}
REFERENCE(softsign) {
    return x / (fabs(x) + 1);
}
REFERENCE(silu) {
    return x * reference_sigmoid(x, p);
}
REFERENCE(gelu_erf) {
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}
REFERENCE(gelu_tanh) {
    return 0.5 * x * (1 + tanh(sqrt(2 / PI) * (x + 0.044715 * x * x * x)));
}
REFERENCE(hard_sigmoid) {
    return reference_relu6(x + 3, p) / 6;
}
REFERENCE(hard_sigmoid_legacy) {
    return isnan(x) ? x : fmin(fmax(0.2 * x + 0.5, 0), 1);
}
REFERENCE(hard_silu) {
    return x * reference_hard_sigmoid(x, p);
}
REFERENCE(hard_tanh) {
    return x < -1 ? -1 : x > 1 ? 1 : x;
}
REFERENCE(float8_e4m3) {
    if (!isfinite(x)) return NAN;
    double step = ldexp(1, (fabs(x) < ldexp(1, -6) ? -6 : ilogb(x)) - 3);
    double y = nearbyint(fabs(x) / step) * step;
    return y > 448 ? NAN : copysign(y, x);
}
REFERENCE(float8_e5m2) {
    if (!isfinite(x)) return x;
    double step = ldexp(1, (fabs(x) < ldexp(1, -14) ? -14 : ilogb(x)) - 2);
    double y = nearbyint(fabs(x) / step) * step;
    return copysign(y > 57344 ? INFINITY : y, x);
}
REFERENCE(hard_shrink) {
    return fabs(x) > p[0] ? x : 0;
}
REFERENCE(soft_shrink) {
    return x > p[0] ? x - p[0] : x < -p[0] ? x + p[0] : 0;
}
REFERENCE(tanh_shrink) {
    return x - tanh(x);
}
REFERENCE(threshold) {
    return x > p[0] ? x : p[1];
}
REFERENCE(mish) {
    return x * tanh(reference_softplus(x, p));
}
REFERENCE(squareplus) {
    return (x + sqrt((double)(float)(x * x) + p[0])) / 2; /* the square overflows, as in Keras */
}
REFERENCE(sparse_plus) {
    return x <= -1 ? 0 : x < 1 ? 0.25 * (x + 1) * (x + 1) : x;
}
REFERENCE(sparse_sigmoid) {
    return x <= -1 ? 0 : x >= 1 ? 1 : 0.5 * (x + 1);
}

double hp_reference_unary(const hp_activation *op, double x) {
    const double p[4] = {op->params[0], op->params[1], op->params[2], op->params[3]};
    switch (op->op) {
#define UNARY(name, id, parameters)                                                                                    \
    case HP_UNARY_##id:                                                                                                \
        return reference_##name(x, p);
#include "kernels/unary.def"
#undef UNARY
    default:
        return NAN;
    }
}

/* `ulps`: units in the last place of the result. `slack`: units of 2^-24 |x| besides, for formulas that Keras computes
 * in float32 with a difference of nearly equal values. What is not here is exact. */
static const struct {
    double ulps, slack;
} tolerances[HP_UNARY_COUNT] = {
    [HP_UNARY_SQUARE] = {1, 0},
    [HP_UNARY_SQRT] = {1, 0},
    [HP_UNARY_RSQRT] = {2, 0},
    [HP_UNARY_RECIPROCAL] = {1, 0},
    [HP_UNARY_AFFINE] = {1, 4},
    [HP_UNARY_EXP] = {2, 0},
    [HP_UNARY_EXP2] = {3, 0},
    [HP_UNARY_EXPM1] = {2, 0},
    [HP_UNARY_LOG] = {2, 0},
    [HP_UNARY_LOG1P] = {2, 0},
    [HP_UNARY_LOG2] = {3, 0},
    [HP_UNARY_LOG10] = {3, 0},
    [HP_UNARY_SIN] = {3, 0},
    [HP_UNARY_COS] = {3, 0},
    [HP_UNARY_TAN] = {3, 0},
    [HP_UNARY_ASIN] = {3, 0},
    [HP_UNARY_ACOS] = {3, 0},
    [HP_UNARY_ATAN] = {3, 0},
    [HP_UNARY_SINH] = {3, 0},
    [HP_UNARY_COSH] = {3, 0},
    [HP_UNARY_TANH] = {2, 0},
    [HP_UNARY_ASINH] = {3, 0},
    [HP_UNARY_ACOSH] = {3, 0},
    [HP_UNARY_ATANH] = {3, 0},
    [HP_UNARY_ERF] = {2, 0},
    [HP_UNARY_ERFC] = {3, 0},
    [HP_UNARY_ERFINV] = {2, 0},
    [HP_UNARY_LGAMMA] = {1, 0},
    [HP_UNARY_DIGAMMA] = {1, 0},
    [HP_UNARY_BESSEL_I0E] = {1, 0},
    [HP_UNARY_BESSEL_I1E] = {1, 0},
    [HP_UNARY_SIGMOID] = {2, 0},
    [HP_UNARY_LOG_SIGMOID] = {3, 0},
    [HP_UNARY_RELU] = {2, 1},
    [HP_UNARY_ELU] = {3, 0},
    [HP_UNARY_SELU] = {3, 0},
    [HP_UNARY_CELU] = {4, 0},
    [HP_UNARY_SOFTPLUS] = {3, 0},
    [HP_UNARY_SOFTSIGN] = {2, 0},
    [HP_UNARY_SILU] = {8, 0},
    [HP_UNARY_GELU_ERF] = {3, 3},
    [HP_UNARY_GELU_TANH] = {4, 8},
    [HP_UNARY_HARD_SIGMOID] = {2, 1},
    [HP_UNARY_HARD_SIGMOID_LEGACY] = {2, 1},
    [HP_UNARY_HARD_SILU] = {3, 3},
    [HP_UNARY_SOFT_SHRINK] = {1, 0},
    [HP_UNARY_TANH_SHRINK] = {1, 4},
    [HP_UNARY_MISH] = {6, 0},
    [HP_UNARY_SQUAREPLUS] = {3, 4},
    [HP_UNARY_SPARSE_PLUS] = {3, 0},
    [HP_UNARY_SPARSE_SIGMOID] = {2, 0},
};

double hp_reference_unary_tolerance(hp_unary op, double x, double y) {
    double scale = isfinite(x) ? fabs(x) : 0;
    /* x times a factor that may be denormal, and so has few digits itself. */
    double denormal = tolerances[op].ulps > 2 ? 2 * 0x1p-149 * scale : 0;
    double tail = op == HP_UNARY_SILU ? 0x1p-121 : 0; /* see unary.inc */
    return tolerances[op].ulps * hp_check_ulp(y) + tolerances[op].slack * 0x1p-24 * scale + denormal + tail;
}

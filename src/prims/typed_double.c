/* typed_double.c: the elementwise functions of float64, by the C library's. See typed.h; what each computes is defined
 * by its line in kernels/unary.def and binary.def. Here correctness counts, not speed. Some numbers that TensorFlow keeps
 * as float32 are float32 here as well. */
#include "prims/typed_double.h"

#include <math.h>
#include "base/special.h"

#include "prims/typed_loops.h"

/* p: the operand, f[i]: the function's parameters. */
#define UNARY_OF(name, expression)                                                                                     \
    static void unary_##name(const hp_typed_call *c) {                                                                 \
        const double *f = c->params;                                                                                   \
        (void)f;                                                                                                       \
        HP_LOOP_1(double, double, expression)                                                                          \
    }

static const double selu_scale = 1.0507009873554804934193349852946;
static const double selu_alpha = 1.6732632423543772848170429916717;

static double sigmoid(double x) {
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}
static double softplus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}
static double clip(double x, double least, double most) {
    return x < least ? least : x > most ? most : x;
}
static double gelu_tanh(double x) {
    return 0.5 * x * (1 + tanh(0.7978845608028653558798921 * (x + (double)0.044715F * x * x * x)));
}
static double float8_e4m3(double x) {
    if (!(fabs(x) <= 464)) return NAN;
    double step = ldexp(1, (fabs(x) < 0.015625 ? -6 : ilogb(x)) - 3), y = rint(fabs(x) / step) * step;
    return y > 448 ? NAN : copysign(y, x);
}
static double float8_e5m2(double x) {
    if (!(fabs(x) < 61440)) return x != x ? x : copysign(INFINITY, x);
    double step = ldexp(1, (fabs(x) < 0x1p-14 ? -14 : ilogb(x)) - 2);
    return copysign(rint(fabs(x) / step) * step, x);
}
static double relu(double x, double slope, double most, double threshold) {
    return x >= most ? most : x >= threshold ? x : x != x ? x : slope * (x - threshold);
}

/* Newton's method on erf from a first guess by Winitzki's formula: each round doubles the right digits. Small x and
 * large ones are both well conditioned because 1 - |x| is exact where it is small. */
static double erfinv(double x) {
    if (x != x || fabs(x) > 1) return NAN;
    if (fabs(x) == 1) return copysign(INFINITY, x);
    double l = log1p(-x * x), t = 2 / (3.14159265358979323846 * 0.147) + l / 2;
    double z = sqrt(sqrt(t * t - l / 0.147) - t);
    double rest = 1 - fabs(x);
    for (int i = 0; i < 4; i++) {
        double off = fabs(x) < 0.5 ? erf(z) - fabs(x) : rest - erfc(z);
        double step = off / (1.12837916709551257390 * exp(-z * z));
        z -= step / (1 + z * step);
    }
    return copysign(z, x);
}

UNARY_OF(identity, p)
UNARY_OF(negative, -p)
UNARY_OF(absolute, fabs(p))
UNARY_OF(square, p *p)
UNARY_OF(sqrt, sqrt(p))
UNARY_OF(rsqrt, 1 / sqrt(p))
UNARY_OF(reciprocal, 1 / p)
UNARY_OF(sign, p > 0 ? 1 : p < 0 ? -1 : p)
UNARY_OF(floor, floor(p))
UNARY_OF(ceil, ceil(p))
UNARY_OF(trunc, trunc(p))
UNARY_OF(round, rint(p))
UNARY_OF(float8_e4m3, float8_e4m3(p))
UNARY_OF(float8_e5m2, float8_e5m2(p))
UNARY_OF(affine, p *f[0] + f[1])
UNARY_OF(clip, clip(p, f[0], f[1]))
UNARY_OF(exp, exp(p))
UNARY_OF(exp2, exp2(p))
UNARY_OF(expm1, expm1(p))
UNARY_OF(log, log(p))
UNARY_OF(log1p, log1p(p))
UNARY_OF(log2, log2(p))
UNARY_OF(log10, log10(p))
UNARY_OF(sin, sin(p))
UNARY_OF(cos, cos(p))
UNARY_OF(tan, tan(p))
UNARY_OF(asin, asin(p))
UNARY_OF(acos, acos(p))
UNARY_OF(atan, atan(p))
UNARY_OF(sinh, sinh(p))
UNARY_OF(cosh, cosh(p))
UNARY_OF(tanh, tanh(p))
UNARY_OF(asinh, asinh(p))
UNARY_OF(acosh, acosh(p))
UNARY_OF(atanh, atanh(p))
UNARY_OF(erf, erf(p))
UNARY_OF(erfc, erfc(p))
UNARY_OF(erfinv, erfinv(p))
UNARY_OF(lgamma, hp_log_gamma(p))
UNARY_OF(digamma, hp_digamma(p))
UNARY_OF(bessel_i0e, hp_bessel_i_scaled(0, p))
UNARY_OF(bessel_i1e, hp_bessel_i_scaled(1, p))
UNARY_OF(sigmoid, sigmoid(p))
UNARY_OF(log_sigmoid, -softplus(-p))
UNARY_OF(relu, relu(p, (double)(float)f[0], f[1], f[2]))
UNARY_OF(relu6, clip(p, 0, 6))
UNARY_OF(elu, p > 0 ? p : f[0] * expm1(p))
UNARY_OF(selu, selu_scale *(p > 0 ? p : selu_alpha * expm1(p)))
UNARY_OF(celu, (p > 0 ? p : 0) + f[0] * expm1((p < 0 ? p : p != p ? p : 0) / f[0]))
UNARY_OF(softplus, softplus(p))
UNARY_OF(softsign, isinf(p) ? NAN : p / (1 + fabs(p)))
UNARY_OF(silu, p *sigmoid(p))
UNARY_OF(gelu_erf, 0.5 * p * erfc(-p * (double)0.70710678118654752440F))
UNARY_OF(gelu_tanh, gelu_tanh(p))
UNARY_OF(hard_sigmoid, clip(p + 3, 0, 6) / 6)
UNARY_OF(hard_sigmoid_legacy, clip(0.2 * p + 0.5, 0, 1))
UNARY_OF(hard_silu, p *(clip(p + 3, 0, 6) / 6))
UNARY_OF(hard_tanh, clip(p, -1, 1))
UNARY_OF(hard_shrink, fabs(p) > f[0] ? p : 0)
UNARY_OF(soft_shrink, p > f[0] ? p - f[0] : p < -f[0] ? p + f[0] : 0)
UNARY_OF(tanh_shrink, p - tanh(p))
UNARY_OF(threshold, p > f[0] ? p : f[1])
UNARY_OF(mish, p *tanh(softplus(p)))
UNARY_OF(squareplus, (p + sqrt(p * p + f[0])) / 2)
UNARY_OF(sparse_plus, p <= -1 ? 0 : p < 1 ? 0.25 * (p + 1) * (p + 1) : p)
UNARY_OF(sparse_sigmoid, p <= -1 ? 0 : p >= 1 ? 1 : 0.5 * (p + 1))

hp_typed_function *hp_typed_double_unary(hp_unary op) {
    static hp_typed_function *const functions[HP_UNARY_COUNT] = {
#define UNARY(name, id, parameters) [HP_UNARY_##id] = unary_##name,
#include "kernels/unary.def"
#undef UNARY
    };
    return (unsigned)op < HP_UNARY_COUNT ? functions[op] : NULL;
}

static double maximum(double a, double b) {
    return a != a ? a : b != b ? b : a > b ? a : b;
}
static double minimum(double a, double b) {
    return a != a ? a : b != b ? b : a < b ? a : b;
}
/* floormod and floordiv of TensorFlow. */
static double mod(double a, double b) {
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

#define BINARY_OF(name, expression)                                                                                    \
    static void binary_##name(const hp_typed_call *c) {                                                                \
        HP_LOOP_2(double, double, double, expression)                                                                  \
    }
BINARY_OF(add, p + q)
BINARY_OF(subtract, p - q)
BINARY_OF(multiply, p *q)
BINARY_OF(divide, p / q)
BINARY_OF(maximum, maximum(p, q))
BINARY_OF(minimum, minimum(p, q))
BINARY_OF(power, pow(p, q))
BINARY_OF(floor_divide, floor(p / q))
BINARY_OF(mod, mod(p, q))
BINARY_OF(squared_difference, (p - q) * (p - q))
BINARY_OF(arctan2, atan2(p, q))
BINARY_OF(prelu, p >= 0 ? p : p * q)

hp_typed_function *hp_typed_double_binary(hp_binary op) {
    static hp_typed_function *const functions[HP_BINARY_COUNT] = {
#define BINARY(name, id) [HP_BINARY_##id] = binary_##name,
#include "kernels/binary.def"
#undef BINARY
    };
    return (unsigned)op < HP_BINARY_COUNT ? functions[op] : NULL;
}

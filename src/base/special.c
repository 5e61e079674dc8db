/* special.c: see special.h. Invariant: no variable outlives a call (lgamma of C writes signgam). */
#include "base/special.h"

#include <math.h>
#include <stddef.h>

static const double pi = 3.14159265358979323846;

enum { FAR = 10 }; /* from here on the asymptotic series below are right to the last digit */

/* The sum of factors[k] / x^(2k + 1). */
static double odd_powers(const double *factors, size_t count, double x) {
    double inverse = 1 / (x * x), sum = 0;
    for (size_t k = count; k-- > 0;) sum = sum * inverse + factors[k];
    return sum / x;
}

double hp_log_gamma(double x) {
    static const double stirling[] = {
        1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360, 1.0 / 156, -3617.0 / 122400};
    if (isnan(x)) return x;
    if (isinf(x) || (x <= 0 && x == floor(x))) return INFINITY;
    if (x < 0) return -log(fabs(sin(pi * (x - rint(x)))) / pi) - log(-x) - hp_log_gamma(-x);
    double product = 1;
    for (; x < FAR; x++) product *= x;
    double half_log_of_turn = 0.91893853320467274178;
    return (x - 0.5) * log(x) - x + half_log_of_turn + odd_powers(stirling, 8, x) - log(product);
}

double hp_digamma(double x) {
    static const double bernoulli[] = {
        -1.0 / 12, 1.0 / 120, -1.0 / 252, 1.0 / 240, -1.0 / 132, 691.0 / 32760, -1.0 / 12};
    if (isnan(x) || x == INFINITY) return x;
    if (isinf(x) || (x <= 0 && x == floor(x))) return NAN;
    if (x < 0) return hp_digamma(1 - x) - pi / tan(pi * (x - rint(x)));
    double sum = 0;
    for (; x < FAR; x++) sum -= 1 / x;
    return sum + log(x) - 0.5 / x + odd_powers(bernoulli, 7, x) / x;
}

double hp_bessel_i_scaled(int order, double x) {
    double size = fabs(x), sum = 0, term;
    if (isnan(x)) return x;
    if (size <= 30) { /* all of its terms are positive */
        term = order ? size / 2 : 1;
        for (int k = 1; term > sum * 1e-17; k++) {
            sum += term;
            term *= size * size / (4.0 * k * (k + order));
        }
        sum *= exp(-size);
    } else {
        term = 1;
        for (int k = 1; fabs(term) > 1e-17 && k < 60; k++) {
            sum += term;
            term *= -(4.0 * order - (2.0 * k - 1) * (2.0 * k - 1)) / (k * 8 * size);
        }
        sum /= sqrt(2 * pi * size);
    }
    return order && x < 0 ? -sum : sum;
}

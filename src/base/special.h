/* special.h: functions of mathematical physics that C's library lacks, or has with a variable of the process.
 *
 * All are pure and thread-safe, and right to about 1e-15 of the larger of 1 and the result. */
#ifndef HP_BASE_SPECIAL_H
#define HP_BASE_SPECIAL_H

/* log|gamma(x)|; infinite at 0, -1, -2 ... */
double hp_log_gamma(double x);
/* The derivative of log(gamma(x)); NaN at 0, -1, -2 ... */
double hp_digamma(double x);
/* exp(-|x|) I_order(x), the modified Bessel function of the first kind, of order 0 or 1. */
double hp_bessel_i_scaled(int order, double x);

#endif

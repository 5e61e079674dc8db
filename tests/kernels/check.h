/* check.h: what the kernel checker's files share: guarded buffers, random data, comparisons, timing.
 *
 * Invariant: every buffer that a kernel gets lies between two pages that may not be touched, flush with one of them,
 * and outputs begin as a pattern that must be gone where the kernel writes and still there where it must not. */
#ifndef HP_TESTS_KERNELS_CHECK_H
#define HP_TESTS_KERNELS_CHECK_H

#include "kernels/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- buffers --------------------------------------------------------------------------------------------------- */

/* Gives all buffers back and chooses which side the next ones are flush with (0: the end, 1: the start). */
void hp_check_reset(int side);
/* Random values begin again: a kernel is checked with the same ones alone and after others. */
void hp_check_seed(void);
/* n floats of random values in [-1, 1). */
float *hp_check_random(size_t n);
/* n floats of the pattern, an output. */
float *hp_check_output(size_t n);
float *hp_check_zeros(size_t n);
int32_t *hp_check_ints(size_t n);
float *hp_check_copy(const float *x, size_t n);

/* A float of the pattern: not written. */
bool hp_check_untouched(float x);
uint32_t hp_check_number(void); /* a pseudo-random number */
double hp_check_uniform(double low, double high);

/* ---- comparisons ----------------------------------------------------------------------------------------------- */

/* Counts a comparison; prints it if `good` is false. `format` says what was computed. */
void hp_check_that(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* got is `reference` rounded to float, give or take `tolerance`; NaN for NaN, infinity for infinity. */
bool hp_check_close(float got, double reference, double tolerance);
/* The distance between a float next to x and x. */
double hp_check_ulp(double x);
/* All of [rows][n] with strides the same bits? */
bool hp_check_same(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t rows, size_t n);
/* Between rows, [n, stride) still the pattern? */
bool hp_check_gaps(const float *y, size_t stride, size_t rows, size_t n);

/* An activation for a test, different for each i: the first ones run through identity, relu, relu6 and others. */
hp_activation hp_check_activation(size_t i);
/* The reference of a unary function, in double precision, and how far a kernel may be from it at x. */
double hp_reference_unary(const hp_activation *op, double x);
double hp_reference_unary_tolerance(hp_unary op, double x, double y);
/* activation(x) for a sum known within `error`: stores y, returns y's tolerance. */
double hp_check_activated(const hp_activation *op, double x, double error, double *y);

/* ---- timing ---------------------------------------------------------------------------------------------------- */

/* Best time in seconds of one call of run(context). */
double hp_bench_seconds(void (*run)(void *), void *context);
/* Prints a line: floating-point operations per call and what share of the peak, measured around this very run. */
void hp_bench_flops(const hp_kernels *k, const char *what, double flops, void (*run)(void *), void *context);
/* Prints a line: bytes per call. */
void hp_bench_bytes(const hp_kernels *k, const char *what, double bytes, void (*run)(void *), void *context);

/* A test and a benchmark for each line of kernels.def: a kernel without them does not link. */
#define KERNEL(returned, name, arguments)                                                                              \
    void hp_check_##name##_kernel(const hp_kernels *k);                                                                \
    void hp_bench_##name##_kernel(const hp_kernels *k);
#include "kernels/kernels.def"
#undef KERNEL

#endif

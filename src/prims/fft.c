/* fft.c: the primitive `fft`: the discrete Fourier transform of the last axis, of any length. See builder.h, hp_emit_fft.
 *
 * Lengths of factors 2, 3, 5 ... go by Cooley and Tukey's decomposition, with a plain sum for what is prime; computed in
 * double precision, so that the order of additions does not matter to a float32 result. */
#include <math.h>
#include <stdlib.h>

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/prim.h"
#include "prims/rowwise.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    (void)params;
    HP_FAIL_IF(
        input_count != 2 || output_count != 2, error, HP_ERROR_INTERNAL, NULL, "fft with %d inputs", input_count);
    const hp_shape *re = &inputs[0].shape;
    hp_dtype dtype = inputs[0].dtype;
    HP_FAIL_IF(
        (dtype != HP_FLOAT32 && dtype != HP_FLOAT64) || re->rank < 1 || (re->rows && re->rank == 1) ||
            (inputs[1].dtype != HP_DTYPE_NONE && (inputs[1].dtype != dtype || !hp_shape_equal(re, &inputs[1].shape))),
        error, HP_ERROR_SHAPE, NULL, "a Fourier transform needs two parts of one shape and dtype, float32 or float64");
    outputs[0] = outputs[1] = inputs[0];
    return HP_OK;
}

typedef struct complex_double {
    double re, im;
} complex_double;

typedef struct fft_state {
    hp_rowwise vectors;
    bool inverse, wide;    /* wide: float64 */
    complex_double *roots; /* exp(-2 pi i k / n) */
} fft_state;

static void release(void *state) {
    fft_state *s = state;
    if (s) free(s->roots);
    free(s);
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const double tau = 6.283185307179586476925;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    fft_state *s = HP_NEW(fft_state);
    HP_ALLOCATED(s, error);
    s->inverse = ((const hp_fft_params *)prepare->node->params)->inverse != 0;
    s->wide = x->dtype == HP_FLOAT64;
    hp_rowwise_plan(&s->vectors, &x->shape, 1);
    int64_t n = s->vectors.n;
    s->roots = calloc((size_t)n + 1, sizeof *s->roots);
    if (!s->roots) release(s);
    HP_FAIL_IF(!s->roots, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    for (int64_t k = 0; k < n; k++) {
        double angle = tau * (double)k / (double)n, re = cos(angle), im = sin(angle);
        if (4 * k % n ==
            0) { /* quarter turns exactly: the ends of a real signal's spectrum are real, and zeros have no sign */
            re = (double[]){1, 0, -1, 0}[4 * k / n];
            im = (double[]){0, 1, 0, -1}[4 * k / n];
        }
        s->roots[k] = (complex_double){re, (s->inverse ? 1 : -1) * im};
    }
    *state = s;
    return HP_OK;
}

static int64_t range(const void *state, int64_t rows) {
    return hp_rowwise_range(&((const fft_state *)state)->vectors, rows);
}

static size_t workspace(const void *state, int64_t rows) {
    (void)rows;
    return 3 * (size_t)((const fft_state *)state)->vectors.n * sizeof(complex_double); /* input, output, a column */
}

static int64_t least_factor(int64_t n) {
    if (n % 4 == 0) return 4;
    for (int64_t p = 2; p * p <= n; p++)
        if (n % p == 0) return p;
    return n;
}

/* y[0..n) = the transform of x[0], x[stride], ...; `all` is the length of the whole, for the roots. */
static void transform(
    const fft_state *s, int64_t n, const complex_double *x, int64_t stride, complex_double *y, complex_double *column) {
    int64_t all = s->vectors.n, step = all / n;
    if (n == 1) {
        y[0] = x[0];
        return;
    }
    int64_t p = least_factor(n), m = n / p;
    for (int64_t j = 0; j < p; j++) transform(s, m, x + j * stride, stride * p, y + j * m, column);
    for (int64_t k = 0; k < m; k++) {
        for (int64_t j = 0; j < p; j++) {
            complex_double root = s->roots[j * k * step], part = y[j * m + k];
            column[j] = (complex_double){part.re * root.re - part.im * root.im, part.re * root.im + part.im * root.re};
        }
        for (int64_t q = 0; q < p; q++) {
            complex_double sum = column[0];
            for (int64_t j = 1; j < p; j++) {
                complex_double root = s->roots[(j * q % p) * (all / p)];
                sum.re += column[j].re * root.re - column[j].im * root.im;
                sum.im += column[j].re * root.im + column[j].im * root.re;
            }
            y[q * m + k] = sum;
        }
    }
}

/* Element i of a part; 0 where there is none. */
static double number(const fft_state *s, const void *part, int64_t i) {
    if (!part) return 0;
    return s->wide ? ((const double *)part)[i] : (double)((const float *)part)[i];
}

static void store(const fft_state *s, void *part, int64_t i, double value) {
    if (s->wide)
        ((double *)part)[i] = value;
    else
        ((float *)part)[i] = (float)value;
}

static hp_status run_fft(const void *state, const hp_run *run) {
    const fft_state *s = state;
    int64_t begin, count = hp_rowwise_part(&s->vectors, run, &begin), n = s->vectors.n;
    complex_double *x = run->workspace, *y = x + n, *column = y + n;
    double scale = s->inverse ? 1 / (double)n : 1;
    for (int64_t v = begin; v < begin + count && n > 0; v++) {
        for (int64_t i = 0; i < n; i++)
            x[i] = (complex_double){number(s, run->inputs[0], v * n + i), number(s, run->inputs[1], v * n + i)};
        transform(s, n, x, 1, y, column);
        for (int64_t i = 0; i < n; i++) {
            store(s, run->outputs[0], v * n + i, y[i].re * scale);
            store(s, run->outputs[1], v * n + i, y[i].im * scale);
        }
    }
    return HP_OK;
}

const hp_prim hp_prim_fft = {.name = "fft",
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .range = range,
    .workspace = workspace,
    .run = run_fft};

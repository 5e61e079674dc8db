/* check_rows.c: reductions, softmax, normalisation, and moving of rows. */
#include "check.h"

#define LONGEST 700

/* Lengths that matter: around the vector, and long sums. */
static size_t lengths(const hp_kernels *k, size_t i) {
    const size_t v = k->vector_floats;
    const size_t list[] = {0, 1, 2, v - 1, v, v + 1, 2 * v - 1, 2 * v, 2 * v + 1, 3 * v + 2, 97, 4 * v, LONGEST - 1};
    return i < sizeof list / sizeof *list ? list[i] : SIZE_MAX;
}

/* ---- reductions ------------------------------------------------------------------------------------------------- */

/* Over n values, `step` apart; *tolerance for a float32 sum in any sensible order. */
static double reduce_reference(hp_reduce op, const float *x, size_t step, size_t n, double *tolerance) {
    double sum = 0, squares = 0, magnitude = 0, high = -INFINITY, low = INFINITY, product = 1, exponentials = 0;
    bool nan = false;
    for (size_t i = 0; i < n; i++) {
        double v = x[i * step];
        nan = nan || isnan(v);
        sum += v;
        squares += v * v;
        magnitude += fabs(v);
        high = fmax(high, v);
        low = fmin(low, v);
        product *= v;
    }
    for (size_t i = 0; i < n; i++) exponentials += isinf(high) ? exp(x[i * step]) : exp(x[i * step] - high);
    const double unit = 0x1p-24, depth = sqrt((double)n) + 8;
    *tolerance = 0;
    switch (op) {
    case HP_REDUCE_SUM:
        *tolerance = unit * depth * magnitude;
        return sum;
    case HP_REDUCE_MEAN:
        *tolerance = unit * depth * magnitude / (double)n;
        return n ? sum / (double)n : NAN;
    case HP_REDUCE_MAX:
        return nan ? NAN : high;
    case HP_REDUCE_MIN:
        return nan ? NAN : low;
    case HP_REDUCE_PRODUCT:
        *tolerance = unit * 2 * (double)n * fabs(product) + 0x1p-126;
        return product;
    case HP_REDUCE_SUM_SQUARES:
        *tolerance = unit * depth * squares;
        return squares;
    case HP_REDUCE_LOGSUMEXP:
        *tolerance = unit * (depth + 4 * (isfinite(high) ? fabs(high) : 0));
        return nan ? NAN : isinf(high) ? high : high + log(exponentials);
    default:
        return NAN;
    }
}

/* Values near 1, so that products live; sometimes something special among them. */
static float *reduce_input(size_t n, size_t variant) {
    static const float specials[] = {NAN, INFINITY, -INFINITY, 1e-41F};
    float *x = hp_check_random(n);
    for (size_t i = 0; i < n; i++) x[i] = (hp_check_number() & 1 ? 1 : -1) * (1 + 0.01F * x[i]);
    if (n && variant % 3 == 2) x[hp_check_number() % n] = specials[variant / 3 % 4];
    if (variant % 16 == 15)
        for (size_t i = 0; i < n; i++) x[i] = -INFINITY;
    return x;
}

void hp_check_reduce_rows_kernel(const hp_kernels *k) {
    size_t variant = 0, rows, n;
    for (size_t a = 0; (rows = lengths(k, a)) != SIZE_MAX; a++)
        for (size_t b = 0; (n = lengths(k, b)) < 100; b++)
            for (hp_reduce op = 0; op < HP_REDUCE_COUNT; op++, variant++) {
                hp_check_reset((int)variant & 1);
                const size_t stride = n + variant % 2;
                float *x = reduce_input(rows ? (rows - 1) * stride + n : 0, variant), *y = hp_check_output(n);
                k->reduce_rows(op, y, x, stride, rows, n);
                for (size_t i = 0; i < n; i++) {
                    double tolerance, reference = reduce_reference(op, x + i, stride, rows, &tolerance);
                    float alone;
                    k->reduce_rows(op, &alone, x + i, stride, rows, 1);
                    hp_check_that(hp_check_close(y[i], reference, tolerance) &&
                                      (isnan(alone) || memcmp(&alone, y + i, sizeof alone) == 0),
                        "%s reduce_rows %s %zux%zu: y[%zu] = %.9g, alone %.9g, should be %.9g +- %g", k->isa,
                        hp_reduce_names[op], rows, n, i, y[i], alone, reference, tolerance);
                }
            }
}

void hp_check_reduce_columns_kernel(const hp_kernels *k) {
    size_t variant = 0, n;
    for (int repeat = 0; repeat < 20; repeat++)
        for (size_t b = 0; (n = lengths(k, b)) != SIZE_MAX; b++)
            for (hp_reduce op = 0; op < HP_REDUCE_COUNT; op++, variant++) {
                hp_check_reset((int)variant & 1);
                const size_t rows = 3, stride = n + variant % 2;
                float *x = reduce_input((rows - 1) * stride + n, variant), *y = hp_check_output(rows);
                k->reduce_columns(op, y, x, stride, rows, n);
                for (size_t r = 0; r < rows; r++) {
                    double tolerance, reference = reduce_reference(op, x + r * stride, 1, n, &tolerance);
                    float alone;
                    k->reduce_columns(op, &alone, x + r * stride, stride, 1, n);
                    hp_check_that(hp_check_close(y[r], reference, tolerance) &&
                                      (isnan(alone) || memcmp(&alone, y + r, sizeof alone) == 0),
                        "%s reduce_columns %s n %zu: %.9g, should be %.9g +- %g", k->isa, hp_reduce_names[op], n, y[r],
                        reference, tolerance);
                }
            }
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

typedef void softmax_kernel(float *, size_t, const float *, size_t, size_t, size_t);

static void check_softmax_row(const hp_kernels *k, const float *x, const float *y, size_t n, bool is_log) {
    double high = -INFINITY, sum = 0;
    bool broken = false;
    for (size_t i = 0; i < n; i++) {
        broken = broken || isnan(x[i]) || x[i] == INFINITY;
        high = fmax(high, x[i]);
    }
    broken = broken || high == -INFINITY;
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - high);
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - high, reference = broken ? NAN : is_log ? d - log(sum) : exp(d) / sum;
        double tolerance =
            is_log ? 0x1p-23 * (8 + fabs(d)) : reference * 0x1p-24 * (16 + sqrt((double)n) + 4 * fabs(d)) + 0x1p-148;
        hp_check_that(hp_check_close(y[i], reference, tolerance), "%s %s n %zu: y[%zu] of %.9g = %.9g, should be %.9g",
            k->isa, is_log ? "log_softmax" : "softmax", n, i, x[i], y[i], reference);
    }
}

static void check_softmax(const hp_kernels *k, softmax_kernel *kernel, bool is_log) {
    size_t n, variant = 0;
    for (int repeat = 0; repeat < 16; repeat++)
        for (size_t a = 0; (n = lengths(k, a)) != SIZE_MAX; a++, variant++) {
            const size_t rows = 3, stride = n + variant % 2;
            const float spread = variant % 4 == 0 ? 1 : variant % 4 == 1 ? 30 : variant % 4 == 2 ? 1000 : 3e38F;
            hp_check_reset((int)variant & 1);
            float *x = hp_check_random((rows - 1) * stride + n), *y = hp_check_output((rows - 1) * stride + n);
            for (size_t i = 0; i < (rows - 1) * stride + n; i++) x[i] *= spread;
            if (n) { /* one special row */
                static const float specials[] = {-INFINITY, INFINITY, NAN, 88};
                x[stride + hp_check_number() % n] = specials[repeat % 4];
                for (size_t i = 0; i < n && repeat > 12; i++) x[stride + i] = -INFINITY;
            }
            kernel(y, stride, x, stride, rows, n);
            for (size_t r = 0; r < rows; r++) check_softmax_row(k, x + r * stride, y + r * stride, n, is_log);
            float *alone = hp_check_output(n);
            kernel(alone, n, x, stride, 1, n);
            bool same = hp_check_same(alone, n, y, stride, 1, n) && hp_check_gaps(y, stride, rows, n);
            kernel(x, stride, x, stride, rows, n);
            hp_check_that(same && hp_check_same(x, stride, y, stride, rows, n),
                "%s softmax n %zu: other bits alone or in place, or writes beyond", k->isa, n);
        }
}

void hp_check_softmax_kernel(const hp_kernels *k) {
    check_softmax(k, k->softmax, false);
}
void hp_check_log_softmax_kernel(const hp_kernels *k) {
    check_softmax(k, k->log_softmax, true);
}

/* ---- normalisation ---------------------------------------------------------------------------------------------- */

static void check_norm_row(const hp_kernels *k, const hp_norm *g, const float *x, const float *y, bool is_rms) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < g->n; i++) mean += is_rms ? 0 : x[i] / (double)g->n;
    for (size_t i = 0; i < g->n; i++) variance += (x[i] - mean) * (x[i] - mean) / (double)g->n;
    const double inverse = 1 / sqrt(variance + g->epsilon), centre = g->uncentered ? 0 : mean;
    for (size_t i = 0; i < g->n; i++) {
        double scale = g->scale ? g->scale[i] : 1, offset = g->offset ? g->offset[i] : 0;
        double reference = (x[i] - centre) * inverse * scale + offset;
        double tolerance = 0x1p-23 * (8 + sqrt((double)g->n)) *
                           ((fabs(x[i]) + fabs(centre) + 1) * inverse * fabs(scale) + fabs(offset));
        hp_check_that(hp_check_close(y[i], reference, tolerance), "%s %s n %zu: y[%zu] = %.9g, should be %.9g", k->isa,
            is_rms ? "rms_norm" : "layer_norm", g->n, i, y[i], reference);
    }
}

static void check_norm(const hp_kernels *k, void (*kernel)(const hp_norm *), bool is_rms) {
    size_t n;
    for (size_t a = 1; (n = lengths(k, a)) != SIZE_MAX; a++)
        for (int variant = 0; variant < 16; variant++) {
            hp_check_reset(variant & 1);
            const size_t rows = k->vector_floats + 2; /* so many at once, and some more */
            const size_t stride = n + (size_t)(variant >> 3), total = (rows - 1) * stride + n;
            float *x = hp_check_random(total), *y = hp_check_output(total), *alone = hp_check_output(n);
            for (size_t i = 0; i < total; i++) x[i] += 3;
            hp_norm g = {
                .y = y, .y_stride = stride, .x = x, .x_stride = stride, .rows = rows, .n = n, .epsilon = 1e-3F};
            g.uncentered = variant % 5 == 4;
            g.scale = variant & 2 ? hp_check_random(n) : NULL;
            g.offset = variant & 4 ? hp_check_random(n) : NULL;
            kernel(&g);
            for (size_t r = 0; r < rows; r++) check_norm_row(k, &g, x + r * stride, y + r * stride, is_rms);
            bool good = hp_check_gaps(y, stride, rows, n);
            g.rows = 1;
            g.y = alone;
            kernel(&g);
            good = good && hp_check_same(alone, n, y, stride, 1, n);
            g.rows = rows;
            g.y = x;
            kernel(&g);
            hp_check_that(good && hp_check_same(x, stride, y, stride, rows, n),
                "%s norm n %zu: other bits alone or in place, or writes beyond", k->isa, n);
        }
}

void hp_check_layer_norm_kernel(const hp_kernels *k) {
    check_norm(k, k->layer_norm, false);
}
void hp_check_rms_norm_kernel(const hp_kernels *k) {
    check_norm(k, k->rms_norm, true);
}

void hp_check_channel_affine_kernel(const hp_kernels *k) {
    size_t n;
    for (size_t a = 0; (n = lengths(k, a)) != SIZE_MAX; a++)
        for (size_t variant = 0; variant < 16; variant++) {
            hp_check_reset((int)variant & 1);
            const size_t rows = 3, stride = n + variant % 2, total = (rows - 1) * stride + n;
            float *x = hp_check_random(total), *y = hp_check_output(total);
            hp_channel_affine g = {.y = y, .y_stride = stride, .x = x, .x_stride = stride, .rows = rows, .n = n};
            g.scale = variant & 2 ? hp_check_random(n) : NULL;
            g.offset = variant & 4 ? hp_check_random(n) : NULL;
            g.activation = hp_check_activation(variant);
            if (n) x[0] = NAN, x[(rows - 1) * stride] = -INFINITY;
            k->channel_affine(&g);
            for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < n; i++) {
                    double scale = g.scale ? g.scale[i] : 1, offset = g.offset ? g.offset[i] : 0,
                           in = x[r * stride + i];
                    double value = in * scale + offset, reference,
                           error = isfinite(in) ? 0x1p-22 * (fabs(in * scale) + fabs(offset)) : 0;
                    double tolerance = hp_check_activated(&g.activation, value, error, &reference);
                    hp_check_that(hp_check_close(y[r * stride + i], reference, tolerance),
                        "%s channel_affine n %zu: %.9g, should be %.9g", k->isa, n, y[r * stride + i], reference);
                }
            bool good = hp_check_gaps(y, stride, rows, n);
            g.y = x;
            k->channel_affine(&g);
            hp_check_that(good && hp_check_same(x, stride, y, stride, rows, n),
                "%s channel_affine n %zu: other bits in place, or writes beyond", k->isa, n);
        }
}

/* ---- moving ----------------------------------------------------------------------------------------------------- */

void hp_check_transpose_kernel(const hp_kernels *k) {
    const size_t v = k->vector_floats, sizes[] = {0, 1, 3, v - 1, v, v + 1, 2 * v + 1, 15, 16, 17, 67};
    const size_t count = sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i < count * count; i++)
        for (int side = 0; side < 2; side++) {
            const size_t rows = sizes[i / count], n = sizes[i % count], x_stride = n + i % 2, y_stride = rows + i % 3;
            hp_check_reset(side);
            float *x = hp_check_random(rows ? (rows - 1) * x_stride + n : 0);
            float *y = hp_check_output(n ? (n - 1) * y_stride + rows : 0);
            k->transpose(y, y_stride, x, x_stride, rows, n);
            bool good = hp_check_gaps(y, y_stride, n, rows);
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < n; c++) good = good && y[c * y_stride + r] == x[r * x_stride + c];
            hp_check_that(good, "%s transpose %zux%zu", k->isa, rows, n);
        }
}

void hp_check_copy_rows_kernel(const hp_kernels *k) {
    size_t n;
    for (size_t a = 0; (n = lengths(k, a)) != SIZE_MAX; a++)
        for (size_t variant = 0; variant < 6; variant++) {
            hp_check_reset((int)variant & 1);
            const size_t rows = 5, x_stride = variant < 2 ? 0 : n + variant % 2, y_stride = n + variant % 3;
            float *x = hp_check_random((rows - 1) * x_stride + n), *y = hp_check_output((rows - 1) * y_stride + n);
            k->copy_rows(y, y_stride, x, x_stride, rows, n);
            hp_check_that(hp_check_same(y, y_stride, x, x_stride, rows, n) && hp_check_gaps(y, y_stride, rows, n),
                "%s copy_rows n %zu", k->isa, n);
        }
}

void hp_check_gather_rows_kernel(const hp_kernels *k) {
    size_t n;
    for (size_t a = 0; (n = lengths(k, a)) != SIZE_MAX; a++)
        for (size_t variant = 0; variant < 4; variant++) {
            hp_check_reset((int)variant & 1);
            const size_t rows = 7, stride = n + variant % 2, y_stride = n + variant / 2;
            float *table = hp_check_random(4 * stride + n), *y = hp_check_output((rows - 1) * y_stride + n);
            int32_t *index = hp_check_ints(rows);
            for (size_t r = 0; r < rows; r++) index[r] = (int32_t)((r * 3 + 4) % 6) - 1;
            k->gather_rows(y, y_stride, table, stride, index, rows, n);
            bool good = hp_check_gaps(y, y_stride, rows, n);
            for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < n; i++)
                    good = good && y[r * y_stride + i] == (index[r] < 0 ? 0 : table[(size_t)index[r] * stride + i]);
            hp_check_that(good, "%s gather_rows n %zu", k->isa, n);
        }
}

void hp_check_fill_kernel(const hp_kernels *k) {
    for (size_t n = 0; n < 70; n++) {
        hp_check_reset((int)n & 1);
        float *y = hp_check_output(n);
        bool good = true;
        k->fill(y, -3.5F, n);
        for (size_t i = 0; i < n; i++) good = good && y[i] == -3.5F;
        hp_check_that(good, "%s fill n %zu", k->isa, n);
    }
}

/* ---- benchmarks ------------------------------------------------------------------------------------------------- */

#define ROWS 64
#define N 256

struct bench {
    const hp_kernels *k;
    float *x, *y;
    int32_t *index;
    hp_reduce op;
};

static struct bench make_bench(const hp_kernels *k) {
    hp_check_reset(0);
    struct bench b = {
        .k = k, .x = hp_check_random(ROWS * N), .y = hp_check_output(ROWS * N), .index = hp_check_ints(ROWS)};
    for (int32_t i = 0; i < ROWS; i++) b.index[i] = i * 37 % ROWS;
    return b;
}

/* A benchmark of ROWS x N for each of these, with the kernel's call as the last argument. */
#define BENCH(name, bytes, call)                                                                                       \
    static void run_##name(void *context) {                                                                            \
        struct bench *b = context;                                                                                     \
        const hp_kernels *k = b->k;                                                                                    \
        call;                                                                                                          \
    }                                                                                                                  \
    void hp_bench_##name##_kernel(const hp_kernels *k) {                                                               \
        struct bench b = make_bench(k);                                                                                \
        hp_bench_bytes(k, #name " 64 x 256", (bytes)*ROWS *N, run_##name, &b);                                         \
    }
#define NORM                                                                                                           \
    { .y = b->y, .y_stride = N, .x = b->x, .x_stride = N, .rows = ROWS, .n = N, .epsilon = 1e-3F }
BENCH(softmax, 8.0, k->softmax(b->y, N, b->x, N, ROWS, N))
BENCH(log_softmax, 8.0, k->log_softmax(b->y, N, b->x, N, ROWS, N))
BENCH(layer_norm, 8.0, hp_norm g = NORM; k->layer_norm(&g))
BENCH(rms_norm, 8.0, hp_norm g = NORM; k->rms_norm(&g))
BENCH(transpose, 8.0, k->transpose(b->y, ROWS, b->x, N, ROWS, N))
BENCH(copy_rows, 8.0, k->copy_rows(b->y, N, b->x, N, ROWS, N - 1))
BENCH(gather_rows, 8.0, k->gather_rows(b->y, N, b->x, N, b->index, ROWS, N))
BENCH(fill, 4.0, k->fill(b->y, 1, ROWS *N))

static void run_affine(void *context) {
    struct bench *b = context;
    hp_channel_affine g = {
        .y = b->y, .y_stride = N, .x = b->x, .x_stride = N, .rows = ROWS, .n = N, .scale = b->x, .offset = b->x + N};
    b->k->channel_affine(&g);
}
void hp_bench_channel_affine_kernel(const hp_kernels *k) {
    struct bench b = make_bench(k);
    hp_bench_bytes(k, "channel_affine 64 x 256", 8.0 * ROWS * N, run_affine, &b);
}

static void run_reduce_rows(void *context) {
    struct bench *b = context;
    b->k->reduce_rows(b->op, b->y, b->x, N, ROWS, N);
}
static void run_reduce_columns(void *context) {
    struct bench *b = context;
    b->k->reduce_columns(b->op, b->y, b->x, N, ROWS, N);
}
static void bench_reduce(const hp_kernels *k, const char *kind, void (*run)(void *)) {
    for (hp_reduce op = 0; op < HP_REDUCE_COUNT; op++) {
        char what[64];
        struct bench b = make_bench(k);
        b.op = op;
        snprintf(what, sizeof what, "%s %s 64 x 256", kind, hp_reduce_names[op]);
        hp_bench_bytes(k, what, 4.0 * ROWS * N, run, &b);
    }
}
void hp_bench_reduce_rows_kernel(const hp_kernels *k) {
    bench_reduce(k, "reduce_rows", run_reduce_rows);
}
void hp_bench_reduce_columns_kernel(const hp_kernels *k) {
    bench_reduce(k, "reduce_columns", run_reduce_columns);
}

/* check_binary.c: binary and binary_rows, for every line of binary.def. */
#include "check.h"

#define REFERENCE(name) static double reference_##name(double a, double b)
REFERENCE(add) {
    return a + b;
}
REFERENCE(subtract) {
    return a - b;
}
REFERENCE(multiply) {
    return a * b;
}
REFERENCE(divide) {
    return a / b;
}
REFERENCE(maximum) {
    return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}
REFERENCE(minimum) {
    return isnan(a) || isnan(b) ? NAN : fmin(a, b);
}
REFERENCE(power) {
    return pow(a, b);
}
/* As TensorFlow, of the quotient in float32: floor would magnify its rounding. */
REFERENCE(floor_divide) {
    return floor((double)(float)(a / b));
}
REFERENCE(mod) {
    double m = fmod(a, b);
    return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}
REFERENCE(squared_difference) {
    return (a - b) * (a - b);
}
REFERENCE(arctan2) {
    return atan2(a, b);
}
REFERENCE(prelu) {
    return a >= 0 || isnan(a) ? a : a * b;
}

static double (*const references[HP_BINARY_COUNT])(double, double) = {
#define BINARY(name, id) reference_##name,
#include "kernels/binary.def"
#undef BINARY
};

static double tolerance_of(hp_binary op, double a, double b, double y) {
    double base = 1.01 * hp_check_ulp(y);
    switch (op) {
    case HP_BINARY_POWER:
    case HP_BINARY_ARCTAN2:
        return 2 * base;
    case HP_BINARY_MOD:
        return base + hp_check_ulp(b);
    case HP_BINARY_SQUARED_DIFFERENCE:
        return 3 * base + 4 * hp_check_ulp(a - b) * fabs(a - b);
    default:
        return base;
    }
}

static const float specials[] = {
    0, -0.0F, 1, -1, 0.5F, 3, -3, 7, 1e-40F, -1e-40F, 3e38F, -3e38F, INFINITY, -INFINITY, NAN, 1e10F, 0.3F, 2};
#define SPECIALS (sizeof specials / sizeof *specials)
#define POINTS 20011

void hp_check_binary_kernel(const hp_kernels *k) {
    for (hp_binary op = 0; op < HP_BINARY_COUNT; op++) {
        hp_check_reset((int)op % 2);
        float *a = hp_check_random(POINTS), *b = hp_check_random(POINTS), *y = hp_check_output(POINTS);
        for (size_t i = 0; i < POINTS; i++) {
            if (i % 2) a[i] *= 8, b[i] *= 8;
            if (i < SPECIALS * SPECIALS) a[i] = specials[i / SPECIALS], b[i] = specials[i % SPECIALS];
        }
        k->binary(op, y, a, 1, b, 1, POINTS);
        for (size_t i = 0; i < POINTS; i++) {
            double reference = references[op](a[i], b[i]);
            hp_check_that(hp_check_close(y[i], reference, tolerance_of(op, a[i], b[i], reference)),
                "%s %s(%.9g, %.9g) = %.9g, should be %.9g", k->isa, hp_binary_names[op], a[i], b[i], y[i], reference);
        }
    }
}

/* Every step and length against single values; in place too. */
static void check_steps(const hp_kernels *k, hp_binary op, size_t n, size_t a_step, size_t b_step) {
    const size_t rows = 3, stride = n + 1, total = (rows - 1) * stride + n;
    float *a = hp_check_random(a_step ? total : rows), *b = hp_check_random(b_step ? n : 1);
    float *y = hp_check_output(total);
    hp_binary_rows g = {.op = op,
        .y = y,
        .y_stride = stride,
        .a = a,
        .a_stride = a_step ? stride : 1,
        .a_step = a_step,
        .b = b, /* the same for every row */
        .b_step = b_step,
        .rows = rows,
        .n = n};
    k->binary_rows(&g);
    bool same = hp_check_gaps(y, stride, rows, n);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) {
            float alone;
            k->binary(op, &alone, a + r * g.a_stride + i * a_step, 1, b + i * b_step, 1, 1);
            same = same && memcmp(&alone, y + r * stride + i, sizeof alone) == 0;
        }
    if (a_step) {
        g.y = a;
        k->binary_rows(&g);
        same = same && hp_check_same(a, stride, y, stride, rows, n);
    }
    hp_check_that(same, "%s binary_rows %s: n %zu, steps %zu %zu: differs from single values or writes beyond", k->isa,
        hp_binary_names[op], n, a_step, b_step);
}

void hp_check_binary_rows_kernel(const hp_kernels *k) {
    for (hp_binary op = 0; op < HP_BINARY_COUNT; op++)
        for (size_t n = 0; n <= 2 * k->vector_floats + 1; n++)
            for (int steps = 0; steps < 8; steps++) {
                hp_check_reset(steps >> 2);
                check_steps(k, op, n, steps & 1, steps >> 1 & 1);
            }
}

struct bench {
    const hp_kernels *k;
    hp_binary_rows g;
};

static void run_binary(void *context) {
    struct bench *b = context;
    b->k->binary(b->g.op, b->g.y, b->g.a, 1, b->g.b, b->g.b_step, b->g.n);
}

static void run_binary_rows(void *context) {
    struct bench *b = context;
    b->k->binary_rows(&b->g);
}

void hp_bench_binary_kernel(const hp_kernels *k) {
    for (hp_binary op = 0; op < HP_BINARY_COUNT; op++) {
        char what[64];
        hp_check_reset(0);
        struct bench b = {.k = k, .g = {.op = op, .n = 2048, .b_step = 1}};
        b.g.a = hp_check_random(b.g.n), b.g.b = hp_check_random(b.g.n), b.g.y = hp_check_output(b.g.n);
        snprintf(what, sizeof what, "binary %s, 2048 values", hp_binary_names[op]);
        hp_bench_bytes(k, what, 12.0 * (double)b.g.n, run_binary, &b);
    }
}

void hp_bench_binary_rows_kernel(const hp_kernels *k) {
    hp_check_reset(0);
    struct bench b = {.k = k, .g = {.op = HP_BINARY_ADD, .rows = 64, .n = 60, .y_stride = 60, .a_stride = 60}};
    b.g.a_step = b.g.b_step = 1;
    b.g.a = hp_check_random(3840), b.g.b = hp_check_random(60), b.g.y = hp_check_output(3840);
    hp_bench_bytes(k, "binary_rows add, 64 x 60 + 60", 8.0 * 3840, run_binary_rows, &b);
}

/* check_unary.c: unary and unary_rows, for every line of unary.def. */
#include "check.h"

/* Every exponent, sign and NaN; dense where activations bend. */
#define POINTS (65536 + 160000)

static float point(size_t i) {
    uint32_t bits;
    float x;
    if (i < 65536) {
        bits = (uint32_t)i << 16 | (i % 3 ? hp_check_number() & 0xffff : 0);
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    return (float)hp_check_uniform(-12, 12);
}

/* Two settings per function with parameters. */
static hp_activation with_parameters(hp_unary op, int setting) {
    hp_activation a = {.op = op};
    switch (op) {
    case HP_UNARY_AFFINE:
        a.params[0] = setting ? -1.5F : 0.0039F, a.params[1] = setting ? 3 : -0.5F;
        break;
    case HP_UNARY_CLIP:
        a.params[0] = setting ? -INFINITY : -0.75F, a.params[1] = setting ? 2 : INFINITY;
        break;
    case HP_UNARY_ELU:
    case HP_UNARY_CELU:
        a.params[0] = setting ? 0.3F : 1;
        break;
    case HP_UNARY_HARD_SHRINK:
    case HP_UNARY_SOFT_SHRINK:
        a.params[0] = setting ? 2 : 0.5F;
        break;
    case HP_UNARY_THRESHOLD:
        a.params[0] = setting ? -1 : 1, a.params[1] = setting ? 20 : -3;
        break;
    case HP_UNARY_SQUAREPLUS:
        a.params[0] = setting ? 0.5F : 4;
        break;
    default:
        break;
    }
    return a;
}

static const float relu_settings[][3] = {{0, INFINITY, 0}, {0, 6, 0}, {0.1F, INFINITY, 0}, {0.1F, 3, 0},
    {0, INFINITY, 1}, {0.2F, INFINITY, 0.5F}, {0.2F, 4, 1.5F}, {0, INFINITY, -1}, {0, 2, -1}};

static void check_points(const hp_kernels *k, const hp_activation *op) {
    float *x = hp_check_random(POINTS), *y = hp_check_output(POINTS);
    for (size_t i = 0; i < POINTS; i++) x[i] = point(i);
    x[POINTS - 1] = 0.0624469444F; /* where the roundings of tanh add up the most without fused multiply-adds */
    k->unary(op, y, x, POINTS);
    for (size_t i = 0; i < POINTS; i++) {
        double reference = hp_reference_unary(op, x[i]);
        double tolerance = hp_reference_unary_tolerance(op->op, x[i], reference);
        hp_check_that(hp_check_close(y[i], reference, tolerance),
            "%s %s(%.9g; %g %g %g) = %.9g, should be %.9g (%g ulp)", k->isa, hp_unary_names[op->op], x[i],
            op->params[0], op->params[1], op->params[2], y[i], reference,
            fabs(y[i] - reference) / hp_check_ulp(reference));
    }
}

/* Rows of every length, in place or not: the same bits as the long run, and nothing beyond them. */
static void check_shapes(const hp_kernels *k, const hp_activation *op) {
    const size_t rows = 3, longest = 4 * k->vector_floats + 3;
    for (int side = 0; side < 2; side++)
        for (size_t n = 0; n <= longest; n++) {
            hp_check_reset(side);
            const size_t stride = n + 2, total = (rows - 1) * stride + n;
            float *x = hp_check_random(total), *y = hp_check_output(total), *line = hp_check_output(n);
            k->unary_rows(op, y, stride, x, stride, rows, n);
            bool same = hp_check_gaps(y, stride, rows, n);
            for (size_t r = 0; r < rows; r++) {
                k->unary(op, line, x + r * stride, n);
                same = same && hp_check_same(line, n, y + r * stride, stride, 1, n);
                for (size_t i = 0; i < n; i++) { /* a value alone */
                    float alone;
                    k->unary(op, &alone, x + r * stride + i, 1);
                    same = same && memcmp(&alone, line + i, sizeof alone) == 0;
                }
            }
            k->unary_rows(op, x, stride, x, stride, rows, n);
            same = same && hp_check_same(x, stride, y, stride, rows, n);
            hp_check_that(
                same, "%s unary_rows %s: n %zu differs by shape or writes beyond", k->isa, hp_unary_names[op->op], n);
        }
}

void hp_check_unary_kernel(const hp_kernels *k) {
    for (hp_unary op = 0; op < HP_UNARY_COUNT; op++) {
        const int settings = op == HP_UNARY_RELU ? (int)(sizeof relu_settings / sizeof *relu_settings)
                                                 : (hp_unary_parameters[op] ? 2 : 1);
        for (int setting = 0; setting < settings; setting++) {
            hp_activation a = with_parameters(op, setting);
            if (op == HP_UNARY_RELU) memcpy(a.params, relu_settings[setting], sizeof relu_settings[setting]);
            hp_check_reset(setting % 2);
            check_points(k, &a);
        }
    }
}

void hp_check_unary_rows_kernel(const hp_kernels *k) {
    for (hp_unary op = 0; op < HP_UNARY_COUNT; op++) {
        hp_activation a = with_parameters(op, 0);
        if (op == HP_UNARY_RELU) a = (hp_activation){HP_UNARY_RELU, {0.1F, 0.5F, 0.25F, 0}};
        check_shapes(k, &a);
    }
}

struct bench {
    const hp_kernels *k;
    hp_activation op;
    float *y, *x;
    size_t stride, rows, n;
};

static void run_unary(void *context) {
    struct bench *b = context;
    b->k->unary(&b->op, b->y, b->x, b->n);
}

static void run_unary_rows(void *context) {
    struct bench *b = context;
    b->k->unary_rows(&b->op, b->y, b->stride, b->x, b->stride, b->rows, b->n);
}

void hp_bench_unary_kernel(const hp_kernels *k) {
    for (hp_unary op = 0; op < HP_UNARY_COUNT; op++) {
        char what[64];
        hp_check_reset(0);
        struct bench b = {.k = k, .op = with_parameters(op, 0), .n = 2048};
        b.x = hp_check_random(b.n), b.y = hp_check_output(b.n);
        snprintf(what, sizeof what, "unary %s, 2048 values", hp_unary_names[op]);
        hp_bench_bytes(k, what, 8.0 * (double)b.n, run_unary, &b);
    }
}

void hp_bench_unary_rows_kernel(const hp_kernels *k) {
    hp_check_reset(0);
    struct bench b = {.k = k, .op = {HP_UNARY_TANH, {0}}, .stride = 64, .rows = 96, .n = 16};
    b.x = hp_check_random(b.rows * b.stride), b.y = hp_check_output(b.rows * b.stride);
    hp_bench_bytes(k, "unary_rows tanh, 96 x 16 of 64", 8.0 * (double)(b.rows * b.n), run_unary_rows, &b);
}

/* check_gemm.c: gemm_packed_size, gemm_pack, gemm_scale, gemm, fma_peak. */
#include "check.h"

struct shape {
    size_t m, n, k;
};

#define BENCH_VARIANT SIZE_MAX /* bias and relu, rows side by side */

struct operands {
    float *a, *b, *packed, *residual;
    size_t a_stride, c_stride;
    hp_gemm g;
};

static void pack(const hp_kernels *k, struct operands *o, const struct shape *s, bool transposed) {
    o->packed = hp_check_output(k->gemm_packed_size(s->k, s->n));
    if (!transposed) {
        k->gemm_pack(o->packed, o->b, s->n, 1, s->k, s->n);
        return;
    }
    float *turned = hp_check_zeros(s->k * s->n);
    for (size_t i = 0; i < s->k; i++)
        for (size_t j = 0; j < s->n; j++) turned[j * s->k + i] = o->b[i * s->n + j];
    k->gemm_pack(o->packed, turned, 1, s->k, s->k, s->n);
}

/* `variant` runs through the epilogues. */
static struct operands make(const hp_kernels *k, const struct shape *s, size_t variant) {
    const bool bench = variant == BENCH_VARIANT;
    struct operands o = {.a_stride = s->k + (bench ? 0 : variant % 3), .c_stride = s->n + (bench ? 0 : variant % 2)};
    if (bench) variant = 1;
    o.a = hp_check_random(s->m ? (s->m - 1) * o.a_stride + s->k : 0);
    o.b = hp_check_random(s->k * s->n);
    pack(k, &o, s, variant % 4 == 3);
    const size_t size = s->m ? (s->m - 1) * o.c_stride + s->n : 0;
    o.g = (hp_gemm){.m = s->m,
        .n = s->n,
        .k = s->k,
        .a = o.a,
        .a_stride = o.a_stride,
        .b = o.packed,
        .c_stride = o.c_stride,
        .column_end = s->n};
    o.g.epilogue.activation = hp_check_activation(variant);
    if (variant % 2) o.g.epilogue.bias = hp_check_random(s->n);
    if (variant % 5 > 2) {
        o.residual = hp_check_random(size);
        o.g.epilogue.residual = o.residual;
        o.g.epilogue.residual_stride = o.c_stride;
    }
    o.g.c = hp_check_output(size);
    return o;
}

static void check_values(const hp_kernels *k, const struct operands *o, const struct shape *s) {
    const hp_epilogue *e = &o->g.epilogue;
    for (size_t r = 0; r < s->m; r++)
        for (size_t j = 0; j < s->n; j++) {
            double sum = e->bias ? e->bias[j] : 0, magnitude = fabs(sum), y;
            for (size_t i = 0; i < s->k; i++) {
                double term = (double)o->a[r * o->a_stride + i] * o->b[i * s->n + j];
                sum += term;
                magnitude += fabs(term);
            }
            double rest = e->residual ? o->residual[r * o->c_stride + j] : 0;
            double error = 0x1p-23 * (sqrt((double)s->k) + 4) * (magnitude + fabs(rest));
            double tolerance = hp_check_activated(&e->activation, sum + rest, error, &y);
            hp_check_that(hp_check_close(o->g.c[r * o->c_stride + j], y, tolerance),
                "%s gemm %zux%zux%zu %s: C[%zu][%zu] = %.9g, should be %.9g +- %g", k->isa, s->m, s->n, s->k,
                hp_unary_names[e->activation.op], r, j, o->g.c[r * o->c_stride + j], y, tolerance);
        }
    hp_check_that(hp_check_gaps(o->g.c, o->c_stride, s->m, s->n), "%s gemm %zux%zux%zu writes beyond its columns",
        k->isa, s->m, s->n, s->k);
}

/* Rows one at a time and in uneven parts, columns panel by panel, residual in place: the same bits. */
static void check_splits(const hp_kernels *k, const struct operands *o, const struct shape *s) {
    const size_t parts[] = {1, 2, k->gemm_mr - 1, k->gemm_mr + 3};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        float *c = hp_check_output((s->m - 1) * o->c_stride + s->n);
        for (size_t r = 0, count; r < s->m; r += count) {
            count = s->m - r < parts[p] ? s->m - r : parts[p];
            hp_gemm g = o->g;
            g.m = count;
            g.a += r * o->a_stride;
            g.c = c + r * o->c_stride;
            if (g.epilogue.residual) g.epilogue.residual += r * o->c_stride;
            if (p == 3 && g.epilogue.residual) { /* the residual is C itself */
                for (size_t i = 0; i < count; i++)
                    memcpy(g.c + i * o->c_stride, o->residual + (r + i) * o->c_stride, s->n * sizeof *c);
                g.epilogue.residual = g.c;
            }
            for (g.column_begin = 0; g.column_begin < s->n; g.column_begin = g.column_end) {
                g.column_end = g.column_begin + (1 + p % 3) * k->gemm_nr;
                if (g.column_end > s->n) g.column_end = s->n;
                k->gemm(&g);
            }
        }
        hp_check_that(hp_check_same(c, o->c_stride, o->g.c, o->c_stride, s->m, s->n),
            "%s gemm %zux%zux%zu: other bits in parts of %zu rows", k->isa, s->m, s->n, s->k, parts[p]);
    }
}

static void check_shape(const hp_kernels *k, struct shape s) {
    static size_t variant;
    for (int side = 0; side < 2; side++) {
        hp_check_reset(side);
        struct operands o = make(k, &s, variant++);
        k->gemm(&o.g);
        check_values(k, &o, &s);
        if (s.m && s.n) check_splits(k, &o, &s);
    }
}

/* NaN and infinity stay in their row and column; denormals count. */
static void check_special(const hp_kernels *k, size_t n) {
    struct shape s = {k->gemm_mr + 1, n, 37};
    hp_check_reset(0);
    struct operands o = make(k, &s, 1); /* relu and bias */
    float *a = o.a;
    a[2 * o.a_stride + 5] = NAN;
    a[3 * o.a_stride + 36] = INFINITY;
    for (size_t i = 0; i < s.k; i++) a[4 * o.a_stride + i] = 1e-41F;
    k->gemm(&o.g);
    for (size_t r = 0; r < s.m; r++)
        for (size_t j = 0; j < n; j++) {
            double sum = o.g.epilogue.bias[j], y = o.g.c[r * o.c_stride + j];
            for (size_t i = 0; i < s.k; i++) sum += (double)a[r * o.a_stride + i] * o.b[i * n + j];
            double reference = hp_reference_unary(&o.g.epilogue.activation, sum);
            hp_check_that(hp_check_close((float)y, reference, 1e-4), "%s gemm n %zu: C[%zu][%zu] = %g, should be %g",
                k->isa, n, r, j, y, reference);
        }
}

/* A packed B of one panel serves a smaller k: the same as if its first rows were packed. */
static void check_prefix(const hp_kernels *k, size_t n) {
    struct shape whole = {11, n, 37};
    struct operands o = {0};
    hp_check_reset(0);
    o.b = hp_check_random(whole.k * n);
    pack(k, &o, &whole, false);
    float *a = hp_check_random(whole.m * whole.k), *c = hp_check_output(whole.m * n),
          *same = hp_check_output(whole.m * n);
    for (size_t some = 0; some <= whole.k; some += 9) {
        hp_gemm g = {.m = whole.m, .n = n, .k = some, .a = a, .a_stride = whole.k, .b = o.packed, .c = c};
        g.c_stride = g.column_end = n;
        k->gemm(&g);
        struct shape part = {whole.m, n, some};
        struct operands p = {.b = o.b};
        pack(k, &p, &part, false);
        g.b = p.packed;
        g.c = same;
        k->gemm(&g);
        hp_check_that(
            hp_check_same(c, n, same, n, whole.m, n), "%s gemm n %zu: the first %zu rows of B", k->isa, n, some);
    }
}

void hp_check_gemm_kernel(const hp_kernels *k) {
    const size_t v = k->vector_floats, mr = k->gemm_mr, nr = k->gemm_nr;
    const size_t ms[] = {0, 1, mr - 1, mr, mr + 1, 8, 13, 97};
    const size_t ns[] = {0, 1, 2, 3, 4, 5, v - 1, v, v + 1, v + v / 2, v + v / 2 + 1, 2 * v, 2 * v + 1, 2 * v + v / 2,
        3 * v, nr - 1, nr, nr + 1, 2 * nr + v + 3};
    const size_t ks[] = {0, 1, 3, v - 1, v, v + 1, 64, 131};
    for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
        for (size_t j = 0; j < sizeof ns / sizeof *ns; j++)
            for (size_t l = 0; l < sizeof ks / sizeof *ks; l++)
                if (ms[i] < 97 || ks[l] <= 64) check_shape(k, (struct shape){ms[i], ns[j], ks[l]});
    /* Sums in several pieces, blocks of rows, several of both. */
    for (size_t n = 1; n <= 2 * nr + 1; n += nr / 2) {
        check_shape(k, (struct shape){mr + 2, n, 768});
        check_shape(k, (struct shape){mr + 2, n, 769});
        check_shape(k, (struct shape){7, n, 2049});
        check_shape(k, (struct shape){193, n, 801});
    }
    /* Short sums in several blocks. */
    for (size_t n = v; n <= nr + v; n += nr) check_shape(k, (struct shape){571, n, 90});
    for (size_t n = 1; n <= nr + 1; n += 3) check_special(k, n);
    for (size_t n = HP_GEMM_PREFIX_COLUMNS; n <= nr; n++) check_prefix(k, n);
}

void hp_check_gemm_packed_size_kernel(const hp_kernels *k) {
    for (size_t n = 0; n < 70; n++)
        for (size_t i = 0; i < 70; i += 23)
            hp_check_that(k->gemm_packed_size(i, n) >= i * n, "%s gemm_packed_size(%zu, %zu)", k->isa, i, n);
}

/* Both ways of giving B pack the same bytes, every float of the size is written, nothing else (guard pages). */
void hp_check_gemm_pack_kernel(const hp_kernels *k) {
    for (size_t n = 1; n <= 2 * k->gemm_nr + 1; n++)
        for (int side = 0; side < 2; side++) {
            struct shape s = {0, n, n % 7 + 1};
            struct operands a = {0}, b = {0};
            hp_check_reset(side);
            a.b = b.b = hp_check_random(s.k * n);
            pack(k, &a, &s, false);
            pack(k, &b, &s, true);
            const size_t size = k->gemm_packed_size(s.k, n);
            bool same = hp_check_same(a.packed, size, b.packed, size, 1, size);
            for (size_t i = 0; i < size; i++) same = same && !hp_check_untouched(a.packed[i]);
            hp_check_that(same, "%s gemm_pack k %zu n %zu", k->isa, s.k, n);
        }
}

/* Packed rows times their factors are scaled rows that are packed. */
void hp_check_gemm_scale_kernel(const hp_kernels *k) {
    for (size_t n = 1; n <= 2 * k->gemm_nr + 1; n++)
        for (int side = 0; side < 2; side++) {
            hp_check_reset(side);
            const struct shape s = {1, n, 1 + n % 19};
            struct operands o = {.b = hp_check_random(s.k * n)};
            pack(k, &o, &s, false);
            const size_t size = k->gemm_packed_size(s.k, n);
            float *factors = hp_check_random(s.k), *scaled = hp_check_output(size);
            k->gemm_scale(scaled, o.packed, factors, s.k, n);
            for (size_t i = 0; i < s.k * n; i++) o.b[i] *= factors[i / n];
            pack(k, &o, &s, false);
            bool same = true; /* but for the sign of zeros in the padding */
            for (size_t i = 0; i < size; i++) same = same && scaled[i] == o.packed[i];
            hp_check_that(same, "%s gemm_scale k %zu n %zu", k->isa, s.k, n);
        }
}

void hp_check_fma_peak_kernel(const hp_kernels *k) {
    hp_check_that(k->fma_peak(10) > 0 && k->fma_peak(20) == 2 * k->fma_peak(10), "%s fma_peak", k->isa);
}

/* ---- benchmarks ------------------------------------------------------------------------------------------------- */

struct bench {
    const hp_kernels *k;
    struct operands o;
};

static void run_gemm(void *context) {
    struct bench *b = context;
    b->k->gemm(&b->o.g);
}

void hp_bench_gemm_kernel(const hp_kernels *k) {
    static const struct shape shapes[] = {{4800, 768, 784}, {960, 528, 512}, {960, 192, 64}, {960, 64, 64},
        {960, 64, 10}, {960, 512, 4096}, {48, 512, 512}, {960, 10, 512}, {960, 1, 64}, {960, 3, 64}, {1, 512, 512},
        {1, 1000, 2048}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct shape s = shapes[i];
        char what[64];
        hp_check_reset(1); /* flush with the start of a page: aligned, as buffers of a plan are */
        struct bench b = {k, make(k, &s, BENCH_VARIANT)};
        snprintf(what, sizeof what, "gemm M %zu N %zu K %zu, bias and relu", s.m, s.n, s.k);
        hp_bench_flops(k, what, 2.0 * (double)(s.m * s.n * s.k), run_gemm, &b);
    }
}

static void run_pack(void *context) {
    struct bench *b = context;
    b->k->gemm_pack(b->o.packed, b->o.b, b->o.g.n, 1, b->o.g.k, b->o.g.n);
}

void hp_bench_gemm_pack_kernel(const hp_kernels *k) {
    struct shape s = {1, 512, 512};
    struct bench b = {k, make(k, &s, BENCH_VARIANT)};
    hp_bench_bytes(k, "gemm_pack 512 x 512", 8.0 * 512 * 512, run_pack, &b);
}

static void run_scale(void *context) {
    struct bench *b = context;
    b->k->gemm_scale(b->o.packed, b->o.packed, b->o.a, b->o.g.k, b->o.g.n);
}

void hp_bench_gemm_scale_kernel(const hp_kernels *k) {
    struct shape s = {1, 112, 672};
    struct bench b = {k, make(k, &s, BENCH_VARIANT)};
    hp_bench_bytes(k, "gemm_scale 672 x 112", 8.0 * 672 * 112, run_scale, &b);
}

void hp_bench_gemm_packed_size_kernel(const hp_kernels *k) {
    (void)k;
} /* a formula */

static void run_peak(void *context) {
    ((struct bench *)context)->k->fma_peak(10000);
}

void hp_bench_fma_peak_kernel(const hp_kernels *k) {
    struct bench b = {.k = k};
    hp_bench_flops(k, "fma_peak", k->fma_peak(10000), run_peak, &b);
}

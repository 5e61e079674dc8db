/* check_attention.c: attention_weights. */
#include "check.h"

static bool visible(const hp_attention_weights *g, size_t r, size_t i) {
    return (!g->mask || g->mask[r * g->mask_stride + i]) && (!g->causal || i <= g->first + r);
}

/* One row against the definition. x: the scores, y: what became of them. A NaN that counts spoils the sum. */
static void check_row(const hp_kernels *k, const hp_attention_weights *g, size_t r, const float *x, const float *y) {
    const double scale = (double)g->scale;
    double highest = -INFINITY, sum = 0;
    bool all_hidden = true, broken = false;
    for (size_t i = 0; i < g->n; i++) all_hidden = all_hidden && !visible(g, r, i);
    for (size_t i = 0; i < g->n; i++) {
        broken = broken || (isnan(x[i]) && (visible(g, r, i) || g->hidden == HP_HIDDEN_OFFSET));
        if (visible(g, r, i)) highest = fmax(highest, scale * x[i]);
    }
    for (size_t i = 0; i < g->n; i++) {
        /* A score less 1e9 keeps no more than its multiples of 64: these are all one. */
        double e = all_hidden ? 1 : visible(g, r, i) ? exp(scale * x[i] - highest) : 0;
        double weight = all_hidden && g->hidden == HP_HIDDEN_ZERO ? 0 : e;
        double tolerance = weight * 0x1p-23 * (8 + 2 * fabs(scale * x[i]) + 2 * fabs(highest));
        hp_check_that(broken || hp_check_close(y[i], weight, tolerance),
            "%s attention_weights n %zu mode %d: y[%zu] of %.9g = %.9g, should be %.9g", k->isa, g->n, (int)g->hidden,
            i, x[i], y[i], weight);
        sum += e;
    }
    hp_check_that(hp_check_close(g->inverse[r], broken ? NAN : 1 / sum, 0x1p-23 * (16 + sqrt((double)g->n)) / sum),
        "%s attention_weights n %zu mode %d: 1 / sum is %.9g, should be %.9g", k->isa, g->n, (int)g->hidden,
        g->inverse[r], 1 / sum);
}

static void check_case(const hp_kernels *k, size_t n, size_t variant) {
    const size_t rows = 5, stride = n + variant % 2, total = (rows - 1) * stride + n;
    hp_check_reset((int)variant & 1);
    float *x = hp_check_random(total), *before = hp_check_copy(x, total), *inverse = hp_check_output(rows);
    hp_attention_weights g = {.scores = x,
        .stride = stride,
        .rows = rows,
        .n = n,
        .scale = variant % 3 ? 0.25F : 3,
        .causal = variant / 2 % 2,
        .first = variant % 5 * n / 4,
        .hidden = (hp_hidden)(variant % 3),
        .inverse = inverse};
    if (variant / 4 % 3) {
        const size_t mask_rows = variant / 4 % 3 == 1 ? 1 : rows, bytes = (mask_rows - 1) * n + n;
        unsigned char *mask = (unsigned char *)hp_check_output(bytes / 4 + 1);
        mask += variant & 1 ? 0 : (bytes / 4 + 1) * 4 - bytes; /* flush with the forbidden page */
        for (size_t i = 0; i < bytes; i++) mask[i] = hp_check_number() % 3 ? 1 : 0;
        if (variant % 7 == 0) memset(mask, 0, n);
        g.mask = mask;
        g.mask_stride = mask_rows > 1 ? n : 0;
    }
    if (variant % 11 == 10) before[n / 2] = x[n / 2] = NAN;
    k->attention_weights(&g);
    for (size_t r = 0; r < rows; r++) check_row(k, &g, r, before + r * stride, x + r * stride);
    bool good = true;
    for (size_t r = 0; r + 1 < rows && stride > n; r++) good = good && x[r * stride + n] == before[r * stride + n];
    for (size_t r = 0; r < rows; r++) { /* a row alone */
        float one, *alone = hp_check_copy(before + r * stride, n);
        hp_attention_weights single = g;
        single.scores = alone;
        single.rows = 1;
        single.inverse = &one;
        single.first += r;
        if (g.mask) single.mask += r * g.mask_stride;
        k->attention_weights(&single);
        good = good && (variant % 11 == 10 || (hp_check_same(alone, n, x + r * stride, n, 1, n) && one == inverse[r]));
    }
    hp_check_that(good, "%s attention_weights n %zu: other bits for a row alone, or writes beyond", k->isa, n);
}

void hp_check_attention_weights_kernel(const hp_kernels *k) {
    const size_t v = k->vector_floats;
    const size_t sizes[] = {1, 2, v - 1, v, v + 1, 2 * v, 2 * v + 3, 3 * v, 4 * v - 1, 4 * v, 4 * v + 1, 97, 6 * v + 5};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t variant = 0; variant < 132; variant++) check_case(k, sizes[i], variant);
}

struct bench {
    const hp_kernels *k;
    hp_attention_weights g;
    const float *scores;
};

static void run(void *context) {
    struct bench *b = context;
    memcpy(b->g.scores, b->scores, b->g.rows * b->g.n * sizeof(float));
    b->k->attention_weights(&b->g);
}

void hp_bench_attention_weights_kernel(const hp_kernels *k) {
    for (int causal = 0; causal < 2; causal++)
        for (size_t n = 64; n <= 512; n *= 8) {
            char what[64];
            hp_check_reset(0);
            struct bench b = {.k = k, .g = {.rows = 48, .n = n, .stride = n, .scale = 0.25F, .causal = causal}};
            b.scores = hp_check_random(48 * n);
            b.g.scores = hp_check_output(48 * n);
            b.g.inverse = hp_check_output(48);
            snprintf(what, sizeof what, "attention_weights 48 x %zu%s", n, causal ? ", causal" : "");
            hp_bench_bytes(k, what, 8.0 * 48 * (double)n, run, &b);
        }
}

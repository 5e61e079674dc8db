/* check_attention.c: attention_weights, attention. */
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

/* ---- attention */

/* Operands of a head, apart by more than their rows; one value is `odd`. */
typedef struct head_case {
    hp_attention g;
    size_t output; /* floats of y */
} head_case;

static head_case make_head(const hp_kernels *k, size_t queries, size_t keys, size_t key_size, size_t value_size) {
    const size_t strides[] = {key_size + 3, key_size + 1, value_size + 2, value_size + 5};
    head_case c = {.g = {.query_stride = strides[0],
                       .key_stride = strides[1],
                       .value_stride = strides[2],
                       .y_stride = strides[3],
                       .queries = queries,
                       .keys = keys,
                       .key_size = key_size,
                       .value_size = value_size,
                       .scale = 2}};
    c.g.query = hp_check_random(queries ? (queries - 1) * strides[0] + key_size : 0);
    c.g.key = hp_check_random(keys ? (keys - 1) * strides[1] + key_size : 0);
    c.g.value = hp_check_random(keys ? (keys - 1) * strides[2] + value_size : 0);
    c.output = queries ? (queries - 1) * strides[3] + value_size : 0;
    c.g.y = hp_check_output(c.output);
    c.g.workspace = hp_check_output(k->attention_workspace(keys, key_size, value_size));
    return c;
}

/* y of one query, by the definition; `slack`: how much a rounding of the largest score's size may change it. */
static void reference_query(const hp_attention *g, size_t r, double *y, double *slack) {
    const size_t seen = g->causal && g->first + r + 1 < g->keys ? g->first + r + 1 : g->keys;
    double highest = -INFINITY, lowest = INFINITY, total = 0, score[1500];
    for (size_t k = 0; k < seen; k++) {
        score[k] = 0;
        for (size_t i = 0; i < g->key_size; i++)
            score[k] += (double)g->scale * g->query[r * g->query_stride + i] * g->key[k * g->key_stride + i];
        highest = fmax(highest, score[k]);
        lowest = fmin(lowest, score[k]);
    }
    for (size_t j = 0; j < g->value_size; j++) y[j] = 0;
    for (size_t k = 0; k < seen; k++) {
        const double weight = exp(score[k] - highest);
        total += weight;
        for (size_t j = 0; j < g->value_size; j++) y[j] += weight * g->value[k * g->value_stride + j];
    }
    for (size_t j = 0; j < g->value_size && seen; j++) y[j] /= total;
    *slack = seen ? 0x1p-23 * (16 + 2 * fabs(highest) + 2 * fabs(lowest)) : 0;
}

static void check_head(const hp_kernels *k, const head_case *c) {
    const hp_attention *g = &c->g;
    double y[128], slack;
    k->attention(g);
    for (size_t r = 0; r < g->queries; r++) {
        reference_query(g, r, y, &slack);
        for (size_t j = 0; j < g->value_size; j++)
            hp_check_that(hp_check_close(g->y[r * g->y_stride + j], y[j], slack),
                "%s attention %zu queries, %zu keys of %zu and %zu%s: y[%zu][%zu] = %.9g, should be %.9g", k->isa,
                g->queries, g->keys, g->key_size, g->value_size, g->causal ? ", causal" : "", r, j,
                g->y[r * g->y_stride + j], y[j]);
    }
    bool same = hp_check_gaps(g->y, g->y_stride, g->queries, g->value_size);
    for (size_t r = 0; r < g->queries; r += k->gemm_nr) { /* the queries of a panel alone */
        hp_attention part = *g;
        float *alone = hp_check_output(c->output);
        part.query += r * g->query_stride;
        part.queries = 1 + (g->queries - r - 1) % k->gemm_nr;
        part.first += r;
        part.y = alone;
        k->attention(&part);
        same =
            same && hp_check_same(alone, g->y_stride, g->y + r * g->y_stride, g->y_stride, part.queries, g->value_size);
    }
    hp_check_that(same, "%s attention %zu queries, %zu keys: other bits for a part, or writes beyond", k->isa,
        g->queries, g->keys);
}

void hp_check_attention_kernel(const hp_kernels *k) {
    const size_t nr = k->gemm_nr, block = 8192 / nr;
    const size_t counts[] = {1, 2, k->vector_floats, nr - 1, nr, nr + 1, 2 * nr + 5};
    const size_t keys[] = {0, 1, 2, 7, 65, block, block + 1, block + 70};
    const size_t sizes[][2] = {{16, 16}, {1, 1}, {5, 7}, {32, 66}, {0, 3}, {3, 0}};
    int side = 0;
    for (size_t q = 0; q < sizeof counts / sizeof *counts; q++)
        for (size_t n = 0; n < sizeof keys / sizeof *keys; n++)
            for (size_t s = 0; s < (n < 5 ? 6 : 2); s++)
                for (int causal = 0; causal < 2; causal++) {
                    hp_check_reset(side ^= 1);
                    head_case c = make_head(k, counts[q], keys[n], sizes[s][0], sizes[s][1]);
                    c.g.causal = causal;
                    c.g.first = n % 3 * 40;
                    check_head(k, &c);
                }
}

/* Scores that are not finite, as in TensorFlow: -infinity beside others counts for 0, and what is nothing but -infinity, NaN
 * or infinity gives NaN. In the block that comes first and in a later one. */
static void check_odd_scores(const hp_kernels *k) {
    const size_t keys = 8192 / k->gemm_nr + 50;
    for (size_t at = 3; at < keys; at += keys - 8)
        for (int variant = 0; variant < 4; variant++) {
            hp_check_reset(variant & 1);
            head_case c = make_head(k, k->gemm_nr, keys, 1, 4);
            float *query = (float *)c.g.query, *key = (float *)c.g.key;
            const float odd[] = {-INFINITY, INFINITY, NAN, -INFINITY};
            for (size_t r = 0; r < c.g.queries; r++) query[r * c.g.query_stride] = 1;
            for (size_t n = 0; n < keys; n++)
                if (n == at || variant == 3) key[n * c.g.key_stride] = odd[variant];
            k->attention(&c.g);
            if (variant == 0) key[at * c.g.key_stride] = -1e4F;
            double y[4], slack;
            reference_query(&c.g, 0, y, &slack);
            bool good = true;
            for (size_t j = 0; j < 4; j++)
                good = good && (variant == 0 ? fabs(c.g.y[j] - y[j]) < 1e-5 : isnan(c.g.y[j]));
            hp_check_that(good, "%s attention: key %zu scores %g: y = %g, should be %g", k->isa, at, odd[variant],
                c.g.y[0], y[0]);
        }
}

void hp_check_attention_workspace_kernel(const hp_kernels *k) {
    hp_check_that(k->attention_workspace(3, 4, 5) == 12 * k->gemm_nr &&
                      k->attention_workspace(100000, 4, 5) == 8192 + 9 * k->gemm_nr,
        "%s attention_workspace", k->isa);
    check_odd_scores(k);
}

/* ---- benchmarks */

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

struct head_bench {
    const hp_kernels *k;
    hp_attention g;
};

static void run_head(void *context) {
    struct head_bench *b = context;
    b->k->attention(&b->g);
}

void hp_bench_attention_kernel(const hp_kernels *k) {
    static const size_t shapes[][2] = {{64, 16}, {512, 16}, {128, 64}, {1024, 64}, {50, 24}}; /* places, head size */
    for (size_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        char what[64];
        const size_t n = shapes[i / 2][0], size = shapes[i / 2][1];
        hp_check_reset(0);
        head_case c = make_head(k, n, n, size, size);
        struct head_bench b = {k, c.g};
        b.g.causal = i % 2;
        snprintf(what, sizeof what, "attention %zu x %zu, head size %zu%s", n, n, size, i % 2 ? ", causal" : "");
        hp_bench_flops(k, what, 4.0 * (double)(n * n * size) / (i % 2 ? 2 : 1), run_head, &b);
    }
}

void hp_bench_attention_workspace_kernel(const hp_kernels *k) {
    (void)k;
}

/* The primitive attention against its definition in double precision, on every ISA, in every tiling and split. */
#include "prims/attention.h"
#include "unit/prim_runner.h"

enum { ROWS = 5 };

/* One case: sizes, where the operands lie, and what the mask looks like. */
typedef struct shape_case {
    int64_t queries, keys, heads, key_heads, key_size, value_size;
    int together;  /* query, key and value are parts of one tensor */
    int mask_axes; /* bit 0: items, 1: heads, 2: queries; -1: no mask */
    int causal;
    hp_hidden hidden;
} shape_case;

static const shape_case cases[] = {
    {7, 7, 1, 1, 4, 16, 0, -1, 0, HP_HIDDEN_LOWEST},
    {1, 3, 2, 2, 5, 3, 0, -1, 0, HP_HIDDEN_LOWEST},
    {64, 64, 4, 4, 16, 16, 1, -1, 0, HP_HIDDEN_LOWEST},
    {25, 25, 6, 2, 8, 8, 0, -1, 1, HP_HIDDEN_LOWEST},
    {97, 131, 2, 1, 16, 66, 0, -1, 1, HP_HIDDEN_LOWEST},
    {131, 131, 1, 1, 7, 20, 1, -1, 1, HP_HIDDEN_ZERO},
    {200, 600, 1, 1, 16, 16, 0, -1, 0, HP_HIDDEN_LOWEST},
    {24, 30, 2, 2, 4, 2, 0, 0, 0, HP_HIDDEN_ZERO},
    {24, 30, 2, 2, 4, 9, 0, 1, 0, HP_HIDDEN_LOWEST},
    {23, 17, 3, 3, 4, 16, 0, 2, 1, HP_HIDDEN_ZERO},
    {23, 17, 4, 2, 4, 16, 0, 5, 0, HP_HIDDEN_OFFSET},
    {26, 70, 2, 1, 4, 16, 0, 7, 1, HP_HIDDEN_LOWEST},
    {26, 70, 2, 1, 4, 16, 0, 4, 0, HP_HIDDEN_ZERO},
    {0, 3, 1, 1, 2, 2, 0, -1, 0, HP_HIDDEN_LOWEST},
    {3, 0, 1, 1, 2, 2, 0, -1, 0, HP_HIDDEN_LOWEST},
};

typedef struct operands {
    const float *query, *key, *value;
    int64_t query_width, key_width, value_width; /* from one place to the next */
    const unsigned char *mask;
} operands;

static int visible(const shape_case *c, const operands *o, int64_t item, int64_t head, int64_t query, int64_t key) {
    if (c->causal && key > query) return 0;
    if (!o->mask) return 1;
    int64_t queries = c->mask_axes & 4 ? c->queries : 1, heads = c->mask_axes & 2 ? c->heads : 1;
    int64_t at = c->mask_axes & 1 ? item : 0;
    at = at * heads + (c->mask_axes & 2 ? head : 0);
    at = at * queries + (c->mask_axes & 4 ? query : 0);
    return o->mask[at * c->keys + key];
}

/* One query of one head: value_size sums. */
static void attend(const shape_case *c, const operands *o, int64_t item, int64_t head, int64_t query, double *y) {
    double *weight = calloc((size_t)c->keys + 1, sizeof *weight), highest = -INFINITY, sum = 0;
    int64_t key_head = head / (c->heads / c->key_heads);
    const float *q = o->query + (item * c->queries + query) * o->query_width + head * c->key_size;
    int any = 0;
    for (int64_t s = 0; s < c->keys; s++) any |= visible(c, o, item, head, query, s);
    for (int64_t s = 0; s < c->keys; s++) {
        const float *k = o->key + (item * c->keys + s) * o->key_width + key_head * c->key_size;
        for (int64_t i = 0; i < c->key_size; i++) weight[s] += 0.5 * (double)q[i] * (double)k[i];
        if (!any)
            weight[s] = 0; /* all the same; less 1e9 nothing else is left of them either */
        else if (!visible(c, o, item, head, query, s))
            weight[s] = -INFINITY;
        if (weight[s] > highest) highest = weight[s];
    }
    for (int64_t s = 0; s < c->keys; s++) sum += weight[s] = exp(weight[s] - highest);
    for (int64_t i = 0; i < c->value_size; i++) y[i] = 0;
    for (int64_t s = 0; s < c->keys && (any || c->hidden != HP_HIDDEN_ZERO); s++) {
        const float *v = o->value + (item * c->keys + s) * o->value_width + key_head * c->value_size;
        for (int64_t i = 0; i < c->value_size; i++) y[i] += weight[s] / sum * (double)v[i];
    }
    free(weight);
}

static double *expected(const shape_case *c, const operands *o) {
    int64_t width = c->heads * c->value_size;
    double *y = calloc((size_t)(ROWS * c->queries * width) + 1, sizeof *y);
    for (int64_t item = 0; item < ROWS; item++)
        for (int64_t t = 0; t < c->queries; t++)
            for (int64_t h = 0; h < c->heads; h++)
                attend(c, o, item, h, t, y + (item * c->queries + t) * width + h * c->value_size);
    return y;
}

static unsigned char *random_mask(size_t n, size_t keys) {
    unsigned char *mask = malloc(n + 1);
    float *x = random_floats(n, 9);
    for (size_t i = 0; i < n; i++) mask[i] = x[i] > -0.3F;
    memset(mask, 0, keys < n ? keys : n); /* one row that sees nothing */
    free(x);
    return mask;
}

static hp_attention_params params_of(const shape_case *c) {
    return (hp_attention_params){.heads = c->heads,
        .key_heads = c->key_heads,
        .key_size = c->key_size,
        .value_size = c->value_size,
        .scale = 0.5F,
        .hidden = c->hidden,
        .causal = c->causal};
}

static void check_case(const hp_kernels *kernels, const shape_case *c) {
    runner r;
    runner_start(&r, kernels);
    hp_attention_params params = params_of(c);
    int64_t sizes[3] = {c->heads * c->key_size, c->key_heads * c->key_size, c->key_heads * c->value_size};
    int64_t places[3] = {c->queries, c->keys, c->keys};
    hp_value values[4] = {0, 0, 0, HP_NO_VALUE};
    float *data[3];
    operands o = {0};
    int count = c->together ? 1 : 3;
    if (c->together) {
        params.key_offset = sizes[0];
        params.value_offset = sizes[0] + sizes[1];
        sizes[0] += sizes[1] + sizes[2];
    }
    for (int i = 0; i < count; i++) {
        values[i] = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, places[i], sizes[i]});
        data[i] = random_floats((size_t)(ROWS * places[i] * sizes[i]), (unsigned)i);
    }
    for (int i = count; i < 3; i++) {
        values[i] = values[0];
        data[i] = data[0];
        sizes[i] = sizes[0];
    }
    o.query = data[0], o.query_width = sizes[0];
    o.key = data[1] + params.key_offset, o.key_width = sizes[1];
    o.value = data[2] + params.value_offset, o.value_width = sizes[2];
    unsigned char *mask = NULL;
    if (c->mask_axes >= 0) {
        int64_t dims[4] = {1, c->mask_axes & 2 ? c->heads : 1, c->mask_axes & 4 ? c->queries : 1, c->keys};
        size_t n = (size_t)(dims[1] * dims[2] * dims[3]);
        if (c->mask_axes & 1) n *= ROWS;
        o.mask = mask = random_mask(n, (size_t)c->keys);
        values[3] =
            c->mask_axes & 1 ? runner_input(&r, HP_BOOL, 4, dims) : hp_emit_literal(&r.b, HP_BOOL, 4, dims, mask);
    }
    hp_value y = hp_emit_attention(&r.b, values[0], values[1], values[2], values[3], &params);
    const void *inputs[4] = {data[0], c->together ? (const void *)mask : data[1], data[2], mask};
    float *got = runner_run_all_ways(&r, inputs, ROWS, y);
    double *want = expected(c, &o);
    assert_close(got, want, (size_t)(ROWS * c->queries * c->heads * c->value_size), 3e-6);
    free(got), free(want), free(mask);
    for (int i = 0; i < count; i++) free(data[i]);
    runner_end(&r);
}

static void all_cases(const hp_kernels *kernels) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_case(kernels, &cases[i]);
}

static void test_cases(void **state) {
    (void)state;
    runner_each_isa(all_cases);
}

/* What does not fit is refused by the shape rule. */
static void refused(hp_attention_params params, int64_t width, int64_t keys, int64_t values, int64_t mask_keys) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value q = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 5, width});
    hp_value k = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, keys, width});
    hp_value v = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, values, width}), mask = HP_NO_VALUE;
    if (mask_keys) mask = runner_input(&r, HP_BOOL, 4, (int64_t[]){1, 1, 5, mask_keys});
    hp_emit_attention(&r.b, q, k, v, mask, &params);
    assert_int_not_equal(r.b.status, HP_OK);
    runner_end(&r);
}

static void test_refused(void **state) {
    (void)state;
    const hp_attention_params good = {.heads = 4, .key_heads = 2, .key_size = 3, .value_size = 3, .scale = 1};
    hp_attention_params p = good;
    refused(good, 11, 7, 7, 0); /* 12 are read */
    refused(good, 12, 7, 6, 0);
    refused(good, 12, 7, 7, 6);
    p.key_heads = 3;
    refused(p, 12, 7, 7, 0);
    p = good, p.query_offset = 1;
    refused(p, 12, 7, 7, 0);
    p = good, p.value_offset = -1;
    refused(p, 12, 7, 7, 0);
    p = good, p.scale = -1;
    refused(p, 12, 7, 7, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

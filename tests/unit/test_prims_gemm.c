/* gemm and matmul against a naive product in double precision. */
#include "prims/linear.h"
#include "unit/prim_runner.h"

static double relu(double x) {
    return x > 0 ? x : 0;
}

/* x[m][k] times w (as it lies, or transposed) + bias + residual, under relu where asked. */
static double *naive_gemm(size_t m, size_t n, size_t k, const float *x, const float *w, bool transpose_w,
    const float *bias, const float *residual, bool activate) {
    double *y = malloc((m * n + 1) * sizeof *y);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = bias ? (double)bias[j] : 0;
            for (size_t l = 0; l < k; l++) sum += (double)x[i * k + l] * (double)w[transpose_w ? j * k + l : l * n + j];
            if (residual) sum += (double)residual[i * n + j];
            y[i * n + j] = activate ? relu(sum) : sum;
        }
    return y;
}

static void one_gemm(const hp_kernels *kernels, int64_t rows, int64_t inner, int64_t k, int64_t n) {
    runner r;
    runner_start(&r, kernels);
    float *w, *bias;
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, inner, k});
    hp_value wv = runner_random(&r, 2, (int64_t[]){k, n}, 1, &w);
    hp_value bv = runner_random(&r, 1, (int64_t[]){n}, 2, &bias);
    hp_value y = hp_emit_gemm(&r.b, x, wv, bv);
    runner_check(&r);
    assert_int_equal(hp_builder_shape(&r.b, y)->dims[2], n);
    float *data = random_floats((size_t)(rows * inner * k), 3);
    float *out = runner_run_all_ways(&r, (const void *[]){data}, rows, y);
    double *wanted = naive_gemm((size_t)(rows * inner), (size_t)n, (size_t)k, data, w, false, bias, NULL, false);
    assert_close(out, wanted, (size_t)(rows * inner * n), 1e-5);
    free(w), free(bias), free(data), free(out), free(wanted);
    runner_end(&r);
}

static void gemm_sizes(const hp_kernels *kernels) {
    static const int64_t sizes[][4] = {{1, 1, 1, 1}, {5, 1, 3, 7}, {13, 3, 17, 65}, {2, 1, 300, 1000}, {97, 1, 10, 64},
        {4, 5, 129, 33}, {200, 1, 64, 1}, {1, 1, 1000, 257}, {3, 1, 0, 5}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        one_gemm(kernels, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
}

static void test_gemm(void **state) {
    (void)state;
    runner_each_isa(gemm_sizes);
}

/* A node with everything: transposed weights, bias, residual, activation. */
static void gemm_epilogue(const hp_kernels *kernels) {
    enum { ROWS = 29, K = 19, N = 70 };
    runner r;
    runner_start(&r, kernels);
    float *w, *bias;
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, K});
    hp_value residual = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, N});
    hp_value wv = runner_random(&r, 2, (int64_t[]){N, K}, 1, &w);
    hp_value bv = runner_random(&r, 1, (int64_t[]){N}, 2, &bias), y;
    hp_linear_params params = {.activation = {HP_UNARY_RELU, {0, INFINITY, 0, 0}}, .transpose_w = 1};
    hp_emit_node(&r.b, &hp_prim_gemm, &params, sizeof params, (hp_value[]){x, wv, bv, residual}, 4, &y, 1);
    float *data = random_floats(ROWS * K, 3), *data2 = random_floats(ROWS * N, 4);
    float *out = runner_run_all_ways(&r, (const void *[]){data, data2}, ROWS, y);
    double *wanted = naive_gemm(ROWS, N, K, data, w, true, bias, data2, true);
    assert_close(out, wanted, ROWS * N, 1e-5);
    assert_true(hp_node_is_linear(&r.graph.nodes[0]));
    assert_int_equal(hp_node_column_axis(&r.graph, &r.graph.nodes[0]), 0);
    free(w), free(bias), free(data), free(data2), free(out), free(wanted);
    runner_end(&r);
}

static void test_gemm_epilogue(void **state) {
    (void)state;
    runner_each_isa(gemm_epilogue);
}

/* w computed by a node, the same for every row: packed when it runs. */
static void gemm_computed(const hp_kernels *kernels) {
    enum { ROWS = 11, K = 9, N = 21 };
    runner r;
    runner_start(&r, kernels);
    float *a, *c;
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, K});
    hp_value av = runner_random(&r, 2, (int64_t[]){K, 4}, 1, &a);
    hp_value cv = runner_random(&r, 2, (int64_t[]){4, N}, 2, &c);
    hp_value y = hp_emit_gemm(&r.b, x, hp_emit_gemm(&r.b, av, cv, HP_NO_VALUE), HP_NO_VALUE);
    float *data = random_floats(ROWS * K, 3);
    float *out = runner_run_all_ways(&r, (const void *[]){data}, ROWS, y);
    double *w = naive_gemm(K, N, 4, a, c, false, NULL, NULL, false);
    float narrow[K * N];
    for (size_t i = 0; i < K * N; i++) narrow[i] = (float)w[i];
    double *wanted = naive_gemm(ROWS, N, K, data, narrow, false, NULL, NULL, false);
    assert_close(out, wanted, ROWS * N, 1e-5);
    free(a), free(c), free(data), free(out), free(w), free(wanted);
    runner_end(&r);
}

static void test_gemm_computed(void **state) {
    (void)state;
    runner_each_isa(gemm_computed);
}

static void expect_refused(runner *r, hp_value value, hp_status status, const char *text) {
    assert_int_equal(value, HP_NO_VALUE);
    assert_int_equal(r->b.status, status);
    if (!strstr(r->b.error.message, text)) fail_msg("message \"%s\" lacks \"%s\"", r->b.error.message, text);
    runner_end(r);
}

static void test_gemm_refuses(void **state) {
    (void)state;
    const hp_kernels *kernels = hp_kernels_select(NULL);
    runner r;
    runner_start(&r, kernels);
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 4});
    hp_value w = runner_random(&r, 2, (int64_t[]){5, 4}, 1, NULL);
    expect_refused(&r, hp_emit_gemm(&r.b, x, w, HP_NO_VALUE), HP_ERROR_SHAPE, "(rows, 4) and (5, 4)");
    runner_start(&r, kernels);
    x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 5});
    w = runner_random(&r, 2, (int64_t[]){5, 4}, 1, NULL);
    hp_value bias = runner_random(&r, 1, (int64_t[]){5}, 1, NULL);
    expect_refused(&r, hp_emit_gemm(&r.b, x, w, bias), HP_ERROR_SHAPE, "the bias has shape (5,); expected (4,)");
    runner_start(&r, kernels);
    x = runner_input(&r, HP_FLOAT64, 2, (int64_t[]){1, 5});
    w = runner_random(&r, 2, (int64_t[]){5, 4}, 1, NULL);
    expect_refused(&r, hp_emit_gemm(&r.b, x, w, HP_NO_VALUE), HP_ERROR_UNSUPPORTED, "float64");
}

/* ---- matmul */

typedef struct product {
    int x_rank, y_rank;
    int64_t x[4], y[4]; /* without rows: per row */
    bool y_rows, transpose_x, transpose_y;
} product;

/* Batched product with numpy's broadcasting over up to two leading axes, of the whole tensors. */
static double *naive_matmul(const int64_t *x, const int64_t *y, bool tx, bool ty, const float *a, const float *b) {
    int64_t m = tx ? x[3] : x[2], k = tx ? x[2] : x[3], n = ty ? y[2] : y[3];
    int64_t d0 = x[0] > y[0] ? x[0] : y[0], d1 = x[1] > y[1] ? x[1] : y[1];
    double *out = malloc((size_t)(d0 * d1 * m * n) * sizeof *out), *at = out;
    for (int64_t i = 0; i < d0; i++)
        for (int64_t j = 0; j < d1; j++) {
            const float *xs = a + ((x[0] == 1 ? 0 : i) * x[1] + (x[1] == 1 ? 0 : j)) * m * k;
            const float *ys = b + ((y[0] == 1 ? 0 : i) * y[1] + (y[1] == 1 ? 0 : j)) * k * n;
            for (int64_t p = 0; p < m; p++)
                for (int64_t q = 0; q < n; q++) {
                    double sum = 0;
                    for (int64_t l = 0; l < k; l++)
                        sum += (double)xs[tx ? l * m + p : p * k + l] * (double)ys[ty ? q * k + l : l * n + q];
                    *at++ = sum;
                }
        }
    return out;
}

static void pad_rank(const int64_t *dims, int rank, int64_t rows, int64_t *full) {
    for (int i = 0; i < 4; i++) full[i] = i < 4 - rank ? 1 : dims[i - (4 - rank)];
    full[4 - rank] *= rows;
}

static void one_matmul(const hp_kernels *kernels, const product *p) {
    enum { ROWS = 9 };
    runner r;
    runner_start(&r, kernels);
    float *yc = NULL;
    hp_value x = runner_input(&r, HP_FLOAT32, p->x_rank, p->x), y;
    if (p->y_rows)
        y = runner_input(&r, HP_FLOAT32, p->y_rank, p->y);
    else
        y = runner_random(&r, p->y_rank, p->y, 5, &yc);
    hp_value z = hp_emit_matmul(&r.b, x, y, p->transpose_x, p->transpose_y);
    runner_check(&r);
    int64_t xd[4], yd[4];
    pad_rank(p->x, p->x_rank, ROWS, xd);
    pad_rank(p->y, p->y_rank, p->y_rows ? ROWS : 1, yd);
    float *a = random_floats((size_t)(xd[0] * xd[1] * xd[2] * xd[3]), 6);
    float *b = p->y_rows ? random_floats((size_t)(yd[0] * yd[1] * yd[2] * yd[3]), 7) : yc;
    float *out = runner_run_all_ways(&r, (const void *[]){a, b}, ROWS, z);
    double *wanted = naive_matmul(xd, yd, p->transpose_x, p->transpose_y, a, b);
    assert_close(out, wanted, runner_bytes(&r, z, ROWS) / sizeof(float), 1e-5);
    free(a), free(b), free(out), free(wanted);
    runner_end(&r);
}

static void matmul_cases(const hp_kernels *kernels) {
    static const product cases[] = {
        {3, 3, {1, 7, 11}, {1, 11, 5}, true, false, false},
        {3, 3, {1, 11, 7}, {1, 11, 5}, true, true, false},
        {3, 3, {1, 7, 11}, {1, 130, 11}, true, false, true},
        {4, 4, {1, 3, 8, 16}, {1, 3, 8, 16}, true, false, true},
        {4, 4, {1, 3, 16, 8}, {1, 1, 70, 16}, true, true, true},
        {4, 4, {1, 1, 1, 33}, {1, 2, 33, 9}, true, false, false},
        {4, 3, {1, 4, 6, 5}, {4, 5, 3}, false, false, false},
        {4, 4, {1, 2, 6, 5}, {1, 1, 5, 3}, false, false, false},
        {3, 2, {1, 6, 5}, {5, 3}, false, false, false},
        {3, 2, {1, 5, 6}, {5, 3}, false, true, false},
        {2, 2, {1, 5}, {3, 5}, false, false, true},
        {3, 3, {1, 2, 600}, {1, 600, 300}, true, false, false},
        {4, 4, {2, 3, 4, 5}, {2, 1, 5, 6}, true, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) one_matmul(kernels, &cases[i]);
}

static void test_matmul(void **state) {
    (void)state;
    runner_each_isa(matmul_cases);
}

static void test_matmul_mixes_rows(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 4});
    assert_int_equal(hp_emit_matmul(&r.b, x, x, false, true), HP_NO_VALUE);
    assert_true(r.b.mixes_rows);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_gemm_epilogue),
        cmocka_unit_test(test_gemm_computed),
        cmocka_unit_test(test_gemm_refuses),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_matmul_mixes_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* pool against naive loops in double precision. */
#include "unit/prim_runner.h"

typedef struct pooling {
    hp_pool_params params;
    int64_t input[3], channels;
} pooling;

static void run_pooling(const hp_kernels *kernels, const pooling *p) {
    enum { ROWS = 5 };
    int n = p->params.spatial, rank = n + 2;
    int64_t xd[5] = {1}, in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, k[3] = {1, 1, 1}, s[3] = {1, 1, 1}, pad[3] = {0};
    for (int i = 0, j = 3 - n; i < n; i++, j++) {
        in[j] = xd[1 + i] = p->input[i], k[j] = p->params.pool_size[i], s[j] = p->params.strides[i];
        pad[j] = p->params.pad_before[i];
        out[j] = (in[j] + pad[j] + p->params.pad_after[i] - k[j]) / s[j] + 1;
    }
    xd[rank - 1] = p->channels;
    runner r;
    runner_start(&r, kernels);
    hp_value x = runner_input(&r, HP_FLOAT32, rank, xd), y = hp_emit_pool(&r.b, x, &p->params);
    runner_check(&r);
    for (int i = 0; i < n; i++) assert_int_equal(hp_builder_shape(&r.b, y)->dims[1 + i], out[3 - n + i]);
    size_t channels = (size_t)p->channels, positions = (size_t)(in[0] * in[1] * in[2]);
    size_t pixels = (size_t)(out[0] * out[1] * out[2]);
    float *data = random_floats(ROWS * positions * channels, 3);
    double *wanted = malloc(ROWS * pixels * channels * sizeof *wanted), *at = wanted;
    for (size_t image = 0; image < ROWS; image++)
        for (size_t o = 0; o < pixels; o++)
            for (size_t c = 0; c < channels; c++, at++) {
                double sum = 0, most = -INFINITY;
                int64_t o0 = (int64_t)o / (out[1] * out[2]), o1 = (int64_t)o / out[2] % out[1],
                        o2 = (int64_t)o % out[2];
                size_t count = 0;
                for (int64_t t = 0; t < k[0] * k[1] * k[2]; t++) {
                    int64_t a = o0 * s[0] - pad[0] + t / (k[1] * k[2]), b = o1 * s[1] - pad[1] + t / k[2] % k[1];
                    int64_t d = o2 * s[2] - pad[2] + t % k[2];
                    if (a < 0 || a >= in[0] || b < 0 || b >= in[1] || d < 0 || d >= in[2]) continue;
                    double v = (double)data[(image * positions + (size_t)((a * in[1] + b) * in[2] + d)) * channels + c];
                    sum += v;
                    count++;
                    most = v > most ? v : most;
                }
                *at = p->params.mode == HP_POOL_MAX ? most : sum / (double)count;
            }
    float *got = runner_run_all_ways(&r, (const void *[]){data}, ROWS, y);
    assert_close(got, wanted, ROWS * pixels * channels, 1e-6);
    free(data), free(wanted), free(got);
    runner_end(&r);
}

static void pool_cases(const hp_kernels *kernels) {
    static const pooling cases[] = {
        {{.spatial = 2, .pool_size = {2, 2}, .strides = {2, 2}}, {8, 7}, 5},
        {{.spatial = 2, .pool_size = {3, 3}, .strides = {2, 2}, .pad_before = {1, 0}, .pad_after = {1, 1}}, {9, 8}, 37},
        {{.spatial = 2, .pool_size = {3, 2}, .strides = {1, 1}, .pad_before = {1, 0}, .pad_after = {1, 1}}, {5, 5}, 16},
        {{.spatial = 1, .pool_size = {4}, .strides = {3}, .pad_before = {1}, .pad_after = {2}}, {17}, 9},
        {{.spatial = 3, .pool_size = {2, 1, 3}, .strides = {2, 2, 1}}, {4, 5, 6}, 3},
        {{.spatial = 2, .pool_size = {1, 1}, .strides = {1, 1}}, {1, 1}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int mode = HP_POOL_MAX; mode <= HP_POOL_AVERAGE; mode++) {
            pooling p = cases[i];
            p.params.mode = mode;
            run_pooling(kernels, &p);
        }
}

static void test_pool(void **state) {
    (void)state;
    runner_each_isa(pool_cases);
}

static void test_refuses(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 3, 2});
    hp_pool_params params = {.spatial = 1, .pool_size = {4}, .strides = {1}};
    assert_int_equal(hp_emit_pool(&r.b, x, &params), HP_NO_VALUE);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    assert_non_null(strstr(r.b.error.message, "does not fit into spatial axis 0"));
    runner_end(&r);
    runner_start(&r, hp_kernels_select(NULL));
    x = runner_input(&r, HP_INT32, 3, (int64_t[]){1, 9, 2});
    assert_int_equal(hp_emit_pool(&r.b, x, &params), HP_NO_VALUE);
    assert_int_equal(r.b.status, HP_ERROR_UNSUPPORTED);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pool), cmocka_unit_test(test_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

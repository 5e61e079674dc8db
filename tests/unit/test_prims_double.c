/* The primitives in float64 against the same ones in float32: conv_double against conv, depthwise and conv_transpose,
 * matmul, pool and fft against themselves. */
#include "unit/prim_runner.h"

enum { ROWS = 3 };

/* Runs both and compares; `narrow` is float32, `wide` float64. */
static void compare(runner *r, const float *data, hp_value narrow, hp_value wide) {
    runner_check(r);
    assert_int_equal(hp_builder_tensor(&r->b, wide)->dtype, HP_FLOAT64);
    assert_true(hp_shape_equal(hp_builder_shape(&r->b, narrow), hp_builder_shape(&r->b, wide)));
    float *wanted = runner_run(r, (const void *[]){data}, ROWS, 0, 0, narrow);
    double *got = runner_run(r, (const void *[]){data}, ROWS, 2, 1, wide);
    size_t count = runner_bytes(r, narrow, ROWS) / sizeof *wanted;
    for (size_t i = 0; i < count; i++) assert_true(fabs(got[i] - (double)wanted[i]) <= 1e-5);
    free(wanted);
    free(got);
}

static hp_value wide(runner *r, hp_value x) {
    return hp_emit_cast(&r->b, x, HP_FLOAT64);
}

typedef hp_value emitter(hp_builder *b, hp_value x, hp_value kernel, hp_value bias, const hp_conv_params *params);

static void check_conv(emitter *emit, const int64_t *kernel, int64_t bias_size, const hp_conv_params *params) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    float *data = random_floats(ROWS * 7 * 6 * 4, 1);
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 7, 6, 4}), w = runner_random(&r, 4, kernel, 2, NULL);
    hp_value bias = runner_random(&r, 1, &bias_size, 3, NULL);
    hp_value narrow = emit(&r.b, x, w, bias, params);
    compare(&r, data, narrow, emit(&r.b, wide(&r, x), wide(&r, w), wide(&r, bias), params));
    free(data);
    runner_end(&r);
}

#define PARAMS(groups_, ...)                                                                                           \
    &(hp_conv_params) {                                                                                                \
        .spatial = 2, .groups = (groups_), .strides = {2, 1, 1}, .dilation = {1, 2, 1}, __VA_ARGS__                    \
    }

static void test_conv_double(void **state) {
    (void)state;
    check_conv(hp_emit_conv, (int64_t[]){3, 2, 4, 5}, 5, PARAMS(1, .pad_before = {1, 0, 0}, .pad_after = {2, 1, 0}));
    check_conv(hp_emit_conv, (int64_t[]){3, 2, 2, 6}, 6, PARAMS(2, .pad_before = {0, 1, 0}));
    check_conv(hp_emit_depthwise, (int64_t[]){2, 3, 4, 2}, 8, PARAMS(1, .pad_before = {1, 2, 0}));
    check_conv(hp_emit_conv_transpose, (int64_t[]){3, 2, 5, 4}, 5, PARAMS(1, .pad_before = {1, 0, 0}));
    check_conv(hp_emit_conv_transpose, (int64_t[]){2, 2, 3, 4}, 3, PARAMS(1, .pad_after = {-1, 1, 0}));
}

static void test_matmul(void **state) {
    (void)state;
    for (int turned = 0; turned < 4; turned++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        bool turn_x = turned & 1, turn_y = turned & 2;
        float *data = random_floats(ROWS * 2 * 3 * 5, 1);
        hp_value x = runner_input(&r, HP_FLOAT32, 4, turn_x ? (int64_t[]){1, 2, 5, 3} : (int64_t[]){1, 2, 3, 5});
        hp_value y = runner_random(&r, 3, turn_y ? (int64_t[]){2, 4, 5} : (int64_t[]){2, 5, 4}, 2, NULL);
        hp_value narrow = hp_emit_matmul(&r.b, x, y, turn_x, turn_y);
        compare(&r, data, narrow, hp_emit_matmul(&r.b, wide(&r, x), wide(&r, y), turn_x, turn_y));
        free(data);
        runner_end(&r);
    }
}

static void test_gemm(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    float *data = random_floats(ROWS * 5, 1);
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 5});
    hp_value w = runner_random(&r, 2, (int64_t[]){5, 4}, 2, NULL), bias = runner_random(&r, 1, (int64_t[]){4}, 3, NULL);
    hp_value narrow = hp_emit_gemm(&r.b, x, w, bias);
    compare(&r, data, narrow, hp_emit_gemm(&r.b, wide(&r, x), wide(&r, w), wide(&r, bias)));
    free(data);
    runner_end(&r);
}

static void test_pool(void **state) {
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        float *data = random_floats(ROWS * 5 * 3, 1);
        hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 5, 3});
        hp_pool_params params = {
            .spatial = 1, .mode = mode ? HP_POOL_AVERAGE : HP_POOL_MAX, .pool_size = {3}, .strides = {2}};
        params.pad_before[0] = params.pad_after[0] = 1;
        hp_value narrow = hp_emit_pool(&r.b, x, &params);
        compare(&r, data, narrow, hp_emit_pool(&r.b, wide(&r, x), &params));
        free(data);
        runner_end(&r);
    }
}

static void test_fft(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    float *data = random_floats(ROWS * 12, 1);
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 12}), narrow[2], parts[2];
    hp_emit_fft(&r.b, x, HP_NO_VALUE, true, narrow);
    hp_emit_fft(&r.b, wide(&r, x), HP_NO_VALUE, true, parts);
    for (int i = 0; i < 2; i++) compare(&r, data, narrow[i], parts[i]);
    free(data);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_double),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_fft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

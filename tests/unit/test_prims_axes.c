/* Primitives along axes against naive loops in double precision: reduce, softmax, normalise, cumulate; resize against
 * TensorFlow's results. */
#include "unit/prim_runner.h"
#include "unit/resize_cases.h"

enum { ROWS = 5 };

typedef struct shape_case {
    int rank;
    int64_t dims[5];
    unsigned axes; /* bit i: axis i */
} shape_case;

static size_t count_of(const shape_case *c) {
    size_t n = ROWS;
    for (int a = 0; a < c->rank; a++) n *= (size_t)c->dims[a];
    return n;
}

/* The place of input element `at` in the output, and in the reduced part. */
static void places(const shape_case *c, size_t at, size_t *kept, size_t *reduced) {
    size_t kept_stride = 1, reduced_stride = 1;
    *kept = *reduced = 0;
    for (int a = c->rank - 1; a >= 0; a--) {
        size_t dim = a == 0 ? (size_t)(c->dims[0] * ROWS) : (size_t)c->dims[a], i = at % dim;
        at /= dim;
        bool r = c->axes >> a & 1;
        *(r ? reduced : kept) += i * (r ? reduced_stride : kept_stride);
        *(r ? &reduced_stride : &kept_stride) *= dim;
    }
}

static double start_of(hp_reduction op) {
    return op == HP_REDUCTION_PROD ? 1 : op == HP_REDUCTION_MAX ? -INFINITY : op == HP_REDUCTION_MIN ? INFINITY : 0;
}

static double naive_step(hp_reduction op, double sum, double x) {
    switch (op) {
    case HP_REDUCTION_PROD:
        return sum * x;
    case HP_REDUCTION_MAX:
        return x > sum ? x : sum;
    case HP_REDUCTION_MIN:
        return x < sum ? x : sum;
    default:
        return sum + x;
    }
}

static int axes_of(const shape_case *c, int *axes) {
    int count = 0;
    for (int a = 0; a < c->rank; a++)
        if (c->axes >> a & 1) {
            axes[count] = a - (count % 2 ? c->rank : 0); /* every other one counted from the end */
            count++;
        }
    return count;
}

static void one_reduction(const hp_kernels *kernels, const shape_case *c, hp_reduction op, hp_dtype dtype) {
    runner r;
    runner_start(&r, kernels);
    int axes[8], axis_count = axes_of(c, axes);
    hp_value x = runner_input(&r, dtype, c->rank, c->dims);
    hp_value y = hp_emit_reduce(&r.b, x, op, axes, axis_count, op % 2 == 0);
    size_t n = count_of(c), kept = 0, reduced = 0, outputs, length = 1;
    runner_check(&r);
    outputs = (size_t)hp_shape_elements(hp_builder_shape(&r.b, y)) * ROWS;
    for (int a = 0; a < c->rank; a++)
        if (c->axes >> a & 1) length *= (size_t)c->dims[a];
    assert_int_equal(hp_builder_shape(&r.b, y)->rank, op % 2 == 0 ? c->rank : c->rank - axis_count);
    float *data = random_floats(n, 3);
    double *wide = malloc((n + 1) * sizeof *wide), *wanted = malloc((outputs + 1) * sizeof *wanted);
    for (size_t i = 0; i < n; i++) wide[i] = data[i];
    for (size_t i = 0; i < outputs; i++) wanted[i] = start_of(op);
    for (size_t i = 0; i < n; i++) {
        places(c, i, &kept, &reduced);
        wanted[kept] = naive_step(op, wanted[kept], wide[i]);
    }
    void *got = runner_run_all_ways(&r, (const void *[]){dtype == HP_FLOAT64 ? (void *)wide : data}, ROWS, y);
    float *narrow = malloc((outputs + 1) * sizeof *narrow);
    for (size_t i = 0; i < outputs; i++) {
        if (op == HP_REDUCTION_MEAN) wanted[i] /= (double)length;
        narrow[i] = dtype == HP_FLOAT64 ? (float)((double *)got)[i] : ((float *)got)[i];
    }
    assert_close(narrow, wanted, outputs, 1e-6 * sqrt((double)length));
    free(data), free(wide), free(wanted), free(got), free(narrow);
    runner_end(&r);
}

static const shape_case cases[] = {
    {2, {1, 10}, 2},
    {3, {1, 7, 5}, 2},
    {3, {1, 7, 5}, 4},
    {3, {1, 7, 5}, 6},
    {4, {1, 7, 7, 64}, 6},
    {4, {1, 64, 7, 7}, 12},
    {5, {1, 3, 4, 5, 6}, 10},
    {5, {1, 3, 4, 5, 6}, 20},
    {5, {1, 3, 4, 5, 6}, 26},
    {4, {1, 30, 40, 700}, 2},
    {3, {1, 1, 5}, 2},
    {2, {6, 10}, 2},
    {3, {1, 300, 1}, 2},
    {3, {1, 2, 20000}, 4},
    {4, {3, 2, 1, 2}, 14},
};

static void reductions(const hp_kernels *kernels) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int op = HP_REDUCTION_SUM; op <= HP_REDUCTION_PROD; op++) {
            if (count_of(&cases[i]) > 100000 && op != HP_REDUCTION_MEAN) continue;
            one_reduction(kernels, &cases[i], (hp_reduction)op, HP_FLOAT32);
        }
}

static void test_reduce(void **state) {
    (void)state;
    runner_each_isa(reductions);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int op = HP_REDUCTION_SUM; op <= HP_REDUCTION_PROD; op++)
            if (count_of(&cases[i]) < 100000)
                one_reduction(hp_kernels_select(NULL), &cases[i], (hp_reduction)op, HP_FLOAT64);
}

/* A middle group of no elements: sums are 0 and nothing outside the workspace is written. */
static void test_reduce_nothing(void **state) {
    (void)state;
    const shape_case empty[] = {{3, {1, 0, 5}, 2}, {5, {1, 3, 4, 0, 6}, 10}, {5, {1, 0, 4, 3, 6}, 10}};
    for (size_t i = 0; i < 3; i++) one_reduction(hp_kernels_select(NULL), &empty[i], HP_REDUCTION_SUM, HP_FLOAT32);
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_INT32, 2, (int64_t[]){1, 0});
    hp_emit_reduce(&r.b, x, HP_REDUCTION_ARGMAX, (int[]){1}, 1, false);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    runner_end(&r);
}

static void test_arg(void **state) {
    (void)state;
    static const float x[] = {1, 5, 5, 2, NAN, 3, 3, 1, -1, -1, -2, NAN};
    static const int32_t most[] = {1, 1, 0}, least[] = {0, 3, 2};
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value v = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 4});
    void *got = runner_run_all_ways(
        &r, (const void *[]){x}, 3, hp_emit_reduce(&r.b, v, HP_REDUCTION_ARGMAX, (int[]){-1}, 1, false));
    assert_memory_equal(got, most, sizeof most);
    free(got);
    got = runner_run_all_ways(
        &r, (const void *[]){x}, 3, hp_emit_reduce(&r.b, v, HP_REDUCTION_ARGMIN, (int[]){-1}, 1, false));
    assert_memory_equal(got, least, sizeof least);
    free(got);
    runner_end(&r);
    /* an inner axis, bools */
    static const uint8_t bools[] = {0, 1, 1, 1, 0, 0, 0, 1, 1};
    static const int32_t first[] = {1, 0, 0};
    static const uint8_t any[] = {1, 1, 1}, all[] = {0, 0, 0};
    runner_start(&r, hp_kernels_select(NULL));
    v = runner_input(&r, HP_BOOL, 3, (int64_t[]){1, 3, 3});
    hp_reduction ops[] = {HP_REDUCTION_ARGMAX, HP_REDUCTION_ANY, HP_REDUCTION_ALL};
    const void *wanted[] = {first, any, all};
    const size_t sizes[] = {sizeof first, sizeof any, sizeof all};
    for (int i = 0; i < 3; i++) {
        hp_value y = hp_emit_reduce(&r.b, v, ops[i], (int[]){1}, 1, false);
        got = runner_run(&r, (const void *[]){bools}, 1, 0, 0, y);
        assert_memory_equal(got, wanted[i], sizes[i]);
        free(got);
    }
    runner_end(&r);
}

static void test_integer_sums(void **state) {
    (void)state;
    static const int32_t x[] = {1, 2, 3, INT32_MAX, 1, -5};
    static const int32_t sums[] = {6, INT32_MAX - 4}, most[] = {3, INT32_MAX};
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value v = runner_input(&r, HP_INT32, 2, (int64_t[]){1, 3});
    void *got = runner_run_all_ways(
        &r, (const void *[]){x}, 2, hp_emit_reduce(&r.b, v, HP_REDUCTION_SUM, (int[]){1}, 1, false));
    assert_memory_equal(got, sums, sizeof sums);
    free(got);
    got = runner_run_all_ways(
        &r, (const void *[]){x}, 2, hp_emit_reduce(&r.b, v, HP_REDUCTION_MAX, (int[]){1}, 1, false));
    assert_memory_equal(got, most, sizeof most);
    free(got);
    hp_emit_reduce(&r.b, v, HP_REDUCTION_MEAN, (int[]){1}, 1, false);
    assert_int_equal(r.b.status, HP_ERROR_UNSUPPORTED);
    runner_end(&r);
}

/* ---- softmax, normalise, cumulate: [outer][n][inner] */

static void one_softmax(const hp_kernels *kernels, int64_t n, int64_t inner, bool logarithm, hp_dtype dtype) {
    runner r;
    runner_start(&r, kernels);
    hp_value x = runner_input(&r, dtype, 3, (int64_t[]){1, n, inner});
    hp_value y = hp_emit_softmax(&r.b, x, 1, logarithm);
    size_t total = (size_t)(ROWS * n * inner);
    float *data = random_floats(total, 1);
    double *wide = malloc(total * sizeof *wide), *wanted = malloc(total * sizeof *wanted);
    for (size_t i = 0; i < total; i++) wide[i] = data[i] *= 30;
    for (int64_t o = 0; o < ROWS * inner; o++) {
        double *column = wide + o / inner * n * inner + o % inner, *to = wanted + (column - wide), most = -INFINITY;
        double sum = 0;
        for (int64_t k = 0; k < n; k++) most = column[k * inner] > most ? column[k * inner] : most;
        for (int64_t k = 0; k < n; k++) sum += exp(column[k * inner] - most);
        for (int64_t k = 0; k < n; k++) {
            double log_share = column[k * inner] - most - log(sum);
            to[k * inner] = logarithm ? log_share : exp(log_share);
        }
    }
    void *got = runner_run_all_ways(&r, (const void *[]){dtype == HP_FLOAT64 ? (void *)wide : data}, ROWS, y);
    for (size_t i = 0; i < total && dtype == HP_FLOAT64; i++) data[i] = (float)((double *)got)[i];
    assert_close(dtype == HP_FLOAT64 ? data : got, wanted, total, 1e-6);
    free(data), free(wide), free(wanted), free(got);
    runner_end(&r);
}

static void softmaxes(const hp_kernels *kernels) {
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        one_softmax(kernels, 10, 1, logarithm, HP_FLOAT32);
        one_softmax(kernels, 1000, 1, logarithm, HP_FLOAT32);
        one_softmax(kernels, 7, 9, logarithm, HP_FLOAT32);
        one_softmax(kernels, 7, 9, logarithm, HP_FLOAT64);
    }
}

static void test_softmax(void **state) {
    (void)state;
    runner_each_isa(softmaxes);
}

static void one_norm(const hp_kernels *kernels, int64_t pixels, int64_t n, bool rms, int parts, hp_dtype dtype) {
    runner r;
    runner_start(&r, kernels);
    float *scale = random_floats((size_t)n, 4), *offset = random_floats((size_t)n, 5);
    double *wide_scale = malloc((size_t)n * sizeof(double)), *wide_offset = malloc((size_t)n * sizeof(double));
    for (int64_t i = 0; i < n; i++) wide_scale[i] = scale[i], wide_offset[i] = offset[i];
    bool is_wide = dtype == HP_FLOAT64;
    hp_value x = runner_input(&r, dtype, 3, (int64_t[]){1, pixels, n});
    hp_value s = hp_emit_literal(&r.b, dtype, 1, &n, is_wide ? (void *)wide_scale : scale);
    hp_value o = hp_emit_literal(&r.b, dtype, 1, &n, is_wide ? (void *)wide_offset : offset);
    hp_value y = hp_emit_normalise(&r.b, x, parts > 0 ? s : HP_NO_VALUE, parts > 1 ? o : HP_NO_VALUE, 1, 1e-3, rms);
    size_t total = (size_t)(ROWS * pixels * n);
    float *data = random_floats(total, 1);
    double *wide = malloc(total * sizeof *wide), *wanted = malloc(total * sizeof *wanted);
    for (size_t i = 0; i < total; i++) wide[i] = data[i] += 1;
    for (size_t v = 0; v < total; v += (size_t)n) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n && !rms; i++) mean += wide[v + (size_t)i] / (double)n;
        for (int64_t i = 0; i < n; i++) variance += pow(wide[v + (size_t)i] - mean, 2) / (double)n;
        for (int64_t i = 0; i < n; i++)
            wanted[v + (size_t)i] = (wide[v + (size_t)i] - mean) / sqrt(variance + 1e-3) * (parts > 0 ? scale[i] : 1) +
                                    (parts > 1 ? offset[i] : 0);
    }
    void *got = runner_run_all_ways(&r, (const void *[]){is_wide ? (void *)wide : data}, ROWS, y);
    for (size_t i = 0; i < total && is_wide; i++) data[i] = (float)((double *)got)[i];
    assert_close(is_wide ? data : got, wanted, total, 1e-5);
    free(scale), free(offset), free(wide_scale), free(wide_offset), free(data), free(wide), free(wanted), free(got);
    runner_end(&r);
}

static void norms(const hp_kernels *kernels) {
    for (int rms = 0; rms < 2; rms++)
        for (int parts = 0; parts < 3; parts++) {
            one_norm(kernels, 3, 64, rms, parts, HP_FLOAT32);
            one_norm(kernels, 1, 7, rms, parts, HP_FLOAT32);
            one_norm(kernels, 2, 1000, rms, parts, HP_FLOAT32);
            one_norm(kernels, 2, 9, rms, parts, HP_FLOAT64);
        }
}

static void test_normalise(void **state) {
    (void)state;
    runner_each_isa(norms);
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 4, 5});
    hp_emit_normalise(&r.b, x, runner_random(&r, 1, (int64_t[]){4}, 1, NULL), HP_NO_VALUE, 1, 1e-3, false);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    assert_non_null(strstr(r.b.error.message, "(4,)"));
    runner_end(&r);
}

static void test_cumulate(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        bool product = way & 1, reverse = way & 2;
        hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 6, 3});
        hp_value y = hp_emit_cumulate(&r.b, x, product, -2, reverse);
        float *data = random_floats(ROWS * 18, 1), *got = runner_run_all_ways(&r, (const void *[]){data}, ROWS, y);
        for (int o = 0; o < ROWS * 3; o++) {
            float sum = 0;
            for (int k = 0; k < 6; k++) {
                int at = o / 3 * 18 + (reverse ? 5 - k : k) * 3 + o % 3;
                sum = k == 0 ? data[at] : product ? sum * data[at] : sum + data[at];
                assert_true(got[at] == sum);
            }
        }
        free(data), free(got);
        runner_end(&r);
    }
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    static const uint8_t x[] = {200, 100, 3}, wanted[] = {200, 44, 47};
    hp_value y = hp_emit_cumulate(&r.b, runner_input(&r, HP_UINT8, 2, (int64_t[]){1, 3}), false, 1, false);
    void *got = runner_run(&r, (const void *[]){x}, 1, 0, 0, y);
    assert_memory_equal(got, wanted, 3);
    free(got);
    runner_end(&r);
}

/* ---- resize */

static void test_resize(void **state) {
    (void)state;
    enum { SIZE = sizeof resize_image / sizeof resize_image[0] };
    float images[ROWS * SIZE];
    for (int i = 0; i < ROWS; i++) memcpy(images + i * SIZE, resize_image, sizeof resize_image);
    for (size_t i = 0; i < sizeof resize_cases / sizeof resize_cases[0]; i++) {
        const hp_resize_params *p = &resize_cases[i].params;
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        hp_value y = hp_emit_resize(&r.b, runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 5, 6, 2}), p);
        float *got = runner_run_all_ways(&r, (const void *[]){images}, ROWS, y);
        size_t n = (size_t)(p->height * p->width * 2);
        bool exact = p->method < HP_RESIZE_LANCZOS3; /* the others call the C library */
        for (size_t k = 0; k < ROWS * n; k++) {
            float wanted = resize_cases[i].wanted[k % n];
            if (!(fabsf(got[k] - wanted) <= (exact ? 0 : 2e-6F)))
                fail_msg("method %d, antialias %d, %dx%d: element %zu is %.9g, expected %.9g", p->method, p->antialias,
                    (int)p->height, (int)p->width, k, (double)got[k], (double)wanted);
        }
        free(got);
        runner_end(&r);
    }
}

/* Nearest keeps the dtype; a resize to the same size is nothing. */
static void test_resize_bytes(void **state) {
    (void)state;
    static const uint8_t image[] = {1, 2, 3, 4}, wanted[] = {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4};
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_UINT8, 4, (int64_t[]){1, 2, 2, 1});
    assert_int_equal(hp_emit_resize(&r.b, x, &(hp_resize_params){2, 2, HP_RESIZE_NEAREST, 0}), x);
    hp_value y = hp_emit_resize(&r.b, x, &(hp_resize_params){4, 4, HP_RESIZE_NEAREST, 0});
    void *got = runner_run(&r, (const void *[]){image}, 1, 0, 1, y);
    assert_memory_equal(got, wanted, sizeof wanted);
    free(got);
    hp_emit_resize(&r.b, x, &(hp_resize_params){4, 4, HP_RESIZE_BILINEAR, 0});
    assert_int_equal(r.b.status, HP_ERROR_UNSUPPORTED);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_reduce_nothing),
        cmocka_unit_test(test_arg),
        cmocka_unit_test(test_integer_sums),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_cumulate),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_resize_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

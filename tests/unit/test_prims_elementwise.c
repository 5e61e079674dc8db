/* elementwise programs against naive loops: broadcasting, dtypes, several steps, computing in place; what the shape
 * rule refuses. */
#include "prims/elementwise.h"
#include "unit/prim_runner.h"

/* The element of an operand that output element `at` (counted over all rows) reads. */
static size_t source(const hp_shape *out, const hp_shape *in, size_t at, int64_t rows) {
    size_t offset = 0, stride = 1;
    for (int a = out->rank - 1; a >= 0; a--) {
        size_t dim = (size_t)(out->dims[a] * (a == 0 && out->rows ? rows : 1)), i = at % dim;
        int b = a - (out->rank - in->rank);
        at /= dim;
        if (b < 0) continue;
        size_t in_dim = (size_t)(in->dims[b] * (b == 0 && in->rows ? rows : 1));
        if (in->dims[b] != 1 || (b == 0 && in->rows)) offset += i * stride;
        stride *= in_dim;
    }
    return offset;
}

typedef struct operand {
    bool rows;
    int rank;
    int64_t dims[5];
} operand;

static hp_value make(runner *r, const operand *o, int64_t rows, unsigned seed, float **data) {
    if (!o->rows) return runner_random(r, o->rank, o->dims, seed, data);
    size_t n = (size_t)rows;
    for (int a = 0; a < o->rank; a++) n *= (size_t)o->dims[a];
    *data = random_floats(n, seed);
    return runner_input(r, HP_FLOAT32, o->rank, o->dims);
}

static void one_broadcast(const hp_kernels *kernels, const operand *a, const operand *b) {
    enum { ROWS = 11 };
    runner r;
    runner_start(&r, kernels);
    float *x, *y;
    const void *inputs[2];
    int count = 0;
    hp_value xv = make(&r, a, ROWS, 1, &x), yv = make(&r, b, ROWS, 2, &y);
    if (a->rows) inputs[count++] = x;
    if (b->rows) inputs[count++] = y;
    hp_value difference = hp_emit_binary(&r.b, HP_BINARY_SUBTRACT, xv, yv);
    runner_check(&r);
    const hp_shape out = *hp_builder_shape(&r.b, difference);
    float *got = runner_run_all_ways(&r, inputs, ROWS, difference);
    size_t n = (size_t)hp_shape_elements(&out) * (out.rows ? ROWS : 1);
    for (size_t i = 0; i < n; i++) {
        float wanted =
            x[source(&out, hp_builder_shape(&r.b, xv), i, ROWS)] - y[source(&out, hp_builder_shape(&r.b, yv), i, ROWS)];
        if (got[i] != wanted) fail_msg("element %zu: %g, expected %g", i, (double)got[i], (double)wanted);
    }
    free(x), free(y), free(got);
    runner_end(&r);
}

static void broadcasts(const hp_kernels *kernels) {
    static const operand cases[][2] = {
        {{true, 2, {1, 10}}, {false, 1, {10}}},
        {{true, 2, {1, 10}}, {true, 2, {1, 10}}},
        {{true, 1, {1}}, {false, 0, {0}}},
        {{true, 1, {1}}, {false, 1, {1}}},
        {{false, 0, {0}}, {true, 3, {1, 7, 9}}},
        {{true, 3, {1, 7, 3}}, {false, 1, {3}}},
        {{true, 4, {1, 28, 28, 3}}, {false, 1, {3}}},
        {{true, 4, {1, 28, 28, 3}}, {false, 3, {28, 1, 1}}},
        {{true, 4, {1, 6, 6, 3}}, {true, 4, {1, 1, 1, 3}}},
        {{true, 4, {1, 6, 6, 40}}, {true, 4, {1, 1, 1, 40}}},
        {{true, 4, {1, 30, 20, 40}}, {true, 4, {1, 1, 20, 1}}},
        {{true, 3, {1, 5, 64}}, {true, 3, {1, 5, 1}}},
        {{true, 3, {1, 5, 64}}, {true, 3, {1, 1, 64}}},
        {{true, 3, {1, 4, 3}}, {false, 2, {4, 1}}},
        {{true, 3, {1, 4, 1}}, {true, 3, {1, 1, 3}}},
        {{true, 3, {1, 40, 1}}, {true, 3, {1, 1, 30}}},
        {{true, 3, {1, 4, 1}}, {false, 1, {17}}},
        {{true, 2, {60, 10}}, {false, 1, {10}}},
        {{true, 2, {60, 10}}, {false, 2, {1, 10}}},
        {{true, 3, {1, 3, 5000}}, {true, 3, {1, 3, 1}}},
        {{true, 3, {1, 3, 20000}}, {false, 2, {3, 1}}},
        {{true, 2, {1, 3000}}, {false, 1, {3000}}},
        {{true, 3, {1, 70, 50}}, {false, 2, {70, 50}}},
        {{true, 3, {1, 6, 20}}, {false, 2, {6, 1}}},
        {{false, 2, {5, 7}}, {false, 1, {7}}},
        {{false, 3, {5, 1, 7}}, {true, 4, {1, 1, 6, 1}}},
        {{true, 3, {1, 0, 7}}, {false, 1, {7}}},
        {{true, 5, {1, 2, 3, 4, 5}}, {false, 5, {1, 2, 1, 4, 1}}},
        {{true, 5, {1, 2, 3, 4, 5}}, {true, 5, {1, 1, 3, 1, 5}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        one_broadcast(kernels, &cases[i][0], &cases[i][1]);
        one_broadcast(kernels, &cases[i][1], &cases[i][0]);
    }
}

static void test_broadcasts(void **state) {
    (void)state;
    runner_each_isa(broadcasts);
}

/* ---- several steps */

/* select((x - mean) * scale < limit, (x - mean) * scale, float(int32(x))), with inputs of all kinds. */
static void program_of_steps(const hp_kernels *kernels, int64_t channels, int64_t pixels) {
    enum { ROWS = 5, STEPS = 6 };
    runner r;
    runner_start(&r, kernels);
    float *mean;
    hp_value values[4] = {runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, pixels, channels}),
        runner_random(&r, 1, &channels, 1, &mean), runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, pixels, 1}),
        hp_emit_float(&r.b, 0.25)};
    union {
        hp_elementwise_params params;
        unsigned char bytes[sizeof(hp_elementwise_params) + STEPS * sizeof(hp_elementwise_step)];
    } program = {{STEPS, 0}};
    const hp_elementwise_step steps[STEPS] = {
        {HP_STEP_BINARY, HP_BINARY_SUBTRACT, HP_FLOAT32, HP_FLOAT32, {0, 1, 0}, 0, {0}},
        {HP_STEP_BINARY, HP_BINARY_MULTIPLY, HP_FLOAT32, HP_FLOAT32, {-1, 2, 0}, 0, {0}},
        {HP_STEP_COMPARE, HP_LESS, HP_FLOAT32, HP_BOOL, {-2, 3, 0}, 0, {0}},
        {HP_STEP_CAST, 0, HP_FLOAT32, HP_INT32, {0, 0, 0}, 0, {0}},
        {HP_STEP_CAST, 0, HP_INT32, HP_FLOAT32, {-4, 0, 0}, 0, {0}},
        {HP_STEP_SELECT, 0, HP_FLOAT32, HP_FLOAT32, {-3, -2, -5}, 0, {0}},
    };
    memcpy(program.params.steps, steps, sizeof steps);
    hp_value y;
    hp_emit_node(&r.b, &hp_prim_elementwise, &program, hp_elementwise_size(STEPS), values, 4, &y, 1);
    size_t n = (size_t)(ROWS * pixels * channels);
    float *x = random_floats(n, 3), *weight = random_floats((size_t)(ROWS * pixels), 4);
    for (size_t i = 0; i < n; i++) x[i] *= 10;
    float *got = runner_run_all_ways(&r, (const void *[]){x, weight}, ROWS, y);
    for (size_t i = 0; i < n; i++) {
        float product = (x[i] - mean[i % (size_t)channels]) * weight[i / (size_t)channels];
        float wanted = product < 0.25F ? product : (float)(int)x[i];
        if (got[i] != wanted) fail_msg("element %zu: %g, expected %g", i, (double)got[i], (double)wanted);
    }
    free(mean), free(x), free(weight), free(got);
    runner_end(&r);
}

static void programs(const hp_kernels *kernels) {
    program_of_steps(kernels, 3, 50);
    program_of_steps(kernels, 16, 400);
    program_of_steps(kernels, 33, 7);
    program_of_steps(kernels, 2500, 2);
    program_of_steps(kernels, 1, 9);
}

static void test_programs(void **state) {
    (void)state;
    runner_each_isa(programs);
}

/* An unary step over an input that repeats. */
static void unary_of_repeating(const hp_kernels *kernels) {
    enum { ROWS = 3, PIXELS = 70, CHANNELS = 24, STEPS = 2 };
    runner r;
    runner_start(&r, kernels);
    hp_value values[2] = {runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, PIXELS, 1}),
        runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, PIXELS, CHANNELS})};
    union {
        hp_elementwise_params params;
        unsigned char bytes[sizeof(hp_elementwise_params) + STEPS * sizeof(hp_elementwise_step)];
    } program = {{STEPS, 0}};
    const hp_elementwise_step steps[STEPS] = {
        {HP_STEP_UNARY, HP_UNARY_NEGATIVE, HP_FLOAT32, HP_FLOAT32, {0, 0, 0}, 0, {0}},
        {HP_STEP_BINARY, HP_BINARY_ADD, HP_FLOAT32, HP_FLOAT32, {-1, 1, 0}, 0, {0}},
    };
    memcpy(program.params.steps, steps, sizeof steps);
    hp_value y;
    hp_emit_node(&r.b, &hp_prim_elementwise, &program, hp_elementwise_size(STEPS), values, 2, &y, 1);
    float *column = random_floats(ROWS * PIXELS, 1), *x = random_floats(ROWS * PIXELS * CHANNELS, 2);
    float *got = runner_run_all_ways(&r, (const void *[]){column, x}, ROWS, y);
    for (size_t i = 0; i < ROWS * PIXELS * CHANNELS; i++) assert_true(got[i] == x[i] - column[i / CHANNELS]);
    free(column), free(x), free(got);
    runner_end(&r);
}

static void test_unary_of_repeating(void **state) {
    (void)state;
    runner_each_isa(unary_of_repeating);
}

/* ---- element types */

static void *run_binary(hp_dtype dtype, hp_binary op, const void *x, const void *y, int64_t n) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value a = runner_input(&r, dtype, 1, (int64_t[]){1}), b = runner_input(&r, dtype, 1, (int64_t[]){1});
    void *got = runner_run_all_ways(&r, (const void *[]){x, y}, n, hp_emit_binary(&r.b, op, a, b));
    runner_end(&r);
    return got;
}

#define CHECK_BINARY(dtype, type, op, ...)                                                                             \
    do {                                                                                                               \
        static const type table[][3] = {__VA_ARGS__};                                                                  \
        enum { N = sizeof table / sizeof table[0] };                                                                   \
        type a[N], b[N];                                                                                               \
        for (size_t i = 0; i < N; i++) a[i] = table[i][0], b[i] = table[i][1];                                         \
        type *got = run_binary(dtype, op, a, b, N);                                                                    \
        for (size_t i = 0; i < N; i++)                                                                                 \
            if (got[i] != table[i][2]) fail_msg(#op " of " #type ", case %zu: %g", i, (double)got[i]);                 \
        free(got);                                                                                                     \
    } while (0)

static void test_integers(void **state) {
    (void)state;
    CHECK_BINARY(HP_INT32, int32_t, HP_BINARY_ADD, {1, 2, 3}, {INT32_MAX, 1, INT32_MIN}, {-5, 3, -2});
    CHECK_BINARY(HP_UINT8, uint8_t, HP_BINARY_MULTIPLY, {200, 2, 144}, {3, 4, 12});
    CHECK_BINARY(HP_UINT8, uint8_t, HP_BINARY_SUBTRACT, {1, 2, 255}, {3, 1, 2});
    CHECK_BINARY(HP_INT64, int64_t, HP_BINARY_FLOOR_DIVIDE, {7, 2, 3}, {-7, 2, -4}, {7, -2, -4}, {-7, -2, 3}, {5, 0, 0},
        {INT64_MIN, -1, INT64_MIN}, {-6, 3, -2});
    CHECK_BINARY(HP_INT32, int32_t, HP_BINARY_MOD, {7, 3, 1}, {-7, 3, 2}, {7, -3, -2}, {-7, -3, -1}, {5, 0, 0},
        {INT32_MIN, -1, 0});
    CHECK_BINARY(HP_UINT16, uint16_t, HP_BINARY_MOD, {65535, 65535, 0}, {7, 4, 3});
    CHECK_BINARY(HP_INT16, int16_t, HP_BINARY_POWER, {3, 4, 81}, {-2, 3, -8}, {2, -1, 0}, {-1, -3, -1}, {5, 0, 1});
    CHECK_BINARY(HP_INT8, int8_t, HP_BINARY_MAXIMUM, {-3, 4, 4}, {5, -128, 5});
    CHECK_BINARY(HP_UINT64, uint64_t, HP_BINARY_MINIMUM, {UINT64_MAX, 4, 4}, {3, 5, 3});
    CHECK_BINARY(HP_FLOAT64, double, HP_BINARY_DIVIDE, {1, 3, 1.0 / 3}, {-4, 2, -2});
    CHECK_BINARY(HP_FLOAT64, double, HP_BINARY_MOD, {-7.5, 2, 0.5}, {7.5, -2, -0.5});
}

static void *run_cast(hp_dtype from, hp_dtype to, const void *x, int64_t n) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value a = runner_input(&r, from, 1, (int64_t[]){1});
    void *got = runner_run_all_ways(&r, &x, n, hp_emit_cast(&r.b, a, to));
    runner_end(&r);
    return got;
}

static void test_casts(void **state) {
    (void)state;
    static const float floats[] = {1.9F, -1.9F, 0, NAN, INFINITY, 3e9F, 1e30F, 300};
    static const int32_t as_int[] = {1, -1, 0, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, 300};
    static const uint8_t as_byte[] = {1, 255, 0, 0, 0, 0, 0, 44}, as_bool[] = {1, 1, 0, 1, 1, 1, 1, 1};
    void *got = run_cast(HP_FLOAT32, HP_INT32, floats, 8);
    assert_memory_equal(got, as_int, sizeof as_int);
    free(got);
    got = run_cast(HP_FLOAT32, HP_UINT8, floats, 8);
    assert_memory_equal(got, as_byte, sizeof as_byte);
    free(got);
    got = run_cast(HP_FLOAT32, HP_BOOL, floats, 8);
    assert_memory_equal(got, as_bool, sizeof as_bool);
    free(got);
    static const int64_t longs[] = {1, -1, 1LL << 40, 9007199254740993LL};
    static const int32_t cut[] = {1, -1, 0, 1};
    got = run_cast(HP_INT64, HP_INT32, longs, 4);
    assert_memory_equal(got, cut, sizeof cut);
    free(got);
    got = run_cast(HP_INT64, HP_FLOAT64, longs, 4);
    assert_true(((double *)got)[2] == 1099511627776.0);
    free(got);
}

/* The root is a float32 in TensorFlow. */
static double reference_gelu(double x) {
    return 0.5 * x * (1 + erf(x * (double)0.70710678F));
}

static void test_doubles(void **state) {
    (void)state;
    static const double x[] = {-3, -0.5, 0, 0.3, 0.9999, 7};
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value a = runner_input(&r, HP_FLOAT64, 1, (int64_t[]){1});
    hp_value gelu = hp_emit_unary(&r.b, a, HP_UNARY_GELU_ERF, 0, 0, 0);
    hp_value tanh_ = hp_emit_unary(&r.b, a, HP_UNARY_TANH, 0, 0, 0);
    hp_value back = hp_emit_unary(&r.b, hp_emit_unary(&r.b, a, HP_UNARY_ERF, 0, 0, 0), HP_UNARY_ERFINV, 0, 0, 0);
    hp_value leaky = hp_emit_unary(&r.b, a, HP_UNARY_RELU, 0.25F, 2, 0.5F);
    double *got[4] = {(void *)runner_run_all_ways(&r, (const void *[]){x}, 6, gelu),
        (void *)runner_run_all_ways(&r, (const void *[]){x}, 6, tanh_),
        (void *)runner_run_all_ways(&r, (const void *[]){x}, 6, back),
        (void *)runner_run_all_ways(&r, (const void *[]){x}, 6, leaky)};
    for (int i = 0; i < 6; i++) {
        double relu = x[i] >= 2 ? 2 : x[i] >= 0.5 ? x[i] : 0.25 * (x[i] - 0.5);
        assert_true(fabs(got[0][i] - reference_gelu(x[i])) < 1e-14);
        assert_true(fabs(got[1][i] - tanh(x[i])) < 1e-15);
        if (fabs(x[i]) < 4) assert_true(fabs(got[2][i] - x[i]) < 1e-10);
        assert_true(got[3][i] == relu);
    }
    for (int i = 0; i < 4; i++) free(got[i]);
    runner_end(&r);
}

static void test_logic(void **state) {
    (void)state;
    static const uint8_t x[] = {0, 0, 1, 1}, y[] = {0, 1, 0, 1};
    static const uint8_t wanted[4][4] = {{0, 0, 0, 1}, {0, 1, 1, 1}, {0, 1, 1, 0}, {1, 1, 0, 0}};
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value a = runner_input(&r, HP_BOOL, 1, (int64_t[]){1}), b = runner_input(&r, HP_BOOL, 1, (int64_t[]){1});
    for (int op = HP_AND; op <= HP_NOT; op++) {
        hp_value z = hp_emit_logical(&r.b, (hp_logical_op)op, a, op == HP_NOT ? HP_NO_VALUE : b);
        void *got = runner_run_all_ways(&r, (const void *[]){x, y}, 4, z);
        assert_memory_equal(got, wanted[op], 4);
        free(got);
    }
    runner_end(&r);
}

/* ---- in place, and what does nothing */

static void test_in_place(void **state) {
    (void)state;
    enum { ROWS = 3, N = 3000 };
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    float *bias;
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, N});
    hp_value y = hp_emit_binary(&r.b, HP_BINARY_ADD, x, runner_random(&r, 1, (int64_t[]){N}, 1, &bias));
    float *data = random_floats(ROWS * N, 2), *wanted = runner_run(&r, (const void *[]){data}, ROWS, 0, 0, y);
    const hp_node *node = &r.graph.nodes[0];
    void *s;
    hp_prepare prepare = {&r.graph, node, r.kernels, r.constants, NULL, false};
    assert_int_equal(node->prim->prepare(&prepare, &s, NULL), HP_OK);
    assert_int_equal(node->prim->in_place(s), 0);
    void *memory = hp_alloc_aligned(node->prim->workspace(s, ROWS) + 1);
    hp_run run = {(const void *[]){data, bias}, (void *[]){data}, ROWS, 0, node->prim->range(s, ROWS), memory, NULL};
    assert_int_equal(node->prim->run(s, &run), HP_OK);
    assert_memory_equal(data, wanted, ROWS * N * sizeof *data);
    node->prim->release(s);
    hp_free(memory);
    free(bias), free(data), free(wanted);
    runner_end(&r);
}

static void test_trivial(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 4});
    assert_int_equal(hp_emit_cast(&r.b, x, HP_FLOAT32), x);
    assert_int_equal(hp_emit_unary(&r.b, x, HP_UNARY_IDENTITY, 0, 0, 0), x);
    assert_int_equal(r.graph.node_count, 0);
    runner_end(&r);
}

/* ---- refusals */

static void expect_failure(
    hp_status status, bool mixes_rows, const char *part, const operand *a, const operand *b, hp_dtype b_dtype) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_tensor tensors[2] = {
        {HP_FLOAT32, {.rank = a->rank, .rows = a->rows}}, {b_dtype, {.rank = b->rank, .rows = b->rows}}};
    memcpy(tensors[0].shape.dims, a->dims, sizeof a->dims);
    memcpy(tensors[1].shape.dims, b->dims, sizeof b->dims);
    hp_value x = hp_emit_input(&r.b, &tensors[0]), y = hp_emit_input(&r.b, &tensors[1]);
    hp_value z = hp_emit_binary(&r.b, HP_BINARY_ADD, x, y);
    assert_int_equal(z, HP_NO_VALUE);
    assert_int_equal(r.b.status, status);
    assert_int_equal(r.b.mixes_rows, mixes_rows);
    assert_string_equal(r.b.error.where, "test");
    if (!strstr(r.b.error.message, part)) fail_msg("message: %s", r.b.error.message);
    assert_int_equal(hp_emit_cast(&r.b, x, HP_INT32), HP_NO_VALUE); /* sticky */
    assert_int_equal(hp_builder_shape(&r.b, z)->rank, 0);
    runner_end(&r);
}

static void test_refusals(void **state) {
    (void)state;
    expect_failure(HP_ERROR_SHAPE, false, "(rows, 3) and (rows, 4)", &(operand){true, 2, {1, 3}},
        &(operand){true, 2, {1, 4}}, HP_FLOAT32);
    expect_failure(HP_ERROR_SHAPE, false, "int32", &(operand){true, 2, {1, 3}}, &(operand){true, 2, {1, 3}}, HP_INT32);
    expect_failure(
        HP_ERROR_UNSUPPORTED, true, "rows", &(operand){true, 2, {1, 3}}, &(operand){true, 3, {1, 3, 3}}, HP_FLOAT32);
    expect_failure(
        HP_ERROR_UNSUPPORTED, true, "rows", &(operand){true, 2, {1, 3}}, &(operand){false, 2, {5, 3}}, HP_FLOAT32);
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value half = runner_input(&r, HP_FLOAT16, 1, (int64_t[]){1});
    hp_emit_unary(&r.b, half, HP_UNARY_EXP, 0, 0, 0);
    assert_int_equal(r.b.status, HP_ERROR_UNSUPPORTED);
    assert_non_null(strstr(r.b.error.message, "exp of float16"));
    runner_end(&r);
    runner_start(&r, hp_kernels_select(NULL));
    hp_emit_unary(&r.b, runner_input(&r, HP_INT32, 1, (int64_t[]){1}), HP_UNARY_RELU, 0.5F, INFINITY, 0);
    assert_int_equal(r.b.status, HP_ERROR_UNSUPPORTED);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broadcasts),
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_unary_of_repeating),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_casts),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_logic),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_trivial),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

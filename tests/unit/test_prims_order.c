/* test_prims_order.c: the primitives sort, take_along, scatter, ctc_beam, fft and bitcast, and integers bit by bit. */
#include "prim_runner.h"

static void sorted_with_ties_and_nan(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    enum { ROWS = 3, N = 5 };
    float x[ROWS][N] = {{3, NAN, -1, 3, 0}, {2, 2, 2, 1, 2}, {-5, 4, -INFINITY, INFINITY, 4}};
    static const float up[ROWS][N] = {{-1, 0, 3, 3, NAN}, {1, 2, 2, 2, 2}, {-INFINITY, -5, 4, 4, INFINITY}};
    static const int32_t up_places[ROWS][N] = {{2, 4, 0, 3, 1}, {3, 0, 1, 2, 4}, {2, 0, 1, 4, 3}};
    static const int32_t down_places[ROWS][N] = {{1, 0, 3, 4, 2}, {0, 1, 2, 4, 3}, {3, 1, 4, 0, 2}};
    hp_value in = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, N}), places, other_places;
    hp_value y = hp_emit_sort(&r.b, in, -1, false, &places);
    hp_emit_sort(&r.b, in, 1, true, &other_places);
    const void *inputs[] = {x};
    float *values = runner_run_all_ways(&r, inputs, ROWS, y);
    for (int i = 0; i < ROWS * N; i++) {
        float wanted = ((const float *)up)[i];
        assert_true(isnan(wanted) ? isnan(values[i]) : values[i] == wanted);
    }
    free(values);
    void *found = runner_run_all_ways(&r, inputs, ROWS, places);
    assert_memory_equal(found, up_places, sizeof up_places);
    free(found);
    found = runner_run_all_ways(&r, inputs, ROWS, other_places);
    assert_memory_equal(found, down_places, sizeof down_places);
    free(found);
    runner_end(&r);
}

static void sorted_integers(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    int64_t x[4] = {INT64_MAX, INT64_MAX - 1, INT64_MIN, 0}; /* a double cannot tell the first two apart */
    static const int64_t down[4] = {INT64_MAX, INT64_MAX - 1, 0, INT64_MIN};
    hp_value y = hp_emit_sort(&r.b, runner_input(&r, HP_INT64, 2, (int64_t[]){1, 4}), 1, true, NULL);
    const void *inputs[] = {x};
    void *values = runner_run(&r, inputs, 1, 0, 0, y);
    assert_memory_equal(values, down, sizeof down);
    free(values);
    runner_end(&r);
}

static void taken_along(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    float x[2][3] = {{1, 2, 3}, {4, 5, 6}};
    int32_t at[2][2] = {{-1, 0}, {1, 1}};
    static const float wanted[2][2] = {{3, 1}, {5, 5}};
    hp_value table = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 3});
    hp_value y = hp_emit_take_along(&r.b, table, runner_input(&r, HP_INT32, 2, (int64_t[]){1, 2}), 1);
    const void *inputs[] = {x, at};
    float *values = runner_run_all_ways(&r, inputs, 2, y);
    assert_memory_equal(values, wanted, sizeof wanted);
    free(values);
    runner_end(&r);
}

/* One graph of no rows: the updates one after the other. */
static void scattered(void **state) {
    (void)state;
    static const struct {
        hp_scatter op;
        float wanted[6];
    } cases[] = {{HP_SCATTER_REPLACE, {1, 2, 7, 4, 9, 6}}, {HP_SCATTER_ADD, {1, 2, 15, 4, 14, 6}},
        {HP_SCATTER_MAX, {1, 2, 7, 4, 9, 6}}, {HP_SCATTER_MIN, {1, 2, 3, 4, 5, 6}},
        {HP_SCATTER_MULTIPLY, {1, 2, 105, 4, 45, 6}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        r.graph.batch_rows = 1;
        float x[6] = {1, 2, 3, 4, 5, 6}, updates[3] = {5, 9, 7};
        int32_t at[6] = {0, 2, 1, 1, 0, 2};
        hp_value in = hp_emit_literal(&r.b, HP_FLOAT32, 2, (int64_t[]){2, 3}, x);
        hp_value places = hp_emit_literal(&r.b, HP_INT32, 2, (int64_t[]){3, 2}, at);
        hp_value y = hp_emit_scatter(
            &r.b, in, places, hp_emit_literal(&r.b, HP_FLOAT32, 1, (int64_t[]){3}, updates), cases[i].op);
        float *values = runner_run(&r, NULL, 1, 0, 0, y);
        assert_memory_equal(values, cases[i].wanted, sizeof cases[i].wanted);
        free(values);
        runner_end(&r);
    }
}

static void blocks_scattered(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    int64_t x[6] = {INT64_MAX, 0, 0, 0, 0, 0}, updates[4] = {1, 2, 3, 4};
    static const int64_t wanted[6] = {INT64_MIN, 2, 0, 0, 3, 4};
    int8_t at[2] = {0, 2};
    hp_value in = hp_emit_literal(&r.b, HP_INT64, 2, (int64_t[]){3, 2}, x);
    hp_value places = hp_emit_literal(&r.b, HP_INT8, 2, (int64_t[]){2, 1}, at);
    hp_value y = hp_emit_scatter(
        &r.b, in, places, hp_emit_literal(&r.b, HP_INT64, 2, (int64_t[]){2, 2}, updates), HP_SCATTER_ADD);
    void *values = runner_run(&r, NULL, 1, 0, 0, y);
    assert_memory_equal(values, wanted, sizeof wanted);
    free(values);
    /* updates that do not fit are refused */
    hp_emit_scatter(&r.b, in, places, hp_emit_literal(&r.b, HP_INT64, 1, (int64_t[]){2}, updates), HP_SCATTER_ADD);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    r.b.status = HP_OK;
    runner_end(&r);
}

/* Fewer or more elements of the same bytes along the last axis. */
static void other_sizes(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    int32_t x[2][2] = {{1, 0x01020304}, {-1, 7}};
    hp_value in = runner_input(&r, HP_INT32, 2, (int64_t[]){1, 2});
    hp_value bytes = hp_emit_bitcast(&r.b, in, HP_UINT8), wide = hp_emit_bitcast(&r.b, bytes, HP_INT64);
    assert_int_equal(hp_builder_shape(&r.b, bytes)->dims[1], 8);
    assert_int_equal(hp_builder_shape(&r.b, wide)->dims[1], 1);
    const void *inputs[] = {x};
    void *values = runner_run(&r, inputs, 2, 0, 0, hp_emit_transpose(&r.b, wide, (int[]){0, 1}));
    assert_memory_equal(values, x, sizeof x);
    free(values);
    hp_emit_bitcast(&r.b, runner_input(&r, HP_INT8, 2, (int64_t[]){1, 3}), HP_INT16);
    assert_int_equal(r.b.status, HP_ERROR_UNSUPPORTED);
    r.b.status = HP_OK;
    runner_end(&r);
}

/* A beam that holds all prefixes finds the labels whose alignments are the likeliest together. */
static void likeliest_labels(void **state) {
    (void)state;
    enum { BATCH = 3, STEPS = 4, CLASSES = 3, SEQUENCES = 1 << (2 * STEPS) };
    float *x = random_floats(BATCH * STEPS * CLASSES, 5);
    static const int32_t lengths[BATCH] = {4, 3, 0};
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    r.graph.batch_rows = 1;
    hp_value in = hp_emit_literal(&r.b, HP_FLOAT32, 3, (int64_t[]){BATCH, STEPS, CLASSES}, x), y[2];
    hp_emit_ctc_beam(&r.b, in, hp_emit_literal(&r.b, HP_INT32, 1, (int64_t[]){BATCH}, lengths), 100, 1, y);
    int32_t *labels = runner_run(&r, NULL, 1, 0, 0, y[0]);
    float *scores = runner_run(&r, NULL, 1, 0, 0, y[1]);
    for (int b = 0; b < BATCH; b++) {
        double of[SEQUENCES] = {0};
        int count = 1, best = 0;
        for (int t = 0; t < lengths[b]; t++) count *= CLASSES;
        for (int alignment = 0; alignment < count; alignment++) {
            int rest = alignment, last = CLASSES - 1, code = 0;
            double likelihood = 1;
            for (int t = 0; t < lengths[b]; t++, rest /= CLASSES) {
                const float *row = x + (b * STEPS + t) * CLASSES;
                int label = rest % CLASSES;
                double sum = 0;
                for (int k = 0; k < CLASSES; k++) sum += exp(row[k]);
                likelihood *= exp(row[label]) / sum;
                if (label != CLASSES - 1 && label != last) code = code * 4 + label + 1;
                last = label;
            }
            of[code] += likelihood;
        }
        for (int code = 1; code < SEQUENCES; code++)
            if (of[code] > of[best]) best = code;
        int found = 0;
        for (int t = 0; t < STEPS; t++)
            if (labels[b * STEPS + t] >= 0) found = found * 4 + labels[b * STEPS + t] + 1;
        assert_int_equal(found, best);
        assert_true(fabs(scores[b] - log(of[best])) < 1e-6);
    }
    free(labels);
    free(scores);
    /* lengths that do not fit */
    hp_emit_ctc_beam(&r.b, in, hp_emit_literal(&r.b, HP_INT32, 1, (int64_t[]){2}, lengths), 100, 1, y);
    assert_int_equal(r.b.status, HP_ERROR_SHAPE);
    r.b.status = HP_OK;
    runner_end(&r);
    free(x);
}

/* What follows from constants alone is known while lowering. */
static void known_numbers(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value in = runner_input(&r, HP_INT32, 2, (int64_t[]){1, 2});
    hp_value three = hp_emit_literal(&r.b, HP_INT32, 1, (int64_t[]){1}, (int32_t[]){3});
    hp_value pair = hp_emit_literal(&r.b, HP_INT32, 1, (int64_t[]){2}, (int32_t[]){5, -7});
    hp_value parts[2] = {three, hp_emit_binary(&r.b, HP_BINARY_MULTIPLY, pair, three)};
    int64_t numbers[4];
    assert_int_equal(hp_builder_known(&r.b, hp_emit_concat(&r.b, parts, 2, 0), numbers, NULL, 4), 3);
    assert_memory_equal(numbers, ((int64_t[]){3, 15, -21}), 3 * sizeof *numbers);
    assert_int_equal(hp_builder_known(&r.b, hp_emit_concat(&r.b, parts, 2, 0), numbers, NULL, 2), -1);
    assert_int_equal(hp_builder_known(&r.b, in, numbers, NULL, 4), -1);
    runner_end(&r);
}

/* The number of rows: known as so many times itself, and only so. */
static void known_rows(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value sizes = hp_emit_sizes(&r.b, runner_input(&r, HP_INT32, 2, (int64_t[]){3, 2}));
    hp_value six = hp_emit_literal(&r.b, HP_INT64, 1, (int64_t[]){1}, (int64_t[]){6});
    int64_t numbers[4];
    bool rows[4];
    assert_int_equal(hp_builder_known(&r.b, sizes, numbers, NULL, 4), -1);
    assert_int_equal(hp_builder_known(&r.b, sizes, numbers, rows, 4), 2);
    assert_true(numbers[0] == 3 && rows[0] && numbers[1] == 2 && !rows[1]);
    hp_value six_times = hp_emit_binary(&r.b, HP_BINARY_MULTIPLY, sizes, six);
    assert_int_equal(hp_builder_known(&r.b, six_times, numbers, rows, 4), 2);
    assert_true(numbers[0] == 18 && rows[0] && numbers[1] == 12 && !rows[1]);
    hp_value none = hp_emit_binary(&r.b, HP_BINARY_SUBTRACT, sizes, sizes);
    assert_int_equal(hp_builder_known(&r.b, none, numbers, rows, 4), 2);
    assert_true(numbers[0] == 0 && !rows[0]);
    hp_value more = hp_emit_binary(&r.b, HP_BINARY_ADD, sizes, six);
    assert_int_equal(hp_builder_known(&r.b, more, numbers, rows, 4), -1);
    hp_value least = hp_emit_binary(&r.b, HP_BINARY_MINIMUM, sizes, six);
    assert_int_equal(hp_builder_known(&r.b, least, numbers, rows, 4), -1);
    /* a constant of the same bytes is another value */
    assert_int_not_equal(hp_emit_literal(&r.b, HP_INT64, 1, (int64_t[]){2}, (int64_t[]){3, 2}), sizes);
    hp_builder_check_row_counts(&r.b);
    assert_false(r.b.mixes_rows);
    r.graph.outputs = &six_times;
    r.graph.output_count = 1;
    hp_builder_check_row_counts(&r.b);
    assert_true(r.b.mixes_rows);
    r.b.status = HP_OK;
    r.graph.output_count = 0;
    runner_end(&r);
}

static void index_outside(void **state) {
    (void)state;
    int64_t at[2] = {0, 3};
    float x[6] = {0}, y[2];
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value table = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 3});
    hp_emit_take_along(&r.b, table, runner_input(&r, HP_INT64, 2, (int64_t[]){1, 1}), 1);
    runner_check(&r);
    const hp_node *node = &r.graph.nodes[r.graph.node_count - 1];
    assert_string_equal(node->prim->name, "take_along");
    void *state_of = NULL;
    hp_error error = {0};
    hp_prepare prepare = {&r.graph, node, r.kernels, r.constants, NULL, false};
    assert_int_equal(node->prim->prepare(&prepare, &state_of, &error), HP_OK);
    const void *inputs[] = {x, at};
    void *outputs[] = {y};
    hp_run run = {inputs, outputs, 2, 0, node->prim->range(state_of, 2), NULL, &error};
    assert_int_equal(node->prim->run(state_of, &run), HP_ERROR_ROW);
    assert_int_equal(error.row, 1);
    node->prim->release(state_of);
    runner_end(&r);
}

static void check_transform(int64_t n, bool inverse) {
    enum { ROWS = 2 };
    float *re = random_floats((size_t)(ROWS * n), 1), *im = random_floats((size_t)(ROWS * n), 2);
    double *wanted = malloc((size_t)(ROWS * n) * sizeof *wanted);
    for (int part = 0; part < 2; part++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        hp_value pair[2], y[2];
        for (int i = 0; i < 2; i++) pair[i] = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, n});
        hp_emit_fft(&r.b, pair[0], pair[1], inverse, y);
        for (int64_t row = 0; row < ROWS; row++)
            for (int64_t k = 0; k < n; k++) {
                double sum[2] = {0, 0};
                for (int64_t i = 0; i < n; i++) {
                    double angle = (inverse ? 1 : -1) * 2 * acos(-1) * (double)(i * k % n) / (double)n;
                    double a = re[row * n + i], c = im[row * n + i];
                    sum[0] += a * cos(angle) - c * sin(angle);
                    sum[1] += a * sin(angle) + c * cos(angle);
                }
                wanted[row * n + k] = sum[part] / (inverse ? (double)n : 1);
            }
        const void *inputs[] = {re, im};
        float *values = runner_run_all_ways(&r, inputs, ROWS, y[part]);
        assert_close(values, wanted, (size_t)(ROWS * n), 1e-6);
        free(values);
        runner_end(&r);
    }
    free(re);
    free(im);
    free(wanted);
}

static void transforms_of_any_length(void **state) {
    (void)state;
    static const int64_t lengths[] = {1, 2, 3, 4, 6, 7, 8, 12, 15, 31, 60, 64, 77};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int inverse = 0; inverse < 2; inverse++) check_transform(lengths[i], inverse);
}

static void same_bytes(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    float x[3] = {1, -0.0F, INFINITY};
    static const uint32_t bits[3] = {0x3f800000, 0x80000000, 0x7f800000};
    hp_value y = hp_emit_bitcast(&r.b, runner_input(&r, HP_FLOAT32, 2, (int64_t[]){1, 3}), HP_INT32);
    const void *inputs[] = {x};
    void *values = runner_run(&r, inputs, 1, 0, 0, y);
    assert_memory_equal(values, bits, sizeof bits);
    free(values);
    assert_int_equal(hp_emit_bitcast(&r.b, y, HP_FLOAT64), HP_NO_VALUE); /* of another size */
    runner_end(&r);
}

static void shifts_and_divisors(void **state) {
    (void)state;
    static const struct {
        hp_logical_op op;
        int8_t x, y, wanted;
    } cases[] = {{HP_SHIFT_LEFT, 3, 2, 12}, {HP_SHIFT_LEFT, 3, 8, 0}, {HP_SHIFT_LEFT, 3, -1, 3},
        {HP_SHIFT_RIGHT, -5, 1, -3}, {HP_SHIFT_RIGHT, -5, 100, -1}, {HP_SHIFT_RIGHT, 100, 100, 0}, {HP_GCD, -12, 18, 6},
        {HP_GCD, 0, 0, 0}, {HP_XOR, 5, 3, 6}, {HP_AND, -1, 6, 6}, {HP_OR, 8, 1, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        hp_value pair[2];
        for (int k = 0; k < 2; k++) pair[k] = runner_input(&r, HP_INT8, 2, (int64_t[]){1, 1});
        hp_value y = hp_emit_logical(&r.b, cases[i].op, pair[0], pair[1]);
        const void *inputs[] = {&cases[i].x, &cases[i].y};
        int8_t *value = runner_run(&r, inputs, 1, 0, 0, y);
        if (*value != cases[i].wanted) fail_msg("case %zu: %d", i, *value);
        free(value);
        runner_end(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_with_ties_and_nan),
        cmocka_unit_test(sorted_integers),
        cmocka_unit_test(taken_along),
        cmocka_unit_test(scattered),
        cmocka_unit_test(blocks_scattered),
        cmocka_unit_test(other_sizes),
        cmocka_unit_test(likeliest_labels),
        cmocka_unit_test(known_numbers),
        cmocka_unit_test(known_rows),
        cmocka_unit_test(index_outside),
        cmocka_unit_test(transforms_of_any_length),
        cmocka_unit_test(same_bytes),
        cmocka_unit_test(shifts_and_divisors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

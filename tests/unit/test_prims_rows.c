/* test_prims_rows.c: values whose rows are not outermost while lowering (prims/builder_rows.h): what is done to them with
 * free rows gives the bytes that a graph of so many rows gives, and everything else mixes rows. */
#include "unit/prim_runner.h"
#include "prims/builder_rows.h"

enum { ROWS = 5, TIME = 3, FEATURES = 4 };
static const int time_first[] = {1, 0, 2};

static hp_value sum_of(runner *r, hp_value x, hp_value y) {
    return hp_emit_binary(&r->b, HP_BINARY_ADD, x, y);
}

static hp_value largest(runner *r, hp_value x, int axis, bool keepdims) {
    return hp_emit_reduce(&r->b, x, HP_REDUCTION_MAX, &axis, 1, keepdims);
}

/* Done to x[time, rows, features]; the result has the rows first. */
static hp_value on_time_first(runner *r, int which, hp_value x) {
    hp_builder *b = &r->b;
    const int64_t rows = hp_builder_shape(b, x)->dims[1];
    hp_value features = runner_random(r, 1, (int64_t[]){FEATURES}, 3, NULL), y;
    switch (which) {
    case 0:
        y = hp_emit_unary(b, sum_of(r, sum_of(r, x, features), hp_emit_float(b, 2)), HP_UNARY_TANH, 0, 0, 0);
        return hp_emit_transpose(b, sum_of(r, y, x), time_first);
    case 1:
        y = hp_emit_gemm(b, x, runner_random(r, 2, (int64_t[]){FEATURES, 6}, 4, NULL), HP_NO_VALUE);
        return hp_emit_transpose(b, y, time_first);
    case 2:
        return hp_emit_transpose(b, hp_emit_softmax(b, x, 2, false), time_first);
    case 3:
        return hp_emit_transpose(b, hp_emit_normalise(b, x, features, features, 1, 1e-3, false), time_first);
    case 4:
        y = hp_emit_slice(b, x, (int64_t[]){2, 0, 1}, (int64_t[]){2, rows, 2}, (int64_t[]){-1, 1, 2}); /* backwards */
        return hp_emit_transpose(b, y, time_first);
    case 5:
        y = hp_emit_concat(b, (hp_value[]){x, hp_emit_concat(b, (hp_value[]){x, x}, 2, 0)}, 2, 0);
        return hp_emit_transpose(b, hp_emit_concat(b, (hp_value[]){y, y}, 2, -1), time_first);
    case 6: /* [rows, features], [rows, 1], [time, rows] */
        return sum_of(r, largest(r, x, 0, false),
            hp_emit_transpose(b, largest(r, largest(r, x, 2, false), 0, true), (int[]){1, 0}));
    case 7: /* the last step, its axis gone, and another one there */
        y = hp_emit_slice(b, x, (int64_t[]){TIME - 1, 0, 0}, (int64_t[]){1, rows, FEATURES}, (int64_t[]){1, 1, 1});
        y = hp_emit_reshape(b, y, 2, (int64_t[]){rows, FEATURES});
        return hp_emit_reshape(b, y, 3, (int64_t[]){hp_builder_shape(b, y)->dims[0], 1, FEATURES});
    case 8: /* an axis of 1 before and one behind */
        y = hp_emit_reshape(b, x, 5, (int64_t[]){1, TIME, rows, FEATURES, 1});
        return hp_emit_transpose(b, sum_of(r, y, y), (int[]){2, 0, 4, 1, 3});
    default:
        y = hp_emit_transpose(
            b, hp_emit_transpose(b, x, (int[]){2, 1, 0}), (int[]){0, 2, 1}); /* [features, time, rows] */
        return hp_emit_transpose(b, hp_emit_cast(b, y, HP_FLOAT64), (int[]){2, 0, 1});
    }
}

static void *computed(int which, bool fixed, const float *values, size_t *bytes) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_tensor tensor = {HP_FLOAT32, {3, !fixed, {fixed ? ROWS : 1, TIME, FEATURES}}};
    if (fixed) r.graph.batch_rows = ROWS;
    hp_value x = hp_emit_input(&r.b, &tensor);
    hp_value y = on_time_first(&r, which, hp_emit_transpose(&r.b, x, time_first));
    runner_check(&r);
    assert_int_equal(hp_value_rows_axis(&r.graph, y), fixed ? -1 : 0);
    *bytes = runner_bytes(&r, y, fixed ? 1 : ROWS);
    void *result = runner_run(&r, (const void *const[]){values}, fixed ? 1 : ROWS, fixed ? 1 : 2, 0, y);
    runner_end(&r);
    return result;
}

static void test_transposed(void **state) {
    (void)state;
    float *values = random_floats((size_t)ROWS * TIME * FEATURES, 1);
    for (int which = 0; which <= 9; which++) {
        size_t bytes, wanted_bytes;
        void *got = computed(which, false, values, &bytes), *wanted = computed(which, true, values, &wanted_bytes);
        assert_int_equal(bytes, wanted_bytes);
        if (memcmp(got, wanted, bytes) != 0) fail_msg("case %d", which);
        free(got);
        free(wanted);
    }
    free(values);
}

/* ---- what asks for the place of the rows */

static void refuse(runner *r, int which, hp_value x) {
    hp_builder *b = &r->b;
    hp_shape shape = *hp_builder_shape(b, x);
    static const float numbers[TIME * FEATURES] = {1};
    switch (which) {
    case 0: /* over the rows */
        largest(r, x, 1, false);
        break;
    case 1: /* one of them */
        hp_emit_slice(b, x, (int64_t[]){0, 0, 0}, (int64_t[]){TIME, 1, FEATURES}, (int64_t[]){1, 1, 1});
        break;
    case 2: /* with other numbers for each step */
        sum_of(r, x, hp_emit_floats(b, 3, (int64_t[]){TIME, 1, FEATURES}, numbers));
        break;
    case 3: /* with themselves, elsewhere */
        sum_of(r, x, hp_emit_transpose(b, hp_emit_transpose(b, x, time_first), (int[]){2, 0, 1}));
        break;
    case 4:
        hp_emit_cumulate(b, x, false, 0, false);
        break;
    case 5:
        hp_emit_sizes(b, x);
        break;
    case 6: /* a tensor of their shape */
        hp_emit_fill(b, HP_FLOAT32, &shape, 1);
        break;
    case 7:
        hp_emit_reshape(b, x, 2, (int64_t[]){TIME, -1});
        break;
    case 8: /* a failure that whole batches need not have */
        hp_emit_reshape(b, x, 2, (int64_t[]){TIME, ROWS * FEATURES});
        break;
    case 9:
        sum_of(r, x, hp_emit_floats(b, 3, (int64_t[]){TIME, ROWS, FEATURES}, (float[TIME * ROWS * FEATURES]){0}));
        break;
    case 10:
        hp_emit_concat(b,
            (hp_value[]){x, hp_emit_floats(b, 3, (int64_t[]){1, ROWS, FEATURES}, (float[ROWS * FEATURES]){0})}, 2, 0);
        break;
    default: /* the last axis, to a matrix */
        x = hp_emit_transpose(b, x, (int[]){0, 2, 1});
        hp_emit_gemm(b, x, runner_random(r, 2, (int64_t[]){ROWS, 2}, 4, NULL), HP_NO_VALUE);
    }
}

static void test_mixing(void **state) {
    (void)state;
    for (int which = 0; which <= 11; which++) {
        runner r;
        runner_start(&r, hp_kernels_select(NULL));
        hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, TIME, FEATURES});
        refuse(&r, which, hp_emit_transpose(&r.b, x, time_first));
        if (r.b.status == HP_OK || !r.b.mixes_rows) fail_msg("case %d", which);
        assert_string_equal(r.b.mixes_rows_where, "test: a transposition moves the rows' axis");
        runner_end(&r);
    }
}

/* ---- blocks of images */

static void test_blocks(void **state) {
    (void)state;
    enum { BLOCKS = 2, SIZE = 6 };
    float *values = random_floats((size_t)ROWS * BLOCKS * SIZE, 1);
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 2, (int64_t[]){BLOCKS, SIZE}), back;
    hp_value y = hp_builder_rows_within(&r.b, x, BLOCKS);
    y = hp_emit_softmax(&r.b, sum_of(&r, y, runner_random(&r, 1, (int64_t[]){SIZE}, 3, NULL)), 1, false);
    y = hp_emit_reshape(&r.b, y, 3, (int64_t[]){-1, 2, SIZE / 2});
    assert_int_equal(hp_builder_rows_without(&r.b, y, BLOCKS + 1), HP_NO_VALUE);
    back = hp_builder_rows_without(&r.b, y, BLOCKS);
    assert_int_equal(hp_value_rows_axis(&r.graph, back), 0);
    hp_value wanted = hp_emit_softmax(&r.b, sum_of(&r, x, runner_random(&r, 1, (int64_t[]){SIZE}, 3, NULL)), 1, false);
    float *got = runner_run(&r, (const void *const[]){values}, ROWS, 2, 0, back);
    float *plain = runner_run(&r, (const void *const[]){values}, ROWS, 2, 0, wanted);
    assert_memory_equal(got, plain, sizeof *got * ROWS * BLOCKS * SIZE);
    assert_int_equal(sum_of(&r, y, y) == HP_NO_VALUE, false);
    hp_emit_reshape(&r.b, y, 2, (int64_t[]){1, BLOCKS * SIZE}); /* blocks of one row side by side, as they are not */
    assert_true(r.b.mixes_rows);
    assert_non_null(strstr(r.b.mixes_rows_where, "blocks of an image"));
    free(got);
    free(plain);
    free(values);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transposed),
        cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Steps that work in place: a plan gives the bytes of its nodes run one by one, each in a buffer of its own. */
#include "graph/plan.h"
#include "unit/prim_runner.h"

enum { ROWS = 9 };

/* Runs the graph both ways and compares; `output` is its one output. The graph passes to the plan. Returns the bytes of a
 * worker's values for one row. */
static size_t compare(runner *r, const void *const *inputs, hp_value output) {
    hp_error error = {0};
    runner_check(r);
    r->graph.outputs = hp_arena_copy(&r->graph.arena, &output, sizeof output);
    r->graph.output_count = 1;
    size_t bytes = runner_bytes(r, output, ROWS);
    void *wanted = runner_run(r, inputs, ROWS, 0, 0, output);
    hp_plan *plan;
    hp_plan_options options = {.level1 = 32 << 10, .level2 = 512 << 10};
    if (hp_plan_new(&r->graph, r->constants, r->kernels, &options, &plan, &error) != HP_OK)
        fail_msg("%s", error.message);
    const int64_t block = plan->block_rows < ROWS ? plan->block_rows : ROWS;
    void *memory = hp_alloc_aligned(hp_plan_memory(plan) + 64), *got = hp_alloc_aligned(bytes + 64);
    hp_plan_bind(plan, memory);
    for (int64_t row = 0; row < ROWS; row += block) {
        const void *in[2] = {0};
        for (size_t i = 0; i < plan->graph.input_count; i++)
            in[i] = (const char *)inputs[i] + (size_t)row * plan->slots[plan->graph.inputs[i]].row_bytes;
        void *out = (char *)got + (size_t)row * (bytes / ROWS);
        int64_t rows = ROWS - row < block ? ROWS - row : block;
        if (hp_plan_run(plan, memory, in, &out, rows, NULL, &error) != HP_OK) fail_msg("%s", error.message);
    }
    assert_memory_equal(got, wanted, bytes);
    size_t values = plan->values_bytes / (size_t)plan->block_rows;
    hp_plan_free(plan);
    hp_free(memory), hp_free(got), free(wanted);
    runner_end(r);
    return values;
}

/* The usual case, through several kinds of step. */
static void test_chain(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 6, 10});
    hp_value y = hp_emit_softmax(&r.b, hp_emit_unary(&r.b, x, HP_UNARY_TANH, 0, 0, 0), -1, false);
    y = hp_emit_cumulate(&r.b, y, false, 1, true);
    y = hp_emit_normalise(&r.b, y, HP_NO_VALUE, HP_NO_VALUE, 1, 1e-3, false);
    y = hp_emit_cast(&r.b, hp_emit_unary(&r.b, y, HP_UNARY_AFFINE, 100, 0, 0), HP_INT32);
    float *data = random_floats(ROWS * 60, 1);
    compare(&r, (const void *[]){data}, hp_emit_binary(&r.b, HP_BINARY_ADD, y, y));
    free(data);
}

/* As many bytes a row, but not as many elements: eight int64 that are broadcast give 64 bools. Written over their
 * input, the first results would destroy what the later ones read. */
static void test_broadcast_of_equal_bytes(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_INT64, 3, (int64_t[]){1, 1, 40});
    hp_value y = runner_input(&r, HP_INT64, 3, (int64_t[]){1, 8, 40});
    hp_value negative = hp_emit_cumulate(&r.b, x, false, 2, false); /* made by a step, dies in the next */
    hp_value less = hp_emit_compare(&r.b, HP_LESS, negative, y);
    int64_t *a = malloc(ROWS * 40 * sizeof *a), *b = malloc(ROWS * 320 * sizeof *b);
    for (int i = 0; i < ROWS * 40; i++) a[i] = i * 7919 % 1001 - 500;
    for (int i = 0; i < ROWS * 320; i++) b[i] = (i * 104729LL) % 4001 - 2000;
    /* the result must not be the caller's array directly: one more step */
    compare(&r, (const void *[]){a, b},
        hp_emit_pad(&r.b, less, (int64_t[]){0, 1, 0}, (int64_t[]){0, 0, 0}, HP_PAD_CONSTANT, 0));
    free(a), free(b);
}

static hp_value conv(runner *r, hp_value x, int64_t taps, int64_t channels, int64_t filters) {
    hp_conv_params params = {.spatial = 2,
        .groups = 1,
        .strides = {1, 1},
        .dilation = {1, 1},
        .pad_before = {taps / 2, taps / 2},
        .pad_after = {taps / 2, taps / 2}};
    hp_value w = runner_random(r, 4, (int64_t[]){taps, taps, channels, filters}, (unsigned)(taps + filters), NULL);
    return hp_emit_conv(&r->b, x, w, HP_NO_VALUE, &params);
}

/* Blocks as a ResNet has them: what goes around a block is where the block's result is computed, even where a convolution
 * between them takes several rows at a time. */
static void residuals(int64_t taps, int64_t channels) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 8, 8, channels});
    hp_value y = conv(&r, x, 1, channels, 4 * channels);
    for (int i = 0; i < 3; i++) {
        hp_value inner = conv(&r, conv(&r, y, 1, 4 * channels, channels), taps, channels, channels);
        inner = conv(&r, hp_emit_unary(&r.b, inner, HP_UNARY_TANH, 0, 0, 0), 1, channels, 4 * channels);
        y = hp_emit_binary(&r.b, HP_BINARY_ADD, inner, y);
    }
    y = hp_emit_reduce(&r.b, y, HP_REDUCTION_MEAN, (int[]){1, 2}, 2, false);
    float *data = random_floats((size_t)(ROWS * 64 * channels), 3);
    const size_t wide = (size_t)(64 * 4 * channels) * sizeof(float);
    assert_true(compare(&r, (const void *[]){data}, y) < 2 * wide);
    free(data);
}

static void test_residuals(void **state) {
    (void)state;
    residuals(1, 16);
    residuals(3, 64); /* transformed weights that want several rows */
}

/* The residual is the input too: it may not be written over. */
static void test_residual_that_is_read_otherwise(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 8, 8, 16});
    hp_value y = conv(&r, x, 1, 16, 16);
    y = hp_emit_binary(&r.b, HP_BINARY_ADD, conv(&r, y, 1, 16, 16), y);
    float *data = random_floats(ROWS * 64 * 16, 3);
    compare(&r, (const void *[]){data}, hp_emit_reduce(&r.b, y, HP_REDUCTION_MEAN, (int[]){1, 2}, 2, false));
    free(data);
}

/* Parts of joint values, made and read where these lie: in a tile, across segments of other tiles, in the caller's output. */
static void parts(int64_t channels, bool joint_output) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 8, 8, channels}), inner;
    hp_value y = conv(&r, x, 1, channels, channels);
    for (int64_t i = 1; i < 4; i++) {
        inner = conv(&r, hp_emit_unary(&r.b, y, HP_UNARY_RELU, 0, INFINITY, 0), 1, i * channels, 2 * channels);
        inner = conv(&r, inner, 3, 2 * channels, channels);
        y = hp_emit_concat(&r.b, (hp_value[]){y, inner}, 2, 3);
    }
    if (!joint_output) y = hp_emit_reduce(&r.b, y, HP_REDUCTION_MEAN, (int[]){1, 2}, 2, false);
    float *data = random_floats((size_t)(ROWS * 64 * channels), 3);
    compare(&r, (const void *[]){data}, y);
    free(data);
}

static void test_parts(void **state) {
    (void)state;
    for (int joint_output = 0; joint_output < 2; joint_output++) {
        parts(5, joint_output);
        parts(16, joint_output);
        parts(64, joint_output);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_broadcast_of_equal_bytes),
        cmocka_unit_test(test_residuals),
        cmocka_unit_test(test_residual_that_is_read_otherwise),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

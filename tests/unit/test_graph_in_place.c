/* Steps that work in place: a plan gives the bytes of its nodes run one by one, each in a buffer of its own. */
#include "graph/plan.h"
#include "unit/prim_runner.h"

enum { ROWS = 9 };

/* Runs the graph both ways and compares; `output` is its one output. The graph passes to the plan. */
static void compare(runner *r, const void *const *inputs, hp_value output) {
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
    assert_true(plan->block_rows >= ROWS);
    void *memory = hp_alloc_aligned(hp_plan_memory(plan) + 64), *got = hp_alloc_aligned(bytes + 64);
    hp_plan_bind(plan, memory);
    if (hp_plan_run(plan, memory, inputs, &got, ROWS, NULL, &error) != HP_OK) fail_msg("%s", error.message);
    assert_memory_equal(got, wanted, bytes);
    hp_plan_free(plan);
    hp_free(memory), hp_free(got), free(wanted);
    runner_end(r);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_broadcast_of_equal_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

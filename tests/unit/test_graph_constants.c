/* What a plan keeps of the constants: a folded kernel goes once it is packed, one that steps read stays as long as a plan
 * that reads it, and a second plan finds the packed one. */
#include "graph/plan.h"
#include "unit/prim_runner.h"

enum { CHANNELS = 64 };

typedef struct made {
    hp_plan *plan;
    float *data, *wanted;
    size_t bytes, input_bytes;
} made;

/* A product and a depthwise convolution, each with a factor per channel that is folded, over images of size x size. The kernels
 * are weights: the same constants in every graph of the model. */
static made make(hp_constants *constants, hp_constant *const weights[3], int64_t size) {
    runner r = {.constants = constants, .kernels = hp_kernels_select(NULL)};
    hp_error error = {0};
    r.b.graph = &r.graph;
    r.b.constants = constants;
    r.b.layer = "test";
    hp_conv_params params = {
        .spatial = 2, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}};
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, size, size, CHANNELS}), w[3];
    for (int i = 0; i < 3; i++) w[i] = hp_emit_constant(&r.b, weights[i]);
    hp_value y = hp_emit_binary(&r.b, HP_BINARY_MULTIPLY, hp_emit_gemm(&r.b, x, w[0], HP_NO_VALUE), w[2]);
    y = hp_emit_binary(&r.b, HP_BINARY_MULTIPLY, hp_emit_depthwise(&r.b, y, w[1], HP_NO_VALUE, &params), w[2]);
    runner_check(&r);
    r.graph.outputs = hp_arena_copy(&r.graph.arena, &y, sizeof y);
    r.graph.output_count = 1;
    made m = {.bytes = runner_bytes(&r, y, 1), .input_bytes = runner_bytes(&r, x, 1)};
    m.data = random_floats(m.input_bytes / sizeof(float), 5);
    m.wanted = runner_run(&r, (const void *[]){m.data}, 1, 0, 0, y);
    hp_plan_options options = {.level1 = 32 << 10, .level2 = 512 << 10};
    if (hp_plan_new(&r.graph, constants, r.kernels, &options, &m.plan, &error) != HP_OK) fail_msg("%s", error.message);
    return m;
}

static void check(const made *m) {
    hp_error error = {0};
    void *memory = hp_alloc_aligned(hp_plan_memory(m->plan) + 64), *got = malloc(m->bytes);
    hp_plan_bind(m->plan, memory);
    if (hp_plan_run(m->plan, memory, (const void *[]){m->data}, &got, 1, NULL, &error) != HP_OK)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < m->bytes / sizeof(float); i++) {
        float wanted = m->wanted[i];
        assert_true(fabsf(((float *)got)[i] - wanted) <= 1e-4F * (1 + fabsf(wanted)));
    }
    hp_free(memory), free(got);
}

static void end(made *m) {
    hp_plan_free(m->plan);
    free(m->data), free(m->wanted);
}

static void test_folded_kernels(void **state) {
    (void)state;
    hp_constants *constants = hp_constants_new(0);
    const hp_tensor tensors[3] = {{HP_FLOAT32, {.rank = 2, .dims = {CHANNELS, CHANNELS}}},
        {HP_FLOAT32, {.rank = 4, .dims = {3, 3, CHANNELS, 1}}}, {HP_FLOAT32, {.rank = 1, .dims = {CHANNELS}}}};
    hp_constant *weights[3];
    float *data[3];
    for (int i = 0; i < 3; i++) {
        weights[i] = hp_constants_weight(constants, &tensors[i]);
        data[i] = random_floats((size_t)hp_shape_elements(&tensors[i].shape), (unsigned)i);
        weights[i]->data = data[i];
    }
    const size_t kernel = sizeof(float) * CHANNELS * CHANNELS;
    made first = make(constants, weights, 6);
    size_t before = hp_constants_bytes(constants);
    size_t dropped = 0;
    for (size_t v = 0; v < first.plan->graph.value_count; v++) {
        const hp_constant *constant = first.plan->graph.values[v].constant;
        dropped += constant && !constant->data;
    }
    assert_true(dropped > 0);
    made second = make(constants, weights, 9);
    /* Tables of windows are new; neither the kernels folded again nor packed ones. */
    assert_true(hp_constants_bytes(constants) - before < kernel / 2);
    check(&first);
    check(&second);
    end(&first);
    check(&second); /* its depthwise kernel is still there */
    made third = make(constants, weights, 7);
    check(&third);
    end(&second), end(&third);
    for (int i = 0; i < 3; i++) free(data[i]);
    hp_constants_free(constants);
}

/* One constant behind two values: packed by a product, looked up in by a gather. */
static void test_packed_and_read(void **state) {
    (void)state;
    runner r;
    hp_error error = {0};
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_INT32, 2, (int64_t[]){1, 3}), table[2];
    for (unsigned i = 0; i < 2; i++) { /* the same computation twice: folded to one constant */
        hp_value values = runner_random(&r, 2, (int64_t[]){9, 5}, 1, NULL);
        table[i] = hp_emit_unary(&r.b, values, HP_UNARY_TANH, 0, 0, 0);
    }
    hp_value y = hp_emit_gather(&r.b, table[0], x, 0);
    y = hp_emit_gemm(&r.b, y, hp_emit_reshape(&r.b, table[1], 2, (int64_t[]){5, 9}), HP_NO_VALUE);
    y = hp_emit_gemm(&r.b, hp_emit_reshape(&r.b, y, 2, (int64_t[]){3, 9}), table[1], HP_NO_VALUE);
    runner_check(&r);
    r.graph.outputs = hp_arena_copy(&r.graph.arena, &y, sizeof y);
    r.graph.output_count = 1;
    int32_t index[3] = {8, 0, 4};
    size_t bytes = runner_bytes(&r, y, 1);
    float *wanted = runner_run(&r, (const void *[]){index}, 1, 0, 0, y);
    hp_plan *plan;
    hp_plan_options options = {.level1 = 32 << 10, .level2 = 512 << 10};
    if (hp_plan_new(&r.graph, r.constants, r.kernels, &options, &plan, &error) != HP_OK) fail_msg("%s", error.message);
    void *memory = hp_alloc_aligned(hp_plan_memory(plan) + 64), *got = malloc(bytes);
    hp_plan_bind(plan, memory);
    if (hp_plan_run(plan, memory, (const void *[]){index}, &got, 1, NULL, &error) != HP_OK)
        fail_msg("%s", error.message);
    assert_memory_equal(got, wanted, bytes);
    hp_plan_free(plan);
    hp_free(memory), free(got), free(wanted);
    runner_end(&r);
}

enum { WIDE = 300, LAYERS = 14 };

/* Products one behind the other, some with a weight that another has too; WIDE * WIDE * LAYERS floats are worth sharing. */
static hp_plan *many_weights(runner *r, hp_gang *gang) {
    hp_error error = {0};
    runner_start(r, hp_kernels_select(NULL));
    hp_value x = runner_input(r, HP_FLOAT32, 2, (int64_t[]){1, WIDE}), y = x, w = HP_NO_VALUE;
    for (unsigned i = 0; i < LAYERS; i++) {
        if (i % 3 < 2) w = runner_random(r, 2, (int64_t[]){WIDE, WIDE}, i, NULL);
        hp_value scaled = hp_emit_binary(&r->b, HP_BINARY_MULTIPLY, hp_emit_gemm(&r->b, y, w, HP_NO_VALUE),
            runner_random(r, 1, (int64_t[]){WIDE}, 100 + i, NULL));
        y = hp_emit_unary(&r->b, scaled, HP_UNARY_TANH, 0, 0, 0);
    }
    runner_check(r);
    r->graph.outputs = hp_arena_copy(&r->graph.arena, &y, sizeof y);
    r->graph.output_count = 1;
    hp_plan_options options = {
        .level1 = 32 << 10, .level2 = 512 << 10, .gang = gang, .workers = gang ? hp_gang_size(gang) : 1};
    hp_plan *plan;
    if (hp_plan_new(&r->graph, r->constants, r->kernels, &options, &plan, &error) != HP_OK)
        fail_msg("%s", error.message);
    return plan;
}

static void test_packed_by_several(void **state) {
    (void)state;
    hp_gang *gang = hp_gang_new(3);
    float *data = random_floats(WIDE, 7), outputs[2][WIDE];
    size_t bytes[2];
    for (int several = 0; several < 2; several++) {
        runner r;
        hp_plan *plan = many_weights(&r, several ? gang : NULL);
        bytes[several] = hp_constants_bytes(r.constants);
        void *memory = hp_alloc_aligned(hp_plan_memory(plan) + 64), *got = outputs[several];
        hp_error error = {0};
        hp_plan_bind(plan, memory);
        assert_int_equal(hp_plan_run(plan, memory, (const void *[]){data}, &got, 1, NULL, &error), HP_OK);
        hp_plan_free(plan);
        hp_free(memory);
        runner_end(&r);
    }
    assert_memory_equal(outputs[0], outputs[1], sizeof outputs[0]);
    assert_int_equal(bytes[0], bytes[1]); /* folded weights went, and none was packed twice */
    hp_gang_free(gang);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folded_kernels), cmocka_unit_test(test_packed_and_read),
        cmocka_unit_test(test_packed_by_several)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_ops.c: operations that Keras writes, but cannot load from its own file, or run: what they must give. */
#include "format/json.h"
#include "ops/op.h"
#include "prim_runner.h"

/* Lowers the operation on x (and a kernel, where there is one), and compares its output. */
static void check(const char *config, const float *x, int rank, const int64_t *dims, hp_value (*kernel)(runner *),
    const float *wanted, size_t count) {
    hp_arena arena = {0};
    hp_reasons reasons = {0};
    hp_json *object = NULL;
    hp_error error = {0};
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    if (hp_json_parse(&arena, "test", config, strlen(config), &object, &error) != HP_OK) fail_msg("%s", error.message);
    hp_layer_scope scope = {.arena = &arena, .reasons = &reasons, .find = hp_op_class_find};
    hp_layer *layer = hp_layer_new(&scope, object, "test");
    if (!layer) fail_msg("%s: %s", reasons.at[0].where, reasons.at[0].message);
    hp_value in = runner_input(&r, HP_FLOAT32, rank, dims);
    hp_arg args[2] = {{.kind = HP_ARG_TENSOR, .tensor = in}, {.kind = HP_ARG_TENSOR}};
    if (kernel) args[1].tensor = kernel(&r);
    hp_call call = {.inputs = &in, .input_count = 1, .args = args, .arg_count = kernel ? 2 : 1};
    hp_layer_call_full(&r.b, layer, &call);
    runner_check(&r);
    assert_int_equal(call.output_count, 1);
    assert_int_equal(hp_shape_elements(hp_builder_shape(&r.b, call.outputs[0])), count);
    const void *inputs[] = {x};
    float *y = runner_run(&r, inputs, 1, 0, 0, call.outputs[0]);
    assert_memory_equal(y, wanted, count * sizeof *y);
    free(y);
    runner_end(&r);
    hp_layer_scope_release(&scope);
    hp_reasons_release(&reasons);
    hp_arena_release(&arena);
}

#define OPERATION(module, name, config)                                                                                \
    "{\"module\": \"keras.src.ops." module "\", \"class_name\": \"" name "\", \"config\": {\"name\": \"op\"" config "}}"

static const float six[6] = {1, -2, 3, 4, -5, 6};

static void absolute(void **state) {
    (void)state;
    static const float wanted[6] = {1, 2, 3, 4, 5, 6};
    check(OPERATION("numpy", "Abs", ""), six, 2, (int64_t[]){1, 6}, NULL, wanted, 6);
}

static void adaptive_pools(void **state) {
    (void)state;
    static const float most[2] = {3, 6}, mean[2] = {2 / 3.0F, 5 / 3.0F};
    int64_t dims[] = {1, 6, 1};
    check(OPERATION("nn", "AdaptiveMaxPool", ", \"output_size\": [2]"), six, 3, dims, NULL, most, 2);
    check(OPERATION("nn", "AdaptiveAveragePool", ", \"output_size\": 2, \"data_format\": null"), six, 3, dims, NULL,
        mean, 2);
}

static hp_value doubling(runner *r) {
    return hp_emit_floats(&r->b, 3, (int64_t[]){1, 1, 1}, (float[]){2});
}

static void spread(void **state) {
    (void)state;
    static const float wanted[12] = {2, 0, -4, 0, 6, 0, 8, 0, -10, 0, 12, 0};
    check(OPERATION("nn", "ConvTranspose", ", \"strides\": 2"), six, 3, (int64_t[]){1, 6, 1}, doubling, wanted, 12);
    check(OPERATION("nn", "ConvTranspose", ", \"strides\": 2, \"padding\": \"valid\", \"output_padding\": 0"), six, 3,
        (int64_t[]){1, 6, 1}, doubling, wanted, 11);
}

/* tf.norm takes all elements for one vector where no axis is given. */
static void norm_of_tensorflow(void **state) {
    (void)state;
    static const float rows[2] = {6, 15}, of_all[1] = {9};
    static const float x[6] = {1, -2, 3, 4, -5, 6}, y[4] = {4, -4, 0, 7};
    check(OPERATION("tf", "TensorNorm", ", \"ord\": 1, \"axis\": -1"), x, 3, (int64_t[]){1, 2, 3}, NULL, rows, 2);
    check(OPERATION("tf", "TensorNorm", ", \"ord\": \"euclidean\", \"axis\": [1, 2]"), y, 3, (int64_t[]){1, 2, 2}, NULL,
        of_all, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absolute),
        cmocka_unit_test(adaptive_pools),
        cmocka_unit_test(spread),
        cmocka_unit_test(norm_of_tensorflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

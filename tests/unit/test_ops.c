/* test_ops.c: operations that Keras writes, but cannot load from its own file, or run: what they must give. */
#include "format/json.h"
#include "ops/op.h"
#include "prim_runner.h"

/* An operation, and the graph that it is lowered into. */
typedef struct operation {
    runner r;
    hp_arena arena;
    hp_reasons reasons;
    hp_layer_scope scope;
    hp_layer *layer;
} operation;

static void begin(operation *o, const char *config) {
    hp_json *object = NULL;
    hp_error error = {0};
    memset(o, 0, sizeof *o);
    runner_start(&o->r, hp_kernels_select(NULL));
    o->scope = (hp_layer_scope){.arena = &o->arena, .reasons = &o->reasons, .find = hp_op_class_find};
    if (hp_json_parse(&o->arena, "test", config, strlen(config), &object, &error) != HP_OK)
        fail_msg("%s", error.message);
    o->layer = hp_layer_new(&o->scope, object, "test");
    if (!o->layer) fail_msg("%s: %s", o->reasons.at[0].where, o->reasons.at[0].message);
}

static void end(operation *o) {
    runner_end(&o->r);
    hp_layer_scope_release(&o->scope);
    hp_reasons_release(&o->reasons);
    hp_arena_release(&o->arena);
}

/* Lowers the operation on x (and a kernel, where there is one), and compares its output. */
static void check(const char *config, const float *x, int rank, const int64_t *dims, hp_value (*kernel)(runner *),
    const float *wanted, size_t count) {
    operation o;
    begin(&o, config);
    hp_value in = runner_input(&o.r, HP_FLOAT32, rank, dims);
    hp_arg args[2] = {{.kind = HP_ARG_TENSOR, .tensor = in}, {.kind = HP_ARG_TENSOR}};
    if (kernel) args[1].tensor = kernel(&o.r);
    hp_call call = {.inputs = &in, .input_count = 1, .args = args, .arg_count = kernel ? 2 : 1};
    hp_layer_call_full(&o.r.b, o.layer, &call);
    runner_check(&o.r);
    assert_int_equal(call.output_count, 1);
    assert_int_equal(hp_shape_elements(hp_builder_shape(&o.r.b, call.outputs[0])), count);
    const void *inputs[] = {x};
    float *y = runner_run(&o.r, inputs, 1, 0, 0, call.outputs[0]);
    assert_memory_equal(y, wanted, count * sizeof *y);
    free(y);
    end(&o);
}

/* Lowering the operation on a whole tensor of this shape (and `constant`, as JSON, its second argument) says why not. */
static void refuse(const char *config, int rank, const int64_t *dims, const char *constant, const char *why) {
    operation o;
    begin(&o, config);
    hp_tensor tensor = {HP_FLOAT32, {.rank = rank}};
    for (int i = 0; i < rank; i++) tensor.shape.dims[i] = dims[i];
    hp_json *second = NULL;
    if (constant) hp_json_parse(&o.arena, "test", constant, strlen(constant), &second, NULL);
    hp_value in = hp_emit_input(&o.r.b, &tensor);
    hp_arg args[2] = {{.kind = HP_ARG_TENSOR, .tensor = in}, {.kind = HP_ARG_CONSTANT, .constant = second}};
    hp_call call = {.inputs = &in, .input_count = 1, .args = args, .arg_count = constant ? 2 : 1};
    hp_layer_call_full(&o.r.b, o.layer, &call);
    if (o.r.b.status == HP_OK) fail_msg("%s was not refused", config);
    if (!strstr(o.r.b.error.message, why)) fail_msg("\"%s\" is not in \"%s\"", why, o.r.b.error.message);
    end(&o);
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

/* A step of any size, up to the ends of its type. */
static void long_strides(void **state) {
    (void)state;
    static const float first[1] = {1}, last[1] = {6};
#define SLICE(step)                                                                                                    \
    OPERATION("tf", "StridedSlice",                                                                                    \
        ", \"begin\": [0, 0], \"end\": [0, 0], \"strides\": [1, " step "], \"begin_mask\": 3, \"end_mask\": 3")
    check(SLICE("9223372036854775807"), six, 2, (int64_t[]){1, 6}, NULL, first, 1);
    check(SLICE("-9223372036854775807"), six, 2, (int64_t[]){1, 6}, NULL, last, 1);
    check(SLICE("-9223372036854775808"), six, 2, (int64_t[]){1, 6}, NULL, last, 1);
#undef SLICE
}

/* What a file may ask for and nobody can give. */
static void too_large(void **state) {
    (void)state;
    const int64_t many[] = {INT64_C(1) << 31}, eight[] = {1, 1, 1, 1, 1, 1, 1, 2}, two[] = {2, 2},
                  image[] = {1, 4, 4, 1};
    refuse(OPERATION("numpy", "Diagflat", ""), 1, many, NULL, "a matrix of more than");
    refuse(OPERATION("tf", "MatrixDiag", ", \"k\": 1000000"), 2, two, NULL, "a matrix of more than");
    refuse(OPERATION("numpy", "Median", ", \"axis\": 7, \"keepdims\": true"), 8, eight, NULL, "more than 8 axes");
    refuse(OPERATION("math", "SegmentMax", ", \"num_segments\": 1000000000"), 2, two, "[0, 1]", "a range of 1e+09");
    refuse(OPERATION("math", "STFT", ", \"sequence_length\": 1048576, \"sequence_stride\": 1, \"fft_length\": 2"), 2,
        two, NULL, "1048576, more than fft_length, 2");
    refuse(OPERATION("image", "ExtractPatches", ", \"size\": 2, \"padding\": \"same\", \"dilation_rate\": [2]"), 4,
        image, NULL, "patches of this");
    refuse(OPERATION("image", "ExtractPatches", ", \"size\": [0, 2], \"padding\": \"same\""), 4, image, NULL,
        "patches of this");
    refuse(OPERATION("nn", "Unfold", ", \"kernel_size\": 1, \"padding\": 60000, \"stride\": 65536"), 4, image, NULL,
        "do not fit the image");
    refuse(OPERATION("numpy", "ZerosLike", ", \"dtype\": \"float9\""), 2, two, NULL, "dtype \"float9\" is not known");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absolute),
        cmocka_unit_test(adaptive_pools),
        cmocka_unit_test(spread),
        cmocka_unit_test(norm_of_tensorflow),
        cmocka_unit_test(long_strides),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

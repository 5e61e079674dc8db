/* depthwise_block: in all its forms the same bytes as its parts one after the other, on every ISA and cut in any way. */
#include "prims/depthwise_block.h"
#include "unit/prim_runner.h"

enum { EXPAND = 1, PROJECT = 2, RESIDUAL = 4, BIAS = 8 };

typedef struct form {
    int spatial;
    int64_t input[2], channels, middle, output; /* middle: channels unless EXPAND */
    int64_t kernel[2];
    hp_conv_params conv;
    int parts;
    int64_t front[2]; /* the window of what expands, and its geometry; zeroed: 1x1 */
    hp_conv_params front_conv;
} form;

static hp_value emit_part(runner *r, const hp_prim *prim, const hp_linear_params *params, hp_value x, hp_value w,
    hp_value bias, hp_value residual) {
    hp_value inputs[HP_LINEAR_INPUTS] = {x, w, bias, residual}, y;
    hp_emit_node(&r->b, prim, params, sizeof *params, inputs, HP_LINEAR_INPUTS, &y, 1);
    return y;
}

static hp_value random_weights(runner *r, const form *f, int64_t a, int64_t b, const int64_t *kernel, unsigned seed) {
    int64_t dims[4] = {1, 1, 1, 1};
    for (int i = 0; i < f->spatial && kernel; i++) dims[i] = kernel[i];
    dims[f->spatial] = a;
    dims[f->spatial + 1] = b;
    return runner_random(r, f->spatial + 2, dims, seed, NULL);
}

static hp_linear_params pointwise_params(const form *f, hp_unary activation) {
    hp_linear_params params = {.activation = {.op = activation},
        .conv = {.spatial = f->spatial, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}}};
    return params;
}

static void emit_front(runner *r, const form *f, hp_linear_params *params, hp_value *w, hp_value *bias) {
    const bool slides = f->front[0] > 0;
    *params = pointwise_params(f, HP_UNARY_RELU6);
    if (slides) {
        params->conv = f->front_conv;
        params->conv.spatial = f->spatial;
        params->conv.groups = 1;
    }
    *w = random_weights(r, f, f->channels, f->middle, slides ? f->front : NULL, 3);
    if (f->parts & BIAS) *bias = runner_random(r, 1, &f->middle, 4, NULL);
}

static void run_form(const hp_kernels *kernels, const form *f) {
    enum { ROWS = 2 };
    runner r;
    runner_start(&r, kernels);
    int64_t dims[4] = {1};
    for (int i = 0; i < f->spatial; i++) dims[1 + i] = f->input[i];
    dims[f->spatial + 1] = f->channels;
    hp_value x = runner_input(&r, HP_FLOAT32, f->spatial + 2, dims), in[HP_BLOCK_INPUTS];
    for (int i = 0; i < HP_BLOCK_INPUTS; i++) in[i] = HP_NO_VALUE;
    hp_depthwise_block_params params = {.depthwise = {.activation = {.op = HP_UNARY_SILU}, .conv = f->conv}};
    params.depthwise.conv.spatial = f->spatial;
    params.depthwise.conv.groups = 1;
    in[HP_BLOCK_X] = x;
    in[HP_BLOCK_W] = random_weights(&r, f, f->middle, 1, f->kernel, 1);
    if (f->parts & BIAS) in[HP_BLOCK_BIAS] = runner_random(&r, 1, &f->middle, 2, NULL);
    if (f->parts & EXPAND) emit_front(&r, f, &params.expand, &in[HP_BLOCK_EXPAND_W], &in[HP_BLOCK_EXPAND_BIAS]);
    if (f->parts & PROJECT) {
        params.project = pointwise_params(f, HP_UNARY_TANH);
        in[HP_BLOCK_PROJECT_W] = random_weights(&r, f, f->middle, f->output, NULL, 5);
        if (f->parts & BIAS) in[HP_BLOCK_PROJECT_BIAS] = runner_random(&r, 1, &f->output, 6, NULL);
    }
    hp_value a = x, y, residual = HP_NO_VALUE;
    if (f->parts & EXPAND)
        a = emit_part(
            &r, &hp_prim_conv, &params.expand, a, in[HP_BLOCK_EXPAND_W], in[HP_BLOCK_EXPAND_BIAS], HP_NO_VALUE);
    if (f->parts & RESIDUAL) { /* of the shape of the output, which the parts tell */
        hp_value shaped =
            emit_part(&r, &hp_prim_depthwise, &params.depthwise, a, in[HP_BLOCK_W], HP_NO_VALUE, HP_NO_VALUE);
        if (f->parts & PROJECT)
            shaped =
                emit_part(&r, &hp_prim_conv, &params.project, shaped, in[HP_BLOCK_PROJECT_W], HP_NO_VALUE, HP_NO_VALUE);
        in[HP_BLOCK_RESIDUAL] = residual = shaped;
    }
    bool projects = f->parts & PROJECT;
    a = emit_part(&r, &hp_prim_depthwise, &params.depthwise, a, in[HP_BLOCK_W], in[HP_BLOCK_BIAS],
        projects ? HP_NO_VALUE : residual);
    if (projects)
        a = emit_part(
            &r, &hp_prim_conv, &params.project, a, in[HP_BLOCK_PROJECT_W], in[HP_BLOCK_PROJECT_BIAS], residual);
    hp_emit_node(&r.b, &hp_prim_depthwise_block, &params, sizeof params, in, HP_BLOCK_INPUTS, &y, 1);
    runner_check(&r);
    assert_true(hp_shape_equal(&r.graph.values[a].tensor.shape, &r.graph.values[y].tensor.shape));
    float *data = random_floats(runner_bytes(&r, x, ROWS) / sizeof(float), 7);
    float *parts = runner_run(&r, (const void *[]){data}, ROWS, 0, 0, a);
    float *block = runner_run_all_ways(&r, (const void *[]){data}, ROWS, y);
    assert_memory_equal(parts, block, runner_bytes(&r, y, ROWS));
    free(data), free(parts), free(block);
    runner_end(&r);
}

static void forms(const hp_kernels *kernels) {
    static const form cases[] = {
        {2, {30, 28}, 5, 48, 7, {3, 3},
            {.strides = {1, 1}, .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}},
            .parts = EXPAND | PROJECT | RESIDUAL | BIAS},
        {2, {41, 36}, 6, 50, 9, {3, 3}, {.strides = {2, 2}, .dilation = {1, 1}, .pad_after = {1, 1}},
            .parts = EXPAND | PROJECT | BIAS},
        {2, {37, 30}, 4, 64, 1, {5, 5},
            {.strides = {2, 2}, .dilation = {1, 1}, .pad_before = {2, 2}, .pad_after = {2, 2}},
            .parts = EXPAND | RESIDUAL},
        {2, {40, 33}, 70, 70, 6, {3, 3},
            {.strides = {1, 1}, .dilation = {2, 3}, .pad_before = {2, 3}, .pad_after = {2, 3}},
            .parts = PROJECT | BIAS},
        {2, {9, 8}, 3, 17, 5, {4, 2}, {.strides = {3, 1}, .dilation = {1, 1}}, .parts = EXPAND | PROJECT},
        /* In place: bands around the ring's end; borders wider than what they widen; outputs wider than inputs are not. */
        {2, {57, 56}, 3, 60, 4, {5, 5},
            {.strides = {2, 2}, .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {2, 2}},
            .parts = EXPAND | PROJECT | BIAS},
        {2, {50, 40}, 4, 96, 5, {3, 3},
            {.strides = {1, 1}, .dilation = {2, 3}, .pad_before = {2, 3}, .pad_after = {2, 3}},
            .parts = EXPAND | PROJECT | RESIDUAL},
        {2, {64, 30}, 4, 80, 5, {3, 3},
            {.strides = {1, 2}, .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}},
            .parts = EXPAND | PROJECT},
        {2, {90, 30}, 4, 80, 5, {3, 3}, {.strides = {2, 1}, .dilation = {1, 1}}, .parts = EXPAND | PROJECT | BIAS},
        {2, {40, 30}, 4, 80, 5, {3, 3},
            {.strides = {1, 1}, .dilation = {1, 1}, .pad_before = {2, 2}, .pad_after = {2, 2}},
            .parts = EXPAND | PROJECT},
        {1, {5000}, 3, 20, 4, {5}, {.strides = {1}, .dilation = {1}, .pad_before = {4}},
            .parts = EXPAND | PROJECT | RESIDUAL},
        {2, {61, 57}, 3, 32, 16, {3, 3},
            {.strides = {1, 1}, .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}},
            .parts = EXPAND | PROJECT | BIAS, .front = {3, 3},
            .front_conv = {.strides = {2, 2}, .dilation = {1, 1}, .pad_after = {1, 1}}},
        {2, {48, 230}, 3, 33, 0, {5, 5},
            {.strides = {2, 2}, .dilation = {1, 1}, .pad_before = {1, 2}, .pad_after = {2, 1}},
            .parts = EXPAND | RESIDUAL, .front = {3, 5},
            .front_conv = {.strides = {2, 2}, .dilation = {1, 1}, .pad_before = {1, 2}, .pad_after = {0, 1}}},
        {2, {40, 31}, 35, 40, 5, {3, 3}, {.strides = {1, 1}, .dilation = {1, 1}}, .parts = EXPAND | PROJECT | BIAS,
            .front = {2, 3}, .front_conv = {.strides = {1, 2}, .dilation = {3, 1}, .pad_before = {2, 0}}},
        {1, {3001}, 4, 24, 3, {3}, {.strides = {2}, .dilation = {1}}, .parts = EXPAND | PROJECT | BIAS, .front = {7},
            .front_conv = {.strides = {2}, .dilation = {1}, .pad_before = {3}, .pad_after = {3}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) run_form(kernels, &cases[i]);
}

static void test_forms(void **state) {
    (void)state;
    runner_each_isa(forms);
}

/* What a block does not take is told, not run. */
static void test_refused(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value in[HP_BLOCK_INPUTS], y;
    for (int i = 0; i < HP_BLOCK_INPUTS; i++) in[i] = HP_NO_VALUE;
    hp_depthwise_block_params params = {
        .depthwise.conv = {.spatial = 2, .groups = 1, .strides = {1, 1}, .dilation = {1, 1}}};
    in[HP_BLOCK_X] = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 8, 8, 4});
    in[HP_BLOCK_W] = runner_random(&r, 4, (int64_t[]){3, 3, 4, 2}, 1, NULL); /* two outputs per channel */
    hp_emit_node(&r.b, &hp_prim_depthwise_block, &params, sizeof params, in, HP_BLOCK_INPUTS, &y, 1);
    assert_int_equal(r.b.status, HP_ERROR_INTERNAL);
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

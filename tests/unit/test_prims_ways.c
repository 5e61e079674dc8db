/* test_prims_ways.c: which algorithm a primitive takes for a shape, and that what describes it says so; also what is
 * chosen for one row at a time (--prefer latency). */
#include "prim_runner.h"
#include "prims/attention.h"
#include "prims/linear.h"

#define ONES                                                                                                           \
    { 1, 1, 1 }

/* What the last node of this primitive says of itself, from where it begins. */
static void says(runner *r, const char *prim, bool latency, const char *expected) {
    runner_check(r);
    for (size_t i = r->graph.node_count; i > 0; i--) {
        const hp_node *node = &r->graph.nodes[i - 1];
        if (strcmp(node->prim->name, prim) != 0) continue;
        char text[128] = "";
        void *state;
        hp_error error;
        hp_prepare prepare = {&r->graph, node, r->kernels, r->constants, NULL, latency};
        if (node->prim->prepare(&prepare, &state, &error) != HP_OK) fail_msg("%s", error.message);
        assert_non_null(node->prim->describe);
        node->prim->describe(state, text, sizeof text);
        node->prim->release(state);
        if (strncmp(text, expected, strlen(expected)) != 0)
            fail_msg("%s: \"%s\"; expected \"%s\"", prim, text, expected);
        return;
    }
    fail_msg("there is no node %s", prim);
}

typedef struct image {
    int64_t size, channels, filters, kernel;
    int32_t groups;
    int64_t stride;
} image;

static hp_conv_params conv_params(const image *c) {
    const int64_t pad = c->kernel / 2, s = c->stride;
    return (hp_conv_params){.spatial = 2,
        .groups = c->groups,
        .strides = {s, s, s},
        .dilation = ONES,
        .pad_before = {pad, pad},
        .pad_after = {pad, pad}};
}

static void conv_says(const image *c, bool latency, const char *expected) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, c->size, c->size, c->channels});
    hp_value w = runner_random(&r, 4, (int64_t[]){c->kernel, c->kernel, c->channels / c->groups, c->filters}, 1, NULL);
    hp_conv_params params = conv_params(c);
    hp_emit_conv(&r.b, x, w, HP_NO_VALUE, &params);
    says(&r, "conv", latency, expected);
    runner_end(&r);
}

static void test_convolutions(void **state) {
    (void)state;
    conv_says(&(image){56, 64, 64, 3, 1, 1}, false, "Winograd F(");
    conv_says(&(image){56, 64, 64, 3, 1, 2}, false, "direct");
    conv_says(&(image){28, 3, 32, 3, 1, 1}, false, "direct");
    conv_says(&(image){64, 3, 64, 7, 1, 2}, false, "Winograd F(4x4, 7x7), strides of 2");
    conv_says(&(image){64, 3, 64, 7, 1, 2}, true, "Winograd F(4x4, 7x7), strides of 2");
    conv_says(&(image){64, 3, 4, 7, 1, 2}, false, "direct"); /* too few filters for the transforms */
    conv_says(&(image){64, 5, 64, 7, 1, 2}, false, "direct");
    conv_says(&(image){64, 3, 64, 7, 1, 3}, false, "direct");
    conv_says(&(image){5, 20, 20, 3, 1, 1}, false, "Winograd F(4x4, 3x3)"); /* tiles of 3 and 2, not 4 and 1 */
    conv_says(&(image){4, 20, 20, 5, 1, 1}, false, "Winograd F(2x2, 5x5)");
    conv_says(&(image){14, 32, 64, 1, 1, 1}, false, "gemm over positions");
    conv_says(&(image){14, 12, 24, 3, 12, 1}, false, "channel by channel");
}

/* For one row at a time a weight counts as what reading it takes, and larger tiles have more of them. */
static void test_latency_spares_weights(void **state) {
    (void)state;
    const image least = {3, 64, 64, 3, 1, 1}, small = {7, 64, 64, 3, 1, 1}, large = {56, 64, 64, 3, 1, 1};
    conv_says(&least, false, "Winograd F(4x4, 3x3)");
    conv_says(&least, true, "direct");
    conv_says(&small, false, "Winograd F(4x4, 3x3)");
    conv_says(&small, true, "Winograd F(2x2, 3x3)");
    conv_says(&large, false, "Winograd F(");
    conv_says(&large, true, "Winograd F(");
}

static void depthwise_says(int64_t multiplier, const char *expected) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 14, 14, 12});
    hp_value w = runner_random(&r, 4, (int64_t[]){3, 3, 12, multiplier}, 1, NULL);
    hp_conv_params params = conv_params(&(image){14, 12, 12, 3, 1, 1});
    hp_emit_depthwise(&r.b, x, w, HP_NO_VALUE, &params);
    says(&r, "depthwise", false, expected);
    runner_end(&r);
}

static void test_depthwise(void **state) {
    (void)state;
    depthwise_says(1, "row by row");
    depthwise_says(2, "table of taps");
}

static void test_transposed(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 4, (int64_t[]){1, 8, 8, 4});
    hp_value w = runner_random(&r, 4, (int64_t[]){3, 3, 6, 4}, 1, NULL);
    hp_conv_params params = {.spatial = 2, .groups = 1, .strides = {2, 2, 1}, .dilation = ONES};
    hp_emit_conv_transpose(&r.b, x, w, HP_NO_VALUE, &params);
    says(&r, "conv_transpose", false, "direct, 4 phases");
    runner_end(&r);
}

static void rnn_says(hp_rnn_cell cell, int gates, const char *expected) {
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 5, 3}), outputs[3];
    hp_value kernel = runner_random(&r, 2, (int64_t[]){3, 4 * gates}, 1, NULL);
    hp_value recurrent = runner_random(&r, 2, (int64_t[]){4, 4 * gates}, 2, NULL);
    hp_rnn_params params = {
        .cell = cell, .units = 4, .activation = {HP_UNARY_TANH, {0}}, .recurrent_activation = {HP_UNARY_SIGMOID, {0}}};
    const hp_value states[2] = {HP_NO_VALUE, HP_NO_VALUE};
    hp_emit_rnn(&r.b, x, HP_NO_VALUE, states, kernel, recurrent, HP_NO_VALUE, &params, outputs);
    says(&r, "rnn", false, expected);
    runner_end(&r);
}

static void test_recurrent(void **state) {
    (void)state;
    rnn_says(HP_RNN_SIMPLE, 1, "one gemm a step, blocks of ");
    rnn_says(HP_RNN_LSTM, 4, "gemm and gates in one, blocks of ");
    rnn_says(HP_RNN_GRU, 3, "gemms, then gates, blocks of ");
}

static void test_products(void **state) {
    (void)state;
    runner r;
    runner_start(&r, hp_kernels_select(NULL));
    hp_value x = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 3, 8}); /* queries for no vector of any kernels */
    hp_emit_gemm(&r.b, x, runner_random(&r, 2, (int64_t[]){8, 5}, 1, NULL), HP_NO_VALUE);
    says(&r, "gemm", false, "tiles of ");
    hp_emit_matmul(&r.b, x, x, false, true);
    says(&r, "matmul", false, "blocks of ");
    hp_attention_params params = {.heads = 2, .key_heads = 2, .key_size = 4, .value_size = 4, .scale = 0.5F};
    hp_emit_attention(&r.b, x, x, x, HP_NO_VALUE, &params);
    says(&r, "attention", false, "blocks of ");
    hp_value many = runner_input(&r, HP_FLOAT32, 3, (int64_t[]){1, 40, 8});
    hp_emit_attention(&r.b, many, many, many, HP_NO_VALUE, &params);
    says(&r, "attention", false, "panels of ");
    hp_value wide = runner_input(&r, HP_FLOAT64, 3, (int64_t[]){1, 6, 8});
    hp_emit_matmul(&r.b, wide, wide, false, true);
    says(&r, "matmul", false, "by the definition");
    runner_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_latency_spares_weights),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_transposed),
        cmocka_unit_test(test_recurrent),
        cmocka_unit_test(test_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

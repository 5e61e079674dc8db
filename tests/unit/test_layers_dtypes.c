/* test_layers_dtypes.c: the dtype of a layer's output where it is not simply its policy's. The numbers themselves are
 * compared with Keras's in tests/keras/conformance. */
#include "layers/layer.h"
#include "network_case.h"

typedef struct dtype_case {
    const char *class_name, *config;
    const char *keyword; /* an argument of the call that is true; NULL: none */
    hp_dtype input, output;
} dtype_case;

#define REVERSED "'input_dim': 9, 'output_dim': 4, 'tie_weights': "

static const dtype_case cases[] = {
    /* Neither the inputs nor the weights are cast to the policy's compute dtype on the way back. */
    {"ReversibleEmbedding", REVERSED "true, 'dtype': 'mixed_bfloat16'", "reverse", HP_BFLOAT16, HP_FLOAT32},
    {"ReversibleEmbedding", REVERSED "false, 'dtype': 'bfloat16'", "reverse", HP_BFLOAT16, HP_BFLOAT16},
    {"ReversibleEmbedding", REVERSED "true, 'dtype': 'float16'", "reverse", HP_FLOAT32, HP_FLOAT32},
    {"ReversibleEmbedding", REVERSED "true, 'logit_soft_cap': 5.0", "reverse", HP_FLOAT64, HP_FLOAT64},
    {"ReversibleEmbedding", REVERSED "false, 'reverse_dtype': 'float16'", "reverse", HP_FLOAT32, HP_FLOAT16},
    {"ReversibleEmbedding", REVERSED "true, 'dtype': 'float64', 'reverse_dtype': 'float32'", "reverse", HP_FLOAT64,
        HP_FLOAT32},
    {"ReversibleEmbedding", REVERSED "true, 'dtype': 'mixed_float16', 'reverse_dtype': 'float32'", NULL, HP_INT32,
        HP_FLOAT16},
    {"Embedding", "'input_dim': 9, 'output_dim': 4, 'dtype': 'mixed_bfloat16'", NULL, HP_INT32, HP_BFLOAT16},
    /* The largest of some integers is one, and so is an integer cut off at both ends. */
    {"MaxPooling1D", "'pool_size': 2", NULL, HP_UINT8, HP_UINT8},
    {"MaxPooling1D", "'pool_size': 2, 'padding': 'same', 'data_format': 'channels_first'", NULL, HP_INT64, HP_INT64},
    {"AdaptiveMaxPooling1D", "'output_size': 3", NULL, HP_INT32, HP_INT32},
    {"AveragePooling1D", "'pool_size': 2", NULL, HP_INT32, HP_FLOAT32},
    {"ReLU", "'max_value': 3.5", NULL, HP_INT8, HP_INT8},
    {"ReLU", "'max_value': 3.0, 'threshold': 1.0", NULL, HP_INT32, HP_INT32},
    {"ReLU", "'negative_slope': 0.5", NULL, HP_INT32, HP_FLOAT32},
    {"Activation", "'activation': 'relu6'", NULL, HP_UINT16, HP_UINT16},
    {"Discretization", "'bin_boundaries': [0, 1]", NULL, HP_FLOAT32, HP_INT32},
    {"Resizing", "'height': 2, 'width': 2", NULL, HP_UINT8, HP_UINT8},
    {"RandomContrast", "'factor': 0.5", NULL, HP_UINT8, HP_UINT8},
};

/* Keras 2 told the dtype of indices by the layer, and made floats of images. */
static const dtype_case old_cases[] = {
    {"Discretization", "'bin_boundaries': [0, 1], 'dtype': 'int64'", NULL, HP_FLOAT32, HP_INT64},
    {"Discretization", "'bin_boundaries': [0, 1], 'dtype': 'float32'", NULL, HP_FLOAT32, HP_INT64},
    {"Resizing", "'height': 2, 'width': 2", NULL, HP_UINT8, HP_FLOAT32},
    {"RandomContrast", "'factor': 0.5", NULL, HP_UINT8, HP_FLOAT32},
    {"RandomHeight", "'factor': 0.5", NULL, HP_UINT8, HP_UINT8},
};

static void run_case(const dtype_case *s, int family) {
    hp_arena arena = {0};
    hp_reasons reasons = {0};
    hp_graph graph = {0};
    char text[512];
    snprintf(text, sizeof text, "{'class_name': '%s', 'config': {'name': 'l', %s}}", s->class_name, s->config);
    hp_layer_scope scope = {.arena = &arena, .reasons = &reasons, .family = family};
    hp_layer *layer = hp_layer_new(&scope, parse_json(&arena, text), "test");
    if (!layer) fail_msg("%s: %s: %s", text, reasons.at[0].where, reasons.at[0].message);
    hp_constants *constants = hp_constants_new(0);
    hp_builder b = {.graph = &graph, .constants = constants, .layer = "test"};
    hp_value x = hp_emit_input(
        &b, &(hp_tensor){.dtype = s->input,
                .shape = {.rank = strcmp(s->class_name, "Resizing") == 0 ? 4 : 3, .dims = {1, 4, 4, 4}, .rows = true}});
    hp_arg args[2] = {{.kind = HP_ARG_TENSOR, .tensor = x},
        {.kind = HP_ARG_CONSTANT, .name = s->keyword, .constant = parse_json(&arena, "true")}};
    hp_call call = {.inputs = &x, .input_count = 1, .args = args, .arg_count = s->keyword ? 2 : 1};
    hp_layer_call_full(&b, layer, &call);
    if (b.status != HP_OK) fail_msg("%s: %s", text, b.error.message);
    assert_int_equal(call.output_count, 1);
    hp_dtype found = hp_builder_tensor(&b, call.outputs[0])->dtype;
    if (found != s->output) fail_msg("%s: %s, expected %s", text, hp_dtype_name(found), hp_dtype_name(s->output));
    hp_layer_scope_release(&scope);
    hp_reasons_release(&reasons);
    hp_graph_release(&graph);
    hp_constants_free(constants);
    hp_arena_release(&arena);
}

static void dtypes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) run_case(&cases[i], 3);
    for (size_t i = 0; i < COUNT(old_cases); i++) run_case(&old_cases[i], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dtypes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

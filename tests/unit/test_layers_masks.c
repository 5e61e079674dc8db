/* test_layers_masks.c: whether the mask of a layer's or operation's input is its output's as well, where there is
 * nothing to do and the output is the input again. What masks do to numbers is compared with Keras's in tests/cases. */
#include "layers/layer.h"
#include "network_case.h"
#include "ops/op.h"

typedef struct mask_case {
    const char *class_name, *module, *config;
    const char *argument; /* a second one; NULL: none */
    bool kept;
} mask_case;

#define LAYERS "keras.layers"

static const mask_case cases[] = {
    {"Identity", LAYERS, "", NULL, true},
    {"Dropout", LAYERS, ", 'rate': 0.5", NULL, true},
    {"Activation", LAYERS, ", 'activation': 'linear'", NULL, true},
    {"RandomFlip", LAYERS, "", NULL, true},
    {"Reshape", LAYERS, ", 'target_shape': [5, 6]", NULL, false},
    {"Permute", LAYERS, ", 'dims': [1, 2]", NULL, false},
    {"ZeroPadding1D", LAYERS, ", 'padding': 0", NULL, false},
    {"Cropping1D", LAYERS, ", 'cropping': 0", NULL, false},
    {"UpSampling1D", LAYERS, ", 'size': 1", NULL, false},
    {"Reshape", HP_OP_NUMPY, ", 'newshape': [-1, 5, 6]", "[-1, 5, 6]", false},
    {"Transpose", HP_OP_NUMPY, ", 'axes': [0, 1, 2]", "[0, 1, 2]", false},
    {"Copy", HP_OP_NUMPY, "", NULL, false},
    {"StopGradient", HP_OP_CORE, "", NULL, false},
    {"Cast", HP_OP_CORE, ", 'dtype': 'float32'", "'float32'", true},
    {"ConvertToTensor", HP_OP_CORE, ", 'dtype': 'float32'", NULL, true},
    {"Real", HP_OP_NUMPY, "", NULL, true},
    {"Conj", HP_OP_NUMPY, "", NULL, true},
};

static void run_case(const mask_case *s) {
    hp_arena arena = {0};
    hp_reasons reasons = {0};
    hp_graph graph = {0};
    char text[512];
    snprintf(text, sizeof text, "{'class_name': '%s', 'module': '%s', 'config': {'name': 'l'%s}}", s->class_name,
        s->module, s->config);
    hp_layer_scope scope = {.arena = &arena, .reasons = &reasons, .find = hp_op_class_find};
    hp_layer *layer = hp_layer_new(&scope, parse_json(&arena, text), "test");
    if (!layer) fail_msg("%s: %s: %s", text, reasons.at[0].where, reasons.at[0].message);
    hp_constants *constants = hp_constants_new(0);
    hp_builder b = {.graph = &graph, .constants = constants, .layer = "test"};
    const hp_shape steps = {.rank = 2, .dims = {1, 5}, .rows = true},
                   features = {.rank = 3, .dims = {1, 5, 6}, .rows = true};
    hp_value x = hp_emit_input(&b, &(hp_tensor){.dtype = HP_FLOAT32, .shape = features});
    hp_value mask = hp_emit_input(&b, &(hp_tensor){.dtype = HP_BOOL, .shape = steps});
    hp_builder_set_mask(&b, x, mask);
    hp_arg args[2] = {{.kind = HP_ARG_TENSOR, .tensor = x}, {.kind = HP_ARG_CONSTANT}};
    if (s->argument) args[1].constant = parse_json(&arena, s->argument);
    hp_call call = {.inputs = &x, .input_count = 1, .args = args, .arg_count = s->argument ? 2 : 1};
    hp_layer_call_full(&b, layer, &call);
    if (b.status != HP_OK) fail_msg("%s: %s", text, b.error.message);
    assert_int_equal(call.output_count, 1);
    assert_true(hp_shape_equal(hp_builder_shape(&b, call.outputs[0]), &features));
    hp_value found = hp_builder_mask(&b, call.outputs[0]);
    if (found != (s->kept ? mask : HP_NO_VALUE)) fail_msg("%s: the mask is %s", text, s->kept ? "lost" : "kept");
    assert_int_equal(hp_builder_mask(&b, x), mask);
    hp_layer_scope_release(&scope);
    hp_reasons_release(&reasons);
    hp_graph_release(&graph);
    hp_constants_free(constants);
    hp_arena_release(&arena);
}

static void masks(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) run_case(&cases[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(masks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

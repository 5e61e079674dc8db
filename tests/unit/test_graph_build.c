/* test_graph_build.c: networks from configs: Sequential, Functional, nesting, sharing, what they tell, what they
 * refuse. */
#include "network_case.h"

#include <time.h>

#define INPUT(name, shape)                                                                                             \
    "{'class_name': 'InputLayer', 'name': '" name "', 'config': {'name': '" name "', 'batch_shape': " shape "}}"
#define TENSOR(name, node) "{'class_name': '__keras_tensor__', 'config': {'keras_history': ['" name "', " #node ", 0]}}"
#define NODE(...) "{'args': [" __VA_ARGS__ "], 'kwargs': {}}"
#define DENSE(name, units, nodes)                                                                                      \
    "{'class_name': 'Dense', 'name': '" name "', 'config': {'name': '" name "', 'units': " #units                      \
    "}, 'inbound_nodes': [" nodes "]}"
#define FUNCTIONAL(name, layers, inputs, outputs)                                                                      \
    "{'class_name': 'Functional', 'module': 'keras', 'name': '" name "', 'config': {'name': '" name                    \
    "', 'layers': [" layers "], 'input_layers': " inputs ", 'output_layers': " outputs "}"

static void sequential_mlp(void **state) {
    (void)state;
    static const stored weights[] = {{"layers/dense/vars/0", 2, {3, 4}}, {"layers/dense/vars/1", 1, {4}},
        {"layers/dense_1/vars/0", 2, {4, 2}}, {"layers/dense_1/vars/1", 1, {2}}};
    network_case c;
    open_paths(&c,
        "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': ["
        "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 3], 'name': 'rows', 'dtype': 'float32'}},"
        "{'class_name': 'Dense', 'config': {'units': 4, 'activation': 'relu', 'name': 'a'}},"
        "{'class_name': 'Dropout', 'config': {'rate': 0.5, 'name': 'd'}},"
        "{'class_name': 'Dense', 'config': {'units': 2, 'name': 'b', 'trainable': false}}]}}",
        weights, COUNT(weights));
    assert_open(&c);
    assert_int_equal(hp_network_input_count(c.network), 1);
    assert_string_equal(hp_network_input(c.network, 0).name, "rows");
    assert_int_equal(hp_network_input(c.network, 0).shape[1], 3);
    assert_int_equal(hp_network_output(c.network, 0).shape[0], -1);
    assert_int_equal(hp_network_output(c.network, 0).shape[1], 2);
    assert_string_equal(hp_network_output(c.network, 0).name, "b");
    assert_int_equal(hp_network_layer_count(c.network), 4);
    assert_string_equal(hp_network_layer(c.network, 1)->output_shape, "(None, 4)");
    assert_int_equal(hp_network_layer(c.network, 1)->parameters, 16);
    assert_int_equal(hp_network_parameters(c.network, false), 26);
    assert_int_equal(hp_network_parameters(c.network, true), 16);
    assert_null(hp_network_layer(c.network, 4));
    assert_false(hp_network_mixes_rows(c.network, NULL));
    close_network(&c);
}

/* A nested model called twice is one set of weights; outputs are flattened by sorted key; a model's input may be its
 * output. */
static void nested_and_shared(void **state) {
    (void)state;
    static const stored weights[] = {
        {"layers/functional/layers/dense/vars/0", 2, {3, 2}}, {"layers/functional/layers/dense/vars/1", 1, {2}}};
    network_case c;
    open_paths(&c,
        FUNCTIONAL("outer",
            INPUT("x", "[null, 3]") "," INPUT("y", "[null, 3]") "," FUNCTIONAL("inner",
                INPUT("i", "[null, 3]") "," DENSE("d", 2, NODE(TENSOR("i", 0))), "['i', 0, 0]",
                "['d', 0, 0]") ", 'inbound_nodes': [" NODE(TENSOR("x", 0)) "," NODE(TENSOR("y",
                0)) "]},"
                    "{'class_name': 'Add', 'name': 'sum', 'config': {'name': 'sum'}, 'inbound_nodes': [" NODE(
                        "[" TENSOR("inner", 0) "," TENSOR("inner", 1) "]") "]}",
            "[['y', 0, 0], ['x', 0, 0]]", "{'z': ['sum', 0, 0], 'a': ['x', 0, 0], 'm': ['inner', 1, 0]}") "}",
        weights, COUNT(weights));
    assert_open(&c);
    assert_string_equal(hp_network_input(c.network, 0).name, "y");
    assert_string_equal(hp_network_input(c.network, 1).name, "x");
    assert_int_equal(hp_network_output_count(c.network), 3);
    assert_string_equal(hp_network_output(c.network, 0).name, "x");
    assert_string_equal(hp_network_output(c.network, 1).name, "inner");
    assert_string_equal(hp_network_output(c.network, 2).name, "sum");
    assert_int_equal(hp_network_parameters(c.network, false), 8);
    assert_int_equal(hp_network_layer_count(c.network), 6);
    assert_int_equal(hp_network_layer(c.network, 3)->depth, 1);
    assert_string_equal(hp_network_layer(c.network, 2)->connected_to, "x, y");
    assert_true(hp_network_has_layer(c.network, "inner/d"));
    assert_false(hp_network_has_layer(c.network, "d"));
    hp_shape shapes[2] = {{.rank = 2, .dims = {1, 3}}, {.rank = 2, .dims = {1, 3}}};
    hp_graph graph;
    assert_int_equal(hp_network_lower(c.network, shapes, 2, 0, NULL, &graph, NULL, &c.error), HP_OK);
    assert_int_equal(graph.input_count, 2);
    assert_int_equal(graph.outputs[0], graph.inputs[1]);
    hp_graph_release(&graph);
    assert_int_equal(hp_network_lower(c.network, shapes, 2, 0, "inner/d", &graph, NULL, &c.error), HP_OK);
    assert_int_equal(graph.output_count, 1);
    assert_int_equal(graph.values[graph.outputs[0]].tensor.shape.dims[1], 2);
    hp_graph_release(&graph);
    assert_int_equal(hp_network_lower(c.network, shapes, 2, 0, "d", &graph, NULL, &c.error), HP_ERROR_ARGUMENT);
    hp_graph_release(&graph);
    close_network(&c);
}

static void unknown_sizes(void **state) {
    (void)state;
    static const stored weights[] = {{"layers/dense/vars/0", 2, {3, 2}}, {"layers/dense/vars/1", 1, {2}}};
    network_case c;
    open_paths(&c,
        "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': ["
        "{'class_name': 'InputLayer', 'config': {'batch_shape': [8, null, 3], 'name': 'rows'}},"
        "{'class_name': 'Dense', 'config': {'units': 2, 'name': 'a'}},"
        "{'class_name': 'Cropping1D', 'config': {'cropping': [20, 20], 'name': 'c'}}]}}",
        weights, COUNT(weights));
    assert_open(&c); /* 32 steps are too few for the cropping: larger ones were tried */
    assert_int_equal(hp_network_fixed_batch(c.network), 8);
    hp_tensor_info output = hp_network_output(c.network, 0);
    assert_int_equal(output.rank, 3);
    assert_int_equal(output.shape[1], -1);
    assert_int_equal(output.shape[2], 2);
    assert_string_equal(hp_network_layer(c.network, 1)->output_shape, "(None, None, 2)");
    hp_graph graph;
    hp_shape shape = {.rank = 3, .dims = {1, 50, 3}};
    assert_int_equal(hp_network_lower(c.network, &shape, 1, 0, NULL, &graph, NULL, &c.error), HP_OK);
    assert_int_equal(graph.values[graph.outputs[0]].tensor.shape.dims[1], 10);
    hp_graph_release(&graph);
    shape.dims[2] = 4;
    assert_int_equal(hp_network_lower(c.network, &shape, 1, 0, NULL, &graph, NULL, &c.error), HP_ERROR_SHAPE);
    assert_non_null(strstr(c.error.message, "rows"));
    hp_graph_release(&graph);
    shape = (hp_shape){.rank = 3, .dims = {1, 30, 3}};
    assert_int_equal(hp_network_lower(c.network, &shape, 1, 0, NULL, &graph, NULL, &c.error), HP_ERROR_SHAPE);
    hp_graph_release(&graph);
    close_network(&c);
}

static void every_reason(void **state) {
    (void)state;
    network_case c;
    open_paths(&c,
        "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': ["
        "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 3], 'name': 'rows'}},"
        "{'class_name': 'Dense', 'config': {'units': -4, 'mystery': 7, 'activation': 'my_own', 'name': 'a'}},"
        "{'class_name': 'Mine', 'module': 'my.code', 'config': {'name': 'm'}},"
        "{'class_name': 'Nonesuch', 'module': 'keras.layers', 'config': {'name': 'n'}},"
        "{'class_name': 'Dense', 'config': {'units': 1, 'dtype': 'int16', 'name': 'f'}},"
        "{'class_name': 'Dense', 'config': {'name': 'g'}},"
        "{'class_name': 'Dense', 'config': {'units': 2, 'name': 'h', 'dtype': 'gptq/4/128_from_float32'}}]}}",
        NULL, 0);
    assert_int_equal(c.reasons.count, 8);
    assert_reason(&c, "m.keras: layers/1 \"a\" (Dense): units", "found -4");
    assert_reason(&c, "layers/1 \"a\" (Dense): mystery", "7");
    assert_reason(&c, "layers/1 \"a\" (Dense): activation", "my_own");
    assert_reason(&c, "layers/2 \"m\" (Mine)", "my.code");
    assert_reason(&c, "layers/3 \"n\" (Nonesuch)", "not supported");
    assert_reason(&c, "layers/4 \"f\" (Dense): dtype", "int16");
    assert_reason(&c, "layers/5 \"g\" (Dense): units", "missing");
    assert_reason(&c, "layers/6 \"h\" (Dense): dtype", "gptq");
    assert_non_null(strstr(c.error.message, "7 more reasons"));
    close_network(&c);
}

/* A tensor of which the file says the shape, and an operation. */
#define TOLD(name, node, shape)                                                                                        \
    "{'class_name': '__keras_tensor__', 'config': {'shape': " shape ", 'dtype': 'float32', 'keras_history': ['" name   \
    "', " #node ", 0]}}"
#define OPERATION(module, class, name, config, nodes)                                                                  \
    "{'class_name': '" class "', 'module': 'keras.src.ops." module "', 'name': '" name "', 'config': {'name': '" name  \
                             "', " config "}, 'inbound_nodes': [" nodes "]}"
#define CAST(name, dtype, nodes) OPERATION("core", "Cast", name, "'dtype': '" dtype "'", nodes)

/* What only lowering finds, one node behind the other and side by side, in a nested model, and one twice. */
static void every_reason_of_lowering(void **state) {
    (void)state;
    network_case c;
    open_paths(&c,
        FUNCTIONAL("f",
            INPUT("x", "[null, null]") "," CAST("a", "complex128", NODE(TOLD("x", 0, "[null, null]"))) "," CAST(
                "fine", "float64", NODE(TOLD("a", 0, "[null, null]"))) "," CAST("behind", "float9",
                NODE(TOLD("fine", 0, "[null, null]"))) "," CAST("lost", "float9",
                NODE(TENSOR("behind", 0))) "," /* as files of Keras 2: nothing is said of its input */
            FUNCTIONAL("nested",
                INPUT("y", "[null, null]") "," CAST("inner", "int3",
                    NODE(TOLD("y", 0, "[null, null]")) "," NODE(TOLD("y", 0, "[null, null]"))) "," CAST("deep", "int5",
                    NODE(TOLD("inner", 1, "[null, null]"))),
                "['y', 0, 0]", "['deep', 0, 0]") ", 'inbound_nodes': [" NODE(TOLD("x", 0,
                "[null, null]")) "]}," CAST("last", "int6", NODE(TOLD("nested", 0, "[null, null]"))),
            "['x', 0, 0]", "['fine', 0, 0]") "}",
        NULL, 0);
    assert_int_equal(c.status, HP_ERROR_UNSUPPORTED);
    assert_reason(&c, "m.keras: layers/1 \"a\" (Cast)", "complex128");
    assert_reason(&c, "\"behind\" (Cast)", "float9");
    assert_reason(&c, "\"inner\" (Cast)", "int3");
    assert_reason(&c, "\"deep\" (Cast)", "int5");
    assert_reason(&c, "\"last\" (Cast)", "int6");
    assert_int_equal(c.reasons.count, 5);
    close_network(&c);
}

/* Layers with faults of their own, which are found before, are no end either. */
static void faults_and_lowering(void **state) {
    (void)state;
    network_case c;
    open_paths(&c,
        FUNCTIONAL("f",
            INPUT("x", "[null, 3]") "," CAST("a", "complex128",
                NODE(TOLD("x", 0, "[null, 3]"))) ","
                                                 "{'class_name': 'Dense', 'name': 'd', 'config': {'name': 'd'}, "
                                                 "'inbound_nodes': [" NODE(TOLD("a", 0,
                                                     "[null, 3]")) "]},"
                                                                   "{'class_name': 'Sequential', 'module': 'keras', "
                                                                   "'name': 's', 'config': {'name': 's', 'layers': ["
                                                                   "{'class_name': 'Dense', 'config': {'units': 2, "
                                                                   "'mystery': 4, 'name': 'e'}},"
                                                                   "{'class_name': 'BatchNormalization', 'config': "
                                                                   "{'name': 'n', 'axis': 0},"
                                                                   " 'build_config': {'input_shape': [null, 12]}}]}, "
                                                                   "'inbound_nodes': [" NODE(
                                                                       TOLD("d", 0, "[null, 4]")) "]}," CAST("last",
                                                                       "int6", NODE(TOLD("s", 0, "[null, 3]"))),
            "['x', 0, 0]", "['last', 0, 0]") "}",
        NULL, 0);
    assert_reason(&c, "\"a\" (Cast)", "complex128");
    assert_reason(&c, "\"d\" (Dense)", "missing");
    assert_reason(&c, "\"e\" (Dense): mystery", "unknown key");
    assert_reason(&c, "\"n\" (BatchNormalization)", "axis: 0");
    assert_reason(&c, "\"last\" (Cast)", "int6");
    assert_int_equal(c.reasons.count, 5);
    close_network(&c);
}

/* A layer that could not be made stands for nothing, even where it is called without arguments. */
static void called_with_nothing(void **state) {
    (void)state;
    network_case c;
    open_paths(&c,
        FUNCTIONAL("f",
            INPUT("x", "[null, 3]") ",{'class_name': 'Mystery', 'module': 'keras.layers', 'name': 'a', 'config': {}, "
                                    "'inbound_nodes': [" NODE("") "]}," CAST("b", "int6", NODE(TENSOR("a", 0))),
            "['x', 0, 0]", "['b', 0, 0]") "}",
        NULL, 0);
    assert_reason(&c, "layers/1 (Mystery)", "not supported");
    assert_int_equal(c.reasons.count, 1);
    close_network(&c);
}

/* So does a nested model with an input that could not be made. */
static void nested_without_input(void **state) {
    (void)state;
    network_case c;
    open_paths(&c,
        FUNCTIONAL("f",
            INPUT("x", "[null, 3]") "," FUNCTIONAL("inner",
                INPUT("i", "[null, 3]") ",{'class_name': 'InputLayer', 'name': 'j', 'config': null}", "['j', 0, 0]",
                "['i', 0, 0]") ", 'inbound_nodes': [" NODE(TOLD("x", 0, "[null, 3]")) "]}," CAST("b", "int6",
                NODE(TOLD("inner", 0, "[null, 3]"))),
            "['x', 0, 0]", "['b', 0, 0]") "}",
        NULL, 0);
    assert_reason(&c, "layers/1", "config: found null");
    assert_reason(&c, "\"b\" (Cast)", "int6");
    assert_int_equal(c.reasons.count, 2);
    close_network(&c);
}

/* The same in a Sequential: a child's input is known by what it was built with. Sizes that do not fit are told where all are known. */
static void every_reason_of_a_list(void **state) {
    (void)state;
    network_case c;
    open_paths(&c,
        "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': ["
        "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 3, 4], 'name': 'rows'}},"
        "{'class_name': 'BatchNormalization', 'config': {'name': 'a', 'axis': 0}},"
        "{'class_name': 'Flatten', 'config': {'name': 'skipped'}},"
        "{'class_name': 'BatchNormalization', 'config': {'name': 'b', 'axis': [0]},"
        " 'build_config': {'input_shape': [null, 12]}},"
        "{'class_name': 'Reshape', 'config': {'name': 'c', 'target_shape': [5]},"
        " 'build_config': {'input_shape': [null, 12]}}]}}",
        NULL, 0);
    assert_reason(&c, "\"a\" (BatchNormalization)", "axis: 0");
    assert_reason(&c, "\"b\" (BatchNormalization)", "axis: 0");
    assert_reason(&c, "\"c\" (Reshape)", "12");
    assert_int_equal(c.reasons.count, 3);
    close_network(&c);
}

static void broken_graphs(void **state) {
    (void)state;
    static const struct {
        const char *layers, *inputs, *outputs, *message;
    } cases[] = {
        {INPUT("x", "[null, 3]") "," DENSE("a", 3, NODE(TENSOR("b", 0))) "," DENSE("b", 3, NODE(TENSOR("a", 0))),
            "['x', 0, 0]", "['b', 0, 0]", "cycle"},
        {INPUT("x", "[null, 3]") "," DENSE("a", 3, NODE(TENSOR("q", 0))), "['x', 0, 0]", "['a', 0, 0]", "no layer"},
        {INPUT("x", "[null, 3]") "," DENSE("a", 3, NODE(TENSOR("x", 1))), "['x', 0, 0]", "['a', 0, 0]", "no call"},
        {INPUT("x", "[null, 3]") "," INPUT("x", "[null, 3]"), "['x', 0, 0]", "['x', 0, 0]", "two layers"},
        {INPUT("x", "[null, 3]"), "['x', 0, 0]", "['x', 0, 1]", "tensor 1"},
        {INPUT("x", "[null, 3]") "," INPUT("y", "[null, 3]"), "['x', 0, 0]", "['y', 0, 0]", "nothing feeds"},
        {INPUT("x", "[null, 3]"), "[]", "['x', 0, 0]", "no input"},
        {INPUT("x", "[null, 3]"), "['x', 0, 0]", "7", "expected"},
        {INPUT("x", "[null, 'a']"), "['x', 0, 0]", "['x', 0, 0]", "batch_shape"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char config[4096];
        network_case c;
        snprintf(config, sizeof config, FUNCTIONAL("f", "%s", "%s", "%s") "}", cases[i].layers, cases[i].inputs,
            cases[i].outputs);
        open_paths(&c, config, NULL, 0);
        assert_null(c.network);
        if (!strstr(c.error.message, cases[i].message) && !strstr(c.error.where, cases[i].message))
            fail_msg("case %zu: %s: %s", i, c.error.where, c.error.message);
        close_network(&c);
    }
}

/* Thirty models, each calling the one inside it twice: 2^30 calls are asked for, and refused in no time. */
static void shared_models_multiply(void **state) {
    (void)state;
    char *config = strdup(INPUT("i", "[null, 3]") "," DENSE("m", 3, NODE(TENSOR("i", 0))));
    for (int depth = 0; depth < 30; depth++) {
        size_t size = strlen(config) + 2048;
        char *outer = malloc(size), output[32];
        snprintf(output, sizeof output, "['m', %d, 0]", depth > 0);
        snprintf(outer, size,
            INPUT("i", "[null, 3]") "," FUNCTIONAL("m", "%s", "['i', 0, 0]", "%s") ", 'inbound_nodes': [" NODE(
                TENSOR("i", 0)) "," NODE(TENSOR("m", 0)) "]}",
            config, output);
        free(config);
        config = outer;
    }
    char *whole = malloc(strlen(config) + 512);
    sprintf(whole, FUNCTIONAL("f", "%s", "['i', 0, 0]", "['m', 1, 0]") "}", config);
    network_case c;
    clock_t start = clock();
    open_paths(&c, whole, NULL, 0);
    free(whole);
    free(config);
    assert_reason(&c, "", "too many times");
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);
    close_network(&c);
}

static void nesting_is_bounded(void **state) {
    (void)state;
    char config[16384] = "{'class_name': 'Dense', 'config': {'units': 1}}";
    for (int i = 0; i < 80; i++) {
        char outer[16384];
        snprintf(
            outer, sizeof outer, "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': [%.16000s]}}", config);
        memcpy(config, outer, sizeof config);
    }
    network_case c;
    open_paths(&c, config, NULL, 0);
    assert_reason(&c, "", "nested");
    close_network(&c);
}

/* Keras 3's predict overrides training=True in a graph, Keras 2's does not. */
static void training_in_a_graph(void **state) {
    (void)state;
    static const char config[] = FUNCTIONAL("f",
        INPUT("x", "[null, 3]") ","
                                "{'class_name': 'Dropout', 'name': 'd', 'config': {'name': 'd', 'rate': 0.5}, "
                                "'inbound_nodes': [{'args': [" TENSOR("x", 0) "], 'kwargs': {'training': true}}]}",
        "['x', 0, 0]", "['d', 0, 0]") "}";
    network_case c;
    open_network(&c, config, NULL, 0, NULL, 3);
    assert_open(&c);
    close_network(&c);
    open_network(&c, config, NULL, 0, NULL, 2);
    assert_reason(&c, "\"d\" (Dropout): training", "training=True");
    close_network(&c);
}

/* As .h5 files of Keras 3 hold them: no module, and a dtype as a layer has one. */
static void operations_without_module(void **state) {
    (void)state;
#define ONE_HOT(more)                                                                                                  \
    FUNCTIONAL("f",                                                                                                    \
        INPUT("x", "[null, 3]") ",{'class_name': 'OneHot', 'module': 'keras.layers', 'name': 'o', 'config': {'name': " \
                                "'o', 'num_classes': 4, 'axis': -1, 'dtype': 'float32'" more                           \
                                "}, 'inbound_nodes': [" NODE(TENSOR("x", 0)) "]}",                                     \
        "['x', 0, 0]", "['o', 0, 0]")                                                                                  \
    "}"
    network_case c;
    open_paths(&c, ONE_HOT(""), NULL, 0);
    assert_open(&c);
    assert_int_equal(hp_network_output(c.network, 0).shape[2], 4);
    close_network(&c);
    open_paths(&c, ONE_HOT(", 'trainable': true"), NULL, 0);
    assert_reason(&c, "OneHot", "the layer OneHot is not supported"); /* somebody's own */
    close_network(&c);
}

static void rows_that_mix(void **state) {
    (void)state;
    network_case c;
    open_paths(&c,
        FUNCTIONAL("f",
            INPUT("x", "[null, 3]") ","
                                    "{'class_name': 'Concatenate', 'name': 'c', 'config': {'name': 'c', 'axis': 0}, "
                                    "'inbound_nodes': [" NODE("[" TENSOR("x", 0) "," TENSOR("x", 0) "]") "]}",
            "['x', 0, 0]", "['c', 0, 0]") "}",
        NULL, 0);
    assert_open(&c);
    const char *where;
    assert_true(hp_network_mixes_rows(c.network, &where));
    assert_non_null(strstr(where, "\"c\" (Concatenate)"));
    hp_shape shape = {.rank = 2, .dims = {1, 3}};
    hp_graph graph;
    bool mixes = false;
    assert_int_not_equal(hp_network_lower(c.network, &shape, 1, 0, NULL, &graph, &mixes, &c.error), HP_OK);
    assert_true(mixes);
    hp_graph_release(&graph);
    assert_int_equal(hp_network_lower(c.network, &shape, 1, 5, NULL, &graph, &mixes, &c.error), HP_OK);
    assert_false(mixes);
    assert_int_equal(graph.values[graph.outputs[0]].tensor.shape.dims[0], 10);
    hp_graph_release(&graph);
    close_network(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequential_mlp),
        cmocka_unit_test(nested_and_shared),
        cmocka_unit_test(unknown_sizes),
        cmocka_unit_test(every_reason),
        cmocka_unit_test(every_reason_of_lowering),
        cmocka_unit_test(faults_and_lowering),
        cmocka_unit_test(called_with_nothing),
        cmocka_unit_test(nested_without_input),
        cmocka_unit_test(every_reason_of_a_list),
        cmocka_unit_test(broken_graphs),
        cmocka_unit_test(shared_models_multiply),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(training_in_a_graph),
        cmocka_unit_test(operations_without_module),
        cmocka_unit_test(rows_that_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_graph_bind.c: weights to layers: by path as Keras 3 names them, by order as legacy files count them. */
#include "graph/bind.h"
#include "graph/paths.h"
#include "network_case.h"

#define ROWS "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 3], 'name': 'rows'}}"
#define STEPS "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 5, 3], 'name': 'rows'}}"
#define SEQUENTIAL(layers) "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': [" layers "]}}"
#define DENSE(name, units) "{'class_name': 'Dense', 'config': {'units': " #units ", 'name': '" name "'}}"
#define FROZEN(name, units)                                                                                            \
    "{'class_name': 'Dense', 'config': {'units': " #units ", 'name': '" name "', 'trainable': false}}"
#define NORM(name) "{'class_name': 'BatchNormalization', 'config': {'name': '" name "'}}"
#define NESTED(name, trainable, layers)                                                                                \
    "{'class_name': 'Sequential', 'config': {'name': '" name "', 'trainable': " trainable ", 'layers': [" layers "]}}"

static void snake_case(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"Dense", "dense"}, {"Conv2D", "conv2d"}, {"LSTM", "lstm"},
        {"BatchNormalization", "batch_normalization"}, {"PReLU", "p_re_lu"}, {"ReLU", "re_lu"},
        {"GlobalAveragePooling2D", "global_average_pooling2d"}, {"Conv1DTranspose", "conv1d_transpose"},
        {"LeakyReLU", "leaky_re_lu"}, {"MultiHeadAttention", "multi_head_attention"}, {"ELU", "elu"},
        {"ConvLSTM2D", "conv_lstm2d"}, {"My Layer-X", "my_layer_x"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[64];
        assert_string_equal(hp_snake_case(cases[i][0], text, sizeof text), cases[i][1]);
    }
}

/* The first element of the constant of that name among the graph's; its weight's number in the list is the whole. */
static int bound(const network_case *c, int64_t rank, int64_t dim0, int nth) {
    hp_shape shapes[1] = {{.rank = hp_network_input(c->network, 0).rank}};
    hp_tensor_info input = hp_network_input(c->network, 0);
    for (int i = 1; i < input.rank; i++) shapes[0].dims[i] = input.shape[i] < 0 ? 4 : input.shape[i];
    hp_graph graph;
    hp_error error;
    int result = -1;
    assert_int_equal(hp_network_lower(c->network, shapes, 1, 0, NULL, &graph, NULL, &error), HP_OK);
    for (size_t i = 0; i < graph.value_count && nth >= 0; i++) {
        const hp_constant *constant = graph.values[i].constant;
        if (!constant || constant->tensor.shape.rank != rank || constant->tensor.shape.dims[0] != dim0) continue;
        if (nth-- == 0) result = (int)((const float *)constant->data)[0];
    }
    hp_graph_release(&graph);
    return result;
}

/* Names count per class within a list, operations and Sequential's InputLayer left out; nested models and cells have
 * paths of their own; states of random generators are passed over. */
static void paths(void **state) {
    (void)state;
    static const stored weights[] = {
        {"layers/bidirectional/backward_layer/cell/vars/0", 2, {3, 8}},
        {"layers/bidirectional/backward_layer/cell/vars/1", 2, {2, 8}},
        {"layers/bidirectional/backward_layer/cell/vars/2", 1, {8}},
        {"layers/bidirectional/forward_layer/cell/vars/0", 2, {3, 8}},
        {"layers/bidirectional/forward_layer/cell/vars/1", 2, {2, 8}},
        {"layers/bidirectional/forward_layer/cell/vars/2", 1, {8}},
        {"layers/dense/vars/0", 2, {4, 6}},
        {"layers/dense/vars/1", 1, {6}},
        {"layers/dense_1/vars/0", 2, {7, 3}},
        {"layers/dense_1/vars/1", 1, {3}},
        {"layers/dropout/seed_generator/vars/0", 1, {2}},
        {"layers/sequential/layers/batch_normalization/vars/0", 1, {6}},
        {"layers/sequential/layers/batch_normalization/vars/1", 1, {6}},
        {"layers/sequential/layers/batch_normalization/vars/2", 1, {6}},
        {"layers/sequential/layers/batch_normalization/vars/3", 1, {6}},
        {"layers/sequential/layers/dense/vars/0", 2, {6, 7}},
        {"layers/sequential/layers/dense/vars/1", 1, {7}},
    };
    network_case c;
    open_paths(&c,
        SEQUENTIAL(STEPS ",{'class_name': 'Bidirectional', 'config': {'name': 'b', 'layer': {'class_name': 'LSTM', "
                         "'config': {'units': 2, 'name': 'l'}}}},"
                         "{'class_name': 'Dropout', 'config': {'rate': 0.1, 'name': 'd'}}," DENSE("zeta", 6) "," NESTED(
                             "n", "true", NORM("norm") "," DENSE("inner", 7)) "," DENSE("alpha", 3)),
        weights, COUNT(weights));
    assert_open(&c);
    assert_int_equal(bound(&c, 2, 3, 0), 4); /* the forward kernel comes first in the graph, second in the file */
    assert_int_equal(bound(&c, 2, 3, 1), 1);
    assert_int_equal(bound(&c, 2, 4, 0), 7);
    assert_int_equal(bound(&c, 2, 6, 0), 16);
    assert_int_equal(bound(&c, 2, 7, 0), 9);
    close_network(&c);
}

static void faults_of_paths(void **state) {
    (void)state;
    static const stored weights[] = {
        {"layers/dense/vars/0", 2, {4, 3}}, {"layers/dense_1/vars/0", 2, {4, 2}}, {"layers/dense_2/vars/0", 1, {9}}};
    network_case c;
    open_paths(&c, SEQUENTIAL(ROWS "," DENSE("a", 4) "," DENSE("b", 2)), weights, COUNT(weights));
    assert_int_equal(c.status, HP_ERROR_FORMAT);
    assert_int_equal(c.reasons.count, 4);
    assert_reason(
        &c, "layers/1 \"a\" (Dense)", "kernel has shape (4, 3) in the file (layers/dense/vars/0), expected (3, 4)");
    assert_reason(&c, "layers/1 \"a\" (Dense)", "bias is missing");
    assert_reason(&c, "layers/2 \"b\" (Dense)", "layers/dense_1/vars/1");
    assert_reason(&c, "layers/dense_2/vars/0", "no layer");
    close_network(&c);
}

/* A layer under a shared_object_id is one layer: its second place has no weights of its own. */
static void shared_objects(void **state) {
    (void)state;
    static const stored weights[] = {{"layers/dense/vars/0", 2, {3, 3}}, {"layers/dense/vars/1", 1, {3}}};
    network_case c;
    open_paths(&c,
        SEQUENTIAL(ROWS ",{'class_name': 'Dense', 'shared_object_id': 77, 'config': {'units': 3, 'name': 'a'}},"
                        "{'class_name': 'Sequential', 'config': {'name': 'n', 'layers': ["
                        "{'class_name': 'Dense', 'shared_object_id': 77, 'config': {'units': 3, 'name': 'a'}}]}}"),
        weights, COUNT(weights));
    assert_open(&c);
    assert_int_equal(hp_network_parameters(c.network, false), 12);
    close_network(&c);
}

static hp_status read_test_weight(
    const hp_weight_store *store, const hp_weight *weight, void *destination, hp_error *error) {
    (void)store;
    (void)error;
    memcpy(destination, (const void *)(uintptr_t)weight->handle, weight->bytes);
    return HP_OK;
}

/* float16 and float64 weights are read and become float32. */
static void conversions(void **state) {
    (void)state;
    static const double kernel[3] = {1.5, -2, 1e-3};
    static const uint16_t half_bias[1] = {0x3e00}; /* 1.5 */
    static const stored weights[] = {{"layers/dense/vars/0", 2, {3, 1}}, {"layers/dense/vars/1", 1, {1}}};
    network_case c;
    memset(&c, 0, sizeof c);
    c.constants = hp_constants_new(0);
    fill_weights(&c, weights, COUNT(weights));
    c.weights[0] = (hp_weight){.name = "layers/dense/vars/0",
        .dtype = HP_FLOAT64,
        .rank = 2,
        .dims = {3, 1},
        .bytes = sizeof kernel,
        .handle = (uintptr_t)kernel};
    c.weights[1] = (hp_weight){.name = "layers/dense/vars/1",
        .dtype = HP_FLOAT16,
        .rank = 1,
        .dims = {1},
        .bytes = sizeof half_bias,
        .handle = (uintptr_t)half_bias};
    c.store = (hp_weight_store){.weights = c.weights, .weight_count = 2, .read = read_test_weight};
    c.spec = (hp_model_spec){.name = "m",
        .version = {.family = 3},
        .weights = &c.store,
        .config = parse_json(&c.arena, SEQUENTIAL(ROWS "," DENSE("a", 1)))};
    c.status = hp_network_open(&c.spec, c.constants, NULL, 0, &c.reasons, &c.network, &c.error);
    assert_open(&c);
    hp_shape shape = {.rank = 2, .dims = {1, 3}};
    hp_graph graph;
    int checked = 0;
    assert_int_equal(hp_network_lower(c.network, &shape, 1, 0, NULL, &graph, NULL, &c.error), HP_OK);
    for (size_t i = 0; i < graph.value_count; i++) {
        const hp_constant *constant = graph.values[i].constant;
        if (!constant) continue;
        const float *data = constant->data;
        if (constant->tensor.shape.rank == 2) assert_true(data[0] == 1.5F && data[1] == -2 && data[2] == 1e-3F);
        if (constant->tensor.shape.rank == 1) assert_true(data[0] == 1.5F);
        checked++;
    }
    assert_int_equal(checked, 2);
    hp_graph_release(&graph);
    close_network(&c);
}

/* Trainable weights first, then the rest; a frozen layer inside a model moves behind its successors. */
static void legacy_order(void **state) {
    (void)state;
    static const stored weights[] = {
        {"t", 2, {3, 4}},
        {"t", 1, {4}}, /* outer dense */
        {"n", 1, {5}},
        {"n", 1, {5}},
        {"n", 2, {5, 6}},
        {"n", 1, {6}}, /* gamma, beta, second dense */
        {"n", 2, {4, 5}},
        {"n", 1, {5}},
        {"n", 1, {5}},
        {"n", 1, {5}}, /* frozen dense, moving mean, variance */
        {"l", 2, {6, 2}},
        {"l", 1, {2}},
    };
    static const int groups[] = {0, 2, 8, 2, -1};
    static const char config[] = SEQUENTIAL(ROWS
        "," DENSE("a", 4) "," NESTED("n", "true", FROZEN("f", 5) "," NORM("b") "," DENSE("d", 6)) "," DENSE("z", 2));
    for (int family = 2; family <= 3; family++) {
        network_case c;
        open_network(&c, config, weights, COUNT(weights), groups, family);
        assert_open(&c);
        assert_int_equal(bound(&c, 2, 5, 0), 5);
        assert_int_equal(bound(&c, 2, 4, 0), 7);
        assert_int_equal(bound(&c, 2, 6, 0), 11);
        close_network(&c);
    }
}

/* A frozen model gives all of its weights in the order of its layers in Keras 3, trainable kinds first in Keras 2. */
static void legacy_frozen_model(void **state) {
    (void)state;
    static const stored keras3[] = {
        {"n", 1, {3}}, {"n", 1, {3}}, {"n", 1, {3}}, {"n", 1, {3}}, {"n", 2, {3, 6}}, {"n", 1, {6}}};
    static const stored keras2[] = {
        {"n", 1, {3}}, {"n", 1, {3}}, {"n", 2, {3, 6}}, {"n", 1, {6}}, {"n", 1, {3}}, {"n", 1, {3}}};
    static const int groups[] = {6, -1};
    static const char config[] = SEQUENTIAL(ROWS "," NESTED("n", "false", NORM("b") "," DENSE("d", 6)));
    network_case c;
    open_network(&c, config, keras3, COUNT(keras3), groups, 3);
    assert_open(&c);
    assert_int_equal(bound(&c, 2, 3, 0), 5);
    close_network(&c);
    open_network(&c, config, keras2, COUNT(keras2), groups, 2);
    assert_open(&c);
    assert_int_equal(bound(&c, 2, 3, 0), 3);
    close_network(&c);
}

static void faults_of_groups(void **state) {
    (void)state;
    static const stored weights[] = {{"k", 2, {3, 4}}, {"b", 1, {4}}, {"k", 2, {4, 2}}};
    network_case c;
    open_network(&c, SEQUENTIAL(ROWS "," DENSE("a", 4) "," DENSE("b", 2) "," DENSE("c", 2)), weights, COUNT(weights),
        (const int[]){2, 1, -1}, 2);
    assert_reason(&c, "\"b\" (Dense)", "found 1 weights");
    assert_reason(&c, "\"c\" (Dense)", "missing");
    assert_int_equal(c.reasons.count, 2);
    close_network(&c);
    open_network(&c, SEQUENTIAL(ROWS "," DENSE("a", 4)), weights, COUNT(weights), (const int[]){2, 1, -1}, 2);
    assert_reason(&c, "group", "no layer");
    close_network(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snake_case),
        cmocka_unit_test(paths),
        cmocka_unit_test(faults_of_paths),
        cmocka_unit_test(shared_objects),
        cmocka_unit_test(conversions),
        cmocka_unit_test(legacy_order),
        cmocka_unit_test(legacy_frozen_model),
        cmocka_unit_test(faults_of_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_layers_shapes.c: every layer class lowers: its output shape and its number of weights, with the options that
 * decide them. The numbers themselves are compared with Keras's in tests/cases. */
#include "layers/layer.h"
#include "network_case.h"

typedef struct shape_case {
    const char *class_name, *config, *input; /* batch_shape */
    const char *output;                      /* as inspect shows it */
    int64_t parameters;
} shape_case;

static const shape_case cases[] = {
    {"Dense", "'units': 4", "[null, 5, 3]", "(None, 5, 4)", 16},
    {"Dense", "'units': 4, 'use_bias': false", "[null, 3]", "(None, 4)", 12},
    {"Activation", "'activation': 'softmax'", "[null, 3]", "(None, 3)", 0},
    {"Activation", "'activation': 'glu'", "[null, 6]", "(None, 3)", 0},
    {"Activation", "'activation': 'sparsemax'", "[null, 2, 6]", "(None, 2, 6)", 0},
    {"Activation", "'activation': {'class_name': 'function', 'config': 'relu'}", "[null, 3]", "(None, 3)", 0},
    {"Activation", "'activation': {'class_name': 'LeakyReLU', 'config': {'negative_slope': 0.1}}", "[null, 3]",
        "(None, 3)", 0},
    {"Equalization", "'bins': 256", "[null, 4, 5, 3]", "(None, 4, 5, 3)", 0},
    {"MaxNumBoundingBoxes", "'max_number': 5", "[null, 4, 5, 3]", "(None, 4, 5, 3)", 0},
    {"SpatialDropout3D", "'rate': 0.5", "[null, 2, 3, 4, 5]", "(None, 2, 3, 4, 5)", 0},
    {"Identity", "'trainable': true", "[null, 3]", "(None, 3)", 0},
    {"ReLU", "'max_value': {'class_name': '__numpy__', 'config': {'value': 6.0, 'dtype': 'float32'}}", "[null, 3]",
        "(None, 3)", 0},
    {"LeakyReLU", "'negative_slope': 0.3", "[null, 3]", "(None, 3)", 0},
    {"ELU", "'alpha': 0.5", "[null, 3]", "(None, 3)", 0},
    {"PReLU", "'shared_axes': [1, 2]", "[null, 4, 5, 3]", "(None, 4, 5, 3)", 3},
    {"PReLU", "'shared_axes': null", "[null, 4, 5]", "(None, 4, 5)", 20},
    {"Softmax", "'axis': [1, 2]", "[null, 4, 5]", "(None, 4, 5)", 0},
    {"Conv1D", "'filters': 6, 'kernel_size': [3], 'padding': 'causal', 'dilation_rate': [2]", "[null, 10, 4]",
        "(None, 10, 6)", 78},
    {"Conv1D", "'filters': 6, 'kernel_size': 3, 'strides': 2", "[null, 10, 4]", "(None, 4, 6)", 78},
    {"Conv2D", "'filters': 6, 'kernel_size': [3, 2], 'strides': [2, 1], 'padding': 'same'", "[null, 7, 8, 4]",
        "(None, 4, 8, 6)", 150},
    {"Conv2D", "'filters': 6, 'kernel_size': 3, 'groups': 2", "[null, 7, 8, 4]", "(None, 5, 6, 6)", 114},
    {"Conv2D", "'filters': 6, 'kernel_size': 3, 'data_format': 'channels_first'", "[null, 4, 7, 8]", "(None, 6, 5, 6)",
        222},
    {"Conv3D", "'filters': 2, 'kernel_size': 2", "[null, 4, 5, 6, 3]", "(None, 3, 4, 5, 2)", 50},
    {"Conv2D", "'filters': 6, 'kernel_size': 3, 'padding': 'same'", "[null, 0, 5, 2]", "(None, 0, 5, 6)", 114},
    {"Conv3D", "'filters': 2, 'kernel_size': 3, 'padding': 'same', 'strides': 2", "[null, 4, 0, 3, 2]",
        "(None, 2, 0, 2, 2)", 110},
    {"DepthwiseConv2D", "'kernel_size': 3, 'padding': 'same'", "[null, 0, 0, 2]", "(None, 0, 0, 2)", 20},
    {"Conv1DTranspose", "'filters': 4, 'kernel_size': 3, 'padding': 'same', 'strides': 2", "[null, 0, 2]",
        "(None, 0, 4)", 28},
    {"MaxPooling2D", "'pool_size': 3, 'padding': 'same'", "[null, 5, 0, 2]", "(None, 2, 0, 2)", 0},
    {"AveragePooling1D", "'pool_size': 3, 'padding': 'same', 'strides': 1", "[null, 0, 2]", "(None, 0, 2)", 0},
    {"DepthwiseConv1D", "'kernel_size': 3, 'depth_multiplier': 2", "[null, 9, 4]", "(None, 7, 8)", 32},
    {"DepthwiseConv2D", "'kernel_size': 3, 'strides': 2, 'padding': 'same'", "[null, 9, 8, 4]", "(None, 5, 4, 4)", 40},
    {"SeparableConv1D", "'filters': 5, 'kernel_size': 3, 'padding': 'causal'", "[null, 9, 4]", "(None, 9, 5)", 37},
    {"SeparableConv2D", "'filters': 5, 'kernel_size': 3, 'depth_multiplier': 2", "[null, 9, 8, 4]", "(None, 7, 6, 5)",
        117},
    {"MaxPooling1D", "'pool_size': 2, 'strides': null", "[null, 9, 4]", "(None, 4, 4)", 0},
    {"MaxPooling2D", "'pool_size': [2, 2], 'strides': [1, 1], 'padding': 'same'", "[null, 9, 8, 4]", "(None, 9, 8, 4)",
        0},
    {"MaxPooling3D", "'pool_size': 2, 'strides': 2", "[null, 4, 6, 8, 2]", "(None, 2, 3, 4, 2)", 0},
    {"AveragePooling1D", "'pool_size': 2, 'strides': 1, 'data_format': 'channels_first'", "[null, 4, 9]",
        "(None, 4, 8)", 0},
    {"AveragePooling2D", "'pool_size': 3, 'padding': 'same'", "[null, 9, 8, 4]", "(None, 3, 3, 4)", 0},
    {"AveragePooling3D", "'pool_size': 2, 'strides': 2", "[null, 4, 6, 8, 2]", "(None, 2, 3, 4, 2)", 0},
    {"GlobalMaxPooling1D", "'keepdims': true", "[null, 9, 4]", "(None, 1, 4)", 0},
    {"GlobalMaxPooling2D", "'data_format': 'channels_first'", "[null, 3, 9, 4]", "(None, 3)", 0},
    {"GlobalMaxPooling3D", "'keepdims': false", "[null, 2, 3, 9, 4]", "(None, 4)", 0},
    {"GlobalAveragePooling1D", "'keepdims': false", "[null, 9, 4]", "(None, 4)", 0},
    {"GlobalAveragePooling2D", "'keepdims': true", "[null, 3, 9, 4]", "(None, 1, 1, 4)", 0},
    {"GlobalAveragePooling3D", "'keepdims': false", "[null, 2, 3, 9, 4]", "(None, 4)", 0},
    {"LSTM", "'units': 5, 'return_sequences': true", "[null, 7, 3]", "(None, 7, 5)", 180},
    {"LSTM", "'units': 5, 'return_state': true", "[null, 7, 3]", "[(None, 5), (None, 5), (None, 5)]", 180},
    {"GRU", "'units': 5", "[null, 7, 3]", "(None, 5)", 150},
    {"GRU", "'units': 5, 'reset_after': false", "[null, 7, 3]", "(None, 5)", 135},
    {"SimpleRNN", "'units': 5, 'use_bias': false", "[null, 7, 3]", "(None, 5)", 40},
    {"Bidirectional", "'layer': {'class_name': 'GRU', 'config': {'units': 5, 'return_sequences': true}}",
        "[null, 7, 3]", "(None, 7, 10)", 300},
    {"Bidirectional", "'merge_mode': null, 'layer': {'class_name': 'SimpleRNN', 'config': {'units': 5}}",
        "[null, 7, 3]", "[(None, 5), (None, 5)]", 90},
    {"Rescaling", "'scale': 0.5, 'offset': -1", "[null, 3]", "(None, 3)", 0},
    {"Rescaling", "'scale': [0.5, 2, 3], 'offset': 1", "[null, 4, 3]", "(None, 4, 3)", 0},
    {"Normalization", "'axis': [-1], 'mean': null, 'variance': null", "[null, 4, 3]", "(None, 4, 3)", 7},
    {"Normalization", "'axis': [-1], 'mean': [1, 2, 3], 'variance': [1, 2, 3], 'invert': true", "[null, 4, 3]",
        "(None, 4, 3)", 0},
    {"BatchNormalization", "'axis': 1", "[null, 4, 3]", "(None, 4, 3)", 16},
    {"BatchNormalization", "'axis': [1, 2], 'center': false", "[null, 4, 3]", "(None, 4, 3)", 36},
    {"SyncBatchNormalization", "'axis': [-1], 'momentum': 0.9", "[null, 4, 3]", "(None, 4, 3)", 12},
    {"RandomHeight", "'factor': 0.2, 'seed': null", "[null, 6, 7, 3]", "(None, 6, 7, 3)", 0},
    {"RandomWidth", "'factor': 0.2, 'interpolation': 'bilinear'", "[null, 6, 7, 3]", "(None, 6, 7, 3)", 0},
    {"UpSampling2D", "'size': 2, 'interpolation': 'mitchellcubic'", "[null, 6, 7, 3]", "(None, 12, 14, 3)", 0},
    {"Dense", "'units': 4, 'dtype': 'int8_from_float32'", "[null, 3]", "(None, 4)", 20},
    {"Dense", "'units': 5, 'dtype': 'int4/2_from_float32'", "[null, 3]", "(None, 5)", 37},
    {"EinsumDense", "'equation': 'ab,bc->ac', 'output_shape': 4, 'dtype': 'int8_from_mixed_bfloat16'", "[null, 3]",
        "(None, 4)", 16},
    {"GroupNormalization", "'groups': 2", "[null, 4, 6]", "(None, 4, 6)", 12},
    {"GroupNormalization", "'groups': -1, 'axis': 1, 'center': false", "[null, 4, 5, 3]", "(None, 4, 5, 3)", 4},
    {"LayerNormalization", "'axis': [-1, 1]", "[null, 4, 5, 3]", "(None, 4, 5, 3)", 24},
    {"LayerNormalization", "'axis': [2], 'rms_scaling': true", "[null, 4, 5, 3]", "(None, 4, 5, 3)", 5},
    {"SpatialDropout2D", "'rate': 0.5, 'seed': null, 'data_format': 'channels_last'", "[null, 4, 5, 3]",
        "(None, 4, 5, 3)", 0},
    {"Flatten", "'data_format': 'channels_first'", "[null, 4, 5, 3]", "(None, 60)", 0},
    {"Reshape", "'target_shape': [5, -1]", "[null, 4, 5, 3]", "(None, 5, 12)", 0},
    {"Permute", "'dims': [3, 1, 2]", "[null, 4, 5, 3]", "(None, 3, 4, 5)", 0},
    {"RepeatVector", "'n': 6", "[null, 4]", "(None, 6, 4)", 0},
    {"Cropping1D", "'cropping': [1, 2]", "[null, 9, 4]", "(None, 6, 4)", 0},
    {"Cropping2D", "'cropping': [[1, 2], [0, 3]], 'data_format': 'channels_first'", "[null, 4, 9, 8]",
        "(None, 4, 6, 5)", 0},
    {"Cropping3D", "'cropping': 1", "[null, 4, 9, 8, 2]", "(None, 2, 7, 6, 2)", 0},
    {"UpSampling1D", "'size': 3", "[null, 4, 2]", "(None, 12, 2)", 0},
    {"UpSampling2D", "'size': [2, 3], 'interpolation': 'bilinear'", "[null, 4, 5, 2]", "(None, 8, 15, 2)", 0},
    {"UpSampling3D", "'size': 2, 'data_format': 'channels_first'", "[null, 2, 3, 4, 5]", "(None, 2, 6, 8, 10)", 0},
    {"ZeroPadding1D", "'padding': 2", "[null, 4, 2]", "(None, 8, 2)", 0},
    {"ZeroPadding2D", "'padding': [[1, 2], [0, 3]]", "[null, 4, 5, 2]", "(None, 7, 8, 2)", 0},
    {"ZeroPadding3D", "'padding': [1, 2, 3]", "[null, 4, 5, 6, 2]", "(None, 6, 9, 12, 2)", 0},
    {"Masking", "'mask_value': 0.5", "[null, 4, 2]", "(None, 4, 2)", 0},
    {"Embedding", "'input_dim': 9, 'output_dim': 5, 'mask_zero': true", "[null, 7]", "(None, 7, 5)", 45},
};

/* Parses the layer and lowers it once: weights need no data for that. */
static void run_case(const shape_case *s) {
    hp_arena arena = {0};
    hp_reasons reasons = {0};
    hp_graph graph = {0};
    char text[1024], place[96];
    snprintf(text, sizeof text, "{'class_name': '%s', 'config': {'name': 'l', %s}}", s->class_name, s->config);
    hp_layer_scope scope = {.arena = &arena, .reasons = &reasons};
    hp_layer *layer = hp_layer_new(&scope, parse_json(&arena, text), "test");
    if (!layer) fail_msg("%s: %s: %s", text, reasons.at[0].where, reasons.at[0].message);
    hp_tensor input = {.dtype = HP_FLOAT32, .shape = {.rows = true}};
    HP_JSON_EACH (size, parse_json(&arena, s->input))
        input.shape.dims[input.shape.rank++] = hp_json_is_null(size) ? 1 : size->integer;
    hp_constants *constants = hp_constants_new(0);
    hp_builder b = {.graph = &graph, .constants = constants, .layer = "test"};
    hp_value x = hp_emit_input(&b, &input);
    hp_arg arg = {.kind = HP_ARG_TENSOR, .tensor = x};
    hp_call call = {.inputs = &x, .input_count = 1, .args = &arg, .arg_count = 1};
    hp_layer_call_full(&b, layer, &call);
    if (b.status != HP_OK) fail_msg("%s: %s", text, b.error.message);
    char output[256] = "";
    for (size_t i = 0; i < call.output_count; i++) {
        size_t used = strlen(output);
        hp_shape_text(hp_builder_shape(&b, call.outputs[i]), place, sizeof place);
        snprintf(output + used, sizeof output - used, "%s(None%s", i ? ", " : "", strchr(place, ','));
    }
    char expected[256];
    size_t n = strlen(s->output);
    bool list = s->output[0] == '[';
    snprintf(expected, sizeof expected, "%.*s", (int)(list ? n - 2 : n), s->output + list);
    if (strcmp(output, expected) != 0) fail_msg("%s: %s, expected %s", text, output, expected);
    int64_t parameters = 0;
    hp_layer *parts[3] = {
        layer, layer->child_count > 0 ? layer->children[0] : NULL, layer->child_count > 1 ? layer->children[1] : NULL};
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; parts[k] && i < parts[k]->weight_count; i++)
            parameters += hp_shape_elements(&parts[k]->weights[i].constant->tensor.shape);
    if (parameters != s->parameters)
        fail_msg("%s: %lld parameters, expected %lld", text, (long long)parameters, (long long)s->parameters);
    hp_layer_scope_release(&scope);
    hp_reasons_release(&reasons);
    hp_graph_release(&graph);
    hp_constants_free(constants);
    hp_arena_release(&arena);
}

static void shapes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) run_case(&cases[i]);
}

/* Configs and inputs that Keras refuses too, each with a word of the message. */
static void refused(void **state) {
    (void)state;
    static const struct {
        const char *class_name, *config, *input, *word;
    } faults[] = {
        {"Conv2D", "'filters': 6, 'kernel_size': [3, 3, 3]", "[null, 7, 8, 4]", "kernel_size"},
        {"Conv2D", "'filters': 6, 'kernel_size': 9", "[null, 7, 8, 4]", "reaches over"},
        {"Conv2D", "'filters': 6, 'kernel_size': 3, 'groups': 4", "[null, 7, 8, 4]", "groups"},
        {"Conv2D", "'filters': 6, 'kernel_size': 3, 'groups': 3", "[null, 7, 8, 4]", "channels"},
        {"Conv2D", "'filters': 6, 'kernel_size': 3, 'padding': 'causal'", "[null, 7, 8, 4]", "causal"},
        {"Conv2D", "'filters': 6, 'kernel_size': 3", "[null, 8, 4]", "axes"},
        {"Dense", "'units': 1.5", "[null, 3]", "units"},
        {"Dense", "'units': 4, 'use_bias': 'yes'", "[null, 3]", "use_bias"},
        {"Reshape", "'target_shape': [7]", "[null, 3]", "do not fit"},
        {"Reshape", "'target_shape': [-1, -1]", "[null, 3]", "-1"},
        {"Permute", "'dims': [1, 3]", "[null, 3, 4]", "every axis"},
        {"Cropping1D", "'cropping': [5, 5]", "[null, 9, 4]", "nothing is left"},
        {"ZeroPadding2D", "'padding': [1, 2, 3]", "[null, 9, 4, 4]", "padding"},
        {"MaxPooling1D", "'pool_size': 5", "[null, 4, 4]", "does not fit"},
        {"ConvLSTM1D", "'filters': 4, 'kernel_size': 2, 'time_major': true", "[null, 4, 4, 2]", "time"},
        {"Conv1D", "'filters': 4, 'kernel_size': 3", "[null, 0, 4]", "does not fit"},
        {"LSTM", "'units': 4", "[null, 0, 4]", "time steps"},
        {"RNN", "'go_backwards': true, 'cell': {'class_name': 'GRUCell', 'config': {'units': 2}}", "[null, 0, 4]",
            "time steps"},
        {"Bidirectional", "'layer': {'class_name': 'Dense', 'config': {'units': 2}}", "[null, 4, 4]", "inside"},
        {"Bidirectional", "'merge_mode': 'sum'", "[null, 4, 4]", "missing"},
        {"BatchNormalization", "'axis': 0", "[null, 4, 4]", "batch"},
        {"Dense", "'units': 4, 'dtype': 'gptq/4/128_from_float32'", "[null, 4]", "not supported"},
        {"Embedding", "'input_dim': 4, 'output_dim': 3, 'dtype': 'float8_from_float32'", "[null, 4]", "not supported"},
        {"EinsumDense", "'equation': '...b,bc->...c', 'output_shape': 4, 'dtype': 'int8_from_float32'", "[null, 4]",
            "does not quantise"},
        {"StringLookup", "'vocabulary': null", "[null, 4]", "never adapted"},
        {"StringLookup", "'vocabulary': []", "[null, 4]", "empty"},
        {"StringLookup", "'vocabulary': ['a', 3]", "[null, 4]", "expected strings"},
        {"StringLookup", "'vocabulary': ['a', 'b'], 'max_tokens': 2", "[null, 4]", "at most max_tokens"},
        {"StringLookup", "'vocabulary': ['a'], 'pad_to_max_tokens': true", "[null, 4]", "no max_tokens"},
        {"StringLookup", "'vocabulary': ['a'], 'mask_token': 3", "[null, 4]", "expected a string"},
        {"IntegerLookup", "'vocabulary': ['a']", "[null, 4]", "expected integers"},
        {"IntegerLookup", "'vocabulary': [1], 'invert': true, 'output_mode': 'count'", "[null, 4]", "invert"},
        {"IntegerLookup", "'vocabulary': [1], 'output_mode': 'tf_idf', 'idf_weights': 'x'", "[null, 4]", "numbers"},
        {"IndexLookup", "'vocabulary': [1], 'vocabulary_dtype': 'float32'", "[null, 4]", "vocabulary_dtype"},
        {"TextVectorization", "'vocabulary': ['a'], 'standardize': {'class_name': 'function'}", "[null, 1]",
            "standardize"},
        {"TextVectorization", "'vocabulary': ['a'], 'split': 'whitespace', 'ragged': true", "[null, 1]", "ragged"},
        {"TextVectorization", "'vocabulary': ['a'], 'ngrams': 99", "[null, 1]", "ngrams"},
        {"GroupNormalization", "'groups': 3", "[null, 4, 4]", "divide"},
        {"GroupNormalization", "'axis': 0", "[null, 4, 4]", "batch"},
        {"Softmax", "'axis': 5", "[null, 4, 4]", "axis 5"},
        {"Activation", "'activation': 'glu'", "[null, 5]", "odd"},
        {"ReLU", "'max_value': -1", "[null, 5]", "max_value"},
    };
    for (size_t i = 0; i < COUNT(faults); i++) {
        char config[1024];
        network_case c;
        snprintf(config, sizeof config,
            "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': [{'class_name': 'InputLayer', 'config': "
            "{'batch_shape': %s, 'name': 'x'}}, {'class_name': '%s', 'config': {'name': 'l', %s}}]}}",
            faults[i].input, faults[i].class_name, faults[i].config);
        open_paths(&c, config, NULL, 0);
        assert_null(c.network);
        if (!strstr(c.error.message, faults[i].word) && !strstr(c.error.where, faults[i].word))
            fail_msg("%s: %s: %s", config, c.error.where, c.error.message);
        close_network(&c);
    }
}

/* Every class of the list is found under its own name and module alone. */
static void registry(void **state) {
    (void)state;
#define LAYER(class_name, module, file)                                                                                \
    assert_ptr_equal(hp_layer_class_find(#class_name, module), &hp_layer_##class_name);                                \
    assert_null(hp_layer_class_find(#class_name, "somebody.else"));
#include "layers/layers.def"
#undef LAYER
    assert_null(hp_layer_class_find("Add", "keras.src.ops.numpy"));
    assert_ptr_equal(hp_layer_class_find("Add", NULL), &hp_layer_Add);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(refused),
        cmocka_unit_test(registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_format_vintage.c: files of Keras 1 and 2: configs in Keras 3's form, weights in today's shapes and order. */
#define _GNU_SOURCE
#include "format_files.h"
#include "test_locale.h"
#include "format/fixups.h"
#include "format/json.h"
#include "format/model_spec.h" /* says which folder this tests */

/* ---- whole files ---- */

static void test_keras1_config(void **state) {
    (void)state;
    hp_model_spec *spec = open_spec(DATA("keras1.h5"), NULL);
    const hp_json *layers = at(spec->config, "config.layers");
    assert_int_equal(spec->version.family, 1);
    check_text(spec->config, "config.name", "sequential");
    assert_int_equal(layers->count, 6);
    check_text(layers, "0.class_name", "InputLayer");
    check_json(layers, "0.config.batch_shape", "[null, 1, 4, 5]");
    check_text(layers, "1.class_name", "Conv2D");
    check_json(layers, "1.config.filters", "2");
    check_json(layers, "1.config.kernel_size", "[2, 3]");
    check_json(layers, "1.config.strides", "[1, 1]");
    check_text(layers, "1.config.padding", "valid");
    check_text(layers, "1.config.data_format", "channels_first");
    check_json(layers, "1.config.use_bias", "true");
    assert_null(at(layers, "1.config.batch_input_shape"));
    assert_null(at(layers, "1.config.nb_row"));
    check_json(layers, "2.config.shared_axes", "[2, 3]"); /* from the weight */
    check_json(layers, "4.config.units", "2");
    check_text(layers, "4.config.recurrent_activation", "hard_sigmoid_legacy");
    assert_null(at(layers, "4.config.consume_less"));
    assert_null(at(layers, "4.config.input_dim"));
    check_json(layers, "5.config.rate", "0.5");
    hp_model_spec_close(spec);
}

static void test_keras1_weights(void **state) {
    (void)state;
    hp_model_spec *spec = open_spec(DATA("keras1.h5"), NULL);
    const hp_weight_group *conv = group_of(spec, "convolution2d_1"), *lstm = group_of(spec, "lstm_1");
    /* (filters, inputs, rows, columns) -> (rows, columns, inputs, filters); the file holds 0 ... 11 */
    const float kernel[] = {0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11};
    check_floats(spec, &conv->weights[0], kernel, 12);
    assert_int_equal(conv->weights[0].dims[1], 3);
    assert_int_equal(conv->weights[0].dims[3], 2);
    /* arrays of i, c, f, o become columns of i, f, c, o */
    const float biases[] = {30, 31, 230, 231, 130, 131, 330, 331};
    const float recurrent[] = {20, 21, 220, 221, 120, 121, 320, 321, 22, 23, 222, 223, 122, 123, 322, 323};
    assert_int_equal(lstm->count, 3);
    check_floats(spec, &lstm->weights[1], recurrent, 16);
    check_floats(spec, &lstm->weights[2], biases, 8);
    assert_int_equal(lstm->weights[0].dims[0], 6);
    assert_int_equal(lstm->weights[0].dims[1], 8);
    hp_model_spec_close(spec);
}

static void test_keras2_config(void **state) {
    (void)state;
    hp_model_spec *spec = open_spec(DATA("keras2.h5"), NULL);
    const hp_json *config = at(spec->config, "config");
    assert_int_equal(spec->version.family, 2);
    assert_string_equal(spec->backend, "theano");
    check_text(spec->config, "class_name", "Functional");
    check_text(config, "layers.2.config.layers.0.class_name", "InputLayer");
    check_text(config, "layers.2.config.layers.0.name", "conv1d_1_input");
    check_text(config, "layers.2.config.layers.2.config.activation", "hard_sigmoid_legacy");
    /* calls of a nested model count from 1 in the file */
    check_json(config, "layers.3.inbound_nodes.0.args.0.config.keras_history", "[\"inner\", 1, 0]");
    check_json(config, "layers.4.inbound_nodes.0.args.0.config.keras_history", "[\"inner\", 0, 0]");
    check_json(config, "layers.4.inbound_nodes.0.kwargs.initial_state.1.config.keras_history", "[\"gru_1\", 0, 0]");
    check_json(config, "layers.5.inbound_nodes.0.kwargs", "{training: false}");
    check_text(config, "layers.3.class_name", "GRU");
    check_json(config, "layers.3.config.reset_after", "true");
    check_text(config, "layers.3.config.recurrent_activation", "sigmoid");
    check_json(config, "layers.5.config.reset_after", "false");
    assert_null(at(config, "layers.5.config.implementation"));
    check_json(config, "input_layers", "[[\"a\", 0, 0], [\"b\", 0, 0]]");
    check_json(config, "output_layers", "[\"lstm_1\", 0, 0]");
    hp_model_spec_close(spec);
}

static void test_keras2_weights(void **state) {
    (void)state;
    hp_model_spec *spec = open_spec(DATA("keras2.h5"), NULL);
    const hp_weight_group *inner = group_of(spec, "inner"), *gru = group_of(spec, "gru_1");
    const float dense[] = {0, 1, 2, 3}, turned[] = {8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3};
    check_floats(spec, &inner->weights[0], dense, 4); /* the frozen convolution is behind */
    check_floats(spec, &inner->weights[1], turned, 12);
    /* each gate's block of 2x2, read row by row, is the result read column by column */
    const float kernel[] = {0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11};
    check_floats(spec, &gru->weights[0], kernel, 12);
    check_floats(spec, &gru->weights[1], kernel, 12); /* of equal sizes, transposing is the same */
    assert_int_equal(gru->weights[2].rank, 2);
    assert_int_equal(gru->weights[2].dims[1], 6);
    hp_model_spec_close(spec);
}

/* ---- configs alone ---- */

/* Opens a JSON config of version `version` with one layer's class and config, in a Sequential. */
static hp_model_spec *open_layer(const char *version, const char *class_name, const char *config) {
    static char text[4096];
    static unsigned char *weights;
    static size_t size;
    if (!weights) weights = read_file(DATA("latest.weights.h5"), &size);
    snprintf(text, sizeof text,
        "{\"class_name\": \"Sequential\", \"keras_version\": \"%s\", \"backend\": \"tensorflow\", \"config\": "
        "{\"name\": \"s\", \"layers\": [{\"class_name\": \"%s\", \"config\": %s}]}}",
        version, class_name, config);
    hp_model_spec *spec;
    hp_error error = {0};
    if (hp_model_spec_open_memory("m", text, strlen(text), weights, size, &spec, &error) != HP_OK)
        fail_msg("%s: %s", error.where, error.message);
    return spec;
}

static void check_layer(const char *version, const char *class_name, const char *config, const char *expected_class,
    const char *expected_config) {
    hp_model_spec *spec = open_layer(version, class_name, config);
    check_text(spec->config, "config.layers.0.class_name", expected_class);
    check_text(spec->config, "config.layers.0.module", "keras.layers");
    check_json(spec->config, "config.layers.0.config", expected_config);
    hp_model_spec_close(spec);
}

static void test_keys(void **state) {
    (void)state;
    check_layer(
        "2.15.0", "LSTM", "{\"name\": \"l\", \"time_major\": false, \"implementation\": 2}", "LSTM", "{name: \"l\"}");
    check_layer("2.15.0", "LSTM", "{\"name\": \"l\", \"time_major\": true}", "LSTM", "{name: \"l\", time_major: true}");
    check_layer("2.4.0", "PeepholeLSTMCell", "{\"name\": \"p\", \"implementation\": 1}", "PeepholeLSTMCell",
        "{name: \"p\", implementation: 1, recurrent_activation: \"hard_sigmoid_legacy\"}");
    check_layer("2.4.0", "GRU", "{\"name\": \"g\"}", "GRU", "{name: \"g\", reset_after: false}");
    check_layer("2.4.0", "GRU", "{\"name\": \"g\", \"reset_after\": true}", "GRU", "{name: \"g\", reset_after: true}");
    check_layer("2.4.0", "BatchNormalizationV1", "{\"name\": \"b\", \"axis\": [3], \"fused\": true}",
        "BatchNormalization", "{name: \"b\", axis: 3}");
    check_layer(
        "2.4.0", "LeakyReLU", "{\"name\": \"l\", \"alpha\": 0.25}", "LeakyReLU", "{name: \"l\", negative_slope: 0.25}");
    check_layer("2.12.0", "Conv2DTranspose", "{\"name\": \"c\", \"groups\": 1, \"output_padding\": null}",
        "Conv2DTranspose", "{name: \"c\", output_padding: null}");
    check_layer("2.12.0", "SeparableConv2D", "{\"name\": \"c\", \"groups\": 2, \"kernel_initializer\": null}",
        "SeparableConv2D", "{name: \"c\", groups: 2}");
    check_layer("2.4.0", "Reshape",
        "{\"name\": \"r\", \"target_shape\": {\"class_name\": \"__tuple__\", "
        "\"items\": [2, 3]}}",
        "Reshape", "{name: \"r\", target_shape: [2, 3]}");
    check_layer("1.2.0", "MaxPooling1D", "{\"name\": \"m\", \"pool_length\": 2, \"stride\": 3}", "MaxPooling1D",
        "{name: \"m\", pool_size: 2, strides: 3, padding: \"valid\"}");
    check_layer("1.2.0", "Merge", "{\"name\": \"m\", \"mode\": \"concat\", \"concat_axis\": 1, \"dot_axes\": -1}",
        "Concatenate", "{name: \"m\", axis: 1}");
    check_layer("1.2.0", "Merge", "{\"name\": \"m\", \"mode\": \"cos\", \"dot_axes\": 2}", "Merge",
        "{name: \"m\", mode: \"cos\", dot_axes: 2}"); /* adds an axis, as nothing does today */
    check_layer("1.2.0", "BatchNormalization", "{\"name\": \"b\", \"mode\": 0, \"epsilon\": 0.25}",
        "BatchNormalization", "{name: \"b\", epsilon: 0.25}");
    check_layer("1.2.0", "BatchNormalization", "{\"name\": \"b\", \"mode\": 2, \"epsilon\": 0.25}",
        "BatchNormalizationMode2", "{name: \"b\", epsilon: 0.25}"); /* normalises over the batch, always */
    check_layer("1.2.0", "ParametricSoftplus", "{\"name\": \"p\", \"alpha_init\": 0.5, \"beta_init\": 5.0}",
        "ParametricSoftplus", "{name: \"p\", alpha_init: 0.5}");
    check_layer("2.15.0", "RandomCrop", "{\"name\": \"r\", \"height\": 3, \"width\": 4, \"seed\": null}", "Resizing",
        "{name: \"r\", height: 3, width: 4, crop_to_aspect_ratio: true}");
    check_layer("2.0.5", "Embedding", "{\"name\": \"e\", \"dtype\": \"int32\"}", "Embedding", "{name: \"e\"}");
    check_layer("2.4.0", "IntegerLookup", "{\"name\": \"i\", \"max_values\": 9, \"oov_value\": -1}", "IntegerLookup",
        "{name: \"i\", max_tokens: 9, oov_token: -1}");
    check_layer("1.2.0", "ZeroPadding2D", "{\"name\": \"z\", \"padding\": [1, 2, 3, 4]}", "ZeroPadding2D",
        "{name: \"z\", padding: [[1, 2], [3, 4]], data_format: \"channels_last\"}");
    check_layer("1.2.0", "ZeroPadding1D", "{\"name\": \"z\", \"padding\": {\"right_pad\": 2}}", "ZeroPadding1D",
        "{name: \"z\", padding: [0, 2]}");
    check_layer("1.0.0", "TimeDistributedDense", "{\"name\": \"t\", \"output_dim\": 4}", "TimeDistributed",
        "{name: \"t\", layer: {class_name: \"Dense\", config: {name: \"t\", units: 4}, module: \"keras.layers\", "
        "name: \"t\"}}");
}

static void test_activations(void **state) {
    (void)state;
    check_layer("2.15.0", "Activation", "{\"name\": \"a\", \"activation\": \"hard_sigmoid\"}", "Activation",
        "{name: \"a\", activation: \"hard_sigmoid_legacy\"}");
    check_layer("3.0.0", "Activation", "{\"name\": \"a\", \"trainable\": true, \"activation\": \"hard_sigmoid\"}",
        "Activation", "{name: \"a\", trainable: true, activation: \"hard_sigmoid\"}");
    check_layer("2.15.0", "Bidirectional",
        "{\"name\": \"b\", \"layer\": {\"class_name\": \"GRU\", \"config\": "
        "{\"name\": \"g\", \"recurrent_activation\": \"hard_sigmoid\"}}}",
        "Bidirectional",
        "{name: \"b\", layer: {class_name: \"GRU\", config: {name: \"g\", recurrent_activation: "
        "\"hard_sigmoid_legacy\", reset_after: false}, module: \"keras.layers\", name: \"g\"}}");
}

static void test_policy(void **state) {
    (void)state;
    check_layer("2.12.0", "Dense",
        "{\"name\": \"d\", \"dtype\": {\"class_name\": \"Policy\", \"config\": {\"name\": "
        "\"mixed_float16\"}}}",
        "Dense",
        "{name: \"d\", dtype: {class_name: \"DTypePolicy\", config: {name: \"mixed_float16\"}, module: \"keras\"}}");
}

/* A graph of Keras 2 with one layer L on inputs a and b; `call` is its inbound node. */
static void check_call(const char *class_name, const char *call, const char *args, const char *kwargs) {
    static char text[4096];
    size_t size;
    unsigned char *weights = read_file(DATA("latest.weights.h5"), &size);
    static const char input[] = "{\"class_name\": \"InputLayer\", \"name\": \"%s\", \"inbound_nodes\": [], \"config\": "
                                "{\"name\": \"%s\", \"batch_input_shape\": [null, 2]}}";
    char a[256], b[256];
    snprintf(a, sizeof a, input, "a", "a");
    snprintf(b, sizeof b, input, "b", "b");
    snprintf(text, sizeof text,
        "{\"class_name\": \"Model\", \"keras_version\": \"2.9.0\", \"config\": {\"name\": \"m\", \"layers\": [%s, %s, "
        "{\"class_name\": \"%s\", \"name\": \"L\", \"config\": {\"name\": \"L\", \"num_constants\": 1}, "
        "\"inbound_nodes\": [%s]}], \"input_layers\": [[\"a\", 0, 0]], \"output_layers\": [[\"L\", 0, 0]]}}",
        a, b, class_name, call);
    hp_model_spec *spec;
    hp_error error = {0};
    if (hp_model_spec_open_memory("m", text, strlen(text), weights, size, &spec, &error) != HP_OK)
        fail_msg("%s: %s", error.where, error.message);
    check_json(spec->config, "config.layers.2.inbound_nodes.0.args", args);
    check_json(spec->config, "config.layers.2.inbound_nodes.0.kwargs", kwargs);
    hp_model_spec_close(spec);
    free(weights);
}

#define TENSOR(name) "{class_name: \"__keras_tensor__\", config: {keras_history: [\"" name "\", 0, 0]}}"

static void test_calls(void **state) {
    (void)state;
    check_call("Dense", "[[\"a\", 0, 0, {}]]", "[" TENSOR("a") "]", "{}");
    check_call("Add", "[[\"a\", 0, 0, {}], [\"b\", 0, 0, {}]]", "[[" TENSOR("a") ", " TENSOR("b") "]]", "{}");
    check_call("TFOpLambda", "[\"a\", 0, 0, {\"y\": [\"b\", 0, 0], \"name\": null, \"z\": [\"c\", 1, 2]}]",
        "[" TENSOR("a") "]", "{y: " TENSOR("b") ", name: null, z: [\"c\", 1, 2]}");
    check_call("TFOpLambda", "[\"_CONSTANT_VALUE\", -1, 2.5, {\"y\": [\"b\", 0, 0]}]", "[2.5]", "{y: " TENSOR("b") "}");
    check_call("Mine", "{\"x\": [\"a\", 0, 0, {\"k\": 1}], \"y\": [[\"b\", 0, 0, {\"k\": 1}]]}",
        "[{x: " TENSOR("a") ", y: [" TENSOR("b") "]}]", "{k: 1}");
    check_call("RNN", "[[\"a\", 0, 0], [\"b\", 0, 0], [\"b\", 0, 0]]", "[" TENSOR("a") "]",
        "{initial_state: [" TENSOR("b") "], constants: [" TENSOR("b") "]}");
}

/* Names that hold, or are held by, those of the tables' lists. */
static void test_class_names(void **state) {
    (void)state;
    static const char *const names[] = {"", "|", "|Softmax", "Soft", "max|"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hp_model_spec *spec = open_layer("2.4.0", names[i], "{\"name\": \"a\"}");
        check_text(spec->config, "config.layers.0.class_name", names[i]);
        check_json(spec->config, "config.layers.0.config", "{name: \"a\"}");
        hp_model_spec_close(spec);
    }
}

/* A host program may have chosen a language; Python does, for letters. */
static void test_locales(void **state) {
    (void)state;
    if (!use_locale("de_DE")) skip();
    check_layer("1.2.0", "BatchNormalization", "{\"name\": \"b\", \"mode\": 0}", "BatchNormalization",
        "{name: \"b\", epsilon: 0,001}"); /* as hp_json_describe prints it */
    if (!use_locale("tr_TR")) skip();
    hp_json *config = NULL;
    hp_arena arena = {0};
    static const char pool[] = "{\"name\": \"p\", \"class_name\": \"TFOpLambda\", \"config\": {\"function\": "
                               "\"nn.max_pool2d\"}, \"inbound_nodes\": [{\"args\": [[1.5]], \"kwargs\": {\"ksize\": 2, "
                               "\"strides\": 2, \"padding\": \"VALID\", \"data_format\": \"NHWC\"}}]}";
    hp_fixup fixup = {.arena = &arena, .family = 2, .version = 204};
    assert_int_equal(hp_json_parse(&arena, "test", pool, strlen(pool), &config, NULL), HP_OK);
    assert_int_equal(hp_fix_tf_op(&fixup, config, NULL), HP_OK);
    check_text(config, "class_name", "MaxPool");
    check_text(config, "config.padding", "valid");
    hp_arena_release(&arena);
    setlocale(LC_ALL, "C");
}

/* Calls of functions that no Keras wrote are left as they are. */
static void test_broken_functions(void **state) {
    (void)state;
#define RAW(attributes)                                                                                                \
    "{\"class_name\": \"TensorFlowOpLayer\", \"name\": \"r\", \"config\": {\"node_def\": {\"op\": \"Mean\", "          \
    "\"attr\": " attributes "}, \"constants\": {\"1\": [1]}}, \"inbound_nodes\": [{\"args\": [1.5], \"kwargs\": {}}]}"
#define CALL(class_name, function, call)                                                                               \
    "{\"class_name\": \"" class_name "\", \"name\": \"r\", \"config\": {\"function\": \"" function                     \
    "\"}, \"inbound_nodes\": [{" call "}]}"
    static const struct {
        const char *layer, *class_name;
    } cases[] = {
        {RAW("{\"keep_dims\": {\"b\": true}}"), "MeanOf"},
        {RAW("[[\"a\", 0, 0, {}]]"), "TensorFlowOpLayer"},
        {RAW("{\"keep_dims\": [true]}"), "TensorFlowOpLayer"},
        {RAW("{\"keep_dims\": {\"i\": \"\"}}"), "TensorFlowOpLayer"},
        {RAW("{\"keep_dims\": {\"i\": \"1x\"}}"), "TensorFlowOpLayer"},
        {RAW("{\"keep_dims\": {\"i\": \"9223372036854775808\"}}"), "TensorFlowOpLayer"},
        {CALL("TFOpLambda", "nn.relu", "\"args\": [1.5]"), "Relu"},
        {CALL("SlicingOpLambda", "__operators__.getitem", "\"args\": [], \"kwargs\": {\"slice_spec\": [0]}"),
            "SlicingOpLambda"},
        {CALL("SlicingOpLambda", "__operators__.getitem", "\"args\": [1.5], \"kwargs\": {}"), "SlicingOpLambda"},
    };
#undef CALL
#undef RAW
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hp_json *layer = NULL;
        hp_arena arena = {0};
        hp_fixup fixup = {.arena = &arena, .family = 2, .version = 204};
        assert_int_equal(hp_json_parse(&arena, "test", cases[i].layer, strlen(cases[i].layer), &layer, NULL), HP_OK);
        assert_int_equal(hp_fix_tf_op(&fixup, layer, NULL), HP_OK);
        check_text(layer, "class_name", cases[i].class_name);
        hp_arena_release(&arena);
    }
}

/* What a loss alone needs goes with it: functions, and Lambdas. */
static void test_losses(void **state) {
    (void)state;
#define READS(name) "[[[\"" name "\", 0, 0, {}]]]"
#define LAYER(class_name, name, calls)                                                                                 \
    "{\"class_name\": \"" class_name "\", \"name\": \"" name "\", \"config\": {\"name\": \"" name                      \
    "\"}, \"inbound_nodes\": " calls "}"
    static const char text[] =
        "{\"class_name\": \"Functional\", \"keras_version\": \"2.9.0\", \"config\": {\"name\": \"m\", \"layers\": "
        "[" LAYER("InputLayer", "a", "[]") ", " LAYER("Lambda", "kept", READS("a")) ", " LAYER("Lambda", "gone",
            READS("kept")) ", " LAYER("AddLoss", "loss", READS("gone")) "], \"input_layers\": [[\"a\", 0, 0]], "
                                                                        "\"output_layers\": [[\"kept\", 0, 0]]}}";
#undef LAYER
#undef READS
    size_t size;
    unsigned char *weights = read_file(DATA("latest.weights.h5"), &size);
    hp_model_spec *spec;
    hp_error error = {0};
    if (hp_model_spec_open_memory("m", text, strlen(text), weights, size, &spec, &error) != HP_OK)
        fail_msg("%s: %s", error.where, error.message);
    assert_int_equal(at(spec->config, "config.layers")->count, 2);
    check_text(spec->config, "config.layers.1.name", "kept");
    hp_model_spec_close(spec);
    free(weights);
}

/* ---- branches in a Sequential of Keras 1 ---- */

static void test_merged_sequential(void **state) {
    (void)state;
    static const char text[] =
        "{\"class_name\": \"Sequential\", \"keras_version\": \"1.2.2\", \"config\": [{\"class_name\": \"Merge\", "
        "\"config\": {\"name\": \"merge_1\", \"mode\": \"concat\", \"concat_axis\": -1, \"layers\": ["
        "{\"class_name\": \"Sequential\", \"config\": [{\"class_name\": \"Dense\", \"config\": {\"name\": \"a\", "
        "\"batch_input_shape\": [null, 3], \"output_dim\": 2}}, {\"class_name\": \"Dropout\", \"config\": {\"name\": "
        "\"b\", \"p\": 0.5}}]}, {\"class_name\": \"Sequential\", \"config\": [{\"class_name\": \"UpSampling2D\", "
        "\"config\": {\"name\": \"c\", \"batch_input_shape\": [null, 1, 4, 4], \"size\": [2, 2]}}, {\"class_name\": "
        "\"MaxPooling2D\", \"config\": {\"name\": \"d\", \"dim_ordering\": \"th\"}}]}]}}, {\"class_name\": \"Dense\", "
        "\"config\": {\"name\": \"e\", \"output_dim\": 1}}]}";
    size_t size;
    unsigned char *weights = read_file(DATA("latest.weights.h5"), &size);
    hp_model_spec *spec;
    hp_error error = {0};
    if (hp_model_spec_open_memory("m", text, strlen(text), weights, size, &spec, &error) != HP_OK)
        fail_msg("%s: %s", error.where, error.message);
    const hp_json *config = at(spec->config, "config");
    check_text(spec->config, "class_name", "Functional");
    assert_int_equal(at(config, "layers")->count, 8);
    check_text(config, "layers.0.class_name", "InputLayer");
    check_json(config, "layers.0.config.batch_shape", "[null, 3]");
    check_json(config, "layers.2.inbound_nodes.0.args", "[" TENSOR("a") "]");
    check_text(config, "layers.4.config.data_format", "channels_first"); /* as all that say theirs */
    check_text(config, "layers.6.class_name", "Concatenate");
    check_json(config, "layers.6.inbound_nodes.0.args", "[[" TENSOR("b") ", " TENSOR("d") "]]");
    check_json(config, "input_layers", "[[\"a_input\", 0, 0], [\"c_input\", 0, 0]]");
    check_json(config, "output_layers", "[\"e\", 0, 0]");
    hp_model_spec_close(spec);
    free(weights);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keras1_config),
        cmocka_unit_test(test_keras1_weights),
        cmocka_unit_test(test_keras2_config),
        cmocka_unit_test(test_keras2_weights),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_class_names),
        cmocka_unit_test(test_broken_functions),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_locales),
        cmocka_unit_test(test_merged_sequential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

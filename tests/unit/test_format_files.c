/* test_format_files.c: the layouts of Keras 3: zipped, unpacked, HDF5, JSON with weights, shards, npz; every storage and
 * element type of HDF5. */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <unistd.h>
#include "format_files.h"
#include "format/model_spec.h" /* says which folder this tests */

static const float kernel[] = {0, 1, 2, 3, 4, 5}, bias[] = {10, 11};

static void check_small(const hp_model_spec *spec) {
    assert_false(spec->weights->ordered);
    assert_int_equal(spec->weights->weight_count, 2);
    check_floats(spec, hp_weight_find(spec->weights, "layers/dense/vars/0"), kernel, 6);
    check_floats(spec, hp_weight_find(spec->weights, "layers/dense/vars/1"), bias, 2);
    assert_int_equal(spec->weights->weights[0].rank, 2);
    assert_int_equal(spec->weights->weights[0].dims[0], 3);
    assert_null(hp_weight_find(spec->weights, "layers/dense/vars/2"));
    check_text(spec->config, "class_name", "Sequential");
    check_text(spec->config, "config.layers.1.class_name", "Dense");
    check_text(spec->config, "config.layers.1.name", "dense");
}

static void check_zip(const char *path) {
    hp_model_spec *spec = open_spec(path, NULL);
    check_small(spec);
    assert_int_equal(spec->version.family, 3);
    assert_int_equal(spec->version.minor, 15);
    assert_string_equal(spec->version.text, "3.15.1");
    const hp_model_asset *asset = hp_model_spec_asset(spec, "assets/layers/string_lookup/vocabulary.txt");
    assert_non_null(asset);
    assert_int_equal(asset->size, 4);
    assert_memory_equal(asset->data, "a\nb\n", 4);
    assert_null(hp_model_spec_asset(spec, "assets/layers/string_lookup"));
    hp_model_spec_close(spec);
}

static void test_zip(void **state) {
    (void)state;
    check_zip(DATA("small.keras"));
    check_zip(DATA("deflated.keras"));
}

static void test_memory(void **state) {
    (void)state;
    size_t size, json_size;
    unsigned char *bytes = read_file(DATA("small.keras"), &size), *json = read_file(DATA("small.json"), &json_size);
    hp_model_spec *spec;
    hp_error error;
    assert_int_equal(hp_model_spec_open_memory("m", bytes, size, NULL, 0, &spec, &error), HP_OK);
    check_small(spec);
    hp_model_spec_close(spec);
    unsigned char *weights = read_file(DATA("user_block.weights.h5"), &size);
    assert_int_equal(hp_model_spec_open_memory("m", json, json_size, weights, size, &spec, &error), HP_OK);
    check_small(spec);
    hp_model_spec_close(spec);
    free(weights);
    free(json);
    free(bytes);
}

static void test_json_and_weights(void **state) {
    (void)state;
    static const char *const files[] = {
        DATA("latest.weights.h5"), DATA("user_block.weights.h5"), DATA("sharded/model.weights.json")};
    for (size_t i = 0; i < 3; i++) {
        hp_model_spec *spec = open_spec(DATA("small.json"), files[i]);
        check_small(spec);
        assert_int_equal(spec->version.family, 3);
        assert_null(spec->version.text);
        hp_model_spec_close(spec);
    }
    refuse_spec(DATA("small.json"), NULL, HP_ERROR_ARGUMENT, "small.json", "give the weights file");
    refuse_spec(DATA("small.json"), DATA("sharded/evil.weights.json"), HP_ERROR_FORMAT, "evil.weights.json",
        "\"../small.keras\" is no plain file name");
    refuse_spec(DATA("latest.weights.h5"), NULL, HP_ERROR_FORMAT, "latest.weights.h5", "weights only");
    refuse_spec(DATA("sharded/model.weights.json"), NULL, HP_ERROR_FORMAT, "model.weights.json", "index");
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void remove_all(const char *folder) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void test_directory(void **state) {
    (void)state;
    char folder[] = "/tmp/hp-format-XXXXXX", path[256];
    size_t size, weights_size;
    unsigned char *config = read_file(DATA("small.json"), &size);
    unsigned char *weights = read_file(DATA("latest.weights.h5"), &weights_size);
    assert_non_null(mkdtemp(folder));
    refuse_spec(folder, NULL, HP_ERROR_FORMAT, "", "without config.json");
    write_file(folder, "config.json", config, size);
    write_file(folder, "metadata.json", "{\"keras_version\": \"3.4.1\"}", 26);
    refuse_spec(folder, NULL, HP_ERROR_FORMAT, "", "no model.weights.h5");
    write_file(folder, "model.weights.h5", weights, weights_size);
    snprintf(path, sizeof path, "%s/assets", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(folder, "assets/words.txt", "x", 1);
    hp_model_spec *spec = open_spec(folder, NULL);
    check_small(spec);
    assert_int_equal(spec->version.minor, 4);
    assert_non_null(hp_model_spec_asset(spec, "assets/words.txt"));
    hp_model_spec_close(spec);
    snprintf(path, sizeof path, "%s/assets/link", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    refuse_spec(folder, NULL, HP_ERROR_IO, "assets: link", "links are not followed");
    unlink(path);
    write_file(folder, "saved_model.pb", "", 0);
    refuse_spec(folder, NULL, HP_ERROR_UNSUPPORTED, "", "SavedModel");
    remove_all(folder);
    free(config);
    free(weights);
}

/* ---- what Keras 3 itself wrote ---- */

static void check_keras3_graph(const hp_model_spec *spec) {
    const hp_json *config = hp_json_get(spec->config, "config");
    check_text(spec->config, "class_name", "Functional");
    check_text(spec->config, "module", "keras");
    check_text(config, "layers.0.class_name", "InputLayer");
    check_text(config, "layers.0.module", "keras.layers");
    check_text(config, "layers.1.class_name", "Sequential");
    check_text(config, "layers.1.module", "keras");
    check_json(config, "layers.1.inbound_nodes.0.args.0.config.keras_history", "[\"x\", 0, 0]");
    check_json(config, "layers.2.inbound_nodes.0.args.0.config.keras_history", "[\"encoder\", 0, 0]");
    check_json(config, "layers.2.inbound_nodes.1.args.0.config.keras_history", "[\"encoder\", 1, 0]");
    check_json(config, "layers.3.inbound_nodes.0.args.0.0.config.keras_history", "[\"inner\", 0, 0]");
    check_json(config, "layers.3.inbound_nodes.0.args.0.1.config.keras_history", "[\"inner\", 1, 0]");
    /* the file has 1 for the first call of the nested model here */
    check_json(config, "output_layers.first", "[\"inner\", 0, 0]");
    check_json(config, "output_layers.second", "[\"add\", 0, 0]");
    check_json(config, "input_layers", "[\"x\", 0, 0]");
}

static void test_keras3(void **state) {
    (void)state;
    hp_model_spec *zip = open_spec(DATA("keras3.keras"), NULL), *h5 = open_spec(DATA("keras3.h5"), NULL);
    check_keras3_graph(zip);
    check_keras3_graph(h5);
    assert_string_equal(h5->backend, "tensorflow");
    assert_int_equal(h5->version.family, 3);
    assert_true(h5->weights->ordered);
    assert_string_equal(h5->weights->groups[0].name, "x");
    assert_int_equal(h5->weights->groups[0].count, 0);
    const hp_weight_group *encoder = group_of(h5, "encoder");
    assert_int_equal(encoder->count, 6);
    const hp_weight *dense = hp_weight_find(zip->weights, "layers/sequential/layers/dense/vars/0");
    float expected[12];
    hp_error error;
    assert_non_null(dense);
    assert_int_equal(hp_weight_read(zip->weights, dense, expected, &error), HP_OK);
    check_floats(h5, &encoder->weights[0], expected, 12);
    assert_non_null(encoder->weights[0].mapped);
    hp_model_spec_close(zip);
    hp_model_spec_close(h5);
}

/* ---- HDF5 ---- */

static void read_weight(const hp_model_spec *spec, const char *path, hp_dtype dtype, void *to, size_t bytes) {
    const hp_weight *weight = hp_weight_find(spec->weights, path);
    hp_error error = {0};
    if (!weight) fail_msg("no %s", path);
    if (weight->dtype != dtype) fail_msg("%s has dtype %d", path, weight->dtype);
    assert_int_equal(weight->bytes, bytes);
    if (hp_weight_read(spec->weights, weight, to, &error) != HP_OK) fail_msg("%s: %s", path, error.message);
}

static void test_kinds(void **state) {
    (void)state;
    hp_model_spec *spec = open_spec(DATA("small.json"), DATA("kinds.weights.h5"));
    float floats[77];
    int64_t longs[77];
    uint32_t words[5];
    uint16_t halves[5];
    int8_t bytes[5];
    double doubles[5];
    read_weight(spec, "layers/gzip/vars/0", HP_FLOAT32, floats, sizeof floats);
    read_weight(spec, "layers/chunked/vars/0", HP_INT64, longs, sizeof longs);
    for (int i = 0; i < 77; i++) assert_true(floats[i] == (float)i && longs[i] == i);
    read_weight(spec, "layers/big_endian/vars/0", HP_FLOAT32, floats, 20);
    read_weight(spec, "layers/double/vars/0", HP_FLOAT64, doubles, sizeof doubles);
    read_weight(spec, "layers/bytes/vars/0", HP_INT8, bytes, sizeof bytes);
    read_weight(spec, "layers/unsigned/vars/0", HP_UINT32, words, sizeof words);
    for (int i = 0; i < 5; i++)
        assert_true(floats[i] == (float)i && doubles[i] == i && bytes[i] == i && words[i] == (uint32_t)i);
    read_weight(spec, "layers/half/vars/0", HP_FLOAT16, halves, sizeof halves);
    assert_int_equal(halves[1], 0x3C00);
    read_weight(spec, "layers/half/vars/1", HP_FLOAT32, floats, 16); /* compact */
    assert_true(floats[3] == 3);
    read_weight(spec, "layers/brain/vars/0", HP_BFLOAT16, halves, 4);
    assert_int_equal(halves[0], 0x3F80);
    assert_int_equal(halves[1], 0xC000);
    read_weight(spec, "layers/flags/vars/0", HP_BOOL, bytes, 3);
    assert_true(bytes[0] == 1 && bytes[1] == 0 && bytes[2] == 1);
    read_weight(spec, "layers/scalar/vars/0", HP_FLOAT32, floats, 4);
    assert_true(floats[0] == 2.5f);
    read_weight(spec, "layers/empty/vars/0", HP_FLOAT32, floats, 0);
    hp_model_spec_close(spec);
}

static void test_old_containers(void **state) {
    (void)state;
    hp_model_spec *spec = open_spec(DATA("tf212.keras"), NULL);
    const float two[] = {0, 1}, three[] = {0, 1, 2};
    assert_int_equal(spec->version.family, 2);
    assert_int_equal(spec->weights->weight_count, 3); /* the optimizer's is left out */
    check_floats(spec, hp_weight_find(spec->weights, "layers/dense/vars/0"), two, 1);
    check_floats(spec, hp_weight_find(spec->weights, "layers/dense_1/vars/0"), two, 2);
    check_floats(spec, hp_weight_find(spec->weights, "layers/dense_1/query_dense/vars/0"), three, 3);
    assert_int_equal(spec->asset_count, 1);
    assert_non_null(hp_model_spec_asset(spec, "assets/layers/string_lookup/vocabulary.txt"));
    hp_model_spec_close(spec);
}

/* ---- npz ---- */

static void test_npz(void **state) {
    (void)state;
    const float ones[] = {1, 1};
    hp_model_spec *pickled = open_spec(DATA("small.json"), DATA("keras2.weights.npz"));
    hp_model_spec *plain = open_spec(DATA("small.json"), DATA("plain.weights.npz"));
    hp_model_spec *keras3 = open_spec(DATA("npz.keras"), NULL); /* pickled variables of TensorFlow */
    check_small(pickled);
    check_small(plain);
    assert_int_equal(keras3->weights->weight_count, 2);
    check_floats(keras3, hp_weight_find(keras3->weights, "layers/dense/vars/0"), kernel, 6);
    check_floats(keras3, hp_weight_find(keras3->weights, "layers/dense/vars/1"), ones, 2);
    hp_model_spec_close(pickled);
    hp_model_spec_close(plain);
    hp_model_spec_close(keras3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zip),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_json_and_weights),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_keras3),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_old_containers),
        cmocka_unit_test(test_npz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

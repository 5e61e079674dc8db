/* test_format_hostile.c: files that are damaged or mean harm: each is an error that says where, and none of a thousand
 * altered files does worse. */
#include <time.h>
#include "format_files.h"
#include "format/model_spec.h" /* says which folder this tests */

static void test_archives(void **state) {
    (void)state;
    refuse_spec(DATA("evil_traversal.keras"), NULL, HP_ERROR_FORMAT, "evil_traversal.keras", "leads out of it");
    refuse_spec(DATA("evil_twice.keras"), NULL, HP_ERROR_FORMAT, "evil_twice.keras", "two members \"config.json\"");
    refuse_spec(DATA("evil_link.keras"), NULL, HP_ERROR_FORMAT, "evil_link.keras", "is a link");
    refuse_spec(DATA("evil_no_config.keras"), NULL, HP_ERROR_FORMAT, "evil_no_config.keras", "without config.json");
    refuse_spec(DATA("bomb.keras"), NULL, HP_ERROR_FORMAT, "bomb.keras: model.weights.h5", "83886080 bytes, but only");
}

static void test_hdf5(void **state) {
    (void)state;
    static const struct {
        const char *file;
        hp_status status;
        const char *where, *message;
    } cases[] = {
        {DATA("evil_soft.weights.h5"), HP_ERROR_UNSUPPORTED, "layers/x", "soft or external link"},
        {DATA("evil_link.weights.h5"), HP_ERROR_UNSUPPORTED, "layers/x", "soft or external link"},
        {DATA("evil_cycle.weights.h5"), HP_ERROR_FORMAT, "layers/dense/loop", "nested deeper"},
        {DATA("evil_external.weights.h5"), HP_ERROR_UNSUPPORTED, "layers/x/vars/0", "in another file"},
        {DATA("evil_virtual.weights.h5"), HP_ERROR_UNSUPPORTED, "layers/x/vars/0", "virtual dataset"},
        {DATA("evil_terabytes.weights.h5"), HP_ERROR_FORMAT, "layers/x/vars/0", "4398046511104 bytes, but the file"},
        {DATA("evil_unwritten.weights.h5"), HP_ERROR_FORMAT, "layers/x/vars/0", "none are stored"},
        {DATA("evil_lzf.weights.h5"), HP_ERROR_UNSUPPORTED, "layers/x/vars/0", "filter 32000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse_spec(DATA("small.json"), cases[i].file, cases[i].status, cases[i].where, cases[i].message);
    refuse_spec(
        DATA("evil_missing.h5"), NULL, HP_ERROR_FORMAT, "weights of layer \"dense\": \"bias\"", "no such dataset");
    refuse_spec(DATA("evil_types.h5"), NULL, HP_ERROR_FORMAT, "attribute \"model_config\"", "holds no text");
}

static void test_holes(void **state) {
    (void)state;
    hp_model_spec *spec = open_spec(DATA("small.json"), DATA("evil_holes.weights.h5"));
    float values[100];
    hp_error error = {0};
    const hp_weight *weight = hp_weight_find(spec->weights, "layers/x/vars/0");
    assert_int_equal(hp_weight_read(spec->weights, weight, values, &error), HP_ERROR_FORMAT);
    assert_string_equal(error.where, "layers/x/vars/0");
    assert_non_null(strstr(error.message, "9 of its 10 chunks were never written"));
    hp_model_spec_close(spec);
}

static void test_no_model(void **state) {
    (void)state;
    static const char text[] = "GIF89a, or anything", deep[] = "{\"class_name\": \"Sequential\", \"config\": 3}";
    hp_model_spec *spec;
    hp_error error = {0};
    assert_int_equal(hp_model_spec_open_memory("m", text, sizeof text, NULL, 0, &spec, &error), HP_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "no Keras model"));
    assert_int_equal(hp_model_spec_open_memory("m", "", 0, NULL, 0, &spec, &error), HP_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "is empty"));
    size_t size;
    unsigned char *weights = read_file(DATA("latest.weights.h5"), &size);
    assert_int_equal(
        hp_model_spec_open_memory("m", deep, sizeof deep - 1, weights, size, &spec, &error), HP_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "config is an integer"));
    free(weights);
    refuse_spec(DATA("none.keras"), NULL, HP_ERROR_IO, "none.keras", "cannot be opened");
    refuse_spec("/dev/null", NULL, HP_ERROR_IO, "/dev/null", "not a regular file");
}

/* ---- altered files ---- */

static uint64_t random_state;

static uint32_t next_random(void) {
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33);
}

/* Opens the bytes and, where that works, reads every weight. */
static bool try_file(const unsigned char *bytes, size_t size) {
    hp_model_spec *spec;
    hp_error error = {.message = ""};
    hp_status status = hp_model_spec_open_memory("m", bytes, size, NULL, 0, &spec, &error);
    if (status != HP_OK) {
        assert_true(error.message[0] != '\0' && error.where[0] == 'm');
        return false;
    }
    const hp_weight_store *store = spec->weights;
    for (size_t g = 0; g < (store->ordered ? store->group_count : 1); g++) {
        const hp_weight *weights = store->ordered ? store->groups[g].weights : store->weights;
        size_t count = store->ordered ? store->groups[g].count : store->weight_count;
        for (size_t i = 0; i < count; i++) {
            void *values = malloc(weights[i].bytes + 1);
            assert_non_null(values);
            hp_weight_read(store, &weights[i], values, &error);
            free(values);
        }
    }
    hp_model_spec_close(spec);
    return true;
}

/* 1,000 files: cut off, or with a bit, a byte or several changed. */
static void alter(const char *path) {
    size_t size, good = 0;
    unsigned char *bytes = read_file(path, &size);
    random_state = size;
    clock_t start = clock();
    for (int i = 0; i < 1000; i++) {
        unsigned kind = next_random() % 4;
        size_t length = kind == 0 ? next_random() % size : size;
        unsigned char *copy = malloc(length ? length : 1); /* of its very size, for sanitizers */
        assert_non_null(copy);
        memcpy(copy, bytes, length);
        for (unsigned k = kind == 3 ? 1 + next_random() % 8 : kind; k > 0 && kind; k = kind == 3 ? k - 1 : 0) {
            size_t where = next_random() % size;
            copy[where] =
                kind == 1 ? copy[where] ^ (unsigned char)(1u << next_random() % 8) : (unsigned char)next_random();
        }
        good += try_file(copy, length);
        free(copy);
    }
    assert_true(good < 1000);
    assert_true((clock() - start) / CLOCKS_PER_SEC < 120);
    free(bytes);
}

static void test_altered(void **state) {
    (void)state;
    alter(DATA("keras3.keras"));
    alter(DATA("tf212.keras"));
    alter(DATA("keras3.h5"));
    alter(DATA("keras2.h5"));
    alter(DATA("keras1.h5"));
    alter(DATA("npz.keras"));
}

/* Every prefix of a small file. */
static void test_truncated(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = read_file(DATA("small.keras"), &size);
    for (size_t length = 0; length < size; length += 7) {
        unsigned char *copy = malloc(length ? length : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, length);
        assert_false(try_file(copy, length));
        free(copy);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_hdf5),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_no_model),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

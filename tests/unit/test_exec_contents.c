/* test_exec_contents.c: models from memory, and what a model tells about its weights and the nesting of its inputs and
 * outputs. tests/data/nested_ends.keras has inputs {"left", "right"} of three numbers each and outputs
 * {"sum": Dense "total" of 1, "parts": [Dense "first" of 2, "right"'s rows doubled]}. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "hornpipe.h"

#define MLP HP_SOURCE_DIR "/examples/mlp_10_64_64_1.keras"
#define OLD HP_SOURCE_DIR "/examples/breast_cancer_mlp.h5"
#define NESTED HP_TEST_DIR "/data/nested_ends.keras"

static void *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static hp_model *open_model(const char *path) {
    hp_model *model;
    hp_error error;
    if (hp_model_open(path, NULL, &model, &error) != HP_OK) fail_msg("%s: %s", error.where, error.message);
    return model;
}

static void memory_gives_the_bytes_of_the_file(void **state) {
    (void)state;
    static const char *const paths[] = {MLP, OLD};
    static const int columns[] = {10, 30}, units[] = {1, 2};
    for (int i = 0; i < 2; i++) {
        size_t size;
        void *bytes = read_file(paths[i], &size);
        hp_model *from_file = open_model(paths[i]), *from_memory;
        hp_error error;
        assert_int_equal(hp_model_open_memory("bytes", bytes, size, NULL, &from_memory, &error), HP_OK);
        float x[7 * 30], one[14] = {0}, other[14] = {0};
        for (int k = 0; k < 7 * 30; k++) x[k] = (float)k / 100 - 1;
        hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {7, columns[i]}};
        hp_array out = {.data = one, .dtype = HP_FLOAT32, .rank = 2, .shape = {7, units[i]}};
        assert_int_equal(hp_model_predict(from_file, &in, 1, &out, 1, NULL, &error), HP_OK);
        out.data = other;
        assert_int_equal(hp_model_predict(from_memory, &in, 1, &out, 1, NULL, &error), HP_OK);
        assert_memory_equal(one, other, sizeof one);
        hp_model_close(from_memory);
        hp_model_close(from_file);
        free(bytes);
    }
}

/* tests/data/crop_or_resize.keras: CenterCrop(9, 4) in float16 of an input (None, 11, 3), whose first axis is the height: Keras
 * crops 9 rows and more, to float16, and resizes fewer, to float32. What was told at first holds. */
static void dtypes_do_not_change_with_the_rows(void **state) {
    (void)state;
    hp_model *model = open_model(HP_TEST_DIR "/data/crop_or_resize.keras");
    hp_error error;
    double x[40 * 33] = {0};
    hp_array in = {.data = x, .dtype = HP_FLOAT64, .rank = 3, .shape = {32, 11, 3}}, out = {0};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, &error), HP_OK);
    assert_int_equal(out.dtype, HP_FLOAT16);
    assert_int_equal(out.shape[0], 9);
    hp_array_free(&out);
    static const int64_t rows[] = {5, 40};
    for (int i = 0; i < 2; i++) {
        in.shape[0] = rows[i];
        out = (hp_array){0};
        assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, &error), HP_ERROR_UNSUPPORTED);
        assert_non_null(strstr(error.message, "output 0 is float32 for inputs of this size, and float16 for others"));
        assert_null(out.data);
    }
    hp_model_close(model);
}

static void memory_errors_name_what_was_given(void **state) {
    (void)state;
    hp_model *model;
    hp_error error;
    assert_int_equal(hp_model_open_memory("upload", "no model", 8, NULL, &model, &error), HP_ERROR_FORMAT);
    assert_null(model);
    assert_int_equal(strncmp(error.where, "upload", 6), 0);
    assert_int_equal(hp_model_open_memory(NULL, "", 0, NULL, &model, &error), HP_ERROR_FORMAT);
    assert_int_equal(strncmp(error.where, "model", 5), 0);
    assert_int_equal(hp_model_open_memory("upload", NULL, 3, NULL, &model, &error), HP_ERROR_ARGUMENT);
    hp_model_options options = {.struct_size = sizeof options, .weights = "weights.h5"};
    assert_int_equal(hp_model_open_memory("upload", "x", 1, &options, &model, &error), HP_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "weights"));
}

static void memory_has_a_report(void **state) {
    (void)state;
    size_t size;
    char *bytes = read_file(MLP, &size);
    hp_report *report;
    hp_error error;
    assert_int_equal(hp_report_open_memory("bytes", bytes, size, NULL, &report, &error), HP_OK);
    assert_int_equal(hp_report_count(report), 0);
    hp_report_close(report);
    assert_int_equal(hp_report_open_memory("bytes", "?", 1, NULL, &report, &error), HP_ERROR_FORMAT);
    assert_int_equal(hp_report_open_memory("bytes", NULL, 1, NULL, &report, &error), HP_ERROR_ARGUMENT);
    assert_null(report);
    free(bytes);
}

static void weights_are_told_in_order(void **state) {
    (void)state;
    hp_model *model = open_model(MLP);
    hp_weight_info info;
    hp_error error;
    assert_int_equal(hp_model_weight_count(model), 6);
    static const int64_t rows[] = {10, 64, 64, 64, 64, 1};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(hp_model_weight(model, i, &info, &error), HP_OK);
        assert_string_equal(info.name, i % 2 ? "bias" : "kernel");
        assert_string_equal(strrchr(info.path, '/') + 1, info.name);
        assert_int_equal(info.dtype, HP_FLOAT32);
        assert_int_equal(info.rank, i % 2 ? 1 : 2);
        assert_int_equal(info.shape[0], rows[i]);
        assert_non_null(info.data);
        assert_true(info.trainable);
    }
    assert_int_equal(hp_model_weight(model, 6, &info, &error), HP_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "has 6"));
    hp_model_close(model);
    assert_int_equal(hp_model_weight_count(NULL), 0);
}

static void check_structure(
    hp_status get(const hp_model *, char **, hp_error *), const hp_model *model, const char *expected) {
    char *text;
    hp_error error;
    assert_int_equal(get(model, &text, &error), HP_OK);
    assert_string_equal(text, expected);
    hp_text_free(text);
}

static void structure_is_as_keras_nests_it(void **state) {
    (void)state;
    hp_model *model = open_model(MLP);
    check_structure(hp_model_input_structure, model, "0");
    check_structure(hp_model_output_structure, model, "0");
    hp_model_close(model);
    model = open_model(NESTED);
    check_structure(hp_model_input_structure, model, "{\"left\": 0, \"right\": 1}");
    check_structure(hp_model_output_structure, model, "{\"parts\": [0, 1], \"sum\": 2}");
    hp_model_close(model);
    hp_model_options options = {.struct_size = sizeof options, .output_layer = "first"};
    hp_error error;
    assert_int_equal(hp_model_open(NESTED, &options, &model, &error), HP_OK);
    check_structure(hp_model_output_structure, model, "0");
    hp_model_close(model);
    char *text;
    assert_int_equal(hp_model_input_structure(NULL, &text, &error), HP_ERROR_ARGUMENT);
    assert_null(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_gives_the_bytes_of_the_file),
        cmocka_unit_test(dtypes_do_not_change_with_the_rows),
        cmocka_unit_test(memory_errors_name_what_was_given),
        cmocka_unit_test(memory_has_a_report),
        cmocka_unit_test(weights_are_told_in_order),
        cmocka_unit_test(structure_is_as_keras_nests_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

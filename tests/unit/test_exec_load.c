/* test_exec_load.c: whole arrays to files and back: kinds, strides, and arrays that cannot be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include "exec/exec.h" /* says which folder this tests */

static hp_error failure;

/* Writes the array to a file of this kind, and gives what is read of it; the file is gone again. */
static hp_array there_and_back(const char *name, const hp_array *array) {
    char path[128];
    snprintf(path, sizeof path, "/tmp/hornpipe-load-%d-%s", (int)getpid(), name);
    hp_array back = {0};
    hp_file file = {.path = path};
    if (hp_array_save(&file, array, &failure) != HP_OK) fail_msg("%s: %s", failure.where, failure.message);
    if (hp_array_load(&file, &back, &failure) != HP_OK) fail_msg("%s: %s", failure.where, failure.message);
    assert_int_equal(unlink(path), 0);
    return back;
}

static void test_kinds(void **state) {
    (void)state;
    static const char *const names[] = {"a.npy", "a.npz", "a.h5", "a.csv", "a.tsv", "a.raw"};
    static const float numbers[6] = {1, -2.5F, INFINITY, 4, 5, 6};
    hp_array array = {.data = (void *)numbers, .dtype = HP_FLOAT32, .rank = 2, .shape = {2, 3}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hp_array back = there_and_back(names[i], &array);
        for (int k = 0; k < 6; k++) {
            double value = back.dtype == HP_FLOAT64 ? ((double *)back.data)[k] : (double)((float *)back.data)[k];
            if (value != (double)numbers[k]) fail_msg("%s: element %d is %g", names[i], k, value);
        }
        if (strcmp(names[i], "a.raw") != 0)
            assert_int_equal(back.shape[1], 3); /* a raw file says nothing of its shape */
        hp_array_free(&back);
    }
}

/* Columns before rows, backwards, and one number for all. */
static void test_strides(void **state) {
    (void)state;
    static const int32_t numbers[6] = {1, 2, 3, 4, 5, 6}, turned[6] = {6, 3, 5, 2, 4, 1}, same[4] = {3, 3, 3, 3};
    hp_array array = {
        .data = (void *)(numbers + 5), .dtype = HP_INT32, .rank = 2, .shape = {3, 2}, .strides = {-4, -12}};
    hp_array back = there_and_back("turned.npy", &array);
    assert_memory_equal(back.data, turned, sizeof turned);
    hp_array_free(&back);
    array = (hp_array){.data = (void *)(numbers + 2), .dtype = HP_INT32, .rank = 2, .shape = {4, 1}, .strides = {0, 4}};
    back = there_and_back("same.npy", &array);
    assert_memory_equal(back.data, same, sizeof same);
    hp_array_free(&back);
    array = (hp_array){.dtype = HP_INT32, .rank = 2, .shape = {0, 7}};
    back = there_and_back("none.npy", &array);
    assert_int_equal(back.shape[0], 0);
    assert_int_equal(back.shape[1], 7);
    hp_array_free(&back);
}

/* Every dtype as a number, by the list of them; strides are followed. */
static void test_numbers(void **state) {
    (void)state;
    static const uint16_t half[] = {0x3c00, 0xc100, 0x7c00}, bfloat[] = {0x3f80, 0xc020, 0x7f80};
    static const double three[] = {1, -2.5, INFINITY};
    static const float three_floats[] = {1, -2.5F, INFINITY};
    static const int64_t one[] = {1};
    const struct {
        hp_dtype dtype;
        const void *data;
    } floats[] = {{HP_FLOAT32, three_floats}, {HP_FLOAT64, three}, {HP_FLOAT16, half}, {HP_BFLOAT16, bfloat}};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        hp_array array = {.data = (void *)floats[i].data, .dtype = floats[i].dtype, .rank = 1, .shape = {3}};
        for (int k = 0; k < 3; k++)
            if (hp_array_number(&array, k) != three[k]) fail_msg("dtype %d: element %d", (int)array.dtype, k);
    }
    for (hp_dtype dtype = HP_INT8; dtype <= HP_BOOL; dtype++) { /* little-endian: the first bytes are 1 in each */
        hp_array array = {.data = (void *)one, .dtype = dtype, .rank = 1, .shape = {1}};
        if (hp_array_number(&array, 0) != 1) fail_msg("dtype %d", (int)dtype);
    }
    static const int32_t numbers[6] = {1, 2, 3, 4, 5, 6}, turned[6] = {6, 3, 5, 2, 4, 1};
    hp_array array = {
        .data = (void *)(numbers + 5), .dtype = HP_INT32, .rank = 2, .shape = {3, 2}, .strides = {-4, -12}};
    for (int k = 0; k < 6; k++) assert_true(hp_array_number(&array, k) == turned[k]);
    hp_string word = {"5", 1};
    assert_true(isnan(hp_array_number(&(hp_array){.data = &word, .dtype = HP_STRING, .rank = 1, .shape = {1}}, 0)));
}

static void refuse(hp_array array, hp_status status, const char *why) {
    hp_file file = {.path = "/tmp/hornpipe-load-refused.npy"};
    assert_int_equal(hp_array_save(&file, &array, &failure), status);
    if (!strstr(failure.message, why)) fail_msg("\"%s\" does not say \"%s\"", failure.message, why);
    assert_string_equal(failure.where, file.path);
    assert_int_not_equal(access(file.path, F_OK), 0);
}

static void test_what_cannot_be(void **state) {
    (void)state;
    static float number;
    const int64_t half = INT64_C(1) << 32;
    refuse(
        (hp_array){&number, HP_FLOAT32, 2, {half, half}, {0, 4}, NULL}, HP_ERROR_SHAPE, "axis 1 has size 4294967296");
    refuse((hp_array){&number, HP_FLOAT32, 2, {1, -1}, {0}, NULL}, HP_ERROR_SHAPE, "axis 1 has size -1");
    refuse((hp_array){&number, HP_FLOAT32, 0, {0}, {0}, NULL}, HP_ERROR_SHAPE, "0 axes");
    refuse((hp_array){&number, HP_FLOAT32, 9, {0}, {0}, NULL}, HP_ERROR_SHAPE, "9 axes");
    refuse((hp_array){&number, (hp_dtype)77, 1, {1}, {0}, NULL}, HP_ERROR_ARGUMENT, "no such dtype (77)");
    refuse((hp_array){NULL, HP_FLOAT32, 1, {1}, {0}, NULL}, HP_ERROR_ARGUMENT, "has no data");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

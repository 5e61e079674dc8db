/* test_exec_memory.c: memory stays flat over many small calls, and over many models opened and closed. HORNPIPE_CALLS=N asks
 * for N calls and N / 1000 models (make soak: a million and a thousand). */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include "hornpipe.h"

#define MODEL HP_SOURCE_DIR "/examples/mlp_10_64_64_1.keras"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 }; /* freed memory is kept a while */
#else
enum { SANITIZED = 0 };
#endif

static long wanted_calls(void) {
    const char *text = getenv("HORNPIPE_CALLS");
    return text ? atol(text) : 30000;
}

/* Resident memory in KiB. */
static long resident(void) {
    long pages = 0, ignored;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &ignored, &pages), 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void small_calls(void **state) {
    (void)state;
    if (SANITIZED) skip();
    hp_model *model;
    float x[30] = {0}, y[3];
    long before = 0;
    assert_int_equal(hp_model_open(MODEL, NULL, &model, NULL), HP_OK);
    for (long i = 0; i < wanted_calls(); i++) {
        if (i == 1000) before = resident();
        int64_t rows = 1 + i % 3;
        hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, 10}};
        hp_array out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, 1}}, made = {0};
        hp_predict_options options = {.struct_size = sizeof options, .jobs = 1 + (int)(i % 2)};
        assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, &options, NULL), HP_OK);
        if (i % 16) continue;
        assert_int_equal(hp_model_predict(model, &in, 1, &made, 1, &options, NULL), HP_OK);
        hp_array_free(&made);
    }
    assert_in_range(resident(), 0, before + 256);
    hp_model_close(model);
}

static void many_models(void **state) {
    (void)state;
    if (SANITIZED) skip();
    float x[10] = {0}, y[1];
    hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {1, 10}};
    hp_array out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {1, 1}};
    long before = 0, count = wanted_calls() / 1000 + 20;
    for (long i = 0; i < count; i++) {
        hp_model *model;
        if (i == 10) before = resident();
        assert_int_equal(hp_model_open(MODEL, NULL, &model, NULL), HP_OK);
        assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
        hp_model_close(model);
    }
    assert_in_range(resident(), 0, before + 512);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_calls), cmocka_unit_test(many_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

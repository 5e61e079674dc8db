/* test_exec_failures.c: rows that fail, and rows that kill their worker process: each is found, whatever the backend, and
 * the others' results are the same bytes as if it were not there. A custom layer plays the villain. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include "hornpipe.h"

#define MODEL HP_SOURCE_DIR "/examples/custom_layer.keras"

enum { ROWS = 3000, WIDTH = 4, OUTPUTS = 3, MOST = 16 };

/* Values that a row of inputs is turned to by the layers before: these mark it beyond doubt. */
static const float fails = 1e9F, kills = 1e18F;

static hp_status same_shape(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)context, (void)error;
    outputs[0] = call->inputs[0];
    outputs[0].name = NULL;
    *count = 1;
    return HP_OK;
}

static hp_status villain(void *context, const hp_custom_call *call, hp_error *error) {
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    int64_t width = call->inputs[0].elements / call->inputs[0].shape[0];
    for (int64_t i = 0; i < call->inputs[0].elements; i++) {
        if (fabsf(x[i]) > 1e14F) raise(*(const int *)context);
        if (fabsf(x[i]) > 1e6F) {
            error->row = i / width;
            strcpy(error->message, "it is too large");
            return HP_ERROR_ROW;
        }
        y[i] = x[i] / 2;
    }
    return HP_OK;
}

static int killing_signal = SIGKILL;

static hp_model *open_model(void) {
    hp_custom_layer layers[] = {{.struct_size = sizeof(hp_custom_layer),
                                    .class_name = "Swish",
                                    .shape = same_shape,
                                    .run = villain,
                                    .context = &killing_signal},
        {.struct_size = sizeof(hp_custom_layer),
            .class_name = "Lambda",
            .shape = same_shape,
            .run = villain,
            .context = &killing_signal}};
    hp_model_options options = {.struct_size = sizeof options, .custom_layers = layers, .custom_layer_count = 2};
    hp_model *model;
    hp_error error;
    if (hp_model_open(MODEL, &options, &model, &error) != HP_OK) fail_msg("%s: %s", error.where, error.message);
    return model;
}

static float *make_rows(void) {
    float *rows = malloc(sizeof(float) * ROWS * WIDTH);
    uint32_t state = 99;
    for (size_t i = 0; i < (size_t)ROWS * WIDTH; i++) {
        state = state * 1664525u + 1013904223u;
        rows[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return rows;
}

static void spoil(float *rows, int64_t row, float value) {
    for (int i = 0; i < WIDTH; i++) rows[row * WIDTH + i] = value;
}

typedef struct told {
    int64_t rows[MOST];
    int count;
} told;

static void note(void *context, int64_t first, int64_t count, const hp_error *error) {
    told *t = context;
    assert_int_equal(count, 1);
    assert_int_equal(error->status, HP_ERROR_ROW);
    assert_true(t->count < MOST);
    t->rows[t->count++] = first;
}

/* Predicts in batches of 700 rows through a predictor; `wanted` is without the spoilt rows. */
static void predict(hp_model *model, hp_predictor_options options, float *x, const float *wanted, told *t) {
    hp_predictor *predictor;
    options.struct_size = sizeof options;
    options.on_error = HP_ON_ERROR_NAN;
    options.failure = note;
    options.failure_context = t;
    assert_int_equal(hp_predictor_open(model, &options, &predictor, NULL), HP_OK);
    for (int64_t first = 0, n = 700; first < ROWS; first += n) {
        if (n > ROWS - first) n = ROWS - first;
        hp_array in = {.data = x + first * WIDTH, .dtype = HP_FLOAT32, .rank = 2, .shape = {n, WIDTH}}, out = {0};
        hp_error error;
        int before = t->count;
        assert_int_equal(hp_predictor_push(predictor, &in, 1, &error), HP_OK);
        if (hp_predictor_pull(predictor, &out, 1, NULL, &error) != HP_OK) fail_msg("%s", error.message);
        const float *y = out.data;
        for (int64_t row = 0; row < n; row++) {
            bool spoilt = before < t->count && t->rows[before] == first + row;
            before += spoilt;
            for (int i = 0; spoilt && i < OUTPUTS; i++) assert_true(isnan(y[row * OUTPUTS + i]));
            if (!spoilt) assert_memory_equal(y + row * OUTPUTS, wanted + (first + row) * OUTPUTS, OUTPUTS * sizeof *y);
        }
        hp_array_free(&out);
    }
    hp_predictor_close(predictor);
}

static float *good_results(hp_model *model, float *x) {
    hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, WIDTH}}, out = {0};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
    float *y = malloc(sizeof *y * ROWS * OUTPUTS);
    memcpy(y, out.data, sizeof *y * ROWS * OUTPUTS);
    hp_array_free(&out);
    return y;
}

static void check_rows(const told *t, const int64_t *wanted, int count) {
    assert_int_equal(t->count, count);
    for (int i = 0; i < count; i++) assert_int_equal(t->rows[i], wanted[i]);
}

static void failing_rows_are_told(void **state) {
    (void)state;
    static const int64_t bad[] = {0, 1, 2, 699, 700, 1400, 1401, 2500, 2999};
    hp_model *model = open_model();
    float *x = make_rows(), *wanted = good_results(model, x);
    for (int i = 0; i < 9; i++) spoil(x, bad[i], fails);
    static const hp_predictor_options ways[] = {{.jobs = 1}, {.jobs = 3}, {.jobs = 2, .batch_size = 5},
        {.jobs = 1, .backend = HP_BACKEND_PROCESSES}, {.jobs = 3, .backend = HP_BACKEND_PROCESSES, .chunk_rows = 50}};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        told t = {.count = 0};
        predict(model, ways[w], x, wanted, &t);
        check_rows(&t, bad, 9);
    }
    free(x);
    free(wanted);
    hp_model_close(model);
}

static void killing_rows_are_found(void **state) {
    (void)state;
    static const int64_t bad[] = {3, 4, 710, 2999};
    static const int signals[] = {SIGKILL, SIGSEGV};
    for (int s = 0; s < 2; s++) {
        killing_signal = signals[s];
        hp_model *model = open_model();
        float *x = make_rows(), *wanted = good_results(model, x);
        for (int i = 0; i < 4; i++) spoil(x, bad[i], i == 1 ? fails : kills);
        told t = {.count = 0};
        predict(model, (hp_predictor_options){.jobs = 2, .backend = HP_BACKEND_PROCESSES}, x, wanted, &t);
        check_rows(&t, bad, 4);
        free(x);
        free(wanted);
        hp_model_close(model);
    }
}

static void the_first_is_the_error(void **state) {
    (void)state;
    killing_signal = SIGKILL;
    hp_model *model = open_model();
    float *x = make_rows();
    spoil(x, 2000, fails);
    spoil(x, 1500, kills);
    for (int backend = 0; backend < 2; backend++) {
        hp_predictor_options options = {
            .struct_size = sizeof options, .backend = (hp_backend)backend, .jobs = 3, .chunk_rows = 400};
        hp_predictor *predictor;
        hp_error error;
        hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, WIDTH}}, out = {0};
        if (backend == HP_BACKEND_THREADS) spoil(x, 1500, fails);
        assert_int_equal(hp_predictor_open(model, &options, &predictor, NULL), HP_OK);
        assert_int_equal(hp_predictor_push(predictor, &in, 1, NULL), HP_OK);
        in.shape[0] = 1000; /* a good batch behind the bad one is not touched by it */
        assert_int_equal(hp_predictor_push(predictor, &in, 1, NULL), HP_OK);
        assert_int_equal(hp_predictor_pull(predictor, &out, 1, NULL, &error), HP_ERROR_ROW);
        assert_int_equal(error.row, 1500);
        assert_non_null(strstr(error.message, backend ? "killed its worker process 2 times" : "too large"));
        assert_int_equal(hp_predictor_pull(predictor, &out, 1, NULL, &error), HP_OK);
        hp_array_free(&out);
        hp_predictor_close(predictor);
        spoil(x, 1500, kills);
    }
    free(x);
    hp_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_rows_are_told),
        cmocka_unit_test(killing_rows_are_found),
        cmocka_unit_test(the_first_is_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

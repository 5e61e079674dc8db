/* test_exec_ragged.c: batches of rows of different lengths through a predictor: each row's result is the one that it has
 * alone, by threads and by worker processes, padded or not; and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "hornpipe.h"

#define WORDS HP_TEST_DIR "/data/ragged_words.keras" /* Embedding(mask_zero) - Bidirectional LSTM - GRU - Dense: 3 */
#define STEPS HP_TEST_DIR "/data/ragged_steps.keras" /* Conv1D over 3 numbers a step - GlobalMaxPooling1D - Dense: 2 */
#define MLP HP_SOURCE_DIR "/examples/mlp_10_64_64_1.keras"

enum { ROWS = 120, LONGEST = 40, BATCHES = 4 };

static hp_error failure;

#define assert_ok(expression)                                                                                          \
    if ((expression) != HP_OK) fail_msg("%s: %s: %s", #expression, failure.where, failure.message)

static hp_model *open_model(const char *path) {
    hp_model *model;
    assert_ok(hp_model_open(path, NULL, &model, &failure));
    return model;
}

typedef struct row_set {
    int32_t words[ROWS * LONGEST];
    int64_t offsets[ROWS + 1];
    float alone[ROWS * 3];
} row_set;

static row_set made;

/* Rows of words, and the prediction of each alone. */
static void make_rows(hp_model *model) {
    uint32_t noise = 1;
    made.offsets[0] = 0;
    for (int row = 0; row < ROWS; row++) {
        int length = 1 + (int)((noise = noise * 1664525u + 1013904223u) >> 16) % LONGEST;
        made.offsets[row + 1] = made.offsets[row] + length;
        int32_t *words = made.words + made.offsets[row];
        for (int i = 0; i < length; i++) words[i] = 1 + (int32_t)((noise = noise * 1664525u + 1013904223u) >> 16) % 49;
        hp_array in = {.data = words, .dtype = HP_INT32, .rank = 2, .shape = {1, length}};
        hp_array out = {.data = made.alone + 3 * row, .dtype = HP_FLOAT32, .rank = 2, .shape = {1, 3}};
        assert_ok(hp_model_predict(model, &in, 1, &out, 1, NULL, &failure));
    }
}

/* All rows in some batches, the last one empty. */
static void check_batches(hp_model *model, hp_predictor_options options) {
    static const int64_t cuts[BATCHES + 1] = {0, 50, 51, ROWS, ROWS};
    hp_predictor *predictor;
    options.struct_size = sizeof options;
    assert_ok(hp_predictor_open(model, &options, &predictor, &failure));
    for (int b = 0; b < BATCHES; b++) {
        hp_array in = {.data = made.words, .dtype = HP_INT32, .rank = 1, .shape = {made.offsets[cuts[b + 1]]}};
        const int64_t *offsets = made.offsets + cuts[b];
        assert_ok(hp_predictor_push_ragged(predictor, &in, &offsets, 1, cuts[b + 1] - cuts[b], &failure));
    }
    hp_predictor_finish(predictor);
    for (int b = 0; b < BATCHES; b++) {
        hp_array y = {0};
        int ended;
        assert_ok(hp_predictor_pull(predictor, &y, 1, &ended, &failure));
        assert_false(ended);
        assert_int_equal(y.shape[0], cuts[b + 1] - cuts[b]);
        if (y.shape[0]) assert_memory_equal(y.data, made.alone + 3 * cuts[b], (size_t)(3 * y.shape[0]) * sizeof(float));
        hp_array_free(&y);
    }
    hp_predictor_close(predictor);
}

static void test_rows_are_what_they_are_alone(void **state) {
    (void)state;
    hp_model *model = open_model(WORDS);
    make_rows(model);
    check_batches(model, (hp_predictor_options){.jobs = 1});
    check_batches(model, (hp_predictor_options){.jobs = 3});
    check_batches(model, (hp_predictor_options){.jobs = 2, .pad = 1});
    check_batches(model, (hp_predictor_options){.jobs = 2, .backend = HP_BACKEND_PROCESSES});
    check_batches(model, (hp_predictor_options){.jobs = 2, .backend = HP_BACKEND_PROCESSES, .pad = 1});
    hp_model_close(model);
}

static int64_t failed_row;

static void note_failure(void *context, int64_t first, int64_t count, const hp_error *error) {
    (void)context, (void)error;
    assert_int_equal(count, 1);
    failed_row = first;
}

static void test_rows_that_fail(void **state) {
    (void)state;
    hp_model *model = open_model(WORDS);
    int32_t words[] = {1, 2, 3, 4, 77, 5, 6};
    const int64_t bounds[] = {0, 2, 5, 7}, *offsets = bounds;
    hp_array in = {.data = words, .dtype = HP_INT32, .rank = 1, .shape = {7}};
    float y[9];
    hp_array out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {3, 3}};
    hp_predictor *predictor;
    for (int nan = 0; nan < 2; nan++) {
        hp_predictor_options options = {.struct_size = sizeof options,
            .on_error = nan ? HP_ON_ERROR_NAN : HP_ON_ERROR_FAIL,
            .failure = note_failure};
        assert_ok(hp_predictor_open(model, &options, &predictor, &failure));
        assert_ok(hp_predictor_push_ragged(predictor, &in, &offsets, 1, 3, &failure));
        hp_status status = hp_predictor_pull(predictor, &out, 1, NULL, &failure);
        assert_int_equal(status, nan ? HP_OK : HP_ERROR_ROW);
        if (!nan) assert_int_equal(failure.row, 1);
        hp_predictor_close(predictor);
    }
    assert_int_equal(failed_row, 1);
    assert_true(isnan(y[3]) && !isnan(y[0]) && !isnan(y[6]));
    hp_model_close(model);
}

static void assert_refused(
    hp_predictor *predictor, hp_array in, const int64_t *offsets, int64_t rows, hp_status status, const char *why) {
    assert_int_equal(hp_predictor_push_ragged(predictor, &in, &offsets, 1, rows, &failure), status);
    if (!strstr(failure.message, why)) fail_msg("\"%s\" does not say \"%s\"", failure.message, why);
    if (!failure.where[0]) fail_msg("\"%s\" names no place", failure.message);
}

static void test_what_is_refused(void **state) {
    (void)state;
    static float steps[30];
    static const int64_t falling[] = {0, 3, 2}, beyond[] = {0, 3, 11}, below[] = {-1, 3}, good[] = {0, 3, 10};
    hp_predictor_options options = {.struct_size = sizeof options, .jobs = 1, .pad = 1};
    hp_predictor *predictor;
    hp_model *model = open_model(STEPS), *mlp = open_model(MLP);
    assert_int_equal(hp_predictor_open(model, &options, &predictor, &failure), HP_ERROR_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "Conv1D"));
    options.pad = 0;
    assert_ok(hp_predictor_open(model, &options, &predictor, &failure));
    hp_array in = {.data = steps, .dtype = HP_FLOAT32, .rank = 2, .shape = {10, 3}}, narrow = in, words = in;
    assert_refused(predictor, in, falling, 2, HP_ERROR_ARGUMENT, "row 1 begins at step 3 and ends at step 2 of 10");
    assert_refused(predictor, in, beyond, 2, HP_ERROR_ARGUMENT, "ends at step 11 of 10");
    assert_refused(predictor, in, below, 1, HP_ERROR_ARGUMENT, "begins at step -1");
    assert_refused(predictor, in, good, -1, HP_ERROR_ARGUMENT, "-1 rows");
    assert_refused(predictor, in, NULL, 9, HP_ERROR_SHAPE, "input 0 has 10 rows; the batch has 9");
    narrow.shape[1] = 2;
    assert_refused(predictor, narrow, good, 2, HP_ERROR_SHAPE, "the model wants (None, None, 3)");
    words.dtype = HP_STRING;
    words.shape[1] = 1;
    assert_refused(predictor, words, good, 2, HP_ERROR_UNSUPPORTED, "strings");
    assert_int_equal(hp_predictor_pending(predictor), 0); /* and it goes on */
    const int64_t *offsets = good;
    hp_array y = {0};
    assert_ok(hp_predictor_push_ragged(predictor, &in, &offsets, 1, 2, &failure));
    assert_ok(hp_predictor_pull(predictor, &y, 1, NULL, &failure));
    assert_int_equal(y.shape[0], 2);
    hp_array_free(&y);
    hp_predictor_close(predictor);
    assert_ok(hp_predictor_open(mlp, &options, &predictor, &failure)); /* its rows have ten numbers each */
    hp_array numbers = {.data = steps, .dtype = HP_FLOAT32, .rank = 1, .shape = {30}};
    static const int64_t tens[] = {0, 10, 20}, uneven[] = {0, 10, 19};
    assert_refused(predictor, numbers, tens, -2, HP_ERROR_ARGUMENT, "-2 rows");
    offsets = tens;
    assert_ok(hp_predictor_push_ragged(predictor, &numbers, &offsets, 1, 2, &failure));
    assert_ok(hp_predictor_pull(predictor, &y, 1, NULL, &failure));
    hp_array_free(&y);
    offsets = uneven;
    assert_ok(hp_predictor_push_ragged(predictor, &numbers, &offsets, 1, 2, &failure));
    assert_int_equal(hp_predictor_pull(predictor, &y, 1, NULL, &failure), HP_ERROR_SHAPE);
    hp_predictor_close(predictor);
    hp_model_close(model);
    hp_model_close(mlp);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_what_they_are_alone),
        cmocka_unit_test(test_rows_that_fail),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

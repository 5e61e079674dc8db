/* test_exec_stateful.c: a session keeps the states of stateful layers from call to call until it is reset; a call on the
 * model begins with zeros. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include "hornpipe.h"

#define MODEL HP_SOURCE_DIR "/tests/data/stateful_lstm.keras" /* batches of 2 rows x 4 steps x 3 features, to 2 */

enum { ROWS = 2, ROW = 12, OUT = 2 };

static hp_array rows_of(float *x, int64_t rows) {
    return (hp_array){.data = x, .dtype = HP_FLOAT32, .rank = 3, .shape = {rows, 4, 3}};
}

static hp_array room_for(float *y, int64_t rows) {
    return (hp_array){.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, OUT}};
}

static void fill(float *x, int count) {
    for (int i = 0; i < count; i++) x[i] = (float)((i * 7) % 11) / 11 - 0.5F;
}

static void states_last_until_reset(void **state) {
    (void)state;
    float x[ROWS * ROW], first[ROWS * OUT], second[ROWS * OUT], again[ROWS * OUT];
    hp_model *model;
    hp_session *session;
    fill(x, ROWS * ROW);
    hp_array in = rows_of(x, ROWS), out = room_for(first, ROWS);
    assert_int_equal(hp_model_open(MODEL, NULL, &model, NULL), HP_OK);
    assert_int_equal(hp_session_open(model, NULL, &session, NULL), HP_OK);
    assert_int_equal(hp_session_predict(session, &in, 1, &out, 1, NULL), HP_OK);
    out = room_for(second, ROWS);
    assert_int_equal(hp_session_predict(session, &in, 1, &out, 1, NULL), HP_OK);
    assert_memory_not_equal(first, second, sizeof first);
    hp_session_reset(session);
    out = room_for(again, ROWS);
    assert_int_equal(hp_session_predict(session, &in, 1, &out, 1, NULL), HP_OK);
    assert_memory_equal(first, again, sizeof first);
    hp_session_close(session);
    for (int i = 0; i < 2; i++) { /* calls on the model follow nothing */
        assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
        assert_memory_equal(first, again, sizeof first);
    }
    hp_model_close(model);
}

static void batches_in_one_call_follow_each_other(void **state) {
    (void)state;
    float x[2 * ROWS * ROW], both[2 * ROWS * OUT], alone[ROWS * OUT];
    hp_model *model;
    hp_session *session;
    fill(x, 2 * ROWS * ROW);
    hp_array in = rows_of(x, 2 * ROWS), out = room_for(both, 2 * ROWS);
    assert_int_equal(hp_model_open(MODEL, NULL, &model, NULL), HP_OK);
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
    assert_int_equal(hp_session_open(model, NULL, &session, NULL), HP_OK);
    for (int i = 0; i < 2; i++) {
        in = rows_of(x + i * ROWS * ROW, ROWS);
        out = room_for(alone, ROWS);
        assert_int_equal(hp_session_predict(session, &in, 1, &out, 1, NULL), HP_OK);
        assert_memory_equal(both + i * ROWS * OUT, alone, sizeof alone);
    }
    hp_session_close(session);
    hp_model_close(model);
}

static void part_of_a_batch_is_refused(void **state) {
    (void)state;
    float x[3 * ROW], y[3 * OUT];
    hp_model *model;
    hp_error error;
    fill(x, 3 * ROW);
    hp_array in = rows_of(x, 3), out = room_for(y, 3);
    assert_int_equal(hp_model_open(MODEL, NULL, &model, NULL), HP_OK);
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, &error), HP_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "rows come in whole batches of"));
    hp_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_last_until_reset),
        cmocka_unit_test(batches_in_one_call_follow_each_other),
        cmocka_unit_test(part_of_a_batch_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

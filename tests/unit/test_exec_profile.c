/* test_exec_profile.c: a profile counts every row of every step once, whoever ran it, names the layers, and changes no
 * result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "hornpipe.h"

#define MLP HP_SOURCE_DIR "/examples/mlp_10_64_64_1.keras"

enum { ROWS = 5003, CALLS = 40 };

typedef struct fixture {
    hp_model *model;
    hp_session *session;
    hp_profile *profile;
    float x[ROWS * 10], y[ROWS];
    hp_array in, out;
} fixture;

static fixture *start(int jobs) {
    fixture *f = calloc(1, sizeof *f);
    hp_predict_options options = {.struct_size = sizeof options, .jobs = jobs};
    hp_error error;
    if (hp_model_open(MLP, NULL, &f->model, &error) != HP_OK) fail_msg("%s", error.message);
    assert_int_equal(hp_session_open(f->model, &options, &f->session, &error), HP_OK);
    for (int i = 0; i < ROWS * 10; i++) f->x[i] = (float)(i % 97) / 97.0f - 0.5f;
    f->in = (hp_array){.data = f->x, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, 10}};
    f->out = (hp_array){.data = f->y, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, 1}};
    return f;
}

static void predict(fixture *f) {
    hp_error error;
    if (hp_session_predict(f->session, &f->in, 1, &f->out, 1, &error) != HP_OK) fail_msg("%s", error.message);
}

static void end(fixture *f) {
    hp_profile_close(f->profile);
    hp_session_close(f->session);
    hp_model_close(f->model);
    free(f);
}

static void counts_every_row(int jobs) {
    fixture *f = start(jobs);
    predict(f); /* before the profile: not counted */
    assert_int_equal(hp_profile_open(f->session, CALLS, &f->profile, NULL), HP_OK);
    assert_int_equal(hp_profile_step_count(f->profile), 0);
    for (int i = 0; i < 3; i++) predict(f);
    assert_int_equal(hp_profile_worker_count(f->profile), jobs);
    assert_true(hp_profile_seconds(f->profile) > 0);
    size_t steps = hp_profile_step_count(f->profile);
    assert_true(steps > 0);
    double flops = 0;
    for (size_t s = 0; s < steps; s++) {
        hp_step_info info;
        hp_step_time all, one, sum = {0};
        assert_int_equal(hp_profile_step(f->profile, s, &info, NULL), HP_OK);
        assert_int_equal(hp_profile_time(f->profile, s, -1, &all, NULL), HP_OK);
        assert_true(all.rows == 3 * ROWS && all.calls >= 3 && all.seconds > 0);
        for (int w = 0; w < jobs; w++) {
            assert_int_equal(hp_profile_time(f->profile, s, w, &one, NULL), HP_OK);
            sum.calls += one.calls;
            sum.rows += one.rows;
        }
        assert_true(sum.calls == all.calls && sum.rows == all.rows);
        assert_true(info.bytes_per_row > 0 && info.tile_rows > 0 && info.layer_count > 0);
        assert_non_null(strstr(info.output_shape, "rows"));
        flops += info.flops_per_row;
    }
    assert_true(flops >= 9600);
    end(f);
}

static void counts_every_row_on_one_thread(void **state) {
    (void)state;
    counts_every_row(1);
}

static void counts_every_row_on_two_threads(void **state) {
    (void)state;
    counts_every_row(2);
}

static void names_layers(void **state) {
    (void)state;
    fixture *f = start(1);
    assert_int_equal(hp_profile_open(f->session, 0, &f->profile, NULL), HP_OK);
    predict(f);
    size_t steps = hp_profile_step_count(f->profile), named = 0;
    for (size_t s = 0; s < steps; s++) {
        hp_step_info info;
        assert_int_equal(hp_profile_step(f->profile, s, &info, NULL), HP_OK);
        for (size_t k = 0; k < info.layer_count; k++) {
            assert_non_null(strstr(hp_profile_layer(f->profile, s, k), "(Dense)"));
            named++;
        }
        assert_null(hp_profile_layer(f->profile, s, info.layer_count));
    }
    assert_true(named >= 3);
    end(f);
}

static void keeps_calls(void **state) {
    (void)state;
    fixture *f = start(1);
    assert_int_equal(hp_profile_open(f->session, CALLS, &f->profile, NULL), HP_OK);
    predict(f);
    hp_step_call call, before = {0};
    size_t count = hp_profile_call_count(f->profile, 0);
    assert_true(count > 0 && count <= CALLS);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(hp_profile_call(f->profile, 0, i, &call, NULL), HP_OK);
        assert_true(call.step < hp_profile_step_count(f->profile) && call.rows > 0);
        assert_true(call.begin >= before.begin + before.seconds - 1e-9);
        before = call;
    }
    for (int i = 0; i < 50; i++) predict(f); /* no more than were asked for */
    assert_int_equal(hp_profile_call_count(f->profile, 0), CALLS);
    assert_int_equal(hp_profile_call_count(f->profile, 1), 0);
    end(f);
}

static void changes_no_result(void **state) {
    (void)state;
    static float plain[ROWS];
    fixture *f = start(2);
    predict(f);
    memcpy(plain, f->y, sizeof plain);
    assert_int_equal(hp_profile_open(f->session, 0, &f->profile, NULL), HP_OK);
    memset(f->y, 0, sizeof f->y);
    predict(f);
    assert_memory_equal(plain, f->y, sizeof plain);
    hp_profile_close(f->profile);
    predict(f); /* the session goes on without */
    assert_memory_equal(plain, f->y, sizeof plain);
    assert_int_equal(hp_profile_open(f->session, 0, &f->profile, NULL), HP_OK); /* and takes another one */
    end(f);
}

static void refuses(void **state) {
    (void)state;
    fixture *f = start(1);
    hp_profile *second;
    hp_step_info info;
    hp_step_time time;
    hp_step_call call;
    hp_error error;
    assert_int_equal(hp_profile_open(NULL, 0, &second, &error), HP_ERROR_ARGUMENT);
    assert_null(second);
    assert_int_equal(hp_profile_open(f->session, 0, &f->profile, &error), HP_OK);
    assert_int_equal(hp_profile_open(f->session, 0, &second, &error), HP_ERROR_ARGUMENT);
    assert_null(second);
    assert_int_equal(hp_profile_step(f->profile, 0, &info, &error), HP_ERROR_ARGUMENT);
    predict(f);
    assert_int_equal(hp_profile_step(f->profile, 1000, &info, &error), HP_ERROR_ARGUMENT);
    assert_string_equal(error.message, "there is no step 1000");
    assert_int_equal(hp_profile_time(f->profile, 0, 1, &time, &error), HP_ERROR_ARGUMENT);
    assert_int_equal(hp_profile_call(f->profile, 0, 0, &call, &error), HP_ERROR_ARGUMENT);
    hp_profile_close(NULL);
    end(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_every_row_on_one_thread),
        cmocka_unit_test(counts_every_row_on_two_threads),
        cmocka_unit_test(names_layers),
        cmocka_unit_test(keeps_calls),
        cmocka_unit_test(changes_no_result),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

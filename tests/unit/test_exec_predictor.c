/* test_exec_predictor.c: batches pushed and pulled: the same bytes as one call gives, whatever the backend, jobs, look-ahead
 * and size of batches; errors of one batch alone; cancelling; worker processes that are killed. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include "hornpipe.h"

#define MODEL HP_SOURCE_DIR "/examples/mlp_10_64_64_1.keras"

enum { ROWS = 5000, BATCHES = 40 };

static hp_model *open_model(const char *path) {
    hp_model *model;
    hp_error error;
    hp_status status = hp_model_open(path, NULL, &model, &error);
    if (status != HP_OK) fail_msg("%s: %s", error.where, error.message);
    return model;
}

static float *make_rows(size_t count) {
    float *rows = malloc(count * sizeof *rows);
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        rows[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return rows;
}

static hp_array rows_array(float *data, int64_t rows) {
    return (hp_array){.data = data, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, 10}};
}

static int64_t batch_rows(int number) {
    return (int64_t)number * 37 % 251; /* 0 rows among them */
}

static float *whole_call(hp_model *model, float *x, int64_t rows) {
    float *y = malloc((size_t)rows * sizeof *y);
    hp_array in = rows_array(x, rows), out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, 1}};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
    return y;
}

static hp_predictor *open_predictor(hp_model *model, const hp_predictor_options *options) {
    hp_predictor *predictor;
    hp_error error;
    if (hp_predictor_open(model, options, &predictor, &error) != HP_OK) fail_msg("%s", error.message);
    return predictor;
}

static void pull_one(hp_predictor *predictor, const float *wanted, int64_t rows) {
    hp_array y = {0};
    hp_error error;
    if (hp_predictor_pull(predictor, &y, 1, NULL, &error) != HP_OK) fail_msg("%s", error.message);
    assert_int_equal(y.shape[0], rows);
    assert_int_equal(y.rank, 2);
    assert_memory_equal(y.data, wanted, (size_t)rows * sizeof(float));
    hp_array_free(&y);
}

/* Pushes and pulls BATCHES batches of changing sizes on one thread. */
static void run_batches(hp_model *model, const hp_predictor_options *options, float *x, const float *wanted) {
    hp_predictor *predictor = open_predictor(model, options);
    int64_t first = 0, taken = 0;
    int pushed = 0, pulled = 0;
    while (pulled < BATCHES) {
        while (pushed < BATCHES && hp_predictor_room(predictor) > 0) {
            hp_array in = rows_array(x + first * 10, batch_rows(pushed));
            assert_int_equal(hp_predictor_push(predictor, &in, 1, NULL), HP_OK);
            first += batch_rows(pushed++);
        }
        assert_int_equal(hp_predictor_pending(predictor), pushed - pulled);
        pull_one(predictor, wanted + taken, batch_rows(pulled));
        taken += batch_rows(pulled++);
    }
    hp_predictor_finish(predictor);
    int ended = 0;
    hp_array y = {0};
    assert_int_equal(hp_predictor_pull(predictor, &y, 1, &ended, NULL), HP_OK);
    assert_int_equal(ended, 1);
    assert_null(y.data);
    hp_predictor_close(predictor);
}

static void same_bytes_as_one_call(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    float *x = make_rows(ROWS * 10 + 100000), *wanted = whole_call(model, x, ROWS);
    static const struct {
        hp_backend backend;
        int jobs, look_ahead;
        int64_t chunk_rows;
    } ways[] = {{HP_BACKEND_THREADS, 1, 0, 0}, {HP_BACKEND_THREADS, 3, 1, 0}, {HP_BACKEND_THREADS, 2, 7, 0},
        {HP_BACKEND_PROCESSES, 1, 0, 0}, {HP_BACKEND_PROCESSES, 3, 1, 0}, {HP_BACKEND_PROCESSES, 2, 5, 13}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        hp_predictor_options options = {.struct_size = sizeof options,
            .backend = ways[i].backend,
            .jobs = ways[i].jobs,
            .look_ahead = ways[i].look_ahead,
            .chunk_rows = ways[i].chunk_rows};
        run_batches(model, &options, x, wanted);
    }
    free(x);
    free(wanted);
    hp_model_close(model);
}

/* ---- two threads */

typedef struct pushing {
    hp_predictor *predictor;
    float *x;
} pushing;

static void *push_all(void *arg) {
    pushing *p = arg;
    int64_t first = 0;
    for (int i = 0; i < BATCHES; i++) {
        hp_array in = rows_array(p->x + first * 10, batch_rows(i));
        assert_int_equal(hp_predictor_push(p->predictor, &in, 1, NULL), HP_OK);
        first += batch_rows(i);
    }
    hp_predictor_finish(p->predictor);
    return NULL;
}

static void one_thread_pushes_another_pulls(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    float *x = make_rows(ROWS * 10), *wanted = whole_call(model, x, ROWS);
    for (int backend = 0; backend < 2; backend++) {
        hp_predictor_options options = {
            .struct_size = sizeof options, .backend = (hp_backend)backend, .jobs = 2, .look_ahead = 2};
        pushing p = {open_predictor(model, &options), x};
        pthread_t thread;
        pthread_create(&thread, NULL, push_all, &p);
        int64_t taken = 0;
        float buffer[256];
        for (int i = 0;; i++) {
            int64_t rows = i < BATCHES ? batch_rows(i) : 0;
            hp_array y = {.data = buffer, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, 1}};
            int ended;
            assert_int_equal(hp_predictor_pull(p.predictor, &y, 1, &ended, NULL), HP_OK);
            if (ended) {
                assert_int_equal(i, BATCHES);
                break;
            }
            assert_memory_equal(buffer, wanted + taken, (size_t)rows * sizeof(float));
            taken += rows;
        }
        pthread_join(thread, NULL);
        hp_predictor_close(p.predictor);
    }
    free(x);
    free(wanted);
    hp_model_close(model);
}

/* ---- cancelling */

static void *cancel_soon(void *predictor) {
    usleep(20000);
    hp_predictor_cancel(predictor);
    return NULL;
}

static void cancelled_from_another_thread(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    for (int backend = 0; backend < 2; backend++) {
        hp_predictor_options options = {.struct_size = sizeof options, .backend = (hp_backend)backend, .jobs = 2};
        hp_predictor *predictor = open_predictor(model, &options);
        pthread_t thread;
        pthread_create(&thread, NULL, cancel_soon, predictor);
        hp_array y = {0};
        hp_error error;
        assert_int_equal(hp_predictor_pull(predictor, &y, 1, NULL, &error), HP_ERROR_INTERRUPTED);
        float x[10] = {0};
        hp_array in = rows_array(x, 1);
        assert_int_equal(hp_predictor_push(predictor, &in, 1, &error), HP_ERROR_INTERRUPTED);
        pthread_join(thread, NULL);
        hp_predictor_close(predictor);
    }
    hp_model_close(model);
}

static int stop_at_once(void *context, int64_t done, int64_t total) {
    (void)context;
    assert_int_equal(total, -1);
    return done >= 0;
}

static void progress_cancels(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    hp_predictor_options options = {.struct_size = sizeof options, .jobs = 1, .progress = stop_at_once};
    hp_predictor *predictor = open_predictor(model, &options);
    hp_array y = {0};
    assert_int_equal(hp_predictor_pull(predictor, &y, 1, NULL, NULL), HP_ERROR_INTERRUPTED);
    hp_predictor_close(predictor);
    hp_model_close(model);
}

/* ---- errors */

static void wrong_batches_are_refused(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    hp_predictor_options options = {.struct_size = sizeof options, .jobs = 1};
    hp_predictor *predictor = open_predictor(model, &options);
    float x[90] = {0};
    hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {10, 9}}, good = rows_array(x, 9), y = {0};
    hp_error error;
    assert_int_equal(hp_predictor_push(predictor, &in, 1, &error), HP_ERROR_SHAPE);
    assert_int_equal(hp_predictor_pending(predictor), 0);
    assert_int_equal(hp_predictor_push(predictor, &good, 1, &error), HP_OK);
    assert_int_equal(hp_predictor_pull(predictor, &y, 1, NULL, &error), HP_OK);
    hp_array_free(&y);
    hp_predictor_finish(predictor);
    assert_int_equal(hp_predictor_push(predictor, &good, 1, &error), HP_ERROR_ARGUMENT);
    hp_predictor_close(predictor);
    options.look_ahead = 2000;
    assert_int_equal(hp_predictor_open(model, &options, &predictor, &error), HP_ERROR_ARGUMENT);
    assert_null(predictor);
    hp_model_close(model);
}

/* ---- killed workers */

/* Sends a signal to a child of this process; how many there are. */
static int signal_children(int number, int which) {
    char path[64], line[256];
    int count = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int pid = atoi(entry->d_name), parent = 0;
        if (pid <= 0) continue;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        char *close = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
        char state = 0;
        if (close && sscanf(close + 1, " %c %d", &state, &parent) == 2 && parent == getpid() && state != 'Z')
            if (count++ == which) kill(pid, number);
        fclose(file);
    }
    closedir(folder);
    return count;
}

static atomic_bool killing_over;
static pthread_mutex_t rounds = PTHREAD_MUTEX_INITIALIZER;
static bool
    may_kill; /* under `rounds`: once a round, or a slow machine's chunk would be killed twice and count as bad */

static void *kill_workers(void *kills) {
    for (unsigned i = 0; !atomic_load(&killing_over); i++) {
        usleep(500 + i * 7919 % 3000);
        pthread_mutex_lock(&rounds);
        if (may_kill && signal_children(SIGKILL, (int)(i % 3)) > (int)(i % 3)) {
            atomic_fetch_add((atomic_int *)kills, 1);
            may_kill = false;
        }
        pthread_mutex_unlock(&rounds);
    }
    return NULL;
}

static void begin_round(void) {
    pthread_mutex_lock(&rounds);
    may_kill = true;
    pthread_mutex_unlock(&rounds);
}

static void killed_workers_lose_nothing(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    float *x = make_rows(ROWS * 10), *wanted = whole_call(model, x, ROWS);
    atomic_int kills = 0;
    pthread_t killer;
    atomic_store(&killing_over, false);
    pthread_create(&killer, NULL, kill_workers, &kills);
    hp_predictor_options options = {
        .struct_size = sizeof options, .backend = HP_BACKEND_PROCESSES, .jobs = 3, .chunk_rows = 50};
    hp_predictor *predictor = open_predictor(model, &options);
    for (int round = 0; round < 400; round++) {
        begin_round();
        hp_array in = rows_array(x, ROWS);
        assert_int_equal(hp_predictor_push(predictor, &in, 1, NULL), HP_OK);
        pull_one(predictor, wanted, ROWS);
        if (atomic_load(&kills) > 20) break;
    }
    atomic_store(&killing_over, true);
    pthread_join(killer, NULL);
    assert_true(atomic_load(&kills) > 0);
    hp_predictor_close(predictor);
    assert_int_equal(signal_children(0, -1), 0); /* none is left */
    free(x);
    free(wanted);
    hp_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_as_one_call),
        cmocka_unit_test(one_thread_pushes_another_pulls),
        cmocka_unit_test(cancelled_from_another_thread),
        cmocka_unit_test(progress_cancels),
        cmocka_unit_test(wrong_batches_are_refused),
        cmocka_unit_test(killed_workers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

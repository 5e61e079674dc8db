/* test_exec_predict.c: predictions through the public interface: the same bytes however the work is dealt, errors that
 * name what was wrong, and no allocation once a plan exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include "hornpipe.h"

#define MODEL HP_SOURCE_DIR "/examples/mlp_10_64_64_1.keras"
#define CNN HP_SOURCE_DIR "/examples/digits_cnn.keras"

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

static void predict(hp_model *model, float *x, int64_t rows, int jobs, int64_t batch_size, float *y) {
    hp_array in = rows_array(x, rows), out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, 1}};
    hp_predict_options options = {.struct_size = sizeof options, .jobs = jobs, .batch_size = batch_size};
    hp_error error;
    if (hp_model_predict(model, &in, 1, &out, 1, &options, &error) != HP_OK) fail_msg("%s", error.message);
}

/* ---- the same bytes, however dealt */

static void same_bytes_for_every_split(void **state) {
    (void)state;
    enum { ROWS = 3001 };
    hp_model *model = open_model(MODEL);
    float *x = make_rows(ROWS * 10), *whole = malloc(ROWS * sizeof *whole), *other = malloc(ROWS * sizeof *other);
    predict(model, x, ROWS, 1, 0, whole);
    for (int i = 0; i < ROWS; i++) assert_true(whole[i] >= 0 && whole[i] <= 1);
    static const int jobs[] = {1, 2, 3, 7};
    static const int64_t batches[] = {0, 1, 5, 32, 1000, 5000};
    for (size_t j = 0; j < 4; j++)
        for (size_t b = 0; b < 6; b++) {
            memset(other, 0, ROWS * sizeof *other);
            predict(model, x, ROWS, jobs[j], batches[b], other);
            assert_memory_equal(whole, other, ROWS * sizeof *other);
        }
    for (int64_t first = 0, n = 1; first < ROWS; first += n, n = (n * 3 + 1) % 97 + 1) { /* uneven calls */
        if (n > ROWS - first) n = ROWS - first;
        predict(model, x + first * 10, n, 2, 0, other);
        assert_memory_equal(whole + first, other, (size_t)n * sizeof *other);
    }
    free(x);
    free(whole);
    free(other);
    hp_model_close(model);
}

static void same_bytes_for_shared_steps(void **state) {
    (void)state; /* one row on several workers: the steps are shared out */
    enum { ROWS = 5 };
    hp_model *model = open_model(CNN);
    hp_tensor_info info;
    assert_int_equal(hp_model_input(model, 0, &info, NULL), HP_OK);
    size_t row = 1;
    hp_array in = {.dtype = HP_FLOAT32, .rank = info.rank};
    for (int i = 1; i < info.rank; i++) row *= (size_t)(in.shape[i] = info.shape[i]);
    float *x = make_rows(ROWS * row);
    in.data = x;
    in.shape[0] = ROWS;
    hp_array whole = {0}, one = {0};
    hp_predict_options serial = {.struct_size = sizeof serial, .jobs = 1},
                       many = {.struct_size = sizeof many, .jobs = 6};
    assert_int_equal(hp_model_predict(model, &in, 1, &whole, 1, &serial, NULL), HP_OK);
    size_t classes = (size_t)whole.shape[1];
    in.shape[0] = 1;
    for (size_t i = 0; i < ROWS; i++) {
        in.data = x + i * row;
        assert_int_equal(hp_model_predict(model, &in, 1, &one, 1, &many, NULL), HP_OK);
        assert_memory_equal((float *)whole.data + i * classes, one.data, classes * sizeof(float));
        hp_array_free(&one);
    }
    hp_array_free(&whole);
    free(x);
    hp_model_close(model);
}

/* ---- kinds of arrays */

static void strides_and_dtypes(void **state) {
    (void)state;
    enum { ROWS = 130 };
    hp_model *model = open_model(MODEL);
    float *x = make_rows(ROWS * 10), wanted[ROWS], got[ROWS], column_major[10 * ROWS];
    double doubles[ROWS * 10];
    predict(model, x, ROWS, 1, 0, wanted);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < 10; c++) {
            column_major[c * ROWS + r] = x[r * 10 + c];
            doubles[r * 10 + c] = (double)x[r * 10 + c];
        }
    hp_array out = {.data = got, .dtype = HP_FLOAT32, .rank = 2, .shape = {ROWS, 1}};
    hp_array fortran = {.data = column_major,
        .dtype = HP_FLOAT32,
        .rank = 2,
        .shape = {ROWS, 10},
        .strides = {sizeof(float), ROWS * sizeof(float)}};
    assert_int_equal(hp_model_predict(model, &fortran, 1, &out, 1, NULL, NULL), HP_OK);
    assert_memory_equal(got, wanted, sizeof wanted);
    hp_array wide = {.data = doubles, .dtype = HP_FLOAT64, .rank = 2, .shape = {ROWS, 10}};
    assert_int_equal(hp_model_predict(model, &wide, 1, &out, 1, NULL, NULL), HP_OK);
    assert_memory_equal(got, wanted, sizeof wanted);
    hp_array backwards = rows_array(x, ROWS);
    backwards.data = x + (ROWS - 1) * 10;
    backwards.strides[0] = -(int64_t)(10 * sizeof(float));
    backwards.strides[1] = sizeof(float);
    assert_int_equal(hp_model_predict(model, &backwards, 1, &out, 1, NULL, NULL), HP_OK);
    for (int r = 0; r < ROWS; r++) assert_memory_equal(&got[r], &wanted[ROWS - 1 - r], sizeof(float));
    free(x);
    hp_model_close(model);
}

static void zero_rows(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    hp_array in = rows_array(NULL, 0), out = {0};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
    assert_int_equal(out.rank, 2);
    assert_int_equal(out.shape[0], 0);
    assert_int_equal(out.shape[1], 1);
    hp_array_free(&out);
    hp_model_close(model);
}

static void output_shapes_without_data(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    float one[10] = {0};
    hp_array in = rows_array(one, 7), out = {0};
    assert_int_equal(hp_model_output_shape(model, &in, 1, &out, 1, NULL), HP_OK);
    assert_int_equal(out.dtype, HP_FLOAT32);
    assert_int_equal(out.shape[0], 7);
    assert_int_equal(out.shape[1], 1);
    assert_null(out.data);
    hp_model_close(model);
}

static void inner_layer(void **state) {
    (void)state;
    hp_model *model;
    hp_model_options options = {.struct_size = sizeof options, .output_layer = "dense_2"};
    assert_int_equal(hp_model_open(MODEL, &options, &model, NULL), HP_OK);
    hp_tensor_info info;
    assert_int_equal(hp_model_output(model, 0, &info, NULL), HP_OK);
    assert_int_equal(info.shape[0], -1);
    assert_int_equal(info.shape[1], 64);
    float *x = make_rows(20);
    hp_array in = rows_array(x, 2), out = {0};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, NULL), HP_OK);
    assert_int_equal(out.shape[1], 64);
    for (int i = 0; i < 128; i++) assert_true(((float *)out.data)[i] >= 0); /* relu */
    hp_array_free(&out);
    hp_model_close(model);
    options.output_layer = "no_such_layer";
    hp_error error;
    assert_int_equal(hp_model_open(MODEL, &options, &model, &error), HP_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "no_such_layer"));
    free(x);
}

/* ---- an input that stands beside the rows */

static void mask_for_all_rows(void **state) {
    (void)state;
    hp_model *model =
        open_model(HP_SOURCE_DIR "/tests/data/mask_beside_rows.keras"); /* Softmax of (2, 3), mask (1, 3) */
    float x[6] = {1, 5, 2, 0, -3, 0}, mask[3] = {1, 0, 1}, y[6];
    hp_array in[2] = {{.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {2, 3}},
        {.data = mask, .dtype = HP_FLOAT32, .rank = 2, .shape = {1, 3}}};
    hp_array out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {2, 3}};
    assert_int_equal(hp_model_predict(model, in, 2, &out, 1, NULL, NULL), HP_OK);
    float wanted[6] = {1 / (1 + expf(1)), 0, 1 / (1 + expf(-1)), 0.5F, 0, 0.5F};
    for (int i = 0; i < 6; i++) assert_true(fabsf(y[i] - wanted[i]) < 1e-6F);
    hp_error error;
    in[1].shape[0] = 2;
    assert_int_equal(hp_model_predict(model, in, 2, &out, 1, NULL, &error), HP_ERROR_SHAPE);
    hp_model_close(model);
}

/* ---- errors */

static void wrong_shapes_are_named(void **state) {
    (void)state;
    hp_model *model = open_model(MODEL);
    float x[33] = {0}, y[3];
    hp_error error;
    hp_array in = {.data = x, .dtype = HP_FLOAT32, .rank = 2, .shape = {3, 11}}, out = {0};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, &error), HP_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "(3, 11)"));
    assert_non_null(strstr(error.message, "(None, 10)"));
    assert_null(out.data);
    in.shape[1] = 10;
    out = (hp_array){.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {3, 2}};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, &error), HP_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "(3, 2)"));
    out.shape[1] = 1;
    out.dtype = HP_FLOAT64;
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, NULL, &error), HP_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "float64"));
    assert_int_equal(hp_model_predict(model, &in, 2, &out, 1, NULL, &error), HP_ERROR_ARGUMENT);
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 2, NULL, &error), HP_ERROR_ARGUMENT);
    hp_predict_options options = {.struct_size = sizeof options, .jobs = -1};
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, &options, &error), HP_ERROR_ARGUMENT);
    hp_model_close(model);
}

static int stop_at_once(void *context, int64_t done, int64_t total) {
    int64_t *seen = context;
    seen[0] = done;
    seen[1] = total;
    return 1;
}

static void progress_stops(void **state) {
    (void)state;
    enum { ROWS = 200000 };
    hp_model *model = open_model(MODEL);
    float *x = make_rows(ROWS * 10);
    int64_t seen[2] = {-1, -1};
    hp_array in = rows_array(x, ROWS), out = {0};
    hp_predict_options options = {.struct_size = sizeof options, .progress = stop_at_once, .progress_context = seen};
    hp_error error;
    assert_int_equal(hp_model_predict(model, &in, 1, &out, 1, &options, &error), HP_ERROR_INTERRUPTED);
    assert_null(out.data);
    assert_int_equal(seen[1], ROWS);
    assert_true(seen[0] > 0 && seen[0] < ROWS);
    free(x);
    hp_model_close(model);
}

/* ---- no allocation once a plan exists */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static atomic_long allocations;

void *malloc(size_t size) {
    static void *(*next)(size_t);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    atomic_fetch_add(&allocations, 1);
    return next(size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    static void *(*next)(size_t, size_t);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "aligned_alloc");
    atomic_fetch_add(&allocations, 1);
    return next(alignment, size);
}

static void nothing_is_allocated_again(void **state) {
    (void)state;
    enum { ROWS = 5000 };
    hp_model *model = open_model(MODEL);
    float *x = make_rows(ROWS * 10), *y = malloc(ROWS * sizeof *y);
    hp_predict_options options = {.struct_size = sizeof options, .jobs = 2};
    hp_session *session;
    assert_int_equal(hp_session_open(model, &options, &session, NULL), HP_OK);
    long before = atomic_load(&allocations);
    for (int i = 0; i < 50; i++) {
        int64_t rows = i % 2 ? ROWS : 3;
        hp_array in = rows_array(x, rows), out = {.data = y, .dtype = HP_FLOAT32, .rank = 2, .shape = {rows, 1}};
        assert_int_equal(hp_session_predict(session, &in, 1, &out, 1, NULL), HP_OK);
        if (i == 3) before = atomic_load(&allocations); /* both sizes have been seen, threads are up */
    }
    assert_int_equal(atomic_load(&allocations), before);
    hp_session_close(session);
    free(x);
    free(y);
    hp_model_close(model);
}
#endif

/* ---- many threads, and fork */

typedef struct shared {
    hp_model *model;
    float *x, *wanted;
    int64_t rows;
    atomic_int wrong;
} shared;

static void *predict_again(void *arg) {
    shared *s = arg;
    float *y = malloc((size_t)s->rows * sizeof *y);
    for (int i = 0; i < 20; i++) {
        predict(s->model, s->x, s->rows, i % 3 + 1, 0, y);
        if (memcmp(y, s->wanted, (size_t)s->rows * sizeof *y) != 0) atomic_fetch_add(&s->wrong, 1);
    }
    free(y);
    return NULL;
}

static void one_model_many_threads(void **state) {
    (void)state;
    enum { ROWS = 777, THREADS = 5 };
    shared s = {
        .model = open_model(MODEL), .x = make_rows(ROWS * 10), .wanted = malloc(ROWS * sizeof(float)), .rows = ROWS};
    predict(s.model, s.x, ROWS, 1, 0, s.wanted);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, predict_again, &s);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s.wrong), 0);
    hp_model_close(s.model);
    free(s.x);
    free(s.wanted);
}

#ifndef __SANITIZE_THREAD__
static void forked_child_predicts(void **state) {
    (void)state;
    if (getenv("HORNPIPE_EMULATED")) skip(); /* qemu-user's own threads do not live through a fork */
    enum { ROWS = 40000 };
    shared s = {
        .model = open_model(MODEL), .x = make_rows(ROWS * 10), .wanted = malloc(ROWS * sizeof(float)), .rows = ROWS};
    predict(s.model, s.x, ROWS, 2, 0, s.wanted); /* threads of the gang are up when it forks */
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        predict_again(&s);
        _exit(atomic_load(&s.wrong) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    hp_model_close(s.model);
    free(s.x);
    free(s.wanted);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_for_every_split),
        cmocka_unit_test(same_bytes_for_shared_steps),
        cmocka_unit_test(strides_and_dtypes),
        cmocka_unit_test(zero_rows),
        cmocka_unit_test(output_shapes_without_data),
        cmocka_unit_test(inner_layer),
        cmocka_unit_test(mask_for_all_rows),
        cmocka_unit_test(wrong_shapes_are_named),
        cmocka_unit_test(progress_stops),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(nothing_is_allocated_again),
#endif
        cmocka_unit_test(one_model_many_threads),
#ifndef __SANITIZE_THREAD__
        cmocka_unit_test(forked_child_predicts),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

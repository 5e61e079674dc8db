/* many_calls.c: many small predictions: a session keeps its workspace, so a call allocates nothing.
 *
 *     many_calls MODEL [CALLS]        prints the microseconds of a call of one row */
#define _POSIX_C_SOURCE 199309L
#include <hornpipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    long calls = argc > 2 ? atol(argv[2]) : 100000;
    hp_error error;
    hp_model *model;
    hp_session *session;
    float row[10] = {0}, probability = 0;
    hp_array x = {.data = row, .dtype = HP_FLOAT32, .rank = 2, .shape = {1, 10}};
    hp_array y = {.data = &probability, .dtype = HP_FLOAT32, .rank = 2, .shape = {1, 1}};
    hp_predict_options one_thread = {.struct_size = sizeof one_thread, .jobs = 1};

    if (argc < 2 || calls < 1 || hp_model_open(argv[1], NULL, &model, &error) != HP_OK) {
        fprintf(stderr, "many_calls: %s\n", argc < 2 ? "usage: many_calls MODEL [CALLS]" : error.message);
        return 1;
    }
    hp_status status = hp_session_open(model, &one_thread, &session, &error);
    double start = seconds();
    for (long i = 0; i < calls && status == HP_OK; i++) {
        row[i % 10] = (float)(i % 7);
        status = hp_session_predict(session, &x, 1, &y, 1, &error);
    }
    if (status == HP_OK)
        printf("%ld calls, %.2f microseconds each, last probability %.6f\n", calls,
            (seconds() - start) / (double)calls * 1e6, (double)probability);
    else
        fprintf(stderr, "many_calls: %s: %s\n", error.where, error.message);
    hp_session_close(session);
    hp_model_close(model);
    return status == HP_OK ? 0 : 1;
}

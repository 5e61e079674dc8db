/* recorder.c: see recorder.h. */
#define _GNU_SOURCE
#include "graph/recorder.h"

#include <time.h>

int64_t hp_recorder_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void hp_recorder_note(hp_recorder *recorder, size_t step, double rows, int64_t begin) {
    int64_t end = hp_recorder_now();
    hp_step_sum *sum = &recorder->sums[step];
    sum->calls++;
    sum->nanoseconds += end - begin;
    sum->rows += rows;
    if (recorder->event_count < recorder->event_capacity)
        recorder->events[recorder->event_count++] = (hp_step_event){step, rows, begin, end};
}

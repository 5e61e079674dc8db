/* recorder.c: see recorder.h. */
#include "graph/recorder.h"

#include "base/clock.h"

void hp_recorder_note(hp_recorder *recorder, size_t step, double rows, int64_t begin) {
    int64_t end = hp_clock_now();
    hp_step_sum *sum = &recorder->sums[step];
    sum->calls++;
    sum->nanoseconds += end - begin;
    sum->rows += rows;
    if (recorder->event_count < recorder->event_capacity)
        recorder->events[recorder->event_count++] = (hp_step_event){step, rows, begin, end};
}

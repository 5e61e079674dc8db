/* recorder.h: what one worker notes while it runs a plan's steps, for profiles.
 *
 * Invariant: a recorder is written by one worker, and nothing is allocated while it notes. A run without one (NULL)
 * does not look at the clock. */
#ifndef HP_GRAPH_RECORDER_H
#define HP_GRAPH_RECORDER_H

#include <stddef.h>
#include <stdint.h>

/* All calls of one step. `rows`: a worker that computes a part of a step counts the same part of its rows. */
typedef struct hp_step_sum {
    int64_t calls, nanoseconds;
    double rows;
} hp_step_sum;

/* One call; times as hp_clock_now. */
typedef struct hp_step_event {
    size_t step;
    double rows;
    int64_t begin, end;
} hp_step_event;

typedef struct hp_recorder {
    hp_step_sum *sums;     /* by step */
    hp_step_event *events; /* the first ones, event_capacity at most */
    size_t event_count, event_capacity;
} hp_recorder;

/* A call of `step` that began at `begin` and ends now. */
void hp_recorder_note(hp_recorder *recorder, size_t step, double rows, int64_t begin);

#endif

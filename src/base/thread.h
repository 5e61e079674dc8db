/* thread.h: the thin shim between the library and POSIX threads, and hp_gang: workers that run one function together.
 *
 * Invariant: threads that the library starts have every signal blocked, so that a program's handlers run on its own
 * threads. Nothing here outlives what the caller released. */
#ifndef HP_BASE_THREAD_H
#define HP_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include "base/error.h"

/* ---- threads ---- */

typedef struct hp_thread {
    pthread_t handle;
} hp_thread;

/* Starts `run(arg)` on a thread of its own. `name` (static storage, at most 15 bytes) shows in debuggers. Fails with
 * HP_ERROR_NO_MEMORY where the system gives no thread. Each started thread is joined exactly once. */
hp_status hp_thread_start(hp_thread *thread, const char *name, void (*run)(void *arg), void *arg, hp_error *error);
/* Waits until it has returned. Not from the thread itself. */
void hp_thread_join(hp_thread *thread);

/* ---- locks ---- */

typedef struct hp_mutex {
    pthread_mutex_t handle;
} hp_mutex;
#define HP_MUTEX_INIT                                                                                                  \
    { PTHREAD_MUTEX_INITIALIZER }

typedef struct hp_condition {
    pthread_cond_t handle;
} hp_condition;

void hp_mutex_init(hp_mutex *mutex);
void hp_mutex_release(hp_mutex *mutex); /* nobody holds it */
void hp_mutex_lock(hp_mutex *mutex);    /* not by who holds it already */
void hp_mutex_unlock(hp_mutex *mutex);

void hp_condition_init(hp_condition *condition);
void hp_condition_release(hp_condition *condition); /* nobody waits */
/* Gives `mutex` (held by the caller) up, sleeps, and holds it again on return. May return with nothing said: look at
 * what was waited for in a loop. */
void hp_condition_wait(hp_condition *condition, hp_mutex *mutex);
/* The same for at most about `seconds`; false: nobody woke it before. */
bool hp_condition_wait_for(hp_condition *condition, hp_mutex *mutex, double seconds);
void hp_condition_signal(hp_condition *condition);    /* wakes one */
void hp_condition_broadcast(hp_condition *condition); /* wakes all */

typedef struct hp_once {
    pthread_once_t handle;
} hp_once;
#define HP_ONCE_INIT                                                                                                   \
    { PTHREAD_ONCE_INIT }
/* Calls `run` the first time; later calls return after that first one has. */
void hp_once_run(hp_once *once, void (*run)(void));

/* ---- gang ---- */

/* A gang keeps size - 1 threads that sleep between jobs. A job is one function that every worker runs; the calling
 * thread is worker 0, so a gang of 1 has no threads and costs nothing.
 *
 * Threads start with the first job that wants them and stay until hp_gang_free. After a fork the child's copy starts
 * its own with its first job: a gang may be made and used before and after. */
typedef struct hp_gang hp_gang;

/* What a worker does. `worker` counts from 0; `workers` is how many take part in this job. */
typedef void hp_gang_fn(void *arg, int worker, int workers);

/* A gang of at most `size` workers (from 1 to HP_CORES_MAX), the caller counted; NULL when out of memory. */
hp_gang *hp_gang_new(int size);
/* Ends the threads and waits for them. NULL: nothing. Nobody may be in hp_gang_run. */
void hp_gang_free(hp_gang *gang);
int hp_gang_size(const hp_gang *gang);

/* Runs run(arg, worker, n) once for each worker 0 .. n - 1 at the same time and returns when all have. n is `workers`,
 * or less: the gang's size, what threads the system gave, and 1 for a job inside a job of any gang. So `run` must
 * finish all of the work for any n >= 1. What was written before is seen by all workers; what they wrote is seen after.
 * Calls from several threads take turns. A wake-up costs about 1 microsecond while workers still spin (some 20
 * microseconds after a job; not at all where there are fewer cores than workers), else what the system's sleep costs. */
void hp_gang_run(hp_gang *gang, int workers, hp_gang_fn *run, void *arg);

#endif

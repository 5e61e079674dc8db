/* test_thread.c: threads, locks, and hp_gang: every worker exactly once, results seen, turns, nesting, forks. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/thread.h"

enum { MOST = 8 };

/* ---- threads and locks ---- */

typedef struct queue {
    hp_mutex mutex;
    hp_condition changed;
    int value, taken;
    sigset_t blocked;
} queue;

static void take(void *arg) {
    queue *q = arg;
    pthread_sigmask(SIG_SETMASK, NULL, &q->blocked);
    hp_mutex_lock(&q->mutex);
    while (!q->value) hp_condition_wait(&q->changed, &q->mutex);
    q->taken = q->value;
    hp_mutex_unlock(&q->mutex);
}

static void test_thread_waits_and_takes(void **state) {
    (void)state;
    queue q = {.mutex = HP_MUTEX_INIT};
    hp_condition_init(&q.changed);
    hp_thread thread;
    assert_int_equal(hp_thread_start(&thread, "taker", take, &q, NULL), HP_OK);
    hp_mutex_lock(&q.mutex);
    q.value = 42;
    hp_condition_broadcast(&q.changed);
    hp_mutex_unlock(&q.mutex);
    hp_thread_join(&thread);
    assert_int_equal(q.taken, 42);
    assert_true(sigismember(&q.blocked, SIGINT) && sigismember(&q.blocked, SIGTERM));
    sigset_t own;
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    assert_false(sigismember(&own, SIGINT));
    hp_condition_release(&q.changed);
    hp_mutex_release(&q.mutex);
}

/* The system's time, an hour ahead of what the kernel has: as if it was set back after a wait began. */
int clock_gettime(clockid_t clock, struct timespec *t) {
    int result = (int)syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_REALTIME) t->tv_sec += 3600;
    return result;
}

static void test_wait_ends_when_the_time_is_set_back(void **state) {
    (void)state;
    hp_mutex mutex = HP_MUTEX_INIT;
    hp_condition changed;
    hp_condition_init(&changed);
    hp_mutex_lock(&mutex);
    alarm(30); /* ends a wait of an hour, and the test with it */
    while (hp_condition_wait_for(&changed, &mutex, 0.01)) continue;
    alarm(0);
    hp_mutex_unlock(&mutex);
    hp_condition_release(&changed);
    hp_mutex_release(&mutex);
}

static int once_count;

static void count_once(void) {
    once_count++;
}

static void test_once(void **state) {
    (void)state;
    hp_once once = HP_ONCE_INIT;
    for (int i = 0; i < 3; i++) hp_once_run(&once, count_once);
    assert_int_equal(once_count, 1);
}

/* ---- gang ---- */

typedef struct tally {
    atomic_int calls[MOST];
    atomic_int workers;
    int plain[MOST]; /* not atomic: the gang itself must order these */
} tally;

static void tally_job(void *arg, int worker, int workers) {
    tally *t = arg;
    atomic_fetch_add(&t->calls[worker], 1);
    atomic_store(&t->workers, workers);
    t->plain[worker] += worker + 1;
}

static void check_tally(const tally *t, int workers, int times) {
    assert_int_equal(t->workers, workers);
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(t->calls[i], i < workers ? times : 0);
        assert_int_equal(t->plain[i], i < workers ? times * (i + 1) : 0);
    }
}

static void test_each_worker_once(void **state) {
    (void)state;
    for (int size = 1; size <= MOST; size++) {
        hp_gang *gang = hp_gang_new(size);
        assert_non_null(gang);
        assert_int_equal(hp_gang_size(gang), size);
        for (int workers = 1; workers <= size; workers++) {
            tally t = {0};
            for (int i = 0; i < 20; i++) hp_gang_run(gang, workers, tally_job, &t);
            check_tally(&t, workers, 20);
        }
        tally t = {0};
        hp_gang_run(gang, MOST + 5, tally_job, &t);
        check_tally(&t, size, 1);
        hp_gang_free(gang);
    }
    hp_gang_free(NULL);
}

static void test_unused_gang(void **state) {
    (void)state;
    hp_gang_free(hp_gang_new(MOST));
    hp_gang *gang = hp_gang_new(-3);
    assert_int_equal(hp_gang_size(gang), 1);
    hp_gang_free(gang);
}

/* Workers that take no part in most jobs, and others that do: no job may be missed or run twice. */
static void test_changing_sizes(void **state) {
    (void)state;
    hp_gang *gang = hp_gang_new(4);
    int expected[MOST] = {0};
    tally t = {0};
    for (int i = 0; i < 5000; i++) {
        int workers = 1 + (i * 7 + i / 5) % 4;
        hp_gang_run(gang, workers, tally_job, &t);
        for (int k = 0; k < workers; k++) expected[k]++;
        if (i % 1000 == 0) usleep(2000); /* let the workers fall asleep */
    }
    for (int k = 0; k < MOST; k++) assert_int_equal(t.calls[k], expected[k]);
    hp_gang_free(gang);
}

typedef struct nested {
    hp_gang *gang;
    atomic_int runs, workers;
} nested;

static void inner_job(void *arg, int worker, int workers) {
    (void)worker;
    nested *n = arg;
    atomic_fetch_add(&n->runs, 1);
    atomic_fetch_add(&n->workers, workers);
}

static void outer_job(void *arg, int worker, int workers) {
    (void)worker, (void)workers;
    nested *n = arg;
    hp_gang_run(n->gang, 3, inner_job, n);
}

static void test_job_inside_a_job_runs_alone(void **state) {
    (void)state;
    nested n = {.gang = hp_gang_new(3)};
    hp_gang_run(n.gang, 3, outer_job, &n);
    assert_int_equal(n.runs, 3);
    assert_int_equal(n.workers, 3);
    hp_gang_free(n.gang);
}

typedef struct caller {
    hp_gang *gang;
    atomic_int *sum;
} caller;

static void add_job(void *arg, int worker, int workers) {
    (void)workers;
    if (worker == 0) atomic_fetch_add((atomic_int *)arg, 1);
}

static void call_often(void *arg) {
    caller *c = arg;
    for (int i = 0; i < 500; i++) hp_gang_run(c->gang, 3, add_job, c->sum);
}

static void test_callers_take_turns(void **state) {
    (void)state;
    atomic_int sum = 0;
    caller c = {.gang = hp_gang_new(3), .sum = &sum};
    hp_thread threads[4];
    for (int i = 0; i < 4; i++) assert_int_equal(hp_thread_start(&threads[i], "caller", call_often, &c, NULL), HP_OK);
    for (int i = 0; i < 4; i++) hp_thread_join(&threads[i]);
    assert_int_equal(sum, 2000);
    hp_gang_free(c.gang);
}

#if !defined(__SANITIZE_THREAD__) /* which forbids threads after a fork of several */
typedef struct busy_caller {
    hp_gang *gang;
    atomic_int sum;
    atomic_bool stop;
    int runs;
} busy_caller;

static void call_until_told(void *arg) {
    busy_caller *c = arg;
    for (; !atomic_load(&c->stop); c->runs++) hp_gang_run(c->gang, 3, add_job, &c->sum);
}

/* Forks while another thread keeps the gang busy, so that the child's copy is caught half-way. AddressSanitizer's own lock
 * of its list of threads does not come through a fork: no thread may start or end meanwhile, so the gang's must have done
 * a job before the first fork (the second has begun), and the busy one goes on until the last. */
static void test_fork(void **state) {
    (void)state;
    if (getenv("HORNPIPE_EMULATED")) skip(); /* qemu-user cannot do it */
    busy_caller c = {.gang = hp_gang_new(3)};
    hp_thread busy;
    assert_int_equal(hp_thread_start(&busy, "busy", call_until_told, &c, NULL), HP_OK);
    while (atomic_load(&c.sum) < 2) sched_yield();
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(60); /* a deadlock ends the child, and the test */
            tally t = {0};
            for (int k = 0; k < 50; k++) hp_gang_run(c.gang, 3, tally_job, &t);
            int good = t.calls[0] == 50 && t.calls[1] == 50 && t.calls[2] == 50;
            hp_gang_free(c.gang);
            _exit(good ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&c.stop, true);
    hp_thread_join(&busy);
    assert_int_equal(c.sum, c.runs);
    tally t = {0};
    hp_gang_run(c.gang, 3, tally_job, &t);
    check_tally(&t, 3, 1);
    hp_gang_free(c.gang);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_waits_and_takes),
        cmocka_unit_test(test_wait_ends_when_the_time_is_set_back),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_each_worker_once),
        cmocka_unit_test(test_unused_gang),
        cmocka_unit_test(test_changing_sizes),
        cmocka_unit_test(test_job_inside_a_job_runs_alone),
        cmocka_unit_test(test_callers_take_turns),
#if !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(test_fork),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

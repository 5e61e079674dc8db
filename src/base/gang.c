/* gang.c: hp_gang of thread.h.
 *
 * One atomic word, `job`, tells the workers everything: a number that grows with each job, and how many take part.
 * A worker that takes part reads run and arg, which stay until the last worker has counted itself out of `pending`; one
 * that does not take part reads nothing but the word. Sleepers count themselves in `sleeping` before they look at the
 * word for the last time, and the caller looks at `sleeping` after it has changed the word, so no wake-up is lost (both
 * sides sequentially consistent).
 *
 * Fork: the child has a copy of the gang but none of its threads, and perhaps its locks half-way through something. A
 * handler counts forks; a gang that was made under another count is put back to "no threads" before its next use. */
#include "base/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include "base/cores.h"
#include "base/memory.h"

enum { WORKER_BITS = 16, QUIT = (1 << WORKER_BITS) - 1, SPINS = 2000 };

typedef struct member {
    hp_gang *gang;
    hp_thread thread;
    int worker;
    uint64_t seen; /* the job word when the thread was started */
} member;

struct hp_gang {
    int size, started; /* started: threads there are, under `turn` */
    int spins;
    atomic_uint forks; /* of which process the threads and locks are */
    hp_mutex turn;     /* held during a job */
    hp_mutex lock;     /* of the two conditions */
    hp_condition wake, done;
    _Atomic uint64_t job; /* number << WORKER_BITS | workers, or QUIT */
    atomic_int pending;   /* workers of this job that have not finished, the caller not counted */
    atomic_int sleeping;  /* workers that wait for `wake` */
    atomic_bool waiting;  /* the caller waits for `done` */
    hp_gang_fn *run;
    void *arg;
    member members[]; /* [0] unused: the caller */
};

static hp_once fork_once = HP_ONCE_INIT;
static hp_mutex fork_lock = HP_MUTEX_INIT; /* nobody changes a gang's `forks` while a fork happens */
static atomic_uint fork_count;
static _Thread_local bool inside; /* this thread runs a job */

static void before_fork(void) {
    hp_mutex_lock(&fork_lock);
}

static void after_fork_in_parent(void) {
    hp_mutex_unlock(&fork_lock);
}

static void after_fork_in_child(void) {
    atomic_fetch_add(&fork_count, 1);
    inside = false;
    hp_mutex_unlock(&fork_lock);
}

static void watch_forks(void) {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* The gang with no threads and fresh locks. */
static void reset(hp_gang *gang) {
    gang->started = 1;
    hp_mutex_init(&gang->turn);
    hp_mutex_init(&gang->lock);
    hp_condition_init(&gang->wake);
    hp_condition_init(&gang->done);
    atomic_store(&gang->pending, 0);
    atomic_store(&gang->sleeping, 0);
    atomic_store(&gang->waiting, false);
    atomic_store(&gang->forks, atomic_load(&fork_count));
}

hp_gang *hp_gang_new(int size) {
    if (size < 1) size = 1;
    if (size > HP_CORES_MAX) size = HP_CORES_MAX;
    hp_once_run(&fork_once, watch_forks);
    hp_gang *gang = hp_alloc_array(1, sizeof *gang + (size_t)size * sizeof *gang->members);
    if (!gang) return NULL;
    gang->size = size;
    gang->spins = hp_cores_affinity() >= size ? SPINS : 0;
    reset(gang);
    return gang;
}

int hp_gang_size(const hp_gang *gang) {
    return gang->size;
}

/* Waits until the job word is not `seen` and returns it. */
static uint64_t next_job(hp_gang *gang, uint64_t seen) {
    for (int i = 0; i < gang->spins; i++) {
        uint64_t job = atomic_load_explicit(&gang->job, memory_order_acquire);
        if (job != seen) return job;
        relax();
    }
    hp_mutex_lock(&gang->lock);
    atomic_fetch_add(&gang->sleeping, 1);
    uint64_t job;
    while ((job = atomic_load(&gang->job)) == seen) hp_condition_wait(&gang->wake, &gang->lock);
    atomic_fetch_sub(&gang->sleeping, 1);
    hp_mutex_unlock(&gang->lock);
    return job;
}

static void member_main(void *opaque) {
    member *me = opaque;
    hp_gang *gang = me->gang;
    uint64_t seen = me->seen;
    inside = true;
    for (;;) {
        seen = next_job(gang, seen);
        int workers = (int)(seen & QUIT);
        if (workers == QUIT) return;
        if (me->worker >= workers) continue;
        gang->run(gang->arg, me->worker, workers);
        if (atomic_fetch_sub(&gang->pending, 1) == 1 && atomic_load(&gang->waiting)) {
            hp_mutex_lock(&gang->lock);
            hp_condition_signal(&gang->done);
            hp_mutex_unlock(&gang->lock);
        }
    }
}

/* Gives the workers a new job word. */
static void post(hp_gang *gang, int workers) {
    uint64_t number = (atomic_load(&gang->job) >> WORKER_BITS) + 1;
    atomic_store(&gang->job, number << WORKER_BITS | (uint64_t)workers);
    if (!atomic_load(&gang->sleeping)) return;
    hp_mutex_lock(&gang->lock);
    hp_condition_broadcast(&gang->wake);
    hp_mutex_unlock(&gang->lock);
}

static void wait_for_workers(hp_gang *gang) {
    for (int i = 0; i < gang->spins; i++) {
        if (!atomic_load_explicit(&gang->pending, memory_order_acquire)) return;
        relax();
    }
    hp_mutex_lock(&gang->lock);
    atomic_store(&gang->waiting, true);
    while (atomic_load(&gang->pending)) hp_condition_wait(&gang->done, &gang->lock);
    atomic_store(&gang->waiting, false);
    hp_mutex_unlock(&gang->lock);
}

/* Puts a gang that came through a fork in order. */
static void check_fork(hp_gang *gang) {
    if (atomic_load(&gang->forks) == atomic_load(&fork_count)) return;
    hp_mutex_lock(&fork_lock);
    if (atomic_load(&gang->forks) != atomic_load(&fork_count)) reset(gang);
    hp_mutex_unlock(&fork_lock);
}

/* Has threads for as many of `workers` as the system gives; how many there are, the caller counted. */
static int start_members(hp_gang *gang, int workers) {
    while (gang->started < workers) {
        member *next = &gang->members[gang->started];
        *next = (member){.gang = gang, .worker = gang->started, .seen = atomic_load(&gang->job)};
        if (hp_thread_start(&next->thread, "hornpipe", member_main, next, NULL) != HP_OK) break;
        gang->started++;
    }
    return gang->started < workers ? gang->started : workers;
}

void hp_gang_run(hp_gang *gang, int workers, hp_gang_fn *run, void *arg) {
    if (workers > gang->size) workers = gang->size;
    if (workers <= 1 || inside) {
        run(arg, 0, 1);
        return;
    }
    check_fork(gang);
    hp_mutex_lock(&gang->turn);
    workers = start_members(gang, workers);
    gang->run = run;
    gang->arg = arg;
    atomic_store(&gang->pending, workers - 1);
    if (workers > 1) post(gang, workers);
    inside = true;
    run(arg, 0, workers);
    inside = false;
    if (workers > 1) wait_for_workers(gang);
    hp_mutex_unlock(&gang->turn);
}

void hp_gang_free(hp_gang *gang) {
    if (!gang) return;
    check_fork(gang);
    if (gang->started > 1) post(gang, QUIT);
    for (int i = 1; i < gang->started; i++) hp_thread_join(&gang->members[i].thread);
    hp_condition_release(&gang->wake);
    hp_condition_release(&gang->done);
    hp_mutex_release(&gang->turn);
    hp_mutex_release(&gang->lock);
    hp_free(gang);
}

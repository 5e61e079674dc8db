/* thread.c: threads, locks and once of thread.h, directly over POSIX. */
#define _GNU_SOURCE
#include "base/thread.h"

#include <signal.h>
#include <time.h>
#include "base/memory.h"

typedef struct start {
    void (*run)(void *arg);
    void *arg;
    const char *name;
} start;

static void *thread_main(void *opaque) {
    start job = *(start *)opaque;
    hp_free(opaque);
    pthread_setname_np(pthread_self(), job.name);
    job.run(job.arg);
    return NULL;
}

hp_status hp_thread_start(hp_thread *thread, const char *name, void (*run)(void *arg), void *arg, hp_error *error) {
    start *job = HP_NEW(start);
    HP_ALLOCATED(job, error);
    *job = (start){.run = run, .arg = arg, .name = name};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->handle, NULL, thread_main, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed) return HP_OK;
    hp_free(job);
    HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "the system gave no further thread (error %d)", failed);
}

void hp_thread_join(hp_thread *thread) {
    pthread_join(thread->handle, NULL);
}

void hp_mutex_init(hp_mutex *mutex) {
    pthread_mutex_init(&mutex->handle, NULL);
}

void hp_mutex_release(hp_mutex *mutex) {
    pthread_mutex_destroy(&mutex->handle);
}

void hp_mutex_lock(hp_mutex *mutex) {
    pthread_mutex_lock(&mutex->handle);
}

void hp_mutex_unlock(hp_mutex *mutex) {
    pthread_mutex_unlock(&mutex->handle);
}

void hp_condition_init(hp_condition *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* a clock that is set back would make a wait long */
    pthread_cond_init(&condition->handle, &attributes);
    pthread_condattr_destroy(&attributes);
}

void hp_condition_release(hp_condition *condition) {
    pthread_cond_destroy(&condition->handle);
}

void hp_condition_wait(hp_condition *condition, hp_mutex *mutex) {
    pthread_cond_wait(&condition->handle, &mutex->handle);
}

bool hp_condition_wait_for(hp_condition *condition, hp_mutex *mutex, double seconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double nanoseconds = (double)until.tv_nsec + seconds * 1e9;
    until.tv_sec += (time_t)(nanoseconds / 1e9);
    until.tv_nsec = (long)(nanoseconds - 1e9 * (double)(time_t)(nanoseconds / 1e9));
    return pthread_cond_timedwait(&condition->handle, &mutex->handle, &until) == 0;
}

void hp_condition_signal(hp_condition *condition) {
    pthread_cond_signal(&condition->handle);
}

void hp_condition_broadcast(hp_condition *condition) {
    pthread_cond_broadcast(&condition->handle);
}

void hp_once_run(hp_once *once, void (*run)(void)) {
    pthread_once(&once->handle, run);
}

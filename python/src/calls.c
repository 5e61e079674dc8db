/* calls.c: long calls let go of the interpreter; now and then they come back to it, to see whether they are to stop. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "binding.h"

static const double LOOK_EVERY = 0.05; /* seconds */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void call_begin(call_watch *watch, PyObject *progress) {
    *watch = (call_watch){.progress = progress ? progress : Py_None, .next = now() + LOOK_EVERY};
    watch->thread = PyEval_SaveThread();
}

void call_end(call_watch *watch) {
    PyEval_RestoreThread(watch->thread);
}

int call_progress(void *context, int64_t done, int64_t total) {
    call_watch *watch = context;
    double time = now();
    if (watch->failed) return 1;
    if (time < watch->next) return 0;
    watch->next = time + LOOK_EVERY;
    PyEval_RestoreThread(watch->thread);
    watch->failed = PyErr_CheckSignals() != 0;
    if (!watch->failed && watch->progress != Py_None) {
        PyObject *result = PyObject_CallFunction(watch->progress, "LL", (long long)done, (long long)total);
        watch->failed = result == NULL;
        Py_XDECREF(result);
    }
    watch->thread = PyEval_SaveThread();
    return watch->failed;
}

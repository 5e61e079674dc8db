/* machine.c: what the advanced tier of hornpipe.h tells about this machine and build. */
#define _GNU_SOURCE
#include <time.h>

#include "base/cores.h"
#include "hornpipe.h"
#include "kernels/kernels.h"

const char *hp_version(void) {
    return HP_VERSION;
}

int hp_core_count(void) {
    hp_cores cores;
    hp_cores_find(NULL, &cores);
    return cores.usable;
}

const char *hp_isa_name(size_t index, int *usable) {
    const char *name = hp_kernels_isa_name(index);
    if (usable) *usable = name && hp_kernels_isa_usable(index);
    return name;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double hp_measure_peak(const char *isa) {
    const hp_kernels *kernels = hp_kernels_select(isa);
    if (!kernels) return 0;
    double best = 0, start = now(), before = start;
    do { /* the best of short runs: an interruption spoils only its own */
        double operations = kernels->fma_peak(50000), after = now(), speed = operations / (after - before);
        if (speed > best) best = speed;
        before = after;
    } while (before - start < 0.02);
    return best;
}

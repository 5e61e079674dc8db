/* machine.c: what the advanced tier of hornpipe.h tells about this machine and build. */
#define _GNU_SOURCE
#include <time.h>

#include <stdio.h>

#include "base/cores.h"
#include "base/topology.h"
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

void hp_describe_cores(char *text, size_t size) {
    hp_cores cores;
    hp_topology topology;
    char set[48] = "no CPU set", quota[48] = "no quota", asked[64] = "";
    hp_cores_find(NULL, &cores);
    hp_topology_find(NULL, &topology);
    if (cores.cpuset) snprintf(set, sizeof set, "CPU set of %d", cores.cpuset);
    if (cores.quota > 0) snprintf(quota, sizeof quota, "quota of %.3g CPUs", cores.quota);
    if (cores.requested > 0) snprintf(asked, sizeof asked, ", HORNPIPE_NUM_THREADS=%d", cores.requested);
    if (cores.requested < 0) snprintf(asked, sizeof asked, ", HORNPIPE_NUM_THREADS is no such number");
    snprintf(text, size, "%d usable: affinity to %d, %s, %s%s; %d hardware threads of %d cores, %d NUMA node%s",
        cores.usable, cores.affinity, set, quota, asked, topology.threads, topology.cores, topology.nodes,
        topology.nodes == 1 ? "" : "s");
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

/* machine.c: what the advanced tier of hornpipe.h tells about this machine and build. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cores.h"
#include "base/nodes.h"
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

/* Which workers are where, if there is a choice. */
static void describe_nodes(int workers, char *text, size_t size) {
    int nodes = hp_nodes_count(), there = hp_topology_nodes(NULL);
    if (nodes < 2) {
        snprintf(text, size, "%d NUMA node%s%s", there, there == 1 ? "" : "s",
            there == 1 ? "" : ", which cannot be told apart without hwloc");
        return;
    }
    snprintf(text, size, "%d NUMA nodes", nodes);
    for (int first = 0, next; first < workers; first = next) {
        int node = hp_nodes_of_worker(first, workers);
        for (next = first + 1; next < workers && hp_nodes_of_worker(next, workers) == node;) next++;
        size_t n = strlen(text);
        snprintf(text + n, size - n, "%s workers %d to %d on node %d", first ? "," : ":", first, next - 1, node);
    }
    size_t n = strlen(text);
    if (workers > 1) snprintf(text + n, size - n, ", each node with packed weights of its own");
}

void hp_describe_cores(int jobs, char *text, size_t size) {
    hp_cores cores;
    hp_topology topology;
    char set[48] = "no CPU set", quota[48] = "no quota", asked[64] = "", nodes[1024];
    hp_cores_find(NULL, &cores);
    hp_topology_find(NULL, &topology);
    if (cores.cpuset) snprintf(set, sizeof set, "CPU set of %d", cores.cpuset);
    if (cores.quota > 0) snprintf(quota, sizeof quota, "quota of %.3g CPUs", cores.quota);
    if (cores.requested > 0) snprintf(asked, sizeof asked, ", HORNPIPE_NUM_THREADS=%d", cores.requested);
    if (cores.requested < 0) snprintf(asked, sizeof asked, ", HORNPIPE_NUM_THREADS is no such number");
    describe_nodes(jobs > 0 ? jobs : cores.usable, nodes, sizeof nodes);
    snprintf(text, size, "%d usable: affinity to %d, %s, %s%s; %d hardware threads of %d cores, %s", cores.usable,
        cores.affinity, set, quota, asked, topology.threads, topology.cores, nodes);
}

const char *hp_isa_name(size_t index, int *usable) {
    const char *name = hp_kernels_isa_name(index);
    if (usable) *usable = name && hp_kernels_isa_usable(index);
    return name;
}

double hp_measure_peak(const char *isa) {
    const hp_kernels *kernels = hp_kernels_select(isa);
    if (!kernels) return 0;
    double best = 0;
    int64_t start = hp_clock_now(), before = start;
    do { /* the best of short runs: an interruption spoils only its own */
        double operations = kernels->fma_peak(50000);
        int64_t after = hp_clock_now();
        double speed = operations / ((double)(after - before) * 1e-9);
        if (speed > best) best = speed;
        before = after;
    } while (before - start < 20000000);
    return best;
}

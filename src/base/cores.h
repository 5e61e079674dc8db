/* cores.h: how many cores this process may use, and how large their caches are.
 *
 * Invariant: the answer is never more than what the scheduler would give: the least of the affinity mask, the cgroup's
 * CPU set and the cgroup's quota of CPU time, and never less than 1. Only HORNPIPE_NUM_THREADS overrules it. */
#ifndef HP_BASE_CORES_H
#define HP_BASE_CORES_H

#include <stddef.h>

/* What was found and what follows from it. All but `usable` are there so that a command can say why. */
typedef struct hp_cores {
    int usable;    /* the answer, at least 1 */
    int affinity;  /* CPUs in the calling thread's affinity mask; 0: unknown */
    int cpuset;    /* CPUs in the cgroup's CPU set; 0: there is none */
    double quota;  /* CPUs' worth of time that the cgroup and its ancestors allow (1.5); 0: no limit */
    int requested; /* HORNPIPE_NUM_THREADS; 0: not set; -1: set, but no whole number from 1 to HP_CORES_MAX */
} hp_cores;

/* The largest number of workers that can be asked for. */
#define HP_CORES_MAX 4096

/* Finds the usable cores: min(affinity, CPU set, quota rounded up), or HORNPIPE_NUM_THREADS where that is set.
 * `root`: "" or NULL for this machine; a directory with proc/self/{status,cgroup,mountinfo} and the mounted cgroup
 * files below it for tests (the affinity is then read from its proc/self/status). cgroup v1, v2 and both at once are
 * understood; files that are missing or not understood count as no limit. Reads files on each call (about 0.1 ms): ask
 * once. Thread-safe as long as nobody changes the environment. */
void hp_cores_find(const char *root, hp_cores *cores);

/* CPUs in the calling thread's affinity mask; 0: unknown. One system call. */
int hp_cores_affinity(void);

/* Sizes in bytes of the data caches that the first CPU sees. */
typedef struct hp_caches {
    size_t level1; /* data */
    size_t level2;
    size_t level3; /* 0: there is none, or it is not known */
} hp_caches;

/* Reads them from `root`/sys/devices/system/cpu/cpu0/cache (`root` as above). What the system does not tell is 32 KiB,
 * 512 KiB and 0. */
void hp_caches_find(const char *root, hp_caches *caches);

#endif

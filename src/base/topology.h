/* topology.h: cores, hardware threads and NUMA nodes among the CPUs that this process may use.
 *
 * The kernel's own files say all that is needed, so no library is: /sys/devices/system/{cpu,node}. What they do not tell is
 * one thread a core and one node. */
#ifndef HP_BASE_TOPOLOGY_H
#define HP_BASE_TOPOLOGY_H

typedef struct hp_topology {
    int threads; /* CPUs in the affinity mask; at least 1 */
    int cores;   /* that these are hardware threads of; at least 1 */
    int nodes;   /* NUMA nodes with CPUs, in the whole machine; at least 1 */
} hp_topology;

/* Reads it below `root` (as hp_cores_find). */
void hp_topology_find(const char *root, hp_topology *topology);

/* Binds the calling thread to those of its CPUs that belong to node number `turn` modulo the number of nodes. Nothing
 * where there is one node, or none of its CPUs on that one. */
void hp_topology_bind(int turn);

#endif

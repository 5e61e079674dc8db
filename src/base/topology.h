/* topology.h: cores, hardware threads and NUMA nodes among the CPUs that this process may use.
 *
 * What there is, the kernel's own files say: /sys/devices/system/{cpu,node}. What they do not tell is one thread a core and
 * one node. Putting something on a node is nodes.h. */
#ifndef HP_BASE_TOPOLOGY_H
#define HP_BASE_TOPOLOGY_H

typedef struct hp_topology {
    int threads; /* CPUs in the affinity mask; at least 1 */
    int cores;   /* that these are hardware threads of; at least 1 */
    int nodes;   /* NUMA nodes with CPUs, in the whole machine; at least 1 */
} hp_topology;

/* Reads it below `root` (as hp_cores_find). */
void hp_topology_find(const char *root, hp_topology *topology);

/* The number of nodes alone: one file is read. */
int hp_topology_nodes(const char *root);

#endif

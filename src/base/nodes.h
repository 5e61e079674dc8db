/* nodes.h: the NUMA nodes of this machine, and what is put on which: workers, and memory that they read.
 *
 * Where the kernel tells of one node, that is all there is to know, and nothing is loaded. Where there are several, hwloc
 * is (at run time: a build without it, or a machine that lacks it, has one node as well). What hwloc is told of by
 * HWLOC_SYNTHETIC or HWLOC_XMLFILE counts as there; then nothing is bound, as it is not this machine.
 *
 * Invariant: nodes are numbered from 0, and each has CPUs that this process may use. The answers never change. */
#ifndef HP_BASE_NODES_H
#define HP_BASE_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HP_NODES_MOST = 64 };

/* How many there are, from 1 to HP_NODES_MOST. Thread-safe; the first call looks, and takes some milliseconds where there
 * are several. */
int hp_nodes_count(void);

/* The node that worker `worker` of `workers` belongs to: equal shares of neighbours. Worker 0 is on node 0. */
int hp_nodes_of_worker(int worker, int workers);

/* Those of all of them: bit n for node n. One worker asks for nothing to be looked up. */
uint64_t hp_nodes_of_workers(int workers);

/* Binds the calling thread, one of the library's own, to the CPUs of a node that it may use. A thread that is bound there
 * already costs nothing. Does nothing where there is one node. */
void hp_nodes_bind_thread(int node);

/* Has the whole pages within a block of memory lie on the node, now and when they are first touched. Does nothing where there
 * is one node; where it is not possible the memory stays where it is. */
void hp_nodes_place(int node, void *memory, size_t bytes);

#endif

/* nodes.c: see nodes.h. */
#define _GNU_SOURCE
#include "base/nodes.h"

#include "base/thread.h"
#include "base/topology.h"

int hp_nodes_of_worker(int worker, int workers) {
    int nodes = hp_nodes_count();
    return workers > 0 ? (int)((int64_t)worker * nodes / workers) : 0;
}

uint64_t hp_nodes_of_workers(int workers) {
    uint64_t nodes = 1;
    for (int worker = 1; worker < workers && hp_nodes_count() > 1; worker++)
        nodes |= (uint64_t)1 << hp_nodes_of_worker(worker, workers);
    return nodes;
}

#ifdef HP_WITH_HWLOC

#include <dlfcn.h>
#include <hwloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is used of the library, which is opened when it is needed. */
static struct {
    int (*topology_init)(hwloc_topology_t *topology);
    int (*topology_load)(hwloc_topology_t topology);
    void (*topology_destroy)(hwloc_topology_t topology);
    int (*get_nbobjs_by_depth)(hwloc_topology_t topology, int depth);
    hwloc_obj_t (*get_obj_by_depth)(hwloc_topology_t topology, int depth, unsigned index);
    hwloc_bitmap_t (*bitmap_alloc)(void);
    void (*bitmap_free)(hwloc_bitmap_t bitmap);
    int (*bitmap_and)(hwloc_bitmap_t result, hwloc_const_bitmap_t a, hwloc_const_bitmap_t b);
    int (*bitmap_iszero)(hwloc_const_bitmap_t bitmap);
    int (*get_cpubind)(hwloc_topology_t topology, hwloc_bitmap_t set, int flags);
    int (*set_cpubind)(hwloc_topology_t topology, hwloc_const_cpuset_t set, int flags);
    int (*set_area_membind)(hwloc_topology_t topology, const void *address, size_t bytes, hwloc_const_bitmap_t set,
        hwloc_membind_policy_t policy, int flags);
} api;

#define SYMBOL(name)                                                                                                   \
    { "hwloc_" #name, &api.name }
static const struct {
    const char *name;
    void *place;
} symbols[] = {SYMBOL(topology_init), SYMBOL(topology_load), SYMBOL(topology_destroy), SYMBOL(get_nbobjs_by_depth),
    SYMBOL(get_obj_by_depth), SYMBOL(bitmap_alloc), SYMBOL(bitmap_free), SYMBOL(bitmap_and), SYMBOL(bitmap_iszero),
    SYMBOL(get_cpubind), SYMBOL(set_cpubind), SYMBOL(set_area_membind)};
#undef SYMBOL

static hp_once once = HP_ONCE_INIT;
static hwloc_topology_t topology; /* for as long as the process lives */
static struct {
    hwloc_bitmap_t cpus; /* that this process may use */
    hwloc_const_bitmap_t memory;
} nodes[HP_NODES_MOST];
static int count = 1;
static _Thread_local int bound = -1;

static bool load_api(void) {
    void *library = dlopen("libhwloc.so.15", RTLD_NOW | RTLD_LOCAL); /* hwloc 2 */
    for (size_t i = 0; library && i < sizeof symbols / sizeof *symbols; i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol) return false;
        memcpy(symbols[i].place, &symbol, sizeof symbol);
    }
    return library != NULL;
}

/* The next node, if there are CPUs on it that may be used. */
static void add_node(hwloc_const_bitmap_t usable, hwloc_obj_t node, int *found) {
    hwloc_bitmap_t cpus = node && node->cpuset ? api.bitmap_alloc() : NULL;
    if (!cpus) return;
    if (api.bitmap_and(cpus, usable, node->cpuset) != 0 || api.bitmap_iszero(cpus)) {
        api.bitmap_free(cpus);
        return;
    }
    nodes[*found].cpus = cpus;
    nodes[(*found)++].memory = node->nodeset;
}

static void look(void) {
    if (hp_topology_nodes(NULL) < 2 && !getenv("HWLOC_SYNTHETIC") && !getenv("HWLOC_XMLFILE")) return;
    if (!load_api() || api.topology_init(&topology) != 0) return;
    hwloc_bitmap_t usable = api.bitmap_alloc();
    int found = 0;
    if (usable && api.topology_load(topology) == 0 && api.get_cpubind(topology, usable, HWLOC_CPUBIND_THREAD) == 0) {
        int all = api.get_nbobjs_by_depth(topology, HWLOC_TYPE_DEPTH_NUMANODE);
        for (int i = 0; i < all && found < HP_NODES_MOST; i++)
            add_node(usable, api.get_obj_by_depth(topology, HWLOC_TYPE_DEPTH_NUMANODE, (unsigned)i), &found);
    }
    api.bitmap_free(usable);
    if (found > 0)
        count = found;
    else
        api.topology_destroy(topology);
}

int hp_nodes_count(void) {
    hp_once_run(&once, look);
    return count;
}

void hp_nodes_bind_thread(int node) {
    if (hp_nodes_count() < 2 || bound == node) return;
    api.set_cpubind(topology, nodes[node].cpus, HWLOC_CPUBIND_THREAD);
    bound = node;
}

void hp_nodes_place(int node, void *memory, size_t bytes) {
    if (hp_nodes_count() < 2) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = ((uintptr_t)memory + page - 1) / page * page,
              end = ((uintptr_t)memory + bytes) / page * page;
    if (begin >= end) return;
    api.set_area_membind(topology, (void *)begin, end - begin, nodes[node].memory, HWLOC_MEMBIND_BIND,
        HWLOC_MEMBIND_BYNODESET | HWLOC_MEMBIND_MIGRATE);
}

#else

int hp_nodes_count(void) {
    return 1;
}

void hp_nodes_bind_thread(int node) {
    (void)node;
}

void hp_nodes_place(int node, void *memory, size_t bytes) {
    (void)node, (void)memory, (void)bytes;
}

#endif

/* topology.c: see topology.h. */
#define _GNU_SOURCE
#include "base/topology.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CPUS = 8192, LIST_SIZE = 16384 };

typedef struct cpu_list {
    bool has[MOST_CPUS];
    int count;
} cpu_list;

/* The CPUs of a list like "0-3,8"; what is no such list is empty. */
static void parse_list(const char *text, cpu_list *list) {
    memset(list, 0, sizeof *list);
    while (*text && *text != '\n') {
        char *end;
        long first = strtol(text, &end, 10), last = first;
        if (end == text) return;
        if (*end == '-') {
            text = end + 1;
            last = strtol(text, &end, 10);
            if (end == text) return;
        }
        for (long cpu = first; cpu >= 0 && cpu <= last && cpu < MOST_CPUS; cpu++) {
            list->count += !list->has[cpu];
            list->has[cpu] = true;
        }
        text = *end == ',' ? end + 1 : end;
    }
}

static bool read_list(const char *root, const char *path, cpu_list *list) {
    char full[PATH_MAX], text[LIST_SIZE];
    memset(list, 0, sizeof *list);
    if (snprintf(full, sizeof full, "%s%s", root, path) >= (int)sizeof full) return false;
    FILE *file = fopen(full, "re");
    if (!file) return false;
    bool found = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    if (found) parse_list(text, list);
    return found;
}

static void read_allowed(const char *root, cpu_list *list) {
    static const char key[] = "Cpus_allowed_list:";
    char full[PATH_MAX], line[LIST_SIZE];
    memset(list, 0, sizeof *list);
    if (snprintf(full, sizeof full, "%s/proc/self/status", root) >= (int)sizeof full) return;
    FILE *file = fopen(full, "re");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, key, sizeof key - 1))
            parse_list(line + sizeof key - 1 + strspn(line + sizeof key - 1, " \t"), list);
    if (file) fclose(file);
}

/* Whether no other of the allowed CPUs comes before this one among the threads of its core. */
static bool is_first_thread(const char *root, int cpu, const cpu_list *allowed, cpu_list *siblings) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    if (!read_list(root, path, siblings)) return true;
    for (int other = 0; other < cpu; other++)
        if (siblings->has[other] && allowed->has[other]) return false;
    return true;
}

void hp_topology_find(const char *root, hp_topology *topology) {
    cpu_list allowed, other;
    if (!root) root = "";
    *topology = (hp_topology){.threads = 1, .cores = 1};
    read_allowed(root, &allowed);
    int cores = 0;
    for (int cpu = 0; cpu < MOST_CPUS && allowed.count > 0; cpu++)
        if (allowed.has[cpu]) cores += is_first_thread(root, cpu, &allowed, &other);
    if (allowed.count > 0) topology->threads = allowed.count;
    if (cores > 0) topology->cores = cores;
    topology->nodes = hp_topology_nodes(root);
}

int hp_topology_nodes(const char *root) {
    cpu_list nodes;
    return read_list(root ? root : "", "/sys/devices/system/node/has_cpu", &nodes) && nodes.count > 0 ? nodes.count : 1;
}

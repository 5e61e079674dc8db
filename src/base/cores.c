/* cores.c: see cores.h. Reads /proc/self and the cgroup files; every text from there is taken as data that may hold
 * anything: what does not parse is no limit. */
#define _GNU_SOURCE
#include "base/cores.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opens root + path; NULL when it is not there. */
static FILE *open_below(const char *root, const char *path) {
    char full[2 * PATH_MAX];
    int n = snprintf(full, sizeof full, "%s%s", root, path);
    return n > 0 && (size_t)n < sizeof full ? fopen(full, "re") : NULL;
}

/* The first line of a file without its newline; false when there is none. */
static bool read_line(const char *root, const char *directory, const char *name, char *line, size_t size) {
    char path[PATH_MAX + 64];
    int n = snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = n > 0 && (size_t)n < sizeof path ? open_below(root, path) : NULL;
    if (!file) return false;
    bool found = fgets(line, (int)size, file) != NULL;
    fclose(file);
    if (found) line[strcspn(line, "\n")] = '\0';
    return found;
}

/* How many CPUs a list like "0-3,8,10-11" names; 0 when it is empty or no such list. */
static int count_list(const char *text) {
    long count = 0;
    while (*text && *text != '\n') {
        char *end;
        long first = strtol(text, &end, 10), last = first;
        if (end == text || first < 0) return 0;
        if (*end == '-') {
            text = end + 1;
            last = strtol(text, &end, 10);
            if (end == text || last < first) return 0;
        }
        if (last - first >= INT_MAX - count) return 0;
        count += last - first + 1;
        if (*end == ',')
            end++;
        else if (*end && *end != '\n')
            return 0;
        text = end;
    }
    return (int)count;
}

int hp_cores_affinity(void) {
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) { /* the kernel refuses a mask smaller than its own */
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set) return 0;
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        int failed = sched_getaffinity(0, bytes, set), count = failed ? 0 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (!failed) return count;
        if (errno != EINVAL) return 0;
    }
    return 0;
}

static int affinity_below(const char *root) {
    if (!*root) return hp_cores_affinity();
    FILE *file = open_below(root, "/proc/self/status");
    char line[1024];
    int count = 0;
    static const char key[] = "Cpus_allowed_list:";
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, key, sizeof key - 1))
            count = count_list(line + sizeof key - 1 + strspn(line + sizeof key - 1, " \t"));
    if (file) fclose(file);
    return count;
}

/* Whether a comma-separated list holds a word. */
static bool list_has(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (!strncmp(at, word, n) && (at[n] == '\0' || at[n] == ',')) return true;
    }
    return false;
}

/* The path of this process in the hierarchy of `controller` (v1) or in the unified one (controller ""). */
static bool cgroup_path(const char *root, const char *controller, char *path, size_t size) {
    FILE *file = open_below(root, "/proc/self/cgroup");
    char line[PATH_MAX + 256];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'), *rest = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!rest) continue;
        *rest++ = '\0';
        controllers++;
        found = *controller ? list_has(controllers, controller) : !*controllers;
        if (found) found = (size_t)snprintf(path, size, "%s", rest) < size;
    }
    if (file) fclose(file);
    return found;
}

/* Undoes mountinfo's \040 for a blank and its like, in place. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

typedef struct mount {
    char top[PATH_MAX];   /* which cgroup is mounted there */
    char point[PATH_MAX]; /* where */
} mount;

/* Takes one line of mountinfo apart: true when it is the hierarchy looked for. */
static bool parse_mount(char *line, const char *controller, mount *found) {
    char *tail = strstr(line, " - "), type[32], options[1024];
    if (!tail) return false;
    *tail = '\0';
    if (sscanf(tail + 3, "%31s %*s %1023s", type, options) != 2) return false;
    if (strcmp(type, *controller ? "cgroup" : "cgroup2")) return false;
    if (*controller && !list_has(options, controller)) return false;
    char *fields[5], *save = NULL;
    for (int i = 0; i < 5; i++)
        if (!(fields[i] = strtok_r(i ? NULL : line, " ", &save))) return false;
    unescape(fields[3]);
    unescape(fields[4]);
    return (size_t)snprintf(found->top, sizeof found->top, "%s", fields[3]) < sizeof found->top &&
           (size_t)snprintf(found->point, sizeof found->point, "%s", fields[4]) < sizeof found->point;
}

static bool find_mount(const char *root, const char *controller, mount *found) {
    FILE *file = open_below(root, "/proc/self/mountinfo");
    char *line = NULL;
    size_t size = 0;
    bool done = false;
    while (file && !done && getline(&line, &size, file) > 0) done = parse_mount(line, controller, found);
    free(line);
    if (file) fclose(file);
    return done;
}

/* The directory of this process's cgroup, and how long its mount point is (ancestors end there). */
static bool cgroup_directory(const char *root, const char *controller, char *directory, size_t size, size_t *stop) {
    char path[PATH_MAX];
    mount at;
    if (!cgroup_path(root, controller, path, sizeof path) || !find_mount(root, controller, &at)) return false;
    const char *below = path;
    size_t top = strlen(at.top);
    if (!strcmp(at.top, "/")) top = 0;
    /* In a container the mount may show a part of the tree only, named in full or from a namespace's root. */
    if (!strncmp(path, at.top, top) && (path[top] == '/' || !path[top])) below = path + top;
    if (!strcmp(below, "/") || !strncmp(below, "/..", 3)) below = "";
    *stop = strlen(at.point);
    return (size_t)snprintf(directory, size, "%s%s", at.point, below) < size;
}

/* Cuts the last part of a directory off; false at the mount point. */
static bool to_parent(char *directory, size_t stop) {
    char *slash = strrchr(directory, '/');
    if (!slash || (size_t)(slash - directory) < stop || strlen(directory) <= stop) return false;
    *slash = '\0';
    return true;
}

/* The quota of one cgroup in CPUs; 0: none. */
static double quota_of(const char *root, const char *directory, bool unified) {
    char line[128], line2[128];
    double quota = 0, period = 0;
    if (unified) {
        if (!read_line(root, directory, "cpu.max", line, sizeof line)) return 0;
        if (sscanf(line, "%lf %lf", &quota, &period) != 2) return 0; /* "max 100000" */
    } else {
        if (!read_line(root, directory, "cpu.cfs_quota_us", line, sizeof line) ||
            !read_line(root, directory, "cpu.cfs_period_us", line2, sizeof line2))
            return 0;
        if (sscanf(line, "%lf", &quota) != 1 || sscanf(line2, "%lf", &period) != 1) return 0;
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

static int cpuset_of(const char *root, const char *directory) {
    static const char *const names[] = {"cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"};
    char line[4096];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int count = read_line(root, directory, names[i], line, sizeof line) ? count_list(line) : 0;
        if (count) return count;
    }
    return 0;
}

/* The least quota among the cgroup and its ancestors, the CPU set of the nearest that has one. */
static void look_in(const char *root, const char *controller, hp_cores *cores) {
    char directory[2 * PATH_MAX];
    size_t stop;
    if (!cgroup_directory(root, controller, directory, sizeof directory, &stop)) return;
    bool more = true;
    for (; more; more = to_parent(directory, stop)) {
        double quota = quota_of(root, directory, !*controller);
        if (quota > 0 && (cores->quota <= 0 || quota < cores->quota)) cores->quota = quota;
        if (!cores->cpuset) cores->cpuset = cpuset_of(root, directory);
    }
}

static int requested_threads(void) {
    const char *text = getenv("HORNPIPE_NUM_THREADS");
    if (!text || !*text) return 0;
    char *end;
    errno = 0;
    long count = strtol(text, &end, 10);
    return errno || *end || count < 1 || count > HP_CORES_MAX ? -1 : (int)count;
}

void hp_cores_find(const char *root, hp_cores *cores) {
    if (!root) root = "";
    *cores = (hp_cores){.affinity = affinity_below(root), .requested = requested_threads()};
    look_in(root, "", cores);
    look_in(root, "cpu", cores);
    look_in(root, "cpuset", cores);
    int usable = cores->affinity ? cores->affinity : 1;
    if (cores->cpuset && cores->cpuset < usable) usable = cores->cpuset;
    if (cores->quota > 0 && ceil(cores->quota) < usable) usable = (int)ceil(cores->quota);
    if (cores->requested > 0) usable = cores->requested;
    cores->usable = usable > HP_CORES_MAX ? HP_CORES_MAX : usable;
}

/* "48K" in bytes; 0 when it is no size. */
static size_t parse_size(const char *text) {
    char *end;
    unsigned long long size = strtoull(text, &end, 10);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    return size < 1ULL << 32 ? (size_t)(size << shift) : 0;
}

void hp_caches_find(const char *root, hp_caches *caches) {
    if (!root) root = "";
    *caches = (hp_caches){.level1 = 32 << 10, .level2 = 512 << 10};
    for (int i = 0; i < 8; i++) {
        char directory[96], level[16], type[32], text[32];
        snprintf(directory, sizeof directory, "/sys/devices/system/cpu/cpu0/cache/index%d", i);
        if (!read_line(root, directory, "level", level, sizeof level) ||
            !read_line(root, directory, "type", type, sizeof type) ||
            !read_line(root, directory, "size", text, sizeof text) || !strcmp(type, "Instruction"))
            continue;
        size_t size = parse_size(text);
        if (!size) continue;
        if (!strcmp(level, "1")) caches->level1 = size;
        if (!strcmp(level, "2")) caches->level2 = size;
        if (!strcmp(level, "3")) caches->level3 = size;
    }
}

/* check_kernels.c: the kernel checker: every kernel of every ISA that this machine runs, against references written
 * from the definitions in double precision; with --bench, how fast each is.
 *
 *   check_kernels [--bench] [--isa NAME] [KERNEL...]
 *
 * Invariant: the kernels come from kernels.def, so none can be left out. Exit 0: all good; 1: a comparison failed. */
#include "check.h"

#include <stdlib.h>

extern size_t hp_check_failures, hp_check_count;

static const struct {
    const char *name;
    void (*check)(const hp_kernels *);
    void (*bench)(const hp_kernels *);
} list[] = {
#define KERNEL(returned, name, arguments) {#name, hp_check_##name##_kernel, hp_bench_##name##_kernel},
#include "kernels/kernels.def"
#undef KERNEL
};

static bool wanted(const char *name, char **names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return true;
    return count == 0;
}

static void run_isa(const hp_kernels *k, bool bench, char **names, int count) {
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (!wanted(list[i].name, names, count)) continue;
        size_t before = hp_check_count, failures = hp_check_failures;
        hp_check_reset(0);
        hp_check_seed();
        (bench ? list[i].bench : list[i].check)(k);
        if (!bench)
            printf("%-7s %-18s %8zu comparisons%s\n", k->isa, list[i].name, hp_check_count - before,
                hp_check_failures > failures ? "  FAILED" : "");
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    bool bench = false;
    const char *isa = NULL;
    int first = 1;
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--bench") == 0) {
            bench = true;
        } else if (strcmp(argv[first], "--isa") == 0 && first + 1 < argc) {
            isa = argv[++first];
        } else {
            fprintf(stderr, "usage: check_kernels [--bench] [--isa NAME] [KERNEL...]\n");
            return 2;
        }
    }
    int ran = 0;
    for (size_t i = 0; hp_kernels_isa_name(i); i++) {
        const char *name = hp_kernels_isa_name(i);
        if (isa && strcmp(isa, name) != 0) continue;
        const hp_kernels *k = hp_kernels_select(name);
        if (!k) {
            printf("%-7s not on this machine\n", name);
            continue;
        }
        run_isa(k, bench, argv + first, argc - first);
        ran++;
    }
    if (!ran) fprintf(stderr, "kernel checker: no ISA ran\n");
    printf("%zu comparisons, %zu failed\n", hp_check_count, hp_check_failures);
    return hp_check_failures || !ran;
}

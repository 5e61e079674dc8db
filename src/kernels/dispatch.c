/* dispatch.c: which table of kernels to use, and the names in the lists.
 *
 * Invariant: a table is given out only if the CPU and its operating system support what it was compiled for. */
#include "kernels/kernels.h"
#include "kernels/isa_list.h"
#include "base/cpu_features.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct isa {
    const char *name;
    const hp_kernels *kernels;
    uint32_t needs;
    bool automatic;
} isas[] = {
#define ISA(name, bytes, automatic, needs, flags) {#name, &hp_kernels_##name, needs, automatic},
#include ISA_LIST
#undef ISA
};
#define ISA_COUNT (sizeof isas / sizeof *isas)

static bool usable(const struct isa *isa) {
    return (hp_cpu_features() & isa->needs) == isa->needs;
}

const hp_kernels *hp_kernels_select(const char *name) {
    if (!name) name = getenv("HORNPIPE_ISA");
    if (name && !*name) name = NULL;
    const hp_kernels *best = NULL;
    for (size_t i = 0; i < ISA_COUNT; i++) {
        bool wanted = name ? strcmp(name, isas[i].name) == 0 : isas[i].automatic;
        if (wanted && usable(&isas[i])) best = isas[i].kernels;
    }
    return best;
}

const char *hp_kernels_isa_name(size_t i) {
    return i < ISA_COUNT ? isas[i].name : NULL;
}

int hp_kernels_isa_usable(size_t i) {
    return i < ISA_COUNT && usable(&isas[i]);
}

const char *const hp_unary_names[HP_UNARY_COUNT] = {
#define UNARY(name, id, parameters) #name,
#include "kernels/unary.def"
#undef UNARY
};

const unsigned char hp_unary_parameters[HP_UNARY_COUNT] = {
#define UNARY(name, id, parameters) parameters,
#include "kernels/unary.def"
#undef UNARY
};

const char *const hp_binary_names[HP_BINARY_COUNT] = {
#define BINARY(name, id) #name,
#include "kernels/binary.def"
#undef BINARY
};

const char *const hp_reduce_names[HP_REDUCE_COUNT] = {
#define REDUCE(name, id) #name,
#include "kernels/reduce.def"
#undef REDUCE
};

/* cpu_features.c: CPUID and XCR0 on x86, the kernel's hardware capabilities on aarch64.
 *
 * Invariant: the tables below are all that is known of feature bits; code only walks them. */
#include "base/cpu_features.h"

#include <stddef.h>

const char *hp_cpu_feature_name(int bit) {
    static const char *const names[] = {
#define X(id, name) name,
        HP_CPU_FEATURE_LIST(X)
#undef X
    };
    return bit >= 0 && bit < HP_CPU_FEATURE_COUNT ? names[bit] : NULL;
}

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };
/* Register files in XCR0: SSE and AVX state; with AVX-512's mask and upper registers. */
#define STATE_NONE 0x00
#define STATE_AVX 0x06
#define STATE_AVX512 0xe6

static const struct {
    uint32_t feature;
    unsigned leaf, subleaf;
    int cpuid_register, bit;
    uint32_t state; /* bits of XCR0 that must all be set */
} table[] = {
    {HP_CPU_SSE2, 1, 0, EDX, 26, STATE_NONE},
    {HP_CPU_FMA, 1, 0, ECX, 12, STATE_AVX},
    {HP_CPU_F16C, 1, 0, ECX, 29, STATE_AVX},
    {HP_CPU_AVX2, 7, 0, EBX, 5, STATE_AVX},
    {HP_CPU_AVX512F, 7, 0, EBX, 16, STATE_AVX512},
    {HP_CPU_AVX512DQ, 7, 0, EBX, 17, STATE_AVX512},
    {HP_CPU_AVX512BW, 7, 0, EBX, 30, STATE_AVX512},
    {HP_CPU_AVX512VL, 7, 0, EBX, 31, STATE_AVX512},
    {HP_CPU_AVX512_VNNI, 7, 0, ECX, 11, STATE_AVX512},
    {HP_CPU_AVX512_BF16, 7, 1, EAX, 5, STATE_AVX512},
};

/* XCR0, or 0 where the operating system has not switched XSAVE on. */
static uint32_t saved_state(void) {
    unsigned r[4];
    if (!__get_cpuid(1, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) || !(r[ECX] & (1u << 27))) return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

uint32_t hp_cpu_features(void) {
    uint32_t state = saved_state(), features = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        unsigned r[4];
        /* A sub-leaf past the last one reads as leaf 0's maximum says; leaf 7's own maximum is in EAX of sub-leaf 0. */
        if (table[i].subleaf > 0 &&
            (!__get_cpuid_count(table[i].leaf, 0, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) || r[EAX] < table[i].subleaf))
            continue;
        if (!__get_cpuid_count(table[i].leaf, table[i].subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) continue;
        if ((r[table[i].cpuid_register] >> table[i].bit & 1) && (state & table[i].state) == table[i].state)
            features |= table[i].feature;
    }
    return features;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

static const struct {
    uint32_t feature;
    unsigned long bit; /* of AT_HWCAP */
} table[] = {
    {HP_CPU_NEON, 1ul << 1}, /* HWCAP_ASIMD */
};

uint32_t hp_cpu_features(void) {
    unsigned long capabilities = getauxval(AT_HWCAP);
    uint32_t features = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (capabilities & table[i].bit) features |= table[i].feature;
    return features;
}

#else

uint32_t hp_cpu_features(void) {
#if defined(__aarch64__)
    return HP_CPU_NEON; /* every aarch64 has it */
#else
    return 0;
#endif
}

#endif

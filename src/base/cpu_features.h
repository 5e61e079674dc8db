/* cpu_features.h: what this CPU can do and its operating system lets us use.
 *
 * Invariant: a bit is set only if the instructions may be executed: CPUID's bit and, where registers are new, the
 * operating system's promise to save them (XCR0). Found once, then constant; any thread may ask. */
#ifndef HP_BASE_CPU_FEATURES_H
#define HP_BASE_CPU_FEATURES_H

#include <stdint.h>

/* X(id, name): names are those of /proc/cpuinfo. */
#define HP_CPU_FEATURE_LIST(X)                                                                                         \
    X(SSE2, "sse2")                                                                                                    \
    X(AVX2, "avx2")                                                                                                    \
    X(FMA, "fma")                                                                                                      \
    X(F16C, "f16c")                                                                                                    \
    X(AVX512F, "avx512f")                                                                                              \
    X(AVX512VL, "avx512vl")                                                                                            \
    X(AVX512DQ, "avx512dq")                                                                                            \
    X(AVX512BW, "avx512bw")                                                                                            \
    X(AVX512_VNNI, "avx512_vnni")                                                                                      \
    X(AVX512_BF16, "avx512_bf16")                                                                                      \
    X(NEON, "asimd")

enum {
#define X(id, name) HP_CPU_BIT_##id,
    HP_CPU_FEATURE_LIST(X)
#undef X
        HP_CPU_FEATURE_COUNT
};

enum {
#define X(id, name) HP_CPU_##id = 1 << HP_CPU_BIT_##id,
    HP_CPU_FEATURE_LIST(X)
#undef X
};

/* The usable features, an OR of HP_CPU_*. */
uint32_t hp_cpu_features(void);
/* The name of feature number `bit`; NULL past the end. */
const char *hp_cpu_feature_name(int bit);

#endif

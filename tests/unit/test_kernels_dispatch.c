/* test_kernels_dispatch.c: which table hp_kernels_select gives, and what the CPU features and names say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cpu_features.h"
#include "kernels/kernels.h"

/* Each usable ISA is found by its name and gives the table of that name; an unusable or unknown one gives NULL. */
static void by_name(void **state) {
    (void)state;
    size_t usable = 0;
    for (size_t i = 0; hp_kernels_isa_name(i); i++) {
        const char *name = hp_kernels_isa_name(i);
        const hp_kernels *kernels = hp_kernels_select(name);
        if (!hp_kernels_isa_usable(i)) {
            assert_null(kernels);
            continue;
        }
        assert_non_null(kernels);
        assert_string_equal(kernels->isa, name);
        assert_int_equal(kernels->gemm_nr % kernels->vector_floats, 0);
        assert_true(kernels->gemm_mr > 0);
        usable++;
    }
    assert_true(usable > 0);
    assert_null(hp_kernels_select("no-such-isa"));
    assert_null(hp_kernels_isa_name(1000));
    assert_false(hp_kernels_isa_usable(1000));
}

/* The best one is the last usable one of those that are not for tests only. */
static void best(void **state) {
    (void)state;
    unsetenv("HORNPIPE_ISA");
    const hp_kernels *kernels = hp_kernels_select(NULL);
    assert_non_null(kernels);
    assert_string_not_equal(kernels->isa, "wide");
    const uint32_t features = hp_cpu_features();
#if defined(__x86_64__)
    const char *expected = features & HP_CPU_AVX512F && features & HP_CPU_AVX512BW ? "avx512"
                           : features & HP_CPU_AVX2 && features & HP_CPU_FMA       ? "avx2"
                                                                                   : "base";
    assert_string_equal(kernels->isa, expected);
    assert_true(features & HP_CPU_SSE2);
#elif defined(__aarch64__)
    assert_string_equal(kernels->isa, "neon");
    assert_true(features & HP_CPU_NEON);
#endif
}

/* HORNPIPE_ISA counts where no name is given; an empty one does not. */
static void from_environment(void **state) {
    (void)state;
    const char *plain = hp_kernels_isa_name(0);
    setenv("HORNPIPE_ISA", plain, 1);
    assert_string_equal(hp_kernels_select(NULL)->isa, plain);
    setenv("HORNPIPE_ISA", "no-such-isa", 1);
    assert_null(hp_kernels_select(NULL));
    assert_string_equal(hp_kernels_select(plain)->isa, plain);
    setenv("HORNPIPE_ISA", "", 1);
    assert_non_null(hp_kernels_select(NULL));
    unsetenv("HORNPIPE_ISA");
}

static void names(void **state) {
    (void)state;
    assert_string_equal(hp_unary_names[HP_UNARY_RELU], "relu");
    assert_int_equal(hp_unary_parameters[HP_UNARY_RELU], 3);
    assert_string_equal(hp_binary_names[HP_BINARY_MAXIMUM], "maximum");
    assert_string_equal(hp_reduce_names[HP_REDUCE_MEAN], "mean");
    assert_string_equal(hp_cpu_feature_name(HP_CPU_BIT_NEON), "asimd");
    assert_null(hp_cpu_feature_name(HP_CPU_FEATURE_COUNT));
    assert_null(hp_cpu_feature_name(-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(best),
        cmocka_unit_test(from_environment),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

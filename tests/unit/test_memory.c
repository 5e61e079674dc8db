/* test_memory.c: blocks of memory lie where they must, whatever their size; large ones ask for large pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include "base/memory.h"

enum { LARGE_PAGE = 2 << 20 };

static void test_blocks(void **state) {
    (void)state;
    static const size_t sizes[] = {
        0, 1, HP_ALIGNMENT, 4097, LARGE_PAGE - 1, LARGE_PAGE, LARGE_PAGE + 1, 3 * (size_t)LARGE_PAGE + 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int filled = 0; filled < 2; filled++) {
            unsigned char *block = filled ? hp_alloc_filled(sizes[i]) : hp_alloc_aligned(sizes[i]);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % HP_ALIGNMENT, 0);
            if (sizes[i]) memset(block, 7, sizes[i]);
            hp_free(block);
        }
    hp_free(NULL);
}

static void test_too_large(void **state) {
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - HP_ALIGNMENT + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        volatile size_t size = sizes[i]; /* compilers warn of such sizes */
        assert_null(hp_alloc_aligned(size));
        assert_null(hp_alloc_filled(size));
    }
}

#if defined(__x86_64__) && defined(__linux__)
/* Whether the mapping that holds `place` has been given this flag. */
static int has_flag(const void *place, const char *flag) {
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    char line[4096];
    int inside = 0, found = 0;
    while (fgets(line, sizeof line, file)) {
        unsigned long long first, end;
        if (sscanf(line, "%llx-%llx ", &first, &end) == 2)
            inside = (uintptr_t)place >= first && (uintptr_t)place < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(file);
    return found;
}

static void test_large_pages(void **state) {
    (void)state;
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0) return; /* the system has none */
    char *large = hp_alloc_filled(4 * (size_t)LARGE_PAGE), *small = hp_alloc_filled(4096);
    assert_int_equal((uintptr_t)large % LARGE_PAGE, 0);
    assert_true(has_flag(large, " hg"));
    assert_false(has_flag(small, " hg"));
    hp_free(large), hp_free(small);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_too_large),
#if defined(__x86_64__) && defined(__linux__)
        cmocka_unit_test(test_large_pages),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

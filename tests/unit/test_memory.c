/* test_memory.c: blocks of memory lie where they must, whatever their size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "base/memory.h"

static void test_blocks(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, HP_ALIGNMENT - 1, HP_ALIGNMENT, HP_ALIGNMENT + 1, 4097, 3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *block = hp_alloc_aligned(sizes[i]);
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
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

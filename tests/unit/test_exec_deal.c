/* test_exec_deal.c: the helpings that workers take: whole blocks while there are many, and none that is much smaller than
 * the others at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include "exec/exec.h"

/* Fewer units than all workers' blocks together: each gets as many as the others, in one helping. */
static void few_units_are_divided(void **state) {
    (void)state;
    assert_int_equal(hp_deal_helping(32, 0, 2, 42), 16);
    assert_int_equal(hp_deal_helping(32, 16, 2, 42), 16);
    for (int workers = 1; workers <= 9; workers++)
        for (int64_t units = 1; units <= 20; units++) {
            int64_t helpings = 0, first = hp_deal_helping(units, 0, workers, 20), count;
            assert_int_equal(first, (units + workers - 1) / workers);
            for (int64_t next = 0; next < units; next += count, helpings++) {
                count = hp_deal_helping(units, next, workers, 20);
                assert_true(count == first || count == first - 1);
            }
            assert_true(helpings <= workers);
        }
}

static void many_units_are_dealt_in_blocks(void **state) {
    (void)state;
    for (int workers = 1; workers <= 5; workers++)
        for (int64_t units = workers * 8 + 1; units < 4000; units += 7) {
            int64_t count, last = units, in_blocks = 0;
            for (int64_t next = 0; next < units; next += count) {
                count = hp_deal_helping(units, next, workers, 8);
                assert_true(count >= 1 && count <= units - next);
                assert_true(count <= last); /* they never grow */
                if (next == in_blocks && count % 8 == 0) in_blocks += count;
                if (next >= in_blocks) assert_true(count >= 2 && count <= 8); /* a quarter of a block and more */
                last = count;
            }
            assert_true(units - in_blocks < (workers + 1) * 8); /* what is divided is about a block for each */
        }
    assert_int_equal(hp_deal_helping(1 << 20, 0, 2, 192), 64 * 192);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_units_are_divided),
        cmocka_unit_test(many_units_are_dealt_in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

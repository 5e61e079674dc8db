/* test_json_text.c: a JSON tree as text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include "base/json_text.h"

static void all_kinds(void **state) {
    (void)state;
    hp_arena arena = {0};
    hp_json *object = hp_json_new(&arena, HP_JSON_OBJECT), *list = hp_json_new(&arena, HP_JSON_ARRAY);
    hp_json_append(list, hp_json_new_int(&arena, -9007199254740993));
    static const double numbers[] = {0.1, 1, 1e-7, 1e300, 1.0 / 3, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        hp_json_append(list, hp_json_new_double(&arena, numbers[i]));
    hp_json_append(list, hp_json_new_double(&arena, (double)NAN));
    hp_json_append(list, hp_json_new(&arena, HP_JSON_NULL));
    hp_json_append(list, hp_json_new(&arena, HP_JSON_OBJECT));
    hp_json_set(object, "a list", list);
    hp_json_set(object, "on", hp_json_new_bool(&arena, true));
    hp_json_set(object, "quo\"te", hp_json_new_string(&arena, "back\\slash, \n, \xc3\xa9"));
    assert_string_equal(hp_json_text(&arena, object),
        "{\"a list\": [-9007199254740993, 0.1, 1.0, 1e-07, 1e+300, 0.3333333333333333, Infinity, -Infinity, NaN, null, "
        "{}], \"on\": true, \"quo\\\"te\": \"back\\\\slash, \\u000a, \xc3\xa9\"}");
    assert_string_equal(hp_json_text(&arena, NULL), "null");
    hp_arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_json.c: trees of JSON values: parsing what Python writes, looking up, comparing, describing, changing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "format/json.h"

static hp_arena arena;

static int release(void **state) {
    (void)state;
    hp_arena_release(&arena);
    return 0;
}

static hp_json *parse(const char *text) {
    hp_json *value = NULL;
    hp_error error = {0};
    if (hp_json_parse(&arena, "place", text, strlen(text), &value, &error) != HP_OK) fail_msg("%s", error.message);
    return value;
}

static void refuse(const char *text, size_t size, const char *message) {
    hp_json *value;
    hp_error error = {0};
    assert_int_equal(hp_json_parse(&arena, "place", text, size, &value, &error), HP_ERROR_FORMAT);
    assert_string_equal(error.where, "place");
    if (!strstr(error.message, message)) fail_msg("\"%s\" is not in \"%s\"", message, error.message);
}

static void test_values(void **state) {
    (void)state;
    const hp_json *v =
        parse("{\"a\": [1, -2.5, true, null, \"x\\u00e9\"], \"b\": {}, \"a_long\": 9223372036854775807}");
    const hp_json *a = hp_json_get(v, "a");
    assert_int_equal(v->count, 3);
    assert_int_equal(a->count, 5);
    assert_int_equal(hp_json_at(a, 0)->integer, 1);
    assert_true(hp_json_at(a, 0)->number == 1);
    assert_true(hp_json_at(a, 1)->number == -2.5);
    assert_true(hp_json_at(a, 2)->boolean);
    assert_true(hp_json_is_null(hp_json_at(a, 3)));
    assert_string_equal(hp_json_string(hp_json_at(a, 4)), "x\xC3\xA9");
    assert_null(hp_json_at(a, 5));
    assert_true(hp_json_get(v, "a_long")->integer == INT64_MAX);
    assert_string_equal(hp_json_get(v, "b")->key, "b");
    assert_null(hp_json_get(v, "c"));
    assert_null(hp_json_get(a, "a"));
    assert_true(hp_json_is_null(NULL));
}

static void test_numbers_of_python(void **state) {
    (void)state;
    const hp_json *v = parse("[NaN, Infinity, -Infinity, 18446744073709551615, 1e400, 1e-3]");
    assert_true(isnan(hp_json_at(v, 0)->number));
    assert_true(hp_json_at(v, 1)->number == INFINITY);
    assert_true(hp_json_at(v, 2)->number == -INFINITY);
    assert_int_equal(hp_json_at(v, 3)->type, HP_JSON_DOUBLE);
    assert_true(hp_json_at(v, 3)->number == 18446744073709551615.0);
    assert_true(hp_json_at(v, 4)->number == INFINITY);
    assert_true(hp_json_at(v, 5)->number == 1e-3);
    assert_int_equal(parse("7")->integer, 7); /* a bare number, which only the end of the text ends */
}

static void test_odd_texts(void **state) {
    (void)state;
    assert_int_equal(hp_json_get(parse("{\"a\": 1, \"a\": 2}"), "a")->integer, 2);
    assert_string_equal(parse("\"a\\u0000b\"")->string, "a b"); /* texts end at a NUL: it becomes a blank */
    refuse("{\"a\": ", 6, "in the middle");
    refuse("[1, 2", 5, "in the middle");
    refuse("", 0, "in the middle");
    refuse("[1] x", 5, "more text");
    refuse("{1}", 3, "not JSON at byte");
    refuse("\"\xFF\"", 3, "not JSON");
    refuse("[1]\0[", 5, "more text");
}

static void test_depth(void **state) {
    (void)state;
    static char text[2 * HP_JSON_MAX_DEPTH + 4];
    memset(text, '[', HP_JSON_MAX_DEPTH + 1);
    memset(text + HP_JSON_MAX_DEPTH + 1, ']', HP_JSON_MAX_DEPTH + 1);
    refuse(text, 2 * HP_JSON_MAX_DEPTH + 2, "deeper");
    assert_int_equal(parse("[[[[1]]]]")->count, 1);
}

static void test_equal(void **state) {
    (void)state;
    assert_true(hp_json_equal(parse("{\"a\": [1, NaN], \"b\": \"x\"}"), parse("{\"b\": \"x\", \"a\": [1, NaN]}")));
    assert_false(hp_json_equal(parse("[1, 2]"), parse("[1, 3]")));
    assert_false(hp_json_equal(parse("[1]"), parse("[1, 2]")));
    assert_false(hp_json_equal(parse("1"), parse("1.0")));
    assert_false(hp_json_equal(parse("{\"a\": 1}"), parse("{\"b\": 1}")));
    assert_true(hp_json_equal(NULL, NULL));
    assert_false(hp_json_equal(NULL, parse("1")));
}

static void test_describe(void **state) {
    (void)state;
    char text[64], small[12];
    assert_string_equal(
        hp_json_describe(parse("{\"a\": [1, null, \"x\"]}"), text, sizeof text), "{a: [1, null, \"x\"]}");
    assert_string_equal(hp_json_describe(parse("[1, 2, 3, 4, 5, 6]"), small, sizeof small), "[1, 2, 3...");
    assert_string_equal(hp_json_describe(NULL, text, sizeof text), "nothing");
    assert_string_equal(hp_json_type_name(parse("[]")), "a list");
    assert_string_equal(hp_json_type_name(NULL), "nothing");
}

static void test_change(void **state) {
    (void)state;
    hp_json *v = parse("{\"a\": 1, \"b\": 2, \"c\": 3}");
    assert_true(hp_json_rename(v, "b", "d"));
    assert_false(hp_json_rename(v, "x", "y"));
    assert_false(hp_json_rename(v, "a", "d")); /* there already */
    assert_true(hp_json_remove(v, "c"));
    assert_false(hp_json_remove(v, "c"));
    hp_json_set(v, "e", hp_json_new_bool(&arena, true)); /* behind the new last one */
    hp_json_set(v, "a", hp_json_new_string(&arena, "new"));
    assert_true(hp_json_equal(v, parse("{\"a\": \"new\", \"d\": 2, \"e\": true}")));
    assert_string_equal(v->first->key, "a");
    assert_string_equal(v->last->key, "e");
    assert_int_equal(v->count, 3);
    hp_json *copy = hp_json_copy(&arena, v);
    hp_json_remove(v, "a");
    assert_int_equal(copy->count, 3);
    assert_string_equal(hp_json_get(copy, "a")->string, "new");
    size_t seen = 0;
    HP_JSON_EACH (item, copy) seen++;
    assert_int_equal(seen, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_values, release),
        cmocka_unit_test_teardown(test_numbers_of_python, release),
        cmocka_unit_test_teardown(test_odd_texts, release),
        cmocka_unit_test_teardown(test_depth, release),
        cmocka_unit_test_teardown(test_equal, release),
        cmocka_unit_test_teardown(test_describe, release),
        cmocka_unit_test_teardown(test_change, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

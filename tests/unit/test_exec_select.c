/* test_exec_select.c: argmax, the k largest and thresholds against the definition, with ties and NaN, and many classes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "exec/select.h"

static const float *ranked;

static int by_rank(const void *a, const void *b) {
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    float x = ranked[i], y = ranked[j];
    if (isnan(x) != isnan(y)) return isnan(x) ? -1 : 1;
    if (x > y || x < y) return x > y ? -1 : 1;
    return i < j ? -1 : 1;
}

static float pattern(int64_t i, int kind) {
    uint32_t noise = (uint32_t)i * 2654435761u >> 8;
    switch (kind) {
    case 0:
        return (float)noise; /* hardly two alike */
    case 1:
        return (float)(noise % 5); /* many ties */
    case 2:
        return noise % 7 == 0 ? NAN : (float)(noise % 11);
    case 3:
        return (float)i; /* ascending */
    default:
        return -(float)i;
    }
}

/* The first k of `n` classes in two rows, of each pattern, as indices with their values and as names. */
static void check(int64_t n, int k) {
    float *values = malloc((size_t)(2 * n) * sizeof *values), *largest = malloc((size_t)(2 * k) * sizeof *largest);
    int64_t *indices = malloc((size_t)(2 * k) * sizeof *indices), *order = malloc((size_t)n * sizeof *order);
    hp_string *names = malloc((size_t)(2 * k) * sizeof *names);
    char(*text)[12] = malloc((size_t)n * sizeof *text);
    const char **labels = malloc((size_t)n * sizeof *labels);
    for (int64_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "c%d", (int)i);
        labels[i] = text[i];
    }
    hp_io_output output = {.name = "y", .dtype = HP_FLOAT32, .rank = 1, .dims = {n}};
    hp_selection selection = {.kind = HP_SELECT_TOP_K, .top_k = k}, named = selection;
    named.labels = labels;
    named.label_count = (size_t)n;
    for (int kind = 0; kind < 5; kind++) {
        for (int64_t i = 0; i < 2 * n; i++) values[i] = pattern(i, kind);
        hp_selection_apply(&selection, &output, values, 2, (void *[]){indices, largest});
        hp_selection_apply(&named, &output, values, 2, (void *[]){names, largest});
        for (int row = 0; row < 2; row++) {
            ranked = values + row * n;
            for (int64_t i = 0; i < n; i++) order[i] = i;
            qsort(order, (size_t)n, sizeof *order, by_rank);
            for (int r = 0; r < k; r++) {
                int64_t index = indices[row * k + r];
                assert_int_equal(index, order[r]);
                assert_memory_equal(&largest[row * k + r], &ranked[index], sizeof(float));
                assert_int_equal(names[row * k + r].size, strlen(labels[index]));
                assert_ptr_equal(names[row * k + r].data, labels[index]);
            }
        }
    }
    free(values);
    free(largest);
    free(indices);
    free(order);
    free(names);
    free(text);
    free(labels);
}

static void test_k_largest(void **state) {
    (void)state;
    for (int k = 1; k <= 13; k++) check(13, k);
    for (int k = 1; k <= 257; k += 16) check(257, k);
}

/* Going over all classes for each of the k would be 5e10 comparisons. */
static void test_many_classes(void **state) {
    (void)state;
    check(100000, 50000);
}

static void test_argmax_of_each_dtype(void **state) {
    (void)state;
    static const int8_t bytes[] = {-3, 5, 5, 2, 0, -1, -128, -2};
    static const double doubles[] = {0, (double)NAN, INFINITY, (double)NAN, -INFINITY, -1, -2, -1};
    int64_t indices[2];
    hp_selection selection = {.kind = HP_SELECT_ARGMAX};
    hp_io_output output = {.name = "y", .dtype = HP_INT8, .rank = 1, .dims = {4}};
    hp_selection_apply(&selection, &output, bytes, 2, (void *[]){indices, NULL});
    assert_int_equal(indices[0], 1);
    assert_int_equal(indices[1], 0);
    output.dtype = HP_FLOAT64;
    hp_selection_apply(&selection, &output, doubles, 2, (void *[]){indices, NULL});
    assert_int_equal(indices[0], 1);
    assert_int_equal(indices[1], 1);
    static const uint16_t halves[] = {0x3E00, 0xC000, 0x3DFF, 0x3800}, bfloats[] = {0x3E00, 0xC000, 0x3F80, 0x3800};
    const struct {
        hp_dtype dtype;
        const void *values;
        int64_t largest;
    } rest[] = {{HP_FLOAT16, halves, 0}, {HP_BFLOAT16, bfloats, 2}, {HP_UINT16, halves, 1}, {HP_INT16, halves, 0},
        {HP_UINT32, (uint32_t[]){1, 2, 0xFFFFFFFF, 3}, 2}, {HP_UINT64, (uint64_t[]){1, UINT64_MAX, 2, 3}, 1},
        {HP_INT64, (int64_t[]){-1, -3, -2, -9}, 0}, /* and what would be alike as doubles */
        {HP_INT64, (int64_t[]){INT64_MAX - 2, INT64_MIN, INT64_MAX, INT64_MAX - 1}, 2},
        {HP_UINT64, (uint64_t[]){UINT64_MAX - 1, INT64_MAX, UINT64_MAX - 2, UINT64_MAX}, 3},
        {HP_BOOL, (uint8_t[]){0, 0, 0, 1}, 3}};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        hp_io_output selected[2];
        hp_arena arena = {0};
        output.dtype = rest[i].dtype;
        assert_int_equal(hp_selection_outputs(&selection, &output, &arena, selected, NULL), 1);
        hp_selection_apply(&selection, &output, rest[i].values, 1, (void *[]){indices, NULL});
        assert_int_equal(indices[0], rest[i].largest);
        hp_arena_release(&arena);
    }
    hp_io_output selected[2];
    output.dtype = HP_STRING;
    assert_int_equal(hp_selection_outputs(&selection, &output, NULL, selected, NULL), 0);
}

static void test_threshold(void **state) {
    (void)state;
    static const float values[] = {0.2f, 0.5f, NAN, 0.7f};
    uint8_t flags[4];
    hp_selection selection = {.kind = HP_SELECT_THRESHOLD, .threshold = 0.5};
    hp_io_output output = {.name = "y", .dtype = HP_FLOAT32, .rank = 1, .dims = {2}};
    hp_selection_apply(&selection, &output, values, 2, (void *[]){flags, NULL});
    assert_memory_equal(flags, ((uint8_t[]){0, 1, 0, 1}), 4);
    static const int64_t wide[] = {(INT64_C(1) << 60) - 1, INT64_C(1) << 60, INT64_MIN, (INT64_C(1) << 60) + 1};
    selection.threshold = 0x1p60;
    for (output.dtype = HP_INT64;; output.dtype = HP_UINT64) {
        hp_selection_apply(&selection, &output, wide, 2, (void *[]){flags, NULL});
        assert_memory_equal(flags, ((uint8_t[]){0, 1, output.dtype == HP_UINT64, 1}), 4);
        if (output.dtype == HP_UINT64) break;
    }
    selection.threshold = 0x1p63; /* above every int64 */
    output.dtype = HP_INT64;
    hp_selection_apply(&selection, &output, wide, 2, (void *[]){flags, NULL});
    assert_memory_equal(flags, ((uint8_t[]){0, 0, 0, 0}), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_k_largest),
        cmocka_unit_test(test_many_classes),
        cmocka_unit_test(test_argmax_of_each_dtype),
        cmocka_unit_test(test_threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

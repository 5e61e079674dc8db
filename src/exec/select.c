/* select.c: see select.h. */
#include "exec/select.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"

static int64_t last_axis(const hp_io_output *output) {
    return output->rank > 0 ? output->dims[output->rank - 1] : 1;
}

static int64_t vectors_per_row(const hp_io_output *output) {
    int64_t count = 1;
    for (int i = 0; i + 1 < output->rank; i++) count *= output->dims[i];
    return count;
}

/* Whether a value is at least so much; integers are not rounded on the way. */
static bool reaches(hp_dtype dtype, const void *values, int64_t i, double threshold) {
    if (dtype == HP_INT64 && threshold > -0x1p63 && threshold < 0x1p63)
        return ((const int64_t *)values)[i] >= (int64_t)ceil(threshold);
    if (dtype == HP_UINT64 && threshold > 0 && threshold < 0x1p64)
        return ((const uint64_t *)values)[i] >= (uint64_t)ceil(threshold);
    return hp_dtype_number(dtype, values, i) >= threshold;
}

static hp_status check(const hp_selection *selection, const hp_io_output *output, hp_error *error) {
    bool over_axis = selection->kind != HP_SELECT_THRESHOLD;
    size_t classes = over_axis ? (size_t)last_axis(output) : 2;
    HP_FAIL_IF(output->dtype == HP_STRING || hp_dtype_is_complex(output->dtype), error, HP_ERROR_ARGUMENT, output->name,
        "nothing can be selected from %s values", hp_dtype_name(output->dtype));
    HP_FAIL_IF(over_axis && (output->rank < 1 || last_axis(output) < 1), error, HP_ERROR_ARGUMENT, output->name,
        "there is no axis of classes to choose from");
    HP_FAIL_IF(selection->kind == HP_SELECT_ARGMAX && last_axis(output) == 1, error, HP_ERROR_ARGUMENT, output->name,
        "it has one value, so the largest is always 0: --threshold says whether it is large enough");
    HP_FAIL_IF(selection->kind == HP_SELECT_TOP_K && selection->top_k > last_axis(output), error, HP_ERROR_ARGUMENT,
        output->name, "the %d largest were asked for; there are %lld classes", selection->top_k,
        (long long)last_axis(output));
    HP_FAIL_IF(selection->labels && selection->label_count != classes, error, HP_ERROR_ARGUMENT, output->name,
        "%zu labels were given for %zu classes", selection->label_count, classes);
    return HP_OK;
}

static size_t longest_label(const hp_selection *selection) {
    size_t longest = 1;
    for (size_t i = 0; i < selection->label_count; i++)
        if (strlen(selection->labels[i]) > longest) longest = strlen(selection->labels[i]);
    return longest;
}

int hp_selection_outputs(const hp_selection *selection, const hp_io_output *output, hp_arena *arena,
    hp_io_output selected[2], hp_error *error) {
    selected[0] = *output;
    if (selection->kind == HP_SELECT_NONE) return 1;
    if (check(selection, output, error) != HP_OK) return 0;
    hp_io_output *chosen = &selected[0], *values = &selected[1];
    chosen->dtype = selection->labels ? HP_STRING : selection->kind == HP_SELECT_THRESHOLD ? HP_UINT8 : HP_INT64;
    chosen->labels = NULL;
    chosen->string_size = selection->labels ? longest_label(selection) : 0;
    if (selection->kind == HP_SELECT_ARGMAX) chosen->rank--;
    if (selection->kind != HP_SELECT_TOP_K) return 1;
    chosen->dims[chosen->rank - 1] = selection->top_k;
    *values = *chosen;
    values->dtype = output->dtype;
    values->string_size = 0;
    const char *name = output->name ? output->name : "output";
    chosen->name = hp_arena_printf(arena, "%s_%s", name, selection->labels ? "label" : "index");
    values->name = hp_arena_printf(arena, "%s_value", name);
    if (chosen->name && values->name) return 2;
    hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    return 0;
}

static void put(const hp_selection *selection, void *destination, int64_t at, int64_t index) {
    if (selection->labels)
        ((hp_string *)destination)[at] = (hp_string){selection->labels[index], strlen(selection->labels[index])};
    else if (selection->kind == HP_SELECT_THRESHOLD)
        ((uint8_t *)destination)[at] = (uint8_t)index;
    else
        ((int64_t *)destination)[at] = index;
}

/* One vector whose largest values are looked for. */
typedef struct vector {
    hp_dtype dtype;
    const void *values;
    int64_t first; /* of its values */
} vector;

/* NaN counts as larger than any number. */
static bool larger(const vector *v, int64_t a, int64_t b) {
    a += v->first;
    b += v->first;
    if (v->dtype == HP_INT64) return ((const int64_t *)v->values)[a] > ((const int64_t *)v->values)[b];
    if (v->dtype == HP_UINT64) return ((const uint64_t *)v->values)[a] > ((const uint64_t *)v->values)[b];
    double x = hp_dtype_number(v->dtype, v->values, a), y = hp_dtype_number(v->dtype, v->values, b);
    return x > y || (isnan(x) && !isnan(y));
}

/* Whether a is to be named before b: the first of equals comes first. */
static bool precedes(const vector *v, int64_t a, int64_t b) {
    return larger(v, a, b) || (a < b && !larger(v, b, a));
}

/* The chosen ones, on their way, stand where their names or indices will: no memory is needed beside it. */
static int64_t chosen_at(const hp_selection *selection, const void *place, int64_t at) {
    return selection->labels ? (int64_t)((const hp_string *)place)[at].size : ((const int64_t *)place)[at];
}

static void choose_at(const hp_selection *selection, void *place, int64_t at, int64_t index) {
    if (selection->labels)
        ((hp_string *)place)[at].size = (size_t)index;
    else
        ((int64_t *)place)[at] = index;
}

/* Puts `index` into the heap of `count` chosen ones, whose first is the last to be named, in the place of `at`. */
static void sift_down(
    const hp_selection *selection, const vector *v, void *heap, int64_t count, int64_t at, int64_t index) {
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        int64_t one = chosen_at(selection, heap, child);
        if (child + 1 < count) {
            int64_t other = chosen_at(selection, heap, child + 1);
            if (precedes(v, one, other)) child++, one = other;
        }
        if (!precedes(v, index, one)) break;
        choose_at(selection, heap, at, one);
    }
    choose_at(selection, heap, at, index);
}

/* The k largest of n, largest first: a heap of k, from which the rest push out the smallest; then in order. */
static void select_largest(const hp_selection *selection, const hp_io_output *output, const void *values,
    int64_t number, int64_t k, void *const destinations[2]) {
    int64_t n = last_axis(output);
    size_t size = hp_dtype_size(output->dtype);
    vector v = {.dtype = output->dtype, .values = values, .first = number * n};
    size_t item = selection->labels ? sizeof(hp_string) : sizeof(int64_t);
    void *heap = (unsigned char *)destinations[0] + (size_t)(number * k) * item;
    for (int64_t i = 0; i < k; i++) choose_at(selection, heap, i, i);
    for (int64_t i = k / 2; i-- > 0;) sift_down(selection, &v, heap, k, i, chosen_at(selection, heap, i));
    for (int64_t i = k; i < n; i++)
        if (larger(&v, i, chosen_at(selection, heap, 0))) sift_down(selection, &v, heap, k, 0, i);
    for (int64_t end = k; end-- > 1;) {
        int64_t last = chosen_at(selection, heap, end);
        choose_at(selection, heap, end, chosen_at(selection, heap, 0));
        sift_down(selection, &v, heap, end, 0, last);
    }
    for (int64_t rank = 0; rank < k; rank++) {
        int64_t index = chosen_at(selection, heap, rank);
        put(selection, heap, rank, index);
        if (selection->kind == HP_SELECT_TOP_K)
            memcpy((unsigned char *)destinations[1] + (size_t)(number * k + rank) * size,
                (const unsigned char *)values + (size_t)(v.first + index) * size, size);
    }
}

void hp_selection_apply(const hp_selection *selection, const hp_io_output *output, const void *values, int64_t rows,
    void *const destinations[2]) {
    int64_t vectors = rows * vectors_per_row(output);
    if (selection->kind == HP_SELECT_THRESHOLD) {
        int64_t count = vectors * last_axis(output);
        for (int64_t i = 0; i < count; i++)
            put(selection, destinations[0], i, reaches(output->dtype, values, i, selection->threshold));
        return;
    }
    int k = selection->kind == HP_SELECT_TOP_K ? selection->top_k : 1;
    for (int64_t v = 0; v < vectors; v++) select_largest(selection, output, values, v, k, destinations);
}

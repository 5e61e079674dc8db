/* layout.c: see layout.h. */
#include "prims/layout.h"

#include <string.h>

#include "prims/bytes.h"

/* The strides of `shape` against the axes of `output`, right-aligned. */
static void input_strides(const hp_shape *output, const hp_shape *shape, int64_t pitch, int64_t *strides) {
    int64_t stride = 1;
    for (int i = output->rank - 1; i >= 0; i--) {
        int j = i - (output->rank - shape->rank);
        bool repeats = j < 0 || (shape->dims[j] == 1 && !(j == 0 && shape->rows));
        strides[i] = repeats ? 0 : stride;
        if (j >= 0) stride *= j == shape->rank - 1 ? pitch : shape->dims[j];
    }
}

/* Axis k + 1 runs on from axis k in every input. */
static bool runs_together(const hp_layout *l, int k) {
    for (int i = 0; i < l->input_count; i++)
        if (l->strides[i][k] != l->strides[i][k + 1] * l->dims[k + 1]) return false;
    return true;
}

static void remove_axis(hp_layout *l, int k) {
    for (int a = k; a + 1 < l->rank; a++) {
        l->dims[a] = l->dims[a + 1];
        for (int i = 0; i < l->input_count; i++) l->strides[i][a] = l->strides[i][a + 1];
    }
    l->rank--;
}

void hp_layout_make(
    hp_layout *layout, const hp_shape *output, const hp_shape *const *shapes, const int64_t *pitches, int input_count) {
    *layout = (hp_layout){.rank = output->rank, .rows = output->rows, .input_count = input_count};
    for (int a = 0; a < output->rank; a++) layout->dims[a] = output->dims[a];
    for (int i = 0; i < input_count; i++)
        if (shapes[i]) input_strides(output, shapes[i], pitches[i], layout->strides[i]);
    for (int a = layout->rank - 1; a >= (layout->rows ? 1 : 0); a--)
        if (layout->dims[a] == 1) remove_axis(layout, a);
    for (int a = layout->rank - 2; a >= 0; a--)
        if (runs_together(layout, a)) {
            layout->dims[a + 1] *= layout->dims[a]; /* the merged axis takes the inner one's strides */
            remove_axis(layout, a);
        }
    if (layout->rank == 0) {
        layout->rank = 1;
        layout->dims[0] = 1;
        for (int i = 0; i < input_count; i++) layout->strides[i][0] = 0;
    }
}

bool hp_layout_is_full(const hp_layout *layout, int input) {
    int64_t stride = 1;
    for (int a = layout->rank - 1; a >= 0; a--) {
        bool one = layout->dims[a] == 1 && !(a == 0 && layout->rows);
        if (layout->strides[input][a] != stride && !one) return false;
        stride *= layout->dims[a];
    }
    return true;
}

bool hp_layout_is_scalar(const hp_layout *layout, int input) {
    for (int a = 0; a < layout->rank; a++)
        if (layout->strides[input][a] != 0) return false;
    return true;
}

int64_t hp_layout_period(const hp_layout *layout, int input) {
    int first = 0;
    while (first < layout->rank && layout->strides[input][first] == 0) first++;
    if (first == 0) return 0;
    int64_t period = 1;
    for (int a = first; a < layout->rank; a++) period *= layout->dims[a];
    return period;
}

int64_t hp_layout_elements(const hp_layout *layout, int64_t rows) {
    int64_t elements = layout->rows ? rows : 1;
    for (int a = 0; a < layout->rank; a++) elements *= layout->dims[a];
    return elements;
}

void hp_layout_expand(
    const hp_layout *layout, int input, size_t size, void *y, const void *x, int64_t begin, int64_t count) {
    if (count <= 0) return;
    const int64_t *strides = layout->strides[input];
    int last = layout->rank - 1;
    int64_t index[HP_MAX_RANK], offset = 0, rest = begin;
    for (int a = last; a > 0; a--) {
        index[a] = rest % layout->dims[a];
        rest /= layout->dims[a];
        offset += index[a] * strides[a];
    }
    index[0] = rest;
    offset += rest * strides[0];
    /* Runs along the last axis; axis 0 needs no wrap: the count ends inside it. */
    char *to = y;
    while (count > 0) {
        int64_t run = last > 0 ? layout->dims[last] - index[last] : count;
        if (run > count) run = count;
        const char *from = (const char *)x + (size_t)offset * size;
        if (strides[last] == 0)
            hp_bytes_fill(to, from, size, (size_t)run);
        else
            hp_bytes_copy(to, from, (size_t)run * size);
        to += (size_t)run * size;
        count -= run;
        if (count == 0 || last == 0) break;
        offset -= index[last] * strides[last];
        index[last] = 0;
        for (int a = last - 1; a >= 0; a--) {
            index[a]++;
            offset += strides[a];
            if (a == 0 || index[a] < layout->dims[a]) break;
            offset -= index[a] * strides[a];
            index[a] = 0;
        }
    }
}

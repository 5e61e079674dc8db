/* strided.c: see strided.h. */
#include "prims/strided.h"

#include "prims/bytes.h"

enum { MATRIX_COLUMNS = 64 }; /* columns of the source that a unit of a transposition takes */

void hp_strided_axis(hp_strided *copy, int64_t dim, int64_t to, int64_t from) {
    int a = copy->rank++;
    copy->dims[a] = dim;
    copy->to[a] = to;
    copy->from[a] = from;
}

static void remove_axis(hp_strided *c, int k) {
    c->rank--;
    for (int a = k; a < c->rank; a++) {
        c->dims[a] = c->dims[a + 1];
        c->to[a] = c->to[a + 1];
        c->from[a] = c->from[a + 1];
    }
}

/* Moves axis k to place `place` >= k. */
static void move_axis(hp_strided *c, int k, int place) {
    int64_t dim = c->dims[k], to = c->to[k], from = c->from[k];
    for (int a = k; a < place; a++) {
        c->dims[a] = c->dims[a + 1];
        c->to[a] = c->to[a + 1];
        c->from[a] = c->from[a + 1];
    }
    c->dims[place] = dim;
    c->to[place] = to;
    c->from[place] = from;
}

/* A transposition: the last axis is contiguous in the target only, another one in the source only. */
static void choose_transposition(hp_strided *c) {
    int last = c->rank - 1, first = c->rows ? 1 : 0;
    if (last <= first || c->to[last] != 1 || c->from[last] <= 1 || c->dims[last] < 2) return;
    for (int a = first; a < last; a++)
        if (c->from[a] == 1 && c->dims[a] > 1 && c->to[a] > 0) {
            move_axis(c, a, last - 1);
            c->transposes = true;
            return;
        }
}

void hp_strided_plan(hp_strided *copy) {
    for (int a = copy->rank - 1; a >= (copy->rows ? 1 : 0); a--)
        if (copy->dims[a] == 1) remove_axis(copy, a);
    for (int a = copy->rank - 2; a >= 0; a--) {
        bool together = copy->to[a] == copy->to[a + 1] * copy->dims[a + 1] &&
                        copy->from[a] == copy->from[a + 1] * copy->dims[a + 1];
        if (!together) continue;
        copy->dims[a + 1] *= copy->dims[a];
        remove_axis(copy, a);
    }
    if (copy->rank == 0) hp_strided_axis(copy, 1, 1, 1);
    choose_transposition(copy);
}

static int64_t columns_chunks(const hp_strided *c) {
    return (c->dims[c->rank - 2] + MATRIX_COLUMNS - 1) / MATRIX_COLUMNS;
}

int64_t hp_strided_units(const hp_strided *copy, int64_t rows) {
    int64_t units = copy->transposes ? columns_chunks(copy) : 1;
    int outer = copy->rank - (copy->transposes ? 2 : 1);
    for (int a = 0; a < copy->rank; a++)
        if (copy->dims[a] == 0) return 0;
    for (int a = 0; a < outer; a++) units *= copy->dims[a];
    return copy->rows && outer > 0 ? units * rows : copy->rows && rows == 0 ? 0 : units;
}

int64_t hp_strided_unit_bytes(const hp_strided *copy) {
    int64_t bytes = copy->dims[copy->rank - 1] * (int64_t)copy->size;
    if (!copy->transposes) return bytes;
    int64_t columns = copy->dims[copy->rank - 2];
    return bytes * (columns < MATRIX_COLUMNS ? columns : MATRIX_COLUMNS);
}

/* y[i * y_stride + r] = x[r * x_stride + i], tile by tile so that both sides stay in L1. */
#define TRANSPOSE(bytes)                                                                                               \
    for (int64_t r0 = 0; r0 < rows; r0 += 16)                                                                          \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t r = r0; r < rows && r < r0 + 16; r++)                                                         \
    memcpy(y + (i * y_stride + r) * (bytes), x + (r * x_stride + i) * (bytes), bytes)

static void transpose(const hp_kernels *kernels, size_t size, char *y, int64_t y_stride, const char *x,
    int64_t x_stride, int64_t rows, int64_t n) {
    switch (size) {
    case 1:
        TRANSPOSE(1);
        break;
    case 2:
        TRANSPOSE(2);
        break;
    case 4:
        kernels->transpose((float *)(void *)y, (size_t)y_stride, (const float *)(const void *)x, (size_t)x_stride,
            (size_t)rows, (size_t)n);
        break;
    case 8:
        TRANSPOSE(8);
        break;
    case 16:
        TRANSPOSE(16);
        break;
    default:
        break;
    }
}

static void copy_apart(char *to, int64_t to_step, const char *from, int64_t from_step, size_t size, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        hp_bytes_copy(to + i * to_step * (int64_t)size, from + i * from_step * (int64_t)size, size);
}

/* `count` runs of n elements, `to_stride` and `from_stride` apart. */
static void copy_runs(
    const hp_strided *c, char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t n, int64_t count) {
    int64_t to_step = c->to[c->rank - 1], from_step = c->from[c->rank - 1], size = (int64_t)c->size;
    to_stride *= size, from_stride *= size;
    if (n == 1 || (to_step == 1 && from_step == 1)) {
        for (; count > 0; count--, to += to_stride, from += from_stride) hp_bytes_copy(to, from, (size_t)(n * size));
    } else if (to_step == 1 && from_step == 0) {
        for (; count > 0; count--, to += to_stride, from += from_stride) hp_bytes_fill(to, from, c->size, (size_t)n);
    } else if (to_step == 1) {
        for (; count > 0; count--, to += to_stride, from += from_stride)
            hp_bytes_copy_step(to, from, from_step, c->size, (size_t)n);
    } else {
        for (; count > 0; count--, to += to_stride, from += from_stride)
            copy_apart(to, to_step, from, from_step, c->size, n);
    }
}

/* Where the first `axes` axes' combined index lies. Axis 0 takes what is left: its length may depend on the rows. */
static void locate(const hp_strided *c, int axes, int64_t index, int64_t *to, int64_t *from) {
    *to = c->to_offset;
    *from = c->from_offset;
    for (int a = axes - 1; a >= 0; a--) {
        int64_t i = a > 0 ? index % c->dims[a] : index;
        if (a > 0) index /= c->dims[a];
        *to += i * c->to[a];
        *from += i * c->from[a];
    }
}

static void run_transposes(
    const hp_strided *c, const hp_kernels *kernels, char *to, const char *from, int64_t begin, int64_t end) {
    int outer = c->rank - 2;
    int64_t chunks = columns_chunks(c), size = (int64_t)c->size;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t t, f, column = unit % chunks * MATRIX_COLUMNS, n = c->dims[outer] - column;
        locate(c, outer, unit / chunks, &t, &f);
        if (n > MATRIX_COLUMNS) n = MATRIX_COLUMNS;
        transpose(kernels, c->size, to + (t + column * c->to[outer]) * size, c->to[outer], from + (f + column) * size,
            c->from[outer + 1], c->dims[outer + 1], n);
    }
}

void hp_strided_run(const hp_strided *copy, const hp_kernels *kernels, void *to, const void *from, int64_t rows,
    int64_t begin, int64_t end) {
    if (copy->transposes) {
        run_transposes(copy, kernels, to, from, begin, end);
        return;
    }
    int outer = copy->rank - 1;
    int64_t n = copy->dims[outer], size = (int64_t)copy->size;
    if (outer == 0 && copy->rows) n *= rows;
    while (begin < end) { /* as many runs at once as lie along axis outer - 1 */
        int64_t count = 1, t, f;
        if (outer == 1)
            count = end - begin;
        else if (outer > 1)
            count = copy->dims[outer - 1] - begin % copy->dims[outer - 1];
        if (count > end - begin) count = end - begin;
        locate(copy, outer, begin, &t, &f);
        copy_runs(copy, (char *)to + t * size, outer ? copy->to[outer - 1] : 0, (const char *)from + f * size,
            outer ? copy->from[outer - 1] : 0, n, count);
        begin += count;
    }
}

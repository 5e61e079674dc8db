/* graph.c: shapes, and the life of a graph's memory. See graph.h. */
#include "prims/graph.h"

#include <stdio.h>
#include <string.h>

int64_t hp_shape_product(const hp_shape *shape, int first, int last) {
    int64_t product = 1;
    for (int i = first; i < last; i++) product *= shape->dims[i];
    return product;
}

int64_t hp_shape_elements(const hp_shape *shape) {
    return hp_shape_product(shape, 0, shape->rank);
}

bool hp_shape_valid(const hp_shape *shape) {
    if (shape->rank < 0 || shape->rank > HP_MAX_RANK || (shape->rows && shape->rank == 0)) return false;
    int64_t product = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0) return false;
        /* An axis of 0 must not hide that the others are too large: strides are products of some of the dims. */
        int64_t dim = shape->dims[i] > 0 ? shape->dims[i] : 1;
        if (__builtin_mul_overflow(product, dim, &product) || product > HP_MAX_ELEMENTS) return false;
    }
    return true;
}

bool hp_shape_equal(const hp_shape *a, const hp_shape *b) {
    if (a->rank != b->rank || a->rows != b->rows) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

/* Appends to text[*used], as far as there is room. */
static void append(char *text, size_t size, size_t *used, const char *piece) {
    size_t n = strlen(piece);
    if (*used + n >= size) n = size - *used - 1;
    memcpy(text + *used, piece, n);
    *used += n;
    text[*used] = '\0';
}

const char *hp_shape_text(const hp_shape *shape, char *text, size_t size) {
    if (size == 0) return text;
    size_t used = 0;
    text[0] = '\0';
    append(text, size, &used, "(");
    for (int i = 0; i < shape->rank; i++) {
        char dim[40];
        if (i == 0 && shape->rows && shape->dims[0] == 1)
            snprintf(dim, sizeof dim, "rows");
        else if (i == 0 && shape->rows)
            snprintf(dim, sizeof dim, "rows*%lld", (long long)shape->dims[0]);
        else
            snprintf(dim, sizeof dim, "%lld", (long long)shape->dims[i]);
        append(text, size, &used, dim);
        if (i + 1 < shape->rank)
            append(text, size, &used, ", ");
        else if (shape->rank == 1)
            append(text, size, &used, ",");
    }
    append(text, size, &used, ")");
    return text;
}

hp_broadcast_result hp_shape_broadcast_rows(const hp_shape *a, const hp_shape *b, hp_shape *result) {
    const hp_shape *longer = a->rank >= b->rank ? a : b, *shorter = a->rank >= b->rank ? b : a;
    int offset = longer->rank - shorter->rank;
    hp_shape out = {.rank = longer->rank, .rows = a->rows || b->rows};
    if (shorter->rows && offset > 0) return HP_BROADCAST_MIXES_ROWS; /* rows against an axis that is not the rows' */
    for (int i = 0; i < longer->rank; i++) {
        int64_t m = longer->dims[i], n = i < offset ? 1 : shorter->dims[i - offset];
        bool rows_of_one = i == 0 && offset == 0 && longer->rows != shorter->rows;
        if (rows_of_one) { /* the constant's axis must be 1: only so does it fit every number of rows */
            if ((longer->rows ? n : m) != 1) return HP_BROADCAST_MIXES_ROWS;
            out.dims[i] = longer->rows ? m : n;
        } else if (m == n || n == 1) {
            if (i == 0 && m != n && offset == 0 && out.rows) return HP_BROADCAST_MISFIT; /* (rows*T) against (rows) */
            out.dims[i] = m;
        } else if (m == 1 && !(i == 0 && out.rows)) {
            out.dims[i] = n;
        } else {
            return HP_BROADCAST_MISFIT;
        }
    }
    *result = out;
    return HP_BROADCAST_FITS;
}

bool hp_shape_broadcast(const hp_shape *a, const hp_shape *b, hp_shape *result) {
    return hp_shape_broadcast_rows(a, b, result) == HP_BROADCAST_FITS;
}

hp_value hp_value_home(const hp_graph *graph, hp_value value, int64_t *column) {
    int64_t first = 0;
    for (; graph->values[value].within != HP_NO_VALUE; value = graph->values[value].within)
        first += graph->values[value].column;
    if (column) *column = first;
    return value;
}

int64_t hp_value_pitch(const hp_graph *graph, hp_value value) {
    const hp_shape *home = &graph->values[hp_value_home(graph, value, NULL)].tensor.shape;
    return home->rank > 0 ? home->dims[home->rank - 1] : 1;
}

void hp_graph_release(hp_graph *graph) {
    if (!graph) return;
    hp_arena_release(&graph->arena);
    *graph = (hp_graph){0};
}

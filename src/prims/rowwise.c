/* rowwise.c: see rowwise.h. */
#include "prims/rowwise.h"

enum { PIECE = 8192 }; /* elements */

void hp_rowwise_plan(hp_rowwise *w, const hp_shape *shape, int axis_count) {
    w->rows = shape->rows;
    w->outer = hp_shape_product(shape, 0, shape->rank - axis_count);
    w->n = hp_shape_product(shape, shape->rank - axis_count, shape->rank);
    w->in_piece = w->n > 0 && w->n < PIECE ? PIECE / w->n : 1;
}

int64_t hp_rowwise_range(const hp_rowwise *w, int64_t rows) {
    int64_t outer = w->outer * (w->rows ? rows : 1);
    int64_t pieces = outer / w->in_piece + (outer % w->in_piece != 0);
    return pieces > 0 ? pieces : 1;
}

int64_t hp_rowwise_part(const hp_rowwise *w, const hp_run *run, int64_t *begin) {
    int64_t outer = w->outer * (w->rows ? run->rows : 1), end = run->end * w->in_piece;
    *begin = run->begin * w->in_piece;
    if (end > outer) end = outer;
    return end > *begin ? end - *begin : 0;
}

/* rowwise.h: what primitives share that treat a tensor as rows of its last axes: softmax and normalise. */
#ifndef HP_PRIMS_ROWWISE_H
#define HP_PRIMS_ROWWISE_H

#include "prims/prim.h"

typedef struct hp_rowwise {
    bool rows;
    int64_t outer, n; /* vectors (per row where there are rows) and their length */
    int64_t in_piece; /* vectors dealt out at once */
} hp_rowwise;

/* Of a tensor whose last `axis_count` axes are the vector. */
void hp_rowwise_plan(hp_rowwise *w, const hp_shape *shape, int axis_count);
int64_t hp_rowwise_range(const hp_rowwise *w, int64_t rows);
/* The vectors of a run: *begin and how many. */
int64_t hp_rowwise_part(const hp_rowwise *w, const hp_run *run, int64_t *begin);

#endif

/* tiles.h: how many rows go through the steps together. See plan.h. */
#ifndef HP_GRAPH_TILES_H
#define HP_GRAPH_TILES_H

#include "graph/plan.h"

/* What the choice looks at, for each step. */
typedef struct hp_step_cost {
    size_t live_bytes;   /* of all values alive during the step, for one row */
    size_t weight_bytes; /* of its constants */
    double flops;        /* for one row */
    int64_t rows;        /* of a tile from which on the step runs at its full rate; 0: 1 */
} hp_step_cost;

/* Cuts the steps into segments and gives each its tile: fills tile_of[step], equal for neighbours of one segment. */
void hp_tiles_choose(
    const hp_step_cost *costs, size_t count, const hp_plan_options *options, size_t gemm_mr, int64_t *tile_of);

/* Rows of the next tile of at most `most` rows when `left` are left: those of a run are about as long as each other, since a
 * short one would read the weights for a few rows. Long ones are whole tiles of the kernels. */
int64_t hp_tiles_next(int64_t most, int64_t left, size_t gemm_mr);

#endif

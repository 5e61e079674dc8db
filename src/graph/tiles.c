/* tiles.c: the static rule for tiles and segments.
 *
 * Two wishes pull at a tile. Values should stay in the cache from the step that makes them to the step that reads
 * them: the fewer rows the better, down to what keeps the micro-kernels full. Weights that do not fit the cache are
 * read again for each tile: the more rows the better, until the arithmetic hides the reading. The first decides; where
 * the second asks for much more than that (a Dense layer of many units behind a convolution), its steps form a segment
 * with a tile of their own. */
#include "graph/tiles.h"

enum {
    MOST_ROWS = 512,
    FLOPS_PER_CYCLE = 32,       /* of a core with 256-bit vectors */
    WEIGHT_BYTES_PER_CYCLE = 6, /* from the last cache level */
    HIDE = 4,                   /* the arithmetic should take this many times as long as reading the weights */
};

static int64_t whole_tiles(int64_t rows, size_t gemm_mr) {
    int64_t mr = (int64_t)gemm_mr;
    return rows > mr ? rows / mr * mr : rows;
}

/* Rows of `live_bytes` that fit: in level 1 where that leaves enough of them, else in half of level 2. */
static int64_t rows_that_fit(size_t live_bytes, const hp_plan_options *options) {
    enum { ENOUGH_ROWS = 96 };
    if (live_bytes == 0) return MOST_ROWS;
    int64_t rows = (int64_t)(options->level1 / 4 * 3 / live_bytes);
    if (rows < ENOUGH_ROWS) {
        rows = (int64_t)(options->level2 / 2 / live_bytes);
        if (rows > ENOUGH_ROWS * 2) rows = ENOUGH_ROWS * 2;
    }
    return rows < 1 ? 1 : rows > MOST_ROWS ? MOST_ROWS : rows;
}

/* Rows over which reading the step's weights is hidden; 1 for weights that stay in the cache. */
static int64_t rows_that_hide_weights(const hp_step_cost *cost, const hp_plan_options *options) {
    if (cost->weight_bytes < options->level2 / 2 || cost->flops <= 0) return 1;
    double cycles = (double)HIDE * (double)cost->weight_bytes / WEIGHT_BYTES_PER_CYCLE;
    double rows = cycles * FLOPS_PER_CYCLE / cost->flops;
    return rows > MOST_ROWS ? MOST_ROWS : rows < 1 ? 1 : (int64_t)rows;
}

void hp_tiles_choose(
    const hp_step_cost *costs, size_t count, const hp_plan_options *options, size_t gemm_mr, int64_t *tile_of) {
    int64_t smallest = MOST_ROWS;
    for (size_t i = 0; i < count; i++) {
        int64_t rows = rows_that_fit(costs[i].live_bytes, options);
        if (rows < smallest) smallest = rows;
    }
    smallest = whole_tiles(smallest, gemm_mr);
    if (options->tile_rows > 0) smallest = options->tile_rows;
    int64_t current = smallest;
    for (size_t i = 0; i < count; i++) {
        int64_t wanted = rows_that_hide_weights(&costs[i], options);
        if (options->tile_rows > 0) wanted = 1;
        if (wanted > 2 * smallest && wanted > current)
            current = whole_tiles(wanted + (int64_t)gemm_mr - 1, gemm_mr);
        else if (current > smallest && wanted <= 2 * smallest &&
                 rows_that_fit(costs[i].live_bytes, options) < current / 2)
            current = smallest; /* its values would leave the cache */
        tile_of[i] = current;
    }
}

/* tiles.c: the static rule for tiles and segments.
 *
 * Two wishes pull at a tile. Values should stay in the cache from the step that makes them to the step that reads
 * them: the fewer rows the better, down to what keeps the micro-kernels full. Weights that do not fit the cache are
 * read again for each tile: the more rows the better, until the arithmetic hides the reading. The first decides; where
 * the second asks for more than that (a Dense layer of many units, the last convolutions over small images), its steps
 * form a segment with a tile of their own. */
#include "graph/tiles.h"

enum {
    MOST_ROWS = 512,
    FLOPS_PER_CYCLE = 32,       /* of a core with 256-bit vectors */
    WEIGHT_BYTES_PER_CYCLE = 6, /* from the last cache level */
    HIDE = 4,                   /* the arithmetic should take this many times as long as reading the weights */
    FLOPS_PER_WEIGHT_BYTE = 96, /* and does so with ease where the values stay near: 192 pixels for each weight */
    NEAR = 4,                   /* times the second level: from the last level values come in long runs */
};

static int64_t whole_tiles(int64_t rows, size_t gemm_mr) {
    int64_t mr = (int64_t)gemm_mr;
    return rows > mr ? rows / mr * mr : rows;
}

/* Rows of `live_bytes` that fit: in level 1 where that leaves enough of them, else in half of level 2. Each tile begins
 * with inputs that are not in any cache: with 120 rows in level 1 a small MLP is slower than with 512 in level 2. */
static int64_t rows_that_fit(size_t live_bytes, const hp_plan_options *options) {
    enum { ENOUGH_ROWS = 256 };
    if (live_bytes == 0) return MOST_ROWS;
    int64_t rows = (int64_t)(options->level1 / 4 * 3 / live_bytes);
    if (rows < ENOUGH_ROWS) rows = (int64_t)(options->level2 / 2 / live_bytes);
    return rows < 1 ? 1 : rows > MOST_ROWS ? MOST_ROWS : rows;
}

/* Rows over which reading the step's weights is hidden; 1 for weights that stay in the cache. */
static int64_t rows_that_hide_weights(const hp_step_cost *cost, const hp_plan_options *options) {
    if (cost->weight_bytes < options->level2 / 2 || cost->flops <= 0) return 1;
    double cycles = (double)HIDE * (double)cost->weight_bytes / WEIGHT_BYTES_PER_CYCLE;
    double rows = cycles * FLOPS_PER_CYCLE / cost->flops;
    return rows > MOST_ROWS ? MOST_ROWS : rows < 1 ? 1 : (int64_t)rows;
}

/* Rows over which weights that leave the cache are used often; as many as keep the values near. */
static int64_t rows_that_reuse_weights(const hp_step_cost *cost, const hp_plan_options *options) {
    if (cost->weight_bytes < options->level2 / 4 || cost->flops <= 0) return 1;
    double rows = FLOPS_PER_WEIGHT_BYTE * (double)cost->weight_bytes / cost->flops + 0.5;
    double near = cost->live_bytes ? NEAR * (double)options->level2 / (double)cost->live_bytes : MOST_ROWS;
    if (rows > near) rows = near;
    return rows > MOST_ROWS ? MOST_ROWS : rows < 1 ? 1 : (int64_t)rows;
}

/* The tile that the step alone asks for; `smallest` where it asks for nothing. */
static int64_t rows_wanted(const hp_step_cost *cost, const hp_plan_options *options, size_t gemm_mr, int64_t smallest) {
    int64_t hide = rows_that_hide_weights(cost, options), reuse = rows_that_reuse_weights(cost, options);
    if (cost->rows > reuse) reuse = cost->rows;
    if (options->tile_rows > 0) return smallest;
    if (hide > 2 * smallest) return whole_tiles(hide + (int64_t)gemm_mr - 1, gemm_mr);
    return reuse >= 2 * smallest ? reuse : smallest;
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
        int64_t wanted = rows_wanted(&costs[i], options, gemm_mr, smallest);
        if (wanted > current)
            current = wanted;
        else if (wanted < current && (double)costs[i].live_bytes * (double)current > NEAR * (double)options->level2)
            current = wanted; /* its values would leave the cache */
        tile_of[i] = current;
    }
}

int64_t hp_tiles_next(int64_t most, int64_t left, size_t gemm_mr) {
    enum { LONG = 8 };
    if (left <= most) return left;
    const int64_t mr = (int64_t)gemm_mr, tiles = (left + most - 1) / most, rows = (left + tiles - 1) / tiles,
                  whole = (rows + mr - 1) / mr * mr;
    return rows >= LONG * mr && whole <= most ? whole : rows;
}

/* grid.c: see grid.h. */
#include "prims/grid.h"

#include "base/memory.h"

/* A piece does at least so much work (some microseconds on one core), and there need not be more pieces than would
 * keep many cores busy. */
static const double piece_flops = 256e3;
enum { PIECES_WANTED = 64 };

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* The smallest multiple of `unit` that is at least `least` and makes at most `blocks` blocks, or all of `n`. */
static size_t block_of(size_t n, size_t unit, double least, size_t blocks) {
    size_t block = HP_DIVIDE_UP(HP_DIVIDE_UP(n, blocks), unit);
    if (least >= (double)n) return n;
    size_t wanted = (size_t)(least / (double)unit) + 1;
    if (wanted > block) block = wanted;
    return smaller(block * unit, n);
}

hp_grid hp_grid_make(size_t rows, size_t columns, size_t row_unit, size_t column_unit, double element_flops) {
    hp_grid grid = {.rows = rows, .columns = columns, .row_block = rows, .column_block = columns};
    if (rows == 0 || columns == 0) return grid;
    double flops = element_flops > 1 ? element_flops : 1;
    grid.row_block = block_of(rows, row_unit, piece_flops / (flops * (double)columns), PIECES_WANTED);
    grid.row_blocks = HP_DIVIDE_UP(rows, grid.row_block);
    grid.column_block = block_of(columns, column_unit, piece_flops / (flops * (double)grid.row_block),
        HP_DIVIDE_UP(PIECES_WANTED, grid.row_blocks));
    grid.column_blocks = HP_DIVIDE_UP(columns, grid.column_block);
    return grid;
}

int64_t hp_grid_pieces(const hp_grid *grid) {
    int64_t pieces = (int64_t)(grid->row_blocks * grid->column_blocks);
    return pieces ? pieces : 1;
}

/* Pieces are numbered down the rows first, so that neighbours share their columns of the packed operand. */
bool hp_grid_next(const hp_grid *grid, int64_t *begin, int64_t end, hp_rectangle *rectangle) {
    if (*begin >= end || grid->row_blocks == 0) return false;
    size_t first = (size_t)*begin, count = (size_t)(end - *begin);
    size_t column = first / grid->row_blocks, row = first % grid->row_blocks;
    size_t rows = smaller(count, grid->row_blocks - row), columns = 1;
    if (rows == grid->row_blocks) columns = count / grid->row_blocks;
    *rectangle = (hp_rectangle){.row_begin = row * grid->row_block,
        .row_end = smaller((row + rows) * grid->row_block, grid->rows),
        .column_begin = column * grid->column_block,
        .column_end = smaller((column + columns) * grid->column_block, grid->columns)};
    *begin += (int64_t)(rows * columns);
    return true;
}

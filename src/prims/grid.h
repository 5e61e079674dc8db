/* grid.h: the split of a matrix of outputs into pieces that workers can take.
 *
 * Pieces are rectangles of row blocks and column blocks. How a matrix is split never changes a result (kernels
 * guarantee that), so the split may look at the number of rows. */
#ifndef HP_PRIMS_GRID_H
#define HP_PRIMS_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hp_grid {
    size_t rows, columns;
    size_t row_block, column_block; /* of all pieces but the last ones of a row or column */
    size_t row_blocks, column_blocks;
} hp_grid;

typedef struct hp_rectangle {
    size_t row_begin, row_end, column_begin, column_end;
} hp_rectangle;

/* Splits rows x columns. Blocks are multiples of the units; rows are split first, columns only where rows are few.
 * `element_flops` (per element of the matrix) sees to it that a piece is worth a hand-over. */
hp_grid hp_grid_make(size_t rows, size_t columns, size_t row_unit, size_t column_unit, double element_flops);
/* At least 1. */
int64_t hp_grid_pieces(const hp_grid *grid);
/* The largest next rectangle of the pieces *begin ... end - 1; moves *begin past it. False: nothing is left. */
bool hp_grid_next(const hp_grid *grid, int64_t *begin, int64_t end, hp_rectangle *rectangle);

#endif

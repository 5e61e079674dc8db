/* strided.h: one copy between two strided views of elements of any size: what transposing, slicing, padding,
 * concatenating, repeating and broadcasting all come down to.
 *
 *   to[to_offset + sum of i_a * to[a]] = from[from_offset + sum of i_a * from[a]]   for all i_a < dims[a]
 *
 * Offsets and strides are in elements. A copy is planned once (axes merged, the loop chosen) and run on any part of
 * its units. Steps of the source may be 0 (repeat) or negative (reverse). */
#ifndef HP_PRIMS_STRIDED_H
#define HP_PRIMS_STRIDED_H

#include "kernels/kernels.h"
#include "prims/graph.h"

enum { HP_STRIDED_RANK = HP_MAX_RANK + 2 };

typedef struct hp_strided {
    int rank;
    bool rows;       /* dims[0] is to be multiplied by the tile's rows */
    bool transposes; /* chosen: the last two axes are a matrix to be transposed */
    size_t size;     /* of an element in bytes: 1, 2, 4, 8, 16 */
    int64_t dims[HP_STRIDED_RANK], to[HP_STRIDED_RANK], from[HP_STRIDED_RANK];
    int64_t to_offset, from_offset;
} hp_strided;

/* Appends an axis, inside the ones before. */
void hp_strided_axis(hp_strided *copy, int64_t dim, int64_t to, int64_t from);
/* Merges axes and chooses the loop, after the last axis was appended. */
void hp_strided_plan(hp_strided *copy);
/* The work is dealt in units (a run, or some columns of a matrix): how many, and their size in bytes. */
int64_t hp_strided_units(const hp_strided *copy, int64_t rows);
int64_t hp_strided_unit_bytes(const hp_strided *copy);
/* Copies the units [begin, end). */
void hp_strided_run(const hp_strided *copy, const hp_kernels *kernels, void *to, const void *from, int64_t rows,
    int64_t begin, int64_t end);

#endif

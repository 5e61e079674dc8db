/* layout.h: how the operands of a broadcast operation lie against its output.
 *
 * Axes that run together in every operand are merged, axes of 1 are dropped, so that most operations become one run
 * or a matrix. A layout counts in elements; it knows no element types. */
#ifndef HP_PRIMS_LAYOUT_H
#define HP_PRIMS_LAYOUT_H

#include "prims/graph.h"

enum { HP_MAX_LAYOUT_INPUTS = 64 };

typedef struct hp_layout {
    int rank;  /* at least 1 */
    bool rows; /* dims[0] is to be multiplied by the tile's rows */
    int input_count;
    int64_t dims[HP_MAX_RANK];
    int64_t strides[HP_MAX_LAYOUT_INPUTS][HP_MAX_RANK]; /* 0: the input repeats along this axis */
} hp_layout;

/* Of inputs with these shapes, each of which broadcasts to `output`; their last axes lie `pitches` elements apart. NULL in
 * shapes: an absent input. */
void hp_layout_make(
    hp_layout *layout, const hp_shape *output, const hp_shape *const *shapes, const int64_t *pitches, int input_count);

/* The input holds every output element once, in order. */
bool hp_layout_is_full(const hp_layout *layout, int input);
/* The input is one element. */
bool hp_layout_is_scalar(const hp_layout *layout, int input);
/* Output elements after which the input repeats itself; 0: it doesn't within a tile. */
int64_t hp_layout_period(const hp_layout *layout, int input);
/* Output elements of a tile of `rows` rows. */
int64_t hp_layout_elements(const hp_layout *layout, int64_t rows);

/* Writes what output elements [begin, begin + count) see of an input to y; `size` is an element's bytes. */
void hp_layout_expand(
    const hp_layout *layout, int input, size_t size, void *y, const void *x, int64_t begin, int64_t count);

#endif

/* conv_winograd.h: the way of conv that goes through tiles of fewer multiplications (hp_winograd of kernels.h).
 *
 * Which layers take it is a static rule on the instruction set, the shape and --prefer: see choose in conv_winograd.c.
 * A dilated window is one image per phase of the dilation. */
#ifndef HP_PRIMS_CONV_WINOGRAD_H
#define HP_PRIMS_CONV_WINOGRAD_H

#include "prims/grid.h"
#include "prims/window.h"

/* What a convolution is to this way: `channels` and `filters` are of one group. */
typedef struct hp_winograd_layer {
    hp_geometry geometry;
    hp_images x;
    size_t groups, channels, filters;
    size_t x_pitch, y_pitch; /* between positions */
    hp_activation activation;
} hp_winograd_layer;

typedef struct hp_winograd_state hp_winograd_state;

/* *state = NULL where the layer is better off without, or its kernel is no constant. */
hp_status hp_winograd_prepare(
    const hp_prepare *prepare, const hp_winograd_layer *layer, hp_winograd_state **state, hp_error *error);
/* Whether no layer of this geometry, over so many channels, ever goes this way. */
bool hp_winograd_is_out(const hp_geometry *geometry, int64_t channels);
void hp_winograd_release(hp_winograd_state *state); /* NULL: nothing */
/* Rows of this grid are tiles, columns filters, or groups where there are several. */
hp_grid hp_winograd_grid(const hp_winograd_state *state, int64_t rows);
void hp_winograd_describe(const hp_winograd_state *state, char *text, size_t size);
size_t hp_winograd_workspace(const hp_winograd_state *state); /* bytes */
/* Rows of a tile of the plan that make enough tiles of outputs to hide the reading of the weights. */
int64_t hp_winograd_rows(const hp_winograd_state *state);
/* The tiles and columns of one rectangle of the grid. */
void hp_winograd_run(const hp_winograd_state *state, const hp_run *run, const hp_rectangle *r);

#endif

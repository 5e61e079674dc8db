/* linear.h: what gemm, conv, depthwise and conv_transpose share: their params, their inputs and their epilogue.
 *
 * All four compute activation(bias + x * w + residual): a pass that fuses or folds treats them alike. Their nodes
 * have HP_LINEAR_INPUTS inputs in the order of hp_linear_input, absent ones HP_NO_VALUE, one output, and
 * hp_linear_params as params. The bias is one value per column of the output (its last axis); the residual is shaped
 * like the output. */
#ifndef HP_PRIMS_LINEAR_H
#define HP_PRIMS_LINEAR_H

#include "prims/params.h"
#include "prims/prim.h"

typedef enum hp_linear_input {
    HP_LINEAR_X,
    HP_LINEAR_W,
    HP_LINEAR_BIAS,     /* optional: [columns] */
    HP_LINEAR_RESIDUAL, /* optional: shape of the output */
    HP_LINEAR_INPUTS
} hp_linear_input;

/* Lowering leaves the activation zeroed (identity) and the residual absent: passes fuse them. No padding. */
typedef struct hp_linear_params {
    hp_activation activation;
    int32_t transpose_w; /* gemm: w is [N, K] */
    hp_conv_params conv; /* the three convolutions; zeroed for gemm */
} hp_linear_params;

/* True for a node of one of the four. */
bool hp_node_is_linear(const hp_node *node);
/* Its params; the node must be linear. */
const hp_linear_params *hp_node_linear(const hp_node *node);
/* Gives a linear node another activation; the old params stay in the graph's arena. */
hp_status hp_node_set_activation(hp_graph *graph, hp_node *node, const hp_activation *activation, hp_error *error);
/* The axis of w (0 ... rank-1) that runs over the output's columns, for scaling w per column; -1 where there is no
 * single one (depthwise: the last two axes together). */
int hp_node_column_axis(const hp_graph *graph, const hp_node *node);

/* ---- for the four primitives themselves */

/* Rows of a tensor in a tile: axis 0 with the tile's rows, times the axes up to `last`. */
static inline size_t hp_tile_extent(bool rows, size_t per_row, int64_t tile_rows) {
    return rows ? per_row * (size_t)tile_rows : per_row;
}

/* Fails unless there are `count` inputs and those present are float32. */
hp_status hp_linear_check_inputs(
    const char *name, const hp_tensor *inputs, int input_count, int count, int required, hp_error *error);
/* Fails unless bias and residual (where present) fit `output`. */
hp_status hp_linear_check_epilogue(const char *name, const hp_tensor *inputs, const hp_tensor *output, hp_error *error);
/* An `in_place` for kernels that read a residual where they write: the residual. */
int hp_linear_in_place(const void *state);
/* The epilogue of one run; `columns` is the output's last axis. */
hp_epilogue hp_linear_epilogue(const hp_activation *activation, const hp_run *run, size_t columns);

#endif

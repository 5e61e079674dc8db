/* node_params.h: parameters of the primitives that need no choice by lowering: what the emitters write, the
 * primitives read, and passes may look at. Plain data, zeroed padding (they are hashed). */
#ifndef HP_PRIMS_NODE_PARAMS_H
#define HP_PRIMS_NODE_PARAMS_H

#include "prims/params.h"
#include "prims/graph.h"

/* reshape, broadcast: the output's shape. `pad` is zero. */
typedef struct hp_shape_params {
    int32_t rank;
    int32_t rows; /* 0 or 1 */
    int64_t dims[HP_MAX_RANK];
} hp_shape_params;

typedef struct hp_reduce_params {
    int32_t op; /* hp_reduction */
    int32_t keepdims;
    uint32_t axes; /* bit i: axis i is reduced */
} hp_reduce_params;

typedef struct hp_softmax_params {
    int32_t logarithm; /* over the last axis */
} hp_softmax_params;

typedef struct hp_normalise_params {
    int32_t axis_count; /* the last ones */
    int32_t rms;
    double epsilon;
} hp_normalise_params;

typedef struct hp_cumulate_params {
    int32_t product, axis, reverse;
} hp_cumulate_params;

typedef struct hp_transpose_params {
    int32_t permutation[HP_MAX_RANK]; /* output axis i is input axis permutation[i] */
} hp_transpose_params;

typedef struct hp_slice_params {
    int64_t begin[HP_MAX_RANK], count[HP_MAX_RANK], step[HP_MAX_RANK];
} hp_slice_params;

typedef struct hp_pad_params {
    int64_t before[HP_MAX_RANK], after[HP_MAX_RANK];
    double value; /* of mode HP_PAD_CONSTANT */
    int32_t mode; /* hp_pad_mode */
    int32_t zero;
} hp_pad_params;

typedef struct hp_axis_params {
    int64_t repeats; /* repeat, tile; else 0 */
    int32_t axis;    /* concat, repeat, tile, gather */
    int32_t zero;
} hp_axis_params;

typedef struct hp_sort_params {
    int32_t descending;
} hp_sort_params;

typedef struct hp_scatter_params {
    int32_t op; /* hp_scatter */
} hp_scatter_params;

typedef struct hp_ctc_beam_params {
    int32_t width, paths;
} hp_ctc_beam_params;

typedef struct hp_fft_params {
    int32_t inverse;
} hp_fft_params;

typedef struct hp_bitcast_params {
    int32_t dtype;
} hp_bitcast_params;

#endif

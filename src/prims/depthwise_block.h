/* depthwise_block.h: a depthwise convolution together with the 1x1 convolutions around it: an inverted residual block, or
 * a separable convolution. In front may also stand a small convolution of any window: the first layer of a network.
 * Passes make it; nothing lowers to it. */
#ifndef HP_PRIMS_DEPTHWISE_BLOCK_H
#define HP_PRIMS_DEPTHWISE_BLOCK_H

#include "prims/linear.h"

/* Inputs of the node. The expanding or the projecting convolution may be absent (all of its inputs HP_NO_VALUE). */
typedef enum hp_block_input {
    HP_BLOCK_X,
    HP_BLOCK_EXPAND_W, /* constant */
    HP_BLOCK_EXPAND_BIAS,
    HP_BLOCK_W,
    HP_BLOCK_BIAS,
    HP_BLOCK_PROJECT_W, /* constant */
    HP_BLOCK_PROJECT_BIAS,
    HP_BLOCK_RESIDUAL, /* of the last part */
    HP_BLOCK_INPUTS
} hp_block_input;

/* Zeroed where a part is absent. */
typedef struct hp_depthwise_block_params {
    hp_linear_params expand, depthwise, project;
} hp_depthwise_block_params;

/* A convolution of one tap, stride 1 and no padding over a constant kernel, by its node. */
bool hp_node_is_pointwise(const hp_graph *graph, const hp_node *node);
/* A convolution that may stand in front of the depthwise one: pointwise, or one that goes through the window kernel whatever
 * its size, with weights that stay in the cache. */
bool hp_node_expands(const hp_graph *graph, const hp_node *node);
/* A depthwise convolution that a block takes: at most two spatial axes and one output per channel. */
bool hp_node_is_plane(const hp_graph *graph, const hp_node *node);

#endif

/* conv_scaled.h: a 1x1 convolution of x times a factor per image and channel: what follows squeeze and excitation.
 * Passes make it; nothing lowers to it. */
#ifndef HP_PRIMS_CONV_SCALED_H
#define HP_PRIMS_CONV_SCALED_H

#include "prims/linear.h"

/* Inputs of the node: those of a linear one (the kernel is constant), then the factors: x's shape with one position an
 * image. Its params are hp_linear_params. */
enum { HP_SCALED_FACTORS = HP_LINEAR_INPUTS, HP_SCALED_INPUTS };

/* Whether the factors are better put into the weights of each image than into x: there is more to multiply in x. `node`: a
 * pointwise convolution (hp_node_is_pointwise). */
bool hp_node_scales_weights(const hp_graph *graph, const hp_node *node);

#endif

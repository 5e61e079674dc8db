/* rewrite.h: what passes share: who makes and who reads a value, running nodes on constants, replacing.
 *
 * A pass rewrites a node where it stands, so that every value is still made before it is read, and kills what it no
 * longer needs; dead_code drops killed nodes. Emitting through a builder may move graph->nodes and graph->values:
 * pointers into them must be fetched again. */
#ifndef HP_GRAPH_REWRITE_H
#define HP_GRAPH_REWRITE_H

#include "prims/builder.h"
#include "prims/elementwise.h"
#include "prims/prim.h"

/* Readers of every value: node inputs (twice where a node reads it twice) and graph outputs. Freed by the caller. */
hp_status hp_uses_count(const hp_graph *graph, int32_t **uses, hp_error *error);
/* The node that makes a value; NULL for inputs and constants. */
hp_node *hp_maker(const hp_graph *graph, hp_value value);
/* The node, if it is one of this primitive and makes `value`; else NULL. */
hp_node *hp_maker_of(const hp_graph *graph, hp_value value, const hp_prim *prim);
bool hp_is_constant(const hp_graph *graph, hp_value value);

/* A program of one step on `node`; NULL for anything else. */
const hp_elementwise_step *hp_single_step(const hp_node *node);

/* The node stands for the other's layers as well from now on: call it before the other is killed or copied over. In
 * profiles, a step names all of its layers. */
hp_status hp_node_join(hp_graph *graph, hp_node *node, const hp_node *other, hp_error *error);
/* The node computes nothing any more and reads nothing. */
void hp_node_kill(hp_node *node);
/* Every reader of `from` (graph outputs too) reads `to` from now on. */
void hp_replace_value(hp_graph *graph, hp_value from, hp_value to);

/* True when the node's outputs do not depend on rows: all inputs constants, no output with `rows`. */
bool hp_node_is_constant(const hp_graph *graph, const hp_node *node);
/* Runs such a node now: its outputs become constants of the store, and it is killed. A failure's place is the
 * node's layer. */
hp_status hp_fold_node(
    hp_graph *graph, size_t index, hp_constants *constants, const hp_kernels *kernels, hp_error *error);
/* A builder that appends to a finished graph, its place `layer`. */
hp_builder hp_rewrite_builder(hp_graph *graph, hp_constants *constants, const char *layer);
/* Runs what such a builder emitted (constant nodes only, from node `first` on) and takes the nodes away again. Fails
 * with the builder's failure, if there is one. */
hp_status hp_fold_emitted(
    hp_builder *builder, size_t first, hp_constants *constants, const hp_kernels *kernels, hp_error *error);

#endif

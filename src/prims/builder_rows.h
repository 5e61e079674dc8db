/* builder_rows.h: values whose rows are not outermost, while lowering.
 *
 * In a graph with free rows every value that is computed has them outermost. What a model makes of others is often
 * undone (time first, a recurrent layer, time last; blocks of an image as images, a convolution, and back), and then no
 * row meets another. So an operation that moves the rows gives a value that stands for another one, its base, in which
 * they are outermost; what can be done to the base instead is, and everything else mixes rows.
 *
 * Invariant: no node reads such a value, and it is no output of the graph. Only this file and the emitters of
 * transpositions look at its shape: the rows' axis has a size that nothing else has there. */
#ifndef HP_PRIMS_BUILDER_ROWS_H
#define HP_PRIMS_BUILDER_ROWS_H

#include "prims/builder.h"

/* x, which has rows, transposed so that they come to another axis than the first. */
hp_value hp_builder_move_rows(hp_builder *b, hp_value x, const int *permutation);
/* x[rows * blocks, ...] with the blocks outermost and the rows within: [blocks * rows, ...]. */
hp_value hp_builder_rows_within(hp_builder *b, hp_value x, int64_t blocks);
/* The base of such a value with so many blocks; HP_NO_VALUE: x is another one. */
hp_value hp_builder_rows_without(const hp_builder *b, hp_value x, int64_t blocks);

/* Transposes such a value further. False: x is none that was transposed. */
bool hp_builder_transpose_moved(hp_builder *b, hp_value x, const int *permutation, hp_value *y);

/* Whether one of the values is such a one. */
bool hp_builder_any_moved(const hp_builder *b, const hp_value *values, int count);
/* hp_emit_node where that is so: on their bases, or it mixes rows. */
hp_value hp_builder_node_of_moved(hp_builder *b, const struct hp_prim *prim, const void *params, size_t params_size,
    const hp_value *inputs, int input_count, hp_value *outputs, int output_count);
/* What is made of `value` asks for the place of its rows: mixes them. Returns HP_NO_VALUE. */
hp_value hp_builder_moved_mixes(hp_builder *b, hp_value value);
/* A new value of this tensor, which no node makes; `how`: of the graph's arena. In builder.c. */
hp_value hp_builder_add_moved(hp_builder *b, const hp_tensor *tensor, const hp_moved_rows *how);
/* Where the first such value was made, and why; false: there is none. */
bool hp_builder_first_moved(const hp_builder *b, const char **layer, const char **reason);
/* The axis of a value that is the rows', or holds them; -1: it has none. */
int hp_value_rows_axis(const hp_graph *graph, hp_value value);
/* Whether a shape has the size of an axis that has rows. */
bool hp_builder_has_moved_size(const hp_builder *b, const hp_shape *shape);

#endif

/* moves.h: the state and the run shared by all primitives that only move elements: a list of strided copies, each
 * from one of the node's inputs (or from a fill value) into output 0. The copies write disjoint parts of the output. */
#ifndef HP_PRIMS_MOVES_H
#define HP_PRIMS_MOVES_H

#include "prims/prim.h"
#include "prims/strided.h"

typedef struct hp_move {
    hp_strided copy;
    int input; /* -1: the fill value (all strides of the source are 0) */
} hp_move;

typedef struct hp_moves {
    const hp_kernels *kernels;
    unsigned char value[16]; /* one element */
    int count;
    hp_move at[];
} hp_moves;

/* With room for `count` moves, all with element size and `rows` set; NULL: out of memory. */
hp_moves *hp_moves_new(const hp_kernels *kernels, int count, size_t size, bool rows);
/* After all axes were appended. */
void hp_moves_plan(hp_moves *moves);

/* Functions of hp_prim. */
void hp_moves_release(void *state);
int64_t hp_moves_range(const void *state, int64_t rows);
hp_status hp_moves_run(const void *state, const hp_run *run);

/* For shape rules of primitives with one input and one output. */
hp_status hp_moves_check(const hp_tensor *inputs, int input_count, int output_count, hp_error *error);
/* C order strides of a shape. */
void hp_moves_strides(const hp_shape *shape, int64_t *strides);
/* Strides of a value where it lies, which may be within another one. */
void hp_moves_value_strides(const hp_graph *graph, hp_value value, int64_t *strides);

#endif

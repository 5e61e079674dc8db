/* prim.h: what a primitive is.
 *
 * A primitive is the only thing that computes. Its file holds one `const hp_prim hp_prim_<name>`, listed in prims.def.
 * Life of a node (as XNNPACK's operators): infer (shape rule, while lowering) -> prepare (choose the kernel, pack
 * weights into the store of constants, once per plan) -> run, many times, from many threads, on tiles of rows.
 * run takes a const state, allocates nothing, knows no threads: it computes the part [begin, end) of its range.
 *
 * Bit-identity: an output element must not depend on how many rows the tile has, where in it the row stands, or how
 * the range is split. So every choice depends on the ISA and the per-row shape only. */
#ifndef HP_PRIMS_PRIM_H
#define HP_PRIMS_PRIM_H

#include "kernels/kernels.h"
#include "prims/graph.h"
#include "prims/constants.h"

/* What prepare may look at. */
typedef struct hp_prepare {
    const hp_graph *graph;
    const hp_node *node;
    const hp_kernels *kernels;
    hp_constants *constants;
    uint64_t *packed; /* NULL, or the inputs (bit i) that are packed from here on: run will not read them */
    bool latency;     /* --prefer latency: one row at a time counts, not many */
} hp_prepare;

/* One run of a node on a tile. */
typedef struct hp_run {
    const void *const *inputs; /* one per node input: the tile's rows, or the constant's data; NULL where absent */
    void *const *outputs;
    int64_t rows;       /* of the tile; 1 in a graph with batch_rows */
    int64_t begin, end; /* the part of range(state, rows) to compute */
    void *workspace;    /* this worker's own, workspace(state, rows) bytes, on a cache line; content is undefined */
    hp_error *error;
} hp_run;

typedef struct hp_prim {
    const char *name;
    /* Shape and dtype rule. inputs[i] of an absent optional input has dtype HP_DTYPE_NONE. Checks everything that
     * run relies on: a graph that infer took must run without reading or writing outside its buffers.
     * Fills `output_count` outputs. HP_ERROR_SHAPE or HP_ERROR_UNSUPPORTED with a full message otherwise. */
    hp_status (*infer)(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
        int output_count, hp_error *error);
    /* True: output 0 is input 0's bytes under another shape: no run, no buffer. */
    bool alias;
    /* The input in whose buffer output 0 may be computed, where that dies here, no other input lies there, and both have
     * as many elements per row, of one size; -1: none. As many bytes alone will not do: an int64 that is broadcast to
     * eight bools has those. NULL: none. */
    int (*in_place)(const void *state);
    /* Inputs (bit i), and whether output 0, that may lie within wider values (hp_value_pitch). */
    uint32_t inputs_within;
    bool output_within;
    /* Makes the state: kernel, packed weights (from the store), tables. NULL: there is none (run gets the node's
     * hp_prepare-time state NULL). Constants' data is there. */
    hp_status (*prepare)(const hp_prepare *prepare, void **state, hp_error *error);
    void (*release)(void *state); /* NULL where prepare is NULL */
    /* How many pieces the work on `rows` rows can be dealt into; at least 1. Pieces should be coarse enough to be
     * worth a hand-over (a kernel tile, not an element). */
    int64_t (*range)(const void *state, int64_t rows);
    size_t (*workspace)(const void *state, int64_t rows); /* bytes; NULL: none */
    /* Rows of a tile from which on the step runs at its full rate, for algorithms whose weights want many; NULL: 1. */
    int64_t (*rows)(const void *state);
    /* HP_ERROR_ROW with error->row = the first bad row within the tile, for values that cannot be taken. */
    hp_status (*run)(const void *state, const hp_run *run);
    /* Floating-point operations of the direct algorithm for one row (2 per multiply-add). NULL: 0. */
    double (*flops)(const void *params, const hp_tensor *inputs, const hp_tensor *outputs);
    /* Writes the kernel or algorithm that prepare chose, in a few words, for profiles ("Winograd F(4x4, 3x3)").
     * NULL: there is only one. */
    void (*describe)(const void *state, char *text, size_t size);
} hp_prim;

/* An `in_place` for what goes element by element, or vector by vector: input 0. */
int hp_in_place_first(const void *state);

/* All primitives, by name ("gemm"); NULL when there is none. Made from prims.def. */
const hp_prim *hp_prim_find(const char *name);

#define PRIM(name) extern const hp_prim hp_prim_##name;
#include "prims/prims.def"
#undef PRIM

#endif

/* graph.h: a graph of primitives, and the constants it reads.
 *
 * Values are edges, nodes are calls of primitives, in an order in which every value is made before it is read.
 * Lowering (layers/, ops/) makes a graph through builder.h for one signature of input shapes: all dims are known
 * but the number of rows. Passes (graph/) rewrite it; plans (graph/plan.c) run it.
 *
 * Rows. A shape with `rows` set has the rows as (a factor of) axis 0: dims[0] counts the items of axis 0 that belong
 * to ONE row (1 for a plain batch axis; T after (batch, T, F) was reshaped to (batch * T, F)). Elements per row are
 * the product of dims; a tile of R rows is R such blocks one after the other, C order. A shape without `rows` is a
 * constant's, the same for every row, or belongs to a graph that mixes rows: such graphs are lowered with
 * batch_rows > 0, in which axis 0 of the inputs is that number and no shape has `rows`. */
#ifndef HP_PRIMS_GRAPH_H
#define HP_PRIMS_GRAPH_H

#include <stdbool.h>
#include "base/error.h"
#include "base/memory.h"

typedef struct hp_shape {
    int rank; /* all axes, the rows' among them; 0 is a scalar */
    bool rows;
    int64_t dims[HP_MAX_RANK];
} hp_shape;

typedef struct hp_tensor {
    hp_dtype dtype;
    hp_shape shape;
} hp_tensor;

/* Product of dims: per row where `rows` is set. */
int64_t hp_shape_elements(const hp_shape *shape);
/* Product of dims[first] .. dims[last - 1]. */
int64_t hp_shape_product(const hp_shape *shape, int first, int last);
bool hp_shape_equal(const hp_shape *a, const hp_shape *b);
/* Rank and dims in range, and at most HP_MAX_ELEMENTS elements (axes of 0 counted as 1): sizes and strides in bytes
 * then fit an int64_t. Every value in a graph is valid: the builder refuses others. */
#define HP_MAX_ELEMENTS ((int64_t)1 << 40)
bool hp_shape_valid(const hp_shape *shape);
/* "(rows, 28, 28, 1)", "(rows*60, 10)", "(3,)"; returns `text`. */
const char *hp_shape_text(const hp_shape *shape, char *text, size_t size);
/* NumPy's broadcasting of two shapes (rows broadcast against a constant's axis of 1). False: they do not fit. */
bool hp_shape_broadcast(const hp_shape *a, const hp_shape *b, hp_shape *result);
/* The same, telling apart what does not fit at all and what would meet the rows with another axis than theirs (that
 * can be computed in a graph with batch_rows). */
typedef enum hp_broadcast_result {
    HP_BROADCAST_FITS,
    HP_BROADCAST_MISFIT,
    HP_BROADCAST_MIXES_ROWS
} hp_broadcast_result;
hp_broadcast_result hp_shape_broadcast_rows(const hp_shape *a, const hp_shape *b, hp_shape *result);

/* Immutable data shared by all plans of a model. `id` tells constants apart for as long as the model lives; two
 * constants of one id hold the same bytes. `data` is NULL for a weight whose bytes are not bound yet (while a model
 * is first lowered): shape rules and lowering may look at shapes only; passes and prepare see bound data. */
typedef struct hp_constant {
    uint64_t id;
    hp_tensor tensor; /* never `rows` */
    const void *data; /* C order, native */
} hp_constant;

typedef int32_t hp_value; /* index into hp_graph.values */
#define HP_NO_VALUE ((hp_value)-1)

typedef struct hp_value_info {
    hp_tensor tensor;
    const hp_constant *constant; /* NULL: computed or an input */
    int32_t node;                /* that makes it; -1 for inputs and constants */
    hp_value mask;               /* Keras's _keras_mask while lowering: a bool value, or HP_NO_VALUE */
    /* A complex number while lowering: its real and its imaginary part; both HP_NO_VALUE: a real one. */
    hp_value parts[2];
    /* While lowering: how its rows lie elsewhere than outermost (builder_rows.h); NULL: they do not. */
    const struct hp_moved_rows *moved;
    /* A constant of sizes whose first is that of a tensor's rows, and holds what it is per row: only lowering may look at
     * it (hp_builder_known). */
    bool counts_rows;
    /* HP_NO_VALUE, or the value of which it is the columns (its last axis) from `column` on: its bytes lie there, and who
     * makes it makes that part of the other one. Only values that nobody but primitives that can (prim.h) make or read. */
    hp_value within;
    int64_t column;
} hp_value_info;

struct hp_prim;

/* The layers that a node stands for, in the order of the model: a list in the graph's arena that never changes. */
typedef struct hp_origin {
    const char *layer;
    const struct hp_origin *next;
} hp_origin;

typedef struct hp_node {
    const struct hp_prim *prim;
    const void *params; /* plain bytes without pointers (but custom's), padding zeroed: hashed and compared */
    size_t params_size;
    hp_value *inputs; /* HP_NO_VALUE for an optional one that is absent */
    int input_count;
    hp_value *outputs;
    int output_count;
    const char *layer;        /* place in the model for messages and profiles: `layers/3 "lstm_1" (LSTM)` */
    const hp_origin *origins; /* where passes joined nodes of several layers to this one; NULL: `layer` alone */
} hp_node;

/* A size that only the rows of a batch tell: function(params, the batch's values of an input, how many there are). */
typedef int64_t hp_measure_function(const void *params, const void *values, int64_t count);
typedef struct hp_measure {
    size_t input; /* of the graph */
    hp_measure_function *function;
    const void *params;
    size_t params_size;
} hp_measure;

typedef struct hp_graph {
    hp_arena arena; /* owns everything below but constants' data */
    hp_value_info *values;
    size_t value_count, value_capacity;
    hp_node *nodes;
    size_t node_count, node_capacity;
    hp_value *inputs, *outputs; /* in the order of model.inputs and model.outputs */
    size_t input_count, output_count;
    /* States that stateful layers keep from batch to batch: the last state_count inputs, and in the same order the last
     * state_count outputs; zeros before the first batch. Only with batch_rows > 0. */
    size_t state_count;
    hp_value *next_states; /* while lowering: what each state becomes; graph/ appends them to the outputs */
    hp_measure *measures;  /* in the order in which lowering asked for them; only with batch_rows > 0 */
    size_t measure_count;
    int64_t batch_rows; /* 0: rows are free; else the graph mixes rows and was lowered for this many */
} hp_graph;

/* The value whose bytes hold those of `value`: itself, or what it is within in the end, from *column on (may be NULL). */
hp_value hp_value_home(const hp_graph *graph, hp_value value, int64_t *column);
/* Elements from one place to the next along the last axis but one: the last axis of its home. */
int64_t hp_value_pitch(const hp_graph *graph, hp_value value);

void hp_graph_release(hp_graph *graph);

#endif

/* passes.h: rewriting a graph of primitives into a smaller one that gives the same answer. */
#ifndef HP_GRAPH_PASSES_H
#define HP_GRAPH_PASSES_H

#include "prims/prim.h"

/* Runs every pass of passes.def in its order. `constants` receives folded weights. The graph stays valid on failure.
 * Errors: HP_ERROR_NO_MEMORY, those of running a primitive on constants. */
hp_status hp_graph_optimise(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error);

/* Each pass. A node that is no longer needed stays in place until dead_code drops it. */
#define PASS(name)                                                                                                     \
    hp_status hp_pass_##name(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error);
#include "graph/passes.def"
#undef PASS

#endif

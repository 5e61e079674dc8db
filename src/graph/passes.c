/* passes.c: runs the passes of passes.def. */
#include "graph/passes.h"

hp_status hp_graph_optimise(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
#define PASS(name) HP_TRY(hp_pass_##name(graph, constants, kernels, error));
#include "graph/passes.def"
#undef PASS
    return HP_OK;
}

/* pass_dead_code.c: drops nodes whose outputs nobody reads. */
#include "graph/passes.h"

/* By itself, or as a part of another value. */
static bool is_read(const hp_graph *graph, const bool *read, hp_value value) {
    for (; value != HP_NO_VALUE; value = graph->values[value].within)
        if (read[value]) return true;
    return false;
}

hp_status hp_pass_dead_code(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    bool *read = hp_alloc_array(graph->value_count, sizeof *read);
    bool *alive = hp_alloc_array(graph->node_count, sizeof *alive);
    if (!read || !alive) {
        hp_free(read);
        hp_free(alive);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    }
    for (size_t i = 0; i < graph->output_count; i++) read[graph->outputs[i]] = true;
    for (size_t i = graph->node_count; i-- > 0;) { /* readers come after makers */
        const hp_node *node = &graph->nodes[i];
        for (int o = 0; o < node->output_count; o++) alive[i] |= is_read(graph, read, node->outputs[o]);
        for (int in = 0; alive[i] && in < node->input_count; in++)
            if (node->inputs[in] != HP_NO_VALUE) read[node->inputs[in]] = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < graph->node_count; i++)
        if (alive[i]) graph->nodes[kept++] = graph->nodes[i];
    graph->node_count = kept;
    for (size_t v = 0; v < graph->value_count; v++) graph->values[v].node = -1;
    for (size_t i = 0; i < kept; i++)
        for (int o = 0; o < graph->nodes[i].output_count; o++)
            graph->values[graph->nodes[i].outputs[o]].node = (int32_t)i;
    hp_free(read);
    hp_free(alive);
    return HP_OK;
}

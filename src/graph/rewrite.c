/* rewrite.c: see rewrite.h. */
#include "graph/rewrite.h"

#include <string.h>

#include "base/dtype.h"

hp_status hp_uses_count(const hp_graph *graph, int32_t **uses, hp_error *error) {
    int32_t *count = hp_alloc_array(graph->value_count, sizeof *count);
    HP_ALLOCATED(count, error);
    for (size_t i = 0; i < graph->node_count; i++)
        for (int in = 0; in < graph->nodes[i].input_count; in++)
            if (graph->nodes[i].inputs[in] != HP_NO_VALUE) count[graph->nodes[i].inputs[in]]++;
    for (size_t i = 0; i < graph->output_count; i++) count[graph->outputs[i]]++;
    *uses = count;
    return HP_OK;
}

hp_node *hp_maker(const hp_graph *graph, hp_value value) {
    if (value == HP_NO_VALUE || graph->values[value].constant) return NULL;
    int32_t node = graph->values[value].node;
    return node < 0 ? NULL : &graph->nodes[node];
}

hp_node *hp_maker_of(const hp_graph *graph, hp_value value, const hp_prim *prim) {
    hp_node *node = hp_maker(graph, value);
    return node && node->prim == prim ? node : NULL;
}

bool hp_is_constant(const hp_graph *graph, hp_value value) {
    return value != HP_NO_VALUE && graph->values[value].constant != NULL;
}

const hp_elementwise_step *hp_single_step(const hp_node *node) {
    if (node->prim != &hp_prim_elementwise || node->output_count != 1) return NULL;
    const hp_elementwise_params *params = node->params;
    return params->step_count == 1 ? &params->steps[0] : NULL;
}

/* Puts a layer that has a name at the end of the list, once. */
static hp_status add_origin(hp_graph *graph, hp_origin **first, hp_origin **last, const char *layer, hp_error *error) {
    if (!layer || !*layer) return HP_OK;
    for (const hp_origin *o = *first; o; o = o->next)
        if (strcmp(o->layer, layer) == 0) return HP_OK;
    hp_origin *origin = hp_arena_alloc(&graph->arena, sizeof *origin);
    HP_ALLOCATED(origin, error);
    *origin = (hp_origin){.layer = layer};
    if (*last)
        (*last)->next = origin;
    else
        *first = origin;
    *last = origin;
    return HP_OK;
}

/* Nodes stand in the order of the model: the earlier one's layers come first. */
hp_status hp_node_join(hp_graph *graph, hp_node *node, const hp_node *other, hp_error *error) {
    const hp_node *nodes[2] = {other < node ? other : node, other < node ? node : other};
    hp_origin *first = NULL, *last = NULL;
    for (int i = 0; i < 2; i++) {
        hp_origin alone = {.layer = nodes[i]->layer};
        const hp_origin *origins = nodes[i]->origins ? nodes[i]->origins : &alone;
        for (; origins; origins = origins->next) HP_TRY(add_origin(graph, &first, &last, origins->layer, error));
    }
    node->origins = first;
    return HP_OK;
}

void hp_node_kill(hp_node *node) {
    node->input_count = 0;
    node->output_count = 0;
}

void hp_replace_value(hp_graph *graph, hp_value from, hp_value to) {
    for (size_t i = 0; i < graph->node_count; i++)
        for (int in = 0; in < graph->nodes[i].input_count; in++)
            if (graph->nodes[i].inputs[in] == from) graph->nodes[i].inputs[in] = to;
    for (size_t i = 0; i < graph->output_count; i++)
        if (graph->outputs[i] == from) graph->outputs[i] = to;
}

/* Strings own memory elsewhere: they are left alone. */
static bool can_be_constant(const hp_tensor *tensor) {
    return !tensor->shape.rows && tensor->dtype != HP_STRING;
}

bool hp_node_is_constant(const hp_graph *graph, const hp_node *node) {
    if (node->output_count == 0 || node->prim == &hp_prim_custom) return false; /* its params are known here alone */
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != HP_NO_VALUE && !hp_is_constant(graph, node->inputs[i])) return false;
    for (int i = 0; i < node->output_count; i++)
        if (!can_be_constant(&graph->values[node->outputs[i]].tensor)) return false;
    return true;
}

hp_builder hp_rewrite_builder(hp_graph *graph, hp_constants *constants, const char *layer) {
    return (hp_builder){.graph = graph, .constants = constants, .layer = layer};
}

hp_status hp_fold_emitted(
    hp_builder *builder, size_t first, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    hp_graph *graph = builder->graph;
    hp_status status = builder->status;
    if (status != HP_OK && error) *error = builder->error;
    for (size_t i = first; i < graph->node_count && status == HP_OK; i++)
        status = hp_fold_node(graph, i, constants, kernels, error);
    graph->node_count = first;
    return status;
}

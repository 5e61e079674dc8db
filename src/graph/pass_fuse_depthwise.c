/* pass_fuse_depthwise.c: a depthwise convolution and the 1x1 convolutions before and after it, or a small convolution of any
 * window before it, become one depthwise_block, where what lies between them would leave the cache.
 *
 * Runs when epilogues are fused. The block stands where its last part stood: by then the residual is made. */
#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/depthwise_block.h"

/* Of one row: smaller values stay in the second level of the cache from one step to the next anyway, and the parts run
 * over several images at once. */
enum { LEAST_BYTES = 256 * 1024 };

static bool is_large(const hp_graph *graph, hp_value value) {
    return hp_shape_elements(&graph->values[value].tensor.shape) * (int64_t)sizeof(float) > LEAST_BYTES;
}

/* The convolution that makes what `node` alone reads; NULL: there is none, or what is between is small. */
static hp_node *expanding(const hp_graph *graph, const int32_t *uses, const hp_node *node) {
    hp_value x = node->inputs[HP_LINEAR_X];
    hp_node *maker = hp_maker(graph, x);
    bool fits = maker && uses[x] == 1 && is_large(graph, x) && hp_node_expands(graph, maker) &&
                maker->inputs[HP_LINEAR_RESIDUAL] == HP_NO_VALUE;
    return fits ? maker : NULL;
}

/* The 1x1 convolution that alone reads what `node` makes. */
static hp_node *projecting(hp_graph *graph, const int32_t *uses, const hp_node *node) {
    hp_value y = node->outputs[0];
    if (uses[y] != 1 || node->inputs[HP_LINEAR_RESIDUAL] != HP_NO_VALUE || !is_large(graph, y)) return NULL;
    for (size_t i = (size_t)(node - graph->nodes) + 1; i < graph->node_count; i++) {
        hp_node *reader = &graph->nodes[i];
        for (int in = 0; in < reader->input_count; in++)
            if (reader->inputs[in] == y)
                return in == HP_LINEAR_X && hp_node_is_pointwise(graph, reader) ? reader : NULL;
    }
    return NULL; /* an output of the graph */
}

static void take_part(const hp_node *part, hp_linear_params *params, hp_value *w, hp_value *bias) {
    *params = *hp_node_linear(part);
    *w = part->inputs[HP_LINEAR_W];
    *bias = part->inputs[HP_LINEAR_BIAS];
}

static hp_status fuse(hp_graph *graph, hp_node *node, hp_node *before, hp_node *after, hp_error *error) {
    hp_depthwise_block_params params = {0};
    hp_value inputs[HP_BLOCK_INPUTS];
    for (int i = 0; i < HP_BLOCK_INPUTS; i++) inputs[i] = HP_NO_VALUE;
    hp_node *first = before ? before : node, *last = after ? after : node;
    inputs[HP_BLOCK_X] = first->inputs[HP_LINEAR_X];
    inputs[HP_BLOCK_RESIDUAL] = last->inputs[HP_LINEAR_RESIDUAL];
    take_part(node, &params.depthwise, &inputs[HP_BLOCK_W], &inputs[HP_BLOCK_BIAS]);
    if (before) take_part(before, &params.expand, &inputs[HP_BLOCK_EXPAND_W], &inputs[HP_BLOCK_EXPAND_BIAS]);
    if (after) take_part(after, &params.project, &inputs[HP_BLOCK_PROJECT_W], &inputs[HP_BLOCK_PROJECT_BIAS]);
    const void *copy = hp_arena_copy(&graph->arena, &params, sizeof params);
    hp_value *values = hp_arena_copy(&graph->arena, inputs, sizeof inputs);
    HP_ALLOCATED(copy, error);
    HP_ALLOCATED(values, error);
    const char *layer = node->layer;
    if (before) HP_TRY(hp_node_join(graph, node, before, error));
    if (after) HP_TRY(hp_node_join(graph, after, node, error));
    if (before) hp_node_kill(before);
    if (after) hp_node_kill(node);
    last->prim = &hp_prim_depthwise_block;
    last->params = copy;
    last->params_size = sizeof params;
    last->inputs = values;
    last->input_count = HP_BLOCK_INPUTS;
    last->layer = layer;
    return HP_OK;
}

hp_status hp_pass_fuse_depthwise(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    int32_t *uses;
    HP_TRY(hp_uses_count(graph, &uses, error));
    hp_status status = HP_OK;
    for (size_t i = 0; i < graph->node_count && status == HP_OK; i++) {
        hp_node *node = &graph->nodes[i];
        if (node->output_count != 1 || node->prim != &hp_prim_depthwise || !hp_node_is_plane(graph, node)) continue;
        hp_node *before = expanding(graph, uses, node), *after = projecting(graph, uses, node);
        if (before || after) status = fuse(graph, node, before, after, error);
    }
    hp_free(uses);
    return status;
}

/* pass_fold_padding.c: zeros put around the spatial axes right before a convolution or a pooling become its own padding,
 * which costs nothing. */
#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/linear.h"
#include "prims/node_params.h"

/* Zeros, around spatial axes only, and no more than a convolution takes. */
static bool pads_space_with_zeros(const hp_pad_params *p, int rank) {
    bool takes = p->mode == HP_PAD_CONSTANT && p->value == 0;
    takes = takes && !p->before[0] && !p->after[0] && !p->before[rank - 1] && !p->after[rank - 1];
    for (int i = 1; i < rank - 1; i++) takes = takes && p->before[i] >= 0 && p->after[i] >= 0;
    return takes;
}

/* Adds the padding to a window's own; false: it would be too much. */
static bool add_padding(const hp_pad_params *p, int spatial, int64_t *before, int64_t *after) {
    for (int i = 0; i < spatial; i++) {
        before[i] += p->before[1 + i];
        after[i] += p->after[1 + i];
        if (before[i] > INT32_MAX || after[i] > INT32_MAX) return false;
    }
    return true;
}

/* Whether a pooling pads by itself, with what counts as nothing. */
static bool pads_with_nothing(const hp_pool_params *p) {
    bool pads = false;
    for (int i = 0; i < p->spatial; i++) pads |= p->pad_before[i] > 0 || p->pad_after[i] > 0;
    return pads && !p->zeros;
}

/* The params with the padding added, in the arena; NULL in *params: they cannot take it. */
static hp_status padded_params(
    hp_graph *graph, const hp_node *node, const hp_pad_params *p, int spatial, void **params, hp_error *error) {
    *params = NULL;
    void *copy = hp_arena_copy(&graph->arena, node->params, node->params_size);
    HP_ALLOCATED(copy, error);
    bool taken;
    if (node->prim == &hp_prim_pool) {
        hp_pool_params *pool = copy;
        taken = !pads_with_nothing(pool) && add_padding(p, spatial, pool->pad_before, pool->pad_after);
        pool->zeros = 1;
    } else {
        hp_conv_params *conv = &((hp_linear_params *)copy)->conv;
        taken = add_padding(p, spatial, conv->pad_before, conv->pad_after);
    }
    if (taken) *params = copy;
    return HP_OK;
}

static hp_status fold(hp_graph *graph, hp_node *node, hp_error *error) {
    hp_node *pad = hp_maker_of(graph, node->inputs[0], &hp_prim_pad);
    if (!pad) return HP_OK;
    int rank = graph->values[pad->inputs[0]].tensor.shape.rank;
    if (!pads_space_with_zeros(pad->params, rank)) return HP_OK;
    void *params;
    HP_TRY(padded_params(graph, node, pad->params, rank - 2, &params, error));
    if (!params) return HP_OK;
    hp_value *inputs = hp_arena_copy(&graph->arena, node->inputs, (size_t)node->input_count * sizeof *inputs);
    HP_ALLOCATED(inputs, error);
    HP_TRY(hp_node_join(graph, node, pad, error));
    inputs[0] = pad->inputs[0];
    node->params = params;
    node->inputs = inputs;
    return HP_OK;
}

static bool slides(const hp_node *node) {
    return node->output_count == 1 &&
           (node->prim == &hp_prim_conv || node->prim == &hp_prim_depthwise || node->prim == &hp_prim_pool);
}

/* A padding that others read as well stays for them. */
hp_status hp_pass_fold_padding(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    for (size_t i = 0; i < graph->node_count; i++)
        if (slides(&graph->nodes[i])) HP_TRY(fold(graph, &graph->nodes[i], error));
    return HP_OK;
}

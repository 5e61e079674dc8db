/* pass_fold_padding.c: zeros put around the spatial axes right before a convolution become the convolution's own
 * padding, which costs nothing. */
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

static hp_status fold(hp_graph *graph, hp_node *node, hp_error *error) {
    hp_node *pad = hp_maker_of(graph, node->inputs[HP_LINEAR_X], &hp_prim_pad);
    if (!pad) return HP_OK;
    int rank = graph->values[pad->inputs[0]].tensor.shape.rank;
    const hp_pad_params *p = pad->params;
    if (!pads_space_with_zeros(p, rank)) return HP_OK;
    hp_linear_params *params = hp_arena_copy(&graph->arena, node->params, sizeof *params);
    hp_value *inputs = hp_arena_copy(&graph->arena, node->inputs, (size_t)node->input_count * sizeof *inputs);
    HP_ALLOCATED(params, error);
    HP_ALLOCATED(inputs, error);
    for (int i = 0; i < rank - 2; i++) {
        params->conv.pad_before[i] += p->before[1 + i];
        params->conv.pad_after[i] += p->after[1 + i];
        if (params->conv.pad_before[i] > INT32_MAX || params->conv.pad_after[i] > INT32_MAX) return HP_OK;
    }
    HP_TRY(hp_node_join(graph, node, pad, error));
    inputs[HP_LINEAR_X] = pad->inputs[0];
    node->params = params;
    node->inputs = inputs;
    return HP_OK;
}

/* A padding that others read as well stays for them. */
hp_status hp_pass_fold_padding(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    for (size_t i = 0; i < graph->node_count; i++) {
        hp_node *node = &graph->nodes[i];
        if (node->output_count == 1 && (node->prim == &hp_prim_conv || node->prim == &hp_prim_depthwise))
            HP_TRY(fold(graph, node, error));
    }
    return HP_OK;
}

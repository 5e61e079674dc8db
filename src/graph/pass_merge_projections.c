/* pass_merge_projections.c: query, key and value that are projections of one tensor become one gemm, whose output holds
 * them side by side: attention reads its three operands from there.
 *
 * An element's sum is the same chain as before, so the answer stays the same bit by bit. */
#include <string.h>

#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/attention.h"
#include "prims/linear.h"

enum { OPERANDS = 3 };

/* The gemm behind a value, if the views between are read by nobody else and it has a constant weight and no epilogue but
 * a constant bias; -1: there is none. */
static int64_t projection_of(const hp_graph *graph, const int32_t *uses, hp_value value) {
    hp_node *node;
    while ((node = hp_maker_of(graph, value, &hp_prim_reshape)) != NULL && uses[value] == 1) value = node->inputs[0];
    node = hp_maker_of(graph, value, &hp_prim_gemm);
    if (!node || uses[value] != 1 || graph->values[value].tensor.shape.rank != 3) return -1;
    hp_value bias = node->inputs[HP_LINEAR_BIAS];
    bool open = hp_node_linear(node)->activation.op == HP_UNARY_IDENTITY && !hp_node_linear(node)->transpose_w &&
                node->inputs[HP_LINEAR_RESIDUAL] == HP_NO_VALUE && hp_is_constant(graph, node->inputs[HP_LINEAR_W]) &&
                (bias == HP_NO_VALUE || hp_is_constant(graph, bias));
    return open ? node - graph->nodes : -1;
}

static bool can_join(const hp_graph *graph, int64_t a, int64_t b) {
    if (a < 0 || b < 0 || a == b) return false;
    const hp_node *x = &graph->nodes[a], *y = &graph->nodes[b];
    return x->inputs[HP_LINEAR_X] == y->inputs[HP_LINEAR_X] &&
           (x->inputs[HP_LINEAR_BIAS] == HP_NO_VALUE) == (y->inputs[HP_LINEAR_BIAS] == HP_NO_VALUE);
}

static hp_value joined(hp_builder *b, const hp_node *gemms, int count, int input, int axis) {
    hp_value parts[OPERANDS];
    for (int i = 0; i < count; i++) parts[i] = gemms[i].inputs[input];
    return parts[0] == HP_NO_VALUE ? HP_NO_VALUE : hp_emit_concat(b, parts, count, axis);
}

/* Makes node `index` read its operands `members` from one gemm, which takes the place of the first of `makers`. */
static hp_status merge(hp_graph *graph, size_t index, const int64_t *makers, const int *members, int count,
    hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    hp_node gemms[OPERANDS]; /* emitting moves the nodes */
    size_t emitted = graph->node_count;
    int64_t first = INT64_MAX, widths[OPERANDS];
    for (int i = 0; i < count; i++) {
        gemms[i] = graph->nodes[makers[members[i]]];
        widths[i] = graph->values[gemms[i].outputs[0]].tensor.shape.dims[2];
        if (makers[members[i]] < first) first = makers[members[i]];
    }
    hp_builder b = hp_rewrite_builder(graph, constants, graph->nodes[index].layer);
    hp_value w = joined(&b, gemms, count, HP_LINEAR_W, 1), bias = joined(&b, gemms, count, HP_LINEAR_BIAS, 0);
    HP_TRY(hp_fold_emitted(&b, emitted, constants, kernels, error));
    hp_node *attention = &graph->nodes[index], *gemm = &graph->nodes[first];
    hp_attention_params *params = hp_arena_copy(&graph->arena, attention->params, sizeof *params);
    hp_value *inputs = hp_arena_copy(&graph->arena, attention->inputs, (size_t)attention->input_count * sizeof *inputs);
    HP_ALLOCATED(params, error);
    HP_ALLOCATED(inputs, error);
    int64_t *offsets[OPERANDS] = {&params->query_offset, &params->key_offset, &params->value_offset}, width = 0;
    hp_value made = gemm->outputs[0];
    for (int i = 0; i < count; i++) {
        *offsets[members[i]] += width;
        inputs[members[i]] = made;
        width += widths[i];
        if (makers[members[i]] != first) hp_node_kill(&graph->nodes[makers[members[i]]]);
    }
    graph->values[made].tensor.shape.dims[2] = width;
    gemm->inputs[HP_LINEAR_W] = w;
    gemm->inputs[HP_LINEAR_BIAS] = bias;
    attention->params = params;
    attention->inputs = inputs;
    return HP_OK;
}

static hp_status try_node(hp_graph *graph, size_t index, const int32_t *uses, hp_constants *constants,
    const hp_kernels *kernels, hp_error *error) {
    static const int choices[][OPERANDS] = {{0, 1, 2}, {1, 2}, {0, 1}, {0, 2}};
    static const int counts[] = {3, 2, 2, 2};
    const hp_node *node = &graph->nodes[index];
    if (node->prim != &hp_prim_attention || node->output_count == 0) return HP_OK;
    int64_t makers[OPERANDS];
    for (int i = 0; i < OPERANDS; i++) {
        makers[i] = projection_of(graph, uses, node->inputs[i]);
        const hp_shape *operand = &graph->values[node->inputs[i]].tensor.shape;
        if (makers[i] < 0) continue;
        const hp_shape *made = &graph->values[graph->nodes[makers[i]].outputs[0]].tensor.shape;
        if (!hp_shape_equal(operand, made)) makers[i] = -1; /* heads that are not side by side */
    }
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        bool fits = true;
        for (int i = 1; i < counts[k]; i++) fits &= can_join(graph, makers[choices[k][0]], makers[choices[k][i]]);
        if (fits && counts[k] == 3) fits = makers[1] != makers[2];
        if (fits) return merge(graph, index, makers, choices[k], counts[k], constants, kernels, error);
    }
    return HP_OK;
}

hp_status hp_pass_merge_projections(
    hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    int32_t *uses;
    HP_TRY(hp_uses_count(graph, &uses, error));
    hp_status status = HP_OK;
    for (size_t i = 0; i < graph->node_count && status == HP_OK; i++)
        status = try_node(graph, i, uses, constants, kernels, error);
    hp_free(uses);
    return status;
}

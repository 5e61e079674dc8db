/* pass_fuse_epilogue.c: an activation or the addition of a tensor right after a gemm or convolution becomes part of
 * its epilogue: activation(bias + x * w + residual).
 *
 * The joined node stands where the elementwise one stood: by then both the operands and the residual are made. */
#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/linear.h"

/* The linear node that makes `value`, read by nobody else and without an activation yet. */
static hp_node *open_linear(const hp_graph *graph, const int32_t *uses, hp_value value) {
    hp_node *node = hp_maker(graph, value);
    if (!node || !hp_node_is_linear(node) || uses[value] != 1) return NULL;
    return hp_node_linear(node)->activation.op == HP_UNARY_IDENTITY ? node : NULL;
}

/* `node` becomes `linear`, with its own outputs; the linear node dies. */
static hp_status take_over(hp_graph *graph, hp_node *node, hp_node *linear, hp_error *error) {
    HP_TRY(hp_node_join(graph, node, linear, error));
    node->prim = linear->prim;
    node->params = linear->params;
    node->params_size = linear->params_size;
    node->inputs = linear->inputs;
    node->input_count = linear->input_count;
    node->layer = linear->layer;
    hp_node_kill(linear);
    return HP_OK;
}

static hp_status fuse_activation(
    hp_graph *graph, int32_t *uses, hp_node *node, const hp_elementwise_step *step, hp_error *error) {
    hp_value made = node->inputs[step->operands[0]];
    hp_node *linear = open_linear(graph, uses, made);
    if (!linear) return HP_OK;
    hp_activation activation = {.op = (hp_unary)step->op};
    for (int i = 0; i < 4; i++) activation.params[i] = (float)step->params[i];
    HP_TRY(hp_node_set_activation(graph, linear, &activation, error));
    HP_TRY(take_over(graph, node, linear, error));
    uses[made] = 0;
    return HP_OK;
}

/* Of two that could take the other as residual the later one does, so that the other one is made before it runs. */
static hp_status fuse_residual(
    hp_graph *graph, int32_t *uses, hp_node *node, const hp_elementwise_step *step, hp_error *error) {
    hp_node *best = NULL;
    hp_value best_made = HP_NO_VALUE, residual = HP_NO_VALUE;
    const hp_shape *shape = &graph->values[node->outputs[0]].tensor.shape;
    for (int i = 0; i < 2; i++) {
        hp_value made = node->inputs[step->operands[i]], other = node->inputs[step->operands[1 - i]];
        hp_node *linear = open_linear(graph, uses, made);
        if (!linear || linear->inputs[HP_LINEAR_RESIDUAL] != HP_NO_VALUE || (best && linear < best)) continue;
        if (!hp_shape_equal(shape, &graph->values[made].tensor.shape) ||
            !hp_shape_equal(shape, &graph->values[other].tensor.shape))
            continue;
        best = linear;
        best_made = made;
        residual = other;
    }
    if (!best) return HP_OK;
    HP_TRY(take_over(graph, node, best, error));
    node->inputs[HP_LINEAR_RESIDUAL] = residual;
    uses[best_made] = 0;
    return HP_OK;
}

hp_status hp_pass_fuse_epilogue(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    int32_t *uses;
    HP_TRY(hp_uses_count(graph, &uses, error));
    hp_status status = HP_OK;
    for (size_t i = 0; i < graph->node_count && status == HP_OK; i++) {
        hp_node *node = &graph->nodes[i];
        const hp_elementwise_step *step = hp_single_step(node);
        if (!step || step->from != HP_FLOAT32 || step->dtype != HP_FLOAT32) continue;
        if (step->kind == HP_STEP_UNARY) status = fuse_activation(graph, uses, node, step, error);
        if (step->kind == HP_STEP_BINARY && step->op == HP_BINARY_ADD)
            status = fuse_residual(graph, uses, node, step, error);
    }
    hp_free(uses);
    return status;
}

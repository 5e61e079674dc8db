/* pass_scale_weights.c: x times a factor per image and channel, right before a 1x1 convolution, goes into the convolution
 * (conv_scaled): squeeze and excitation without a pass over x.
 *
 * Runs when epilogues are fused; x (s w) for (x s) w differs by rounding. */
#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/conv_scaled.h"
#include "prims/depthwise_block.h"

/* Whether `factors` has one position an image of x, and all of its channels. */
static bool scales_channels(const hp_graph *graph, hp_value x, hp_value factors) {
    hp_shape shape = graph->values[x].tensor.shape;
    for (int i = 1; i < shape.rank - 1; i++) shape.dims[i] = 1;
    return hp_shape_equal(&shape, &graph->values[factors].tensor.shape);
}

/* The multiplication that makes what `conv` alone reads; *x: which of its operands is scaled by the other. */
static hp_node *scaling(const hp_graph *graph, const int32_t *uses, const hp_node *conv, int *x) {
    hp_value product = conv->inputs[HP_LINEAR_X];
    hp_node *node = hp_maker(graph, product);
    const hp_elementwise_step *step = node && uses[product] == 1 ? hp_single_step(node) : NULL;
    if (!step || step->kind != HP_STEP_BINARY || step->op != HP_BINARY_MULTIPLY) return NULL;
    for (*x = 0; *x < 2; ++*x) {
        const hp_value scaled = node->inputs[step->operands[*x]], factors = node->inputs[step->operands[1 - *x]];
        if (hp_shape_equal(&graph->values[scaled].tensor.shape, &graph->values[product].tensor.shape) &&
            !hp_is_constant(graph, factors) && scales_channels(graph, scaled, factors))
            return node;
    }
    return NULL;
}

static hp_status fuse(hp_graph *graph, hp_node *conv, hp_node *multiply, int x, hp_error *error) {
    const hp_elementwise_step *step = hp_single_step(multiply);
    hp_value inputs[HP_SCALED_INPUTS];
    for (int i = 0; i < HP_LINEAR_INPUTS; i++) inputs[i] = conv->inputs[i];
    inputs[HP_LINEAR_X] = multiply->inputs[step->operands[x]];
    inputs[HP_SCALED_FACTORS] = multiply->inputs[step->operands[1 - x]];
    hp_value *values = hp_arena_copy(&graph->arena, inputs, sizeof inputs);
    HP_ALLOCATED(values, error);
    HP_TRY(hp_node_join(graph, conv, multiply, error));
    hp_node_kill(multiply);
    conv->prim = &hp_prim_conv_scaled;
    conv->inputs = values;
    conv->input_count = HP_SCALED_INPUTS;
    return HP_OK;
}

hp_status hp_pass_scale_weights(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    int32_t *uses;
    HP_TRY(hp_uses_count(graph, &uses, error));
    hp_status status = HP_OK;
    for (size_t i = 0; i < graph->node_count && status == HP_OK; i++) {
        hp_node *node = &graph->nodes[i];
        int x;
        const bool alive = node->output_count == 1; /* a killed node keeps what it read */
        if (!alive || !hp_node_is_pointwise(graph, node) || !hp_node_scales_weights(graph, node)) continue;
        hp_node *multiply = scaling(graph, uses, node, &x);
        if (multiply) status = fuse(graph, node, multiply, x, error);
    }
    hp_free(uses);
    return status;
}

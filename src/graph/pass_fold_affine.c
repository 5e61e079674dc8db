/* pass_fold_affine.c: a factor or an offset per column right after a gemm or convolution (BatchNormalization,
 * Rescaling ...) goes into its weights and bias.
 *
 * The new weights are emitted as nodes over constants and run at once. Reads only constants; x * w is computed with
 * w * factor, so results differ from the unfolded ones by rounding. */
#include <string.h>

#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/linear.h"

/* y * factor + offset per column; HP_NO_VALUE where there is none. `divide`: the factor is 1 / factor. */
typedef struct affine {
    hp_value factor, offset;
    bool divide, subtract;
} affine;

/* The linear node that makes `value` and could be folded into. */
static hp_node *foldable(const hp_graph *graph, const int32_t *uses, hp_value value) {
    hp_node *node = hp_maker(graph, value);
    if (!node || !hp_node_is_linear(node) || uses[value] != 1) return NULL;
    hp_value bias = node->inputs[HP_LINEAR_BIAS];
    bool open =
        hp_node_linear(node)->activation.op == HP_UNARY_IDENTITY && node->inputs[HP_LINEAR_RESIDUAL] == HP_NO_VALUE;
    return open && hp_is_constant(graph, node->inputs[HP_LINEAR_W]) &&
                   (bias == HP_NO_VALUE || hp_is_constant(graph, bias))
               ? node
               : NULL;
}

static int64_t columns_of(const hp_graph *graph, hp_value value) {
    const hp_shape *shape = &graph->values[value].tensor.shape;
    return shape->dims[shape->rank - 1];
}

/* A constant scalar, or one value per column and nothing along the other axes. */
static bool is_per_column(const hp_graph *graph, hp_value value, int64_t columns) {
    if (!hp_is_constant(graph, value)) return false;
    const hp_shape *shape = &graph->values[value].tensor.shape;
    int64_t elements = hp_shape_elements(shape);
    return elements == 1 || (elements == columns && shape->dims[shape->rank - 1] == columns);
}

/* The operand that is y in a step that is affine in it; -1: there is none. */
static int affine_operand(const hp_graph *graph, const hp_node *node, const hp_elementwise_step *step) {
    if (step->kind == HP_STEP_UNARY) return step->op == HP_UNARY_AFFINE ? 0 : -1;
    if (step->kind != HP_STEP_BINARY) return -1;
    if (step->op == HP_BINARY_DIVIDE || step->op == HP_BINARY_SUBTRACT) return 0;
    if (step->op != HP_BINARY_MULTIPLY && step->op != HP_BINARY_ADD) return -1;
    return hp_is_constant(graph, node->inputs[step->operands[0]]) ? 1 : 0;
}

/* What the step does to operand y. */
static affine affine_of(hp_builder *b, const hp_node *node, const hp_elementwise_step *step, int y) {
    affine a = {HP_NO_VALUE, HP_NO_VALUE, false, false};
    if (step->kind == HP_STEP_UNARY) {
        a.factor = hp_emit_float(b, step->params[0]);
        a.offset = hp_emit_float(b, step->params[1]);
        return a;
    }
    hp_value other = node->inputs[step->operands[1 - y]];
    a.divide = step->op == HP_BINARY_DIVIDE;
    a.subtract = step->op == HP_BINARY_SUBTRACT;
    if (a.divide || step->op == HP_BINARY_MULTIPLY)
        a.factor = other;
    else
        a.offset = other;
    return a;
}

/* The value as a vector of `columns` elements, or as one element. */
static hp_value as_vector(hp_builder *b, hp_value value) {
    int64_t elements = hp_shape_elements(hp_builder_shape(b, value));
    return hp_emit_reshape(b, value, 1, &elements);
}

/* w * factor, the factor laid along w's column axes. */
static hp_value scaled_weights(hp_builder *b, const hp_node *linear, hp_value factor, bool divide) {
    hp_value w = linear->inputs[HP_LINEAR_W];
    hp_shape shape = *hp_builder_shape(b, w);
    int axis = hp_node_column_axis(b->graph, linear);
    if (hp_shape_elements(hp_builder_shape(b, factor)) > 1) {
        int64_t dims[2] = {shape.dims[shape.rank - 2], shape.dims[shape.rank - 1]};
        if (axis == shape.rank - 2) dims[1] = 1;
        if (axis == shape.rank - 1) dims[0] = 1;
        factor = hp_emit_reshape(b, factor, 2, dims);
    }
    return hp_emit_binary(b, divide ? HP_BINARY_DIVIDE : HP_BINARY_MULTIPLY, w, factor);
}

static hp_value affine_bias(hp_builder *b, hp_value bias, const affine *a, int64_t columns) {
    if (a->factor != HP_NO_VALUE && bias != HP_NO_VALUE)
        bias = hp_emit_binary(b, a->divide ? HP_BINARY_DIVIDE : HP_BINARY_MULTIPLY, bias, a->factor);
    if (a->offset == HP_NO_VALUE) return bias;
    hp_shape shape = {.rank = 1, .dims = {columns}};
    hp_value offset = a->offset;
    if (bias != HP_NO_VALUE) return hp_emit_binary(b, a->subtract ? HP_BINARY_SUBTRACT : HP_BINARY_ADD, bias, offset);
    if (a->subtract) offset = hp_emit_unary(b, offset, HP_UNARY_NEGATIVE, 0, 0, 0);
    return hp_emit_broadcast(b, offset, &shape);
}

/* Node `index` is a step `a` on what `linear` makes: it becomes the linear node with other weights. */
static hp_status fold(
    hp_builder *b, size_t index, size_t linear_index, affine *a, const hp_kernels *kernels, hp_error *error) {
    hp_graph *graph = b->graph;
    size_t first = graph->node_count;
    hp_node linear = graph->nodes[linear_index]; /* emitting moves the nodes */
    int64_t columns = columns_of(graph, linear.outputs[0]);
    hp_value *inputs = hp_arena_copy(&graph->arena, linear.inputs, (size_t)linear.input_count * sizeof *inputs);
    HP_ALLOCATED(inputs, error);
    if (a->factor != HP_NO_VALUE) {
        a->factor = as_vector(b, a->factor);
        inputs[HP_LINEAR_W] = scaled_weights(b, &linear, a->factor, a->divide);
    }
    if (a->offset != HP_NO_VALUE) a->offset = as_vector(b, a->offset);
    inputs[HP_LINEAR_BIAS] = affine_bias(b, linear.inputs[HP_LINEAR_BIAS], a, columns);
    HP_TRY(hp_fold_emitted(b, first, b->constants, kernels, error));
    hp_node *node = &graph->nodes[index];
    HP_TRY(hp_node_join(graph, node, &graph->nodes[linear_index], error));
    node->prim = linear.prim;
    node->params = linear.params;
    node->params_size = linear.params_size;
    node->inputs = inputs;
    node->input_count = linear.input_count;
    node->layer = linear.layer;
    hp_node_kill(&graph->nodes[linear_index]);
    return HP_OK;
}

static hp_status try_node(hp_graph *graph, size_t index, const int32_t *uses, hp_constants *constants,
    const hp_kernels *kernels, hp_error *error) {
    const hp_node *node = &graph->nodes[index];
    const hp_elementwise_step *step = hp_single_step(node);
    if (!step || step->from != HP_FLOAT32 || step->dtype != HP_FLOAT32) return HP_OK;
    int y = affine_operand(graph, node, step);
    if (y < 0) return HP_OK;
    hp_value made = node->inputs[step->operands[y]];
    hp_node *linear = foldable(graph, uses, made);
    if (!linear) return HP_OK;
    hp_builder b = hp_rewrite_builder(graph, constants, node->layer);
    affine a = affine_of(&b, node, step, y);
    if (b.status != HP_OK) return hp_fold_emitted(&b, graph->node_count, constants, kernels, error);
    const hp_shape *before = &graph->values[made].tensor.shape;
    const hp_shape *after = &graph->values[node->outputs[0]].tensor.shape;
    int64_t columns = columns_of(graph, made);
    if (!hp_shape_equal(before, after) || (a.factor != HP_NO_VALUE && !is_per_column(graph, a.factor, columns)) ||
        (a.offset != HP_NO_VALUE && !is_per_column(graph, a.offset, columns)))
        return HP_OK;
    return fold(&b, index, (size_t)(linear - graph->nodes), &a, kernels, error);
}

/* Values that are emitted on the way are read by the folded nodes alone: `uses` stays right for the others. */
hp_status hp_pass_fold_affine(hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    int32_t *uses;
    HP_TRY(hp_uses_count(graph, &uses, error));
    hp_status status = HP_OK;
    for (size_t i = 0; i < graph->node_count && status == HP_OK; i++)
        status = try_node(graph, i, uses, constants, kernels, error);
    hp_free(uses);
    return status;
}

/* pass_cancel_transposes.c: transpositions meet and vanish.
 *
 * Channels-first layers are lowered between two transpositions. Elementwise nodes after a transposition are moved in
 * front of it, so that it meets the next one; a transposition of a transposition becomes one, or none where they undo
 * each other. Constants on the way are transposed at once. */
#include <string.h>

#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/node_params.h"

static int rank_of(const hp_graph *graph, hp_value value) {
    return graph->values[value].tensor.shape.rank;
}

/* A transposition of a transposition: one with both permutations; none where that is the identity. */
static hp_status join(hp_graph *graph, hp_node *node, hp_error *error) {
    hp_node *inner = hp_maker_of(graph, node->inputs[0], &hp_prim_transpose);
    if (!inner) return HP_OK;
    const hp_transpose_params *p = node->params, *q = inner->params;
    hp_transpose_params *joined = hp_arena_alloc(&graph->arena, sizeof *joined);
    hp_value *inputs = hp_arena_copy(&graph->arena, inner->inputs, sizeof *inputs);
    HP_ALLOCATED(joined, error);
    HP_ALLOCATED(inputs, error);
    int rank = rank_of(graph, node->inputs[0]);
    bool identity = true;
    for (int i = 0; i < rank; i++) {
        joined->permutation[i] = q->permutation[p->permutation[i]];
        identity = identity && joined->permutation[i] == i;
    }
    if (identity) {
        hp_replace_value(graph, node->outputs[0], inner->inputs[0]);
        hp_node_kill(node);
        return HP_OK;
    }
    node->params = joined;
    node->inputs = inputs;
    return HP_OK;
}

/* ---- elementwise nodes move in front of the transpositions of their operands */

/* What a sinking needs: the permutation, and the last of the transpositions, in whose place the node moves. */
typedef struct sinking {
    const hp_transpose_params *transpose;
    hp_node *last;
    int rank;
} sinking;

/* True when every operand is a transposition by one permutation, which this node alone reads, or a constant. */
static bool can_sink(const hp_graph *graph, const int32_t *uses, const hp_node *node, sinking *s) {
    *s = (sinking){.rank = rank_of(graph, node->outputs[0])};
    for (int i = 0; i < node->input_count; i++) {
        hp_value input = node->inputs[i];
        if (hp_is_constant(graph, input)) continue;
        hp_node *maker = hp_maker_of(graph, input, &hp_prim_transpose);
        if (!maker || uses[input] != 1 || rank_of(graph, input) != s->rank) return false;
        if (s->transpose && memcmp(s->transpose, maker->params, sizeof *s->transpose) != 0) return false;
        s->transpose = maker->params;
        if (!s->last || maker > s->last) s->last = maker;
    }
    return s->last != NULL;
}

/* A constant that broadcasts against the transposed tensor, as it broadcasts against the one before. */
static hp_value untransposed(hp_builder *b, hp_value value, const sinking *s) {
    hp_shape shape = *hp_builder_shape(b, value);
    if (hp_shape_elements(&shape) == 1) return value;
    int64_t dims[HP_MAX_RANK];
    int inverse[HP_MAX_RANK], missing = s->rank - shape.rank;
    for (int i = 0; i < s->rank; i++) {
        dims[i] = i < missing ? 1 : shape.dims[i - missing];
        inverse[s->transpose->permutation[i]] = i;
    }
    return hp_emit_transpose(b, hp_emit_reshape(b, value, s->rank, dims), inverse);
}

/* The node's operands before the transposition, in the graph's arena; NULL: *status says why. */
static hp_value *operands_before(hp_graph *graph, size_t index, const sinking *s, hp_constants *constants,
    const hp_kernels *kernels, hp_status *status, hp_error *error) {
    hp_node node = graph->nodes[index]; /* emitting moves the nodes */
    size_t first = graph->node_count;
    hp_builder b = hp_rewrite_builder(graph, constants, node.layer);
    hp_value *inputs = hp_arena_alloc(&graph->arena, (size_t)node.input_count * sizeof *inputs);
    if (!inputs) {
        *status = hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        return NULL;
    }
    for (int i = 0; i < node.input_count; i++) {
        if (hp_is_constant(graph, node.inputs[i]))
            inputs[i] = untransposed(&b, node.inputs[i], s);
        else
            inputs[i] = hp_maker(graph, node.inputs[i])->inputs[0];
    }
    *status = hp_fold_emitted(&b, first, constants, kernels, error);
    return *status == HP_OK ? inputs : NULL;
}

/* Kills the transpositions of the operands. */
static void kill_operands(hp_graph *graph, const hp_node *node) {
    for (int i = 0; i < node->input_count; i++) {
        hp_node *maker = hp_maker_of(graph, node->inputs[i], &hp_prim_transpose);
        if (maker) hp_node_kill(maker);
    }
}

/* The node takes the place of the last transposition and makes that one's value; where it stood, that value is
 * transposed. `uses` holds for both as before. */
static hp_status sink(hp_graph *graph, size_t index, const sinking *s, hp_constants *constants,
    const hp_kernels *kernels, hp_error *error) {
    size_t last = (size_t)(s->last - graph->nodes);
    hp_value middle = s->last->outputs[0];
    hp_status status;
    hp_value *inputs = operands_before(graph, index, s, constants, kernels, &status, error);
    if (!inputs) return status;
    hp_value *transposed = hp_arena_copy(&graph->arena, &middle, sizeof middle);
    HP_ALLOCATED(transposed, error);
    hp_node *node = &graph->nodes[index], *before = &graph->nodes[last];
    hp_value *outputs = before->outputs;
    kill_operands(graph, node);
    *before = *node;
    before->inputs = inputs;
    before->outputs = outputs;
    hp_tensor *tensor = &graph->values[middle].tensor;
    const hp_shape *result = &graph->values[node->outputs[0]].tensor.shape;
    *tensor = graph->values[node->outputs[0]].tensor;
    for (int i = 0; i < s->rank; i++) tensor->shape.dims[s->transpose->permutation[i]] = result->dims[i];
    node->prim = &hp_prim_transpose;
    node->params = s->transpose;
    node->params_size = sizeof *s->transpose;
    node->inputs = transposed;
    node->input_count = 1;
    return HP_OK;
}

static bool reads_transpose(const hp_graph *graph, const hp_node *node) {
    for (int i = 0; i < node->input_count; i++)
        if (hp_maker_of(graph, node->inputs[i], &hp_prim_transpose)) return true;
    return false;
}

hp_status hp_pass_cancel_transposes(
    hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    int32_t *uses = NULL;
    hp_status status = HP_OK;
    for (size_t i = 0; i < graph->node_count && status == HP_OK; i++) {
        const hp_node *node = &graph->nodes[i];
        sinking s;
        if (node->output_count != 1) continue;
        if (node->prim == &hp_prim_transpose) status = join(graph, &graph->nodes[i], error);
        if (node->prim != &hp_prim_elementwise || !reads_transpose(graph, node)) continue;
        hp_free(uses); /* sinking and joining change who reads what */
        uses = NULL;
        status = hp_uses_count(graph, &uses, error);
        if (status == HP_OK && can_sink(graph, uses, node, &s)) status = sink(graph, i, &s, constants, kernels, error);
    }
    hp_free(uses);
    return status;
}

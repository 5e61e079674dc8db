/* pass_fuse_elementwise.c: chains and small webs of elementwise nodes become one program: what lies between is never
 * written to memory.
 *
 * A producer is taken into its only reader where both have the same shape, so that no step is computed more often
 * than before. */
#include <string.h>

#include "graph/passes.h"
#include "graph/rewrite.h"

/* A program in the making, large enough for the largest. */
typedef struct program {
    int32_t step_count, zero;
    hp_elementwise_step steps[HP_MAX_ELEMENTWISE_STEPS];
} program;

typedef struct operands {
    hp_value values[2 * HP_MAX_ELEMENTWISE_INPUTS];
    int count;
} operands;

static int operand_index(operands *o, hp_value value) {
    for (int i = 0; i < o->count; i++)
        if (o->values[i] == value) return i;
    o->values[o->count] = value;
    return o->count++;
}

/* Appends node's steps to `p`; inputs that are `made` become the result of the step before them. */
static void append_steps(program *p, operands *o, const hp_node *node, hp_value made) {
    const hp_elementwise_params *params = node->params;
    int first = p->step_count;
    for (int i = 0; i < params->step_count; i++) {
        hp_elementwise_step step = params->steps[i];
        for (int j = 0; j < hp_elementwise_operands(&step); j++) {
            int operand = step.operands[j];
            if (operand < 0)
                step.operands[j] = (int16_t)(operand - first);
            else if (node->inputs[operand] == made)
                step.operands[j] = (int16_t)-first;
            else
                step.operands[j] = (int16_t)operand_index(o, node->inputs[operand]);
        }
        p->steps[p->step_count++] = step;
    }
}

/* All readers of `made` are this node. */
static bool only_reader(const hp_node *node, const int32_t *uses, hp_value made) {
    int32_t reads = 0;
    for (int i = 0; i < node->input_count; i++) reads += node->inputs[i] == made;
    return reads == uses[made];
}

static int steps_of(const hp_node *node) {
    return ((const hp_elementwise_params *)node->params)->step_count;
}

static void count_inputs(const hp_node *node, int32_t *uses, int32_t change) {
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != HP_NO_VALUE) uses[node->inputs[i]] += change;
}

/* Puts the producer of `made` in front of node's program. *fused: whether it was possible. */
static hp_status fuse(hp_graph *graph, int32_t *uses, hp_node *node, hp_value made, bool *fused, hp_error *error) {
    hp_node *producer = hp_maker_of(graph, made, &hp_prim_elementwise);
    *fused = false;
    if (!producer || !only_reader(node, uses, made) ||
        !hp_shape_equal(&graph->values[made].tensor.shape, &graph->values[node->outputs[0]].tensor.shape) ||
        steps_of(producer) + steps_of(node) > HP_MAX_ELEMENTWISE_STEPS)
        return HP_OK;
    program p = {0};
    operands o = {.count = 0};
    append_steps(&p, &o, producer, HP_NO_VALUE);
    append_steps(&p, &o, node, made);
    if (o.count > HP_MAX_ELEMENTWISE_INPUTS) return HP_OK;
    size_t size = hp_elementwise_size(p.step_count);
    void *params = hp_arena_copy(&graph->arena, &p, size);
    hp_value *inputs = hp_arena_copy(&graph->arena, o.values, (size_t)o.count * sizeof *inputs);
    HP_ALLOCATED(params, error);
    HP_ALLOCATED(inputs, error);
    HP_TRY(hp_node_join(graph, node, producer, error));
    count_inputs(producer, uses, -1);
    count_inputs(node, uses, -1);
    node->params = params;
    node->params_size = size;
    node->inputs = inputs;
    node->input_count = o.count;
    count_inputs(node, uses, 1);
    hp_node_kill(producer);
    *fused = true;
    return HP_OK;
}

/* After each success the inputs have changed: begin again. */
static hp_status fuse_all(hp_graph *graph, int32_t *uses, hp_node *node, hp_error *error) {
    for (int i = 0; i < node->input_count;) {
        bool fused;
        HP_TRY(fuse(graph, uses, node, node->inputs[i], &fused, error));
        i = fused ? 0 : i + 1;
    }
    return HP_OK;
}

hp_status hp_pass_fuse_elementwise(
    hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    int32_t *uses;
    HP_TRY(hp_uses_count(graph, &uses, error));
    hp_status status = HP_OK;
    for (size_t i = 0; i < graph->node_count && status == HP_OK; i++)
        if (graph->nodes[i].prim == &hp_prim_elementwise && graph->nodes[i].output_count == 1)
            status = fuse_all(graph, uses, &graph->nodes[i], error);
    hp_free(uses);
    return status;
}

/* pass_concat_in_place.c: what is concatenated along the last axis is made where it will lie: its maker writes its columns
 * of the joint value, and its other readers read them there.
 *
 * The copy goes, and so does the second home of each part. A part that its maker or a reader cannot take like that (an
 * input, an output of the graph, a view) is copied as before. Runs last: the other passes look for makers of whole values. */
#include "graph/passes.h"
#include "graph/rewrite.h"
#include "prims/linear.h"
#include "prims/node_params.h"

typedef struct placing {
    hp_graph *graph;
    bool *joint; /* by value: others are within it */
    bool *fixed; /* by value: inputs and outputs of the graph */
    bool *whole; /* by value: somebody reads it who cannot read it within another */
} placing;

static bool reads_within(const hp_node *node, int input) {
    return input < 32 && (node->prim->inputs_within >> input & 1);
}

/* Whether what makes the value can make it within another one. A residual lies as the output does. */
static bool can_be_made_within(const placing *p, hp_value value) {
    const hp_node *maker = hp_maker(p->graph, value);
    if (!maker) return p->joint[value]; /* its parts are made: that they can is known */
    const bool residual = hp_node_is_linear(maker) && maker->inputs[HP_LINEAR_RESIDUAL] != HP_NO_VALUE;
    return maker->output_count == 1 && maker->prim->output_within && !residual;
}

static bool can_be_within(const placing *p, const hp_node *concat, int input) {
    const hp_value value = concat->inputs[input];
    const hp_value_info *info = &p->graph->values[value];
    const hp_shape *shape = &info->tensor.shape;
    if (shape->dims[shape->rank - 1] == 1) return false; /* elementwise readers take elements that lie side by side */
    for (int i = 0; i < concat->input_count; i++)
        if (i != input && concat->inputs[i] == value) return false; /* it cannot lie in two places */
    return !info->constant && info->within == HP_NO_VALUE && !p->fixed[value] && !p->whole[value] &&
           can_be_made_within(p, value);
}

/* Along the last axis, of rows. */
static bool joins_columns(const hp_graph *graph, const hp_node *node) {
    if (node->prim != &hp_prim_concat || node->output_count != 1) return false;
    const hp_shape *shape = &graph->values[node->outputs[0]].tensor.shape;
    return shape->rows && shape->rank > 1 && ((const hp_axis_params *)node->params)->axis == shape->rank - 1;
}

static void place_parts(placing *p, hp_node *concat) {
    hp_graph *graph = p->graph;
    const hp_value joint = concat->outputs[0];
    int64_t column = 0;
    int placed = 0;
    for (int i = 0; i < concat->input_count; i++) {
        hp_value_info *part = &graph->values[concat->inputs[i]];
        if (can_be_within(p, concat, i)) {
            part->within = joint;
            part->column = column;
            p->joint[joint] = true;
            placed++;
        }
        column += part->tensor.shape.dims[part->tensor.shape.rank - 1];
    }
    if (placed < concat->input_count) return;
    graph->values[joint].node = -1;
    hp_node_kill(concat);
}

static void note_readers(placing *p) {
    const hp_graph *graph = p->graph;
    for (size_t i = 0; i < graph->input_count; i++) p->fixed[graph->inputs[i]] = true;
    for (size_t i = 0; i < graph->output_count; i++) p->fixed[graph->outputs[i]] = true;
    for (size_t i = 0; i < graph->node_count; i++)
        for (int in = 0; in < graph->nodes[i].input_count; in++) {
            const hp_value value = graph->nodes[i].inputs[in];
            if (value != HP_NO_VALUE && !reads_within(&graph->nodes[i], in)) p->whole[value] = true;
        }
}

hp_status hp_pass_concat_in_place(
    hp_graph *graph, hp_constants *constants, const hp_kernels *kernels, hp_error *error) {
    (void)constants;
    (void)kernels;
    bool *notes = hp_alloc_array(graph->value_count, 3 * sizeof *notes);
    HP_ALLOCATED(notes, error);
    placing p = {graph, notes, notes + graph->value_count, notes + 2 * graph->value_count};
    note_readers(&p);
    for (size_t i = 0; i < graph->node_count; i++)
        if (joins_columns(graph, &graph->nodes[i])) place_parts(&p, &graph->nodes[i]);
    hp_free(notes);
    return HP_OK;
}

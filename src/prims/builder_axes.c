/* builder_axes.c: emitters of what works along axes: reduce, softmax, normalise, cumulate. See builder.h. */
#include <string.h>

#include "prims/builder.h"
#include "prims/elementwise.h"
#include "prims/node_params.h"
#include "prims/prim.h"

hp_value hp_emit_reduce(hp_builder *b, hp_value x, hp_reduction op, const int *axes, int axis_count, bool keepdims) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_reduce_params params;
    memset(&params, 0, sizeof params);
    params.op = (int32_t)op;
    params.keepdims = keepdims;
    for (int i = 0; i < axis_count; i++) params.axes |= 1u << hp_builder_axis(b, axes[i], shape->rank);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (shape->rows && (params.axes & 1)) return hp_builder_mixes_rows(b, "a reduction over the rows");
    bool arg = op == HP_REDUCTION_ARGMAX || op == HP_REDUCTION_ARGMIN;
    if (params.axes == 0 && !arg) return x;
    hp_value output;
    return hp_emit_node(b, &hp_prim_reduce, &params, sizeof params, &x, 1, &output, 1);
}

hp_value hp_emit_softmax(hp_builder *b, hp_value x, int axis, bool logarithm) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    int rank = hp_builder_shape(b, x)->rank, last = rank - 1, swap[HP_MAX_RANK];
    axis = hp_builder_axis(b, axis, rank);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (hp_builder_shape(b, x)->rows && axis == 0) return hp_builder_mixes_rows(b, "a softmax over the rows");
    for (int a = 0; a < rank; a++) swap[a] = a == axis ? last : a == last ? axis : a;
    hp_softmax_params params;
    memset(&params, 0, sizeof params);
    params.logarithm = logarithm;
    hp_value output;
    x = hp_emit_transpose(b, x, swap); /* the primitive is for the last axis; nothing where it is that */
    hp_emit_node(b, &hp_prim_softmax, &params, sizeof params, &x, 1, &output, 1);
    return hp_emit_transpose(b, output, swap);
}

hp_value hp_builder_logits(hp_builder *b, hp_value x, bool softmax) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_graph *graph = b->graph;
    int32_t maker = graph->values[x].node, before = -1;
    const hp_node *node = maker >= 0 ? &graph->nodes[maker] : NULL;
    if (!node) return HP_NO_VALUE;
    if (!softmax) {
        const hp_elementwise_params *program = node->params;
        bool sigmoid = node->prim == &hp_prim_elementwise && program->step_count == 1 &&
                       program->steps[0].kind == HP_STEP_UNARY && program->steps[0].op == HP_UNARY_SIGMOID;
        return sigmoid ? node->inputs[0] : HP_NO_VALUE;
    }
    if (node->prim == &hp_prim_transpose) before = graph->values[node->inputs[0]].node;
    const hp_node *from = before >= 0 ? &graph->nodes[before] : node;
    const hp_softmax_params *params = from->params;
    if (from->prim != &hp_prim_softmax || params->logarithm) return HP_NO_VALUE;
    return from == node
               ? from->inputs[0]
               : hp_emit_transpose(b, from->inputs[0], ((const hp_transpose_params *)node->params)->permutation);
}

hp_value hp_emit_normalise(
    hp_builder *b, hp_value x, hp_value scale, hp_value offset, int axis_count, double epsilon, bool rms) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    if (shape->rows && axis_count == shape->rank) return hp_builder_mixes_rows(b, "a normalisation over the rows");
    hp_normalise_params params;
    memset(&params, 0, sizeof params);
    params.axis_count = axis_count;
    params.rms = rms;
    params.epsilon = epsilon;
    hp_value output;
    return hp_emit_node(
        b, &hp_prim_normalise, &params, sizeof params, (const hp_value[]){x, scale, offset}, 3, &output, 1);
}

hp_value hp_emit_cumulate(hp_builder *b, hp_value x, bool product, int axis, bool reverse) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_cumulate_params params;
    memset(&params, 0, sizeof params);
    params.product = product;
    params.reverse = reverse;
    params.axis = hp_builder_axis(b, axis, shape->rank);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (shape->rows && params.axis == 0) return hp_builder_mixes_rows(b, "a cumulation over the rows");
    hp_value output;
    return hp_emit_node(b, &hp_prim_cumulate, &params, sizeof params, &x, 1, &output, 1);
}

/* concat.c: the primitive `concat`: tensors side by side along one axis. See builder.h, hp_emit_concat. Those that lie
 * within the output already are not copied. */
#include "base/dtype.h"
#include "prims/moves.h"
#include "prims/node_params.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_axis_params *p = params;
    char a_text[160], b_text[160];
    HP_FAIL_IF(input_count < 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL,
        "concat with %d inputs and %d outputs", input_count, output_count);
    hp_tensor out = inputs[0];
    HP_FAIL_IF(p->axis < 0 || p->axis >= out.shape.rank, error, HP_ERROR_SHAPE, NULL,
        "concatenation along axis %d of tensors of %d axes", (int)p->axis, out.shape.rank);
    for (int i = 1; i < input_count; i++) {
        const hp_shape *x = &inputs[i].shape;
        bool fits = inputs[i].dtype == out.dtype && x->rank == out.shape.rank && x->rows == out.shape.rows;
        for (int a = 0; fits && a < x->rank; a++) fits = a == p->axis || x->dims[a] == out.shape.dims[a];
        HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL, "%s %s and %s %s cannot be concatenated along axis %d",
            hp_dtype_name(inputs[0].dtype), hp_shape_text(&inputs[0].shape, a_text, sizeof a_text),
            hp_dtype_name(inputs[i].dtype), hp_shape_text(x, b_text, sizeof b_text), (int)p->axis);
        HP_FAIL_IF(__builtin_add_overflow(out.shape.dims[p->axis], x->dims[p->axis], &out.shape.dims[p->axis]), error,
            HP_ERROR_SHAPE, NULL, "the concatenated axis is too long");
    }
    HP_FAIL_IF(out.shape.rows && p->axis == 0, error, HP_ERROR_SHAPE, NULL, "a concatenation along the rows' axis");
    outputs[0] = out;
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_axis_params *p = prepare->node->params;
    const hp_tensor *y = &prepare->graph->values[prepare->node->outputs[0]].tensor;
    int count = prepare->node->input_count;
    hp_moves *moves = hp_moves_new(prepare->kernels, count, hp_dtype_size(y->dtype), y->shape.rows);
    HP_ALLOCATED(moves, error);
    int64_t to[HP_MAX_RANK], from[HP_MAX_RANK], offset = 0;
    hp_moves_value_strides(prepare->graph, prepare->node->outputs[0], to);
    moves->count = 0;
    for (int i = 0; i < count; i++) {
        const hp_value value = prepare->node->inputs[i];
        const hp_shape *x = &prepare->graph->values[value].tensor.shape;
        const int64_t before = offset;
        offset += x->dims[p->axis] * to[p->axis];
        if (prepare->graph->values[value].within == prepare->node->outputs[0]) continue; /* it is there */
        hp_move *move = &moves->at[moves->count++];
        hp_moves_value_strides(prepare->graph, value, from);
        for (int a = 0; a < x->rank; a++) hp_strided_axis(&move->copy, x->dims[a], to[a], from[a]);
        move->copy.to_offset = before;
        move->input = i;
    }
    hp_moves_plan(moves);
    *state = moves;
    return HP_OK;
}

const hp_prim hp_prim_concat = {.name = "concat",
    .infer = infer,
    .inputs_within = UINT32_MAX,
    .output_within = true,
    .prepare = prepare,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

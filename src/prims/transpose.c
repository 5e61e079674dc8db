/* transpose.c: the primitive `transpose`: axes in another order. See builder.h, hp_emit_transpose. */
#include "base/dtype.h"
#include "prims/moves.h"
#include "prims/node_params.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_transpose_params *p = params;
    HP_TRY(hp_moves_check(inputs, input_count, output_count, error));
    const hp_shape *x = &inputs[0].shape;
    unsigned seen = 0;
    outputs[0] = inputs[0];
    for (int a = 0; a < x->rank; a++) {
        int from = p->permutation[a];
        HP_FAIL_IF(from < 0 || from >= x->rank || (seen >> from & 1), error, HP_ERROR_SHAPE, NULL,
            "axis %d of the transposed tensor is axis %d of %d: no permutation", a, from, x->rank);
        seen |= 1u << from;
        outputs[0].shape.dims[a] = x->dims[from];
    }
    HP_FAIL_IF(x->rows && p->permutation[0] != 0, error, HP_ERROR_SHAPE, NULL, "a transposition moves the rows' axis");
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_transpose_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_shape *y = &prepare->graph->values[prepare->node->outputs[0]].tensor.shape;
    hp_moves *moves = hp_moves_new(prepare->kernels, 1, hp_dtype_size(x->dtype), x->shape.rows);
    HP_ALLOCATED(moves, error);
    int64_t to[HP_MAX_RANK], from[HP_MAX_RANK];
    hp_moves_strides(y, to);
    hp_moves_strides(&x->shape, from);
    for (int a = 0; a < y->rank; a++) hp_strided_axis(&moves->at[0].copy, y->dims[a], to[a], from[p->permutation[a]]);
    hp_moves_plan(moves);
    *state = moves;
    return HP_OK;
}

const hp_prim hp_prim_transpose = {.name = "transpose",
    .infer = infer,
    .prepare = prepare,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

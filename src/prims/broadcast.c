/* broadcast.c: the primitive `broadcast`: a tensor under a larger shape, by NumPy's rules. See builder.h,
 * hp_emit_broadcast. */
#include "base/dtype.h"
#include "prims/moves.h"
#include "prims/node_params.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_shape_params *p = params;
    char from[160], to[160];
    HP_TRY(hp_moves_check(inputs, input_count, output_count, error));
    HP_FAIL_IF(
        p->rank < 0 || p->rank > HP_MAX_RANK, error, HP_ERROR_INTERNAL, NULL, "broadcast to %d axes", (int)p->rank);
    hp_shape shape = {.rank = p->rank, .rows = p->rows != 0}, together;
    for (int a = 0; a < p->rank; a++) shape.dims[a] = p->dims[a];
    HP_FAIL_IF(!hp_shape_valid(&shape) || !hp_shape_broadcast(&inputs[0].shape, &shape, &together) ||
                   !hp_shape_equal(&together, &shape),
        error, HP_ERROR_SHAPE, NULL, "a tensor of shape %s cannot be broadcast to %s",
        hp_shape_text(&inputs[0].shape, from, sizeof from), hp_shape_text(&shape, to, sizeof to));
    outputs[0] = (hp_tensor){inputs[0].dtype, shape};
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_shape *y = &prepare->graph->values[prepare->node->outputs[0]].tensor.shape;
    hp_moves *moves = hp_moves_new(prepare->kernels, 1, hp_dtype_size(x->dtype), y->rows);
    HP_ALLOCATED(moves, error);
    int64_t to[HP_MAX_RANK], from[HP_MAX_RANK];
    hp_moves_strides(y, to);
    hp_moves_strides(&x->shape, from);
    for (int a = 0; a < y->rank; a++) {
        int b = a - (y->rank - x->shape.rank);
        bool repeats = b < 0 || (x->shape.dims[b] == 1 && !(b == 0 && x->shape.rows));
        hp_strided_axis(&moves->at[0].copy, y->dims[a], to[a], repeats ? 0 : from[b]);
    }
    hp_moves_plan(moves);
    *state = moves;
    return HP_OK;
}

const hp_prim hp_prim_broadcast = {.name = "broadcast",
    .infer = infer,
    .prepare = prepare,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

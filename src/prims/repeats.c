/* repeats.c: see repeats.h. */
#include "prims/repeats.h"

#include "base/dtype.h"
#include "prims/moves.h"
#include "prims/node_params.h"

hp_status hp_repeats_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_axis_params *p = params;
    HP_TRY(hp_moves_check(inputs, input_count, output_count, error));
    outputs[0] = inputs[0];
    hp_shape *y = &outputs[0].shape;
    HP_FAIL_IF(p->axis < 0 || p->axis >= y->rank || p->repeats < 0 ||
                   __builtin_mul_overflow(y->dims[p->axis], p->repeats, &y->dims[p->axis]),
        error, HP_ERROR_SHAPE, NULL, "axis %d of a tensor of %d axes cannot be repeated %lld times", (int)p->axis,
        y->rank, (long long)p->repeats);
    return HP_OK;
}

hp_status hp_repeats_prepare(const hp_prepare *prepare, bool whole, void **state, hp_error *error) {
    const hp_axis_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_shape *y = &prepare->graph->values[prepare->node->outputs[0]].tensor.shape;
    hp_moves *moves = hp_moves_new(prepare->kernels, 1, hp_dtype_size(x->dtype), x->shape.rows);
    HP_ALLOCATED(moves, error);
    hp_strided *copy = &moves->at[0].copy;
    int64_t to[HP_MAX_RANK], from[HP_MAX_RANK];
    hp_moves_value_strides(prepare->graph, prepare->node->outputs[0], to);
    hp_moves_value_strides(prepare->graph, prepare->node->inputs[0], from);
    for (int a = 0; a < y->rank; a++) {
        bool here = a == p->axis;
        if (here && whole) hp_strided_axis(copy, p->repeats, x->shape.dims[a] * to[a], 0);
        hp_strided_axis(copy, x->shape.dims[a], here && !whole ? to[a] * p->repeats : to[a], from[a]);
        if (here && !whole) hp_strided_axis(copy, p->repeats, to[a], 0);
    }
    hp_moves_plan(moves);
    *state = moves;
    return HP_OK;
}

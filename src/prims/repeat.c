/* repeat.c: the primitives `broadcast`, `repeat` and `tile`: elements that appear more than once. See builder.h. */
#include "base/dtype.h"
#include "prims/moves.h"
#include "prims/node_params.h"

/* ---- broadcast */

static hp_status infer_broadcast(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
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

static hp_status prepare_broadcast(const hp_prepare *prepare, void **state, hp_error *error) {
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
    .infer = infer_broadcast,
    .prepare = prepare_broadcast,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

/* ---- repeat and tile: one more axis, inside or outside the repeated one */

static hp_status infer_repeats(const hp_axis_params *p, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    HP_TRY(hp_moves_check(inputs, input_count, output_count, error));
    outputs[0] = inputs[0];
    hp_shape *y = &outputs[0].shape;
    HP_FAIL_IF(p->axis < 0 || p->axis >= y->rank || p->repeats < 0 ||
                   __builtin_mul_overflow(y->dims[p->axis], p->repeats, &y->dims[p->axis]),
        error, HP_ERROR_SHAPE, NULL, "axis %d of a tensor of %d axes cannot be repeated %lld times", (int)p->axis,
        y->rank, (long long)p->repeats);
    return HP_OK;
}

static hp_status infer_repeat(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    return infer_repeats(params, inputs, input_count, outputs, output_count, error);
}

static hp_status infer_tile(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_axis_params *p = params;
    HP_TRY(infer_repeats(p, inputs, input_count, outputs, output_count, error));
    HP_FAIL_IF(inputs[0].shape.rows && p->axis == 0, error, HP_ERROR_SHAPE, NULL, "the rows are tiled");
    return HP_OK;
}

static hp_status prepare_repeats(const hp_prepare *prepare, bool whole, void **state, hp_error *error) {
    const hp_axis_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_shape *y = &prepare->graph->values[prepare->node->outputs[0]].tensor.shape;
    hp_moves *moves = hp_moves_new(prepare->kernels, 1, hp_dtype_size(x->dtype), x->shape.rows);
    HP_ALLOCATED(moves, error);
    hp_strided *copy = &moves->at[0].copy;
    int64_t to[HP_MAX_RANK], from[HP_MAX_RANK];
    hp_moves_strides(y, to);
    hp_moves_strides(&x->shape, from);
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

static hp_status prepare_repeat(const hp_prepare *prepare, void **state, hp_error *error) {
    return prepare_repeats(prepare, false, state, error);
}

static hp_status prepare_tile(const hp_prepare *prepare, void **state, hp_error *error) {
    return prepare_repeats(prepare, true, state, error);
}

const hp_prim hp_prim_repeat = {.name = "repeat",
    .infer = infer_repeat,
    .prepare = prepare_repeat,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

const hp_prim hp_prim_tile = {.name = "tile",
    .infer = infer_tile,
    .prepare = prepare_tile,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

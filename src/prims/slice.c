/* slice.c: the primitive `slice`: begin, count and step per axis. See builder.h, hp_emit_slice. */
#include "base/dtype.h"
#include "prims/moves.h"
#include "prims/node_params.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_slice_params *p = params;
    HP_TRY(hp_moves_check(inputs, input_count, output_count, error));
    const hp_shape *x = &inputs[0].shape;
    outputs[0] = inputs[0];
    for (int a = 0; a < x->rank; a++) {
        int64_t n = x->dims[a], reach, last;
        bool fits = p->count[a] >= 0;
        if (p->count[a] > 0)
            fits = p->begin[a] >= 0 && p->begin[a] < n &&
                   !__builtin_mul_overflow(p->count[a] - 1, p->step[a], &reach) &&
                   !__builtin_add_overflow(p->begin[a], reach, &last) && last >= 0 && last < n;
        HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL, "%lld elements from %lld in steps of %lld along axis %d of %lld",
            (long long)p->count[a], (long long)p->begin[a], (long long)p->step[a], a, (long long)n);
        outputs[0].shape.dims[a] = p->count[a];
    }
    HP_FAIL_IF(x->rows && (p->begin[0] != 0 || p->count[0] != x->dims[0] || (p->count[0] > 1 && p->step[0] != 1)),
        error, HP_ERROR_SHAPE, NULL, "a slice takes some of the rows");
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_slice_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_shape *y = &prepare->graph->values[prepare->node->outputs[0]].tensor.shape;
    hp_moves *moves = hp_moves_new(prepare->kernels, 1, hp_dtype_size(x->dtype), x->shape.rows);
    HP_ALLOCATED(moves, error);
    int64_t to[HP_MAX_RANK], from[HP_MAX_RANK];
    hp_moves_value_strides(prepare->graph, prepare->node->outputs[0], to);
    hp_moves_value_strides(prepare->graph, prepare->node->inputs[0], from);
    for (int a = 0; a < y->rank; a++) {
        int64_t step = a == 0 && x->shape.rows ? 1 : p->step[a];
        if (y->dims[a] <= 1 && !(a == 0 && x->shape.rows)) step = 0; /* of no meaning, and may be huge */
        hp_strided_axis(&moves->at[0].copy, y->dims[a], to[a], from[a] * step);
        if (y->dims[a] > 0) moves->at[0].copy.from_offset += p->begin[a] * from[a];
    }
    hp_moves_plan(moves);
    *state = moves;
    return HP_OK;
}

const hp_prim hp_prim_slice = {.name = "slice",
    .infer = infer,
    .inputs_within = 1,
    .output_within = true,
    .prepare = prepare,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

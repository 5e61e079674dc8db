/* tile.c: the primitive `tile`: an axis as a whole several times. See builder.h, hp_emit_tile. */
#include "prims/moves.h"
#include "prims/node_params.h"
#include "prims/repeats.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_axis_params *p = params;
    HP_TRY(hp_repeats_infer(p, inputs, input_count, outputs, output_count, error));
    HP_FAIL_IF(inputs[0].shape.rows && p->axis == 0, error, HP_ERROR_SHAPE, NULL, "the rows are tiled");
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    return hp_repeats_prepare(prepare, true, state, error);
}

const hp_prim hp_prim_tile = {.name = "tile",
    .infer = infer,
    .inputs_within = 1,
    .output_within = true,
    .prepare = prepare,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};

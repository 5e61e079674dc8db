/* reshape.c: the primitive `reshape`: the same bytes under another shape; no work. See builder.h, hp_emit_reshape. */
#include "prims/node_params.h"
#include "prims/prim.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_shape_params *p = params;
    char from[160], to[160];
    HP_FAIL_IF(input_count != 1 || output_count != 1 || p->rank < 0 || p->rank > HP_MAX_RANK, error, HP_ERROR_INTERNAL,
        NULL, "reshape with %d inputs to %d axes", input_count, (int)p->rank);
    hp_shape shape = {.rank = p->rank, .rows = p->rows != 0};
    for (int i = 0; i < p->rank; i++) shape.dims[i] = p->dims[i];
    HP_FAIL_IF(!hp_shape_valid(&shape) || shape.rows != inputs[0].shape.rows ||
                   hp_shape_elements(&shape) != hp_shape_elements(&inputs[0].shape),
        error, HP_ERROR_SHAPE, NULL, "a tensor of shape %s cannot be reshaped to %s",
        hp_shape_text(&inputs[0].shape, from, sizeof from), hp_shape_text(&shape, to, sizeof to));
    outputs[0] = (hp_tensor){inputs[0].dtype, shape};
    return HP_OK;
}

const hp_prim hp_prim_reshape = {.name = "reshape", .infer = infer, .alias = true};

/* bitcast.c: the primitive `bitcast`: the same bytes as another dtype. See builder.h, hp_emit_bitcast. */
#include <stdlib.h>

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/prim.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    hp_dtype dtype = (hp_dtype)((const hp_bitcast_params *)params)->dtype;
    HP_FAIL_IF(
        input_count != 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "bitcast with %d inputs", input_count);
    int64_t from = (int64_t)hp_dtype_size(inputs[0].dtype), to = (int64_t)hp_dtype_size(dtype), bytes;
    hp_shape shape = inputs[0].shape;
    int64_t *last = &shape.dims[shape.rank > 0 ? shape.rank - 1 : 0];
    bool strings = dtype == HP_STRING || inputs[0].dtype == HP_STRING || from == 0 || to == 0;
    HP_FAIL_IF(
        strings || (from != to && (shape.rank == 0 || __builtin_mul_overflow(*last, from, &bytes) || bytes % to)),
        error, HP_ERROR_UNSUPPORTED, NULL, "%s as %s: its last axis cannot be divided", hp_dtype_name(inputs[0].dtype),
        hp_dtype_name(dtype));
    if (from != to) *last = bytes / to;
    outputs[0] = (hp_tensor){dtype, shape};
    return HP_OK;
}

const hp_prim hp_prim_bitcast = {.name = "bitcast", .alias = true, .infer = infer};

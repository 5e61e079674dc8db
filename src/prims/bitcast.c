/* bitcast.c: the primitive `bitcast`: the same bytes as another dtype of the same size. See builder.h, hp_emit_bitcast. */
#include <stdlib.h>

#include "base/dtype.h"
#include "prims/node_params.h"
#include "prims/prim.h"

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    hp_dtype dtype = (hp_dtype)((const hp_bitcast_params *)params)->dtype;
    HP_FAIL_IF(
        input_count != 1 || output_count != 1, error, HP_ERROR_INTERNAL, NULL, "bitcast with %d inputs", input_count);
    HP_FAIL_IF(hp_dtype_size(dtype) != hp_dtype_size(inputs[0].dtype) || dtype == HP_STRING, error,
        HP_ERROR_UNSUPPORTED, NULL, "%s as %s: their sizes differ", hp_dtype_name(inputs[0].dtype),
        hp_dtype_name(dtype));
    outputs[0] = (hp_tensor){dtype, inputs[0].shape};
    return HP_OK;
}

const hp_prim hp_prim_bitcast = {.name = "bitcast", .alias = true, .infer = infer};

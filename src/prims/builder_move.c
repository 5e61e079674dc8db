/* builder_move.c: emitters of what moves data: views, strided copies, gathers, resizes. See builder.h. What would do
 * nothing gives its input back. */
#include <string.h>

#include "base/dtype.h"
#include "prims/builder.h"
#include "prims/node_params.h"
#include "prims/prim.h"

static hp_value emit_one(
    hp_builder *b, const hp_prim *prim, const void *params, size_t size, const hp_value *inputs, int input_count) {
    hp_value output;
    return hp_emit_node(b, prim, params, size, inputs, input_count, &output, 1);
}

static hp_shape_params shape_params(const hp_shape *shape) {
    hp_shape_params params;
    memset(&params, 0, sizeof params);
    params.rank = shape->rank;
    params.rows = shape->rows;
    for (int i = 0; i < shape->rank; i++) params.dims[i] = shape->dims[i];
    return params;
}

hp_value hp_emit_reshape(hp_builder *b, hp_value x, int rank, const int64_t *dims) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *from = hp_builder_shape(b, x);
    char text[160];
    if (rank < 0 || rank > HP_MAX_RANK)
        return hp_builder_fail(b, HP_ERROR_SHAPE, "reshape to %d axes; at most %d are possible", rank, HP_MAX_RANK);
    hp_shape shape = {.rank = rank, .rows = from->rows && rank > 0};
    int64_t known = 1, elements = hp_shape_elements(from);
    int unknown = -1;
    for (int i = 0; i < rank; i++) {
        shape.dims[i] = dims[i];
        if (dims[i] == -1 && unknown < 0)
            unknown = i;
        else if (dims[i] < 0 || __builtin_mul_overflow(known, dims[i], &known))
            return hp_builder_fail(b, HP_ERROR_SHAPE, "reshape to an axis of %lld", (long long)dims[i]);
    }
    if (unknown >= 0) {
        if (known == 0 || elements % known != 0)
            return hp_builder_fail(b, HP_ERROR_SHAPE, "a tensor of shape %s does not divide into blocks of %lld",
                hp_shape_text(from, text, sizeof text), (long long)known);
        shape.dims[unknown] = elements / known;
    }
    if (from->rows && rank == 0) return hp_builder_mixes_rows(b, "all rows are reshaped to one value");
    if (hp_shape_equal(&shape, from)) return x;
    hp_shape_params params = shape_params(&shape);
    return emit_one(b, &hp_prim_reshape, &params, sizeof params, &x, 1);
}

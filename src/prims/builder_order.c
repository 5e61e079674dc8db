/* builder_order.c: emitters of what orders, picks and transforms along one axis: sort, take_along, fft; scatter and bitcast. See
 * builder.h. */
#include <string.h>

#include "base/dtype.h"
#include "prims/builder.h"
#include "prims/node_params.h"
#include "prims/prim.h"

/* x with `axis` and its last axis exchanged. */
static hp_value exchanged(hp_builder *b, hp_value x, int axis) {
    int permutation[HP_MAX_RANK], rank = hp_builder_shape(b, x)->rank;
    for (int i = 0; i < rank; i++) permutation[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
    return hp_emit_transpose(b, x, permutation);
}

/* The axis, from 0; -1 after a failure, the rows' among them. */
static int axis_of(hp_builder *b, hp_value x, int axis, const char *reason) {
    const hp_shape *shape = hp_builder_shape(b, x);
    axis = hp_builder_axis(b, axis, shape->rank);
    if (b->status == HP_OK && axis == 0 && shape->rows) hp_builder_mixes_rows(b, reason);
    return b->status == HP_OK ? axis : -1;
}

hp_value hp_emit_sort(hp_builder *b, hp_value x, int axis, bool descending, hp_value *places) {
    if (places) *places = HP_NO_VALUE;
    axis = axis_of(b, x, axis, "the rows are sorted");
    if (axis < 0) return HP_NO_VALUE;
    hp_sort_params params;
    memset(&params, 0, sizeof params);
    params.descending = descending;
    hp_value outputs[2] = {HP_NO_VALUE, HP_NO_VALUE};
    x = exchanged(b, x, axis);
    hp_emit_node(b, &hp_prim_sort, &params, sizeof params, &x, 1, outputs, 2);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (places) *places = exchanged(b, outputs[1], axis);
    return exchanged(b, outputs[0], axis);
}

hp_value hp_emit_take_along(hp_builder *b, hp_value x, hp_value indices, int axis) {
    axis = axis_of(b, x, axis, "elements are taken along the rows");
    if (axis < 0) return HP_NO_VALUE;
    hp_shape from = *hp_builder_shape(b, x), at = *hp_builder_shape(b, indices);
    if (at.rank != from.rank)
        return hp_builder_fail(b, HP_ERROR_SHAPE, "indices of %d axes into %d", at.rank, from.rank);
    int64_t length = from.dims[axis], count = at.dims[axis];
    hp_shape together;
    from.dims[axis] = at.dims[axis] = 1;
    if (!hp_shape_broadcast(&from, &at, &together))
        return hp_builder_fail(b, HP_ERROR_SHAPE, "the shapes of the tensor and of the indices do not fit");
    from = at = together;
    from.dims[axis] = length;
    at.dims[axis] = count;
    hp_value pair[2] = {hp_emit_broadcast(b, x, &from), hp_emit_broadcast(b, hp_emit_cast(b, indices, HP_INT64), &at)};
    for (int i = 0; i < 2; i++) pair[i] = exchanged(b, pair[i], axis);
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_value output;
    hp_emit_node(b, &hp_prim_take_along, NULL, 0, pair, 2, &output, 1);
    return b->status == HP_OK ? exchanged(b, output, axis) : HP_NO_VALUE;
}

hp_value hp_emit_scatter(hp_builder *b, hp_value x, hp_value indices, hp_value updates, hp_scatter op) {
    hp_value triple[3] = {x, hp_emit_cast(b, indices, HP_INT64), updates}, output;
    if (b->status != HP_OK) return HP_NO_VALUE;
    for (int i = 0; i < 3; i++)
        if (hp_builder_shape(b, triple[i])->rows)
            return hp_builder_mixes_rows(b, "rows are updated at computed places");
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    bool half = dtype == HP_FLOAT16 || dtype == HP_BFLOAT16;
    for (int i = 0; i < 3; i += 2)
        if (half && op != HP_SCATTER_REPLACE) triple[i] = hp_emit_cast(b, triple[i], HP_FLOAT32);
    hp_scatter_params params;
    memset(&params, 0, sizeof params);
    params.op = (int32_t)op;
    hp_emit_node(b, &hp_prim_scatter, &params, sizeof params, triple, 3, &output, 1);
    return b->status == HP_OK ? hp_emit_cast(b, output, dtype) : HP_NO_VALUE;
}

void hp_emit_ctc_beam(hp_builder *b, hp_value x, hp_value lengths, int64_t width, int64_t paths, hp_value outputs[2]) {
    hp_value pair[2] = {x, hp_emit_cast(b, lengths, HP_INT32)};
    outputs[0] = outputs[1] = HP_NO_VALUE;
    if (b->status == HP_OK && (hp_builder_shape(b, x)->rows || hp_builder_shape(b, lengths)->rows))
        hp_builder_mixes_rows(b, "an axis is put before the rows");
    if (b->status != HP_OK) return;
    hp_ctc_beam_params params;
    memset(&params, 0, sizeof params);
    params.width = (int32_t)width;
    params.paths = (int32_t)paths;
    hp_emit_node(b, &hp_prim_ctc_beam, &params, sizeof params, pair, 2, outputs, 2);
}

void hp_emit_fft(hp_builder *b, hp_value re, hp_value im, bool inverse, hp_value outputs[2]) {
    outputs[0] = outputs[1] = HP_NO_VALUE;
    if (axis_of(b, re, -1, "a Fourier transform of the rows") < 0) return;
    hp_fft_params params;
    memset(&params, 0, sizeof params);
    params.inverse = inverse;
    hp_emit_node(b, &hp_prim_fft, &params, sizeof params, (const hp_value[]){re, im}, 2, outputs, 2);
}

hp_value hp_emit_bitcast(hp_builder *b, hp_value x, hp_dtype dtype) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_tensor *tensor = hp_builder_tensor(b, x);
    if (tensor->shape.rows && tensor->shape.rank == 1 && hp_dtype_size(dtype) > hp_dtype_size(tensor->dtype))
        return hp_builder_mixes_rows(b, "numbers of several rows become one");
    hp_bitcast_params params;
    memset(&params, 0, sizeof params);
    params.dtype = (int32_t)dtype;
    hp_value output;
    return hp_emit_node(b, &hp_prim_bitcast, &params, sizeof params, &x, 1, &output, 1);
}

hp_value hp_emit_joined_parts(hp_builder *b, hp_value value) {
    hp_value parts[2];
    if (!hp_builder_is_complex(b, value, parts)) return value;
    hp_shape pair = *hp_builder_shape(b, value);
    const int rank = pair.rank;
    if (rank == HP_MAX_RANK)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a complex tensor of more than %d axes", HP_MAX_RANK - 1);
    pair.dims[rank] = 1;
    bool wide = hp_builder_tensor(b, value)->dtype == HP_FLOAT64;
    for (int i = 0; i < 2; i++) {
        parts[i] = hp_emit_cast(b, parts[i], wide ? HP_FLOAT64 : HP_FLOAT32);
        parts[i] = hp_emit_reshape(b, parts[i], rank + 1, pair.dims);
    }
    value = hp_emit_bitcast(b, hp_emit_concat(b, parts, 2, rank), wide ? HP_COMPLEX128 : HP_COMPLEX64);
    return hp_emit_reshape(b, value, rank, pair.dims);
}

/* builder_move.c: emitters of what moves data: views, strided copies, gathers, resizes. See builder.h. What would do
 * nothing gives its input back. */
#include <string.h>

#include "base/dtype.h"
#include "prims/builder_rows.h"
#include "prims/node_params.h"
#include "prims/prim.h"
#include "prims/typed.h"

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

hp_value hp_emit_alias(hp_builder *b, hp_value x) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_shape_params params = shape_params(hp_builder_shape(b, x));
    return emit_one(b, &hp_prim_reshape, &params, sizeof params, &x, 1);
}

hp_value hp_emit_transpose(hp_builder *b, hp_value x, const int *permutation) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_transpose_params params;
    memset(&params, 0, sizeof params);
    bool identity = true;
    for (int a = 0; a < shape->rank; a++) {
        params.permutation[a] = hp_builder_axis(b, permutation[a], shape->rank);
        identity = identity && params.permutation[a] == a;
    }
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (identity) return x;
    hp_value moved;
    if (hp_builder_transpose_moved(b, x, params.permutation, &moved)) return moved;
    if (shape->rows && params.permutation[0] != 0) return hp_builder_move_rows(b, x, params.permutation);
    return emit_one(b, &hp_prim_transpose, &params, sizeof params, &x, 1);
}

hp_value hp_emit_slice(hp_builder *b, hp_value x, const int64_t *begin, const int64_t *count, const int64_t *step) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_slice_params params;
    memset(&params, 0, sizeof params);
    bool full = true;
    for (int a = 0; a < shape->rank; a++) {
        /* Where there is at most one element the step has no meaning: equal slices are then equal bytes. */
        params.begin[a] = begin[a];
        params.count[a] = count[a];
        params.step[a] = count[a] > 1 ? step[a] : 1;
        bool whole = begin[a] == 0 && count[a] == shape->dims[a] && params.step[a] == 1;
        if (a == 0 && shape->rows && !whole) return hp_builder_mixes_rows(b, "a slice takes some of the rows");
        full = full && whole;
    }
    return full ? x : emit_one(b, &hp_prim_slice, &params, sizeof params, &x, 1);
}

hp_value hp_emit_pad(
    hp_builder *b, hp_value x, const int64_t *before, const int64_t *after, hp_pad_mode mode, double value) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_pad_params params;
    memset(&params, 0, sizeof params);
    params.mode = (int32_t)mode;
    if (mode == HP_PAD_CONSTANT) params.value = value;
    bool any = false;
    for (int a = 0; a < shape->rank; a++) {
        params.before[a] = before[a];
        params.after[a] = after[a];
        bool here = before[a] != 0 || after[a] != 0;
        if (a == 0 && shape->rows && here) return hp_builder_mixes_rows(b, "the rows are padded");
        any = any || here;
    }
    return any ? emit_one(b, &hp_prim_pad, &params, sizeof params, &x, 1) : x;
}

static hp_axis_params axis_params(int axis, int64_t repeats) {
    hp_axis_params params;
    memset(&params, 0, sizeof params);
    params.axis = axis;
    params.repeats = repeats;
    return params;
}

hp_value hp_emit_concat(hp_builder *b, const hp_value *values, int count, int axis) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (count < 1) return hp_builder_fail(b, HP_ERROR_SHAPE, "a concatenation of nothing");
    const hp_shape *shape = hp_builder_shape(b, values[0]);
    axis = hp_builder_axis(b, axis, shape->rank);
    if (b->status != HP_OK) return HP_NO_VALUE;
    bool rows = false, all = true;
    for (int i = 0; i < count; i++) {
        bool has = hp_builder_shape(b, values[i])->rows;
        rows = rows || has;
        all = all && has;
    }
    if (rows && axis == 0) return hp_builder_mixes_rows(b, "a concatenation along the rows' axis");
    if (rows && !all) return hp_builder_mixes_rows(b, "a concatenation of rows with a constant");
    if (count == 1) return values[0];
    hp_axis_params params = axis_params(axis, 0);
    return emit_one(b, &hp_prim_concat, &params, sizeof params, values, count);
}

hp_value hp_emit_broadcast(hp_builder *b, hp_value x, const hp_shape *shape) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *from = hp_builder_shape(b, x);
    hp_shape together;
    if (hp_shape_equal(from, shape)) return x;
    if (hp_shape_broadcast_rows(from, shape, &together) == HP_BROADCAST_MIXES_ROWS)
        return hp_builder_mixes_rows(b, "the rows are broadcast against another axis");
    hp_shape_params params = shape_params(shape);
    return emit_one(b, &hp_prim_broadcast, &params, sizeof params, &x, 1);
}

static hp_value emit_repeats(hp_builder *b, const hp_prim *prim, hp_value x, int axis, int64_t repeats) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    axis = hp_builder_axis(b, axis, shape->rank);
    if (b->status != HP_OK || repeats == 1) return b->status == HP_OK ? x : HP_NO_VALUE;
    if (shape->rows && axis == 0 && (prim == &hp_prim_tile || repeats == 0))
        return hp_builder_mixes_rows(b, "the rows are tiled");
    hp_axis_params params = axis_params(axis, repeats);
    return emit_one(b, prim, &params, sizeof params, &x, 1);
}

hp_value hp_emit_repeat(hp_builder *b, hp_value x, int axis, int64_t repeats) {
    return emit_repeats(b, &hp_prim_repeat, x, axis, repeats);
}

hp_value hp_emit_tile(hp_builder *b, hp_value x, int axis, int64_t repeats) {
    return emit_repeats(b, &hp_prim_tile, x, axis, repeats);
}

hp_value hp_emit_fill(hp_builder *b, hp_dtype dtype, const hp_shape *shape, double value) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    unsigned char element[16] = {0};
    hp_typed_function *cast = hp_typed_cast(HP_FLOAT64, dtype);
    if (!cast)
        return hp_builder_fail(
            b, HP_ERROR_UNSUPPORTED, "a tensor of %s filled with %g is not supported", hp_dtype_name(dtype), value);
    hp_typed_call call = {.y = element, .rows = 1, .n = 1, .operands = {{&value, 1, 1}}};
    cast(&call);
    return hp_emit_broadcast(b, hp_emit_literal(b, dtype, 0, NULL, element), shape);
}

hp_value hp_emit_gather(hp_builder *b, hp_value table, hp_value indices, int axis) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *t = hp_builder_shape(b, table), *i = hp_builder_shape(b, indices);
    axis = hp_builder_axis(b, axis, t->rank);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (t->rows && axis == 0) return hp_builder_mixes_rows(b, "rows are gathered");
    if (i->rows && t->rows) return hp_builder_mixes_rows(b, "rows are gathered by rows");
    if (i->rows && axis != 0)
        return hp_builder_mixes_rows(b, "the rows' axis of the indices is not the first any more");
    hp_axis_params params = axis_params(axis, 0);
    return emit_one(b, &hp_prim_gather, &params, sizeof params, (const hp_value[]){table, indices}, 2);
}

hp_value hp_emit_resize(hp_builder *b, hp_value x, const hp_resize_params *params) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    const hp_shape *shape = hp_builder_shape(b, x);
    hp_resize_params clean;
    memset(&clean, 0, sizeof clean);
    clean.height = params->height;
    clean.width = params->width;
    clean.method = params->method;
    clean.antialias = params->antialias != 0;
    if (shape->rank == 4 && shape->dims[1] == clean.height && shape->dims[2] == clean.width) return x;
    return emit_one(b, &hp_prim_resize, &clean, sizeof clean, &x, 1);
}

/* shape.c: other shapes and orders of the same elements (keras/src/ops/numpy.py, core.py). */
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis, *axes, *newshape, *shape, *repeats, *source, *destination;
    int64_t axis1, axis2;
    hp_dtype dtype;
} config;

#define SHAPE_OP(name, ...)                                                                                            \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP_LINEAR(#name, HP_OP_NUMPY, fields_##name, config, lower_##name);            \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

static int integers(hp_builder *b, const hp_json *value, int64_t *list) {
    return hp_op_integers(b, value, -1, list);
}

/* tf.shape; the number of rows stays open, and goes into other shapes. */
static const hp_field fields_Shape[] = {HP_DTYPE_FIELD(config, dtype), HP_FIELDS_END};

static void lower_Shape(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value sizes = hp_emit_sizes(b, hp_op_operand(b, call, 0, "x"));
    hp_call_output(b, call, hp_emit_cast(b, sizes, c->dtype == HP_DTYPE_NONE ? HP_INT32 : c->dtype));
}

const hp_op_class hp_op_Shape = HP_OP("Shape", HP_OP_TF, fields_Shape, config, lower_Shape);

/* The same of each tensor of a list. */
static void lower_ShapeN(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    const hp_arg *list = hp_call_arg(call, 0, "xs"), *items = list && list->kind == HP_ARG_LIST ? list->items : list;
    size_t count = !list ? 0 : list->kind == HP_ARG_LIST ? list->item_count : 1;
    for (size_t i = 0; i < count; i++) {
        hp_value sizes = hp_emit_sizes(b, hp_op_value(b, &items[i], HP_DTYPE_NONE));
        hp_call_output(b, call, hp_emit_cast(b, sizes, c->dtype == HP_DTYPE_NONE ? HP_INT32 : c->dtype));
    }
}

const hp_op_class hp_op_ShapeN = HP_OP("ShapeN", HP_OP_TF, fields_Shape, config, lower_ShapeN);

/* newshape names the batch as -1 or None; a leading None with another -1 keeps the rows. */
SHAPE_OP(Reshape, HP_JSON_FIELD(config, newshape)) {
    const config *c = layer->config;
    int64_t dims[HP_MAX_RANK];
    bool rows[HP_MAX_RANK];
    hp_value x = hp_op_operand(b, call, 0, "x");
    int rank = hp_op_sizes(b, call, "newshape", c->newshape, dims, rows), unknown = 0;
    const hp_shape *shape = hp_builder_shape(b, x);
    for (int i = 0; i < rank; i++) {
        unknown += dims[i] < 0;
        if (rows[i] && (i > 0 || !shape->rows)) hp_builder_mixes_rows(b, "the number of rows is the size of an axis");
    }
    if (shape->rows && rank > 0 && dims[0] > 0 && !rows[0])
        hp_builder_mixes_rows(b, "the first axis has a size of its own, whatever the number of rows");
    if (unknown > 1 && dims[0] < 0) dims[0] = shape->dims[0];
    hp_call_output(b, call, hp_emit_reshape(b, x, rank, dims));
}

SHAPE_OP(ExpandDims, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t wanted[HP_MAX_RANK], dims[HP_MAX_RANK];
    int count = integers(b, c->axis, wanted), rank = shape.rank + count, from = 0;
    bool is_new[2 * HP_MAX_RANK] = {false};
    if (rank > HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "more than %d axes", HP_MAX_RANK);
        return;
    }
    for (int i = 0; i < count; i++) is_new[hp_builder_axis(b, wanted[i], rank)] = true;
    if (shape.rows && is_new[0]) {
        hp_builder_mixes_rows(b, "a new axis is put before the rows");
        return;
    }
    for (int i = 0; i < rank; i++) dims[i] = is_new[i] ? 1 : shape.dims[from < shape.rank ? from++ : 0];
    hp_call_output(b, call, hp_emit_reshape(b, x, rank, dims));
}

SHAPE_OP(Squeeze, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t dims[HP_MAX_RANK];
    int axes[HP_MAX_RANK], rank = 0;
    bool dropped[HP_MAX_RANK] = {false};
    int count = hp_json_is_null(c->axis) ? 0 : hp_op_axes(b, c->axis, shape.rank, axes);
    for (int i = 0; i < count; i++) dropped[axes[i]] = true;
    if (shape.rows && dropped[0]) {
        hp_builder_mixes_rows(b, "the axis of the rows is dropped");
        return;
    }
    for (int i = 0; i < shape.rank; i++) {
        if (hp_json_is_null(c->axis)) dropped[i] = shape.dims[i] == 1 && !(i == 0 && shape.rows);
        if (dropped[i] && shape.dims[i] != 1)
            hp_builder_fail(
                b, HP_ERROR_SHAPE, "axis %d has size %lld and cannot be dropped", i, (long long)shape.dims[i]);
        if (!dropped[i]) dims[rank++] = shape.dims[i];
    }
    hp_call_output(b, call, hp_emit_reshape(b, x, rank, dims));
}

SHAPE_OP(Ravel, HP_IGNORE("order")) {
    (void)layer;
    hp_call_output(b, call, hp_emit_reshape(b, hp_op_operand(b, call, 0, "x"), 1, (int64_t[]){-1}));
}

static void transpose(hp_builder *b, hp_call *call, const int64_t *order, int count) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    int rank = hp_builder_shape(b, x)->rank, permutation[HP_MAX_RANK];
    bool seen[HP_MAX_RANK] = {false};
    for (int i = 0; i < rank; i++) {
        permutation[i] = count == 0 ? rank - 1 - i : hp_builder_axis(b, i < count ? order[i] : INT64_MAX, rank);
        if (b->status == HP_OK && seen[permutation[i]]) hp_builder_fail(b, HP_ERROR_SHAPE, "an axis is named twice");
        seen[permutation[i]] = true;
    }
    hp_call_output(b, call, hp_emit_transpose(b, x, permutation));
}

SHAPE_OP(Transpose, HP_JSON_FIELD(config, axes)) {
    const config *c = layer->config;
    int64_t order[HP_MAX_RANK];
    int count = hp_json_is_null(c->axes) ? 0 : integers(b, c->axes, order);
    transpose(b, call, order, count);
}

SHAPE_OP(Swapaxes, HP_INT(config, axis1, HP_REQUIRED, -HP_MAX_RANK, HP_MAX_RANK),
    HP_INT(config, axis2, HP_REQUIRED, -HP_MAX_RANK, HP_MAX_RANK)) {
    const config *c = layer->config;
    int64_t order[HP_MAX_RANK];
    int rank = hp_builder_shape(b, hp_op_operand(b, call, 0, "x"))->rank;
    for (int i = 0; i < rank; i++) order[i] = i;
    int first = hp_builder_axis(b, c->axis1, rank), second = hp_builder_axis(b, c->axis2, rank);
    order[first] = second;
    order[second] = first;
    transpose(b, call, order, rank);
}

SHAPE_OP(Moveaxis, HP_JSON_FIELD(config, source), HP_JSON_FIELD(config, destination)) {
    const config *c = layer->config;
    int64_t from[HP_MAX_RANK], to[HP_MAX_RANK], order[HP_MAX_RANK];
    int rank = hp_builder_shape(b, hp_op_operand(b, call, 0, "x"))->rank, next = 0;
    int count = integers(b, c->source, from);
    bool taken[HP_MAX_RANK] = {false}, moved[HP_MAX_RANK] = {false};
    if (integers(b, c->destination, to) != count)
        hp_builder_fail(b, HP_ERROR_SHAPE, "source and destination differ in length");
    for (int i = 0; i < count; i++) {
        int place = hp_builder_axis(b, to[i], rank), axis = hp_builder_axis(b, from[i], rank);
        order[place] = axis;
        taken[place] = moved[axis] = true;
    }
    for (int i = 0; i < rank; i++) {
        if (taken[i]) continue;
        while (next < rank && moved[next]) next++;
        order[i] = next++;
    }
    transpose(b, call, order, rank);
}

/* ---- several tensors into one */

enum { MOST_PARTS = 256 };

SHAPE_OP(Concatenate, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value values[MOST_PARTS];
    int count = hp_op_list(b, call, "xs", values, MOST_PARTS);
    const hp_json *given = hp_op_setting(b, call, -1, "axis", c->axis); /* computed, in graphs of Keras 2 */
    int64_t axis = hp_json_is(given, HP_JSON_INT) ? given->integer : 0;
    if (count && b->status == HP_OK) hp_call_output(b, call, hp_emit_concat(b, values, count, (int)axis));
}

static void stack(hp_builder *b, hp_call *call, int64_t axis) {
    hp_value values[MOST_PARTS];
    int count = hp_op_list(b, call, "xs", values, MOST_PARTS);
    if (!count) return;
    hp_shape shape = *hp_builder_shape(b, values[0]);
    int place = hp_builder_axis(b, axis, shape.rank + 1);
    if (shape.rank == HP_MAX_RANK || (place == 0 && shape.rows)) {
        hp_builder_mixes_rows(b, "tensors are stacked along a new first axis");
        return;
    }
    int64_t dims[HP_MAX_RANK + 1];
    for (int i = 0; i <= shape.rank; i++) dims[i] = i < place ? shape.dims[i] : i == place ? 1 : shape.dims[i - 1];
    for (int i = 0; i < count; i++) values[i] = hp_emit_reshape(b, values[i], shape.rank + 1, dims);
    hp_call_output(b, call, hp_emit_concat(b, values, count, place));
}

SHAPE_OP(Stack, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    stack(b, call, hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : 0);
}

/* hstack joins along axis 1 (rows are axis 0, so there are two axes at least); vstack along the rows. */
static void lower_join(hp_builder *b, hp_call *call, int axis) {
    hp_value values[MOST_PARTS];
    int count = hp_op_list(b, call, "xs", values, MOST_PARTS);
    if (count && hp_builder_shape(b, values[0])->rank == 1) axis = 0;
    if (count) hp_call_output(b, call, hp_emit_concat(b, values, count, axis));
}

static void lower_hstack(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    lower_join(b, call, 1);
}

static void lower_vstack(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    lower_join(b, call, 0);
}

const hp_op_class hp_op_Hstack = HP_OP("Hstack", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_hstack);
const hp_op_class hp_op_Vstack = HP_OP("Vstack", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_vstack);

/* ---- larger */

/* Each element along an axis its own number of times. */
static hp_value repeated(hp_builder *b, hp_value x, int axis, const hp_json *repeats) {
    int64_t count = 0, at = 0, size = hp_builder_shape(b, x)->dims[axis];
    if (b->status == HP_OK && axis == 0 && hp_builder_shape(b, x)->rows)
        return hp_builder_mixes_rows(b, "rows are repeated");
    if (!hp_json_is(repeats, HP_JSON_ARRAY) || (int64_t)repeats->count != size)
        return hp_builder_fail(
            b, HP_ERROR_UNSUPPORTED, "repeats must be a number, or one for each of %lld elements", (long long)size);
    HP_JSON_EACH (item, repeats) {
        if (item->type != HP_JSON_INT || item->integer < 0 || item->integer > INT32_MAX - count)
            return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "repeats: a number that is no count");
        count += item->integer;
    }
    int32_t *places = hp_arena_alloc(&b->graph->arena, (size_t)count * sizeof *places + 1);
    if (!places) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    int32_t element = 0;
    HP_JSON_EACH (item, repeats) {
        for (int64_t i = 0; i < item->integer; i++) places[at++] = element;
        element++;
    }
    return hp_emit_gather(b, x, hp_emit_literal(b, HP_INT32, 1, &count, places), axis);
}

/* One axis more in front, which is repeated as often as there are rows and becomes a part of the next. */
static hp_value per_row(hp_builder *b, hp_value x, int64_t times) {
    hp_shape shape = *hp_builder_shape(b, x), all = {.rank = shape.rank + 1, .rows = true, .dims = {times}};
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (shape.rows || all.rank > HP_MAX_RANK)
        return hp_builder_mixes_rows(b, "rows are repeated as often as there are");
    memcpy(all.dims + 1, shape.dims, (size_t)shape.rank * sizeof *shape.dims);
    shape.dims[0] *= times;
    return hp_emit_reshape(b, hp_emit_broadcast(b, x, &all), shape.rank, shape.dims);
}

SHAPE_OP(Repeat, HP_JSON_FIELD(config, repeats), HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    const hp_json *repeats = c->repeats, *tagged = hp_json_get(repeats, "config");
    if (tagged) repeats = hp_json_get(tagged, hp_json_get(tagged, "items") ? "items" : "value");
    if (hp_json_is(repeats, HP_JSON_ARRAY) && repeats->count == 1) repeats = repeats->first;
    if (hp_json_is_null(c->axis)) x = hp_emit_reshape(b, x, 1, (int64_t[]){-1});
    int axis =
        hp_builder_axis(b, hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : 0, hp_builder_shape(b, x)->rank);
    int64_t times[HP_MAX_RANK];
    bool rows[HP_MAX_RANK] = {false};
    bool computed = hp_call_arg(call, -1, "repeats");
    if (computed && hp_op_sizes(b, call, "repeats", NULL, times, rows) != 1)
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "repeats that are computed, one for each element");
    if (b->status != HP_OK) return;
    if (rows[0] && (axis > 0 || hp_builder_shape(b, x)->dims[0] != 1))
        hp_builder_mixes_rows(b, "elements are repeated as often as there are rows");
    else if (rows[0])
        hp_call_output(b, call, per_row(b, x, times[0]));
    else if (computed || hp_json_is(repeats, HP_JSON_INT))
        hp_call_output(b, call, hp_emit_repeat(b, x, axis, computed ? times[0] : repeats->integer));
    else
        hp_call_output(b, call, repeated(b, x, axis, repeats));
}

SHAPE_OP(Tile, HP_JSON_FIELD(config, repeats)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int64_t repeats[HP_MAX_RANK];
    bool rows[HP_MAX_RANK];
    int count = hp_op_sizes(b, call, "repeats", c->repeats, repeats, rows), rank = hp_builder_shape(b, x)->rank;
    if (count > rank) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "tile along %d axes of a tensor that has %d", count, rank);
        return;
    }
    for (int i = 0; i < count; i++) {
        int axis = rank - count + i;
        if (rows[i] && axis > 0) hp_builder_mixes_rows(b, "it is repeated as often as there are rows");
        if (rows[i])
            x = per_row(b, x, repeats[i]);
        else if (repeats[i] != 1)
            x = hp_emit_tile(b, x, axis, repeats[i]);
    }
    hp_call_output(b, call, x);
}

SHAPE_OP(BroadcastTo, HP_JSON_FIELD(config, shape)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape from = *hp_builder_shape(b, x), to;
    if (!hp_op_shape(b, call, "shape", c->shape, &to)) return;
    int more = to.rank - from.rank;
    for (int i = 0; i < to.rank; i++)
        if (to.dims[i] < 0) to.dims[i] = i >= more ? from.dims[i - more] : 1;
    if (from.rows && more == 0) {
        to.rows = true;
        to.dims[0] = from.dims[0];
    }
    hp_call_output(b, call, hp_emit_broadcast(b, x, &to));
}

SHAPE_OP(Flip, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int axes[HP_MAX_RANK], count = hp_op_axes(b, c->axis, shape.rank, axes);
    int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) step[i] = 1;
    for (int i = 0; i < count; i++) {
        begin[axes[i]] = shape.dims[axes[i]] - 1;
        step[axes[i]] = -1;
    }
    if (shape.rows && count > 0 && axes[0] == 0) {
        hp_builder_mixes_rows(b, "the rows are reversed");
        return;
    }
    hp_call_output(b, call, hp_emit_slice(b, x, begin, shape.dims, step));
}

/* ---- filled like another tensor */

static void filled(hp_builder *b, hp_layer *layer, hp_call *call, double value) {
    hp_tensor tensor = *hp_builder_tensor(b, hp_op_operand(b, call, 0, "x"));
    hp_dtype dtype = hp_op_config_dtype(b, layer, tensor.dtype);
    if (b->status == HP_OK) hp_call_output(b, call, hp_emit_fill(b, dtype, &tensor.shape, value));
}

static void lower_zeros_like(hp_builder *b, hp_layer *layer, hp_call *call) {
    filled(b, layer, call, 0);
}

static void lower_ones_like(hp_builder *b, hp_layer *layer, hp_call *call) {
    filled(b, layer, call, 1);
}

const hp_op_class hp_op_ZerosLike = HP_OP("ZerosLike", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_zeros_like);
const hp_op_class hp_op_OnesLike = HP_OP("OnesLike", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_ones_like);

/* ---- other dtypes */

static void lower_cast(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_json *given = hp_json_get(hp_json_get(layer->json, "config"), "dtype");
    hp_value x = hp_op_operand(b, call, 0, "x");
    const char *name = "";
    if (hp_op_is_complex(layer)) {
        hp_call_output(b, call, hp_op_as_complex(b, x));
        return;
    }
    hp_dtype dtype = hp_json_is_null(given) ? hp_builder_tensor(b, x)->dtype : hp_layer_parse_dtype(given, &name);
    hp_unary rounding = hp_float8_rounding(name);
    if (rounding != HP_UNARY_IDENTITY && b->status == HP_OK) {
        if (hp_builder_tensor(b, x)->dtype != HP_FLOAT64) x = hp_emit_cast(b, x, HP_FLOAT32);
        hp_call_output(b, call, hp_emit_cast(b, hp_op_unary(b, x, rounding), HP_FLOAT32));
    } else if (dtype == HP_DTYPE_NONE)
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "dtype \"%s\" is not known", name);
    else
        hp_call_output(b, call, hp_emit_cast(b, x, dtype));
}

static const hp_field convert_fields[] = {HP_IGNORE("sparse"), HP_IGNORE("ragged"), HP_FIELDS_END};
const hp_op_class hp_op_Cast =
    HP_OP_SAME("Cast", HP_OP_CORE, hp_op_no_fields, hp_op_none, lower_cast, hp_op_complex_cast);
const hp_op_class hp_op_ConvertToTensor =
    HP_OP_SAME("ConvertToTensor", HP_OP_CORE, convert_fields, hp_op_none, lower_cast, NULL);

static void lower_copy(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_call_output(b, call, hp_op_operand(b, call, 0, "x"));
}

const hp_op_class hp_op_Copy = HP_OP_LINEAR("Copy", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_copy);
const hp_op_class hp_op_StopGradient =
    HP_OP_LINEAR("StopGradient", HP_OP_CORE, hp_op_no_fields, hp_op_none, lower_copy);

/* tf_making.c: tensors that TensorFlow makes of sizes and places (tensorflow/python/ops/array_ops.py), where Keras 3 has
 * them in its config. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *shape, *value, *start, *limit, *delta, *maxlen, *num_rows, *num_columns, *batch_shape, *mask;
    int64_t seq_axis, batch_axis, batch_dims, axis;
} config;

/* A shape full of one number: of the config, or an argument. */
HP_TF_OP(Fill, HP_JSON_FIELD(config, shape), HP_JSON_FIELD(config, value), HP_FIELDS_END) {
    const config *c = layer->config;
    const hp_arg *arg = hp_call_arg(call, 0, "value");
    hp_shape shape;
    if (!hp_op_shape(b, call, "shape", c->shape, &shape)) return;
    if (!arg) {
        double number = hp_json_is(c->value, HP_JSON_INT) ? (double)c->value->integer : 0;
        hp_call_output(b, call, hp_emit_fill(b, hp_op_config_dtype(b, layer, HP_FLOAT32), &shape, number));
        return;
    }
    hp_value value = hp_op_value(b, arg, HP_DTYPE_NONE);
    if (b->status == HP_OK && hp_builder_shape(b, value)->rows)
        hp_builder_mixes_rows(b, "a shape is filled with the rows");
    hp_call_output(b, call, hp_emit_broadcast(b, value, &shape));
}

/* ---- ranges */

static double number_of(const hp_json *value, double fallback, bool *is_float) {
    if (hp_json_is(value, HP_JSON_DOUBLE)) *is_float = true;
    return hp_json_is(value, HP_JSON_DOUBLE) || hp_json_is(value, HP_JSON_INT) ? value->number : fallback;
}

/* A dtype of 64 bits where a bound has one. */
static hp_dtype range_dtype(hp_builder *b, const hp_call *call, bool is_float) {
    static const char *const names[] = {"start", "limit", "delta"};
    hp_dtype dtype = is_float ? HP_FLOAT32 : HP_INT32;
    for (int i = 0; i < 3; i++) {
        const hp_arg *arg = hp_call_arg(call, -1, names[i]);
        if (arg && arg->kind == HP_ARG_TENSOR) dtype = hp_promote(dtype, hp_op_dtype(b, arg->tensor));
    }
    return dtype;
}

/* range(limit), range(start, limit, delta) */
HP_TF_OP(
    Range, HP_JSON_FIELD(config, start), HP_JSON_FIELD(config, limit), HP_JSON_FIELD(config, delta), HP_FIELDS_END) {
    const config *c = layer->config;
    const hp_json *first = hp_op_setting(b, call, -1, "start", c->start);
    const hp_json *second = hp_op_setting(b, call, -1, "limit", c->limit);
    const hp_json *step = hp_op_setting(b, call, -1, "delta", c->delta);
    bool one = hp_json_is_null(second), is_float = false;
    if (b->status != HP_OK) return;
    double start = one ? 0 : number_of(first, 0, &is_float), limit = number_of(one ? first : second, NAN, &is_float);
    double delta = number_of(step, 1, &is_float), count = ceil((limit - start) / delta);
    hp_dtype dtype = hp_op_config_dtype(b, layer, range_dtype(b, call, is_float));
    hp_call_output(b, call, hp_op_range(b, start, delta, count > 0 ? count : count <= 0 ? 0 : -1, dtype));
}

/* Which of `maxlen` places are in front of each length. */
HP_TF_OP(SequenceMask, HP_JSON_FIELD(config, maxlen), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value lengths = hp_op_operand(b, call, 0, "lengths");
    const hp_json *most = hp_op_setting(b, call, -1, "maxlen", c->maxlen);
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_BOOL);
    if (b->status != HP_OK) return;
    if (!hp_json_is(most, HP_JSON_INT)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "maxlen: without it the shape depends on the data");
        return;
    }
    hp_value places = hp_op_range(b, 0, 1, (double)most->integer, hp_op_dtype(b, lengths));
    hp_value rows = hp_op_new_axis(b, lengths, hp_builder_shape(b, lengths)->rank);
    hp_call_output(b, call, hp_emit_cast(b, hp_emit_compare(b, HP_LESS, places, rows), dtype));
}

/* Ones on the diagonal of matrices of a batch shape. */
HP_TF_OP(Eye, HP_JSON_FIELD(config, num_rows), HP_JSON_FIELD(config, num_columns), HP_JSON_FIELD(config, batch_shape),
    HP_FIELDS_END) {
    const config *c = layer->config;
    const hp_json *rows = hp_op_setting(b, call, -1, "num_rows", c->num_rows);
    const hp_json *columns = hp_op_setting(b, call, -1, "num_columns", c->num_columns);
    bool batched = hp_call_arg(call, -1, "batch_shape") || !hp_json_is_null(c->batch_shape);
    hp_shape shape = {.rank = 0};
    if (batched && !hp_op_shape(b, call, "batch_shape", c->batch_shape, &shape)) return;
    if (hp_json_is_null(columns)) columns = rows;
    if (b->status == HP_OK && (!hp_json_is(rows, HP_JSON_INT) || !hp_json_is(columns, HP_JSON_INT)))
        hp_builder_fail(b, HP_ERROR_FORMAT, "num_rows and num_columns must be integers");
    if (b->status == HP_OK && shape.rank > HP_MAX_RANK - 2)
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "more than %d axes", HP_MAX_RANK);
    if (b->status != HP_OK) return;
    hp_value down = hp_op_new_axis(b, hp_op_range(b, 0, 1, (double)rows->integer, HP_INT32), 1);
    hp_value along = hp_op_range(b, 0, 1, (double)columns->integer, HP_INT32);
    hp_value eye = hp_emit_cast(b, hp_emit_compare(b, HP_EQUAL, down, along), hp_op_config_dtype(b, layer, HP_FLOAT32));
    shape.dims[shape.rank++] = rows->integer;
    shape.dims[shape.rank++] = columns->integer;
    hp_call_output(b, call, hp_emit_broadcast(b, eye, &shape));
}

/* The shape that two have together: a 1 takes what the other has. */
HP_TF_OP(BroadcastShape, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    if (!hp_check_rank(b, pair[0], 1, 1) || !hp_check_rank(b, pair[1], 1, 1)) return;
    int64_t ranks[2] = {hp_builder_shape(b, pair[0])->dims[0], hp_builder_shape(b, pair[1])->dims[0]};
    int shorter = ranks[0] > ranks[1];
    hp_shape more = {.rank = 1, .dims = {ranks[1 - shorter] - ranks[shorter]}};
    hp_value ones = hp_emit_fill(b, hp_op_dtype(b, pair[0]), &more, 1);
    if (more.dims[0] > 0) pair[shorter] = hp_emit_concat(b, (const hp_value[]){ones, pair[shorter]}, 2, 0);
    hp_call_output(b, call, hp_emit_select(b, hp_op_compare(b, HP_EQUAL, pair[0], 1), pair[1], pair[0]));
}

/* ---- places */

enum { MOST_MARKED = 4096 };

/* The places of true among the elements of nested lists, which must have these dims; false: they do not, or are too many. */
static bool marked(const hp_json *mask, const int64_t *dims, int rank, int64_t *places, int64_t *count, int64_t *at) {
    if (rank == 0) {
        if (mask->type != HP_JSON_BOOL || *count == MOST_MARKED) return false;
        if (mask->boolean) places[(*count)++] = *at;
        ++*at;
        return true;
    }
    if (mask->type != HP_JSON_ARRAY || (int64_t)mask->count != dims[0]) return false;
    HP_JSON_EACH (item, mask)
        if (!marked(item, dims + 1, rank - 1, places, count, at)) return false;
    return true;
}

/* The elements that a mask of the config marks, of axes that become one. */
HP_TF_OP(BooleanMask, HP_JSON_FIELD(config, mask), HP_INT(config, axis, 0, -HP_MAX_RANK, HP_MAX_RANK), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int axis = hp_builder_axis(b, c->axis, shape.rank), axes = 0;
    int64_t places[MOST_MARKED], count = 0, at = 0;
    if (b->status != HP_OK) return;
    for (const hp_json *list = c->mask; hp_json_is(list, HP_JSON_ARRAY); list = list->first) axes++;
    if (axes == 0 || axes > shape.rank - axis || !marked(c->mask, shape.dims + axis, axes, places, &count, &at)) {
        hp_builder_fail(
            b, HP_ERROR_UNSUPPORTED, "mask: found none of constants, one for each element from axis %d on", axis);
        return;
    }
    shape.dims[axis] = at;
    for (int i = axis + axes; i < shape.rank; i++) shape.dims[i - axes + 1] = shape.dims[i];
    if (axis == 0 && shape.rows) {
        hp_builder_mixes_rows(b, "rows are picked");
        return;
    }
    x = hp_emit_reshape(b, x, shape.rank - axes + 1, shape.dims);
    hp_call_output(b, call, hp_emit_gather(b, x, hp_emit_literal(b, HP_INT64, 1, &count, places), axis));
}

/* The first `lengths` elements of an axis in reverse, the others as they are. */
HP_TF_OP(ReverseSequence, HP_INT(config, seq_axis, HP_REQUIRED, -HP_MAX_RANK, HP_MAX_RANK),
    HP_INT(config, batch_axis, 0, -HP_MAX_RANK, HP_MAX_RANK), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x"), lengths = hp_op_operand(b, call, 1, "lengths");
    hp_shape shape = *hp_builder_shape(b, x);
    int axis = hp_builder_axis(b, c->seq_axis, shape.rank), batch = hp_builder_axis(b, c->batch_axis, shape.rank);
    if (b->status != HP_OK) return;
    if (batch != 0 || axis == 0) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "seq_axis %d with batch_axis %d", axis, batch);
        return;
    }
    hp_value at = hp_op_range(b, 0, 1, (double)shape.dims[axis], HP_INT64);
    hp_value end = hp_op_new_axis(b, hp_emit_cast(b, lengths, HP_INT64), 1);
    hp_value back = hp_op_subtract(b, hp_op_subtract(b, end, hp_op_number(b, 1, end)), at);
    hp_value places = hp_emit_select(b, hp_emit_compare(b, HP_LESS, at, end), back, at);
    hp_call_output(b, call, hp_op_gather(b, x, places, axis, 1));
}

/* Blocks x[indices[..., 0], indices[..., 1] ...]: the axes that indices name as one, and a number for each block. */
HP_TF_OP(GatherNd, HP_INT(config, batch_dims, 0, 0, HP_MAX_RANK), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value indices = hp_emit_cast(b, hp_op_operand(b, call, 1, "indices"), HP_INT64);
    hp_shape from = *hp_builder_shape(b, x), at = *hp_builder_shape(b, indices);
    int batch = (int)c->batch_dims, rank = batch;
    int64_t named = at.rank > 0 ? at.dims[at.rank - 1] : 0, dims[HP_MAX_RANK], step = 1;
    if (b->status != HP_OK) return;
    if (named < 1 || batch >= at.rank || named > from.rank - batch) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "indices of %lld numbers for %d axes", (long long)named, from.rank - batch);
        return;
    }
    hp_value place = HP_NO_VALUE, inside = HP_NO_VALUE;
    for (int64_t i = named; i-- > 0;) {
        hp_value part = hp_op_drop_axis(b, hp_op_part(b, indices, -1, i, i + 1), at.rank - 1);
        hp_value low = hp_emit_compare(b, HP_GREATER_EQUAL, part, hp_op_number(b, 0, part));
        hp_value high = hp_emit_compare(b, HP_LESS, part, hp_op_number(b, (double)from.dims[batch + i], part));
        hp_value fits = hp_emit_logical(b, HP_AND, low, high);
        part = hp_op_multiply(b, part, hp_op_number(b, (double)step, part));
        place = place == HP_NO_VALUE ? part : hp_op_add(b, place, part);
        inside = inside == HP_NO_VALUE ? fits : hp_emit_logical(b, HP_AND, inside, fits);
        step *= from.dims[batch + i];
    }
    /* one index outside may lead to another block: behind the last, where the gather finds it */
    place = hp_emit_select(b, inside, place, hp_op_number(b, (double)step, place));
    if (batch == 0 && from.rows) {
        hp_builder_mixes_rows(b, "rows are gathered");
        return;
    }
    memcpy(dims, from.dims, sizeof dims);
    dims[rank++] = step;
    for (int i = batch + (int)named; i < from.rank; i++) dims[rank++] = from.dims[i];
    hp_call_output(b, call, hp_op_gather(b, hp_emit_reshape(b, x, rank, dims), place, batch, batch));
}

/* Several tensors as they are. */
HP_TF_OP_LINEAR(IdentityN, HP_FIELDS_END) {
    (void)layer;
    const hp_arg *list = hp_call_arg(call, 0, "xs"), *items = call->args;
    size_t count = call->arg_count;
    if (list && list->kind == HP_ARG_LIST) {
        items = list->items;
        count = list->item_count;
    }
    for (size_t i = 0; i < count; i++) hp_call_output(b, call, hp_op_value(b, &items[i], HP_DTYPE_NONE));
}

/* All axes but the rows' as one. */
HP_TF_OP(BatchFlatten, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t dims[2] = {shape.dims[0], hp_shape_product(&shape, 1, shape.rank)};
    hp_call_output(b, call, hp_emit_reshape(b, x, 2, dims));
}

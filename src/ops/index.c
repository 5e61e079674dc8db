/* index.c: picking elements: subscripts, take, one-hot, split, pad (keras/src/ops/numpy.py, nn.py). */
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis, *indices_or_sections, *depth, *pad_width, *begin, *size, *end, *strides;
    int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
    int64_t num_classes;
    const char *mode;
    bool sparse;
    int64_t batch_dims;
} config;

/* ---- x[...]: integers, slices, None and Ellipsis */

typedef struct subscript {
    int64_t begin[HP_MAX_RANK], count[HP_MAX_RANK], step[HP_MAX_RANK];
    int64_t dims[HP_MAX_RANK]; /* of the result */
    int rank;
    int axis; /* of x, next */
} subscript;

static const char *tag_of(const hp_json *item) {
    return hp_json_string(hp_json_get(item, "class_name"));
}

static bool is_ellipsis(const hp_json *item) {
    const char *tag = tag_of(item);
    return (tag && !strcmp(tag, "__ellipsis__")) ||
           (hp_json_is(item, HP_JSON_STRING) && !strcmp(item->string, "Ellipsis"));
}

static void keep_axis(subscript *s, const hp_shape *shape) {
    int a = s->axis++;
    s->begin[a] = 0;
    s->count[a] = s->dims[s->rank++] = shape->dims[a];
    s->step[a] = 1;
}

static int64_t bound(const hp_json *value, int64_t fallback, int64_t size, int64_t low, int64_t high) {
    if (!hp_json_is(value, HP_JSON_INT)) return fallback;
    int64_t at = value->integer < 0 ? value->integer + size : value->integer;
    return at < low ? low : at > high ? high : at;
}

/* Python's slice.indices. */
static void take_slice(hp_builder *b, subscript *s, const hp_shape *shape, const hp_json *slice) {
    const hp_json *c = hp_json_get(slice, "config");
    int a = s->axis;
    int64_t size = shape->dims[a],
            step = hp_json_is(hp_json_get(c, "step"), HP_JSON_INT) ? hp_json_get(c, "step")->integer : 1;
    if (step == 0) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "a slice has the step 0");
        return;
    }
    bool up = step > 0;
    int64_t start = bound(hp_json_get(c, "start"), up ? 0 : size - 1, size, up ? 0 : -1, up ? size : size - 1);
    int64_t stop = bound(hp_json_get(c, "stop"), up ? size : -1, size, up ? 0 : -1, up ? size : size - 1);
    int64_t span = up ? stop - start : start - stop;
    uint64_t stride = up ? (uint64_t)step : -(uint64_t)step; /* INT64_MIN has no magnitude of its own type */
    int64_t count = span > 0 ? (int64_t)((uint64_t)(span - 1) / stride) + 1 : 0;
    /* how many rows there are is not known here: x[:5] is not all of them, nor is x[-1:] */
    const hp_json *first = hp_json_get(c, "start");
    bool from_first = hp_json_is_null(first) || (hp_json_is(first, HP_JSON_INT) && first->integer == 0);
    if (a == 0 && shape->rows && !(from_first && step == 1 && hp_json_is_null(hp_json_get(c, "stop")))) {
        hp_builder_mixes_rows(b, "rows are picked by a subscript");
        return;
    }
    s->begin[a] = count ? start : 0;
    s->count[a] = s->dims[s->rank++] = count;
    s->step[a] = step;
    s->axis++;
}

static void take_item(hp_builder *b, subscript *s, const hp_shape *shape, const hp_json *item) {
    const char *tag = tag_of(item);
    if (hp_json_is_null(item)) {
        if (s->axis == 0 && shape->rows) hp_builder_mixes_rows(b, "a new axis is put before the rows");
        if (s->rank < HP_MAX_RANK) s->dims[s->rank++] = 1;
        return;
    }
    if (s->axis >= shape->rank || s->rank >= HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "more subscripts than axes");
        return;
    }
    if (tag && !strcmp(tag, "__slice__")) {
        take_slice(b, s, shape, item);
    } else if (item->type == HP_JSON_INT) {
        int a = s->axis++;
        int64_t at = item->integer < 0 ? item->integer + shape->dims[a] : item->integer;
        if (a == 0 && shape->rows) {
            hp_builder_mixes_rows(b, "one row is picked by a subscript");
        } else if (at < 0 || at >= shape->dims[a]) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "subscript %lld of axis %d, whose size is %lld",
                (long long)item->integer, a, (long long)shape->dims[a]);
        }
        s->begin[a] = at;
        s->count[a] = s->step[a] = 1;
    } else {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a subscript that is %s", hp_json_type_name(item));
    }
}

static void take_items(hp_builder *b, hp_call *call, hp_value x, const hp_json *key) {
    hp_shape shape = *hp_builder_shape(b, x);
    subscript s = {.rank = 0};
    if (hp_json_is(key, HP_JSON_OBJECT) && tag_of(key) && !strcmp(tag_of(key), "__tuple__"))
        key = hp_json_get(hp_json_get(key, "config"), "items") ? hp_json_get(hp_json_get(key, "config"), "items")
                                                               : hp_json_get(key, "config");
    const hp_json *items = hp_json_is(key, HP_JSON_ARRAY) ? key : NULL;
    size_t count = items ? items->count : 1;
    int behind = 0; /* axes of x that the subscripts from here on take */
    HP_JSON_EACH (item, items) behind += !hp_json_is_null(item) && !is_ellipsis(item);
    for (size_t i = 0; i < count && b->status == HP_OK; i++) {
        const hp_json *item = items ? hp_json_at(items, i) : key;
        if (is_ellipsis(item)) {
            while (s.axis < shape.rank - behind && s.rank < HP_MAX_RANK) keep_axis(&s, &shape);
            continue;
        }
        take_item(b, &s, &shape, item);
        behind -= !hp_json_is_null(item);
    }
    while (b->status == HP_OK && s.axis < shape.rank && s.rank < HP_MAX_RANK) keep_axis(&s, &shape);
    if (b->status != HP_OK) return;
    x = hp_emit_slice(b, x, s.begin, s.count, s.step);
    hp_call_output(b, call, hp_emit_reshape(b, x, s.rank, s.dims));
}

static void lower_get_item(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    take_items(b, call, x, hp_op_setting(b, call, 1, "key", NULL));
}

const hp_op_class hp_op_GetItem = HP_OP_LINEAR("GetItem", HP_OP_NUMPY, hp_op_no_fields, hp_op_none, lower_get_item);

/* tf.strided_slice: begin, end and strides per subscript, and masks of bits that say what else a subscript is. */
static hp_json *strided_item(hp_builder *b, const config *c, size_t i, const hp_json *const bounds[3]) {
    static const char *const keys[] = {"start", "stop", "step"};
    const int64_t open[] = {c->begin_mask, c->end_mask, 0};
    hp_arena *arena = &b->graph->arena;
    if (c->ellipsis_mask >> i & 1) return hp_json_new_string(arena, "Ellipsis");
    if (c->new_axis_mask >> i & 1) return hp_json_new(arena, HP_JSON_NULL);
    if (c->shrink_axis_mask >> i & 1) return hp_json_copy(arena, hp_json_at(bounds[0], i));
    hp_json *item = hp_json_new(arena, HP_JSON_OBJECT), *slice = hp_json_new(arena, HP_JSON_OBJECT);
    hp_json *tag = hp_json_new_string(arena, "__slice__");
    if (!item || !slice || !tag) return NULL;
    for (int k = 0; k < 3; k++) {
        const hp_json *bound = open[k] >> i & 1 ? NULL : hp_json_at(bounds[k], i);
        hp_json *copy = bound ? hp_json_copy(arena, bound) : hp_json_new(arena, HP_JSON_NULL);
        if (!copy) return NULL;
        hp_json_set(slice, keys[k], copy);
    }
    hp_json_set(item, "class_name", tag);
    hp_json_set(item, "config", slice);
    return item;
}

#define MASK(member) HP_INT(config, member, 0, 0, 255)
HP_TF_OP_LINEAR(StridedSlice, HP_JSON_FIELD(config, begin), HP_JSON_FIELD(config, end), HP_JSON_FIELD(config, strides),
    MASK(begin_mask), MASK(end_mask), MASK(ellipsis_mask), MASK(new_axis_mask), MASK(shrink_axis_mask), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    const hp_json *bounds[3] = {hp_op_setting(b, call, -1, "begin", c->begin),
        hp_op_setting(b, call, -1, "end", c->end), hp_op_setting(b, call, -1, "strides", c->strides)};
    if (b->status != HP_OK) return;
    size_t count = hp_json_is(bounds[0], HP_JSON_ARRAY) ? bounds[0]->count : SIZE_MAX;
    for (int k = 1; k < 3; k++)
        if (hp_json_is(bounds[k], HP_JSON_ARRAY) ? bounds[k]->count != count : k == 1) count = SIZE_MAX;
    hp_json *key = hp_json_new(&b->graph->arena, HP_JSON_ARRAY);
    if (count > HP_MAX_RANK || !key) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "begin, end and strides must be lists of one length");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        hp_json *item = strided_item(b, c, i, bounds);
        if (item)
            hp_json_append(key, item);
        else
            hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    }
    take_items(b, call, x, key);
}

/* tf.slice: where it begins and how long it is along each axis; -1: to the end. */
HP_TF_OP_LINEAR(SliceOf, HP_JSON_FIELD(config, begin), HP_JSON_FIELD(config, size), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t begin[HP_MAX_RANK], size[HP_MAX_RANK], step[HP_MAX_RANK];
    bool rows[2][HP_MAX_RANK];
    int places = hp_op_sizes(b, call, "begin", c->begin, begin, rows[0]);
    int sizes = hp_op_sizes(b, call, "size", c->size, size, rows[1]);
    if (b->status == HP_OK && (places != shape.rank || sizes != shape.rank))
        hp_builder_fail(b, HP_ERROR_SHAPE, "begin has %d places and size %d for %d axes", places, sizes, shape.rank);
    for (int i = 0; i < shape.rank && b->status == HP_OK; i++) {
        bool all = begin[i] == 0 && !rows[0][i] && (size[i] == -1 || (rows[1][i] && size[i] == shape.dims[i]));
        step[i] = 1;
        if (i == 0 && shape.rows && !all) hp_builder_mixes_rows(b, "rows are picked by a slice");
        if (i > 0 && (rows[0][i] || rows[1][i])) hp_builder_mixes_rows(b, "a slice as long as there are rows");
        if (size[i] == -1 || (i == 0 && shape.rows)) size[i] = shape.dims[i] - begin[i];
        if (begin[i] < 0 || size[i] < 0 || begin[i] > shape.dims[i] - size[i])
            hp_builder_fail(b, HP_ERROR_SHAPE, "a slice of %lld from %lld on of axis %d, whose size is %lld",
                (long long)size[i], (long long)begin[i], i, (long long)shape.dims[i]);
    }
    hp_call_output(b, call, hp_emit_slice(b, x, begin, size, step));
}

/* ---- take */

static const hp_field take_fields[] = {HP_JSON_FIELD(config, axis), HP_FIELDS_END};

static hp_value as_index(hp_builder *b, hp_value x) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    return hp_dtype_is_integer(dtype) ? x : hp_emit_cast(b, x, HP_INT32);
}

static void lower_take(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_value indices = as_index(b, hp_op_operand(b, call, 1, "indices"));
    int axis = 0;
    if (hp_json_is_null(c->axis))
        x = hp_emit_reshape(b, x, 1, (int64_t[]){-1});
    else
        axis = hp_builder_axis(
            b, hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : INT64_MAX, hp_builder_shape(b, x)->rank);
    hp_call_output(b, call, hp_emit_gather(b, x, indices, axis));
}

const hp_op_class hp_op_Take = HP_OP("Take", HP_OP_NUMPY, take_fields, config, lower_take);

/* The axis that is read is put behind the batch's first, and what it became behind those that were before it. */
static hp_value gather_further(hp_builder *b, hp_value x, hp_value indices, int axis, int batch) {
    int found = hp_builder_shape(b, indices)->rank - batch, between = axis - batch, permutation[HP_MAX_RANK];
    hp_value y = hp_op_gather(b, hp_move_axis(b, x, axis, batch), indices, batch, batch);
    for (int i = 0; i < hp_builder_shape(b, y)->rank; i++)
        permutation[i] = i < batch || i >= axis + found ? i : i < axis ? i + found : i - between;
    return hp_emit_transpose(b, y, permutation);
}

hp_value hp_op_gather(hp_builder *b, hp_value x, hp_value indices, int axis, int batch) {
    hp_shape from = *hp_builder_shape(b, x), at = *hp_builder_shape(b, indices);
    if (batch == 0) return hp_emit_gather(b, x, indices, axis);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (axis < batch || at.rank < batch || from.rank + at.rank - batch - 1 > HP_MAX_RANK)
        return hp_builder_fail(
            b, HP_ERROR_UNSUPPORTED, "axis %d with batch_dims %d, indices of %d axes", axis, batch, at.rank);
    if (axis > batch) return gather_further(b, x, indices, axis, batch);
    int64_t places = 1, dims[HP_MAX_RANK], result[HP_MAX_RANK];
    int count = 0;
    for (int i = 0; i < from.rank; i++) dims[i] = i < batch ? at.dims[i] : 1;
    for (int i = 0; i < at.rank; i++) {
        result[count++] = at.dims[i];
        if (i >= batch) places *= at.dims[i];
    }
    for (int i = batch + 1; i < from.rank; i++) result[count++] = from.dims[i];
    dims[batch] = places;
    hp_value found = hp_emit_take_along(b, x, hp_emit_reshape(b, indices, from.rank, dims), batch);
    return hp_emit_reshape(b, found, count, result);
}

/* A negative batch_dims counts the indices' axes from their end. */
static void lower_gather(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x"), indices = as_index(b, hp_op_operand(b, call, 1, "indices"));
    int64_t batch = c->batch_dims < 0 ? c->batch_dims + hp_builder_shape(b, indices)->rank : c->batch_dims;
    int64_t given = hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : batch;
    int axis = hp_builder_axis(b, given, hp_builder_shape(b, x)->rank);
    hp_call_output(b, call, hp_op_gather(b, x, indices, axis, (int)batch));
}

static const hp_field gather_fields[] = {
    HP_JSON_FIELD(config, axis), HP_INT(config, batch_dims, 0, -HP_MAX_RANK, HP_MAX_RANK), HP_FIELDS_END};
const hp_op_class hp_op_Gather = HP_OP_LINEAR("Gather", HP_OP_TF, gather_fields, config, lower_gather);

/* ---- one-hot: indices outside give zeros (tf.one_hot) */

static const hp_field one_hot_fields[] = {
    HP_INT(config, num_classes, HP_REQUIRED, 1, HP_MAX_DIM),
    HP_JSON_FIELD(config, axis),
    HP_BOOL(config, sparse, false),
    HP_FIELDS_END,
};

/* Where an index is which class, along a new axis. */
static hp_value hot(hp_builder *b, hp_value x, int64_t count, int64_t axis) {
    x = hp_emit_cast(b, as_index(b, x), HP_INT64);
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_value classes = hp_op_range(b, 0, 1, (double)count, HP_INT64);
    hp_value y = hp_emit_compare(b, HP_EQUAL, hp_op_new_axis(b, x, shape.rank), classes);
    return hp_move_axis(b, y, shape.rank, hp_builder_axis(b, axis, shape.rank + 1));
}

static int64_t new_axis(const config *c) {
    return hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : -1;
}

static void lower_one_hot(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_dtype dtype = hp_op_config_dtype(b, layer, HP_FLOAT32);
    hp_value y = hot(b, hp_op_operand(b, call, 0, "x"), c->num_classes, new_axis(c));
    hp_call_output(b, call, hp_emit_cast(b, y, dtype));
}

const hp_op_class hp_op_OneHot = HP_OP("OneHot", HP_OP_NN, one_hot_fields, config, lower_one_hot);

/* tf.one_hot: any two values, of a number of classes that may follow from a shape. */
HP_TF_OP(OneHotOf, HP_JSON_FIELD(config, depth), HP_JSON_FIELD(config, axis), HP_FIELDS_END) {
    const config *c = layer->config;
    const hp_arg *args[2] = {hp_call_arg(call, -1, "off_value"), hp_call_arg(call, -1, "on_value")};
    const hp_json *depth = hp_op_setting(b, call, -1, "depth", c->depth);
    hp_value sides[2];
    hp_dtype dtype = HP_FLOAT32;
    if (b->status != HP_OK) return;
    if (!hp_json_is(depth, HP_JSON_INT) || depth->integer < 1 || depth->integer > INT32_MAX) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "depth: found no number of classes");
        return;
    }
    for (int i = 0; i < 2; i++) {
        sides[i] = args[i] ? hp_op_value(b, args[i], HP_DTYPE_NONE) : hp_emit_float(b, i);
        if (args[i]) dtype = hp_op_dtype(b, sides[i]);
    }
    dtype = hp_op_config_dtype(b, layer, dtype);
    for (int i = 0; i < 2; i++) sides[i] = hp_emit_cast(b, sides[i], dtype);
    hp_value y = hot(b, hp_op_operand(b, call, 0, "x"), depth->integer, new_axis(c));
    hp_call_output(b, call, args[0] || args[1] ? hp_emit_select(b, y, sides[1], sides[0]) : hp_emit_cast(b, y, dtype));
}

/* ---- split */

static const hp_field split_fields[] = {
    HP_JSON_FIELD(config, indices_or_sections), HP_JSON_FIELD(config, axis), HP_FIELDS_END};

static void lower_split(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    const hp_json *how = c->indices_or_sections;
    int axis = hp_builder_axis(b, hp_json_is(c->axis, HP_JSON_INT) ? c->axis->integer : 0, shape.rank);
    int64_t size = shape.dims[axis], at = 0, begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK], count[HP_MAX_RANK];
    size_t parts = hp_json_is(how, HP_JSON_INT) && how->integer > 0 ? (size_t)how->integer
                   : hp_json_is(how, HP_JSON_ARRAY)                 ? how->count + 1
                                                                    : 0;
    if (parts == 0 || parts > 4096 || (how->type == HP_JSON_INT && size % how->integer != 0)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "axis %d of size %lld cannot be split so", axis, (long long)size);
        return;
    }
    if (axis == 0 && shape.rows) {
        hp_builder_mixes_rows(b, "the rows are split");
        return;
    }
    for (int i = 0; i < shape.rank; i++) {
        step[i] = 1;
        count[i] = shape.dims[i];
    }
    for (size_t p = 0; p < parts && b->status == HP_OK; p++) {
        const hp_json *limit = how->type == HP_JSON_ARRAY ? hp_json_at(how, p) : NULL;
        int64_t end = how->type == HP_JSON_INT ? at + size / how->integer
                      : limit && limit->type == HP_JSON_INT
                          ? (limit->integer < 0 ? limit->integer + size : limit->integer)
                          : size;
        end = end > size ? size : end < at ? at : end;
        begin[axis] = at;
        count[axis] = end - at;
        hp_call_output(b, call, hp_emit_slice(b, x, begin, count, step));
        at = end;
    }
}

const hp_op_class hp_op_Split = HP_OP("Split", HP_OP_NUMPY, split_fields, config, lower_split);

/* ---- pad */

static const hp_field pad_fields[] = {HP_JSON_FIELD(config, pad_width), HP_STRING_FIELD(config, mode), HP_FIELDS_END};

static int64_t pad_at(const hp_json *width, int axis, int side) {
    const hp_json *pair = hp_json_is(width, HP_JSON_ARRAY) && hp_json_is(width->first, HP_JSON_ARRAY)
                              ? hp_json_at(width, width->count == 1 ? 0 : (size_t)axis)
                              : width;
    const hp_json *value =
        hp_json_is(pair, HP_JSON_ARRAY) ? hp_json_at(pair, pair->count == 1 ? 0 : (size_t)side) : pair;
    return hp_json_is(value, HP_JSON_INT) && value->integer >= 0 ? value->integer : -1;
}

/* With a number that is computed. */
static hp_value padded_with(hp_builder *b, hp_value x, const int64_t *before, const int64_t *after, hp_value number) {
    hp_shape shape = *hp_builder_shape(b, x);
    if (!hp_check_rank(b, number, 0, 0)) return HP_NO_VALUE;
    hp_value inside = hp_emit_pad(b, hp_emit_fill(b, HP_BOOL, &shape, 1), before, after, HP_PAD_CONSTANT, 0);
    x = hp_emit_pad(b, x, before, after, HP_PAD_CONSTANT, 0);
    return hp_emit_select(b, inside, x, hp_emit_cast(b, number, hp_op_dtype(b, x)));
}

static void lower_pad(hp_builder *b, hp_layer *layer, hp_call *call) {
    static const char *const modes[] = {[HP_PAD_CONSTANT] = "constant",
        [HP_PAD_REFLECT] = "reflect",
        [HP_PAD_SYMMETRIC] = "symmetric",
        [HP_PAD_EDGE] = "edge"};
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_shape shape = *hp_builder_shape(b, x);
    const hp_json *fill = hp_op_constant(call, 1, "constant_values");
    const hp_json *width = hp_op_setting(b, call, -1, "pad_width", c->pad_width);
    int64_t before[HP_MAX_RANK], after[HP_MAX_RANK];
    int mode = -1;
    for (int i = 0; i < 4; i++)
        if (!strcmp(modes[i], c->mode ? c->mode : "constant")) mode = i;
    for (int i = 0; i < shape.rank; i++) {
        before[i] = pad_at(width, i, 0);
        after[i] = pad_at(width, i, 1);
    }
    if (b->status != HP_OK) return;
    for (int i = 0; i < shape.rank; i++)
        if (before[i] < 0 || after[i] < 0) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "pad_width: axis %d has a width below 0, or none", i);
            return;
        }
    if (mode < 0) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "mode: \"%s\" is not supported", c->mode ? c->mode : "");
        return;
    }
    bool computed = mode == HP_PAD_CONSTANT && !fill && hp_call_arg(call, 1, "constant_values");
    if (computed) {
        hp_call_output(b, call, padded_with(b, x, before, after, hp_op_operand(b, call, 1, "constant_values")));
        return;
    }
    double value = hp_json_is(fill, HP_JSON_INT)      ? (double)fill->integer
                   : hp_json_is(fill, HP_JSON_DOUBLE) ? fill->number
                                                      : hp_json_is(fill, HP_JSON_BOOL) && fill->boolean;
    enum { TOGETHER = 4 }; /* axes that the primitive pads with the tensor's own values; their order does not matter */
    if (mode != HP_PAD_CONSTANT && shape.rank > TOGETHER) {
        int64_t some_before[HP_MAX_RANK] = {0}, some_after[HP_MAX_RANK] = {0};
        for (int i = TOGETHER; i < shape.rank; i++) {
            some_before[i] = before[i];
            some_after[i] = after[i];
            before[i] = after[i] = 0;
        }
        x = hp_emit_pad(b, x, some_before, some_after, (hp_pad_mode)mode, value);
    }
    hp_call_output(b, call, hp_emit_pad(b, x, before, after, (hp_pad_mode)mode, value));
}

const hp_op_class hp_op_Pad = HP_OP_LINEAR("Pad", HP_OP_NUMPY, pad_fields, config, lower_pad);

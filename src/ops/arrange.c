/* arrange.c: the same elements in other places: rolled, rotated, split, joined, sliced (keras/src/ops/numpy.py, core.py). */
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis, *axes, *shift, *shape, *indices_or_sections, *sizes;
    int64_t k, n, num;
    const char *indexing;
} config;

#define ARRANGE_OP(name, module_, ...)                                                                                 \
    static const hp_field fields_##name[] = {__VA_ARGS__, HP_FIELDS_END};                                              \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP_LINEAR(#name, module_, fields_##name, config, lower_##name);                \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define PLAIN_OP(name, module_)                                                                                        \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, hp_op_no_fields, hp_op_none, lower_##name);                 \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)

static int64_t integer_or(const hp_json *value, int64_t fallback) {
    return hp_json_is(value, HP_JSON_INT) ? value->integer : fallback;
}

/* ---- reversed and rolled */

static hp_value reversed(hp_builder *b, hp_value x, int axis) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t begin[HP_MAX_RANK] = {0}, step[HP_MAX_RANK];
    axis = hp_builder_axis(b, axis, shape.rank);
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (shape.rows && axis == 0) return hp_builder_mixes_rows(b, "the rows are reversed");
    for (int i = 0; i < shape.rank; i++) step[i] = i == axis ? -1 : 1;
    begin[axis] = shape.dims[axis] - 1;
    return hp_emit_slice(b, x, begin, shape.dims, step);
}

PLAIN_OP(Fliplr, HP_OP_NUMPY) {
    (void)layer;
    hp_call_output(b, call, reversed(b, hp_op_operand(b, call, 0, "x"), 1));
}

PLAIN_OP(Flipud, HP_OP_NUMPY) {
    (void)layer;
    hp_call_output(b, call, reversed(b, hp_op_operand(b, call, 0, "x"), 0));
}

/* Between two quarter turns Keras gives the plane its first height and width again: those of a plane that is no square end up
 * in other places than a half turn has. */
static hp_value as_if_never_turned(hp_builder *b, hp_value x, int first, int second, const hp_shape *shape) {
    if (b->status != HP_OK || shape->dims[first] == shape->dims[second]) return x;
    int order[HP_MAX_RANK], back[HP_MAX_RANK], at = 0;
    for (int i = 0; i < shape->rank; i++)
        if (i != first && i != second) order[at++] = i;
    order[at++] = first;
    order[at] = second;
    int64_t dims[HP_MAX_RANK];
    for (int i = 0; i < shape->rank; i++) {
        dims[i] = shape->dims[order[i]];
        back[order[i]] = i;
    }
    return hp_emit_transpose(b, hp_emit_reshape(b, hp_emit_transpose(b, x, order), shape->rank, dims), back);
}

/* A quarter turn: the two axes exchanged, then the first of them reversed. */
ARRANGE_OP(Rot90, HP_OP_NUMPY, HP_INT(config, k, 1, -1e6, 1e6), HP_JSON_FIELD(config, axes)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "array");
    int64_t axes[HP_MAX_RANK] = {0, 1};
    int rank = hp_builder_shape(b, x)->rank, permutation[HP_MAX_RANK];
    if (c->axes && hp_op_integers(b, c->axes, 0, axes) != 2) hp_builder_fail(b, HP_ERROR_FORMAT, "axes must be two");
    int first = hp_builder_axis(b, axes[0], rank), second = hp_builder_axis(b, axes[1], rank);
    if (b->status == HP_OK && hp_builder_shape(b, x)->rows && (first == 0 || second == 0))
        hp_builder_mixes_rows(b, "the batch axis is turned");
    for (int i = 0; i < rank; i++) permutation[i] = i == first ? second : i == second ? first : i;
    int64_t turns = (c->k % 4 + 4) % 4;
    hp_shape shape = *hp_builder_shape(b, x);
    for (int64_t turn = 0; turn < turns; turn++) {
        x = reversed(b, hp_emit_transpose(b, x, permutation), first);
        if (turns == 2) x = as_if_never_turned(b, x, first, second, &shape);
    }
    hp_call_output(b, call, x);
}

static hp_value rolled(hp_builder *b, hp_value x, int64_t shift, int axis) {
    int64_t size = hp_builder_shape(b, x)->dims[axis];
    if (b->status == HP_OK && axis == 0 && hp_builder_shape(b, x)->rows)
        return hp_builder_mixes_rows(b, "the batch axis is rolled");
    if (b->status != HP_OK || size < 1) return x;
    shift = (shift % size + size) % size;
    if (shift == 0) return x;
    hp_value parts[2] = {hp_op_part(b, x, axis, size - shift, size), hp_op_part(b, x, axis, 0, size - shift)};
    return hp_emit_concat(b, parts, 2, axis);
}

ARRANGE_OP(Roll, HP_OP_NUMPY, HP_JSON_FIELD(config, shift), HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int64_t shifts[HP_MAX_RANK] = {0}, axes[HP_MAX_RANK];
    hp_shape shape = *hp_builder_shape(b, x);
    int count = hp_op_integers(b, hp_op_setting(b, call, -1, "shift", c->shift), 0, shifts);
    if (hp_json_is_null(c->axis)) {
        x = rolled(b, hp_emit_reshape(b, x, 1, (int64_t[]){-1}), shifts[0], 0);
        hp_call_output(b, call, hp_emit_reshape(b, x, shape.rank, shape.dims));
        return;
    }
    int axis_count = hp_op_integers(b, c->axis, 0, axes);
    for (int i = 0; i < axis_count && b->status == HP_OK; i++)
        x = rolled(b, x, shifts[count == 1 ? 0 : i], hp_builder_axis(b, axes[i], shape.rank));
    hp_call_output(b, call, x);
}

/* ---- differences */

ARRANGE_OP(Diff, HP_OP_NUMPY, HP_INT(config, n, 1, 0, 1000), HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "a");
    int axis = hp_builder_axis(b, integer_or(c->axis, -1), hp_builder_shape(b, x)->rank);
    for (int64_t i = 0; i < c->n && b->status == HP_OK; i++) {
        int64_t size = hp_builder_shape(b, x)->dims[axis];
        if (size == 0) break; /* nothing stays nothing */
        hp_value later = hp_op_part(b, x, axis, 1, size), earlier = hp_op_part(b, x, axis, 0, size - 1);
        bool is_bool = hp_op_dtype(b, x) == HP_BOOL;
        x = is_bool ? hp_emit_compare(b, HP_NOT_EQUAL, later, earlier) : hp_op_subtract(b, later, earlier);
    }
    hp_call_output(b, call, x);
}

/* ---- joined */

ARRANGE_OP(Append, HP_OP_NUMPY, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    for (int i = 0; i < 2 && hp_json_is_null(c->axis); i++) pair[i] = hp_emit_reshape(b, pair[i], 1, (int64_t[]){-1});
    hp_call_output(b, call, hp_emit_concat(b, pair, 2, (int)integer_or(c->axis, 0)));
}

/* Along a third axis. */
PLAIN_OP(Dstack, HP_OP_NUMPY) {
    (void)layer;
    hp_value values[64];
    int count = hp_op_list(b, call, "xs", values, 64);
    for (int i = 0; i < count; i++) {
        if (hp_builder_shape(b, values[i])->rank == 1) values[i] = hp_op_new_axis(b, values[i], 0);
        if (hp_builder_shape(b, values[i])->rank == 2) values[i] = hp_op_new_axis(b, values[i], 2);
    }
    if (count) hp_call_output(b, call, hp_emit_concat(b, values, count, 2));
}

/* ---- split */

/* At the ends of the parts, `count` of them. */
static void split_at(hp_builder *b, hp_call *call, hp_value x, int axis, const int64_t *ends, int64_t count) {
    int64_t begin = 0, size = hp_builder_shape(b, x)->dims[axis];
    for (int64_t i = 0; i < count && b->status == HP_OK; i++) {
        int64_t end = ends[i] < 0 ? ends[i] + size : ends[i];
        end = end < begin ? begin : end > size ? size : end;
        hp_call_output(b, call, hp_op_part(b, x, axis, begin, end));
        begin = end;
    }
}

/* False: reported. */
static bool no_rows_along(hp_builder *b, hp_value x, int axis) {
    if (axis == 0 && hp_builder_shape(b, x)->rows) hp_builder_mixes_rows(b, "rows are split");
    return b->status == HP_OK;
}

/* A number of parts, of sizes that differ by one where it does not divide (`even`: it must), or the places between. */
static void split(hp_builder *b, hp_call *call, hp_value x, const hp_json *how, int axis, bool even) {
    enum { MOST = 4096 };
    int64_t ends[MOST], count = 0, size = hp_builder_shape(b, x)->dims[axis];
    if (hp_json_is(how, HP_JSON_OBJECT)) how = hp_json_get(hp_json_get(how, "config"), "items");
    bool number = hp_json_is(how, HP_JSON_INT);
    int64_t parts = number ? how->integer : hp_json_is(how, HP_JSON_ARRAY) ? (int64_t)how->count + 1 : 0;
    if (!no_rows_along(b, x, axis)) return;
    if (parts < 1 || parts > MOST || (number && even && size % parts != 0)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "axis %d of size %lld cannot be split so", axis, (long long)size);
        return;
    }
    if (number) {
        for (int64_t i = 0; i < parts; i++)
            ends[count++] = (i + 1) * (size / parts) + (i < size % parts ? i + 1 : size % parts);
    } else {
        HP_JSON_EACH (item, how) ends[count++] = integer_or(item, 0);
        ends[count++] = size;
    }
    split_at(b, call, x, axis, ends, count);
}

#define SPLIT HP_JSON_FIELD(config, indices_or_sections)

ARRANGE_OP(ArraySplit, HP_OP_NUMPY, SPLIT, HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int axis = hp_builder_axis(b, integer_or(c->axis, 0), hp_builder_shape(b, x)->rank);
    split(b, call, x, c->indices_or_sections, axis, false);
}

ARRANGE_OP(Hsplit, HP_OP_NUMPY, SPLIT) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    split(b, call, x, c->indices_or_sections, hp_builder_shape(b, x)->rank > 1, true);
}

ARRANGE_OP(Vsplit, HP_OP_NUMPY, SPLIT) {
    const config *c = layer->config;
    split(b, call, hp_op_operand(b, call, 0, "x"), c->indices_or_sections, 0, true);
}

ARRANGE_OP(Dsplit, HP_OP_NUMPY, SPLIT) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    split(b, call, x, c->indices_or_sections, hp_builder_axis(b, 2, hp_builder_shape(b, x)->rank), true);
}

ARRANGE_OP(Unstack, HP_OP_CORE, HP_INT(config, num, HP_NULL, 1, 4096), HP_JSON_FIELD(config, axis)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int axis = hp_builder_axis(b, integer_or(c->axis, 0), hp_builder_shape(b, x)->rank);
    int64_t size = hp_builder_shape(b, x)->dims[axis];
    for (int64_t i = 0; i < size && b->status == HP_OK; i++)
        hp_call_output(b, call, hp_op_drop_axis(b, hp_op_part(b, x, axis, i, i + 1), axis));
}

/* TensorFlow's split (of a file of Keras 2): a number of parts, or their sizes; one -1 takes the rest. */
static const hp_field fields_sizes[] = {HP_JSON_FIELD(config, sizes), HP_JSON_FIELD(config, axis), HP_FIELDS_END};

static void lower_sizes(hp_builder *b, hp_layer *layer, hp_call *call) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "x");
    int axis = hp_builder_axis(b, integer_or(c->axis, 0), hp_builder_shape(b, x)->rank);
    int64_t sizes[HP_MAX_RANK], ends[HP_MAX_RANK], sum = 0, rest = hp_builder_shape(b, x)->dims[axis];
    const hp_json *how = hp_op_setting(b, call, -1, "sizes", c->sizes);
    if (!no_rows_along(b, x, axis)) return;
    if (!hp_json_is(how, HP_JSON_ARRAY)) {
        split(b, call, x, how, axis, true);
        return;
    }
    int count = hp_op_integers(b, how, -1, sizes);
    for (int i = 0; i < count; i++) rest -= sizes[i] > 0 ? sizes[i] : 0;
    for (int i = 0; i < count; i++) ends[i] = sum += sizes[i] >= 0 ? sizes[i] : rest;
    split_at(b, call, x, axis, ends, count);
}

const hp_op_class hp_op_SplitSizes = HP_OP_LINEAR("SplitSizes", HP_OP_TF, fields_sizes, config, lower_sizes);

/* ---- blocks at constant places */

/* Places from an argument that must be constant. */
static bool places_of(hp_builder *b, const hp_call *call, int rank, int64_t *places) {
    const hp_arg *arg = hp_call_arg(call, 1, "start_indices");
    const hp_json *value = arg && arg->kind == HP_ARG_CONSTANT ? arg->constant : NULL;
    if (hp_json_get(hp_json_get(value, "config"), "value")) value = hp_json_get(hp_json_get(value, "config"), "value");
    if (!value) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "start_indices that are computed are not supported");
        return false;
    }
    int count = hp_op_integers(b, value, 0, places);
    if (b->status == HP_OK && count != rank)
        hp_builder_fail(b, HP_ERROR_SHAPE, "%d start_indices for %d axes", count, rank);
    return b->status == HP_OK;
}

ARRANGE_OP(Slice, HP_OP_CORE, HP_JSON_FIELD(config, shape)) {
    const config *c = layer->config;
    hp_value x = hp_op_operand(b, call, 0, "inputs");
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t begin[HP_MAX_RANK], count[HP_MAX_RANK];
    if (!places_of(b, call, shape.rank, begin) || hp_op_integers(b, c->shape, -1, count) != shape.rank) return;
    for (int i = 0; i < shape.rank; i++) {
        if (i == 0 && shape.rows && begin[0] == 0 && count[0] == -1) continue;
        if (count[i] == -1) count[i] = shape.dims[i] - begin[i];
        if (i == 0 && shape.rows) hp_builder_mixes_rows(b, "some rows are picked");
        if (begin[i] != 0 || count[i] != shape.dims[i]) x = hp_op_part(b, x, i, begin[i], begin[i] + count[i]);
    }
    hp_call_output(b, call, x);
}

/* The updates in the place of a block: padded to the whole shape, chosen where a mask of the block says so. */
PLAIN_OP(SliceUpdate, HP_OP_CORE) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "inputs"), updates = hp_op_operand(b, call, 2, "updates");
    hp_shape shape = *hp_builder_shape(b, x), block = *hp_builder_shape(b, updates);
    int64_t before[HP_MAX_RANK], after[HP_MAX_RANK];
    if (!places_of(b, call, shape.rank, before)) return;
    if (block.rank != shape.rank || block.rows != shape.rows || (shape.rows && before[0] != 0)) {
        hp_builder_mixes_rows(b, "some rows are updated");
        return;
    }
    for (int i = 0; i < shape.rank; i++) { /* a block that reaches over the end is moved back inside */
        if (before[i] > shape.dims[i] - block.dims[i]) before[i] = shape.dims[i] - block.dims[i];
        if (before[i] < 0) before[i] = 0;
        after[i] = shape.dims[i] - before[i] - block.dims[i];
        if (after[i] < 0) hp_builder_fail(b, HP_ERROR_SHAPE, "the updates reach over the end of axis %d", i);
    }
    hp_shape ones = block;
    ones.rows = false;
    if (block.rows) ones.dims[0] = 1;
    hp_value inside = hp_emit_pad(b, hp_emit_fill(b, HP_BOOL, &ones, 1), before, after, HP_PAD_CONSTANT, 0);
    updates = hp_emit_pad(b, hp_emit_cast(b, updates, hp_op_dtype(b, x)), before, after, HP_PAD_CONSTANT, 0);
    hp_call_output(b, call, hp_emit_select(b, inside, updates, x));
}

/* ---- grids */

/* The tensors along axes of their own ("xy": the first two exchanged). */
ARRANGE_OP(Meshgrid, HP_OP_NUMPY, HP_STRING_FIELD(config, indexing)) {
    const config *c = layer->config;
    int count = (int)call->arg_count, place[HP_MAX_RANK];
    bool xy = !c->indexing || strcmp(c->indexing, "xy") == 0;
    hp_value values[HP_MAX_RANK];
    hp_shape whole = {.rank = count};
    if (count < 1 || count > HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "meshgrid of %d tensors", count);
        return;
    }
    for (int i = 0; i < count; i++) {
        place[i] = xy && count > 1 && i < 2 ? 1 - i : i;
        values[i] = hp_emit_reshape(b, hp_op_value(b, &call->args[i], HP_DTYPE_NONE), 1, (int64_t[]){-1});
        whole.dims[place[i]] = hp_builder_shape(b, values[i])->dims[0];
        if (b->status == HP_OK && hp_builder_shape(b, values[i])->rows) hp_builder_mixes_rows(b, "a grid of rows");
    }
    for (int i = 0; i < count && b->status == HP_OK; i++) {
        int64_t dims[HP_MAX_RANK];
        for (int k = 0; k < count; k++) dims[k] = k == place[i] ? whole.dims[k] : 1;
        hp_call_output(b, call, hp_emit_broadcast(b, hp_emit_reshape(b, values[i], count, dims), &whole));
    }
}

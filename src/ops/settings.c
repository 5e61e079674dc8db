/* settings.c: what Keras 3 has in an operation's config and graphs of Keras 2 compute: shapes, sizes, bounds. See op.h.
 *
 * Invariant: a number that lowering takes follows from constants and shapes; one that depends on data is refused, and the
 * number of rows is either a shape's first axis or makes the graph one that mixes rows. */
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

enum { MOST_NUMBERS = 64 };

static const char rows_key[] = "number of rows";

/* A number, or so many times the number of rows: an object that says it. */
static hp_json *number(hp_builder *b, int64_t value, bool rows) {
    hp_arena *arena = &b->graph->arena;
    hp_json *json = hp_json_new_int(arena, value), *object = rows ? hp_json_new(arena, HP_JSON_OBJECT) : NULL;
    if (!json || (rows && !object)) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    if (b->status != HP_OK) return NULL;
    if (!rows) return json;
    hp_json_set(object, rows_key, json);
    return object;
}

/* The numbers of a tensor from axis `axis` on, as nested lists; *at is the next of them. */
static hp_json *nested(
    hp_builder *b, const hp_shape *shape, int axis, const int64_t *found, const bool *rows, int *at) {
    if (axis == shape->rank) {
        int i = (*at)++;
        return number(b, found[i], rows[i]);
    }
    hp_json *list = hp_json_new(&b->graph->arena, HP_JSON_ARRAY);
    if (!list) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < shape->dims[axis] && b->status == HP_OK; i++) {
        hp_json *item = nested(b, shape, axis + 1, found, rows, at);
        if (item) hp_json_append(list, item);
    }
    return list;
}

/* Whether known numbers are integers, of whatever dtype. */
static bool all_whole(hp_builder *b, hp_value value) {
    hp_dtype dtype = hp_op_dtype(b, value);
    if (!hp_dtype_is_float(dtype)) return hp_dtype_is_integer(dtype);
    int64_t broken[MOST_NUMBERS];
    bool rows[MOST_NUMBERS];
    hp_value cut = hp_emit_compare(b, HP_NOT_EQUAL, value, hp_op_unary(b, value, HP_UNARY_TRUNC));
    int count = hp_builder_known(b, cut, broken, rows, MOST_NUMBERS);
    for (int i = 0; i < count; i++)
        if (broken[i] || rows[i]) return false;
    return count >= 0;
}

static hp_json *known_tensor(hp_builder *b, hp_value value, bool allow_rows) {
    int64_t found[MOST_NUMBERS];
    bool rows[MOST_NUMBERS];
    hp_shape shape = *hp_builder_shape(b, value);
    int count = hp_builder_known(b, value, found, rows, MOST_NUMBERS), at = 0;
    if (b->status == HP_OK && (count < 0 || !all_whole(b, value)))
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a shape that depends on the data");
    for (int i = 0; i < count && !allow_rows; i++)
        if (rows[i]) hp_builder_mixes_rows(b, "the number of rows is asked for");
    return b->status == HP_OK ? nested(b, &shape, 0, found, rows, &at) : NULL;
}

/* An argument with numbers in the place of tensors; NULL: failed. */
static hp_json *settled(hp_builder *b, const hp_arg *arg, bool allow_rows) {
    hp_arena *arena = &b->graph->arena;
    hp_json *json = NULL;
    if (arg->kind == HP_ARG_TENSOR) return known_tensor(b, arg->tensor, allow_rows);
    if (arg->kind == HP_ARG_CONSTANT)
        json = arg->constant ? hp_json_copy(arena, arg->constant) : hp_json_new(arena, HP_JSON_NULL);
    else
        json = hp_json_new(arena, arg->item_count > 0 && arg->items[0].name ? HP_JSON_OBJECT : HP_JSON_ARRAY);
    if (!json) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count && b->status == HP_OK; i++) {
        hp_json *item = settled(b, &arg->items[i], allow_rows);
        if (!item) continue;
        if (arg->items[i].name)
            hp_json_set(json, arg->items[i].name, item);
        else
            hp_json_append(json, item);
    }
    return b->status == HP_OK ? json : NULL;
}

const hp_json *hp_op_setting(hp_builder *b, const hp_call *call, int position, const char *key, const hp_json *given) {
    const hp_arg *arg = hp_call_arg(call, position, key);
    return arg ? settled(b, arg, false) : given;
}

int hp_op_sizes(
    hp_builder *b, const hp_call *call, const char *key, const hp_json *given, int64_t *sizes, bool rows[HP_MAX_RANK]) {
    const hp_arg *arg = hp_call_arg(call, -1, key);
    hp_json *found = arg ? settled(b, arg, true) : given ? hp_json_copy(&b->graph->arena, given) : NULL;
    memset(rows, 0, HP_MAX_RANK * sizeof *rows);
    const hp_json *times = hp_json_get(found, rows_key);
    if (times) {
        rows[0] = true;
        sizes[0] = times->integer;
        return 1;
    }
    int at = 0;
    for (hp_json *item = hp_json_is(found, HP_JSON_ARRAY) ? found->first : NULL; item; item = item->next, at++) {
        times = hp_json_get(item, rows_key);
        if (!times || at >= HP_MAX_RANK) continue;
        rows[at] = true;
        item->type = HP_JSON_INT;
        item->integer = times->integer;
    }
    return b->status == HP_OK ? hp_op_integers(b, found, -1, sizes) : 0;
}

bool hp_op_shape(hp_builder *b, const hp_call *call, const char *key, const hp_json *given, hp_shape *shape) {
    bool rows[HP_MAX_RANK];
    *shape = (hp_shape){.rank = 0};
    shape->rank = hp_op_sizes(b, call, key, given, shape->dims, rows);
    shape->rows = shape->rank > 0 && rows[0];
    for (int i = 1; i < shape->rank; i++)
        if (rows[i]) hp_builder_mixes_rows(b, "the number of rows is the size of another axis");
    return b->status == HP_OK;
}

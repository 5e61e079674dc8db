/* operands.c: the arguments of operations: tensors, numbers, arrays; and the dtypes they have together. */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

const hp_field hp_op_no_fields[] = {HP_FIELDS_END};

enum { MAX_DEPTH = HP_MAX_RANK };

/* ---- constants of the config */

typedef struct array {
    int rank;
    int64_t dims[HP_MAX_RANK];
    bool all_bool, all_int;
    double *data;
    size_t count, capacity;
} array;

static bool measure(const hp_json *value, array *a, int depth) {
    if (value->type != HP_JSON_ARRAY) {
        a->rank = depth;
        return true;
    }
    if (depth == MAX_DEPTH) return false;
    a->dims[depth] = (int64_t)value->count;
    if (!value->first) {
        a->rank = depth + 1;
        return true;
    }
    return measure(value->first, a, depth + 1);
}

/* Appends the numbers of a nested list that must have the measured shape. */
static bool gather(const hp_json *value, array *a, int depth) {
    if (depth < a->rank) {
        if (value->type != HP_JSON_ARRAY || (int64_t)value->count != a->dims[depth]) return false;
        HP_JSON_EACH (item, value)
            if (!gather(item, a, depth + 1)) return false;
        return true;
    }
    bool is_bool = value->type == HP_JSON_BOOL;
    if (!is_bool && value->type != HP_JSON_INT && value->type != HP_JSON_DOUBLE) return false;
    if (!HP_GROW(a->data, a->capacity, a->count + 1)) return false;
    a->all_bool &= is_bool;
    a->all_int &= value->type == HP_JSON_INT;
    a->data[a->count++] = is_bool                      ? value->boolean
                          : value->type == HP_JSON_INT ? (double)value->integer
                                                       : value->number;
    return true;
}

static hp_value emit_array(hp_builder *b, const array *a, hp_dtype dtype) {
    hp_value value = hp_emit_literal(b, HP_FLOAT64, a->rank, a->dims, a->data);
    return hp_emit_cast(b, value, dtype);
}

static hp_dtype dtype_of_kind(const hp_builder *b, const array *a, hp_dtype weak) {
    if (a->all_bool) return weak != HP_DTYPE_NONE ? weak : HP_BOOL;
    if (a->all_int) return weak != HP_DTYPE_NONE && weak != HP_BOOL ? weak : HP_INT32;
    return hp_dtype_is_float(weak) ? weak : b->wide && b->tensorflow ? HP_FLOAT64 : HP_FLOAT32;
}

/* A 64-bit number does not pass through a double. */
static hp_value emit_integer(hp_builder *b, int64_t value, hp_dtype dtype) {
    return hp_emit_cast(b, hp_emit_literal(b, HP_INT64, 0, NULL, &value), dtype);
}

static hp_value constant_value(hp_builder *b, const hp_json *value, hp_dtype weak) {
    hp_dtype stored = HP_DTYPE_NONE;
    const char *tag = hp_json_string(hp_json_get(value, "class_name"));
    if (tag && (!strcmp(tag, "__numpy__") || !strcmp(tag, "__tensor__"))) {
        const hp_json *config = hp_json_get(value, "config");
        const char *name = hp_json_string(hp_json_get(config, "dtype"));
        stored = name ? hp_dtype_from_name(name) : HP_DTYPE_NONE;
        value = hp_json_get(config, "value");
    }
    array a = {.all_bool = true, .all_int = true};
    char text[80];
    if (!value || !measure(value, &a, 0) || !gather(value, &a, 0)) {
        hp_free(a.data);
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the argument %s is not a number or an array of numbers",
            hp_json_describe(value, text, sizeof text));
    }
    if (a.count == 0) a.all_bool = a.all_int = false;
    hp_dtype dtype = stored != HP_DTYPE_NONE ? stored : dtype_of_kind(b, &a, weak);
    hp_value result = a.rank == 0 && a.all_int ? emit_integer(b, value->integer, dtype) : emit_array(b, &a, dtype);
    hp_free(a.data);
    return result;
}

hp_value hp_op_value(hp_builder *b, const hp_arg *arg, hp_dtype weak) {
    if (!arg) return HP_NO_VALUE;
    switch (arg->kind) {
    case HP_ARG_TENSOR:
        return arg->tensor;
    case HP_ARG_CONSTANT:
        return hp_json_is_null(arg->constant) ? HP_NO_VALUE : constant_value(b, arg->constant, weak);
    case HP_ARG_LIST:
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a list of tensors in the place of one tensor");
    }
    return HP_NO_VALUE;
}

hp_value hp_op_operand(hp_builder *b, const hp_call *call, int position, const char *keyword) {
    const hp_arg *arg = hp_call_arg(call, position, keyword);
    if (!arg) return hp_builder_fail(b, HP_ERROR_FORMAT, "the argument \"%s\" is missing", keyword);
    return hp_op_value(b, arg, HP_DTYPE_NONE);
}

/* Whether it is an empty list, which has no dtype of its own. */
static bool is_empty(const hp_arg *arg) {
    return arg->kind == HP_ARG_CONSTANT && hp_json_is(arg->constant, HP_JSON_ARRAY) && arg->constant->count == 0;
}

int hp_op_list(hp_builder *b, const hp_call *call, const char *name, hp_value *values, int most) {
    const hp_arg *list = hp_call_arg(call, 0, name);
    bool one = list && list->kind == HP_ARG_TENSOR; /* as Keras 2 writes a list of one */
    const hp_arg *items = one ? list : list ? list->items : NULL;
    size_t count = one ? 1 : list && list->kind == HP_ARG_LIST ? list->item_count : 0, typed = 0;
    hp_dtype dtype = HP_FLOAT32;
    if (count == 0 || count > (size_t)most) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "found %zu tensors, expected a list of 1 to %d", count, most);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = hp_op_value(b, &items[i], HP_DTYPE_NONE);
        if (is_empty(&items[i])) continue;
        hp_dtype own = hp_op_dtype(b, values[i]);
        dtype = typed++ ? hp_promote(dtype, own) : own;
    }
    for (size_t i = 0; i < count && b->status == HP_OK; i++) values[i] = hp_emit_cast(b, values[i], dtype);
    return b->status == HP_OK ? (int)count : 0;
}

const hp_json *hp_op_constant(const hp_call *call, int position, const char *keyword) {
    const hp_arg *arg = hp_call_arg(call, position, keyword);
    return arg && arg->kind == HP_ARG_CONSTANT ? arg->constant : NULL;
}

/* ---- dtypes together */

/* A plain Python number takes the dtype of what it meets, where it is of the same kind or a lower one; in TensorFlow a list of
 * them does, too. */
static bool is_weak(const hp_builder *b, const hp_arg *arg) {
    return arg && arg->kind == HP_ARG_CONSTANT && arg->constant &&
           (arg->constant->type == HP_JSON_BOOL || arg->constant->type == HP_JSON_INT ||
               arg->constant->type == HP_JSON_DOUBLE || (b->tensorflow && arg->constant->type == HP_JSON_ARRAY));
}

void hp_op_operands(hp_builder *b, const hp_call *call, const char *first, const char *second, hp_value pair[2]) {
    const hp_arg *args[2] = {hp_call_arg(call, 0, first), hp_call_arg(call, 1, second)};
    pair[0] = pair[1] = HP_NO_VALUE;
    if (!args[0] || !args[1]) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "the argument \"%s\" is missing", args[0] ? second : first);
        return;
    }
    for (int i = 0; i < 2; i++)
        if (!is_weak(b, args[i])) pair[i] = hp_op_value(b, args[i], HP_DTYPE_NONE);
    for (int i = 0; i < 2; i++)
        if (is_weak(b, args[i])) {
            hp_dtype other = pair[1 - i] == HP_NO_VALUE ? HP_DTYPE_NONE : hp_builder_tensor(b, pair[1 - i])->dtype;
            pair[i] = hp_op_value(b, args[i], other);
        }
    if (b->status != HP_OK) return;
    hp_dtype dtype = hp_promote(hp_builder_tensor(b, pair[0])->dtype, hp_builder_tensor(b, pair[1])->dtype);
    for (int i = 0; i < 2; i++) pair[i] = hp_emit_cast(b, pair[i], dtype);
}

/* ---- axes */

int hp_op_axes(hp_builder *b, const hp_json *axis, int rank, int *axes) {
    bool chosen[HP_MAX_RANK] = {false};
    if (axis && axis->type == HP_JSON_OBJECT && hp_json_get(axis, "config")) { /* a tagged tuple */
        const hp_json *items = hp_json_get(hp_json_get(axis, "config"), "items");
        axis = items ? items : hp_json_get(axis, "config");
    }
    if (hp_json_is_null(axis)) {
        for (int i = 0; i < rank; i++) chosen[i] = true;
    } else if (axis->type == HP_JSON_INT) {
        chosen[hp_builder_axis(b, axis->integer, rank)] = true;
    } else if (axis->type == HP_JSON_ARRAY) {
        HP_JSON_EACH (item, axis)
            chosen[hp_builder_axis(b, item->type == HP_JSON_INT ? item->integer : INT64_MAX, rank)] = true;
    } else {
        hp_builder_fail(
            b, HP_ERROR_FORMAT, "axis: found %s, expected null, an integer or a list", hp_json_type_name(axis));
    }
    int count = 0;
    for (int i = 0; i < rank && b->status == HP_OK; i++)
        if (chosen[i]) axes[count++] = i;
    return count;
}

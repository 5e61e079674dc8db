/* making.c: tensors made from numbers or shapes, choices among several, and distances (keras/src/ops/numpy.py, math.py);
 * and what only TensorFlow has (graphs of Keras 2). */
#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/op.h"

typedef struct config {
    const hp_json *axis, *shape;
    int64_t num;
    bool endpoint, retstep, equal_nan, sorted;
    double base, rtol, atol;
    int64_t num_segments;
} config;

#define MAKING_OP(name, module_, ...)                                                                                  \
    static const hp_field fields_##name[] = {__VA_ARGS__};                                                             \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call);                                           \
    const hp_op_class hp_op_##name = HP_OP(#name, module_, fields_##name, config, lower_##name);                       \
    static void lower_##name(hp_builder *b, hp_layer *layer, hp_call *call)
#define TF HP_OP_TF

/* ---- filled */

MAKING_OP(FullLike, HP_OP_NUMPY, HP_FIELDS_END) {
    hp_tensor tensor = *hp_builder_tensor(b, hp_op_operand(b, call, 0, "x"));
    hp_dtype dtype = hp_op_config_dtype(b, layer, tensor.dtype);
    hp_value value = hp_emit_cast(b, hp_op_operand(b, call, 1, "fill_value"), dtype);
    hp_value zeros = hp_emit_fill(b, dtype, &tensor.shape, 0);
    hp_shape bools = tensor.shape;
    hp_call_output(b, call, hp_emit_select(b, hp_emit_fill(b, HP_BOOL, &bools, 1), value, zeros));
}

MAKING_OP(EmptyLike, HP_OP_NUMPY, HP_FIELDS_END) {
    hp_tensor tensor = *hp_builder_tensor(b, hp_op_operand(b, call, 0, "x"));
    hp_call_output(b, call, hp_emit_fill(b, hp_op_config_dtype(b, layer, tensor.dtype), &tensor.shape, 0));
}

MAKING_OP(Full, HP_OP_NUMPY, HP_JSON_FIELD(config, shape), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value value = hp_op_operand(b, call, 0, "fill_value");
    hp_shape shape = {.rank = hp_op_integers(b, c->shape, -1, (int64_t[HP_MAX_RANK]){0})};
    hp_op_integers(b, c->shape, -1, shape.dims);
    value = hp_emit_cast(b, value, hp_op_config_dtype(b, layer, HP_FLOAT32));
    if (b->status == HP_OK && hp_builder_shape(b, value)->rows) {
        hp_builder_mixes_rows(b, "a fixed shape is filled with the rows");
        return;
    }
    hp_call_output(b, call, hp_emit_broadcast(b, value, &shape));
}

MAKING_OP(Array, HP_OP_NUMPY, HP_FIELDS_END) {
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_call_output(b, call, hp_emit_cast(b, x, hp_op_config_dtype(b, layer, hp_op_dtype(b, x))));
}

static void put_number(hp_builder *b, hp_call *call, int64_t number) {
    int32_t narrow = (int32_t)number;
    hp_call_output(b, call, hp_emit_literal(b, HP_INT32, 0, NULL, &narrow));
}

MAKING_OP(Ndim, HP_OP_NUMPY, HP_FIELDS_END) {
    (void)layer;
    put_number(b, call, hp_builder_shape(b, hp_op_operand(b, call, 0, "x"))->rank);
}

MAKING_OP(Size, HP_OP_NUMPY, HP_FIELDS_END) {
    (void)layer;
    const hp_shape *shape = hp_builder_shape(b, hp_op_operand(b, call, 0, "x"));
    if (shape->rows)
        hp_builder_mixes_rows(b, "the number of rows");
    else
        put_number(b, call, hp_shape_elements(shape));
}

/* ---- between two tensors */

/* start + (stop - start) i / (num - 1) along a new axis. */
static hp_value between(hp_builder *b, const config *c, hp_value start, hp_value stop) {
    int64_t steps = c->endpoint ? c->num - 1 : c->num;
    hp_shape first = *hp_builder_shape(b, start), second = *hp_builder_shape(b, stop), together;
    double *fractions = hp_arena_alloc(&b->graph->arena, (size_t)c->num * sizeof *fractions + 1);
    if (!fractions || !hp_shape_broadcast(&first, &second, &together))
        return hp_builder_fail(b, HP_ERROR_SHAPE, "the shapes of start and stop do not fit");
    for (int64_t i = 0; i < c->num; i++) fractions[i] = steps > 0 ? (double)i / (double)steps : 0;
    hp_value at = hp_emit_cast(b, hp_emit_doubles(b, 1, &c->num, fractions), hp_op_dtype(b, start));
    hp_value low = hp_op_new_axis(b, start, first.rank);
    hp_value span = hp_op_new_axis(b, hp_op_subtract(b, stop, start), together.rank);
    hp_value y = hp_op_add(b, hp_op_multiply(b, span, at), low);
    int axis = hp_json_is(c->axis, HP_JSON_INT) ? (int)c->axis->integer : 0;
    if (b->status != HP_OK) return HP_NO_VALUE;
    axis = hp_builder_axis(b, axis, together.rank + 1);
    if (axis == 0 && together.rows) return hp_builder_mixes_rows(b, "a new axis is put before the rows");
    return hp_move_axis(b, y, together.rank, axis);
}

static void ends_of(hp_builder *b, const hp_call *call, hp_layer *layer, hp_value ends[2]) {
    hp_op_operands(b, call, "start", "stop", ends);
    hp_dtype dtype = hp_op_config_dtype(b, layer, hp_op_dtype(b, hp_op_floating(b, ends[0])));
    for (int i = 0; i < 2; i++) ends[i] = hp_emit_cast(b, ends[i], dtype);
}

enum { MOST_STEPS = 1 << 24 };

#define SPACE_FIELDS                                                                                                   \
    HP_INT(config, num, 50, 1, MOST_STEPS), HP_BOOL(config, endpoint, true), HP_BOOL(config, retstep, false),          \
        HP_JSON_FIELD(config, axis)

MAKING_OP(Linspace, HP_OP_NUMPY, SPACE_FIELDS, HP_FIELDS_END) {
    config c = *(const config *)layer->config;
    hp_value ends[2];
    ends_of(b, call, layer, ends);
    const hp_json *num = hp_op_setting(b, call, -1, "num", NULL); /* computed, in graphs of Keras 2 */
    if (num) c.num = hp_json_is(num, HP_JSON_INT) ? num->integer : 0;
    if (b->status == HP_OK && (c.num < 1 || c.num > MOST_STEPS))
        hp_builder_fail(b, HP_ERROR_SHAPE, "num must be a number from 1 to %d", MOST_STEPS);
    if (b->status == HP_OK) hp_call_output(b, call, between(b, &c, ends[0], ends[1]));
    if (!c.retstep) return;
    hp_value span = hp_op_subtract(b, ends[1], ends[0]);
    int64_t steps = c.endpoint ? c.num - 1 : c.num;
    hp_call_output(b, call, hp_op_divide(b, span, hp_op_number(b, steps > 0 ? (double)steps : NAN, span)));
}

MAKING_OP(Logspace, HP_OP_NUMPY, SPACE_FIELDS, HP_FLOAT(config, base, 10, 0, 1e30), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value ends[2];
    ends_of(b, call, layer, ends);
    hp_value y = between(b, c, ends[0], ends[1]);
    hp_call_output(b, call, hp_emit_binary(b, HP_BINARY_POWER, hp_op_number(b, c->base, y), y));
}

MAKING_OP(Geomspace, HP_OP_NUMPY, SPACE_FIELDS, HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value ends[2], logs[2];
    ends_of(b, call, layer, ends);
    for (int i = 0; i < 2; i++) logs[i] = hp_op_unary(b, hp_op_unary(b, ends[i], HP_UNARY_ABSOLUTE), HP_UNARY_LOG10);
    hp_value y = between(b, c, logs[0], logs[1]);
    y = hp_emit_binary(b, HP_BINARY_POWER, hp_op_number(b, 10, y), y);
    hp_call_output(b, call, hp_op_multiply(b, y, hp_op_unary(b, ends[0], HP_UNARY_SIGN)));
}

/* ---- choices */

/* The first choice whose condition holds, element by element. */
MAKING_OP(Select, HP_OP_NUMPY, HP_FIELDS_END) {
    (void)layer;
    const hp_arg *conditions = hp_call_arg(call, 0, "condlist"), *choices = hp_call_arg(call, 1, "choicelist");
    const hp_arg *fallback = hp_call_arg(call, 2, "default");
    bool lists = conditions && choices && conditions->kind == HP_ARG_LIST && choices->kind == HP_ARG_LIST;
    if (!lists || conditions->item_count != choices->item_count || choices->item_count == 0) {
        hp_builder_fail(b, HP_ERROR_FORMAT, "condlist and choicelist must be lists of one length");
        return;
    }
    size_t count = choices->item_count;
    hp_value values[64];
    hp_dtype dtype = HP_BOOL;
    for (size_t i = 0; i < count && count <= 64; i++) {
        values[i] = hp_op_value(b, &choices->items[i], HP_DTYPE_NONE);
        dtype = i ? hp_promote(dtype, hp_op_dtype(b, values[i])) : hp_op_dtype(b, values[i]);
    }
    if (count > 64) hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "more than 64 choices");
    hp_value y = fallback ? hp_emit_cast(b, hp_op_value(b, fallback, dtype), dtype) : HP_NO_VALUE;
    if (b->status != HP_OK) return;
    if (y == HP_NO_VALUE) y = hp_op_number(b, 0, hp_emit_cast(b, values[0], dtype));
    for (size_t i = count; i-- > 0;)
        y = hp_emit_select(b, hp_emit_cast(b, hp_op_value(b, &conditions->items[i], HP_BOOL), HP_BOOL),
            hp_emit_cast(b, values[i], dtype), y);
    hp_call_output(b, call, y);
}

/* Coordinates of flat indices; with more axes than one Keras takes the shape's axes from the front. */
MAKING_OP(UnravelIndex, HP_OP_NUMPY, HP_JSON_FIELD(config, shape), HP_FIELDS_END) {
    const config *c = layer->config;
    int64_t shape[HP_MAX_RANK];
    hp_value x = hp_op_operand(b, call, 0, "indices"), parts[HP_MAX_RANK];
    int count = hp_op_integers(b, c->shape, -1, shape), rank = hp_builder_shape(b, x)->rank;
    for (int i = 0; i < count && b->status == HP_OK; i++) {
        hp_value size = hp_op_number(b, (double)shape[rank == 1 ? count - 1 - i : i], x);
        parts[count - 1 - i] = hp_emit_binary(b, HP_BINARY_MOD, x, size);
        x = hp_emit_binary(b, HP_BINARY_FLOOR_DIVIDE, x, size);
    }
    for (int i = 0; i < count && b->status == HP_OK; i++) hp_call_output(b, call, parts[i]);
}

/* Whether all elements are near each other: one bool. */
MAKING_OP(AllClose, HP_OP_NUMPY, HP_FLOAT(config, rtol, 1e-5, 0, 1e30), HP_FLOAT(config, atol, 1e-8, 0, 1e30),
    HP_BOOL(config, equal_nan, false), HP_FIELDS_END) {
    const config *c = layer->config;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_value off = hp_op_unary(b, hp_op_subtract(b, pair[0], pair[1]), HP_UNARY_ABSOLUTE);
    hp_value room = hp_op_scale(b, hp_op_unary(b, pair[1], HP_UNARY_ABSOLUTE), c->rtol);
    hp_value near = hp_emit_compare(b, HP_LESS_EQUAL, off, hp_op_add(b, room, hp_op_number(b, c->atol, room)));
    if (c->equal_nan) {
        hp_value both = hp_emit_logical(b, HP_AND, hp_op_is_nan(b, pair[0]), hp_op_is_nan(b, pair[1]));
        near = hp_emit_logical(b, HP_OR, near, both);
    }
    int axes[HP_MAX_RANK], rank = hp_builder_shape(b, near)->rank;
    for (int i = 0; i < rank; i++) axes[i] = i;
    hp_call_output(b, call, hp_emit_reduce(b, near, HP_REDUCTION_ALL, axes, rank, false));
}

/* ---- distances */

MAKING_OP(CDist, HP_OP_MATH, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x", "y", pair);
    int left = hp_builder_shape(b, pair[0])->rank, right = hp_builder_shape(b, pair[1])->rank;
    hp_value off = hp_op_subtract(b, hp_op_new_axis(b, hp_op_floating(b, pair[0]), left - 1),
        hp_op_new_axis(b, hp_op_floating(b, pair[1]), right - 2));
    hp_value sum = hp_op_reduce(b, hp_op_unary(b, off, HP_UNARY_SQUARE), HP_REDUCTION_SUM, -1, false);
    hp_call_output(b, call, hp_op_unary(b, sum, HP_UNARY_SQRT));
}

/* ---- TensorFlow's */

MAKING_OP(SquaredDifference, TF, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_call_output(b, call, hp_op_unary(b, hp_op_subtract(b, pair[0], pair[1]), HP_UNARY_SQUARE));
}

MAKING_OP(MultiplyNoNan, TF, HP_FIELDS_END) {
    (void)layer;
    hp_value pair[2];
    hp_op_operands(b, call, "x1", "x2", pair);
    hp_value zero = hp_emit_compare(b, HP_EQUAL, pair[1], hp_op_number(b, 0, pair[1]));
    hp_value y = hp_op_multiply(b, pair[0], pair[1]);
    hp_call_output(b, call, hp_emit_select(b, zero, hp_op_number(b, 0, y), y));
}

MAKING_OP(AddN, TF, HP_FIELDS_END) {
    enum { MOST = 256 };
    (void)layer;
    hp_value values[MOST], y = HP_NO_VALUE;
    int count = hp_op_list(b, call, "xs", values, MOST);
    for (int i = 0; i < count; i++) y = i ? hp_op_add(b, y, values[i]) : values[i];
    hp_call_output(b, call, y);
}

/* tf.clip_by_value with bounds that are tensors. */
MAKING_OP(ClipBetween, TF, HP_FIELDS_END) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "x");
    hp_dtype dtype = hp_op_dtype(b, x);
    x = hp_emit_binary(b, HP_BINARY_MINIMUM, x, hp_emit_cast(b, hp_op_operand(b, call, -1, "x_max"), dtype));
    hp_call_output(
        b, call, hp_emit_binary(b, HP_BINARY_MAXIMUM, x, hp_emit_cast(b, hp_op_operand(b, call, -1, "x_min"), dtype)));
}

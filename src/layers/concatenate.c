/* concatenate.c: Concatenate and Dot (keras/src/layers/merging/concatenate.py, dot.py). */
#include <string.h>
#include "layers/support.h"

/* ---- Concatenate */

typedef struct concatenate {
    int64_t axis;
    bool old; /* Keras 1 or 2: a step is masked where any of its features is, in Keras 3 where all are */
} concatenate;

static const hp_field concatenate_fields[] = {
    HP_INT(concatenate, axis, -1, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_FIELDS_END,
};

static void check_concatenate(hp_layer_scope *scope, hp_layer *layer, void *config) {
    (void)layer;
    ((concatenate *)config)->old = hp_layer_is_old(scope);
}

/* The mask of one input as wide as the input, or as it is where it has as many axes. */
static hp_value wide_mask(hp_builder *b, hp_value x) {
    hp_value mask = hp_builder_mask(b, x);
    hp_shape shape = *hp_builder_shape(b, x);
    if (mask == HP_NO_VALUE) return hp_emit_fill(b, HP_BOOL, &shape, 1);
    hp_shape own = *hp_builder_shape(b, mask);
    if (own.rank >= shape.rank) return mask;
    own.dims[own.rank] = 1;
    return hp_emit_broadcast(b, hp_emit_reshape(b, mask, own.rank + 1, own.dims), &shape);
}

static void concatenate_masks(hp_builder *b, const hp_call *call, hp_value output, int axis, bool old) {
    bool any = false;
    for (size_t i = 0; i < call->input_count; i++) any |= hp_builder_mask(b, call->inputs[i]) != HP_NO_VALUE;
    if (!any || b->status != HP_OK) return;
    hp_value *masks = hp_arena_alloc(&b->graph->arena, call->input_count * sizeof *masks);
    if (!masks) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < call->input_count; i++) masks[i] = wide_mask(b, call->inputs[i]);
    hp_value mask = hp_emit_concat(b, masks, (int)call->input_count, axis);
    int last = hp_builder_shape(b, mask)->rank - 1;
    mask = hp_emit_reduce(b, mask, old ? HP_REDUCTION_ALL : HP_REDUCTION_ANY, &last, 1, false);
    if (b->status == HP_OK) hp_builder_set_mask(b, output, mask);
}

static void lower_concatenate(hp_builder *b, hp_layer *layer, hp_call *call) {
    const concatenate *c = layer->config;
    hp_dtype dtype = hp_builder_tensor(b, call->inputs[0])->dtype;
    for (size_t i = 1; i < call->input_count; i++)
        dtype = hp_promote(dtype, hp_builder_tensor(b, call->inputs[i])->dtype);
    hp_value *values = hp_arena_alloc(&b->graph->arena, call->input_count * sizeof *values);
    if (!values || call->input_count > INT32_MAX) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < call->input_count; i++) values[i] = hp_emit_cast(b, call->inputs[i], dtype);
    int axis = hp_builder_axis(b, c->axis, hp_builder_shape(b, values[0])->rank);
    hp_value y = hp_emit_concat(b, values, (int)call->input_count, axis);
    if (call->input_count > 1) concatenate_masks(b, call, y, axis, c->old);
    hp_call_output(b, call, y);
}

const hp_layer_class hp_layer_Concatenate = {
    .class_name = "Concatenate",
    .module = "keras.layers",
    .fields = concatenate_fields,
    .config_size = sizeof(concatenate),
    .masking = HP_MASK_OWN,
    .min_inputs = 1,
    .max_inputs = -1,
    .check = check_concatenate,
    .lower = lower_concatenate,
};

/* ---- Dot */

typedef struct dot {
    hp_ints axes;
    bool normalize;
} dot;

static const hp_field dot_fields[] = {
    HP_INTS(dot, axes, HP_REQUIRED, -HP_MAX_RANK, HP_MAX_RANK - 1),
    HP_BOOL(dot, normalize, false),
    HP_FIELDS_END,
};

static void check_dot(hp_layer_scope *scope, hp_layer *layer, void *config) {
    const dot *c = config;
    if (!c->axes.scalar && c->axes.count != 2)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "axes", "found %d integers, expected one or two", c->axes.count);
}

/* ops.normalize of order 2: x * min(1 / sqrt(sum x^2), 1 / epsilon). */
static hp_value normalized(hp_builder *b, hp_value x, int axis) {
    hp_value sum = hp_emit_reduce(b, hp_emit_unary(b, x, HP_UNARY_SQUARE, 0, 0, 0), HP_REDUCTION_SUM, &axis, 1, true);
    hp_value inverse = hp_emit_unary(b, sum, HP_UNARY_RSQRT, 0, 0, 0);
    return hp_emit_binary(
        b, HP_BINARY_MULTIPLY, x, hp_emit_binary(b, HP_BINARY_MINIMUM, inverse, hp_emit_float(b, 1e7)));
}

/* x as [batch, M, K] with the contracted axis last, or [batch, K, N] with it first; the other axes go to `others`. */
static hp_value as_matrix(
    hp_builder *b, hp_value x, int axis, bool contracted_last, int64_t *others, int *other_count) {
    x = hp_move_axis(b, x, axis, contracted_last ? hp_builder_shape(b, x)->rank - 1 : 1);
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t product = 1, k = shape.dims[contracted_last ? shape.rank - 1 : 1];
    *other_count = shape.rank - 2;
    for (int i = 0; i < *other_count; i++) {
        others[i] = shape.dims[contracted_last ? i + 1 : i + 2];
        product *= others[i];
    }
    return hp_emit_reshape(
        b, x, 3, contracted_last ? (int64_t[]){shape.dims[0], product, k} : (int64_t[]){shape.dims[0], k, product});
}

static void lower_dot(hp_builder *b, hp_layer *layer, hp_call *call) {
    const dot *c = layer->config;
    if (hp_builder_tensor(b, call->inputs[0])->dtype != hp_builder_real(b) &&
        hp_builder_tensor(b, call->inputs[1])->dtype != hp_builder_real(b)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the product of integers is not supported yet");
        return;
    }
    hp_value x = hp_as_float(b, call->inputs[0]), y = hp_as_float(b, call->inputs[1]);
    if (!hp_check_rank(b, x, 2, -1) || !hp_check_rank(b, y, 2, -1)) return;
    hp_shape x_shape = *hp_builder_shape(b, x), y_shape = *hp_builder_shape(b, y);
    int x_axis = hp_builder_axis(b, c->axes.at[0], x_shape.rank);
    int y_axis = hp_builder_axis(b, c->axes.at[c->axes.scalar ? 0 : 1], y_shape.rank);
    if (b->status != HP_OK) return;
    if (x_axis == 0 || y_axis == 0 || x_shape.dims[x_axis] != y_shape.dims[y_axis] ||
        x_shape.rank + y_shape.rank - 3 > HP_MAX_RANK) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "axes: %lld elements along axis %d meet %lld along axis %d",
            (long long)x_shape.dims[x_axis], x_axis, (long long)y_shape.dims[y_axis], y_axis);
        return;
    }
    if (c->normalize) {
        x = normalized(b, x, x_axis);
        y = normalized(b, y, y_axis);
    }
    int64_t dims[2 * HP_MAX_RANK] = {x_shape.dims[0]};
    int x_others, y_others;
    x = as_matrix(b, x, x_axis, true, dims + 1, &x_others);
    y = as_matrix(b, y, y_axis, false, dims + 1 + x_others, &y_others);
    int rank = 1 + x_others + y_others;
    if (rank == 1) dims[rank++] = 1; /* two vectors a row: Keras keeps one axis of 1 */
    hp_call_output(b, call, hp_emit_reshape(b, hp_emit_matmul(b, x, y, false, false), rank, dims));
}

const hp_layer_class hp_layer_Dot = {
    .class_name = "Dot",
    .module = "keras.layers",
    .fields = dot_fields,
    .config_size = sizeof(dot),
    .masking = HP_MASK_STOP,
    .min_inputs = 2,
    .max_inputs = 2,
    .check = check_dot,
    .lower = lower_dot,
};

/* merge.c: Add, Subtract, Multiply, Average, Maximum, Minimum (keras/src/layers/merging/).
 *
 * Inputs of fewer axes get axes of 1 behind the batch. Maximum, Minimum and Multiply look at masks themselves; all
 * of them give out the masks' disjunction, where every input has one. In Keras 1 and 2 nothing looks at masks, and their
 * conjunction comes out, whichever inputs have one. */
#include "base/dtype.h"
#include "layers/support.h"

typedef struct merging {
    bool old; /* Keras 1 or 2 */
} merging;

static const hp_field fields[] = {HP_FIELDS_END};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    (void)layer;
    ((merging *)config)->old = hp_layer_is_old(scope);
}

static bool is_old(const hp_layer *layer) {
    return ((const merging *)layer->config)->old;
}

/* What type promotion makes of all inputs' dtypes together. */
static hp_dtype common_dtype(hp_builder *b, const hp_call *call) {
    hp_dtype dtype = hp_builder_tensor(b, call->inputs[0])->dtype;
    for (size_t i = 1; i < call->input_count; i++)
        dtype = hp_promote(dtype, hp_builder_tensor(b, call->inputs[i])->dtype);
    return dtype;
}

typedef struct operands {
    hp_value *values, *masks; /* masks as wide as their values; HP_NO_VALUE: none */
    size_t count;
    bool all_masked;
} operands;

/* A mask of all axes but the last, spread over the value's last. */
static hp_value spread(hp_builder *b, hp_value mask, hp_value value) {
    const hp_shape *shape = hp_builder_shape(b, mask);
    int64_t dims[HP_MAX_RANK];
    if (shape->rank + 1 != hp_builder_shape(b, value)->rank)
        return hp_builder_fail(
            b, HP_ERROR_SHAPE, "a mask has %d axes, its input %d", shape->rank, hp_builder_shape(b, value)->rank);
    for (int i = 0; i < shape->rank; i++) dims[i] = shape->dims[i];
    dims[shape->rank] = 1;
    return hp_emit_reshape(b, mask, shape->rank + 1, dims);
}

static bool collect(hp_builder *b, const hp_call *call, operands *o) {
    int rank = 0;
    bool equal_ranks = true;
    for (size_t i = 0; i < call->input_count; i++) {
        int own = hp_builder_shape(b, call->inputs[i])->rank;
        equal_ranks = equal_ranks && own == hp_builder_shape(b, call->inputs[0])->rank;
        if (own > rank) rank = own;
    }
    *o = (operands){.count = call->input_count, .all_masked = true};
    o->values = hp_arena_alloc(&b->graph->arena, o->count * sizeof *o->values);
    o->masks = hp_arena_alloc(&b->graph->arena, o->count * sizeof *o->masks);
    if (!o->values || !o->masks) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    hp_dtype dtype = common_dtype(b, call);
    for (size_t i = 0; i < o->count && b->status == HP_OK; i++) {
        hp_value x = call->inputs[i];
        hp_shape shape = *hp_builder_shape(b, x);
        hp_value mask = equal_ranks ? hp_builder_mask(b, x) : HP_NO_VALUE; /* new axes lose it, in Keras too */
        o->masks[i] = mask == HP_NO_VALUE ? mask : spread(b, mask, x);
        o->all_masked = o->all_masked && mask != HP_NO_VALUE;
        if (shape.rank < rank) {
            int64_t dims[HP_MAX_RANK] = {shape.dims[0]};
            for (int k = 1; k < rank; k++) dims[k] = k <= rank - shape.rank ? 1 : shape.dims[k - (rank - shape.rank)];
            x = hp_emit_reshape(b, x, rank, dims);
        }
        o->values[i] = hp_emit_cast(b, x, dtype);
    }
    return b->status == HP_OK;
}

/* BaseMerge.compute_mask. */
static void merge_masks(hp_builder *b, const hp_call *call, bool old, hp_value output) {
    hp_value merged = HP_NO_VALUE;
    for (size_t i = 0; i < call->input_count && b->status == HP_OK; i++) {
        hp_value mask = hp_builder_mask(b, call->inputs[i]);
        if (mask == HP_NO_VALUE && old) continue;
        if (mask == HP_NO_VALUE) return;
        merged = merged == HP_NO_VALUE ? mask : hp_emit_logical(b, old ? HP_AND : HP_OR, merged, mask);
    }
    if (merged != HP_NO_VALUE && hp_builder_mask(b, output) == HP_NO_VALUE) hp_builder_set_mask(b, output, merged);
}

/* The last axis of a spread mask, which is 1 or the value's, taken off: any over it. */
static hp_value narrow(hp_builder *b, hp_value mask) {
    int last = hp_builder_shape(b, mask)->rank - 1;
    return hp_emit_reduce(b, mask, HP_REDUCTION_ANY, &last, 1, false);
}

/* TensorFlow's true division: integers of 32 and more bits become float64. */
static hp_value divided(hp_builder *b, hp_value x, double by) {
    hp_dtype dtype = hp_builder_tensor(b, x)->dtype;
    if (!hp_dtype_is_float(dtype)) dtype = hp_dtype_size(dtype) >= 4 ? HP_FLOAT64 : HP_FLOAT32;
    hp_value divisor = hp_emit_cast(b, hp_emit_literal(b, HP_FLOAT64, 0, NULL, &by), dtype);
    return hp_emit_binary(b, HP_BINARY_DIVIDE, hp_emit_cast(b, x, dtype), divisor);
}

static void lower_plain(hp_builder *b, const hp_layer *layer, hp_call *call, hp_binary op, bool average) {
    operands o;
    if (!collect(b, call, &o)) return;
    hp_value y = o.values[0];
    for (size_t i = 1; i < o.count; i++) y = hp_emit_binary(b, op, y, o.values[i]);
    if (average) y = divided(b, y, (double)o.count);
    hp_call_output(b, call, y);
    if (b->status == HP_OK && y != call->inputs[0]) merge_masks(b, call, is_old(layer), y);
}

static void lower_add(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower_plain(b, layer, call, HP_BINARY_ADD, false);
}

static void lower_subtract(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower_plain(b, layer, call, HP_BINARY_SUBTRACT, false);
}

static void lower_average(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower_plain(b, layer, call, HP_BINARY_ADD, true);
}

/* BaseMerge._apply_merge_op_and_or_mask: a masked element takes the other side's value. */
static void lower_extreme(hp_builder *b, const hp_layer *layer, hp_call *call, hp_binary op) {
    operands o;
    if (is_old(layer)) {
        lower_plain(b, layer, call, op, false);
        return;
    }
    if (!collect(b, call, &o)) return;
    hp_value y = o.values[0], y_mask = o.masks[0];
    for (size_t i = 1; i < o.count && b->status == HP_OK; i++) {
        hp_value x = o.values[i], mask = o.masks[i];
        if (mask != HP_NO_VALUE) x = hp_emit_select(b, mask, x, y);
        if (y_mask != HP_NO_VALUE) y = hp_emit_select(b, y_mask, y, x);
        y_mask = mask != HP_NO_VALUE && y_mask != HP_NO_VALUE ? hp_emit_logical(b, HP_OR, y_mask, mask) : HP_NO_VALUE;
        y = hp_emit_binary(b, op, y, x);
    }
    hp_call_output(b, call, y);
    if (b->status != HP_OK) return;
    if (y_mask != HP_NO_VALUE)
        hp_builder_set_mask(b, y, narrow(b, y_mask));
    else
        merge_masks(b, call, false, y);
}

static void lower_maximum(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower_extreme(b, layer, call, HP_BINARY_MAXIMUM);
}

static void lower_minimum(hp_builder *b, hp_layer *layer, hp_call *call) {
    lower_extreme(b, layer, call, HP_BINARY_MINIMUM);
}

/* multiply.py: masked elements count as 1; where every input has a mask, elements outside of all of them are 0. */
static void lower_multiply(hp_builder *b, hp_layer *layer, hp_call *call) {
    operands o;
    if (is_old(layer)) {
        lower_plain(b, layer, call, HP_BINARY_MULTIPLY, false);
        return;
    }
    if (!collect(b, call, &o)) return;
    hp_shape scalar = {0};
    hp_dtype dtype = hp_builder_tensor(b, o.values[0])->dtype;
    hp_value y = HP_NO_VALUE, y_mask = HP_NO_VALUE;
    for (size_t i = 0; i < o.count && b->status == HP_OK; i++) {
        hp_value x = o.values[i], mask = o.masks[i];
        if (mask != HP_NO_VALUE) {
            x = hp_emit_select(b, mask, x, hp_emit_fill(b, dtype, &scalar, 1));
            if (o.all_masked) y_mask = y_mask == HP_NO_VALUE ? mask : hp_emit_logical(b, HP_OR, y_mask, mask);
        }
        y = i == 0 ? x : hp_emit_binary(b, HP_BINARY_MULTIPLY, y, x);
    }
    if (y_mask != HP_NO_VALUE) y = hp_emit_select(b, y_mask, y, hp_emit_fill(b, dtype, &scalar, 0));
    hp_call_output(b, call, y);
    if (b->status == HP_OK && y_mask != HP_NO_VALUE)
        hp_builder_set_mask(b, y, narrow(b, y_mask));
    else if (b->status == HP_OK)
        merge_masks(b, call, false, y);
}

#define MERGE(name, minimum, maximum, lower_function)                                                                  \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = fields,                                                                                              \
        .config_size = sizeof(merging),                                                                                \
        .check = check,                                                                                                \
        .masking = HP_MASK_OWN,                                                                                        \
        .min_inputs = (minimum),                                                                                       \
        .max_inputs = (maximum),                                                                                       \
        .lower = (lower_function)}

MERGE(Add, 1, -1, lower_add);
MERGE(Subtract, 2, 2, lower_subtract);
MERGE(Multiply, 1, -1, lower_multiply);
MERGE(Average, 1, -1, lower_average);
MERGE(Maximum, 1, -1, lower_maximum);
MERGE(Minimum, 1, -1, lower_minimum);

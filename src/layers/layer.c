/* layer.c: what lower functions call: weights, arguments and outputs of a call, calls of inner layers.
 *
 * Invariant: after the first lowering of a network the weights of its layers are only read, so any number of threads
 * may lower it again. */
#include "layers/layer.h"

#include <string.h>
#include "base/dtype.h"

const char *hp_layer_class_name(const hp_layer *layer) {
    const char *own = hp_json_string(hp_json_get(layer->json, "own_class")), *package = own ? strrchr(own, '>') : NULL;
    return package ? package + 1 : own ? own : layer->cls->class_name;
}

/* ---- weights */

hp_weight_slot *hp_layer_weight_slot(hp_layer *layer, const char *name) {
    for (size_t i = 0; i < layer->weight_count; i++)
        if (strcmp(layer->weights[i].name, name) == 0) return &layer->weights[i];
    return NULL;
}

hp_weight_slot *hp_layer_add_weight_slot(hp_layer *layer) {
    if (layer->weight_count == layer->weight_capacity) {
        size_t capacity = layer->weight_capacity ? 2 * layer->weight_capacity : 4;
        hp_weight_slot *weights = hp_arena_alloc(layer->arena, capacity * sizeof *weights);
        if (!weights) return NULL;
        if (layer->weight_count) memcpy(weights, layer->weights, layer->weight_count * sizeof *weights);
        layer->weights = weights;
        layer->weight_capacity = capacity;
    }
    layer->weights[layer->weight_count] = (hp_weight_slot){0};
    return &layer->weights[layer->weight_count++];
}

/* float16 and bfloat16: layers compute in float32 on values rounded to the narrow type; what passes between layers is
 * stored in it. */
static bool is_half(hp_dtype dtype) {
    return dtype == HP_FLOAT16 || dtype == HP_BFLOAT16;
}

/* A float32 value with the precision of the layer's compute dtype. */
static hp_value rounded(hp_builder *b, const hp_layer *layer, hp_value value) {
    if (!is_half(layer->dtype)) return value;
    return hp_emit_cast(b, hp_emit_cast(b, value, layer->dtype), HP_FLOAT32);
}

hp_value hp_layer_variable(
    hp_builder *b, hp_layer *layer, const char *name, bool trainable, int rank, const int64_t *dims) {
    if (b->status != HP_OK) return HP_NO_VALUE;
    hp_tensor tensor = {.dtype = hp_builder_real(b), .shape = {.rank = rank}};
    memcpy(tensor.shape.dims, dims, (size_t)rank * sizeof *dims);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0) return hp_builder_fail(b, HP_ERROR_SHAPE, "the weight %s would have a negative size", name);
    hp_weight_slot *slot = hp_layer_weight_slot(layer, name);
    if (!slot) {
        slot = hp_layer_add_weight_slot(layer);
        if (!slot) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        *slot = (hp_weight_slot){.name = name, .trainable = trainable};
    }
    if (!slot->constant) {
        slot->constant = hp_constants_weight(b->constants, &tensor);
        if (!slot->constant) return hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    }
    if (!hp_shape_equal(&slot->constant->tensor.shape, &tensor.shape)) {
        char has[96], wants[96];
        return hp_builder_fail(b, HP_ERROR_SHAPE, "the weight %s has shape %s, this input would need %s", name,
            hp_shape_text(&slot->constant->tensor.shape, has, sizeof has),
            hp_shape_text(&tensor.shape, wants, sizeof wants));
    }
    return hp_emit_constant(b, slot->constant);
}

hp_value hp_layer_weight(
    hp_builder *b, hp_layer *layer, const char *name, bool trainable, int rank, const int64_t *dims) {
    return rounded(b, layer, hp_layer_variable(b, layer, name, trainable, rank, dims));
}

/* ---- arguments and outputs */

void hp_call_output(hp_builder *b, hp_call *call, hp_value value) {
    if (b->status != HP_OK) return;
    if (call->output_count == call->output_capacity) {
        size_t capacity = call->output_capacity ? 2 * call->output_capacity : 4;
        hp_value *outputs = hp_arena_alloc(&b->graph->arena, capacity * sizeof *outputs);
        if (!outputs) {
            hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
            return;
        }
        if (call->output_count) memcpy(outputs, call->outputs, call->output_count * sizeof *outputs);
        call->outputs = outputs;
        call->output_capacity = capacity;
    }
    call->outputs[call->output_count++] = value;
}

/* None, or a list of nothing else: masks were saved as [None, None] by Keras 3.9 and 3.10. */
static bool is_nothing(const hp_json *constant) {
    if (!hp_json_is(constant, HP_JSON_ARRAY) || constant->count == 0) return hp_json_is_null(constant);
    HP_JSON_EACH (item, constant)
        if (!hp_json_is_null(item)) return false;
    return true;
}

const hp_arg *hp_call_arg(const hp_call *call, int position, const char *keyword) {
    for (size_t i = 0; i < call->arg_count; i++) {
        const hp_arg *arg = &call->args[i];
        bool here = arg->name ? keyword && strcmp(arg->name, keyword) == 0 : position >= 0 && i == (size_t)position;
        if (!here) continue;
        return arg->kind == HP_ARG_CONSTANT && is_nothing(arg->constant) ? NULL : arg;
    }
    return NULL;
}

hp_value hp_call_tensor(hp_builder *b, const hp_call *call, int position, const char *keyword) {
    const hp_arg *arg = hp_call_arg(call, position, keyword);
    if (!arg) return HP_NO_VALUE;
    if (arg->kind == HP_ARG_LIST && arg->item_count == 1) arg = arg->items;
    if (arg->kind == HP_ARG_TENSOR) return arg->tensor;
    return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the argument %s is not a tensor", keyword ? keyword : "");
}

static bool holds_tensor(const hp_arg *arg) {
    if (arg->kind == HP_ARG_TENSOR) return true;
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count; i++)
        if (holds_tensor(&arg->items[i])) return true;
    return false;
}

static bool holds_dtype(const hp_builder *b, const hp_arg *arg, hp_dtype dtype) {
    if (arg->kind == HP_ARG_TENSOR) return hp_builder_tensor(b, arg->tensor)->dtype == dtype;
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count; i++)
        if (holds_dtype(b, &arg->items[i], dtype)) return true;
    return false;
}

hp_value hp_call_previous_mask(hp_builder *b, const hp_call *call) {
    if (hp_call_arg(call, -1, "mask")) return hp_call_tensor(b, call, -1, "mask");
    return call->input_count ? hp_builder_mask(b, call->inputs[0]) : HP_NO_VALUE;
}

hp_value hp_call_mask(hp_builder *b, const hp_call *call) {
    size_t arguments = 0;
    for (size_t i = 0; i < call->arg_count; i++) arguments += holds_tensor(&call->args[i]);
    return hp_call_arg(call, -1, "mask") || arguments == 1 ? hp_call_previous_mask(b, call) : HP_NO_VALUE;
}

/* ---- calls of layers */

static hp_value with_mask_of(hp_builder *b, hp_value value, hp_value source) {
    hp_value mask = hp_builder_mask(b, source);
    if (mask != HP_NO_VALUE && value != source) hp_builder_set_mask(b, value, mask);
    return value;
}

/* What Layer.__call__ makes of a tensor: floats of another dtype are cast to the compute dtype; by Keras 3 to integers,
 * too (Discretization had int64 as its dtype up to Keras 3.8). */
static hp_value autocast(hp_builder *b, const hp_layer *layer, hp_value value) {
    hp_dtype dtype = hp_builder_tensor(b, value)->dtype;
    if (layer->cls->is_model || !hp_dtype_is_float(dtype)) return value;
    if (layer->cls->is_operation)
        return is_half(dtype) && !layer->cls->own_dtype ? with_mask_of(b, hp_emit_cast(b, value, HP_FLOAT32), value)
                                                        : value;
    if (layer->cls->no_autocast) return value;
    if (!hp_dtype_is_float(layer->dtype)) {
        bool cut = layer->autocast_integers && layer->dtype != HP_STRING && layer->dtype != HP_DTYPE_NONE;
        return cut ? with_mask_of(b, hp_emit_cast(b, value, layer->dtype), value) : value;
    }
    if (dtype == layer->dtype && !is_half(dtype)) return value;
    hp_value cast = dtype == layer->dtype ? value : hp_emit_cast(b, value, layer->dtype);
    return with_mask_of(b, hp_emit_cast(b, cast, is_half(layer->dtype) ? HP_FLOAT32 : layer->dtype), value);
}

static hp_arg autocast_arg(hp_builder *b, const hp_layer *layer, const hp_arg *given) {
    hp_arg arg = *given;
    if (arg.kind == HP_ARG_TENSOR) {
        arg.tensor = autocast(b, layer, arg.tensor);
    } else if (arg.kind == HP_ARG_LIST) {
        arg.items = hp_arena_alloc(&b->graph->arena, (arg.item_count + 1) * sizeof *arg.items);
        if (!arg.items) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        for (size_t i = 0; b->status == HP_OK && i < arg.item_count; i++)
            arg.items[i] = autocast_arg(b, layer, &given->items[i]);
    }
    return arg;
}

/* The dtype that an argument's floats of at most 32 bits have together, with what was found before. */
static hp_dtype common_float(const hp_builder *b, const hp_arg *arg, hp_dtype found) {
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count; i++)
        found = common_float(b, &arg->items[i], found);
    hp_dtype dtype = HP_DTYPE_NONE;
    if (arg->kind == HP_ARG_TENSOR) dtype = hp_builder_tensor(b, arg->tensor)->dtype;
    if (arg->kind == HP_ARG_CONSTANT) { /* an array has its dtype, a plain number takes the others' */
        const char *name = hp_json_string(hp_json_get(hp_json_get(arg->constant, "config"), "dtype"));
        if (name) dtype = hp_dtype_from_name(name);
    }
    if (dtype != HP_FLOAT32 && !is_half(dtype)) return found;
    return found == HP_DTYPE_NONE || found == dtype ? dtype : HP_FLOAT32;
}

/* Replaces the call's inputs and arguments by cast ones. *half is the narrow type of an operation's tensors. */
static void autocast_call(hp_builder *b, const hp_layer *layer, hp_call *call, hp_dtype *half) {
    hp_value *inputs = hp_arena_alloc(&b->graph->arena, (call->input_count + 1) * sizeof *inputs);
    hp_arg *args = hp_arena_alloc(&b->graph->arena, (call->arg_count + 1) * sizeof *args);
    *half = HP_DTYPE_NONE;
    if (!inputs || !args) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < call->input_count; i++) inputs[i] = autocast(b, layer, call->inputs[i]);
    for (size_t i = 0; i < call->arg_count; i++) {
        *half = common_float(b, &call->args[i], *half);
        args[i] = autocast_arg(b, layer, &call->args[i]);
    }
    const char *const *names = layer->cls->arguments;
    for (size_t i = 1; names && i < call->arg_count && *names; i++, names++)
        if (!args[i].name) args[i].name = *names;
    call->inputs = inputs;
    call->args = args;
}

/* Outputs in the dtype that Keras has there. An inner layer's stay float32, rounded, for its wrapper to go on with. */
static void cast_outputs(hp_builder *b, const hp_layer *layer, hp_call *call, hp_dtype half) {
    const hp_layer_class *cls = layer->cls;
    if (cls->is_operation && !hp_json_is_null(hp_json_get(hp_json_get(layer->json, "config"), "dtype"))) return;
    hp_dtype dtype = cls->is_operation ? half : layer->dtype;
    if (cls->is_model || cls->own_dtype || !is_half(dtype)) return;
    bool inner = layer->parent && !layer->parent->cls->is_model;
    for (size_t i = 0; i < call->output_count && b->status == HP_OK; i++) {
        hp_value value = call->outputs[i];
        if (hp_builder_tensor(b, value)->dtype != HP_FLOAT32) continue;
        hp_value narrow = hp_emit_cast(b, value, dtype);
        call->outputs[i] = with_mask_of(b, inner ? hp_emit_cast(b, narrow, HP_FLOAT32) : narrow, value);
    }
}

static bool check_inputs(hp_builder *b, const hp_layer *layer, const hp_call *call) {
    const hp_layer_class *cls = layer->cls;
    int count = call->input_count > 1000000 ? 1000000 : (int)call->input_count;
    if (count >= cls->min_inputs && (cls->max_inputs < 0 || count <= cls->max_inputs)) return true;
    hp_builder_fail(b, HP_ERROR_SHAPE, "found %d input tensors, expected %s%d", count,
        cls->max_inputs == cls->min_inputs ? ""
        : count < cls->min_inputs          ? "at least "
                                           : "at most ",
        count < cls->min_inputs ? cls->min_inputs : cls->max_inputs);
    return false;
}

static bool holds_complex(const hp_builder *b, const hp_arg *arg) {
    if (arg->kind == HP_ARG_TENSOR) return hp_builder_is_complex(b, arg->tensor, NULL);
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count; i++)
        if (holds_complex(b, &arg->items[i])) return true;
    return false;
}

/* What lowers this call; NULL: it fails. */
static void (*lowering_of(hp_builder *b, const hp_layer *layer, const hp_call *call))(
    hp_builder *, hp_layer *, hp_call *) {
    bool complex = false;
    for (size_t i = 0; i < call->arg_count && !complex; i++) complex = holds_complex(b, &call->args[i]);
    if (!complex || layer->cls->is_model) return layer->cls->lower;
    if (!layer->cls->lower_complex) hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "of complex numbers it is not supported");
    return layer->cls->lower_complex;
}

/* Whether the numbers that lowering makes up are float64: in a layer of that policy, or where an operation is given it. */
static bool is_wide(hp_builder *b, const hp_layer *layer, const hp_call *call) {
    if (!layer->cls->is_operation) return layer->dtype == HP_FLOAT64;
    for (size_t i = 0; i < call->arg_count; i++)
        if (holds_dtype(b, &call->args[i], HP_FLOAT64)) return true;
    return false;
}

/* Where there was nothing to do, an output is a value that came in: in Keras it is a tensor of its own, without a mask. */
static void drop_masks(hp_builder *b, hp_call *call) {
    for (size_t i = 0; i < call->output_count; i++)
        if (hp_builder_mask(b, call->outputs[i]) != HP_NO_VALUE) call->outputs[i] = hp_emit_alias(b, call->outputs[i]);
}

void hp_layer_call_full(hp_builder *b, hp_layer *layer, hp_call *call) {
    if (b->status != HP_OK) return;
    const char *outer = b->layer;
    bool outer_wide = b->wide, outer_tensorflow = b->tensorflow;
    b->layer = layer->place;
    b->wide = is_wide(b, layer, call);
    b->tensorflow = hp_json_get(layer->json, "tensorflow") != NULL;
    hp_dtype half = HP_DTYPE_NONE;
    if (check_inputs(b, layer, call)) {
        autocast_call(b, layer, call, &half);
        void (*lower)(hp_builder *, hp_layer *, hp_call *) = lowering_of(b, layer, call);
        if (b->status == HP_OK) lower(b, layer, call);
        if (b->status == HP_OK && call->output_count == 0 && !layer->cls->is_model)
            hp_builder_fail(b, HP_ERROR_INTERNAL, "the layer gave no output");
        if (b->status == HP_OK && layer->cls->masking == HP_MASK_STOP) drop_masks(b, call);
        if (b->status == HP_OK && layer->cls->masking == HP_MASK_PASS && call->output_count > 0) {
            hp_value mask = hp_call_previous_mask(b, call);
            if (mask != HP_NO_VALUE && hp_builder_mask(b, call->outputs[0]) == HP_NO_VALUE)
                hp_builder_set_mask(b, call->outputs[0], mask);
        }
        cast_outputs(b, layer, call, half);
    }
    b->wide = outer_wide;
    b->tensorflow = outer_tensorflow;
    if (b->status == HP_OK) b->layer = outer;
}

hp_value hp_layer_call(hp_builder *b, hp_layer *layer, const hp_value *inputs, size_t input_count) {
    hp_arg args[4];
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (input_count == 0 || input_count > 4)
        return hp_builder_fail(b, HP_ERROR_INTERNAL, "an inner layer was called with %zu inputs", input_count);
    for (size_t i = 0; i < input_count; i++) args[i] = (hp_arg){.kind = HP_ARG_TENSOR, .tensor = inputs[i]};
    hp_arg list = {.kind = HP_ARG_LIST, .items = args, .item_count = input_count};
    hp_call call = {.inputs = inputs,
        .input_count = input_count,
        .input_is_list = input_count > 1,
        .args = input_count > 1 ? &list : args,
        .arg_count = 1};
    hp_layer_call_full(b, layer, &call);
    return b->status == HP_OK && call.output_count ? call.outputs[0] : HP_NO_VALUE;
}

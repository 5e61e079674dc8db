/* functional.c: Functional (keras/src/models/functional.py): its nodes called in an order that fits, once each. */
#include <string.h>
#include "base/dtype.h"
#include "graph/models.h"

static const hp_field fields[] = {
    HP_JSON_FIELD(hp_functional, layers),
    HP_JSON_FIELD(hp_functional, input_layers),
    HP_JSON_FIELD(hp_functional, output_layers),
    HP_FIELDS_END,
};

/* The outputs of every node that has run. */
typedef struct node_outputs {
    const hp_value *values;
    size_t count;
    bool failed;
} node_outputs;

static void *get(hp_builder *b, size_t count, size_t size) {
    size_t bytes;
    void *piece = hp_size_mul(count + 1, size, &bytes) ? hp_arena_alloc(&b->graph->arena, bytes) : NULL;
    if (!piece) hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
    return piece;
}

static hp_value value_of(hp_builder *b, const hp_functional *f, const node_outputs *done, hp_tensor_ref ref) {
    const node_outputs *from = &done[ref.node];
    if (from->failed || !f->nodes[ref.node].layer) { /* a layer that could not be made, called without arguments */
        const char *dtype = hp_json_string(hp_json_get(ref.told, "dtype"));
        const hp_json *shape = hp_json_get(ref.told, "shape");
        hp_value value = hp_model_stand_in(b, shape, dtype ? hp_dtype_from_name(dtype) : HP_DTYPE_NONE);
        if (value == HP_NO_VALUE) hp_model_fail_reported(b);
        return value;
    }
    if (ref.tensor < from->count) return from->values[ref.tensor];
    return hp_builder_fail(b, HP_ERROR_FORMAT, "tensor %zu of the layer \"%.64s\" is needed, but it %s%zu outputs",
        ref.tensor, f->nodes[ref.node].layer->name,
        from->values ? "has " : "is an input that nothing feeds: ", from->count);
}

/* A node's argument with values in the place of references. */
static hp_arg instantiate(hp_builder *b, const hp_functional *f, const node_outputs *done, const hp_arg *model) {
    hp_arg arg = *model;
    if (arg.kind == HP_ARG_TENSOR) {
        arg.tensor = value_of(b, f, done, f->refs[model->tensor]);
    } else if (arg.kind == HP_ARG_LIST) {
        arg.items = get(b, arg.item_count, sizeof *arg.items);
        for (size_t i = 0; b->status == HP_OK && i < arg.item_count; i++)
            arg.items[i] = instantiate(b, f, done, &model->items[i]);
    }
    return arg;
}

static void flatten(const hp_arg *arg, hp_value *values, size_t *count) {
    if (arg->kind == HP_ARG_TENSOR) values[(*count)++] = arg->tensor;
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count; i++) flatten(&arg->items[i], values, count);
}

static void run_node(hp_builder *b, const hp_functional *f, node_outputs *done, size_t index) {
    const hp_model_node *node = &f->nodes[index];
    hp_arg *args = get(b, node->arg_count, sizeof *args);
    hp_value *inputs = get(b, node->ref_count, sizeof *inputs);
    if (!args || !inputs) return;
    for (size_t i = 0; i < node->arg_count; i++) args[i] = instantiate(b, f, done, &node->args[i]);
    if (b->status != HP_OK) return;
    hp_call call = {.inputs = inputs, .args = args, .arg_count = node->arg_count};
    for (size_t i = 0; i < node->arg_count && call.input_count == 0; i++) { /* the first argument that holds tensors */
        if (i > 0 && !args[i].name && node->layer && !node->layer->cls->is_operation) continue;
        flatten(&args[i], inputs, &call.input_count);
        call.input_is_list = args[i].kind == HP_ARG_LIST;
    }
    hp_model_call(b, node->layer, &call);
    done[index] = (node_outputs){.values = call.outputs, .count = call.output_count};
}

/* The place in the call's flattened inputs of model input `index`: given a dict, a model made with a list takes them
 * by name. */
static size_t input_place(const hp_functional *f, const hp_call *call, size_t index) {
    const hp_arg *first = call->arg_count ? &call->args[0] : NULL;
    if (!first || first->kind != HP_ARG_LIST || !first->item_count || !first->items[0].name) return index;
    if (hp_json_is(f->input_layers, HP_JSON_OBJECT)) return index;
    const char *name = f->nodes[f->inputs[index].node].layer->name;
    for (size_t i = 0; i < first->item_count; i++)
        if (first->items[i].kind == HP_ARG_TENSOR && strcmp(first->items[i].name, name) == 0) return i;
    return index;
}

static void set_masks(hp_builder *b, const hp_call *call) {
    const hp_arg *mask = hp_call_arg(call, -1, "mask");
    if (!mask) return;
    const hp_arg *items = mask->kind == HP_ARG_LIST ? mask->items : mask;
    size_t count = mask->kind == HP_ARG_LIST ? mask->item_count : 1;
    for (size_t i = 0; i < count && i < call->input_count; i++)
        if (items[i].kind == HP_ARG_TENSOR) hp_builder_set_mask(b, call->inputs[i], items[i].tensor);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const hp_functional *f = layer->config;
    if (call->input_count != f->input_count) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "found %zu inputs, expected %zu", call->input_count, f->input_count);
        return;
    }
    for (size_t i = 0; i < f->input_count; i++) {
        if (f->nodes[f->inputs[i].node].layer) continue;
        hp_model_fail_reported(b); /* as a layer that could not be made */
        return;
    }
    node_outputs *done = get(b, f->node_count, sizeof *done);
    hp_value *inputs = get(b, f->input_count, sizeof *inputs);
    if (!done || !inputs) return;
    set_masks(b, call);
    for (size_t i = 0; i < f->input_count; i++) {
        const hp_layer *input = f->nodes[f->inputs[i].node].layer;
        inputs[i] = hp_model_take(b, call->inputs[input_place(f, call, i)], input);
        done[f->inputs[i].node] = (node_outputs){.values = &inputs[i], .count = 1};
        hp_lowering *lowering = b->user;
        if (lowering && lowering->records && input->index < lowering->record_count)
            lowering->records[input->index] = (hp_call_record){&inputs[i], 1};
    }
    for (size_t i = 0; i < f->node_count && b->status == HP_OK; i++) {
        size_t node = f->order[i];
        if (!done[node].values && f->nodes[node].arg_count > 0) run_node(b, f, done, node);
        if (b->status != HP_OK && hp_model_go_on(b)) done[node] = (node_outputs){.failed = true};
    }
    for (size_t i = 0; i < f->output_count && b->status == HP_OK; i++)
        hp_call_output(b, call, value_of(b, f, done, f->outputs[i]));
}

const hp_layer_class hp_model_class_Functional = {
    .class_name = "Functional",
    .module = "keras",
    .fields = fields,
    .config_size = sizeof(hp_functional),
    .masking = HP_MASK_OWN,
    .min_inputs = 1,
    .max_inputs = -1,
    .check = hp_functional_parse,
    .lower = lower,
    .is_model = true,
};

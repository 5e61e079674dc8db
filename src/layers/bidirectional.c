/* bidirectional.c: Bidirectional (keras/src/layers/rnn/bidirectional.py): a recurrent layer forwards and backwards. */
#include "layers/rnn.h"

enum { MERGE_NONE = -1, MERGE_CONCAT, MERGE_SUM, MERGE_AVE, MERGE_MUL };

typedef struct bidirectional {
    const hp_json *layer, *backward_layer; /* as in the config */
    int merge_mode;
    hp_layer *forward, *backward; /* made by check */
    bool return_sequences, return_state;
} bidirectional;

static const hp_field fields[] = {
    HP_JSON_OF(bidirectional, layer, "layer"),
    HP_JSON_OF(bidirectional, backward_layer, "layer; null: as `layer`, backwards"),
    HP_ENUM(bidirectional, merge_mode, HP_NULL, HP_NAMES("concat", "sum", "ave", "mul")),
    HP_FIELDS_END,
};

/* A copy of the forward layer that goes the other way, for files that leave the backward layer out. */
static const hp_json *reversed(hp_layer_scope *scope, const hp_json *forward) {
    hp_json *copy = hp_json_copy(scope->arena, forward);
    hp_json *config = copy ? (hp_json *)(uintptr_t)hp_json_get(copy, "config") : NULL;
    const hp_json *now = hp_json_get(config, "go_backwards");
    hp_json *backwards = hp_json_new_bool(scope->arena, !(hp_json_is(now, HP_JSON_BOOL) && now->boolean));
    if (!copy || !backwards) {
        scope->reasons->out_of_memory = true;
        return NULL;
    }
    if (hp_json_is(config, HP_JSON_OBJECT)) hp_json_set(config, "go_backwards", backwards);
    hp_json_remove(copy, "shared_object_id");
    return copy;
}

static hp_layer *make(hp_layer_scope *scope, hp_layer *layer, const hp_json *object, const char *attribute) {
    const char *where = hp_arena_printf(scope->arena, "%s/%s", layer->place, attribute);
    hp_layer *child = where ? hp_layer_new(scope, object, where) : NULL;
    if (!child) return NULL;
    hp_rnn_config *c = hp_rnn_config_of(child);
    if (!c) {
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, attribute, "the layer %s inside is not supported",
            child->cls->class_name);
        return NULL;
    }
    c->zero_output_for_mask = c->return_sequences;
    if (!hp_layer_add_child(layer, child, attribute, false)) scope->reasons->out_of_memory = true;
    return child;
}

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    bidirectional *c = config;
    if (!hp_json_get(hp_json_get(layer->json, "config"), "merge_mode")) c->merge_mode = MERGE_CONCAT;
    if (!c->layer) {
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "layer", "the key is missing");
        return;
    }
    const hp_json *backward = c->backward_layer ? c->backward_layer : reversed(scope, c->layer);
    c->forward = make(scope, layer, c->layer, "forward_layer");
    bool told = !c->forward && !c->backward_layer; /* what is wrong with both */
    c->backward = backward && !told ? make(scope, layer, backward, "backward_layer") : NULL;
    if (!c->forward || !c->backward) return;
    const hp_rnn_config *f = hp_rnn_config_of(c->forward), *r = hp_rnn_config_of(c->backward);
    if (f->go_backwards == r->go_backwards || f->return_sequences != r->return_sequences ||
        f->return_state != r->return_state)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "backward_layer",
            "it must go the other way than the forward layer, and return the same");
    c->return_sequences = f->return_sequences;
    c->return_state = f->return_state;
}

/* The call of one direction: the sequence, its mask, and that half of the initial states. */
static bool run(
    hp_builder *b, hp_layer *layer, const hp_call *call, const hp_arg *states, size_t half, hp_call *inner) {
    const hp_arg *mask = hp_call_arg(call, -1, "mask");
    hp_arg *args = hp_arena_alloc(&b->graph->arena, 3 * sizeof *args);
    if (!args) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return false;
    }
    *inner = (hp_call){.inputs = call->inputs, .input_count = 1, .args = args, .arg_count = 1};
    args[0] = (hp_arg){.kind = HP_ARG_TENSOR, .tensor = call->inputs[0]};
    if (states) {
        args[inner->arg_count] = *states;
        args[inner->arg_count].name = "initial_state";
        args[inner->arg_count].item_count = states->item_count / 2;
        args[inner->arg_count++].items = states->items + half * (states->item_count / 2);
    }
    if (mask) args[inner->arg_count++] = *mask;
    hp_layer_call_full(b, layer, inner);
    return b->status == HP_OK;
}

/* initial_state as a list, from its argument or from behind the sequence; NULL: none. */
static const hp_arg *state_list(hp_builder *b, const hp_call *call) {
    const hp_arg *arg = hp_call_arg(call, 1, "initial_state");
    if (!arg && call->input_count > 1) {
        hp_arg *list = hp_arena_alloc(&b->graph->arena, (1 + call->input_count) * sizeof *list);
        if (!list) {
            hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
            return NULL;
        }
        for (size_t i = 1; i < call->input_count; i++)
            list[i] = (hp_arg){.kind = HP_ARG_TENSOR, .tensor = call->inputs[i]};
        list[0] = (hp_arg){.kind = HP_ARG_LIST, .items = list + 1, .item_count = call->input_count - 1};
        arg = list;
    }
    if (arg && (arg->kind != HP_ARG_LIST || arg->item_count % 2 != 0))
        hp_builder_fail(b, HP_ERROR_SHAPE, "initial_state: expected a list of states, half of them for each direction");
    return arg;
}

static hp_value merge(hp_builder *b, int mode, hp_value y, hp_value r) {
    switch (mode) {
    case MERGE_SUM:
        return hp_emit_binary(b, HP_BINARY_ADD, y, r);
    case MERGE_AVE:
        return hp_emit_binary(b, HP_BINARY_DIVIDE, hp_emit_binary(b, HP_BINARY_ADD, y, r), hp_emit_float(b, 2));
    case MERGE_MUL:
        return hp_emit_binary(b, HP_BINARY_MULTIPLY, y, r);
    default:
        return hp_emit_concat(b, (hp_value[]){y, r}, 2, -1);
    }
}

/* As the forward layer says where time is, whatever the backward layer does. */
static hp_value flip_time(hp_builder *b, const hp_rnn_config *forward, hp_value y) {
    y = hp_rnn_flip_time(b, hp_rnn_own_order(b, forward, y));
    return hp_rnn_own_order(b, forward, y);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const bidirectional *c = layer->config;
    const hp_rnn_config *f = hp_rnn_config_of(c->forward);
    hp_call forward, backward;
    const hp_arg *states = state_list(b, call);
    if (b->status != HP_OK || !run(b, c->forward, call, states, 0, &forward) ||
        !run(b, c->backward, call, states, 1, &backward))
        return;
    hp_value outputs[2] = {forward.outputs[0], backward.outputs[0]};
    int count = c->merge_mode == MERGE_NONE ? 2 : 1;
    if (c->return_sequences) outputs[1] = flip_time(b, f, outputs[1]);
    if (count == 1) outputs[0] = merge(b, c->merge_mode, outputs[0], outputs[1]);
    hp_value mask = hp_call_previous_mask(b, call);
    for (int i = 0; i < count; i++) {
        hp_call_output(b, call, outputs[i]);
        if (c->return_sequences && mask != HP_NO_VALUE) hp_builder_set_mask(b, outputs[i], mask);
    }
    for (size_t i = 1; i < forward.output_count; i++) hp_call_output(b, call, forward.outputs[i]);
    for (size_t i = 1; i < backward.output_count; i++) hp_call_output(b, call, backward.outputs[i]);
}

const hp_layer_class hp_layer_Bidirectional = {
    .class_name = "Bidirectional",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(bidirectional),
    .masking = HP_MASK_OWN,
    .arguments = HP_NAMES("initial_state", "mask", "training"),
    .padding = HP_PADDING_WRAPPED,
    .min_inputs = 1,
    .max_inputs = 5,
    .checks_always = true,
    .check = check,
    .lower = lower,
};

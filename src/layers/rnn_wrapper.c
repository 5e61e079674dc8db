/* rnn_wrapper.c: RNN (keras/src/layers/rnn/rnn.py) over any of Keras's cells. */
#include "layers/rnn_cells.h"

typedef struct rnn_wrapper {
    hp_rnn_config options; /* first: hp_rnn_config_of finds it */
    hp_layer *cell;
} rnn_wrapper;

enum { MAX_STATES = 64 };

static const hp_field fields[] = {
    HP_LAYER(rnn_wrapper, cell),
    HP_BOOL(hp_rnn_config, return_sequences, false),
    HP_BOOL(hp_rnn_config, return_state, false),
    HP_BOOL(hp_rnn_config, go_backwards, false),
    HP_BOOL(hp_rnn_config, stateful, false),
    HP_BOOL(hp_rnn_config, zero_output_for_mask, false),
    HP_BOOL(hp_rnn_config, time_major, false),
    HP_BOOL(hp_rnn_config, unroll, false),
    HP_FIELDS_END,
};

static void check(hp_layer_scope *scope, hp_layer *layer, void *config) {
    rnn_wrapper *c = config;
    c->options.old = hp_layer_is_old(scope);
    size_t states = hp_cell_states(c->cell);
    if (states == 0 || states > MAX_STATES)
        hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "cell", "the layer %s with %zu states is not supported",
            c->cell->cls->class_name, states);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    const rnn_wrapper *c = layer->config;
    hp_rnn_config options = c->options;
    hp_value x = hp_as_float(b, call->inputs[0]), states[MAX_STATES], last[MAX_STATES];
    size_t count = hp_cell_states(c->cell);
    bool given;
    if (!hp_check_rank(b, x, 3, 3) || !hp_rnn_initial_states(b, call, count, states, &given)) return;
    x = hp_rnn_batch_first(b, &options, x);
    bool kept = options.stateful && !given;
    if (kept) {
        hp_shape shapes[MAX_STATES];
        hp_cell_state_shapes(c->cell, hp_builder_shape(b, x)->dims[0], shapes);
        hp_rnn_kept_states(b, count, shapes, states);
    }
    hp_value mask = hp_rnn_mask(b, &options, call), own_mask = hp_call_previous_mask(b, call);
    hp_value step_mask = mask;
    if (options.go_backwards && !hp_cell_is_fused(c->cell)) {
        x = hp_rnn_flip_time(b, x);
        if (mask != HP_NO_VALUE) step_mask = hp_rnn_flip_time(b, mask);
        options.go_backwards = false;
    }
    bool zero_behind = c->options.unroll && options.zero_output_for_mask && mask != HP_NO_VALUE;
    if (zero_behind) options.zero_output_for_mask = false;
    hp_value y = hp_cell_run(b, c->cell, &options, x, step_mask, given || kept ? states : NULL, last);
    for (size_t i = 0; kept && i < count; i++) hp_emit_next_state(b, states[i], last[i]);
    if (zero_behind) y = hp_rnn_zero_unrolled(b, &c->options, y, mask);
    if (options.return_sequences) y = hp_rnn_own_order(b, &options, y);
    hp_call_output(b, call, y);
    for (size_t i = 0; options.return_state && i < count; i++) hp_call_output(b, call, last[i]);
    if (b->status == HP_OK && options.return_sequences && own_mask != HP_NO_VALUE) hp_builder_set_mask(b, y, own_mask);
}

const hp_layer_class hp_layer_RNN = {
    .class_name = "RNN",
    .module = "keras.layers",
    .fields = fields,
    .config_size = sizeof(rnn_wrapper),
    .masking = HP_MASK_OWN,
    .arguments = HP_NAMES("initial_state", "mask", "training"),
    .min_inputs = 1,
    .max_inputs = 1 + MAX_STATES,
    .check = check,
    .lower = lower,
};

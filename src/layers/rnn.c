/* rnn.c: LSTM, GRU, SimpleRNN (keras/src/layers/rnn/). The variables are the cell's: "cell/kernel".
 *
 * Dropout and the choice of an implementation change nothing at inference; unrolling does where zeros stand for masked
 * outputs. */
#include "layers/rnn_steps.h"

#include <string.h>

#define COMMON_FIELDS                                                                                                  \
    HP_INT(hp_rnn_config, units, HP_REQUIRED, 1, 100000000), HP_ACTIVATION_OR(hp_rnn_config, activation, "tanh"),      \
        HP_BOOL(hp_rnn_config, use_bias, true), HP_BOOL(hp_rnn_config, return_sequences, false),                       \
        HP_BOOL(hp_rnn_config, return_state, false), HP_BOOL(hp_rnn_config, go_backwards, false),                      \
        HP_BOOL(hp_rnn_config, stateful, false), HP_BOOL(hp_rnn_config, zero_output_for_mask, false),                  \
        HP_BOOL(hp_rnn_config, time_major, false), HP_BOOL(hp_rnn_config, unroll, false), HP_IGNORE("dropout"),        \
        HP_IGNORE("recurrent_dropout"), HP_IGNORE("seed"), HP_IGNORE("implementation"), HP_IGNORE("use_cudnn"),        \
        HP_IGNORE_WEIGHT("kernel"), HP_IGNORE_WEIGHT("recurrent"), HP_IGNORE_WEIGHT("bias")

static const hp_field simple_fields[] = {COMMON_FIELDS, HP_FIELDS_END};

static const hp_field lstm_fields[] = {
    COMMON_FIELDS,
    HP_ACTIVATION_OR(hp_rnn_config, recurrent_activation, "sigmoid"),
    HP_IGNORE("unit_forget_bias"),
    HP_FIELDS_END,
};

static const hp_field gru_fields[] = {
    COMMON_FIELDS,
    HP_ACTIVATION_OR(hp_rnn_config, recurrent_activation, "sigmoid"),
    HP_BOOL(hp_rnn_config, reset_after, true),
    HP_FIELDS_END,
};

static void set_cell(const hp_layer_scope *scope, hp_rnn_config *config, hp_rnn_cell cell) {
    config->cell = cell;
    config->old = hp_layer_is_old(scope);
}

void hp_rnn_check_simple(hp_layer_scope *scope, hp_layer *layer, void *config) {
    (void)layer;
    set_cell(scope, config, HP_RNN_SIMPLE);
}

void hp_rnn_check_lstm(hp_layer_scope *scope, hp_layer *layer, void *config) {
    (void)layer;
    set_cell(scope, config, HP_RNN_LSTM);
}

void hp_rnn_check_gru(hp_layer_scope *scope, hp_layer *layer, void *config) {
    (void)layer;
    set_cell(scope, config, HP_RNN_GRU);
}

/* The tensors of an argument, through nested lists; returns how many there are, of which `capacity` are stored. */
static size_t flatten_states(const hp_arg *arg, hp_value *states, size_t count, size_t capacity) {
    if (arg->kind == HP_ARG_TENSOR) {
        if (count < capacity) states[count] = arg->tensor;
        return count + 1;
    }
    for (size_t i = 0; arg->kind == HP_ARG_LIST && i < arg->item_count; i++)
        count = flatten_states(&arg->items[i], states, count, capacity);
    return count;
}

bool hp_rnn_initial_states(hp_builder *b, const hp_call *call, size_t count, hp_value *states, bool *given) {
    const hp_arg *arg = hp_call_arg(call, 1, "initial_state");
    size_t found = 0;
    *given = arg != NULL || call->input_count > 1;
    if (arg) {
        found = flatten_states(arg, states, 0, count);
    } else if (call->input_count > 1) {
        found = call->input_count - 1;
        for (size_t i = 0; i < count && i < found; i++) states[i] = call->inputs[i + 1];
    }
    for (size_t i = 0; i < count && i < found; i++) states[i] = hp_as_float(b, states[i]);
    if (!*given || found == count) return b->status == HP_OK;
    hp_builder_fail(b, HP_ERROR_SHAPE, "initial_state: found %zu tensors, expected %zu", found, count);
    return false;
}

void hp_rnn_kept_states(hp_builder *b, size_t count, const hp_shape *shapes, hp_value *states) {
    for (size_t i = 0; i < count && b->status == HP_OK; i++) {
        hp_tensor tensor = {.dtype = hp_builder_real(b), .shape = shapes[i]};
        states[i] = hp_emit_state(b, &tensor);
    }
}

size_t hp_rnn_state_count(const hp_rnn_config *config) {
    return config->cell == HP_RNN_LSTM ? 2 : 1;
}

hp_value hp_rnn_own_order(hp_builder *b, const hp_rnn_config *options, hp_value y) {
    int permutation[HP_MAX_RANK] = {1, 0};
    for (int i = 2; i < hp_builder_shape(b, y)->rank; i++) permutation[i] = i;
    return options->time_major ? hp_emit_transpose(b, y, permutation) : y;
}

hp_value hp_rnn_batch_first(hp_builder *b, const hp_rnn_config *options, hp_value x) {
    if (options->time_major && !hp_check_rank(b, x, 2, HP_MAX_RANK)) return HP_NO_VALUE;
    if (options->time_major && hp_builder_shape(b, x)->rows)
        return hp_builder_mixes_rows(b, "the rows are its time steps");
    return hp_rnn_own_order(b, options, x);
}

hp_value hp_rnn_mask(hp_builder *b, const hp_rnn_config *options, const hp_call *call) {
    hp_value mask = options->old ? hp_call_previous_mask(b, call) : hp_call_mask(b, call);
    return mask == HP_NO_VALUE ? mask : hp_rnn_batch_first(b, options, hp_emit_cast(b, mask, HP_BOOL));
}

hp_value hp_rnn_flip_time(hp_builder *b, hp_value x) {
    hp_shape shape = *hp_builder_shape(b, x);
    int64_t begin[HP_MAX_RANK] = {0, shape.dims[1] - 1}, step[HP_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) step[i] = i == 1 ? -1 : 1;
    return shape.dims[1] > 0 ? hp_emit_slice(b, x, begin, shape.dims, step) : x;
}

hp_value hp_rnn_zero_unrolled(hp_builder *b, const hp_rnn_config *options, hp_value y, hp_value mask) {
    hp_shape shape = *hp_builder_shape(b, mask);
    if (b->status != HP_OK || shape.dims[1] < 1) return y;
    int64_t begin[2] = {0, options->go_backwards ? 0 : shape.dims[1] - 1}, count[2] = {shape.dims[0], 1};
    if (options->return_sequences)
        mask = hp_emit_reshape(b, mask, HP_DIMS(shape.dims[0], shape.dims[1], 1));
    else
        mask = hp_emit_slice(b, mask, begin, count, (const int64_t[]){1, 1});
    return hp_emit_select(b, mask, y, hp_emit_float(b, 0));
}

void hp_rnn_emit_cell(hp_builder *b, hp_layer *layer, const char *const *names, const hp_rnn_config *c,
    const hp_rnn_config *options, hp_value x, hp_value mask, const hp_value *states, hp_value *outputs) {
    int64_t time = hp_builder_shape(b, x)->dims[1], features = hp_builder_shape(b, x)->dims[2], units = c->units;
    if (b->status == HP_OK && time < 1) hp_builder_fail(b, HP_ERROR_SHAPE, "found no time steps, expected at least 1");
    int64_t width = units * (c->cell == HP_RNN_LSTM ? 4 : c->cell == HP_RNN_GRU ? 3 : 1);
    hp_value kernel = hp_layer_weight(b, layer, names[0], true, HP_DIMS(features, width));
    hp_value recurrent = hp_layer_weight(b, layer, names[1], true, HP_DIMS(units, width)), bias = HP_NO_VALUE;
    bool two_biases = c->cell == HP_RNN_GRU && c->reset_after;
    if (c->use_bias && two_biases) bias = hp_layer_weight(b, layer, names[2], true, HP_DIMS(2, width));
    if (c->use_bias && !two_biases) bias = hp_layer_weight(b, layer, names[2], true, HP_DIMS(width));
    hp_value peepholes[3];
    for (int i = 0; c->peephole && i < 3; i++)
        peepholes[i] = hp_layer_weight(b, layer, names[3 + i], true, HP_DIMS(units));
    hp_rnn_params params;
    memset(&params, 0, sizeof params);
    params.cell = c->cell;
    params.units = (int32_t)units;
    params.return_sequences = options->return_sequences;
    params.go_backwards = options->go_backwards;
    params.reset_after = two_biases;
    bool zero_behind = options->unroll && options->zero_output_for_mask && mask != HP_NO_VALUE;
    params.zero_output_for_mask = options->zero_output_for_mask && !zero_behind;
    bool fused = hp_activation_elementwise(&c->activation, &params.activation) && !b->wide && !c->peephole;
    if (c->cell != HP_RNN_SIMPLE)
        fused = hp_activation_elementwise(&c->recurrent_activation, &params.recurrent_activation) && fused;
    if (fused)
        hp_emit_rnn(b, x, mask, states, kernel, recurrent, bias, &params, outputs);
    else
        hp_rnn_emit_steps(
            b, c, &params, x, mask, states, kernel, recurrent, bias, c->peephole ? peepholes : NULL, outputs);
    if (zero_behind) outputs[0] = hp_rnn_zero_unrolled(b, options, outputs[0], mask);
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    static const char *const names[] = {"cell/kernel", "cell/recurrent_kernel", "cell/bias"};
    const hp_rnn_config *c = layer->config;
    hp_value x = hp_as_float(b, call->inputs[0]);
    if (!hp_check_rank(b, x, 3, 3)) return;
    x = hp_rnn_batch_first(b, c, x);
    size_t state_count = hp_rnn_state_count(c);
    hp_value states[2] = {HP_NO_VALUE, HP_NO_VALUE}, outputs[3] = {HP_NO_VALUE, HP_NO_VALUE, HP_NO_VALUE};
    bool given;
    if (!hp_rnn_initial_states(b, call, state_count, states, &given)) return;
    bool kept = c->stateful && !given;
    if (kept) {
        hp_shape shape = {.rank = 2, .dims = {hp_builder_shape(b, x)->dims[0], c->units}};
        hp_rnn_kept_states(b, state_count, (hp_shape[]){shape, shape}, states);
    }
    hp_value mask = hp_rnn_mask(b, c, call);
    hp_rnn_emit_cell(b, layer, names, c, c, x, mask, given || kept ? states : NULL, outputs);
    for (size_t i = 0; kept && i < state_count; i++) hp_emit_next_state(b, states[i], outputs[1 + i]);
    if (c->return_sequences) outputs[0] = hp_rnn_own_order(b, c, outputs[0]);
    hp_call_output(b, call, outputs[0]);
    for (size_t i = 0; c->return_state && i < state_count; i++) hp_call_output(b, call, outputs[1 + i]);
    hp_value own_mask = hp_call_previous_mask(b, call);
    if (b->status == HP_OK && c->return_sequences && own_mask != HP_NO_VALUE)
        hp_builder_set_mask(b, outputs[0], own_mask);
}

hp_rnn_config *hp_rnn_config_of(hp_layer *layer) {
    bool first = layer->cls->lower == lower || layer->cls == &hp_layer_RNN; /* it begins the config */
    return first ? (void *)(uintptr_t)layer->config : hp_conv_lstm_options(layer);
}

#define RNN(name, table, check_function)                                                                               \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(hp_rnn_config),                                                                          \
        .masking = HP_MASK_OWN,                                                                                        \
        .padding = HP_PADDING_SKIPPED,                                                                                 \
        .arguments = HP_NAMES("initial_state", "mask", "training"),                                                    \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .check = (check_function),                                                                                     \
        .lower = lower}

RNN(SimpleRNN, simple_fields, hp_rnn_check_simple);
RNN(LSTM, lstm_fields, hp_rnn_check_lstm);
RNN(GRU, gru_fields, hp_rnn_check_gru);

/* rnn_cells.c: see rnn_cells.h (keras/src/layers/rnn/{simple_rnn,lstm,gru,stacked_rnn_cells}.py; PeepholeLSTMCell of Keras 2).
 *
 * A stack over a sequence is its cells over the sequence, one after the other: a cell's output at a step depends on its
 * own state and on that step's input alone. A masked step keeps all states, and what a cell gives there nothing reads. */
#include "layers/rnn_cells.h"

#define CELL_FIELDS                                                                                                    \
    HP_INT(hp_rnn_config, units, HP_REQUIRED, 1, 100000000), HP_ACTIVATION_OR(hp_rnn_config, activation, "tanh"),      \
        HP_BOOL(hp_rnn_config, use_bias, true), HP_IGNORE("dropout"), HP_IGNORE("recurrent_dropout"),                  \
        HP_IGNORE("seed"), HP_IGNORE("implementation"), HP_IGNORE_WEIGHT("kernel"), HP_IGNORE_WEIGHT("recurrent"),     \
        HP_IGNORE_WEIGHT("bias")

static const hp_field simple_fields[] = {CELL_FIELDS, HP_FIELDS_END};

static const hp_field lstm_fields[] = {
    CELL_FIELDS,
    HP_ACTIVATION_OR(hp_rnn_config, recurrent_activation, "sigmoid"),
    HP_IGNORE("unit_forget_bias"),
    HP_FIELDS_END,
};

static const hp_field gru_fields[] = {
    CELL_FIELDS,
    HP_ACTIVATION_OR(hp_rnn_config, recurrent_activation, "sigmoid"),
    HP_BOOL(hp_rnn_config, reset_after, true),
    HP_FIELDS_END,
};

typedef struct stack {
    hp_layer_list cells;
} stack;

static const hp_field stack_fields[] = {
    HP_LAYERS(stack, cells),
    HP_FALSE("reverse_state_order", "states in the other order are not supported"), /* of Keras 2 */
    HP_FIELDS_END,
};

static void check_stack(hp_layer_scope *scope, hp_layer *layer, void *config) {
    const stack *c = config;
    const hp_json *cells = hp_json_get(hp_json_get(layer->json, "config"), "cells");
    if (hp_json_is(cells, HP_JSON_ARRAY) && cells->count == 0)
        hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, "cells", "there is no cell");
    for (size_t i = 0; i < c->cells.count; i++)
        if (hp_cell_states(c->cells.at[i]) == 0)
            hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, "cells", "the layer %s is not supported as a cell",
                c->cells.at[i]->cls->class_name);
}

static void check_peephole(hp_layer_scope *scope, hp_layer *layer, void *config) {
    hp_rnn_check_lstm(scope, layer, config);
    ((hp_rnn_config *)config)->peephole = true;
}

/* ---- cells by themselves are no layers of a graph */

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)call;
    hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "a %s outside of RNN is not supported", layer->cls->class_name);
}

#define CELL(name, type, table, check_function)                                                                        \
    const hp_layer_class hp_layer_##name = {.class_name = #name,                                                       \
        .module = "keras.layers",                                                                                      \
        .fields = (table),                                                                                             \
        .config_size = sizeof(type),                                                                                   \
        .masking = HP_MASK_STOP,                                                                                       \
        .min_inputs = 1,                                                                                               \
        .max_inputs = -1,                                                                                              \
        .checks_always = true,                                                                                         \
        .check = (check_function),                                                                                     \
        .lower = lower}

CELL(SimpleRNNCell, hp_rnn_config, simple_fields, hp_rnn_check_simple);
CELL(LSTMCell, hp_rnn_config, lstm_fields, hp_rnn_check_lstm);
CELL(GRUCell, hp_rnn_config, gru_fields, hp_rnn_check_gru);
CELL(PeepholeLSTMCell, hp_rnn_config, lstm_fields, check_peephole);
CELL(StackedRNNCells, stack, stack_fields, check_stack);

bool hp_cell_is_fused(const hp_layer *cell) {
    return cell->cls == &hp_layer_SimpleRNNCell || cell->cls == &hp_layer_LSTMCell || cell->cls == &hp_layer_GRUCell ||
           cell->cls == &hp_layer_PeepholeLSTMCell;
}

size_t hp_cell_states(const hp_layer *cell) {
    if (hp_cell_is_fused(cell)) return hp_rnn_state_count(cell->config);
    if (cell->cls != &hp_layer_StackedRNNCells) return 0;
    const hp_layer_list *cells = &((const stack *)cell->config)->cells;
    size_t count = 0;
    for (size_t i = 0; i < cells->count; i++) count += hp_cell_states(cells->at[i]);
    return count;
}

void hp_cell_state_shapes(const hp_layer *cell, int64_t batch, hp_shape *shapes) {
    if (hp_cell_is_fused(cell)) {
        const hp_rnn_config *c = cell->config;
        for (size_t i = 0; i < hp_rnn_state_count(c); i++) shapes[i] = (hp_shape){.rank = 2, .dims = {batch, c->units}};
        return;
    }
    const hp_layer_list *cells = &((const stack *)cell->config)->cells;
    for (size_t i = 0; i < cells->count; shapes += hp_cell_states(cells->at[i++]))
        hp_cell_state_shapes(cells->at[i], batch, shapes);
}

hp_value hp_cell_run(hp_builder *b, hp_layer *cell, const hp_rnn_config *options, hp_value x, hp_value mask,
    const hp_value *states, hp_value *last) {
    static const char *const names[] = {"kernel", "recurrent_kernel", "bias", "input_gate_peephole_weights",
        "forget_gate_peephole_weights", "output_gate_peephole_weights"};
    if (b->status != HP_OK) return HP_NO_VALUE;
    if (hp_cell_is_fused(cell)) {
        hp_value outputs[3] = {HP_NO_VALUE, HP_NO_VALUE, HP_NO_VALUE};
        hp_rnn_emit_cell(b, cell, names, cell->config, options, x, mask, states, outputs);
        for (size_t i = 0; i < hp_cell_states(cell); i++) last[i] = outputs[1 + i];
        return outputs[0];
    }
    const hp_layer_list *cells = &((const stack *)cell->config)->cells;
    hp_rnn_config inner = *options;
    inner.zero_output_for_mask = false;
    inner.return_sequences = true;
    for (size_t i = 0, at = 0; i < cells->count; i++) {
        bool final = i + 1 == cells->count;
        x = hp_cell_run(b, cells->at[i], final ? options : &inner, x, mask, states ? states + at : NULL, last + at);
        at += hp_cell_states(cells->at[i]);
    }
    return x;
}

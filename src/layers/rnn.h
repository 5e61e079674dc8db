/* rnn.h: what recurrent layers share: the config that Bidirectional looks into, initial states, fused cells. */
#ifndef HP_LAYERS_RNN_H
#define HP_LAYERS_RNN_H

#include "layers/support.h"

typedef struct hp_rnn_config {
    int64_t units;
    hp_activation_spec activation, recurrent_activation;
    bool use_bias, return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, reset_after, unroll;
    bool peephole;    /* of an LSTM cell: its gates see the cell state, too; set by check */
    bool old;         /* of Keras 1 or 2; set by check */
    bool time_major;  /* of Keras 2: the first axis of sequences and masks is time, the second one the batch */
    hp_rnn_cell cell; /* set by check */
} hp_rnn_config;

/* The config of a recurrent layer (LSTM, GRU, SimpleRNN, RNN, ConvLSTM), for its wrapper's check; NULL for others. */
hp_rnn_config *hp_rnn_config_of(hp_layer *layer);
/* The same for the ConvLSTM layers alone (conv_lstm.c). */
hp_rnn_config *hp_conv_lstm_options(hp_layer *layer);
/* The checks of layers and cells, whose config is a hp_rnn_config: they set its `cell`. */
void hp_rnn_check_simple(hp_layer_scope *scope, hp_layer *layer, void *config);
void hp_rnn_check_lstm(hp_layer_scope *scope, hp_layer *layer, void *config);
void hp_rnn_check_gru(hp_layer_scope *scope, hp_layer *layer, void *config);
size_t hp_rnn_state_count(const hp_rnn_config *config);

/* initial_state of a call, `count` tensors, as an argument or behind the sequence in the first one; they are made
 * float32. *given: there are any. False: reported. */
bool hp_rnn_initial_states(hp_builder *b, const hp_call *call, size_t count, hp_value *states, bool *given);

/* Where a stateful layer is called without initial states: the states that it keeps, `shapes` of one batch. */
void hp_rnn_kept_states(hp_builder *b, size_t count, const hp_shape *shapes, hp_value *states);

/* The mask of the steps of a call, bool [batch, time], or HP_NO_VALUE. Keras 3 takes none for a sequence that comes with
 * states of the graph; Keras 1 and 2 do. */
hp_value hp_rnn_mask(hp_builder *b, const hp_rnn_config *options, const hp_call *call);

/* A sequence, or its mask, with the batch first, from the order in which the layer takes it; and a sequence of outputs
 * back to that order. */
hp_value hp_rnn_batch_first(hp_builder *b, const hp_rnn_config *options, hp_value x);
hp_value hp_rnn_own_order(hp_builder *b, const hp_rnn_config *options, hp_value y);

/* x[batch, time, ...] from the last step to the first. */
hp_value hp_rnn_flip_time(hp_builder *b, hp_value x);

/* An unrolled layer puts the zeros for masked outputs in behind the last step, with the mask in its own order even where
 * it went backwards; for the last output alone it takes the mask of the last step that it made. `options`: as in the
 * config. */
hp_value hp_rnn_zero_unrolled(hp_builder *b, const hp_rnn_config *options, hp_value y, hp_value mask);

/* Runs a cell over a sequence x[batch, time, features]. `names`: of the layer's weights kernel, recurrent kernel, bias,
 * and of a cell with peepholes those of the input, forget and output gate;
 * `config`: what the cell is; `options`: return_sequences, go_backwards, zero_output_for_mask, unroll. states: NULL for
 * zeros. Outputs: [0] sequence or last output, then the last states. */
void hp_rnn_emit_cell(hp_builder *b, hp_layer *layer, const char *const *names, const hp_rnn_config *config,
    const hp_rnn_config *options, hp_value x, hp_value mask, const hp_value *states, hp_value *outputs);

#endif

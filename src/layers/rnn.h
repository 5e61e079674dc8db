/* rnn.h: the config of LSTM, GRU and SimpleRNN, which Bidirectional looks into. */
#ifndef HP_LAYERS_RNN_H
#define HP_LAYERS_RNN_H

#include "layers/support.h"

typedef struct hp_rnn_config {
    int64_t units;
    hp_activation_spec activation, recurrent_activation;
    bool use_bias, return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, reset_after,
        time_major;
    hp_rnn_cell cell; /* set by check */
} hp_rnn_config;

/* The config of a layer of these classes, for its wrapper's check; NULL for others. */
hp_rnn_config *hp_rnn_config_of(hp_layer *layer);

#endif

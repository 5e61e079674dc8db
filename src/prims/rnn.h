/* rnn.h: the inputs of the recurrent primitive, in order; its params are hp_rnn_params. */
#ifndef HP_PRIMS_RNN_H
#define HP_PRIMS_RNN_H

#include "prims/params.h"

typedef enum hp_rnn_input {
    HP_RNN_X,         /* [batch, time, features] */
    HP_RNN_KERNEL,    /* [features, gates * units], a constant */
    HP_RNN_RECURRENT, /* [units, gates * units], a constant */
    HP_RNN_BIAS,      /* optional: [gates * units]; GRU with reset_after: [2, gates * units] */
    HP_RNN_MASK,      /* optional: [batch, time], bool */
    HP_RNN_H,         /* optional: [batch, units]; zeros */
    HP_RNN_C,         /* optional, LSTM: [batch, units]; zeros */
    HP_RNN_INPUTS
} hp_rnn_input;

/* Outputs: the sequence [batch, time, units] or the last output [batch, units]; the last h; for LSTM the last c. */
enum { HP_RNN_MAX_OUTPUTS = 3 };
static inline int hp_rnn_output_count(const hp_rnn_params *params) {
    return params->cell == HP_RNN_LSTM ? 3 : 2;
}
static inline int hp_rnn_gates(const hp_rnn_params *params) {
    return params->cell == HP_RNN_LSTM ? 4 : params->cell == HP_RNN_GRU ? 3 : 1;
}

#endif

/* rnn_steps.h: a recurrent cell over a sequence as a graph of plain primitives, step by step: for what the fused
 * primitive does not have. */
#ifndef HP_LAYERS_RNN_STEPS_H
#define HP_LAYERS_RNN_STEPS_H

#include "layers/rnn.h"

/* As hp_emit_rnn, but float64 as well, any activation of `config`, and peepholes (NULL: none). `params` without its activations. */
void hp_rnn_emit_steps(hp_builder *b, const hp_rnn_config *config, const hp_rnn_params *params, hp_value x,
    hp_value mask, const hp_value *states, hp_value kernel, hp_value recurrent_kernel, hp_value bias,
    const hp_value *peepholes, hp_value *outputs);

#endif

/* rnn_cells.h: layers that stand as the cell of RNN: SimpleRNNCell, LSTMCell, GRUCell, PeepholeLSTMCell, StackedRNNCells. */
#ifndef HP_LAYERS_RNN_CELLS_H
#define HP_LAYERS_RNN_CELLS_H

#include "layers/rnn.h"

/* The number of state tensors of a cell; 0: the layer is no cell. */
size_t hp_cell_states(const hp_layer *cell);
/* The shapes of those tensors for a batch. */
void hp_cell_state_shapes(const hp_layer *cell, int64_t batch, hp_shape *shapes);
/* Whether it is one cell and no stack: it can go backwards by itself. */
bool hp_cell_is_fused(const hp_layer *cell);
/* Runs a cell over a sequence, as hp_rnn_emit_cell; a stack does not go backwards. `states`: NULL for zeros. `last`:
 * hp_cell_states values for the last states. Returns the sequence or the last output. */
hp_value hp_cell_run(hp_builder *b, hp_layer *cell, const hp_rnn_config *options, hp_value x, hp_value mask,
    const hp_value *states, hp_value *last);

#endif

"""Recurrent layers that keep their state from batch to batch: rows come in batches of the model's own size."""
from caselist import graph_case

CASES = []


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function: a model of batches of 2 rows, given three of them."""
    return lambda function: CASES.append(
        graph_case("stateful", *inputs, model=True, rows=6, batch=2, keras2=False, **settings)(function)
    )


@case((4, 3))
def stateful_lstm(k):
    layers = k.layers
    return k.Sequential([k.Input(batch_shape=(2, 4, 3)), layers.LSTM(5, stateful=True), layers.Dense(2)])


@case((4, 3))
def stateful_gru_sequences(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input(batch_shape=(2, 4, 3)),
            layers.GRU(3, stateful=True, return_sequences=True),
            layers.SimpleRNN(4, stateful=True, go_backwards=True),
        ]
    )


@case((4, 3))
def stateful_cells(k):
    cells = [k.layers.LSTMCell(3), k.layers.GRUCell(2)]
    return k.Sequential([k.Input(batch_shape=(2, 4, 3)), k.layers.RNN(cells, stateful=True)])


@case((3, 5, 2))
def stateful_convlstm(k):
    return k.Sequential([k.Input(batch_shape=(2, 3, 5, 2)), k.layers.ConvLSTM1D(3, 2, padding="same", stateful=True)])

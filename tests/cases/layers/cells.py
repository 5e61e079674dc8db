"""RNN over cells, ConvLSTM and TimeDistributed, with masks and states."""
from caselist import Input, Layer, graph_case, layer_cases

TOKENS = Input((6,), "int32", 0, 3)  # zeros are masked steps
CELLS = (
    Layer("SimpleRNNCell", units=4, activation="relu"),
    Layer("LSTMCell", units=3, recurrent_activation="hard_sigmoid"),
    Layer("GRUCell", units=4),
    Layer("GRUCell", units=4, reset_after=False, use_bias=False),
)
OPTIONS = ({}, {"return_sequences": True, "go_backwards": True}, {"return_state": True, "unroll": True})
CONV = {"filters": 3, "kernel_size": 2}

CASES = [
    *layer_cases("RNN", [(5, 3)], [{"cell": cell, **o} for cell in CELLS for o in OPTIONS]),
    *layer_cases("ConvLSTM1D", [(3, 6, 2)], [{**CONV, **o} for o in OPTIONS], legacy=False, keras2=False),
    *layer_cases(
        "ConvLSTM2D",
        [(3, 5, 4, 2)],
        [
            {**CONV, **o}
            for o in (
                {"return_sequences": True},
                {"padding": "same", "go_backwards": True},
                {"strides": 2, "return_state": True},
                {"dilation_rate": 2, "use_bias": False, "recurrent_activation": "hard_sigmoid"},
            )
        ],
    ),
    *layer_cases("ConvLSTM3D", [(2, 3, 3, 3, 2)], [{**CONV, "return_sequences": True}], legacy=False, keras2=False),
    *layer_cases(
        "TimeDistributed",
        [(4, 6)],
        [{"layer": Layer("Dense", units=3, activation="relu")}, {"layer": Layer("BatchNormalization")}],
    ),
    *layer_cases("TimeDistributed", [(3, 5, 4)], [{"layer": Layer(n, units=3)} for n in ("LSTM", "GRU")]),
    *layer_cases("TimeDistributed", [(2, 5, 4, 3)], [{"layer": Layer("Conv2D", filters=2, kernel_size=2)}]),
    *layer_cases("TimeDistributed", [(None, 4)], [{"layer": Layer("Dense", units=3)}], sets=[[(2, 4)], [(5, 4)]]),
]


def case(group, *inputs, **settings):
    """Appends what `graph_case` makes of a function."""
    return lambda function: CASES.append(graph_case(group, *inputs, **settings)(function))


def stacked(k, **options):
    """An RNN of three cells."""
    cells = [k.layers.LSTMCell(3), k.layers.GRUCell(4), k.layers.SimpleRNNCell(2)]
    return k.layers.RNN(k.layers.StackedRNNCells(cells), **options)


@case("RNN", (5, 3))
def rnn_stacked(k, x):
    return [stacked(k)(x), stacked(k, return_sequences=True, go_backwards=True)(x), *stacked(k, return_state=True)(x)]


@case("RNN", TOKENS, keras2=False)
def rnn_masked(k, tokens):
    x = k.layers.Embedding(3, 4, mask_zero=True)(tokens)
    outputs = []
    for options in ({}, {"return_sequences": True}, {"return_sequences": True, "zero_output_for_mask": True}):
        outputs += [stacked(k, **options)(x), k.layers.RNN(k.layers.LSTMCell(3), go_backwards=True, **options)(x)]
    return outputs


@case("RNN", TOKENS, keras2=False)
def rnn_masked_unrolled_zeros(k, tokens):
    x = k.layers.Embedding(3, 4, mask_zero=True)(tokens)
    options = {"unroll": True, "zero_output_for_mask": True}
    return [
        k.layers.RNN(k.layers.GRUCell(3), go_backwards=backwards, return_sequences=sequences, **options)(x)
        for backwards in (False, True)
        for sequences in (False, True)
    ]


@case("RNN", (5, 3), (4,), keras2=False)
def rnn_initial_state(k, x, state):
    return k.layers.RNN(k.layers.GRUCell(4), return_sequences=True)(x, initial_state=state)


@case("ConvLSTM2D", (3, 4, 4, 2), (3, 3, 3), (3, 3, 3), keras2=False)
def conv_lstm_initial_state(k, x, h, c):
    return k.layers.ConvLSTM2D(3, 2)(x, initial_state=[h, c])


@case("ConvLSTM2D", TOKENS, keras2=False)
def conv_lstm_masked(k, tokens):
    x = k.layers.Embedding(3, 8, mask_zero=True)(tokens)
    x = k.layers.TimeDistributed(k.layers.Reshape((2, 2, 2)))(x)
    return [
        k.layers.ConvLSTM2D(2, 2, **options)(x)
        for options in ({}, {"return_sequences": True}, {"return_sequences": True, "zero_output_for_mask": True, "unroll": True})
    ]


@case("Bidirectional", (3, 4, 4, 2), keras2=False)
def bidirectional_conv_lstm(k, x):
    return k.layers.Bidirectional(k.layers.ConvLSTM2D(2, 2, return_sequences=True))(x)


@case("Bidirectional", (5, 3), keras2=False)
def bidirectional_cell(k, x):
    return k.layers.Bidirectional(k.layers.RNN(k.layers.GRUCell(3)), merge_mode="sum")(x)


@case("Bidirectional", TOKENS, keras2=False)
def bidirectional_unrolled_masked(k, tokens):
    x = k.layers.Embedding(3, 4, mask_zero=True)(tokens)
    return [
        k.layers.Bidirectional(getattr(k.layers, name)(3, unroll=True, return_sequences=sequences))(x)
        for name in ("LSTM", "GRU", "SimpleRNN")
        for sequences in (False, True)
    ]


@case("TimeDistributed", TOKENS, keras2=False)
def time_distributed_keeps_mask(k, tokens):
    x = k.layers.Embedding(3, 4, mask_zero=True)(tokens)
    return k.layers.LSTM(3)(k.layers.TimeDistributed(k.layers.Dense(5))(x))


@case("TimeDistributed", (3, 4, 4))
def time_distributed_model(k, x):
    image = k.Input((4, 4))
    inner = k.Model(image, k.layers.Dense(3)(k.layers.Flatten()(k.layers.Conv1D(2, 2)(image))))
    return k.layers.TimeDistributed(inner)(x)

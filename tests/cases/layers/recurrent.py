"""Recurrent layers and Bidirectional, without masks and without carried state."""
from caselist import Layer, layer_cases

COMMON = (
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True},
    {"go_backwards": True},
    {"go_backwards": True, "return_sequences": True},
    {"use_bias": False},
    {"unroll": True, "return_sequences": True},
    {"activation": "relu"},
    {"activation": "linear", "return_sequences": True},
    {"dropout": 0.2, "recurrent_dropout": 0.3},
)
GATED = (
    *COMMON,
    {"recurrent_activation": "hard_sigmoid", "return_sequences": True},
    {"activation": "softsign", "recurrent_activation": "tanh"},
)

CASES = [
    *layer_cases("SimpleRNN", [(6, 4)], [{"units": 5, **o} for o in COMMON]),
    *layer_cases("LSTM", [(6, 4)], [{"units": 5, **o} for o in GATED]),
    *layer_cases("LSTM", [(6, 4)], [{"units": 5, "unit_forget_bias": False}, {"units": 1}, {"units": 19, "return_sequences": True}]),
    *layer_cases("GRU", [(6, 4)], [{"units": 5, **o} for o in GATED]),
    *layer_cases("GRU", [(6, 4)], [{"units": 5, "reset_after": False, **o} for o in GATED]),
    *layer_cases("GRU", [(6, 4)], [{"units": 1}, {"units": 19, "return_sequences": True}]),
]
CASES += [
    case
    for name in ("SimpleRNN", "LSTM", "GRU")
    for case in layer_cases(
        name,
        [(None, 3)],
        [{"units": 4}, {"units": 4, "return_sequences": True, "go_backwards": True}],
        sets=[[(1, 3)], [(7, 3)]],
    )
]
CASES += [
    *layer_cases(
        "Bidirectional",
        [(6, 4)],
        [
            {"layer": Layer(name, units=3, return_sequences=sequences), "merge_mode": mode}
            for name in ("LSTM", "GRU", "SimpleRNN")
            for sequences in (False, True)
            for mode in (("concat", "sum", "mul", "ave", None) if name == "LSTM" else ("concat", "ave"))
        ],
    ),
    *layer_cases(
        "Bidirectional",
        [(6, 4)],
        [
            {"layer": Layer("LSTM", units=3, return_state=True)},
            {"layer": Layer("GRU", units=3, return_state=True, return_sequences=True), "merge_mode": "sum"},
            {
                "layer": Layer("LSTM", units=3, return_sequences=True),
                "backward_layer": Layer("GRU", units=3, return_sequences=True, go_backwards=True),
            },
            {
                "layer": Layer("LSTM", units=3),
                "backward_layer": Layer("LSTM", units=3, go_backwards=True, activation="relu"),
                "merge_mode": "sum",
            },
        ],
    ),
    *layer_cases("Bidirectional", [(None, 3)], [{"layer": Layer("GRU", units=2, return_sequences=True)}], sets=[[(1, 3)], [(5, 3)]]),
]

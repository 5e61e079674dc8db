"""Activation with every name that needs no argument, and the layers that are activations."""
from caselist import layer_cases

NAMES = (
    "relu", "leaky_relu", "relu6", "softmax", "celu", "elu", "selu", "softplus", "softsign", "squareplus", "soft_shrink",
    "sparse_plus", "sparse_sigmoid", "silu", "gelu", "glu", "tanh", "tanh_shrink", "sigmoid", "exponential",
    "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "linear", "mish", "log_softmax", "log_sigmoid", "sparsemax",
)

CASES = [
    *layer_cases("Activation", [(38,)], [{"activation": name} for name in NAMES]),
    *layer_cases("Activation", [(7,)], [{"activation": "swish"}, {"activation": "softmax"}, {"activation": "hard_sigmoid"}]),
    *layer_cases(
        "ReLU",
        [(3, 9)],
        [
            {},
            {"max_value": 0.7},
            {"negative_slope": 0.2},
            {"threshold": 0.3},
            {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.25},
            {"max_value": 0.0},
        ],
    ),
    *layer_cases("LeakyReLU", [(3, 9)], [{}, {"negative_slope": 0.05}, {"negative_slope": 0.0}]),
    *layer_cases("LeakyReLU", [(3, 9)], [{"alpha": 0.05}], keras2=True),
    *layer_cases("PReLU", [(9,)], [{}]),
    *layer_cases("PReLU", [(3, 9)], [{}, {"shared_axes": [1]}, {"shared_axes": [1, 2]}, {"shared_axes": [2]}]),
    *layer_cases("PReLU", [(4, 5, 3)], [{"shared_axes": [1, 2]}]),
    *layer_cases("PReLU", [(None, 5, 3)], [{"shared_axes": [1, 2]}], sets=[[(4, 5, 3)], [(7, 5, 3)]]),
    *layer_cases("ELU", [(3, 9)], [{}, {"alpha": 0.5}]),
    *layer_cases("Softmax", [(3, 9)], [{}, {"axis": 1}, {"axis": -2}]),
    *layer_cases("Softmax", [(3, 9)], [{"axis": [1, 2]}, {"axis": (-1,)}]),
    *layer_cases("Softmax", [(300,)], [{}]),
    *layer_cases("Softmax", [(2, 3, 4)], [{"axis": 1}, {"axis": [1, 3]}, {"axis": 3}]),
]

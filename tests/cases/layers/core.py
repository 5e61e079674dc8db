"""Dense, Embedding, InputLayer and the layers that only scale."""
from caselist import Input, Layer, layer_cases

DENSE_ACTIVATIONS = (
    "relu", "leaky_relu", "relu6", "softmax", "celu", "elu", "selu", "softplus", "softsign", "squareplus", "soft_shrink",
    "sparse_plus", "sparse_sigmoid", "silu", "gelu", "tanh", "tanh_shrink", "sigmoid", "exponential", "hard_sigmoid",
    "hard_silu", "hard_tanh", "hard_shrink", "linear", "mish", "log_softmax", "log_sigmoid", "sparsemax",
)

CASES = [
    *layer_cases("Dense", [(4,)], [{"units": 3, "activation": a} for a in DENSE_ACTIVATIONS]),
    *layer_cases("Dense", [(37,)], [{"units": 1}, {"units": 19, "use_bias": False}]),
    *layer_cases("Dense", [(9,)], [{"units": 130}]),
    *layer_cases("Dense", [(1,)], [{"units": 1}, {"units": 33}]),
    *layer_cases("Dense", [(5, 4)], [{"units": 3}, {"units": 3, "activation": "softmax"}]),
    *layer_cases("Dense", [(2, 3, 4)], [{"units": 7, "activation": "gelu"}]),
    *layer_cases(
        "Dense",
        [(4,)],
        [
            {"units": 6, "activation": Layer("LeakyReLU", negative_slope=0.1)},
            {"units": 6, "activation": Layer("ReLU", max_value=1.0, threshold=0.2)},
        ],
        keras2=False,
    ),
    *layer_cases("Dense", [(None, 4)], [{"units": 3}], sets=[[(2, 4)], [(9, 4)]]),
    *layer_cases(
        "Embedding",
        [Input((6,), dtype="int32", high=10)],
        [{"input_dim": 10, "output_dim": 4}, {"input_dim": 10, "output_dim": 1}, {"input_dim": 10, "output_dim": 33}],
    ),
    *layer_cases("Embedding", [Input((), dtype="int32", high=10)], [{"input_dim": 10, "output_dim": 4}]),
    *layer_cases("Embedding", [Input((2, 3), dtype="int64", high=10)], [{"input_dim": 10, "output_dim": 4}]),
    *layer_cases("Embedding", [Input((5,), high=10)], [{"input_dim": 10, "output_dim": 4}]),
    *layer_cases(
        "Embedding",
        [Input((None,), dtype="int32", high=10)],
        [{"input_dim": 10, "output_dim": 4}],
        sets=[[(3,)], [(8,)]],
    ),
    *layer_cases(
        "Rescaling",
        [(3, 4, 3)],
        [
            {"scale": 0.5},
            {"scale": 2, "offset": -1},
            {"scale": [1.0, 2.0, 3.0], "offset": [0.5, 0.0, -0.5]},
            {"scale": 1.5, "offset": [0.5, 0.0, -0.5]},
        ],
    ),
    *layer_cases("Rescaling", [Input((4, 4, 3), dtype="uint8", high=256)], [{"scale": 1 / 255}], keras2=False),
    *layer_cases("Rescaling", [Input((4, 4, 3), dtype="int32", low=-9, high=9)], [{"scale": 0.5, "offset": 1}], keras2=False),
    *layer_cases(
        "Normalization",
        [(4, 3)],
        [
            {"mean": [0.5, -1.0, 2.0], "variance": [1.0, 0.25, 3.0]},
            {"mean": 3.0, "variance": 2.0},
            {"mean": [0.5, -1.0, 2.0], "variance": [1.0, 0.25, 3.0], "invert": True},
            {"mean": [0.5, -1.0, 2.0], "variance": [1.0, 0.0, 3.0]},
        ],
    ),
    *layer_cases("Normalization", [(4, 3)], [{}, {"axis": 1}, {"axis": (1, 2)}, {"axis": None}]),
    *layer_cases("Normalization", [(5,)], [{}, {"invert": True}]),
]

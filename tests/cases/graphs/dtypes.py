"""Layers whose dtype policy is not float32: float16, bfloat16 and mixed policies compute what Keras computes."""
from caselist import graph_case

CASES = []
HALF, BFLOAT = 5e-3, 2e-2  # a few roundings of 11 and 8 bits


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function."""
    return lambda function: CASES.append(graph_case("dtypes", *inputs, **settings)(function))


@case((6,), rtol=HALF)
def dense_float16(k, x):
    return k.layers.Dense(3, dtype="float16")(k.layers.Dense(5, "tanh", dtype="float16")(x))


@case((6,), rtol=HALF)
def dense_mixed_float16(k, x):
    return k.layers.Dense(3, dtype="float32")(k.layers.Dense(5, "relu", dtype="mixed_float16")(x))


@case((8, 8, 3), rtol=BFLOAT)
def convolutions_mixed_bfloat16(k, x):
    x = k.layers.Conv2D(4, 3, activation="relu", dtype="mixed_bfloat16")(x)
    x = k.layers.BatchNormalization(dtype="mixed_bfloat16")(x)
    x = k.layers.GlobalAveragePooling2D(dtype="mixed_bfloat16")(x)
    return k.layers.Dense(3, dtype="float32")(x)


@case((5, 4), rtol=HALF)
def lstm_mixed_float16(k, x):
    x = k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True, dtype="mixed_float16"), dtype="mixed_float16")(x)
    return k.layers.Dense(2, dtype="float32")(k.layers.GRU(4, dtype="mixed_float16")(x))


@case((5, 4), (5, 4), rtol=HALF, legacy=False, keras2=False)
def merges_and_operations_float16(k, x, y):
    a, b = k.layers.Dense(4, dtype="float16")(x), k.layers.Dense(4, dtype="float16")(y)
    z = k.layers.Concatenate(dtype="float16")([k.layers.Add(dtype="float16")([a, b]), a])
    return k.ops.cast(k.ops.tanh(z) * 2, "float32")

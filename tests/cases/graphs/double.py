"""Layers and operations of float64: computed in double precision from end to end."""
import numpy as np
from caselist import Input, graph_case

CASES = []
ROUNDING = 1e-12


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function of inputs that are float64, where they do not say another dtype."""
    wide = [i if isinstance(i, Input) else Input(i, "float64") for i in inputs]
    return lambda function: CASES.append(graph_case("float64", *wide, rtol=ROUNDING, keras2=False, **settings)(function))


@case((6,))
def dense_layers(k, x):
    x = k.layers.Rescaling(1 / 3, 0.1, dtype="float64")(x)
    x = k.layers.Dense(5, k.layers.LeakyReLU(0.3, dtype="float64"), dtype="float64")(x)
    return k.layers.Dense(3, "softmax", dtype="float64")(x)


@case((9, 8, 4))
def convolutions(k, x):
    x = k.layers.Conv2D(6, 3, strides=2, padding="same", groups=2, dtype="float64")(x)
    x = k.layers.BatchNormalization(dtype="float64")(x)
    x = k.layers.DepthwiseConv2D(2, dilation_rate=2, depth_multiplier=2, padding="same", dtype="float64")(x)
    x = k.layers.SeparableConv2D(3, 3, activation="gelu", dtype="float64")(k.layers.ZeroPadding2D(dtype="float64")(x))
    x = k.layers.Conv2DTranspose(4, 3, strides=2, padding="same", dtype="float64")(x)
    a = k.layers.MaxPooling2D(2, dtype="float64")(x)
    b = k.layers.AveragePooling2D(2, padding="same", dtype="float64")(x)
    return k.layers.GlobalAveragePooling2D(dtype="float64")(k.layers.Concatenate(dtype="float64")([a, b]))


@case((5, 4))
def recurrent_layers(k, x):
    x = k.layers.Masking(dtype="float64")(x)
    x = k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True, dtype="float64"), dtype="float64")(x)
    x = k.layers.GRU(4, return_sequences=True, go_backwards=True, dtype="float64")(x)
    x = k.layers.GRU(4, return_sequences=True, reset_after=False, dtype="float64")(x)
    return k.layers.SimpleRNN(4, zero_output_for_mask=True, dtype="float64")(x)


@case((5, 4), (3, 4))
def attentions(k, x, y):
    x = k.layers.MultiHeadAttention(2, 3, dtype="float64")(x, y)
    x = k.layers.LayerNormalization(dtype="float64")(x)
    return k.layers.EinsumDense("abc,cd->ad", 3, dtype="float64")(k.layers.Attention(dtype="float64")([x, y]))


@case((4, 6), legacy=False)
def arithmetic(k, x):
    y = k.ops.exp(x) / (1 + k.ops.sum(k.ops.square(x), axis=-1, keepdims=True))
    y = k.ops.matmul(y, k.ops.transpose(x, (0, 2, 1))) * 0.1 + k.ops.cumsum(x, axis=1)[:, :, :4]
    return k.ops.logsumexp(k.ops.clip(y, -0.3, 0.7), axis=-1)


@case((4,))
def ends_in_float32(k, x):
    return k.layers.Dense(2)(k.layers.Dense(3, dtype="float64")(x))


@case(Input((5,), "int32", 0, 4), (5,))
def weighted_counts(k, x, weights):
    return k.layers.CategoryEncoding(4, output_mode="count", dtype="float64")(x, count_weights=weights)


@case((3, 2), legacy=False)
def biases_by_their_length(k, x):
    """Keras's add takes what has one long axis along x's last axis, or axis 1, where it is as long as that."""
    y = k.layers.EinsumDense("...c,cde->...de", (3, 4), bias_axes="d", dtype="float64")(x)
    column = np.array([[1.0], [2.0], [3.0]])
    return [y, k.ops.add(y, column), k.ops.matmul(x, k.ops.transpose(x, (0, 2, 1))) + column]

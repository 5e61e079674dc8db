"""Models of Keras 1. Each function gives back a model and what its inputs are: shapes, or a kind with a shape."""
import numpy as np

from .base import Input, K, L, graph, model


@model(1)
def convolutions():
    x = Input((12, 10, 3))
    y = L.Convolution2D(5, 3, 2, activation="relu", border_mode="same", dim_ordering="tf")(x)
    y = L.ZeroPadding2D((1, 2), dim_ordering="tf")(y)
    y = L.MaxPooling2D((2, 2), dim_ordering="tf")(y)
    y = L.BatchNormalization(axis=3)(y)
    y = L.AtrousConvolution2D(4, 2, 2, atrous_rate=(2, 2), dim_ordering="tf")(y)
    y = L.UpSampling2D((2, 1), dim_ordering="tf")(y)
    y = L.Cropping2D(((0, 1), (1, 0)), dim_ordering="tf")(y)
    y = L.AveragePooling2D((2, 2), strides=(1, 1), border_mode="same", dim_ordering="tf")(y)
    y = L.Flatten()(y)
    return graph(x, L.Dense(4)(y)), [(12, 10, 3)]


@model(1)
def theano_order():
    x = Input((3, 9, 8))
    y = L.Convolution2D(4, 3, 2, dim_ordering="th", subsample=(2, 1), bias=False)(x)
    y = L.LeakyReLU(0.2)(y)
    y = L.GlobalAveragePooling2D(dim_ordering="th")(y)
    return graph(x, y), [(3, 9, 8)]


@model(1)
def convolution1d():
    m = K.models.Sequential()
    m.add(L.Convolution1D(6, 3, input_shape=(12, 4), border_mode="same", activation="tanh", subsample_length=2))
    m.add(L.MaxPooling1D(2))
    m.add(L.Convolution1D(5, 2, bias=False))
    m.add(L.GlobalMaxPooling1D())
    m.add(L.Dense(3, activation="softmax"))
    return m, [(12, 4)]


@model(1)
def recurrent():
    x = Input((6, 5))
    y = L.LSTM(4, return_sequences=True, inner_activation="hard_sigmoid")(x)
    y = L.GRU(4, return_sequences=True, go_backwards=True, activation="relu")(y)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True, consume_less="gpu"), merge_mode="sum")(y)
    y = L.TimeDistributed(L.Dense(3, activation="hard_sigmoid"))(y)
    return graph(x, L.SimpleRNN(4)(y)), [(6, 5)]


@model(1)
def masked():
    m = K.models.Sequential()
    m.add(L.Embedding(9, 4, input_length=7, mask_zero=True))
    m.add(L.GRU(5))
    m.add(L.Dense(2))
    return m, [("int", 9, (7,))]


@model(1)
def old_layers():
    x = Input((6,))
    y = L.MaxoutDense(5, nb_feature=3)(x)
    y = L.Highway(activation="relu")(y)
    y = L.Highway(bias=False)(y)
    y = L.BatchNormalization(mode=0)(y)
    y = L.ParametricSoftplus()(y) if hasattr(L, "ParametricSoftplus") else y
    y = L.SReLU()(y) if hasattr(L, "SReLU") else y
    y = L.PReLU()(y)
    y = L.ThresholdedReLU(0.1)(y)
    return graph(x, y), [(6,)]


@model(1)
def batch_normalization_mode1():
    m = K.models.Sequential([L.Dense(4, input_dim=5), L.BatchNormalization(mode=1, epsilon=0.01), L.Dense(3)])
    return m, [(5,)]


@model(1)
def batch_normalization_mode2():
    m = K.models.Sequential([L.Dense(4, input_dim=5), L.BatchNormalization(mode=2)])
    return m, [(5,)]


@model(1)
def merges():
    a, b = Input((5,)), Input((5,))
    p, q = L.Dense(4)(a), L.Dense(4)(b)
    outputs = [L.merge([p, q], mode=mode) for mode in ("sum", "mul", "ave", "max")]
    c = L.merge(outputs, mode="concat")
    d = L.merge([p, q], mode="dot", dot_axes=1)
    return graph([a, b], [c, d]), [(5,), (5,)]


@model(1)
def merged_sequential():
    left, right = K.models.Sequential(), K.models.Sequential()
    left.add(L.Dense(4, input_dim=3))
    right.add(L.Dense(4, input_dim=5, activation="relu"))
    m = K.models.Sequential()
    m.add(L.Merge([left, right], mode="concat"))
    m.add(L.Dense(2))
    return m, [(3,), (5,)]


@model(1)
def volumes():
    m = K.models.Sequential()
    m.add(L.Convolution3D(3, 2, 2, 2, input_shape=(5, 6, 4, 2), dim_ordering="tf"))
    m.add(L.MaxPooling3D((2, 2, 1), dim_ordering="tf"))
    m.add(L.Flatten())
    return m, [(5, 6, 4, 2)]


@model(1)
def local():
    m = K.models.Sequential()
    m.add(L.LocallyConnected1D(3, 2, input_shape=(6, 4)))
    m.add(L.Flatten())
    return m, [(6, 4)]


@model(1)
def local2d():
    m = K.models.Sequential()
    m.add(L.LocallyConnected2D(3, 2, 3, input_shape=(6, 5, 2), dim_ordering="tf"))
    m.add(L.Flatten())
    return m, [(6, 5, 2)]


@model(1)
def deconvolution():
    m = K.models.Sequential()
    m.add(L.Deconvolution2D(3, 3, 3, (None, 13, 11, 3), subsample=(2, 2), input_shape=(6, 5, 2), dim_ordering="tf"))
    return m, [(6, 5, 2)]


@model(1)
def separable():
    m = K.models.Sequential()
    m.add(L.SeparableConvolution2D(4, 3, 3, depth_multiplier=2, input_shape=(6, 5, 2), dim_ordering="tf"))
    return m, [(6, 5, 2)]


@model(1)
def compiled():
    x = Input((4,))
    y = L.Dense(5, activation="relu")(x)
    m = graph(x, L.Dense(1, activation="sigmoid")(y))
    m.compile(optimizer="adam", loss="binary_crossentropy")
    m.fit(np.random.RandomState(0).normal(size=(16, 4)), np.zeros((16, 1)), nb_epoch=1, verbose=0)
    return m, [(4,)]

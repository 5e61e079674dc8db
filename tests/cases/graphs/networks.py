"""Small networks in the style of well-known ones: what passes over the graph must keep right."""
from caselist import NORMALISATION, Input, graph_case

CASES = []


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function."""
    return lambda function: CASES.append(graph_case("networks", *inputs, **settings)(function))


def convolution_block(k, x, filters, size=3, activation="relu", **options):
    """Convolution without bias, normalization, activation."""
    x = k.layers.Conv2D(filters, size, padding="same", use_bias=False, **options)(x)
    x = k.layers.BatchNormalization()(x)
    return k.layers.Activation(activation)(x) if activation else x


@case((8, 8, 3), rtol=NORMALISATION, legacy=False)
def residual_network(k, x):
    x = convolution_block(k, x, 4)
    for filters, strides in (4, 1), (7, 2):
        y = convolution_block(k, x, filters, strides=strides)
        y = convolution_block(k, y, filters, activation=None)
        if strides > 1:
            x = convolution_block(k, x, filters, size=1, activation=None, strides=strides)
        x = k.layers.ReLU()(k.layers.Add()([x, y]))
    return k.layers.Dense(5, "softmax")(k.layers.GlobalAveragePooling2D()(x))


@case((8, 8, 3), rtol=NORMALISATION, legacy=False)
def inverted_residuals(k, x):
    x = convolution_block(k, x, 6, activation="relu6", strides=2)
    y = convolution_block(k, x, 24, size=1, activation="relu6")
    y = k.layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
    y = k.layers.DepthwiseConv2D(3, strides=2, padding="valid", use_bias=False)(y)
    y = k.layers.ReLU(6.0)(k.layers.BatchNormalization()(y))
    y = convolution_block(k, y, 6, size=1, activation=None)
    return k.layers.Add()([y, k.layers.AveragePooling2D(2)(x)])


@case((7, 6, 4), rtol=NORMALISATION, legacy=False)
def squeeze_and_excitation(k, x):
    y = convolution_block(k, x, 8, activation="silu")
    s = k.layers.Reshape((1, 1, 8))(k.layers.GlobalAveragePooling2D()(y))
    s = k.layers.Conv2D(2, 1, activation="silu")(s)
    s = k.layers.Conv2D(8, 1, activation="sigmoid")(s)
    return k.layers.Conv2D(4, 1)(k.layers.Multiply()([y, s]))


@case((8, 8, 3), legacy=False)
def u_net(k, x):
    a = k.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = k.layers.Conv2D(8, 3, padding="same", activation="relu")(k.layers.MaxPooling2D(2)(a))
    c = k.layers.Conv2D(8, 3, padding="same", activation="relu")(k.layers.MaxPooling2D(2)(b))
    b = k.layers.Concatenate()([k.layers.UpSampling2D()(c), b])
    b = k.layers.Conv2D(4, 3, padding="same", activation="relu")(b)
    a = k.layers.Concatenate()([k.layers.UpSampling2D(interpolation="bilinear")(b), a])
    return k.layers.Conv2D(2, 1, activation="sigmoid")(a)


@case((8, 8, 3), legacy=False)
def inception(k, x):
    branches = [
        k.layers.Conv2D(3, 1, activation="relu")(x),
        k.layers.Conv2D(4, 5, padding="same", activation="relu")(k.layers.Conv2D(2, 1)(x)),
        k.layers.Conv2D(5, 1)(k.layers.MaxPooling2D(3, strides=1, padding="same")(x)),
    ]
    return k.layers.BatchNormalization()(k.layers.Concatenate()(branches))


@case((6, 6, 3), rtol=NORMALISATION, legacy=False)
def dense_network(k, x):
    for _ in range(3):
        y = k.layers.Activation("relu")(k.layers.BatchNormalization()(x))
        x = k.layers.Concatenate()([x, k.layers.Conv2D(4, 3, padding="same", use_bias=False)(y)])
    return k.layers.GlobalMaxPooling2D()(x)


@case((None, None, 3), sets=[[(8, 8, 3)], [(5, 11, 3)]])
def any_image_size(k, x):
    x = k.layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")(x)
    x = k.layers.MaxPooling2D(2, padding="same")(x)
    return k.layers.Dense(4)(k.layers.GlobalAveragePooling2D()(x))


@case((None, 3), sets=[[(4, 3)], [(13, 3)]])
def temporal_convolutions(k, x):
    for rate in 1, 2, 4:
        y = k.layers.Conv1D(6, 2, padding="causal", dilation_rate=rate, activation="relu")(x)
        x = k.layers.Add()([k.layers.Conv1D(6, 1)(x), y])
    return x


@case(Input((None,), dtype="int32", high=30), sets=[[(5,)], [(12,)]])
def text_classifier(k, x):
    x = k.layers.Embedding(30, 8)(x)
    x = k.layers.Bidirectional(k.layers.LSTM(5, return_sequences=True))(x)
    return k.layers.Dense(3, "softmax")(k.layers.GlobalMaxPooling1D()(x))


@case((6, 4))
def stacked_recurrent_layers(k, x):
    x = k.layers.LSTM(6, return_sequences=True)(x)
    x = k.layers.Dropout(0.3)(k.layers.GRU(5, return_sequences=True)(x))
    return k.layers.Dense(1)(k.layers.SimpleRNN(4)(x))


@case((5, 3))
def recurrent_states_used(k, x):
    y, h, c = k.layers.LSTM(4, return_sequences=True, return_state=True)(x)
    return k.layers.Concatenate()([k.layers.GlobalAveragePooling1D()(y), h, c])


@case(
    Input((1,), dtype="int32", high=7, name="shop"),
    Input((1,), dtype="int32", high=12, name="month"),
    Input((5,), name="numbers"),
)
def tabular_with_embeddings(k, shop, month, numbers):
    parts = [
        k.layers.Flatten()(k.layers.Embedding(7, 3)(shop)),
        k.layers.Flatten()(k.layers.Embedding(12, 2)(month)),
        k.layers.BatchNormalization()(numbers),
    ]
    x = k.layers.Dense(8, "relu")(k.layers.Concatenate()(parts))
    return k.layers.Dense(1, "sigmoid")(x)


@case((4, 6), legacy=False)
def mixer(k, x):
    y = k.layers.Permute((2, 1))(k.layers.LayerNormalization()(x))
    y = k.layers.Permute((2, 1))(k.layers.Dense(4)(k.layers.Dense(8, "gelu")(y)))
    x = k.layers.Add()([x, y])
    y = k.layers.Dense(6)(k.layers.Dense(12, "gelu")(k.layers.LayerNormalization()(x)))
    return k.layers.Add()([x, y])


@case((12,))
def normalization_before_and_after(k, x):
    x = k.layers.Normalization(mean=0.3, variance=2.0)(x)
    x = k.layers.Dense(9, use_bias=False)(x)
    x = k.layers.BatchNormalization()(x)
    x = k.layers.ELU()(x)
    x = k.layers.BatchNormalization(scale=False)(x)
    x = k.layers.Dense(5, "relu")(k.layers.Rescaling(2.0, -1.0)(x))
    return k.layers.BatchNormalization()(x)


@case((9, 9, 2), legacy=False)
def normalization_then_padded_convolution(k, x):
    """Folding the normalization into the convolution would put its shift into the padding as well."""
    x = k.layers.BatchNormalization()(x)
    x = k.layers.Conv2D(3, 3, padding="same")(x)
    x = k.layers.Rescaling(0.5, offset=1.0)(x)
    x = k.layers.ZeroPadding2D(1)(x)
    return k.layers.DepthwiseConv2D(3, strides=2)(x)


@case((6, 5, 3), legacy=False)
def separable_network(k, x):
    x = k.layers.SeparableConv2D(6, 3, padding="same", activation="relu")(x)
    y = k.layers.SeparableConv2D(6, 3, padding="same")(k.layers.ReLU()(x))
    x = k.layers.Cropping2D(((1, 0), (0, 1)))(k.layers.Add()([x, y]))
    return k.layers.Flatten()(x)


@case((16,), legacy=False)
def autoencoder(k, x):
    noisy, dropped = k.layers.GaussianNoise(0.1), k.layers.AlphaDropout(0.1)
    encoder = k.Sequential([k.Input((16,)), k.layers.Dense(8, "selu"), noisy, k.layers.Dense(3)], name="encoder")
    decoder = k.Sequential([k.Input((3,)), k.layers.Dense(8, "selu"), dropped, k.layers.Dense(16)], name="decoder")
    return decoder(encoder(x))


@case((12,))
def sequence_to_sequence(k, x):
    x = k.layers.RepeatVector(4)(k.layers.Dense(5, "tanh")(x))
    x = k.layers.LSTM(6, return_sequences=True)(x)
    return k.layers.Dense(3, "softmax")(x)


@case((40,), keras2=False)
def sparsemax_of_equal_values(k, x):
    return k.layers.Activation("sparsemax")(k.layers.ReLU(max_value=0.125)(x))

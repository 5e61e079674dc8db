"""Random networks of sequences: recurrent, convolutional and attention layers of the sizes that have quick ways of computing.

`random_model(keras, rng)` returns a Keras model; every choice comes from `rng`, so a seed names a network.
"""
from image_networks import CHANNELS, finish, pick

UNITS = (1, 3, 5, 8, 16, 17, 24, 32, 33, 48, 64, 65, 96, 100, 128)
LENGTHS = (3, 7, 16, 20, 33, 50, 64, 100)


def recurrent(k, rng, x, return_sequences=True):
    """Without SimpleRNN, whose state is chaotic with random weights: Keras itself is 1e-3 off there."""
    layer = pick(rng, k.layers.LSTM, k.layers.GRU)
    options = {"return_sequences": return_sequences, "use_bias": pick(rng, True, True, True, False)}
    if layer is k.layers.GRU:
        options["reset_after"] = pick(rng, True, True, False)
    options["recurrent_activation"] = pick(rng, "sigmoid", "sigmoid", "sigmoid", "hard_sigmoid", "tanh")
    if rng.random() < 0.35:
        return k.layers.Bidirectional(
            layer(pick(rng, *UNITS), **options), merge_mode=pick(rng, "concat", "sum", "ave", "mul"))(x)
    return layer(pick(rng, *UNITS), go_backwards=pick(rng, True, False, False, False), **options)(x)


def conv(k, rng, x):
    dilation_rate = pick(rng, 1, 1, 2, 4, 8)
    options = {"padding": pick(rng, "causal", "same"), "dilation_rate": dilation_rate}
    options["strides"] = pick(rng, 1, 1, 2) if dilation_rate == 1 else 1
    return finish(k, rng, k.layers.Conv1D(pick(rng, *CHANNELS), pick(rng, 1, 2, 3, 3, 5, 7), **options)(x))


def causal_block(k, rng, x):
    filters, y = pick(rng, *CHANNELS), x
    for dilation_rate in (1, 2, 4):
        y = finish(k, rng, k.layers.Conv1D(filters, 3, padding="causal", dilation_rate=dilation_rate)(y))
    if x.shape[-1] != filters:
        x = k.layers.Conv1D(filters, 1)(x)
    return finish(k, rng, k.layers.Add()([x, y]))


def attention_block(k, rng, x):
    """A transformer's block, normalised before or after its halves."""
    heads, key_dim, before = pick(rng, 1, 2, 3, 4, 8), pick(rng, 4, 8, 16, 24, 32, 64), pick(rng, True, False)
    y = k.layers.LayerNormalization()(x) if before else x
    layer = k.layers.MultiHeadAttention(heads, key_dim, value_dim=pick(rng, None, None, 8, 12))
    if rng.random() < 0.25:
        layer = k.layers.GroupQueryAttention(key_dim, 2 * heads, heads)
    x = k.layers.Add()([x, layer(y, y, use_causal_mask=pick(rng, True, False, False))])
    if not before:
        x = k.layers.LayerNormalization()(x)
    y = k.layers.LayerNormalization(epsilon=1e-6)(x) if before else x
    y = k.layers.Dense(pick(rng, 2, 4) * x.shape[-1], activation=pick(rng, "gelu", "relu", "silu"))(y)
    x = k.layers.Add()([x, k.layers.Dense(x.shape[-1])(y)])
    return x if before else k.layers.LayerNormalization()(x)


def other(k, rng, x):
    return pick(
        rng,
        lambda: k.layers.MaxPooling1D(2, padding="same")(x),
        lambda: k.layers.AveragePooling1D(3, strides=pick(rng, 1, 2), padding="same")(x),
        lambda: k.layers.Dense(pick(rng, *UNITS), activation=pick(rng, "relu", "tanh", None))(x),
        lambda: k.layers.TimeDistributed(k.layers.Dense(pick(rng, *UNITS), activation=pick(rng, "relu", "silu")))(x),
        lambda: k.layers.LayerNormalization()(x),
        lambda: k.layers.Attention(use_scale=pick(rng, True, False))([x, x]),
    )()


def random_model(k, rng):
    """A network of sequences of numbers, some of them masked."""
    x = inputs = k.Input((pick(rng, *LENGTHS), pick(rng, 1, 2, 3, 8, 10, 16, 24, 64)))
    if rng.random() < 0.25:
        x = k.layers.Masking()(x)
    for _ in range(pick(rng, 1, 2, 3, 4)):
        x = pick(rng, recurrent, recurrent, conv, conv, causal_block, attention_block, attention_block, other)(k, rng, x)
    if rng.random() < 0.4:
        x = recurrent(k, rng, x, return_sequences=False)
    elif rng.random() < 0.5:
        x = k.layers.GlobalAveragePooling1D()(x)
    return k.Model(inputs, k.layers.Dense(pick(rng, 1, 4, 10), activation=pick(rng, "softmax", "sigmoid", None))(x))

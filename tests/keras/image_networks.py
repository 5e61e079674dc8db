"""Random networks of images, built of what real ones are built of: residuals, depthwise blocks, DenseNets, U-Nets.

The sizes are those of the quick ways of computing (Winograd's tiles, fused blocks, concatenation in place) and their
neighbours. `random_model(keras, rng)` returns a Keras model; every choice comes from `rng`, so a seed names a network.
"""
ACTIVATIONS = ("relu", "relu", "relu6", "silu", "gelu", "tanh", "sigmoid", "hard_silu", "leaky_relu", "elu", "mish", None)
CHANNELS = (1, 3, 7, 8, 15, 16, 17, 24, 31, 32, 33, 40, 48, 64, 65, 96, 100, 128, 160, 192)
LARGEST = 1_000_000  # weights of a network
WIDEST = 400  # channels inside a block


def pick(rng, *choices):
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def finish(k, rng, x):
    """A normalisation and an activation, or one of them, or none."""
    if rng.random() < 0.6:
        x = k.layers.BatchNormalization()(x)
    activation = pick(rng, *ACTIVATIONS)
    return x if activation is None else k.layers.Activation(activation)(x)


def conv(k, rng, x, kernel_size, filters=None, **options):
    """A convolution that keeps the size of the image where `strides` does not change it, and what follows it."""
    use_bias = pick(rng, True, False)
    layer = k.layers.Conv2D(filters or pick(rng, *CHANNELS), kernel_size, padding="same", use_bias=use_bias, **options)
    return finish(k, rng, layer(x))


def any_conv(k, rng, x):
    kernel_size = pick(rng, 1, 2, 3, 3, 3, 4, 5, 7, (1, 7), (5, 3))
    strides = pick(rng, 1, 1, 1, 2, 3)
    options = {"strides": strides, "dilation_rate": pick(rng, 1, 1, 2, 3) if strides == 1 else 1}
    groups = pick(rng, 1, 1, 1, 1, 2, 4, 8)
    if x.shape[-1] % groups == 0:
        options |= {"groups": groups, "filters": groups * pick(rng, *CHANNELS[: 6 if groups > 1 else None])}
    if rng.random() < 0.3:
        x = k.layers.ZeroPadding2D(pick(rng, 1, (2, 1), ((0, 1), (1, 0))))(x)
    return conv(k, rng, x, kernel_size, **options)


def gate(k, rng, x):
    """Squeeze and excitation."""
    y = k.layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = k.layers.Conv2D(max(1, x.shape[-1] // 4), 1, activation=pick(rng, "relu", "silu"))(y)
    y = k.layers.Conv2D(x.shape[-1], 1, activation=pick(rng, "sigmoid", "hard_sigmoid"))(y)
    return k.layers.Multiply()(pick(rng, [x, y], [y, x]))


def depthwise_block(k, rng, x):
    """Expanding 1x1, depthwise and projecting 1x1 convolution, with or without a gate and a residual."""
    strides, kernel_size, expansion = pick(rng, 1, 1, 2), pick(rng, 2, 3, 3, 5, 7), pick(rng, 1, 2, 3, 6)
    y = x if expansion == 1 else conv(k, rng, x, 1, min(WIDEST, expansion * x.shape[-1]))
    padding = "same"
    if strides == 2 and rng.random() < 0.5:
        before, after = (kernel_size - 1) // 2, kernel_size // 2
        y, padding = k.layers.ZeroPadding2D(((before, after), (before, after)))(y), "valid"
    layer = k.layers.DepthwiseConv2D(
        kernel_size, strides, padding, depth_multiplier=pick(rng, 1, 1, 1, 2), use_bias=pick(rng, True, False))
    y = finish(k, rng, layer(y))
    if rng.random() < 0.4:
        y = gate(k, rng, y)
    y = k.layers.Conv2D(x.shape[-1] if strides == 1 and rng.random() < 0.6 else pick(rng, *CHANNELS), 1)(y)
    if rng.random() < 0.6:
        y = k.layers.BatchNormalization()(y)
    return k.layers.Add()(pick(rng, [x, y], [y, x])) if x.shape == y.shape else y


def residual(k, rng, x):
    strides, filters = pick(rng, 1, 1, 2), pick(rng, x.shape[-1], *CHANNELS)
    y = conv(k, rng, x, 1) if rng.random() < 0.5 else x
    y = conv(k, rng, y, 3, strides=strides)
    y = k.layers.BatchNormalization()(k.layers.Conv2D(filters, pick(rng, 1, 3), padding="same")(y))
    if y.shape != x.shape:
        x = k.layers.Conv2D(filters, 1, strides=strides)(x)
    return finish(k, rng, k.layers.Add()(pick(rng, [x, y], [y, x])))


def dense_block(k, rng, x):
    growth = pick(rng, *CHANNELS)
    for _ in range(pick(rng, 2, 3, 4)):
        y = k.layers.Conv2D(growth, 3, padding="same", use_bias=pick(rng, True, False))(finish(k, rng, x))
        x = k.layers.Concatenate()(pick(rng, [x, y], [y, x]))
    return k.layers.AveragePooling2D(2, padding="same")(conv(k, rng, x, 1)) if rng.random() < 0.6 else x


def inception(k, rng, x):
    deep = x
    for _ in range(pick(rng, 1, 2)):
        deep = conv(k, rng, deep, pick(rng, 3, 5, (1, 7), (7, 1)))
    pooled = pick(rng, k.layers.MaxPooling2D, k.layers.AveragePooling2D)(3, 1, "same")(x)
    branches = [conv(k, rng, x, 1), deep, conv(k, rng, pooled, 1), x]
    return k.layers.Concatenate()(branches[: pick(rng, 2, 3, 4)])


def u_net(k, rng, x):
    skips = []
    for _ in range(pick(rng, 1, 2)):
        if x.shape[1] % 2 == 0 and x.shape[2] % 2 == 0:
            skips.append(conv(k, rng, x, 3))
            x = k.layers.MaxPooling2D()(skips[-1])
    x = conv(k, rng, x, 3)
    for skip in reversed(skips):
        if rng.random() < 0.4:
            x = k.layers.UpSampling2D(2, interpolation=pick(rng, "nearest", "bilinear"))(x)
        else:
            x = k.layers.Conv2DTranspose(pick(rng, *CHANNELS), pick(rng, 2, 3, 4), 2, "same")(x)
        x = conv(k, rng, k.layers.Concatenate()(pick(rng, [x, skip], [skip, x])), 3)
    return x


def other(k, rng, x):
    kind = pick(rng, k.layers.MaxPooling2D, k.layers.AveragePooling2D)
    return pick(
        rng,
        lambda: kind(pick(rng, 2, 3), pick(rng, 1, 2), "same")(x),
        lambda: k.layers.LayerNormalization()(x),
        lambda: k.layers.GroupNormalization(groups=1)(x),
        lambda: k.layers.SeparableConv2D(pick(rng, *CHANNELS), 3, padding="same", activation="relu")(x),
        lambda: k.layers.PReLU(shared_axes=[1, 2])(x),
        lambda: k.layers.Multiply()([x, k.layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(x)]),
        lambda: k.layers.Subtract()([x, k.layers.AveragePooling2D(3, 1, "same")(x)]),
    )()


def random_model(k, rng):
    """A network of images, of at most LARGEST weights."""
    side = pick(rng, 8, 13, 14, 16, 24, 28, 32, 33, 40)
    x = inputs = k.Input((side, side if rng.random() < 0.7 else pick(rng, 7, 16, 29, 32), pick(rng, 1, 3, 3, 4, 8, 32)))
    if rng.random() < 0.7:
        x = conv(k, rng, x, pick(rng, 3, 5, 7), strides=pick(rng, 1, 2))
    for _ in range(pick(rng, 1, 2, 3, 4)):
        x = pick(rng, any_conv, depthwise_block, depthwise_block, residual, residual, dense_block, inception, u_net, other)(
            k, rng, x)
    if rng.random() < 0.6:
        x = pick(rng, k.layers.GlobalAveragePooling2D, k.layers.GlobalMaxPooling2D)()(x)
        x = k.layers.Dense(pick(rng, 1, 3, 10, 64, 100), activation=pick(rng, "softmax", "sigmoid", "relu", None))(x)
    model = k.Model(inputs, x)
    return model if model.count_params() <= LARGEST else random_model(k, rng)

"""Models of Keras 2 and 3. Each function gives back a model and what its inputs are: shapes, or a kind with a shape."""
import numpy as np

from .base import OWN, Input, K, L, family, graph, model, version


@model(2, 3)
def convolutions():
    x = Input((12, 10, 4))
    y = L.Conv2D(6, (3, 2), padding="same", activation="relu", strides=2)(x)
    y = L.BatchNormalization()(y)
    y = L.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False)(y)
    y = L.LeakyReLU()(y)
    y = L.Conv2DTranspose(4, 3, strides=2, padding="same")(y)
    y = L.ZeroPadding2D(((1, 0), (2, 1)))(y)
    y = L.AveragePooling2D(2, padding="same")(y)
    y = L.Conv2D(3, 2, dilation_rate=2, padding="same", activation="elu")(y)
    y = L.UpSampling2D((1, 2))(y)
    return graph(x, L.GlobalMaxPooling2D()(y)), [(12, 10, 4)]


@model(2, 3)
def depthwise():
    m = K.models.Sequential()
    m.add(L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", input_shape=(6, 5, 2)) if family() == 2
          else L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"))
    m.add(L.ReLU(6.0))
    m.add(L.Flatten())
    if family() == 3:
        m.build((None, 6, 5, 2))
    return m, [(6, 5, 2)]


@model(2, 3)
def sequences():
    x = Input((12, 4))
    y = L.Conv1D(6, 3, padding="causal", dilation_rate=2)(x)
    y = L.PReLU(shared_axes=[1])(y)
    y = L.MaxPooling1D(2)(y)
    y = L.SeparableConv1D(5, 2)(y) if hasattr(L, "SeparableConv1D") else L.Conv1D(5, 2)(y)
    y = L.Activation("hard_sigmoid")(y)
    y = L.Cropping1D((1, 0))(y)
    y = L.ZeroPadding1D(1)(y)
    return graph(x, L.GlobalAveragePooling1D()(y)), [(12, 4)]


@model(2, 3)
def recurrent():
    x = Input((6, 5))
    y = L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid")(x)
    y = L.GRU(4, return_sequences=True, go_backwards=True)(y)
    y = L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="ave")(y)
    y = L.TimeDistributed(L.Dense(3, activation="softmax"))(y)
    y, h = L.SimpleRNN(4, return_sequences=True, return_state=True)(y)
    y, h, c = L.LSTM(4, return_state=True)(y, initial_state=[h, h])
    return graph(x, [y, c]), [(6, 5)]


@model(2, 3)
def gru_reset():
    x = Input((6, 5))
    outputs = [L.GRU(4, reset_after=after)(x) for after in (False, True)]
    return graph(x, outputs), [(6, 5)]


@model(2, 3)
def defaults():
    x = Input((6, 5))
    return graph(x, [L.GRU(4)(x), L.LSTM(4)(x), L.Bidirectional(L.LSTM(2))(x)]), [(6, 5)]


@model(2, 3)
def cells():
    x = Input((6, 5))
    y = L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)], return_sequences=True)(x)
    return graph(x, L.RNN(L.GRUCell(3))(y)), [(6, 5)]


@model(2, 3)
def masked():
    x = Input((7,), dtype="int32")
    y = L.Embedding(9, 4, mask_zero=True)(x)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(y)
    y = L.TimeDistributed(L.Dense(3))(y)
    return graph(x, L.GRU(4)(y)), [("int", 9, (7,))]


@model(2, 3)
def conv_lstm():
    m = K.models.Sequential()
    layer = L.ConvLSTM2D
    kwargs = {"input_shape": (3, 6, 5, 2)} if family() == 2 else {}
    m.add(layer(3, 2, return_sequences=True, padding="same", **kwargs))
    m.add(L.BatchNormalization())
    m.add(layer(2, (2, 3)))
    m.add(L.Flatten())
    if family() == 3:
        m.build((None, 3, 6, 5, 2))
    return m, [(3, 6, 5, 2)]


@model(2)
def cudnn():
    """These run on GPUs alone: their file is read by a twin of layers that run anywhere."""
    base = L if hasattr(L, "CuDNNLSTM") else K.compat_v1.layers
    models = []
    for lstm, gru, options in ((base.CuDNNLSTM, base.CuDNNGRU, ({}, {})),
                               (L.LSTM, L.GRU, ({"recurrent_activation": "sigmoid"},
                                                {"recurrent_activation": "sigmoid", "reset_after": True}))):
        x = Input((6, 5))
        y = L.Bidirectional(lstm(4, return_sequences=True, **options[0]))(x)
        y = lstm(4, return_sequences=True, go_backwards=True, **options[0])(y)
        models.append(graph(x, gru(3, **options[1])(y)))
    models[0].twin = models[1]
    return models[0], [(6, 5)]


@model(2)
def local():
    x = Input((6, 5, 2))
    y = L.LocallyConnected2D(3, (2, 3))(x)
    y = L.Reshape((-1, 3))(y)
    y = L.LocallyConnected1D(4, 2)(y)
    return graph(x, L.Flatten()(y)), [(6, 5, 2)]


@model(2, 3)
def advanced():
    x = Input((6,))
    y = L.Dense(5, activation="selu")(x)
    y = L.ELU(0.7)(y)
    y = L.Dense(5, activation="softplus")(y)
    y = L.ThresholdedReLU(0.3)(y) if family() == 2 else y
    y = L.Dense(5, activation="softsign")(y)
    y = L.GaussianNoise(0.3)(L.AlphaDropout(0.2)(y))
    y = L.Softmax()(y) if hasattr(L, "Softmax") else L.Activation("softmax")(y)
    return graph(x, y), [(6,)]


@model(2, 3)
def merging():
    a, b = Input((4, 5)), Input((4, 5))
    p, q = L.Dense(4)(a), L.Dense(4)(b)
    outputs = [L.add([p, q]), L.multiply([p, q]), L.average([p, q]), L.maximum([p, q]), L.concatenate([p, q], axis=1),
               L.dot([p, q], axes=2, normalize=True)]
    if hasattr(L, "subtract"):
        outputs.append(L.subtract([p, q]))
    return graph([a, b], outputs), [(4, 5), (4, 5)]


@model(2, 3)
def nested():
    """A model inside with a frozen layer and BatchNormalization: weights that move in the flat list."""
    i = Input((5,))
    y = L.Dense(5, name="frozen", trainable=False)(i)
    y = L.BatchNormalization()(y)
    y = L.Dense(5, name="moving")(y)
    y = L.BatchNormalization()(y)
    y = L.Dense(5, name="other", trainable=False)(y)
    inner = graph(i, y, name="inner")
    m = K.models.Sequential([L.Dense(5, input_shape=(5,)) if family() == 2 else L.Dense(5), L.BatchNormalization()])
    if family() == 3:
        m.build((None, 5))
    x, z = Input((5,)), Input((5,))
    y = L.concatenate([inner(x), inner(z)])
    y = L.Dense(5)(y)
    return graph([x, z], [m(y), m(x)]), [(5,), (5,)]


@model(2, 3)
def frozen_nested():
    inner = K.models.Sequential([L.Dense(4, input_shape=(4,)) if family() == 2 else L.Dense(4), L.BatchNormalization(),
                                 L.Dense(4)])
    if family() == 3:
        inner.build((None, 4))
    inner.trainable = False
    x = Input((4,))
    y = L.Dense(4)(x)
    y = inner(y)
    return graph(x, L.Dense(4)(y)), [(4,)]


@model(2, 3)
def shared():
    x, z = Input((6,)), Input((6,))
    dense = L.Dense(4, activation="tanh")
    p, q = dense(x), dense(z)
    y = L.concatenate([p, q, dense(x)])
    return graph([x, z], [y, p]), [(6,), (6,)]


@model(2, 3)
def wrappers():
    x = Input((4, 6, 5, 2))
    conv = K.models.Sequential([L.Conv2D(3, 2, input_shape=(6, 5, 2)) if family() == 2 else L.Conv2D(3, 2),
                                L.BatchNormalization(), L.Flatten()])
    if family() == 3:
        conv.build((None, 6, 5, 2))
    y = L.TimeDistributed(conv)(x)
    y = L.TimeDistributed(L.Dropout(0.2))(y)
    y = L.Bidirectional(L.SimpleRNN(3), merge_mode="concat")(y)
    return graph(x, y), [(4, 6, 5, 2)]


@model(2, 3)
def channels_first():
    x = Input((3, 8, 7))
    y = L.Reshape((3, 56))(x)
    y = L.BatchNormalization(axis=1)(y)
    y = L.Permute((2, 1))(y)
    y = L.RepeatVector(3)(L.Flatten()(y))
    return graph(x, L.Dense(3)(y)), [(3, 8, 7)]


@model(2, 3)
def volumes():
    x = Input((5, 6, 4, 2))
    y = L.Conv3D(3, 2, padding="same")(x)
    y = L.MaxPooling3D((2, 2, 1))(y)
    y = L.UpSampling3D((1, 2, 1))(y)
    y = L.ZeroPadding3D(1)(y)
    y = L.Cropping3D(1)(y)
    y = L.Conv3DTranspose(2, 3, strides=2, padding="same")(y) if hasattr(L, "Conv3DTranspose") else y
    return graph(x, L.GlobalAveragePooling3D()(y)), [(5, 6, 4, 2)]


@model(2)
def raw_operations():
    """Slices, pads and lists: what TensorFlow up to 2.3 saved as raw operations."""
    import tensorflow as tf
    x, z = Input((4, 6)), Input((4, 6))
    outputs = [x[:, 1:3], x[:, ::2], x[:, -1], x[..., 1:], x[:, tf.newaxis, :, 2:5], x[:, ::-1]]
    outputs += [tf.pad(x, [[0, 0], [1, 2], [0, 1]], **options) for options in ({}, {"constant_values": 3.0},
                                                                            {"mode": "REFLECT"}, {"mode": "SYMMETRIC"})]
    outputs += [tf.stack([x, z], 1), tf.stack([x, z], -1)] + list(tf.unstack(x, axis=1))
    outputs += list(tf.split(x, 2, axis=-1)) + list(tf.split(x, [1, 3], axis=1)) + [tf.gather(x, [2, 0, 1], axis=1)]
    outputs += [tf.einsum("bij,bkj->bik", x, z), tf.cumsum(x, axis=1), tf.add_n([x, z, x]), tf.cast(x > 0, tf.float32)]
    outputs += list(tf.math.top_k(x, 3)) + [tf.matmul(x, z, transpose_b=True), tf.squeeze(x[:, :1], axis=1)]
    return graph([x, z], outputs), [(4, 6), (4, 6)]


@model(2)
def raw_windows():
    """Convolutions, pools, sizes of images and others that TensorFlow up to 2.3 saved as raw operations."""
    import tensorflow as tf
    x, n = Input((6, 8, 3)), Input((5,))
    kernel = np.linspace(-1, 1, 36, dtype="float32").reshape(2, 3, 3, 2)
    outputs = [tf.nn.conv2d(x, kernel, [1, 2, 1, 1], "SAME"), tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID")]
    outputs += [tf.nn.max_pool(x, [1, 2, 3, 1], [1, 2, 1, 1], "SAME"), tf.nn.avg_pool(x, 2, 2, "VALID")]
    outputs += [tf.image.resize(x, [9, 5], method=m) for m in ("bilinear", "nearest", "bicubic", "area")]
    outputs += [tf.slice(x, [0, 1, 0, 1], [-1, 3, -1, 2]), tf.cumsum(n, axis=1, exclusive=True, reverse=True)]
    places = tf.cast(tf.abs(n) * 2, "int32")
    outputs += [tf.bitwise.bitwise_and(places, 3), tf.bitwise.left_shift(places, 1)]
    return graph([x, n], outputs), [(6, 8, 3), (5,)]


@model(2)
def raw_shapes():
    """Computed shapes, comparisons and others that TensorFlow up to 2.3 saved as raw operations."""
    import tensorflow as tf
    x, z = Input((3, 2)), Input((4, 4, 3))
    s, a = tf.shape(x), tf.linalg
    outputs = [tf.fill([s[0], 2], 2.5) * x[:, 0], tf.zeros(s) + x, tf.concat([x, tf.ones((s[0], 1, 2))], 1), x[:, : s[1] - 1]]
    outputs += [tf.cast(x == z[:, 0, :3, :2], "int32"), tf.cast(tf.not_equal(tf.round(x), 0.0), "int32"), tf.squeeze(x[:, :1, None])]
    outputs += [a.band_part(z[..., 0], 1, 0), a.diag(x[:, 0]), a.diag_part(z[..., 0], k=1), a.set_diag(z[..., 0], z[:, 0, :, 0])]
    outputs += [tf.pad(x, [[0, 0], [s[1] - 2, 0], [0, 0]]), tf.one_hot(tf.cast(abs(x), "int32"), 3, on_value=4.0, off_value=1.0)]
    kernel = np.linspace(-1, 1, 54, dtype="float32").reshape(3, 3, 2, 3)
    outputs += [tf.nn.conv2d_transpose(z, kernel, [s[0], 8, 8, 2], 2), tf.image.adjust_contrast(z, 1.5)]
    outputs += [tf.ensure_shape(x, [None, 3, 2]), tf.raw_ops.Bucketize(input=x, boundaries=[-0.5, 0.5])]
    outputs += [tf.image.extract_patches(z, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"), tf.keras.backend.batch_flatten(x)]
    return graph([x, z], outputs), [(3, 2), (4, 4, 3)]


@model(2)
def constants_first():
    """Functions of a constant, which Keras reads back as a list, and one of Keras's backend."""
    import tensorflow as tf
    x, n = Input((3, 2)), Input((4,))
    table = np.linspace(-1, 1, 6, dtype="float32").reshape(3, 2)
    outputs = [tf.nn.embedding_lookup(table, tf.cast(abs(n), "int32") % 3), K.backend.batch_flatten(x)]
    return graph([x, n], outputs + [tf.matmul(table.T, x), 2.0 - x]), [(3, 2), (4,)]


@model(2)
def whole_batch():
    """What looks at all rows of a batch, their number among it."""
    import tensorflow as tf
    x = Input((3, 2))
    return graph(x, [x + tf.nn.l2_loss(x), x + tf.math.zero_fraction(tf.round(x)), x * tf.cast(tf.shape(x)[0], "float32")]), [(3, 2)]


@model(2)
def losses():
    """What add_loss and add_metric leave in a graph, among it a function that nothing else can be."""
    import tensorflow as tf
    x = Input((6,))
    mean, log_variance = L.Dense(2)(x), L.Dense(2)(x)
    y = L.Dense(6, activation="sigmoid")(mean)
    m = graph(x, y)
    divergence = -0.5 * tf.reduce_sum(1 + log_variance - tf.square(mean) - tf.exp(log_variance), axis=-1)
    m.add_loss(tf.reduce_mean(divergence + K.losses.binary_crossentropy(x, y) + tf.math.lgamma(abs(x))[:, 0]))
    m.add_metric(divergence, name="divergence", aggregation="mean")
    return m, [(6,)]


@model(2)
def masked_softmax():
    """Masks of Softmax: none before 2.4; after it, a row that is masked as a whole keeps its scores."""
    if version() < (2, 4):
        x = Input((5, 4))
        return graph(x, L.Softmax(axis=1)(L.Masking()(x))), [(5, 4)]
    x = Input((5,))
    return graph(x, [L.Softmax()(x, mask=x > 0), L.Softmax()(x, mask=x > 100)]), [(5,)]


@model(2, 3)
def transposed():
    x = Input((5, 6, 3))
    options = {"output_padding": 1} if version() >= (2, 3) and not (3,) <= version() < (3, 12) else {}  # lost in files of those
    y = L.Conv2DTranspose(4, 3, strides=2, **options)(x)
    if hasattr(L, "Conv1DTranspose"):
        z = L.Reshape((-1, 4))(y)
        return graph(x, L.Conv1DTranspose(2, 4, strides=3, padding="same")(z)), [(5, 6, 3)]
    return graph(x, y), [(5, 6, 3)]


@model(2, 3)
def names():
    """Names that are no identifiers. TensorFlow's Keras refuses most of them."""
    x = Input((4,), name="input one")
    y = L.Dense(4, name="couche é")(x)
    y = L.Dense(3, name="with space")(y)
    y = L.Dense(3, name="a.b-c>d")(y)
    return graph(x, y, name="modèle"), [(4,)]


@model(2, 3)
def slashes():
    x = Input((4,), name="in/put")
    y = L.Dense(4, name="block/dense")(x)
    y = L.Dense(4, name="block/dense_1")(y)
    y = L.BatchNormalization(name="block")(y)
    return graph(x, y), [(4,)]


@model(2, 3)
def many_names():
    """More names than one attribute of an HDF5 file may hold."""
    x = y = Input((2,))
    for i in range(720):
        y = L.Activation("linear", name="layer_%03d_%s" % (i, "long_" * 18))(y)
    return graph(x, L.Dense(2)(y)), [(2,)]


@model(2, 3)
def attention():
    a, b = Input((4, 6)), Input((5, 6))
    y = L.Attention(use_scale=True)([a, b])
    z = L.AdditiveAttention()([a, b])
    outputs = [y, z]
    if hasattr(L, "MultiHeadAttention"):
        outputs.append(L.MultiHeadAttention(2, 3, value_dim=4, output_shape=5)(a, b))
        outputs.append(L.MultiHeadAttention(3, 2)(a, a, use_causal_mask=True)
                       if version() >= (2, 10) else L.MultiHeadAttention(3, 2)(a, a))
    return graph([a, b], outputs), [(4, 6), (5, 6)]


@model(2, 3)
def normalizations():
    x = Input((5, 4, 6))
    y = L.LayerNormalization(axis=[2, 3])(x)
    y = L.LayerNormalization(axis=-1, epsilon=1e-5, scale=False)(y)
    y = L.BatchNormalization(scale=False)(y)
    y = L.UnitNormalization()(y) if hasattr(L, "UnitNormalization") else y
    y = L.GroupNormalization(3)(y) if hasattr(L, "GroupNormalization") else y
    return graph(x, y), [(5, 4, 6)]


@model(2, 3)
def einsum():
    x = Input((4, 6))
    dense = L.EinsumDense if hasattr(L, "EinsumDense") else L.experimental.EinsumDense
    return graph(x, dense("abc,cd->abd", output_shape=(None, 5), bias_axes="d", activation="gelu")(x)), [(4, 6)]


@model(2, 3)
def preprocessing():
    p = L if hasattr(L, "Rescaling") else L.experimental.preprocessing
    x = Input((12, 10, 3))
    y = p.Rescaling(1 / 127.5, offset=-1)(x)
    y = p.Resizing(8, 7)(y)
    y = p.RandomFlip("horizontal")(y)
    y = p.RandomRotation(0.2)(y)
    y = p.CenterCrop(6, 5)(y)
    norm = p.Normalization()
    norm.adapt(np.random.RandomState(0).normal(size=(20, 6, 5, 3)).astype("float32") * 3 + 1)
    y = norm(y)
    return graph(x, L.Conv2D(2, 3)(y)), [(12, 10, 3)]


@model(2, 3)
def words():
    p = L if hasattr(L, "StringLookup") else L.experimental.preprocessing
    s = Input((1,), dtype="string")
    lookup = p.StringLookup(vocabulary=["red", "green", "blue"], output_mode="int")(s)
    y = L.Flatten()(L.Embedding(6, 3)(lookup))
    return graph(s, y), [("words", ["red", "blue", "purple", "green", ""], (1,))]


@model(2, 3)
def text():
    p = L if hasattr(L, "TextVectorization") else L.experimental.preprocessing
    s = Input((1,), dtype="string")
    layer = p.TextVectorization(max_tokens=20, output_sequence_length=6)
    layer.adapt(np.array(["the quick brown fox", "jumps over the lazy dog", "the dog"]))
    y = L.Embedding(20, 4)(layer(s))
    return graph(s, L.GlobalAveragePooling1D()(y)), [("words", ["The dog!", "a fox jumps", "", "quick quick the"], (1,))]


@model(2, 3)
def categories():
    p = L if hasattr(L, "IntegerLookup") else L.experimental.preprocessing
    i = Input((3,), dtype="int64")
    f = Input((2,))
    y = p.IntegerLookup(vocabulary=[3, 5, 7])(i)
    z = p.CategoryEncoding(num_tokens=5, output_mode="multi_hot")(y) if version() >= (2, 6) else y
    d = p.Discretization(bin_boundaries=[-0.5, 0.0, 0.8])(f) if version() >= (2, 6) else p.Discretization(bins=[-0.5, 0.0, 0.8])(f)
    h = p.Hashing(num_bins=7)(i)
    return graph([i, f], [y, z, d, h]), [("int", 9, (3,)), (2,)]


@model(2)
def tf_functions():
    import tensorflow as tf
    x, z = Input((6, 4)), Input((6, 4))
    y = tf.nn.relu(x) + 2.0 * z
    y = tf.concat([y, x[:, :, 1:3]], axis=-1)
    y = tf.reduce_mean(y, axis=[1], keepdims=True)
    y = tf.math.log(tf.abs(y) + 1.0) ** 2 - tf.reshape(x, (-1, 1, 24))[..., :6]
    y = tf.transpose(y, [0, 2, 1])
    y = tf.cast(tf.clip_by_value(y, -1.0, 1.5), tf.float32)
    w = tf.matmul(x, z, transpose_b=True)
    return graph([x, z], [y, tf.nn.softmax(w, axis=-1), tf.stack([x[:, 0], z[:, 1]], axis=1)]), [(6, 4), (6, 4)]


@model(2)
def dense_features():
    import tensorflow as tf
    fc = tf.feature_column
    colour = fc.categorical_column_with_vocabulary_list("colour", ["red", "green"], num_oov_buckets=3)
    size = fc.bucketized_column(fc.numeric_column("size", shape=(2,)), [0.0, 0.5])
    columns = [fc.numeric_column("age"), size, fc.indicator_column(colour), fc.embedding_column(colour, 4),
               fc.embedding_column(fc.categorical_column_with_identity("kind", 6), 3, combiner="sqrtn"),
               fc.indicator_column(fc.categorical_column_with_hash_bucket("place", 5)),
               fc.indicator_column(fc.categorical_column_with_vocabulary_list("kind", [2, 5, 1], default_value=0))]
    inputs = {"age": Input((1,), name="age"), "size": Input((2,), name="size"),
              "colour": Input((2,), name="colour", dtype="string"), "kind": Input((3,), name="kind", dtype="int64"),
              "place": Input((1,), name="place", dtype="string")}
    y = L.DenseFeatures(columns)(inputs)
    return graph(inputs, [L.Dense(3)(y), y]), {
        "age": (1,), "colour": ("words", ["red", "green", "x", "", "yellow"], (2,)), "kind": ("int", 6, (3,)),
        "place": ("words", ["here", "", "there"], (1,)), "size": (2,)}


@model(2, 3)
def mixed_precision():
    if family() == 3:
        K.mixed_precision.set_global_policy("mixed_float16")
    elif hasattr(K.mixed_precision, "set_global_policy"):
        K.mixed_precision.set_global_policy("mixed_float16")
    else:
        K.mixed_precision.experimental.set_policy("mixed_float16")
    try:
        x = Input((6,))
        y = L.Dense(8, activation="relu")(x)
        y = L.BatchNormalization()(y)
        y = L.Dense(3)(y)
        return graph(x, L.Activation("softmax", dtype="float32")(y)), [(6,)]
    finally:
        if hasattr(K.mixed_precision, "set_global_policy"):
            K.mixed_precision.set_global_policy("float32")
        else:
            K.mixed_precision.experimental.set_policy("float32")


@model(2, 3)
def subclass():
    class Mine(K.Model):
        pass

    class Row(K.Sequential):
        pass
    OWN.update(Mine=Mine, Row=Row)
    x = Input((4,))
    row = Row([L.Dense(3, input_shape=(4,)) if family() == 2 else L.Dense(3), L.BatchNormalization()])
    if family() == 3:
        row.build((None, 4))
    return Mine(x, L.Dense(2)(row(x))), [(4,)]


@model(2, 3)
def unbuilt():
    """A Sequential that never was told its input's shape."""
    m = K.models.Sequential([L.Conv1D(4, 3, padding="same"), L.BatchNormalization(), L.GlobalMaxPooling1D(), L.Dense(2)])
    m.predict(np.zeros((1, 7, 3), "float32"))
    return m, [(7, 3)]


@model(2, 3)
def compiled():
    x = Input((4,))
    y = L.Dense(5, activation="relu")(x)
    m = graph(x, L.Dense(1, activation="sigmoid")(y))
    m.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    m.fit(np.random.RandomState(0).normal(size=(16, 4)), np.zeros((16, 1)), epochs=1, verbose=0)
    return m, [(4,)]


@model(2, 3)
def stateful():
    x = L.Input(batch_shape=(4, 3, 2))
    return graph(x, L.Dense(2)(L.LSTM(3, stateful=True)(x))), [(3, 2)]


@model(3)
def operations():
    ops = K.ops
    x, z = Input((6, 4)), Input((6, 4))
    y = ops.relu(x) + 2.0 * z
    y = ops.concatenate([y, x[:, :, 1:3]], axis=-1)
    y = ops.mean(y, axis=1, keepdims=True)
    return graph([x, z], [y, ops.softmax(ops.matmul(x, ops.transpose(z, (0, 2, 1))))]), [(6, 4), (6, 4)]


@model(3)
def narrow():
    """bfloat16, which Keras writes to .h5 as two bytes without a name and cannot read there; and an operation with a dtype."""
    x = Input((6,))
    y = L.Dense(8, dtype="bfloat16")(L.LayerNormalization(dtype="bfloat16")(x))
    return graph(x, K.ops.concatenate([L.Dense(3)(y), K.ops.one_hot(K.ops.argmax(x, axis=-1), 6)], axis=-1)), [(6,)]


@model(2)
def time_major():
    """Time before the batch, from a transposition to the next: a row's numbers are its own."""
    import tensorflow as tf
    x = Input((5, 3))
    y = L.Masking()(tf.nn.relu(tf.transpose(x, [1, 0, 2])))
    y = L.LSTM(4, return_sequences=True, time_major=True)(L.Dense(6, activation="relu")(y))
    y = L.Bidirectional(L.GRU(3, return_sequences=True, time_major=True, reset_after=False))(y)
    z, h, c = L.LSTM(2, return_sequences=True, return_state=True, time_major=True, go_backwards=True)(y)
    cells = [L.SimpleRNNCell(3), L.GRUCell(4)]
    last = L.RNN(cells, time_major=True, unroll=True)(y)
    again = L.LSTM(2, time_major=True)(z, initial_state=[h, c])
    return graph(x, [tf.transpose(z, [1, 0, 2]), h, c, last, again, y[-1], tf.reduce_mean(z, 0)]), [(5, 3)]


@model(2)
def time_of_rows():
    """The rows are time steps: what is predicted depends on the others of a batch, and has not as many rows."""
    x = Input((5, 3))
    y = L.LSTM(4, return_sequences=True, time_major=True)(x)
    y = L.Bidirectional(L.GRU(3, return_sequences=True, time_major=True), merge_mode="sum")(y)
    return graph(x, [y, L.SimpleRNN(2, time_major=True)(y)]), [(5, 3)]


@model(2)
def blocks_of_images():
    """Blocks of an image as images of their own, and back: what TensorFlow makes of dilated convolutions."""
    import tensorflow as tf
    x = Input((8, 6, 3))
    y = tf.space_to_batch(x, [2, 3], [[1, 1], [0, 3]])
    y = L.BatchNormalization()(L.Conv2D(4, 2, activation="relu")(y))
    y = tf.concat([y, tf.nn.max_pool2d(L.DepthwiseConv2D(2, padding="same")(y), 2, 1, "SAME")], -1)
    return graph(x, tf.batch_to_space(y * 2.0 + 1.0, [2, 3], [[1, 0], [0, 2]])), [(8, 6, 3)]


@model(2)
def masked_states():
    """States of the graph go with a mask in Keras 2, as in the decoder of a translation."""
    x = Input((5, 3))
    y = L.Masking()(L.ReLU()(x))
    z, h, c = L.LSTM(3, return_state=True, return_sequences=True)(y)
    both = L.Bidirectional(L.GRU(2))(y, initial_state=[L.Dense(2)(h), L.Dense(2)(c)])
    stacked = L.RNN([L.LSTMCell(3), L.SimpleRNNCell(3)])(y, initial_state=[[h, c], h])
    return graph(x, [L.LSTM(3)(y, initial_state=[h, c]), L.GRU(3, return_sequences=True)(y, initial_state=h), both, stacked]), [(5, 3)]


@model(2)
def peepholes():
    """A cell of tf.keras up to TensorFlow 2.8."""
    from tensorflow import keras
    cell = keras.experimental.PeepholeLSTMCell
    x = Input((6, 3))
    y = L.Bidirectional(L.RNN(cell(3, activation="softsign"), return_sequences=True))(L.Masking()(L.ReLU()(x)))
    z, h, c = L.RNN(cell(2, recurrent_activation="sigmoid", use_bias=False), return_state=True)(y)
    return graph(x, [z, c, L.RNN([L.GRUCell(3), cell(2)], go_backwards=True)(y)]), [(6, 3)]

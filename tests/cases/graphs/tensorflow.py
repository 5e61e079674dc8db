"""TensorFlow functions in graphs of Keras 2 (src/format/tfops.def), which only its files hold."""
from caselist import Input, graph_case

CASES = []


def case(*inputs):
    """Appends what `graph_case` makes of a function `(tf, *tensors)`; tf_keras calls what it meets TFOpLambda."""

    def decorate(function):
        def build(k, *tensors):
            import tensorflow

            return function(tensorflow, *tensors)

        CASES.append(graph_case("tensorflow", *inputs, keras3=False, name=function.__name__)(build))

    return decorate


@case((4, 3), (4, 3))
def tf_binary(tf, x, y):  # SquaredDifference MultiplyNoNan AddN
    m = tf.math
    compared = [tf.where(x > y, x, y), tf.cast(m.less(x, 0.5), "float32"), tf.cast(m.logical_and(x > 0, y > 0), "int32")]
    sums = [x + y, x - 2.0, 3 * x, x / (abs(y) + 1), m.squared_difference(x, y), m.add_n([x, y, x])]
    return sums + compared + [m.maximum(x, 0.1), m.divide_no_nan(x, tf.round(y)), m.multiply_no_nan(x, tf.round(y))]


@case((4, 3))
def tf_unary(tf, x):
    m, n = tf.math, tf.nn
    y = tf.abs(x) + 0.1
    plain = [-x, m.exp(x), m.log(y), m.sqrt(y), m.rsqrt(y), m.square(x), m.sign(x), m.erf(x), m.ceil(x), m.reciprocal(y)]
    functions = [n.relu(x), n.relu6(x * 9), n.elu(x), n.selu(x), n.silu(x), n.gelu(x), n.gelu(x, approximate=True)]
    more = [n.leaky_relu(x), n.leaky_relu(x, alpha=0.4), n.softmax(x), n.log_softmax(x, axis=1), m.softplus(x), n.softsign(x)]
    return plain + functions + more + [m.l2_normalize(x, axis=-1), tf.clip_by_value(x, -0.5, 0.5)]


@case((4, 3))
def tf_reductions(tf, x):
    m = tf.math
    names = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_std reduce_variance reduce_logsumexp".split()
    values, places = m.top_k(x, k=2)
    return [getattr(m, n)(x, axis=1) for n in names] + [
        m.reduce_mean(x, axis=[1, 2], keepdims=True), m.argmax(x, axis=-1), m.cumsum(x, axis=1), values, places,
    ]


@case((4, 3), (3, 4))
def tf_shapes(tf, x, y):  # MatMul SplitSizes
    moved = [tf.transpose(x, [0, 2, 1]), tf.reshape(x, [-1, 12]), tf.expand_dims(x, 1), tf.squeeze(tf.expand_dims(x, 2), 2)]
    joined = [tf.concat([x, x + 1.0], axis=-1), tf.stack([x, x], axis=2), *tf.unstack(y, axis=1)]
    parts = [*tf.split(x, 2, axis=1), *tf.split(y, [1, -1], axis=1), tf.tile(x, [1, 2, 1]), tf.repeat(x, 2, axis=1)]
    sliced = [x[:, 1:3], x[:, -1], x[..., ::2], x[:, None, :, 0], tf.reverse(x, axis=[1]), tf.roll(x, shift=1, axis=1)]
    padded = [tf.pad(x, [[0, 0], [1, 0], [0, 2]]), tf.gather(x, [2, 0], axis=1), tf.one_hot(tf.cast(abs(x) * 2, "int32"), 4)]
    return moved + joined + parts + sliced + padded + [tf.matmul(x, y), tf.matmul(x, x, transpose_b=True)]


def constant(*shape):
    """A kernel: some numbers of this shape."""
    import numpy as np

    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


@case((5, 6, 4), (7, 4))
def tf_windows(tf, x, s):  # ConvTransposeTo
    n = tf.nn
    a, b = constant(3, 2, 4, 3), constant(2, 3, 4, 2)
    convolved = [n.conv2d(x, a, 1, "SAME"), n.conv2d(x, a, [1, 2, 1, 1], "VALID", dilations=[1, 1, 2, 1]), n.convolution(x, a)]
    depthwise = [n.depthwise_conv2d(x, b, [1, 1, 1, 1], "SAME"), n.separable_conv2d(x, b, constant(1, 1, 8, 3), [1, 2, 2, 1], "SAME")]
    batch = tf.shape(x)[0]
    longer = [
        n.conv2d_transpose(x, constant(3, 2, 5, 4), [batch, 9, 12, 5], 2),
        n.conv2d_transpose(x, constant(3, 2, 5, 4), tf.stack([batch, 11, 13, 5]), [1, 2, 2, 1], padding="VALID"),
    ]
    pools = [n.max_pool(x, [1, 2, 3, 1], [1, 2, 1, 1], "SAME"), n.avg_pool(x, 2, [2, 1], "VALID"), n.max_pool1d(s, 3, 2, "SAME")]
    return convolved + depthwise + longer + pools + [n.conv1d(s, constant(3, 4, 2), stride=2, padding="SAME"), n.bias_add(s, constant(4))]


@case((5, 6, 3), Input((4, 4, 3), "uint8", 0, 255))
def tf_more_images(tf, x, pixels):  # ResizeFloats
    i = tf.image
    methods = [i.resize(pixels, [6, 5], method=m) for m in ("bilinear", "nearest", "bicubic", "area")]
    methods += [i.resize(x, [3, 11], method=m) for m in ("gaussian", "mitchellcubic", "lanczos3")]
    methods += [i.resize(x, [3, 4], method=m, antialias=True) for m in ("gaussian", "mitchellcubic")]
    cut = [i.crop_to_bounding_box(x, 1, 2, 3, 3), i.pad_to_bounding_box(x, 1, 2, 8, 9), i.rot90(x), i.transpose(x)]
    hsv = i.rgb_to_hsv(tf.abs(x))
    patches = i.extract_patches(x, [1, 2, 2, 1], [1, 2, 3, 1], [1, 1, 1, 1], "VALID")
    return methods + cut + [hsv, i.hsv_to_rgb(tf.sigmoid(x)), i.grayscale_to_rgb(x[..., :1]), patches]


@case((4, 6), Input((5,), "int32", 0, 6))
def tf_others(tf, x, n):  # L2Normalize Gather SortInDirection ArgsortInDirection CumsumInDirection CumprodInDirection
    m, b = tf.math, tf.bitwise
    parts = [tf.slice(x, [0, 1, 2], [-1, 2, -1]), tf.linalg.trace(x), tf.linalg.diag_part(x), tf.linalg.matrix_transpose(x)]
    norms = [m.l2_normalize(x, -1, epsilon=2.0), m.reduce_euclidean_norm(x, axis=-1), tf.linalg.matvec(x, tf.cast(n, "float32")[:, :1] * constant(6))]
    whole = [b.bitwise_and(n, 3), b.bitwise_or(n, 8), b.bitwise_xor(n, 5), b.invert(n), b.left_shift(n, 2), b.right_shift(n, 1)]
    sorted_ = [tf.sort(x, axis=1), tf.argsort(x), tf.saturate_cast(x * 200, "uint8"), tf.ensure_shape(x, [None, 4, 6])]
    plain = [m.bessel_i0(x), m.nextafter(x, x + 1), m.scalar_mul(2.0, x), m.erfinv(m.tanh(x))]
    summed = [m.cumsum(x, 1, exclusive=True), m.cumsum(n, -1, reverse=True), m.cumprod(x, 2, exclusive=True, reverse=True)]
    fallen = [tf.sort(x, 1, "DESCENDING"), tf.argsort(x, direction="DESCENDING")]
    places = [tf.gather(x, n[:, :3] // 2, axis=1, batch_dims=1), tf.gather(x, n[:, :4, None] // 2, axis=2, batch_dims=2)]
    return parts + norms + whole + sorted_ + plain + summed + fallen + places


@case(Input((4, 4, 3)))
def tf_images(tf, x):
    return [tf.image.resize(x, [6, 5]), tf.nn.depth_to_space(tf.concat([x] * 4, -1), 2), tf.nn.space_to_depth(x, 2)]


@case((4, 6))
def tf_sizes(tf, x):  # Shape TensorNorm
    s = tf.shape(x)
    shapes = [(s[0], -1), [s[0], s[2], s[1]], tf.stack([s[0], s[1] * s[2] // 2, 2])]
    return [tf.reshape(x, shape) for shape in shapes] + [tf.norm(x, axis=-1, keepdims=True), tf.norm(x, ord=1, axis=1)]


@case((4, 2), (2,))
def tf_filled(tf, x, v):  # Fill Range SequenceMask OneHotOf SliceOf StridedSlice
    s = tf.shape(x)
    made = [tf.fill([s[0], 2], 2.5), tf.zeros((s[0], 1)), tf.ones([s[0], s[1]], dtype="int32"), tf.ones(s), tf.fill(s[:2], 7)]
    made = [y + tf.cast(x[:, :1, 0], y.dtype) if y.shape.rank == 2 else y * x for y in made]
    spread = [tf.tile(constant(2, 1, 2), [s[0], 1, 1])[:, :, 0], tf.tile(v[:, None], [1, s[1], 1]), tf.broadcast_to(v[:, None], s)]
    spread = [tf.broadcast_to(constant(1, 4, 1), [s[0], 4, 2])] + spread[1:]
    counted = [tf.cast(tf.range(s[1]), "float32")[:, None] * x, x * tf.range(1.0, 2.0, 0.5), x + tf.cast(tf.range(9, 1, -2), x.dtype)[:, None]]
    places = tf.cast(abs(v) * 2, "int32")
    hot = [tf.one_hot(places, 3, on_value=2.0, off_value=-1.0), tf.one_hot(places, s[-2], axis=1), tf.sequence_mask(places, 3)]
    cut = [tf.slice(x, [0, 1, 0], [s[0], s[1] - 2, -1]), x[:, : s[1] - 1], tf.strided_slice(x, [0, -1, 0], [0, 0, 2], end_mask=5, shrink_axis_mask=2)]
    cut += [tf.repeat(constant(1, 2), s[0], axis=0) * v, tf.repeat(v[:, None], s[1], axis=1), *tf.split(x, [s[1] - 1, 1], axis=1), tf.roll(x, s[1] - 1, 1)]
    return made + spread + counted + hot + cut + [tf.pad(x, [[0, 0], [s[1] - 3, 0], [0, 0]])]


@case((2, 3))
def tf_arithmetic(tf, x):  # TrueDivideOf XLogY XLog1PY XDivY ReciprocalNoNan TruncateDiv TruncateMod Div SumOf MeanOf ProdOf ArgmaxOf ArgminOf
    m, n = tf.math, tf.nn  # CountNonzeroOf ClipBetween ClipByNorm Crelu Swish LocalResponse Ndtri Erfcinv Polyval
    z, y, i = m.round(x), abs(x) + 0.1, tf.cast(x * 9, "int32")  # CumulativeLogsumexp XwPlusB ReluLayer Dct NormalizeNorm
    signs = [m.xlogy(z, y), m.xlog1py(z, y), m.xdivy(z, y), m.reciprocal_no_nan(z), tf.truncatediv(i, 4), tf.truncatemod(i, -4)]
    divided = [i / 4, tf.compat.v1.div(i, 4), tf.compat.v1.div(x, y), tf.reduce_sum(tf.cast(i, "int8") * 9, 1), tf.reduce_mean(i, [1, 2]), tf.reduce_prod(i, 1)]
    norms = [tf.clip_by_norm(x, 1.0, [2]), tf.clip_by_value(x, -y, y[:, :1]), *tf.linalg.normalize(x, axis=1), m.count_nonzero(z, axis=2)]
    others = [n.crelu(x), n.silu(x, 1.5), n.local_response_normalization(x[:, None], 1, 1.0, 0.5, 0.75), m.ndtri(m.sigmoid(x))]
    more = [m.erfcinv(m.sigmoid(x)), m.polyval([1.0, x, 2.0], x), m.cumulative_logsumexp(x, 1), tf.signal.dct(x, norm="ortho"), tf.signal.dct(x)]
    old = tf.compat.v1.nn
    return signs + divided + norms + others + more + [old.xw_plus_b(x[:, 0], constant(3, 2), constant(2)), old.relu_layer(x[:, 0], constant(3, 2), constant(2))]


@case((3, 3), Input((2,), "int32", 0, 3))
def tf_places(tf, x, n):  # BandPart MatrixDiag MatrixSetDiag GatherNd ReverseSequence IdentityN SearchSortedRows
    a = tf.linalg
    bands = [a.band_part(x, -1, 0), a.band_part(x, 0, 1), a.diag(x[:, 0], k=-1), a.diag_part(x, k=1), a.set_diag(x, x[:, :, 0])]
    bands += [a.set_diag(x, x[:, :2, 1], k=-1), a.matmul(x, x, adjoint_b=True), a.adjoint(x)]
    found = [tf.gather_nd(x, n[:, None], batch_dims=1), tf.compat.v1.batch_gather(x[:, 0], n)]
    turned = [tf.reverse_sequence(x, n[:, 0], seq_axis=1), *tf.identity_n([x[:, 0], n]), tf.stack([x], 1), tf.add_n([x])]
    sorted_ = [tf.searchsorted(tf.sort(x), x), tf.searchsorted(tf.sort(x), x, side="right"), tf.signal.frame(x, 2, 1)]
    return bands + found + turned + sorted_


@case((3, 4, 3), Input((2, 3, 3), "uint8", 0, 255))
def tf_old_images(tf, x, u):  # ResizePoints ResizeWithPad ResizeWithCropOrPad CentralCrop QuarterTurns ConvertImageDtype Standardize
    i, old = tf.image, tf.compat.v1.image  # Grayscale AdjustBrightness AdjustContrast AdjustGamma AdjustHue AdjustSaturation ColourMatrix
    y = tf.sigmoid(x)
    sizes = [old.resize_bilinear(u, [3, 2], align_corners=a) for a in (False, True)]
    sizes += [old.resize_images(u, [3, 5], method=1, align_corners=a) for a in (False, True)] + [i.resize(x, tf.shape(u)[1:3])]
    sizes += [i.resize_with_pad(x, 3, 2), i.resize_with_crop_or_pad(x, 2, 6), i.central_crop(x, 0.5), i.rot90(x, 2), i.rot90(x, 3)]
    sizes += [i.resize(x, [2, 2], preserve_aspect_ratio=True)]
    kinds = [i.convert_image_dtype(u, "float32"), i.convert_image_dtype(y, "uint8"), i.per_image_standardization(x)]
    colours = [i.adjust_brightness(u, 0.3), i.adjust_contrast(u, 1.5), i.adjust_gamma(y, 0.5, 2.0), i.adjust_hue(y, 0.3), i.adjust_saturation(u, 0.5)]
    return sizes + kinds + colours + [i.rgb_to_grayscale(u), i.rgb_to_yuv(x), i.yuv_to_rgb(x), i.rgb_to_yiq(x), i.yiq_to_rgb(x)]

"""Operations of keras.ops in a graph that src/ops makes of several primitives; each of src/ops/ops.def by its class name."""
import numpy as np
from caselist import Input, graph_case

CASES = []


def case(*inputs, group="operations_numpy", **settings):
    """Appends what `graph_case` makes of a function. Keras cannot load graphs with operations from `.h5`."""
    return lambda function: CASES.append(graph_case(group, *inputs, legacy=False, keras2=False, **settings)(function))


WHOLE = Input((6,), "int32", -9, 9)
POSITIVE = Input((6,), "int32", 1, 9)


@case((8,))
def special_unary(k, x):  # Cbrt Sinc I0 Signbit Fabs Angle Real Conj Conjugate Imag Isreal Erfc
    o = k.ops
    more = [o.i0(x * 6), o.sinc(o.round(x)), o.signbit(o.round(x * 0.4)), o.real(x), o.conj(x), o.imag(x), o.isreal(x)]
    return [o.cbrt(x), o.sinc(x), o.i0(x), o.signbit(x), o.fabs(x), o.angle(x), o.erfc(x), *more]


@case((6,), (6,))
def special_binary(k, x, y):  # Heaviside DivideNoNan Hypot Logaddexp Logaddexp2 Fmod Fmax Fmin Ldexp Nextafter Isclose
    o = k.ops
    z, nan = o.round(y), o.log(x)
    close = [o.isclose(o.round(x), z), o.isclose(nan, nan, equal_nan=True), o.isclose(x, y, rtol=0.5, atol=0.1)]
    return [
        o.heaviside(o.round(x), y), o.divide_no_nan(x, z), o.hypot(x, y), o.hypot(z * 0, z), o.logaddexp(x, y),
        o.logaddexp2(x, y), o.fmod(x, y), o.fmax(nan, y), o.fmin(y, nan), o.ldexp(x, o.cast(z, "int32")),
        o.nextafter(x, y), o.nextafter(z * 0, y), *close,
    ]


@case(WHOLE, POSITIVE)
def bits(k, x, y):
    # BitwiseAnd BitwiseOr BitwiseXor BitwiseInvert BitwiseNot BitwiseLeftShift LeftShift BitwiseRightShift RightShift
    o = k.ops  # Gcd Lcm View SaturateCast
    both = [o.bitwise_and(x, y), o.bitwise_or(x, y), o.bitwise_xor(x, y), o.gcd(x, y), o.lcm(x, y), o.fmod(x, y)]
    shifts = [o.bitwise_left_shift(x, y), o.left_shift(x, y), o.bitwise_right_shift(x, y), o.right_shift(x, y)]
    casts = [o.view(x, "float32"), o.saturate_cast(x * 50, "uint8"), o.saturate_cast(x * 50, "int8")]
    return both + shifts + casts + [o.bitwise_invert(x), o.bitwise_not(x)]


@case((4, 6, 3), model=True)
def rearranged(k):  # Rearrange, which Keras cannot do of batches of any size
    o, x = k.ops, k.Input(batch_shape=(3, 4, 6, 3))
    return k.Model(x, [
        o.rearrange(x, "b h w c -> b c h w"),
        o.rearrange(x, "b h w c->b (c  h w)"),
        o.rearrange(x, "b (h h1) (w1 w) c -> b h w (c h1 w1)", h1=2, w1=3),
        o.rearrange(x, "b (h) w c -> b w (c h)"),
        o.rearrange(x, "b h (w1 w2 w3) c -> b (h w2) c w3 w1", w1=1, w3=2),
    ])


@case((4,), model=True)
def rearranged_rows(k):  # Rearrange
    o, x = k.ops, k.Input(batch_shape=(3, 4))
    return k.Model(x, [o.rearrange(x, "b (c d) -> (c b) d", c=2), o.rearrange(x, "b c -> c b"), o.rearrange(x, "(a b) c -> a c b", a=1)])


@case((4,), model=True)
def constant_segments(k):  # SegmentSum SegmentMax SegmentMin SegmentProd
    o, x = k.ops, k.Input(batch_shape=(3, 4))
    ids = np.array([2, 0, 0], "int32")
    sums = [o.segment_sum(x, np.array([0, 1, 0], "int32")), o.segment_sum(x, np.array([0, 0, 1], "int32"), sorted=True)]
    return k.Model(x, [*sums, o.segment_max(x, ids), o.segment_min(x, ids), o.segment_prod(x, ids)])


@case((4, 5), WHOLE)
def synchronised_moments(k, x, n):  # Moments
    o = k.ops
    small = [*o.moments(o.cast(n, "int8"), [1], synchronized=True), *o.moments(o.cast(x * 200, "float16"), [1, 2])]
    return [*o.moments(x, [1], synchronized=True), *o.moments(n, [1], keepdims=True, synchronized=True), *o.moments(n, [1]), *small]


@case((4, 5), Input((4, 2), "int32", 0, 5))
def order(k, x, indices):  # Sort Argsort TopK TakeAlongAxis
    o = k.ops
    ties = o.round(x)
    some = [o.sort(x), o.sort(x, axis=1), o.argsort(ties), o.argsort(x, axis=1), *o.top_k(ties, 3)]
    return some + [o.take_along_axis(x, indices, axis=2), o.take_along_axis(x, o.argsort(x, axis=1), axis=1)]


@case(Input((), "int32", 0, 5), (5,))
def in_top_k(k, targets, predictions):  # InTopK
    return k.ops.in_top_k(targets, predictions, 2)


@case((3, 4))
def quantiles(k, x):  # Median Quantile Percentile Nanmedian Nanquantile Nanpercentile
    o = k.ops
    methods = [o.percentile(x, 30.0, axis=-1, method=m) for m in ("lower", "higher", "nearest", "midpoint")]
    holes = o.log(x)
    left_out = [o.nanmedian(holes, axis=-1), o.nanquantile(holes, 0.3, axis=-1), o.nanpercentile(holes, 60.0, axis=2)]
    both = [o.median(x, axis=-1), o.median(x, axis=(1, 2), keepdims=True), o.percentile(x, 20.0, axis=1)]
    return methods + left_out + both + [o.quantile(holes, 0.4, axis=-1), o.quantile(x, 0.75, axis=[1, 2])]


@case(Input((4,), "float64"))
def bessel_of_doubles(k, x):  # I0
    return k.ops.i0(x * 3), k.ops.i0(x * 40)


@case((4,))
def searches(k, x):  # SearchSorted Digitize
    o = k.ops
    places = np.array([-1.0, -0.25, 0.0, 0.5], "float32")
    found = [o.searchsorted(places, x), o.searchsorted(places, o.round(x), side="right")]
    return found + [o.digitize(x, places)]


@case((3, 4))
def left_out(k, x):
    # Nansum Nanprod Nanmax Nanmin Nanargmax Nanargmin Nanmean Nanvar Nanstd Nancumsum Nancumprod
    o = k.ops
    y = o.log(x)
    names = "nansum nanprod nanmax nanmin nanargmax nanargmin nanmean nanvar nanstd".split()
    sums = [o.nancumsum(y, axis=1), o.nancumprod(y, axis=2)]
    return [getattr(o, n)(y, axis=2) for n in names] + [o.nanmax(y, axis=(1, 2), keepdims=True)] + sums


@case((3, 4))
def spans(k, x):  # Ptp Average Moments
    o = k.ops
    averages = [o.average(x, axis=1), o.average(x, axis=2, weights=np.array([1.0, 2.0, 3.0, 4.0], "float32"))]
    return [o.ptp(x, axis=-1), *averages, *o.moments(x, axes=[2]), *o.moments(x, axes=[1], keepdims=True)]


@case((4, 4))
def arranged(k, x):
    # Fliplr Rot90 Roll Diff Append Dstack ArraySplit Hsplit Dsplit Unstack
    o = k.ops
    turned = [o.rot90(x, k=n, axes=(1, 2)) for n in (1, 2, 3)]
    moved = [o.fliplr(x), o.roll(x, 1, axis=2), o.roll(x, (1, -2), axis=(1, 2)), o.diff(x), o.diff(x, n=2, axis=1)]
    joined = [o.append(x, x * 2, axis=1), o.dstack([x, x + 1])]
    parts = [*o.array_split(x, 3, axis=1), *o.hsplit(x, 2), *o.dsplit(x, [1, 3]), *o.unstack(x, axis=2)]
    return turned + moved + joined + parts


@case((4, 5))
def blocks(k, x):  # Slice SliceUpdate
    o = k.ops
    update = x[:, 1:3, 0:2] * 0 + 7
    return [o.slice_update(x, [0, 1, 2], update)]


@case((4, 5))
def diagonals(k, x):  # Tril Triu Diagonal Trace
    o = k.ops
    triangles = [o.tril(x), o.triu(x, k=1), o.tril(x, k=-2), o.triu(x, k=-1)]
    return triangles + [o.diagonal(x, axis1=1, axis2=2), o.diagonal(x, offset=-1, axis1=2, axis2=1), o.trace(x, 1, 1, 2)]


@case((2, 3), (2, 3))
def cross_products(k, x, y):  # Cross Kron Vander Trapezoid CDist
    o = k.ops
    cross = [o.cross(x, y), o.cross(x[:, :, :2], y[:, :, :2]), o.cross(x[:, :, :2], y)]
    return cross + [o.trapezoid(x), o.trapezoid(x, dx=0.5, axis=1)]


@case((), rows=4)
def of_the_rows(k, x):  # Diag Diagflat Outer Vander Geomspace Kron
    o = k.ops
    y = o.absolute(x) + 1
    # Flipud Vsplit Meshgrid Vdot Full Array Ndim Size AllClose: all of the batch at once
    whole = [o.flipud(x), *o.vsplit(o.expand_dims(x, 1), 2), *o.meshgrid(x, x * 2), o.array(x), o.full((2, 3), o.sum(x))]
    numbers = [o.vdot(x, x), o.cast(o.ndim(x), "float32"), o.cast(o.size(x), "float32")]
    whole += [x * n for n in numbers] + [o.where(o.allclose(x, x + 1e-9), x, 0.0)]
    more = whole + [o.geomspace(y, y * 3, 4), o.kron(x, x), o.vander(x, increasing=True)]
    return more + [o.diag(x, k=1), o.diagflat(x), o.outer(x, x * 2), o.vander(x, N=3)]


@case((3,), (3,))
def made(k, x, y):
    # FullLike EmptyLike Linspace Logspace Select
    o = k.ops
    spaces = [o.linspace(x, y, 4, axis=1), o.linspace(x, y, 3, endpoint=False, axis=-1), o.logspace(x, y, 3, axis=2)]
    chosen = o.select([x > 0.5, x > 0], [x, y], default=-1.0)
    return spaces + [o.full_like(x, 3.5), o.empty_like(x) * 0, chosen, o.absolute(x)]


@case(Input((3,), "int32", 0, 24))
def coordinates(k, x):  # UnravelIndex
    return list(k.ops.unravel_index(x, (2, 3, 4)))


@case((3, 4), (4,))
def normalised(k, x, v):  # RMSNorm LayerNorm BatchNorm Normalize MultiHot
    o = k.ops
    weights = np.array([0.5, 1.0, 1.5, 2.0], "float32")
    norms = [o.rms_normalization(x, scale=weights), o.layer_normalization(x, gamma=weights, beta=weights[::-1])]
    some = [o.normalize(x), o.normalize(x, axis=1, order=1), o.normalize(x, order=3), o.rms_normalization(x, axis=1)]
    return norms + some + [o.batch_normalization(x, weights, weights, axis=-1, offset=weights, scale=weights)]


@case(Input((3,), "int32", 0, 5))
def multi_hot(k, x):  # MultiHot
    return k.ops.multi_hot(x, 5), k.ops.multi_hot(x, 5, dtype="bool")


@case((3, 4, 6), (5, 2, 6), (5, 2, 6), group="operations_nn")
def attention(k, q, key, value):  # DotProductAttention
    o = k.ops
    return o.dot_product_attention(q, key, value), o.dot_product_attention(q, key, value, is_causal=True, scale=0.3)


@case((4, 4, 8), group="operations_nn")
def pixel_blocks(k, x):  # DepthToSpace SpaceToDepth
    return k.ops.depth_to_space(x, 2), k.ops.space_to_depth(x, 2)


@case((2, 5, 6), group="operations_nn")
def columns_of_windows(k, x):  # Unfold Fold
    o = k.ops
    columns = o.unfold(x, (2, 3), padding=1, stride=2)
    return columns, o.fold(columns, (5, 6), (2, 3), padding=1, stride=2), o.unfold(x, 2, dilation=2)


@case((12,), (12,), group="operations_signal")
def fourier(k, x, y):  # FFT FFT2 IFFT2 RFFT IRFFT ExtractSequences
    o = k.ops
    re, im = o.reshape(x, (-1, 3, 4)), o.reshape(y, (-1, 3, 4))
    plane = [*o.fft2((re, im)), *o.ifft2((re, im))]
    half = o.rfft(x)
    back = [o.irfft(half), o.irfft(half, fft_length=9), *o.rfft(x, fft_length=7), *o.rfft(x, fft_length=16)]
    return [*o.fft((x, y)), *half, *back, *plane, o.extract_sequences(x, 5, 3)]


@case((60,), group="operations_signal", rtol=5e-5)
def short_time(k, x):  # STFT ISTFT
    o = k.ops
    parts = o.stft(x, 16, 8, 20)
    plain = o.stft(x, 16, 4, 16, window="hamming", center=False)
    return [*parts, *plain, o.istft(parts, 16, 8, 20), o.istft(plain, 16, 4, 16, window="hamming", center=False)]


IMAGE = Input((6, 5, 3), "float32", 0, 10)


@case(IMAGE, group="operations_image")
def colours(k, x):  # RGBToGrayscale RGBToHSV HSVToRGB
    i = k.ops.image
    y = x / 10.0
    return i.rgb_to_grayscale(y), i.rgb_to_hsv(y), i.hsv_to_rgb(y)


@case(IMAGE, group="operations_image")
def sizes(k, x):  # Resize PadImages CropImages
    i = k.ops.image
    resized = [i.resize(x, (4, 7)), i.resize(x, (9, 4), interpolation="bicubic"), i.resize(x, (3, 3), interpolation="area")]
    return resized + [i.pad_images(x, 1, 2, 3, 0), i.crop_images(x, 1, 2, target_height=3, target_width=2)]


@case(IMAGE, group="operations_image")
def filters(k, x):  # GaussianBlur SobelEdges ExtractPatches
    i = k.ops.image
    blurred = [i.gaussian_blur(x, (3, 3), (1.0, 0.5)), i.gaussian_blur(x, (5, 3), (1.0, 2.0))]
    patches = [i.extract_patches(x, 2), i.extract_patches(x, (3, 2), strides=1, padding="same")]
    return blurred + [i.sobel_edges(x)] + patches


@case((7, 9, 2), Input((8,), "float32", -1, 1))
def affine_transforms(k, x, t):  # AffineTransform
    o = k.ops
    maps = t * np.array([1, 1, 5, 1, 1, 5, 0.02, 0.02], "float32") + np.array([1, 0, 0, 0, 1, 0, 0, 0], "float32")
    one = np.array([0.5, 0.25, -1.5, 0, 1.5, 2, 0, 0], "float32")
    modes = [o.image.affine_transform(x, maps, fill_mode=m) for m in ("constant", "nearest", "wrap", "reflect")]
    near = [o.image.affine_transform(x, one, "nearest", m, 0.5) for m in ("constant", "nearest", "wrap", "reflect")]
    return [*modes, *near, o.image.affine_transform(x, one, data_format="channels_first")]


@case((6, 8, 3), Input((4, 2), "float32", 0, 1))
def perspectives(k, x, move):  # PerspectiveTransform
    corners = np.array([[0, 0], [0, 5], [7, 0], [7, 5]], "float32")
    y = k.ops.image.perspective_transform(x, move + corners, move * -0.5 + corners, fill_value=0.25)
    return y, k.ops.image.perspective_transform(x, move + corners, move * 0 + corners, interpolation="nearest")


@case((6, 8, 3), (4, 2), (4, 2))
def perspectives_of_any_points(k, x, start, end):  # PerspectiveTransform: the rounding of its equations decides the last digits
    return k.ops.image.perspective_transform(x, start * 4, end * 4 + start)


@case((4, 5))
def norms(k, x):  # Norm
    o = k.ops
    orders = [o.norm(x, ord=n, axis=2) for n in (None, 0, 1, 3, float("inf"), float("-inf"))]
    matrices = [o.norm(x, ord=n, axis=(1, 2), keepdims=True) for n in ("fro", 1, -1, float("inf"), float("-inf"))]
    return orders + matrices + [o.norm(x, ord=1, axis=(2, 1))]


@case(Input((3, 2, 4), "float16"), (5, 2, 4), Input((5, 2, 4), "float16"))
def attention_of_several_dtypes(k, query, key, value):  # DotProductAttention
    return k.ops.dot_product_attention(query, key, value)


@case((9,), Input((4,), "float64"), group="operations")
def float8(k, x, y):  # Cast
    casts = [k.ops.cast(k.ops.cast(value * 50, dtype), value.dtype) for value in (x, y) for dtype in ("float8_e4m3fn", "float8_e5m2")]
    return [*casts, k.ops.cast(k.ops.cast(k.ops.exp(y * 6), "float8_e5m2"), "float32")]

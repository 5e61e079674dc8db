"""More graphs as those of tensorflow_graphs.py, among whose cases they are: special functions, statistics of whole batches, windows, crops."""
import math

import numpy as np

from tensorflow_graphs import case, part, windows


def bessel(order, x):
    """exp(-|x|) I_order(x) by Bessel's integral."""
    turns = np.pi * (np.arange(400) + 0.5) / 400
    return (np.exp(abs(x[..., None]) * (np.cos(turns) - 1)) * np.cos(order * turns)).mean(-1) * np.sign(x) ** order


@case((3, 5), np.random.default_rng(3).uniform(-9, 9, (3, 5)).astype("float32"))
def special_functions(g, t, u, x, y):  # Lgamma Digamma BesselI0e BesselI1e BesselI1 Lbeta
    gamma, step = np.vectorize(math.lgamma), 1e-5
    positive, wide = g("math.abs", t), y.astype("float64")
    yield g("math.lgamma", u), gamma(wide)
    yield g("math.digamma", g("math.abs", u)), (gamma(abs(wide) + step) - gamma(abs(wide) - step)) / (2 * step)
    yield g("math.digamma", u), np.where(y < 0, 0, 1) * (gamma(wide + step) - gamma(wide - step)) / (2 * step) + np.where(
        y < 0, (gamma(1 - wide + step) - gamma(1 - wide - step)) / (2 * step) - np.pi / np.tan(np.pi * wide), 0)
    yield g("math.bessel_i0e", u), bessel(0, wide)
    yield g("math.bessel_i1e", u), bessel(1, wide)
    yield g("math.bessel_i1", u), bessel(1, wide) * np.exp(abs(wide))
    yield g("math.lbeta", positive), gamma(abs(x)).sum(-1) - gamma(abs(x).sum(-1))


@case((4, 3, 5, 2), np.random.default_rng(4).uniform(0.1, 2, (4, 3, 5, 1)).astype("float32"))
def moments_of_the_batch(g, t, u, x, w):  # WeightedMoments SufficientStatistics FusedBatchNorm
    for axes, kept in ([1, 2], False), ([0, 1, 2], True):
        moments, whole = g("compat.v1.nn.weighted_moments", t, axes=axes, frequency_weights=u, keepdims=kept), w + 0 * x
        mean = (x * w).sum(tuple(axes), keepdims=True) / whole.sum(tuple(axes), keepdims=True)
        variance = (w * (x - mean) ** 2).sum(tuple(axes), keepdims=True) / whole.sum(tuple(axes), keepdims=True)
        for i, want in enumerate([mean, variance]):
            got = g("math.multiply", part(moments, i), y=t) if kept else part(moments, i)
            yield got, want * x if kept else want.squeeze(tuple(axes))
    sums = g("compat.v1.nn.sufficient_statistics", t, axes=[1, 2])
    yield part(sums, 1), x.sum((1, 2))
    yield g("math.truediv", part(sums, 2), y=part(sums, 0)), (x**2).mean((1, 2))
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    scale, offset = [0.5, 2.0], [1.0, -1.0]
    trained = g("compat.v1.nn.fused_batch_norm", t, scale=scale, offset=offset, epsilon=0.01)
    yield trained, (x - mean) / np.sqrt(variance + 0.01) * scale + offset
    yield g("math.add", t, y=part(trained, 1)), x + mean
    yield g("math.add", t, y=part(trained, 2)), x + variance * 60 / 59
    moving = {"mean": [0.1, 0.2], "variance": [1.5, 0.7], "is_training": False}
    fixed = g("compat.v1.nn.fused_batch_norm", t, scale=scale, offset=offset, **moving)
    yield fixed, (x - [0.1, 0.2]) / np.sqrt(np.array([1.5, 0.7]) + 1e-3) * scale + offset
    yield g("math.multiply", t, y=part(fixed, 2)), x * [1.5, 0.7]


@case((3, 4), (3, 2))
def norms_of_the_batch(g, t, u, x, y):  # GlobalNorm ClipByGlobalNorm ClipByAverageNorm
    norm = np.sqrt((x**2).sum() + (y**2).sum())
    yield g("math.multiply", t, y=g("linalg.global_norm", [t, u])), x * norm
    cut = g("clip_by_global_norm", [t, u], clip_norm=0.5)
    yield cut, x * 0.5 / norm
    yield g("math.add", part(cut, 1), y=part(cut, 2)), y * 0.5 / norm + norm
    yield g("clip_by_global_norm", [t, u], clip_norm=1e3), x
    said = g("clip_by_global_norm", [t, u], clip_norm=0.5, use_norm=g("math.reduce_sum", g("math.abs", t)))
    yield said, x * min(1, 0.5 / abs(x).sum())
    yield g("compat.v1.clip_by_average_norm", t, clip_norm=0.1), x * min(1, 0.1 * 12 / np.sqrt((x**2).sum()))


@case((4, 3), np.array([[0, 2, 1], [2, 2, 5], [1, 0, 0], [3, 1, 2]], "int32"))
def counts(g, t, n, x, labels):  # HistogramFixedWidth HistogramBins Bincount ConfusionMatrix
    bins = ((x - -1) / 0.5).clip(0, 3).astype(int)
    yield g("histogram_fixed_width_bins", t, value_range=[-1.0, 1.0], nbins=4), bins
    histogram = g("cast", g("histogram_fixed_width", t, value_range=[-1.0, 1.0], nbins=4), dtype="float32")
    yield g("math.reduce_sum", g("math.multiply", g("expand_dims", t, axis=-1), y=histogram), axis=-1), x * 12
    numbers = g("math.multiply", g("expand_dims", t, axis=-1), y=histogram)
    yield numbers, x[..., None] * np.bincount(bins.ravel(), minlength=4)
    known = {"minlength": 4, "maxlength": 4, "axis": -1}
    want = (labels[:, None] == np.arange(4)[:, None]).sum(-1)
    yield g("math.bincount", n, **known), want
    yield g("math.bincount", n, binary_output=True, **known), want.clip(0, 1)
    yield g("math.bincount", n, weights=t, **known), np.where(labels[:, None] == np.arange(4)[:, None], x[:, None], 0).sum(-1)
    columns = [g("__operators__.getitem", n, slice_spec=[{"start": None, "stop": None, "step": None}, i]) for i in (0, 2)]
    matrix = np.zeros((6, 6))
    np.add.at(matrix, (labels[:, 0], labels[:, 2]), 1)
    found = g("math.confusion_matrix", columns[0], predictions=columns[1], num_classes=6)
    yield g("gather", g("cast", found, dtype="float32"), indices=columns[0]), matrix[labels[:, 0]]


@case((4, 3), np.array([[0, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0]], "float32"), keras=True)
def hinges(g, t, u, x, labels):  # Hinge SquaredHinge
    hinge, squared = "keras.metrics.hinge", "keras.metrics.squared_hinge"
    yield g(hinge, u, y_pred=t), np.maximum(1 - (2 * labels - 1) * x, 0).mean(-1)
    yield g(squared, u, y_pred=t), (np.maximum(1 - (2 * labels - 1) * x, 0) ** 2).mean(-1)
    yield g(hinge, g("math.subtract", u, y=0.5), y_pred=t), np.maximum(1 - (labels - 0.5) * x, 0).mean(-1)


@case((2, 4, 5, 2), (2, 3, 4, 2, 1))
def taps_of_windows(g, t, u, x, volume):  # MaxPoolWithArgmax Dilation ExtractPatches
    w = np.moveaxis(windows(x, 3, (0, 0), (0, 0)), 5, 3).reshape(2, 2, 3, 2, 9)  # batch, height, width, channels, taps
    best = w.argmax(-1)
    at = ((np.arange(2)[:, None, None] + best // 3) * 5 + np.arange(3)[:, None] + best % 3) * 2 + np.arange(2)
    pool = {"ksize": 3, "strides": [1, 1], "padding": "VALID"}
    found = g("nn.max_pool_with_argmax", t, **pool)
    yield found, w.max(-1)
    yield part(found, 1), at
    yield part(g("nn.max_pool_with_argmax", t, include_batch_in_index=True, output_dtype="int32", **pool), 1), at + np.arange(2)[:, None, None, None] * 40
    same = g("nn.max_pool_with_argmax", t, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    pairs = np.pad(x, [(0, 0), (0, 0), (0, 1), (0, 0)], constant_values=-np.inf).reshape(2, 2, 2, 3, 2, 2)
    yield same, pairs.max((2, 4))
    yield g("gather", g("reshape", t, shape=[-1, 40]), indices=g("reshape", part(same, 1), shape=[-1, 12]), batch_dims=1), pairs.max((2, 4)).reshape(2, 12)
    filters = np.linspace(-1, 1, 18).reshape(3, 3, 2).astype("float32")
    around = windows(x, 3, (1, 1), (1, 1))
    plain = {"strides": [1, 1, 1, 1], "padding": "SAME", "data_format": "NHWC", "dilations": [1, 1, 1, 1]}
    yield g("nn.dilation2d", t, filters=filters.tolist(), **plain), np.nanmax(around + filters, (3, 4))
    yield g("nn.erosion2d", t, filters=filters.tolist(), **plain), np.nanmin(around - filters[::-1, ::-1], (3, 4))
    steps = {"strides": [1, 2, 1, 1], "rates": [1, 1, 2, 1], "padding": "VALID"}
    apart = np.stack([x[:, i : i + 1, j * 2 : j * 2 + 1] + filters[i, j] for i in range(3) for j in range(3)])
    yield g("compat.v1.nn.dilation2d", t, filter=filters.tolist(), **steps), apart.max(0)
    blocks = {"ksizes": [1, 3, 2, 2, 1], "strides": [1, 3, 2, 2, 1], "padding": "VALID"}
    yield g("extract_volume_patches", u, **blocks), volume.reshape(2, 1, 3, 2, 2, 1, 2).transpose(0, 1, 3, 5, 2, 4, 6).reshape(2, 1, 2, 1, 12)


@case((3, 5, 7, 2), np.array([[0, 0, 1, 1], [0.2, 0.9, 0.7, 0.1], [-0.5, 0.3, 0.4, 1.5]], "float32"), np.array([1, 0, 2], "int32"))
def crops(g, t, u, n, x, boxes, of):  # CropAndResize

    def places(low, high, size, last):
        return low * last + np.arange(size) * (high - low) * last / (size - 1) if size > 1 else np.array([(low + high) / 2 * last])

    def crop(box, image, height, width, outside, nearest):
        y, z = places(box[0], box[2], height, 4)[:, None], places(box[1], box[3], width, 6)[None]
        down, along = (np.floor(a + 0.5) if nearest else a for a in (y.clip(0, 4), z.clip(0, 6)))
        shares = np.maximum(0, 1 - abs(down[..., None] - np.arange(5)))[..., :, None] * np.maximum(0, 1 - abs(along[..., None] - np.arange(7)))[..., None, :]
        inside = (y >= 0) & (y <= 4) & (z >= 0) & (z <= 6)
        return np.where(inside[..., None], np.einsum("hwyx,yxc->hwc", shares, image), outside)

    for size, method, outside in ([3, 4], "bilinear", 0), ([4, 3], "nearest", 2.5), ([1, 2], "bilinear", -1.0):
        want = np.stack([crop(box, x[i], *size, outside, method == "nearest") for box, i in zip(boxes, of)])
        settings = {"crop_size": size, "method": method, "extrapolation_value": outside}
        yield g("image.crop_and_resize", t, boxes=u, box_indices=n, **settings), want
        yield g("compat.v1.image.crop_and_resize", t, boxes=boxes.tolist(), box_ind=of.tolist(), **settings), want


@case(np.random.default_rng(5).uniform(size=(2, 11, 12, 1)).astype("float32"))
def similarity_at_scales(g, t, x):  # ImageSSIMMultiscale
    bell = np.exp(-0.5 * (np.arange(3) - 1.0) ** 2 / 1.5**2)
    bell = np.outer(bell, bell) / bell.sum() ** 2

    def measures(a, b):
        def blurred(c):
            return np.einsum("bhwijc,ij->bhwc", windows(c, 3, (0, 0), (0, 0)), bell)

        ma, mb = blurred(a), blurred(b)
        aa, bb, ab = (blurred(c * d) - e for c, d, e in [(a, a, ma**2), (b, b, mb**2), (a, b, ma * mb)])
        contrast = (2 * ab + 9e-4) / (aa + bb + 9e-4)
        return (contrast * (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4)).mean((1, 2)), contrast.mean((1, 2))

    def halved(a):
        return np.pad(a, [(0, 0), (0, 1), (0, 0), (0, 0)], "symmetric").reshape(2, 6, 2, 6, 2, 1).mean((2, 4))

    a = x.astype("float64")
    b = 0.8 * a + 0.1
    want = np.maximum(measures(a, b)[1], 0) ** 0.25 * np.maximum(measures(halved(a), halved(b))[0], 0) ** 0.75
    u = g("math.add", g("math.multiply", t, y=0.8), y=0.1)
    yield g("image.ssim_multiscale", t, img2=u, max_val=1.0, power_factors=[0.25, 0.75], filter_size=3), want[:, 0]


@case(np.random.default_rng(6).uniform(size=(2, 4, 5, 1)).astype("float32"))
def sizes_of_before(g, t, x):  # ResizePoints ResizeWithPad
    def shares(n, size, scale):
        begin, end = np.arange(size) * scale, (np.arange(size) + 1) * scale
        w = np.maximum(0, np.minimum(np.arange(n + 9)[:, None] + 1, end) - np.maximum(np.arange(n + 9)[:, None], begin)) / scale
        return np.vstack([w[: n - 1], w[n - 1 :].sum(0)])

    want = np.einsum("bhwc,hi,wj->bijc", x, shares(4, 3, 1.5), shares(5, 2, 4.0))
    yield g("compat.v1.image.resize_area", t, size=[3, 2], align_corners=True), want
    yield g("compat.v1.image.resize_images", t, size=[3, 2], method=3, align_corners=True), want
    doubled = x[:, np.arange(8) // 2][:, :, np.arange(10) // 2]
    yield g("compat.v1.image.resize_images", t, size=[8, 99], method=1, preserve_aspect_ratio=True), doubled
    whole = g("cast", g("math.multiply", t, y=200.0), dtype="uint8")
    yield g("cast", g("compat.v1.image.resize_images", whole, size=[4, 5]), dtype="float32"), np.floor(x * 200)
    padded = g("compat.v1.image.resize_image_with_pad", t, target_height=8, target_width=12, method=1)
    yield padded, np.pad(doubled, [(0, 0), (0, 0), (1, 1), (0, 0)])


@case(np.random.default_rng(7).dirichlet(np.ones(4), (3, 6)).astype("float32"), np.array([6, 4, 1], "int32"), keras=True)
def labels_of_steps(g, t, n, x, lengths):  # CTCDecodeOf
    logs = np.log(x + 1e-7)
    best, want, sums = x.argmax(-1), np.full((3, 6), -1), np.zeros((3, 1))
    for i, length in enumerate(lengths):
        path = [k for j, k in enumerate(best[i, :length]) if k != 3 and (j == 0 or best[i, j - 1] != k)]
        want[i, : len(path)] = path
        sums[i] = -logs[i, :length].max(-1).sum()
    found = g("keras.backend.ctc_decode", t, input_length=n)
    yield found, want
    yield part(found, 1), sums
    sure = np.eye(4, dtype="float32")[[0, 3, 0, 1, 3, 1]] * 0.97 + 0.0075  # 0, a blank, 0, 1, a blank, 1
    long = g("math.add", g("math.multiply", n, y=0), y=6)
    beams = g("keras.backend.ctc_decode", g("math.add", g("math.multiply", t, y=0.0), y=sure.tolist()), input_length=long, greedy=False, top_paths=2)
    yield beams, np.tile([0, 1, -1, -1, -1, -1], (3, 1))  # each label once in a row
    yield g("math.greater", part(beams, 2), y=-1.0), np.tile([True, False], (3, 1))


@case((3, 4))
def grids_of_integers(g, t, x):  # FakeQuant
    def on_grid(low, high, bits, narrow):
        least, most = int(narrow), 2**bits - 1
        scale = (high - low) / (most - least)
        zero = np.clip(np.floor(least - low / scale + 0.5), least, most)
        return (np.round((x.clip((least - zero) * scale, (most - zero) * scale)) / scale)) * scale

    args, computed = "quantization.fake_quant_with_min_max_args", "quantization.fake_quant_with_min_max_vars"
    yield g(args, t, min=-1.3, max=2.2, num_bits=5), on_grid(-1.3, 2.2, 5, False)
    yield g(args, t, min=-1.0, max=0.5, num_bits=4, narrow_range=True), on_grid(-1.0, 0.5, 4, True)
    yield g(computed, t, min=g("math.reduce_min", t), max=g("math.reduce_max", t), num_bits=8), on_grid(x.min(), x.max(), 8, False)


@case((3, 4), np.array([[True, False], [False, False], [True, True]]))
def constants_as_they_stand(g, t, u, x, mask):  # Pad Tile TensorDiag TensorDiagPart ShapeN ScatterSubtract ScatterUpdate
    yield g("compat.v1.pad", u, paddings=[[0, 0], [1, 2]], constant_values=True), np.pad(mask, [(0, 0), (1, 2)], constant_values=True)
    least = g("compat.v1.pad", t, paddings=[[0, 0], [1, 0]], constant_values=g("math.reduce_min", t))
    yield least, np.pad(x, [(0, 0), (1, 0)], constant_values=x.min())
    yield g("math.add", t, y=g("tile", [[1.0, 2.0]], multiples=[1, 2])), x + [1, 2, 1, 2]
    yield g("math.add", t, y=g("tile", [5.0], multiples=[4])), x + 5
    square = g("linalg.matmul", t, b=g("linalg.tensor_diag", [1.0, 2.0, 3.0, 4.0]))
    yield square, x * np.arange(1, 5)
    own = g("linalg.tensor_diag_part", g("linalg.matmul", t, b=t, transpose_b=True))
    yield g("math.multiply", t, y=g("expand_dims", own, axis=1)), x * (x * x).sum(1, keepdims=True)
    yield g("reshape", t, shape=part(g("shape_n", [t, g("expand_dims", t, axis=1)]), 1)), x[:, None]
    first = [[0], [2], [0]]
    for function, want in [("add", np.array([[5.0], [0], [3]])), ("sub", -np.array([[5.0], [0], [3]]))]:
        numbers = [[1.0] * 4, [3.0] * 4, [4.0] * 4]
        yield g("tensor_scatter_nd_" + function, t, indices=first, updates=numbers), x + want
    yield g("tensor_scatter_nd_max", t, indices=[[1]], updates=[[0.0] * 4]), np.where(np.arange(3)[:, None] == 1, np.maximum(x, 0), x)
    yield g("compat.v1.squeeze", g("expand_dims", t, axis=1), squeeze_dims=[1]), x
    yield g("compat.v1.norm", t, axis=1, keep_dims=True), np.linalg.norm(x, axis=1, keepdims=True)
    yield g("math.l2_normalize", t, dim=1), x / np.linalg.norm(x, axis=1, keepdims=True)


@case((2, 4, 4, 1), keras=True)
def raw_windows(g, t, x):  # MaxPoolWithArgmax Dilation
    two = {"list": {"i": ["1", "2", "2", "1"]}}
    one = {"list": {"i": ["1", "1", "1", "1"]}}
    best = g.raw("MaxPoolWithArgmax", t, ksize=two, strides=two, padding={"s": "VkFMSUQ="}, Targmax={"type": "DT_INT32"})
    blocks = x.reshape(2, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4).reshape(2, 2, 2, 4)
    at = blocks.argmax(-1)
    yield part(best, 1), ((np.arange(2)[:, None] * 2 + at // 2) * 4 + np.arange(2) * 2 + at % 2)[..., None]
    filters = [[[0.0], [1.0]], [[2.0], [3.0]]]
    grown = g.raw("Dilation2D", t, filters, strides=two, rates=one, padding={"s": "VkFMSUQ="})
    yield grown, (blocks + np.arange(4)).max(-1)[..., None]


@case((3, 4, 5), np.array([[100, -3], [7, -128], [127, 5]], "int8"), np.array([[2**30 + 1, 5], [2**30, 2**30 + 1], [-9, -(2**30)]], "int32"))
def places_and_dtypes(g, t, n, m, x, small, large):  # GetItem Gather ReverseSequence Add MaxPool
    """Rows from the end are no rows of their own; lists of integers have the dtype of what they meet; a pool keeps it."""
    yield g("math.add", t, y=g("__operators__.getitem", t, slice_spec={"start": -1, "stop": None, "step": None})), x + x[-1:]
    yield g("math.add", t, y=g("math.reduce_sum", g("__operators__.getitem", t, slice_spec={"start": -40, "stop": None, "step": None}))), x + x.sum()
    best = np.argsort(x[:, 0], axis=-1)[:, :2]
    first = g("__operators__.getitem", t, slice_spec=[{"start": None, "stop": None, "step": None}, 0])
    order = g("__operators__.getitem", g("argsort", first), slice_spec=[{"start": None, "stop": None, "step": None}, {"start": None, "stop": 2, "step": None}])
    yield g("gather", t, indices=order, axis=2, batch_dims=1), np.take_along_axis(x, best[:, None], 2)
    yield g("reverse_sequence", t, seq_lengths=g("math.add", g("cast", g("math.reduce_sum", g("math.multiply", n, y=[0, 0]), axis=1), dtype="int32"), y=3), seq_axis=2, batch_axis=0), x[:, :, [2, 1, 0, 3, 4]]
    yield g("nn.bias_add", n, bias=[60, -90]), (small + np.array([60, -90], "int8")).astype("int8")
    yield g("math.maximum", n, y=[0, 1]), np.maximum(small, np.array([0, 1], "int8"))
    pooled = g("nn.max_pool2d", g("reshape", m, shape=[-1, 1, 2, 1]), ksize=[1, 2], strides=1, padding="VALID")
    yield pooled, large.max(1).reshape(3, 1, 1, 1)


@case((2, 4, 5, 1))
def boxes_of_images(g, t, x):  # BoundingBox
    height = g("math.subtract", g("__operators__.getitem", g("shape", t), slice_spec=1), y=2)
    yield g("image.crop_to_bounding_box", t, offset_height=1, offset_width=2, target_height=height, target_width=3), x[:, 1:3, 2:]
    yield g("image.crop_to_bounding_box", t, offset_height=0, offset_width=0, target_height=4, target_width=2), x[:, :, :2]
    padded = g("image.pad_to_bounding_box", t, offset_height=height, offset_width=1, target_height=9, target_width=6)
    yield padded, np.pad(x, [(0, 0), (2, 3), (1, 0), (0, 0)])


@case((4, 3))
def rows_among_themselves(g, t, x):  # GetItem Reshape SplitSizes
    """A new axis before the rows, a first axis of a size of its own, and parts of the rows need a whole batch."""
    every = {"start": None, "stop": None, "step": None}
    lines, columns = (g("__operators__.getitem", t, slice_spec=key) for key in ([every, None], [None]))
    yield g("math.subtract", lines, y=columns), x[:, None] - x[None]
    yield g("math.add", t, y=g("math.reduce_sum", g("reshape", t, shape=[1, -1]), axis=1)), x + x.sum()
    yield g("math.add", t, y=g("reshape", g("math.reduce_max", g("reshape", t, shape=[2, -1])), shape=[1, 1])), x + x.max()
    yield part(g("split", t, num_or_size_splits=2, axis=0), 1), x[2:]

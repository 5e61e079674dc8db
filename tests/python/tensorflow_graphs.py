"""Graphs of Keras 2 made of TensorFlow's functions, and what NumPy makes of their inputs.

test_tensorflow_functions.py compares the command with NumPy, tests/keras/test_tensorflow_functions.py with TensorFlow.
"""
import json
import pathlib

import numpy as np

WEIGHTS = pathlib.Path(__file__).resolve().parents[1] / "data" / "vintage" / "tf-2.15" / "whole_batch.h5"  # none is read


class Graph:
    """Writes a config of Keras 2; a tensor is [layer, 0, number]."""

    def __init__(self, inputs):
        self.layers = []
        self.inputs = [self._layer("InputLayer", {"batch_input_shape": [None, *x.shape[1:]], "dtype": str(x.dtype)}, []) for x in inputs]

    def _layer(self, class_name, config, calls):
        name = f"layer_{len(self.layers)}"
        self.layers.append({"class_name": class_name, "name": name, "config": {"name": name, **config}, "inbound_nodes": calls})
        return [name, 0, 0]

    def __call__(self, function, first, **kwargs):
        """One call; `first` is a tensor, a list of tensors, or else a constant."""
        if is_tensor(first):
            call = [*first, kwargs]
        elif isinstance(first, list) and first and all(map(is_tensor, first)):
            call = [[*tensor, kwargs] for tensor in first]
        else:
            call = ["_CONSTANT_VALUE", -1, first, kwargs]
        kind = "SlicingOpLambda" if function in ("__operators__.getitem", "compat.v1.boolean_mask") else "TFOpLambda"
        return self._layer(kind, {"function": function}, [call])

    def raw(self, operation, *inputs, **attributes):
        """One raw operation; an input is a tensor, or else a constant. Attributes as protocol buffers have them in JSON."""
        tensors = [[*x, {}] for x in inputs if is_tensor(x)]
        constants = {str(i): x for i, x in enumerate(inputs) if not is_tensor(x)}
        node = {"name": operation, "op": operation, "input": [], "attr": attributes}
        return self._layer("TensorFlowOpLayer", {"node_def": node, "constants": constants}, [tensors])

    def model(self, outputs):
        config = {"name": "m", "layers": self.layers, "input_layers": self.inputs, "output_layers": outputs}
        return {"class_name": "Functional", "keras_version": "2.15.0", "backend": "tensorflow", "config": config}


def is_tensor(value):
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and value[0].startswith("layer_")


def write(folder, graph, outputs):
    """The model as m.json; the arguments that run it."""
    (folder / "m.json").write_text(json.dumps(graph.model(outputs)))
    return ["m.json", "--weights", WEIGHTS]


def predicted(hornpipe, folder, graph, outputs, values):
    """What the command makes of the inputs' values."""
    arguments = write(folder, graph, outputs)
    for i, value in enumerate(values):
        np.save(folder / f"in{i}.npy", value)
        arguments.append(f"in{i}.npy")
    for i in range(len(outputs)):
        arguments += ["-o", f"out{i}.npy"]
    hornpipe("predict", *arguments, "--progress", "none")
    return [np.load(folder / f"out{i}.npy") for i in range(len(outputs))]


CASES = {}


def case(*inputs, keras=False):
    """A function of a graph and its tensors that gives pairs: an output, and NumPy's. `keras`: TensorFlow alone has not all of it.

    An input is a shape, or an array. NumPy's value is an array, made before or after.
    """

    def decorate(function):
        rng = np.random.default_rng(len(CASES))
        values = [np.asarray(x) if isinstance(x, np.ndarray) else rng.normal(size=x).astype("float32") for x in inputs]
        CASES[function.__name__] = (values, function, keras)
        return function

    return decorate


def part(tensor, number):
    return [tensor[0], 0, number]


def hann(length):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length + 1 - length % 2 - 1))


def frames(x, length, step):
    count = (x.shape[-1] - length) // step + 1
    return np.stack([x[..., i * step : i * step + length] for i in range(count)], -2)


@case((3, 22))
def short_time(g, t, x):  # ShortTimeTransform Frame
    s = g("signal.stft", t, frame_length=6, frame_step=4)
    want = np.fft.rfft(frames(x, 6, 4) * hann(6), 8)
    yield g("math.abs", s), abs(want)
    yield g("math.real", s), want.real
    yield g("math.imag", s), want.imag
    yield g("math.abs", g("transpose", s, perm=[0, 2, 1])), abs(want).transpose(0, 2, 1)
    yield g("math.angle", g("expand_dims", s, axis=-1)), np.angle(want)[..., None]
    cut = [{"start": None, "stop": None, "step": None}, {"start": 1, "stop": None, "step": None}]
    yield g("math.square", g("math.abs", g("__operators__.getitem", s, slice_spec=cut))), abs(want[:, 1:]) ** 2
    padded = np.pad(x, [(0, 0), (0, 4)])
    plain = np.fft.rfft(frames(padded, 6, 4), 8)
    yield g("math.abs", g("signal.stft", t, frame_length=6, frame_step=4, window_fn=None, pad_end=True)), abs(plain)
    even = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(8) / 8)
    other = np.fft.rfft(frames(x, 8, 3) * even, 16)
    yield g("math.abs", g("signal.stft", t, frame_length=8, frame_step=3, fft_length=16, window_fn="hamming_window")), abs(other)
    yield g("signal.frame", t, frame_length=6, frame_step=4, pad_end=True, pad_value=0.0), frames(padded, 6, 4)


@case((2, 7, 3))
def frames_of_an_axis(g, t, x):  # Frame OverlapAdd
    yield g("signal.frame", t, frame_length=3, frame_step=2, axis=1), frames(x.transpose(0, 2, 1), 3, 2).transpose(0, 2, 3, 1)
    want = np.zeros((2, 15), "float32")
    for i in range(7):
        want[:, 2 * i : 2 * i + 3] += x[:, i]
    yield g("signal.overlap_and_add", t, frame_step=2), want


def waves(n, scale):
    k = np.arange(n)
    return scale * np.cos(np.pi * k[None] * (2 * k[:, None] + 1) / (2 * n))


@case((2, 20))
def there_and_back(g, t, x):  # InverseShortTimeTransform RealTransform InverseRealTransform Transform FourierShift Dct
    s = g("signal.stft", t, frame_length=8, frame_step=4)
    back = np.zeros((2, 20))
    for i, frame in enumerate(np.moveaxis(frames(x, 8, 4), 1, 0)):
        back[:, 4 * i : 4 * i + 8] += frame * hann(8)
    yield g("signal.inverse_stft", s, frame_length=8, frame_step=4, window_fn=None), back
    r = g("signal.rfft", t, fft_length=[16])
    yield g("math.abs", r), abs(np.fft.rfft(x, 16))
    yield g("signal.irfft", r), x[:, :16]
    yield g("signal.irfft", r, fft_length=[12]), np.fft.irfft(np.fft.rfft(x, 16), 12)
    f = g("signal.fft", g("cast", t, dtype="complex64"))
    yield g("math.imag", f), np.fft.fft(x).imag
    yield g("math.real", g("signal.ifft", f)), x
    yield g("signal.fftshift", g("math.abs", f), axes=[1]), np.fft.fftshift(abs(np.fft.fft(x)), 1)
    yield g("signal.ifftshift", t, axes=1), np.fft.ifftshift(x, 1)
    yield g("signal.mfccs_from_log_mel_spectrograms", t), x @ waves(20, 2 / np.sqrt(40))
    yield g("signal.dct", t, type=2, n=8), x[:, :8] @ waves(8, 2)
    third = waves(20, 2).T * np.where(np.arange(20) == 0, 0.5, 1)[:, None]
    yield g("signal.dct", t, type=3), x @ third
    yield g("signal.idct", t), x @ third
    yield g("signal.idct", g("signal.dct", t, norm="ortho"), norm="ortho"), x
    first = np.cos(np.pi * np.outer(np.arange(20), np.arange(20)) / 19) * np.r_[1, np.full(18, 2), 1][:, None]
    yield g("signal.dct", t, type=1), x @ first
    half = np.arange(20) + 0.5
    yield g("signal.dct", t, type=4), x @ (2 * np.cos(np.pi * np.outer(half, half) / 20))


@case((2, 4, 5))
def two_axes(g, t, x):
    f = g("signal.fft2d", g("cast", t, dtype="complex64"))
    yield g("cast", f, dtype="float32"), np.fft.fft2(x).real
    yield g("math.imag", f), np.fft.fft2(x).imag
    yield g("math.real", g("signal.ifft2d", f)), x
    r = g("signal.rfft2d", t)
    yield g("math.abs", r), abs(np.fft.rfft2(x))
    yield g("signal.irfft2d", r, fft_length=[4, 5]), x


@case((2, 3, 4), (2, 3, 4))
def complex_numbers(g, t, u, x, y):  # Complex
    z, w = x + 1j * y, y - 0.5j * x
    a = g("dtypes.complex", t, imag=u)
    b = g("dtypes.complex", u, imag=g("math.multiply", t, y=-0.5))

    def both(c, want):
        yield g("math.real", c), want.real
        yield g("math.imag", c), want.imag

    yield from both(g("math.multiply", a, y=b), z * w)
    yield from both(g("math.truediv", a, y=b), z / w)
    yield from both(g("__operators__.add", a, y=2.0), z + 2)
    yield from both(g("math.subtract", b, y=a), w - z)
    yield from both(g("math.negative", g("math.conj", a)), -z.conj())
    yield from both(g("math.square", a), z * z)
    yield from both(g("math.exp", a), np.exp(z))
    yield from both(g("math.reduce_mean", a, axis=1), z.mean(1))
    yield from both(g("concat", [a, b], axis=-1), np.concatenate([z, w], -1))
    yield from both(g("identity", g("reshape", b, shape=[-1, 12])), w.reshape(2, 12))
    yield g("math.abs", g("math.multiply", a, y=1e-25)), abs(z) * 1e-25


@case(np.array([[3e9, -3e9, 1.5, -70000.0]], "float32"), np.array([[70000, -5, 2**31 - 1, 0]], "int32"))
def saturated(g, t, n, x, i):  # SaturateCastOf
    yield g("dtypes.saturate_cast", t, dtype="int32"), np.array([[2147483520, -(2**31), 1, -70000]], "int32")
    yield g("dtypes.saturate_cast", t, dtype="float16"), np.array([[65504, -65504, 1.5, -65504]], "float16")
    yield g("dtypes.saturate_cast", n, dtype="float32"), i.astype("float32")
    yield g("dtypes.saturate_cast", n, dtype="uint16"), np.array([[65535, 0, 65535, 0]], "uint16")


def log_softmax(x, axis=-1):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


@case((4, 3), np.random.default_rng(0).uniform(0.1, 0.9, (4, 3)).astype("float32"), np.array([2, 0, 1, 2], "int32"))
def losses_of_logits(g, t, u, n, x, y, labels):  # SigmoidCrossEntropy SoftmaxCrossEntropy SparseSoftmaxCrossEntropy WeightedCrossEntropy
    binary = np.logaddexp(0, x) - x * y  # LogPoissonLoss
    yield g("nn.sigmoid_cross_entropy_with_logits", u, logits=t), binary
    yield g("nn.softmax_cross_entropy_with_logits", u, logits=t, axis=-1), -(y * log_softmax(x)).sum(-1)
    own = -np.take_along_axis(log_softmax(x), labels[:, None], 1)[:, 0]
    yield g("nn.sparse_softmax_cross_entropy_with_logits", n, logits=t), own
    weighted = (1 - y) * x + (1 + 1.5 * y) * np.logaddexp(0, -x)
    yield g("nn.weighted_cross_entropy_with_logits", u, logits=t, pos_weight=2.5), weighted
    poisson = np.exp(x) - x * y
    yield g("nn.log_poisson_loss", u, log_input=t), poisson
    many = 4 * y + 0.5
    full = np.where(many <= 1, 0, many * np.log(many) - many + 0.5 * np.log(2 * np.pi * many))
    targets = g("__operators__.add", g("math.multiply", u, y=4.0), y=0.5)
    yield g("nn.log_poisson_loss", targets, log_input=t, compute_full_loss=True), np.exp(x) - x * many + full


@case((4, 3), np.random.default_rng(0).uniform(0.1, 0.9, (4, 3)).astype("float32"), np.array([2, 0, 1, 2], "int32"), keras=True)
def losses_of_the_backend(g, t, u, n, x, y, labels):  # BinaryCrossentropyOf CategoricalCrossentropyOf SparseCategoricalCrossentropyOf
    high = 1e3 * x  # probabilities of 0 and 1: what the logits say, only where they are seen
    p, q = 1 / (1 + np.exp(-x)), y / y.sum(-1, keepdims=True)
    scaled = g("math.multiply", t, y=1e3)
    binary = "keras.backend.binary_crossentropy"
    yield g(binary, u, output=g("math.sigmoid", scaled)), np.logaddexp(0, high) - high * y
    yield g(binary, u, output=t, from_logits=True), np.logaddexp(0, x) - x * y
    clipped = (0.5 * p).astype("float32")
    half = g("math.multiply", g("math.sigmoid", t), y=0.5)
    yield g(binary, u, output=half), -y * np.log(clipped + 1e-7) - (1 - y) * np.log(1 - clipped + 1e-7)
    yield g(binary, u, output=g("cast", g("math.greater", t, y=0.0), dtype="float32")), np.where(x > 0, (1 - y) * 15.333201, y * 15.424949)
    several, sparse = "keras.backend.categorical_crossentropy", "keras.backend.sparse_categorical_crossentropy"
    yield g(several, u, output=g("nn.softmax", scaled)), -(y * log_softmax(high)).sum(-1)
    yield g(several, u, output=u), -(y * np.log(q)).sum(-1)
    yield g(sparse, n, output=u), -np.log(np.take_along_axis(q, labels[:, None], 1)[:, 0])
    yield g(sparse, n, output=t, from_logits=True), -np.take_along_axis(log_softmax(x), labels[:, None], 1)[:, 0]
    flat = g("reshape", n, shape=[-1, 1])
    yield g(sparse, flat, output=u), -np.log(np.take_along_axis(q, labels[:, None], 1)[:, 0])


def windows(x, size, before, after):
    x = np.pad(x, [(0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0)], constant_values=np.nan)
    y = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return np.moveaxis(y, 3, -1)  # batch, height, width, size, size, channels


@case((2, 4, 5, 2))
def explicit_padding(g, t, x):  # ConvPadded DepthwiseConvPadded MaxPoolPadded BiasAddFirst
    pads = [[0, 0], [1, 2], [2, 0], [0, 0]]
    kernel = np.linspace(-1, 1, 54).reshape(3, 3, 2, 3).astype("float32")
    w = windows(x, 3, (1, 2), (2, 0))
    zeros = np.nan_to_num(w)
    strides = {"strides": [1, 1, 1, 1], "padding": pads}
    yield g("compat.v1.nn.conv2d", t, filter=kernel.tolist(), **strides), np.einsum("bhwijc,ijcf->bhwf", zeros, kernel)
    depth = np.einsum("bhwijc,ijcf->bhwcf", zeros, kernel)
    yield g("nn.depthwise_conv2d", t, filter=kernel.tolist(), **strides), depth.reshape(*depth.shape[:3], 6)
    yield g("nn.max_pool2d", t, ksize=3, strides=2, padding=pads), np.nanmax(w, (3, 4))[:, ::2, ::2]
    yield g("nn.bias_add", t, bias=[1.0, 2.0, 3.0, 4.0], data_format="NCHW"), x + np.arange(1.0, 5.0)[:, None, None]


@case((3, 4, 6, 2))
def blocks_of_the_batch(g, t, x):  # SpaceToBatch BatchToSpace
    y = np.pad(x, [(0, 0), (0, 0), (1, 1), (0, 0)]).reshape(3, 2, 2, 2, 4, 2).transpose(2, 4, 0, 1, 3, 5).reshape(24, 2, 2, 2)
    s = g("space_to_batch_nd", t, block_shape=[2, 4], paddings=[[0, 0], [1, 1]])
    doubled = g("math.multiply", s, y=g("reshape", g("math.reduce_mean", s, axis=[1, 2, 3]), shape=[-1, 1, 1, 1]))
    want = y * y.mean((1, 2, 3), keepdims=True)
    want = want.reshape(2, 4, 3, 2, 2, 2).transpose(2, 3, 0, 4, 1, 5).reshape(3, 4, 8, 2)[:, :, 1:7]
    yield g("compat.v1.batch_to_space_nd", doubled, block_shape=[2, 4], crops=[[0, 0], [1, 1]]), want


@case((3, 5))
def segments(g, t, x):  # SegmentMean
    ids, rows = [0, 2, 0, -1, 2], g("transpose", t, perm=[1, 0])
    sums = np.stack([x[:, 0] + x[:, 2], 0 * x[:, 0], x[:, 1] + x[:, 4]], 1)

    def put(function, want, segment_ids=ids, **kwargs):
        return g("transpose", g("math." + function, rows, segment_ids=segment_ids, **kwargs), perm=[1, 0]), want

    yield put("unsorted_segment_sum", sums, num_segments=3)
    yield put("unsorted_segment_mean", sums / [2, 1, 2], num_segments=3)
    yield put("unsorted_segment_sqrt_n", sums / np.sqrt([2, 1, 2]), num_segments=3)
    yield put("unsorted_segment_prod", np.stack([x[:, 0] * x[:, 2], 1 + 0 * x[:, 0], x[:, 1] * x[:, 4]], 1), num_segments=3)
    two = np.stack([x[:, :2].max(1), x[:, 2:].max(1)], 1)
    yield put("unsorted_segment_max", two, [0, 0, 1, 1, 1], num_segments=2)
    yield put("segment_max", two, [0, 0, 1, 1, 1])
    yield put("segment_mean", np.stack([x[:, :2].mean(1), x[:, 2:].mean(1)], 1), [0, 0, 1, 1, 1])
    gap = np.stack([0 * x[:, 0], x[:, :2].max(1), 0 * x[:, 0], x[:, 2:].max(1)], 1)
    yield put("segment_max", gap, [1, 1, 3, 3, 3])
    yield put("segment_prod", np.stack([x[:, 0], 1 + 0 * x[:, 0], x[:, 1:].prod(1)], 1), [0, 2, 2, 2, 2])


@case((2, 4, 3), (2, 1, 3))
def computed_sizes(g, t, u, x, y):  # Eye BooleanMask BroadcastShape
    both = g("broadcast_dynamic_shape", g("shape", t), shape_y=g("shape", u))
    yield g("broadcast_to", u, shape=both), np.broadcast_to(y, x.shape)
    longer = g("broadcast_dynamic_shape", g("shape", t), shape_y=[1, 4, 1])
    yield g("reshape", t, shape=longer), x
    corners = np.zeros((4, 3), bool)
    corners[::3, ::2] = True
    yield g("compat.v1.boolean_mask", t, mask=corners.tolist(), axis=1), x[:, corners]
    size = g("__operators__.getitem", g("shape", t), slice_spec=1)
    yield g("linalg.matmul", g("eye", size), b=t), x
    yield g("math.multiply", t, y=g("expand_dims", g("linspace", 0.0, stop=1.0, num=size), axis=1)), x * np.linspace(0, 1, 4)[:, None]
    best = g("math.top_k", g("transpose", t, perm=[0, 2, 1]), k=g("math.floordiv", size, y=2))
    yield best, -np.sort(-x.transpose(0, 2, 1))[..., :2]
    counted = g("range", g("cast", size, dtype="float32"))
    yield g("math.add", t, y=g("expand_dims", counted, axis=1)), x + np.arange(4)[:, None]
    yield g("compat.v1.boolean_mask", t, mask=[True, False, False, True], axis=1), x[:, [0, 3]]
    scattered = g("scatter_nd", [[1], [1], [3]], updates=[1.0, 2.0, 4.0], shape=g("reshape", size, shape=[1]))
    yield g("math.multiply", t, y=g("expand_dims", scattered, axis=1)), x * np.array([0, 3, 0, 4])[:, None]
    yield g("nn.dropout", g("convert_to_tensor", t), rate=0.0), x


@case(np.random.default_rng(1).uniform(size=(2, 12, 12, 2)).astype("float32"))
def image_quality(g, t, x):  # ImagePSNR ImageSSIM ResizePoints
    y = x[:, ::-1]
    u = g("image.flip_up_down", t)
    error = ((x - y) ** 2).mean((1, 2, 3))
    yield g("image.psnr", t, b=u, max_val=2.0), 10 * np.log10(4 / error)
    yield g("image.ssim", t, img2=t, max_val=1.0), np.ones(2)
    bell = np.exp(-0.5 * (np.arange(5) - 2.0) ** 2 / 1.5**2)
    bell = np.outer(bell, bell) / bell.sum() ** 2

    def blurred(a):
        return np.einsum("bhwijc,ij->bhwc", windows(a, 5, (0, 0), (0, 0)), bell)

    mx, my = blurred(x.astype("float64")), blurred(y.astype("float64"))
    xx, yy, xy = (blurred(a * b) - c for a, b, c in [(x, x, mx**2), (y, y, my**2), (x, y, mx * my)])
    near = (2 * mx * my + 1e-4) * (2 * xy + 9e-4) / ((mx**2 + my**2 + 1e-4) * (xx + yy + 9e-4))
    yield g("image.ssim", t, img2=u, max_val=1.0, filter_size=5), near.mean((1, 2, 3))
    grown = g("compat.v1.image.resize_bicubic", t, size=[12, 24])
    taps = [(-1, -0.09375), (0, 0.59375), (1, 0.59375), (2, -0.09375)]  # half way between two pixels, a = -0.75
    between = sum(weight * x[:, :, np.clip(np.arange(12) + at, 0, 11)] for at, weight in taps)
    yield grown, np.stack([x, between], 3).reshape(2, 12, 24, 2)


@case((2, 6, 4, 2), (2, 6, 4, 2), keras=True)
def raw_operations(g, t, u, x, y):  # RealTransform ConvPadded ResizeFloats IdentityN SoftmaxCrossEntropy Concatenate
    spectrum = g.raw("RFFT", g("reshape", t, shape=[-1, 48]), [16])
    want = np.fft.rfft(x.reshape(2, 48), 16)
    yield g.raw("ComplexAbs", spectrum), abs(want)
    yield g.raw("Imag", spectrum), want.imag
    yield g.raw("Real", g.raw("Cast", t, DstT={"type": "DT_COMPLEX64"})), x
    axis = g("math.subtract", g("rank", t), y=1)
    yield g.raw("ConcatV2", t, u, axis, N={"i": "2"}), np.concatenate([x, y], -1)
    yield part(g.raw("IdentityN", t, u, T={"list": {"type": ["DT_FLOAT"] * 2}}), 1), y
    kernel = np.linspace(-1, 1, 36).reshape(3, 3, 2, 2).astype("float32")
    numbers = {"strides": "1111", "dilations": "1111", "explicit_paddings": "00122000"}
    numbers = {name: {"list": {"i": list(digits)}} for name, digits in numbers.items()}
    texts = {"padding": {"s": "RVhQTElDSVQ="}, "data_format": {"s": "TkhXQw=="}}
    padded = g.raw("Conv2D", t, kernel.tolist(), use_cudnn_on_gpu={"b": True}, **texts, **numbers)
    yield padded, np.einsum("bhwijc,ijcf->bhwf", np.nan_to_num(windows(x, 3, (1, 2), (2, 0))), kernel)
    logits, labels = g("reshape", t, shape=[-1, 48]), g("nn.softmax", g("reshape", u, shape=[-1, 48]))
    loss = -(np.exp(log_softmax(y.reshape(2, 48))) * log_softmax(x.reshape(2, 48))).sum(-1)
    yield g.raw("SoftmaxCrossEntropyWithLogits", logits, labels), loss
    sizes = g("__operators__.getitem", g("shape", t), slice_spec=[{"start": 1, "stop": 3, "step": None}])
    scale = g("math.truediv", [3.0, 4.0], y=g("cast", sizes, dtype="float32"))
    halves = g.raw("ScaleAndTranslate", t, [3, 4], scale, [0.0, 0.0], kernel_type={"s": "dHJpYW5nbGU="}, antialias={"b": True})
    weights = np.array([[3, 3, 1, 0, 0, 0], [0, 1, 3, 3, 1, 0], [0, 0, 0, 1, 3, 3]]) / np.array([7, 8, 7])[:, None]
    yield halves, np.einsum("oh,bhwc->bowc", weights, x)


@case(np.random.default_rng(2).normal(size=(3, 3)))
def doubles(g, t, x):  # Bitcast ResizePoints
    """Lists of numbers are float64 beside such a tensor."""
    numbers = [0.1, 0.2, 0.7]
    yield g("math.multiply", t, y=numbers), x * numbers
    yield g("linalg.matmul", t, b=[[0.1], [0.2], [0.7]]), (x @ numbers)[:, None]
    yield g("math.subtract", numbers, y=t), numbers - x
    yield g("linspace", t, stop=g("math.multiply", t, y=2.0), num=4, axis=-1), np.linspace(x, 2 * x, 4, axis=-1)
    whole = g("bitcast", t, type="int32")
    yield whole, x[..., None].view("int32")
    yield g("bitcast", whole, type="float64"), x
    grown = g("compat.v1.image.resize_bilinear", g("reshape", t, shape=[-1, 1, 3, 1]), size=[1, 6])  # float32, whatever it is given
    pixels = x.astype("float32")
    between = (pixels + np.c_[pixels[:, 1:], pixels[:, 2:]]) / 2
    yield grown, np.stack([pixels, between], 2).reshape(3, 1, 6, 1)


@case((3, 4, 2))
def segments_of_several_axes(g, t, x):  # SegmentMean
    ids = (abs(x[..., 0]) * 2).astype("int32") - 1
    first = g("__operators__.getitem", t, slice_spec=[*[{"start": None, "stop": None, "step": None}] * 2, 0])
    of_data = g("math.subtract", g("cast", g("math.multiply", g("math.abs", first), y=2.0), dtype="int32"), y=1)
    sums = np.stack([(x * (ids == i)[..., None]).sum((0, 1)) for i in range(12)])
    yield g("math.unsorted_segment_sum", t, segment_ids=of_data, num_segments=12), sums
    means = sums / np.maximum([[(ids == i).sum()] for i in range(12)], 1)
    yield g("math.unsorted_segment_mean", t, segment_ids=of_data, num_segments=12), means
    count = g("__operators__.getitem", g("shape", t), slice_spec=0)
    yield g("math.unsorted_segment_sum", t, segment_ids=g("range", 0, limit=count), num_segments=count), x


@case(np.random.default_rng(1).integers(-(2**63), 2**63, (2, 6, 5, 1)))
def large_integers(g, t, x):
    def low(tensor, want):
        """The digits that a float64 would lose."""
        return g("math.floormod", tensor, y=1024), want % 1024

    yield low(g("math.abs", t), abs(x))
    yield low(g("math.negative", t), -x)
    yield low(g("nn.relu", t), np.maximum(x, 0))
    yield low(g("nn.max_pool2d", t, ksize=[2, 5], strides=[2, 1], padding="VALID"), x.reshape(2, 3, 2, 5, 1).max((2, 3))[:, :, None])
    around = np.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0)], constant_values=-(2**63))
    yield low(g("nn.max_pool2d", t, ksize=[3, 1], strides=1, padding="SAME"), np.maximum(np.maximum(around[:, :-2], x), around[:, 2:]))

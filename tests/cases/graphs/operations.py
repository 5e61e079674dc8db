"""Operations of keras.ops in a graph: each of src/ops/ops.def by its class name, several in one model."""
from caselist import Input, graph_case

CASES = []


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function. Keras cannot load graphs with operations from `.h5`."""
    return lambda function: CASES.append(
        graph_case("operations", *inputs, legacy=False, keras2=False, **settings)(function)
    )


def snake(name):
    """The function of keras.ops that makes a node of this class."""
    special = {"Relu6": "relu6", "Exp2": "exp2", "Expm1": "expm1", "Log1p": "log1p", "Log2": "log2", "Log10": "log10"}
    if name in special:
        return special[name]
    return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


def apply(k, names, *tensors):
    """The outputs of the operations of these classes on the same tensors."""
    return [getattr(k.ops, snake(name))(*tensors) for name in names]


UNARY = ["Absolute", "Negative", "Square", "Sign", "Sqrt", "Rsqrt", "Reciprocal", "Floor", "Ceil", "Trunc", "Exp", "Exp2"]
UNARY += ["Expm1", "Log", "Log1p", "Log2", "Log10", "Sin", "Cos", "Tan", "Arcsin", "Arccos", "Arctan", "Sinh", "Cosh"]
UNARY += ["Tanh", "Arcsinh", "Arccosh", "Arctanh", "Deg2rad", "Rad2deg", "Erf", "Erfinv"]
ACTIVATIONS = ["Relu", "Relu6", "Sigmoid", "SparseSigmoid", "LogSigmoid", "HardSigmoid", "HardSilu", "HardTanh", "TanhShrink"]
ACTIVATIONS += ["Silu", "Selu", "Softplus", "Softsign", "SparsePlus", "LeakyRelu", "Elu", "Celu", "HardShrink", "SoftShrink"]
ACTIVATIONS += ["Squareplus", "Gelu", "Glu", "Sparsemax", "Softmax", "LogSoftmax"]
BINARY = ["Add", "Subtract", "Multiply", "Divide", "TrueDivide", "FloorDivide", "Mod", "Maximum", "Minimum", "Arctan2"]
COMPARISONS = ["Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"]
TESTS = ["Isnan", "Isinf", "Isfinite"]
INTEGER_UNARY = ["Absolute", "Negative", "Square", "Sign", "Sqrt", "Exp", "Floor"]


@case((9,))
def unary(k, x):
    return apply(k, UNARY, x)


@case((8,))
def activations(k, x):
    more = [k.ops.threshold(x, 0.1, -1.0), k.ops.gelu(x, approximate=False), k.ops.leaky_relu(x, 0.3)]
    return apply(k, ACTIVATIONS, x) + more  # Threshold


@case((3, 4))
def softmax_of_another_axis(k, x):
    return k.ops.softmax(x, axis=1), k.ops.log_softmax(x, axis=-2)


@case((6,), (6,))
def binary(k, x, y):
    return apply(k, BINARY, x, y) + [k.ops.power(k.ops.absolute(x), y)]  # Power


@case((6,))
def numbers(k, x):
    return [x + 2, 1.5 - x, x * 3, x / 4, x // 0.7, x % 0.9, k.ops.maximum(x, 0), k.ops.minimum(0.3, x), x > 0, x != 0.5]


@case(Input((6,), "int32", -9, 9), Input((6,), "int32", 1, 7))
def integers(k, x, y):
    more = [x + 3, x * 0.5, k.ops.power(y, 2), k.ops.clip(x, -2, 3), k.ops.round(x), k.ops.mean(x, axis=1)]
    return apply(k, BINARY[:8], x, y) + apply(k, INTEGER_UNARY, x) + more + [k.ops.sum(x, axis=1)]


@case((6,), (6,))
def comparisons(k, x, y):
    x, y = k.ops.round(x), k.ops.round(y)
    return apply(k, COMPARISONS, x, y) + apply(k, TESTS, k.ops.log(x))


@case((6,), (6,))
def logic(k, x, y):
    a, b = x > 0, y > 0
    both = [k.ops.logical_and(a, b), k.ops.logical_or(a, b), k.ops.logical_xor(a, b)]  # LogicalAnd LogicalOr LogicalXor
    infinite = k.ops.divide(x, k.ops.round(y))
    # LogicalNot Where NanToNum Isposinf Isneginf Any All
    return both + [
        k.ops.logical_not(a),
        k.ops.where(a, x, y),
        k.ops.nan_to_num(infinite),
        k.ops.isposinf(infinite),
        k.ops.isneginf(infinite),
        k.ops.any(a, axis=1),
        k.ops.all(a, axis=-1, keepdims=True),
    ]


@case((5,))
def clip_and_round(k, x):
    return k.ops.clip(x, -0.5, 0.5), k.ops.round(x), k.ops.round(x * 10, 1)  # Clip Round


@case((4, 3))
def reductions(k, x):
    ops = k.ops
    # Sum Mean Max Min Amax Amin Prod Var Std Argmax Argmin CountNonzero Logsumexp Cumsum Cumprod
    return [
        ops.sum(x, axis=1),
        ops.mean(x, axis=(1, 2)),
        ops.max(x, axis=2, keepdims=True),
        ops.min(x, axis=-1),
        ops.amax(x, axis=1),
        ops.amin(x, axis=1),
        ops.prod(x, axis=1),
        ops.var(x, axis=1),
        ops.std(x, axis=2),
        ops.argmax(x, axis=1),
        ops.argmin(x, axis=-1),
        ops.count_nonzero(ops.round(x), axis=1),
        ops.logsumexp(x, axis=1),
        ops.cumsum(x, axis=1),
        ops.cumprod(x, axis=2),
    ]


@case((4, 6))
def shapes(k, x):
    ops = k.ops
    # Reshape ExpandDims Squeeze Transpose Swapaxes Moveaxis Repeat Tile Flip BroadcastTo ZerosLike OnesLike Cast Copy
    return [
        ops.reshape(x, (-1, 8, 3)),
        ops.squeeze(ops.expand_dims(x, 2), 2),
        ops.transpose(x, (0, 2, 1)),
        ops.swapaxes(x, 1, 2),
        ops.moveaxis(ops.expand_dims(x, -1), -1, 1),
        ops.repeat(x, 2, axis=1),
        ops.tile(x, (1, 2, 1)),
        ops.flip(x, axis=1),
        ops.broadcast_to(ops.expand_dims(x, 1), (3, 2, 4, 6)),
        ops.zeros_like(x),
        ops.ones_like(x, dtype="int32"),
        ops.cast(x, "int32"),
        ops.copy(x),
        ops.stop_gradient(x),  # StopGradient
        ops.convert_to_tensor(x),  # ConvertToTensor
    ]


@case((4, 3), (4, 3))
def joins(k, x, y):
    ops = k.ops
    # Concatenate Stack Hstack Split Pad
    return [
        ops.concatenate([x, y], axis=-1),
        ops.stack([x, y], axis=1),
        ops.hstack([x, y]),
        *ops.split(x, 2, axis=1),
        *ops.split(y, [1], axis=2),
        ops.pad(x, ((0, 0), (1, 2), (0, 1))),
        ops.pad(x, ((0, 0), (1, 2), (0, 0)), mode="reflect"),
    ]


@case((5, 4), Input((3,), "int32", 0, 5))
def indices(k, x, i):
    # GetItem Take OneHot
    return [x[:, 1:4], x[:, 0], x[:, ::-2, None], x[..., 1], k.ops.one_hot(i, 6), k.ops.take(x, [0, 2, -1], axis=1)]


@case((4, 5), (5, 3))
def products(k, x, y):
    ops = k.ops
    # Matmul Einsum
    return [ops.matmul(x, y), ops.einsum("bij,bjk->bki", x, y)]


@case((4,))
def products_with_constants(k, x):
    import numpy as np

    w = np.linspace(-1, 1, 12).reshape(4, 3).astype("float32")
    # Dot Tensordot Inner
    return k.ops.dot(x, w), k.ops.tensordot(x, w, axes=1), k.ops.inner(x, np.ones((2, 4), "float32"))


@case((7, 6, 2))
def windows(k, x):
    import numpy as np

    kernel = np.linspace(-1, 1, 36).reshape(3, 3, 2, 2).astype("float32")
    depthwise, point = kernel[..., :1], np.linspace(-1, 1, 6).reshape(1, 1, 2, 3).astype("float32")
    ops = k.ops
    # Conv DepthwiseConv SeparableConv MaxPool AveragePool
    return [
        ops.conv(x, kernel, 2, "same"),
        ops.depthwise_conv(x, depthwise, 1, "valid"),
        ops.separable_conv(x, depthwise, point, 1, "same"),
        ops.max_pool(x, 2, 2, "same"),
        ops.average_pool(x, 3, 1, "valid"),
    ]


@case((4, 3))
def rows_mixed(k, x):
    # Ravel Vstack: the batch is one whole
    return k.ops.reshape(k.ops.ravel(x), (-1, 3)), k.ops.vstack([x, x * 2])

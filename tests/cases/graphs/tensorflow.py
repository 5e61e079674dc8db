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


@case(Input((4, 4, 3)))
def tf_images(tf, x):
    return [tf.image.resize(x, [6, 5]), tf.nn.depth_to_space(tf.concat([x] * 4, -1), 2), tf.nn.space_to_depth(x, 2)]


@case((4, 6))
def tf_sizes(tf, x):  # Shape TensorNorm
    s = tf.shape(x)
    shapes = [(s[0], -1), [s[0], s[2], s[1]], tf.stack([s[0], s[1] * s[2] // 2, 2])]
    return [tf.reshape(x, shape) for shape in shapes] + [tf.norm(x, axis=-1, keepdims=True), tf.norm(x, ord=1, axis=1)]

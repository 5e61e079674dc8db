"""Random networks: made-up stacks of layers with branches, nested models and shared layers, from a seed.

`random_model(keras, rng)` returns a Keras model; every choice comes from `rng`, so a seed names a network. Run as a
script, it saves networks of a kind (FAMILIES) with inputs and Keras's predictions, each in a folder that its seed names:

    architectures.py FOLDER KIND FIRST LAST
"""
import os
import pathlib
import sys

import image_networks
import sequence_networks
from image_networks import pick

ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "elu", "selu", "softplus", "hard_sigmoid", "leaky_relu", "linear")
DEPTH = (2, 10)  # layers in a row, at least and at most
ROWS = 5


def size(rng, least=1, most=20):
    """A size; small ones more often than large ones."""
    return int(least + (most - least) * rng.random() ** 2)


def dense(k, rng, x):
    return k.layers.Dense(size(rng), activation=pick(rng, *ACTIVATIONS), use_bias=pick(rng, True, False))(x)


def convolution(k, rng, x):
    rank = len(x.shape) - 2
    kind = pick(rng, "Conv", "Conv", "Conv", "DepthwiseConv", "SeparableConv")
    options = {"kernel_size": size(rng, 1, 4), "padding": "same", "activation": pick(rng, *ACTIVATIONS)}
    if pick(rng, True, False):
        options["strides"] = size(rng, 1, 3)
    elif rank == 1 and kind == "Conv" and pick(rng, True, False):
        options |= {"padding": "causal", "dilation_rate": size(rng, 1, 3)}
    elif min(x.shape[1:-1]) >= options["kernel_size"]:
        options["padding"] = pick(rng, "same", "valid")
    if kind == "Conv":
        groups = pick(rng, 1, 1, 1, x.shape[-1])
        options |= {"filters": groups * size(rng, 1, 3 if groups > 1 else 20), "groups": groups}
    elif kind == "DepthwiseConv":
        options["depth_multiplier"] = size(rng, 1, 3)
    else:
        options["filters"] = size(rng)
    return getattr(k.layers, f"{kind}{rank}D")(**options)(x)


def pooling(k, rng, x):
    kind = pick(rng, "MaxPooling", "AveragePooling")
    options = {"pool_size": size(rng, 1, 4), "strides": pick(rng, None, 1, 2), "padding": "same"}
    return getattr(k.layers, f"{kind}{len(x.shape) - 2}D")(**options)(x)


def resampling(k, rng, x):
    rank = len(x.shape) - 2
    kind = pick(rng, "UpSampling", "ZeroPadding", "Cropping")
    if kind == "Cropping" and min(x.shape[1:-1]) < 4 or kind == "UpSampling" and max(x.shape[1:-1]) > 20:
        kind = "ZeroPadding"
    return getattr(k.layers, f"{kind}{rank}D")(*([2] if kind == "UpSampling" else [1]))(x)


def recurrent(k, rng, x):
    layer = getattr(k.layers, pick(rng, "LSTM", "GRU", "SimpleRNN"))
    options = {"return_sequences": pick(rng, True, False)}
    if pick(rng, True, False):
        inner = layer(size(rng, 1, 9), **options)
        return k.layers.Bidirectional(inner, merge_mode=pick(rng, "concat", "sum", "mul", "ave"))(x)
    return layer(size(rng, 1, 9), go_backwards=pick(rng, True, False), **options)(x)


def normalization(k, rng, x):
    return pick(rng, k.layers.BatchNormalization, k.layers.LayerNormalization)()(x)


def elementwise(k, rng, x):
    return pick(
        rng,
        lambda: k.layers.Activation(pick(rng, *ACTIVATIONS)),
        lambda: k.layers.ReLU(max_value=pick(rng, None, 1.5), negative_slope=pick(rng, 0.0, 0.2)),
        lambda: k.layers.PReLU(),
        lambda: k.layers.Softmax(),
        lambda: k.layers.Dropout(0.4),
        lambda: k.layers.Rescaling(0.7, offset=-0.2),
    )()(x)


def moved(k, rng, x):
    axes = list(range(1, len(x.shape)))
    rng.shuffle(axes)
    return pick(rng, k.layers.Permute(axes), k.layers.Flatten())(x)


def residual(k, rng, x):
    """A branch around one or two layers, joined where shapes agree, else concatenated or scaled by a gate."""
    y = steps(k, rng, x, size(rng, 1, 3))
    if y.shape == x.shape:
        return getattr(k.layers, pick(rng, "Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum"))()([x, y])
    if y.shape[:-1] == x.shape[:-1]:
        return k.layers.Concatenate()([y, x])
    gate = k.layers.Flatten()(y)
    gate = k.layers.Dense(x.shape[-1], "sigmoid")(gate)
    return k.layers.Multiply()([x, k.layers.Reshape((1,) * (len(x.shape) - 2) + (x.shape[-1],))(gate)])


def nested(k, rng, x):
    """A model in the model, called once or, where it keeps the shape, twice."""
    inner_input = k.Input(x.shape[1:])
    inner = k.Model(inner_input, steps(k, rng, inner_input, size(rng, 1, 3)))
    y = inner(x)
    return inner(y) if y.shape == x.shape and pick(rng, True, False) else y


def step(k, rng, x):
    """One layer or small structure that fits the tensor."""
    rank = len(x.shape) - 1
    choices = [dense, normalization, elementwise, residual, nested]
    if rank in (2, 3):
        choices += [convolution, convolution, convolution, pooling, resampling, moved]
    if rank == 2:
        choices += [recurrent, recurrent]
    return pick(rng, *choices)(k, rng, x)


def steps(k, rng, x, count):
    for _ in range(count):
        x = step(k, rng, x)
    return x


def random_model(k, rng):
    """A network with one or two inputs and one or two outputs."""
    shape = pick(rng, (size(rng),), (size(rng, 2, 16), size(rng)), (size(rng, 3, 13), size(rng, 3, 13), size(rng, 1, 9)))
    x = k.Input(shape)
    inputs, y = [x], steps(k, rng, x, size(rng, *DEPTH))
    outputs = [y]
    if pick(rng, True, False, False):
        other = k.Input((size(rng),))
        flat = k.layers.Flatten()(y)
        inputs.append(other)
        outputs.append(steps(k, rng, k.layers.Concatenate()([flat, other]), 2))
    return k.Model(inputs if len(inputs) > 1 else x, outputs if len(outputs) > 1 else y)


FAMILIES = {"small": random_model, "images": image_networks.random_model, "sequences": sequence_networks.random_model}


def save(folder, family, seed):
    """Saves the network of a seed as both kinds of file, with its inputs and Keras's predictions."""
    import keras
    import numpy as np

    from make_reference_cases import randomise

    keras.utils.clear_session()
    rng = np.random.default_rng(seed)
    model = FAMILIES[family](keras, rng)
    randomise(model, rng)
    inputs = [rng.standard_normal((ROWS, *i.shape[1:])).astype("float32") for i in model.inputs]
    outputs = keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0]))
    folder.mkdir()
    for k, values in enumerate(inputs):
        np.save(folder / f"in{k}.npy", values)
    for k, values in enumerate(outputs):
        np.save(folder / f"out{k}.npy", np.asarray(values))
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")


if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "tensorflow"
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
    for number in range(int(sys.argv[3]), int(sys.argv[4])):
        save(pathlib.Path(sys.argv[1]) / str(number), sys.argv[2], number)

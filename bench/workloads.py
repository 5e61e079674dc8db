#!/usr/bin/env python3
"""The models that the benchmarks run, and their conversions: made once, kept in a cache folder.

    workloads.py NAME... [--cache build/bench]

Each workload is a Keras model with random weights, BatchNorm's running statistics among them, from a seed of its own name.
`prepare` makes of it, in a process of its own, a folder with

    model.keras                              as Keras saves it
    rows.npz, first.npz                      inputs, in the order of model.inputs; the first of them
    reference.npz                            Keras's predictions for the first rows
    model.onnx, model.xml, model.tflite      conversions for the peers
    model.onnx.fails ...                     why there is none

A folder is made anew when what makes it changes. What a peer cannot take from the usual converter is offered to it by the
other ways there are, in order: what counts is whether the peer can run the model at all.
"""
import argparse
import contextlib
import dataclasses
import hashlib
import inspect
import os
import pathlib
import subprocess
import sys
import typing
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("HORNPIPE_BENCH_CACHE", ROOT / "build" / "bench"))
CHECKED_ROWS = 16  # with a reference
LITERT_BATCH = 64  # of models that it takes at a fixed batch size only


@dataclasses.dataclass(frozen=True)
class Workload:
    """One model: `make` builds it, `rows` go through it in a turn."""

    name: str
    make: typing.Callable
    rows: int
    text: str
    listed: bool  # one of the nine that the goals are set for


WORKLOADS = {}


def workload(rows, text, listed=False):
    """Registers a function that builds a Keras model, under its own name."""

    def register(make):
        name = make.__name__
        WORKLOADS[name] = Workload(name, make, rows, text, listed)
        return make

    return register


# ---- the nine


@workload(1_000_000, "10-64-64-1, relu, sigmoid", listed=True)
def mlp(keras, L):
    return keras.Sequential([L.Input((10,)), L.Dense(64, "relu"), L.Dense(64, "relu"), L.Dense(1, "sigmoid")])


@workload(40_000, "784-512-512-10, relu, softmax", listed=True)
def wide(keras, L):
    return keras.Sequential([L.Input((784,)), L.Dense(512, "relu"), L.Dense(512, "relu"), L.Dense(10, "softmax")])


@workload(20_000, "28x28x1, conv 32 and 64 (3x3), pool, dense 128, 10", listed=True)
def cnn(keras, L):
    convolutions = [L.Conv2D(32, 3, activation="relu"), L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D()]
    return keras.Sequential(
        [L.Input((28, 28, 1)), *convolutions, L.Flatten(), L.Dense(128, "relu"), L.Dense(10, "softmax")]
    )


@workload(16_384, "60x10, LSTM 64 (sequences), LSTM 32, dense 1", listed=True)
def lstm(keras, L):
    return keras.Sequential(
        [L.Input((60, 10)), L.LSTM(64, return_sequences=True), L.LSTM(32), L.Dense(1, "sigmoid")]
    )


@workload(16_384, "256x8, conv 32 k7, BN, pool, conv 64 k5, GAP, 1", listed=True)
def conv1d(keras, L):
    first = [L.Conv1D(32, 7, padding="same", activation="relu"), L.BatchNormalization(), L.MaxPooling1D(2)]
    second = [L.Conv1D(64, 5, padding="same", activation="relu"), L.GlobalAveragePooling1D()]
    return keras.Sequential([L.Input((256, 8)), *first, *second, L.Dense(1, "sigmoid")])


def transformer_blocks(L, x, count, heads, width, hidden):
    """Pre-norm blocks with residuals."""
    for _ in range(count):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = L.Add()([x, L.MultiHeadAttention(heads, width // heads)(y, y)])
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = L.Add()([x, L.Dense(width)(L.Dense(hidden, "gelu")(y))])
    return x


@workload(8_192, "64x64, 2 blocks, 4 heads, MLP 256 gelu", listed=True)
def transformer(keras, L):
    x = inputs = L.Input((64, 64))
    x = L.GlobalAveragePooling1D()(transformer_blocks(L, x, 2, 4, 64, 256))
    return keras.Model(inputs, L.Dense(1, "sigmoid")(x))


@workload(64, "MobileNetV2, 224x224x3", listed=True)
def mobilenetv2(keras, L):
    return keras.applications.MobileNetV2(weights=None)


@workload(32, "ResNet50, 224x224x3", listed=True)
def resnet50(keras, L):
    return keras.applications.ResNet50(weights=None)


@workload(64, "EfficientNetB0, 224x224x3", listed=True)
def efficientnetb0(keras, L):
    return keras.applications.EfficientNetB0(weights=None)


# ---- other kinds


@workload(8_192, "50x16, bidirectional GRU 48 (sequences), bidirectional GRU 24, dense 4")
def bigru(keras, L):
    return keras.Sequential(
        [
            L.Input((50, 16)),
            L.Bidirectional(L.GRU(48, return_sequences=True)),
            L.Bidirectional(L.GRU(24)),
            L.Dense(4, "softmax"),
        ]
    )


@workload(4_096, "128x16, six causal convolutions of 32, dilation 1 to 32, residuals")
def tcn(keras, L):
    x = inputs = L.Input((128, 16))
    x = L.Conv1D(32, 1)(x)
    for power in range(6):
        y = L.Conv1D(32, 3, padding="causal", dilation_rate=2**power, activation="relu")(x)
        x = L.Add()([x, y])
    return keras.Model(inputs, L.Dense(1)(L.GlobalAveragePooling1D()(x)))


@workload(128, "U-Net, 64x64x3, 16 to 64 channels, skip connections")
def unet(keras, L):
    def block(x, filters):
        for _ in range(2):
            x = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(filters, 3, padding="same", use_bias=False)(x)))
        return x

    x = inputs = L.Input((64, 64, 3))
    skips = []
    for filters in (16, 32):
        skips.append(block(x, filters))
        x = L.MaxPooling2D()(skips[-1])
    x = block(x, 64)
    for filters in (32, 16):
        x = L.UpSampling2D()(x)
        x = block(L.Concatenate()([skips.pop(), x]), filters)
    return keras.Model(inputs, L.Conv2D(1, 1, activation="sigmoid")(x))


@workload(100_000, "8 categories embedded in 8, 12 numbers, normalisation, 128-64-1")
def tabular(keras, L):
    categories = [L.Input((1,), dtype="int32", name=f"category_{k}") for k in range(8)]
    numbers = L.Input((12,), name="numbers")
    embedded = [L.Flatten()(L.Embedding(100 + 40 * k, 8)(c)) for k, c in enumerate(categories)]
    x = L.Concatenate()([*embedded, L.BatchNormalization()(numbers)])
    for units in (128, 64):
        x = L.Activation("relu")(L.BatchNormalization()(L.Dense(units)(x)))
    return keras.Model([*categories, numbers], L.Dense(1, "sigmoid")(x))


@workload(64, "DenseNet121, 64x64x3")
def densenet121(keras, L):
    return keras.applications.DenseNet121(weights=None, input_shape=(64, 64, 3), classes=10)


@workload(256, "16x32x32x1, 3D convolutions 16, 32, 64")
def conv3d(keras, L):
    layers = []
    for filters in (16, 32, 64):
        layers += [L.Conv3D(filters, 3, padding="same", activation="relu"), L.MaxPooling3D()]
    return keras.Sequential([L.Input((16, 32, 32, 1)), *layers, L.GlobalAveragePooling3D(), L.Dense(5, "softmax")])


@workload(512, "500x16, LSTM 64, dense 1")
def longlstm(keras, L):
    return keras.Sequential([L.Input((500, 16)), L.LSTM(64), L.Dense(1)])


@workload(256, "512x64, 2 blocks, 4 heads, MLP 256 gelu")
def longtransformer(keras, L):
    x = inputs = L.Input((512, 64))
    x = L.GlobalAveragePooling1D()(transformer_blocks(L, x, 2, 4, 64, 256))
    return keras.Model(inputs, L.Dense(1)(x))


@workload(2_048, "33x29x5, conv 17 (5x3), 23 (3x3, stride 2), 31 (1x7), dense 37, 3")
def odd(keras, L):
    return keras.Sequential(
        [
            L.Input((33, 29, 5)),
            L.Conv2D(17, (5, 3), activation="relu"),
            L.Conv2D(23, 3, strides=2, padding="same", activation="elu"),
            L.Conv2D(31, (1, 7), padding="same", activation="tanh"),
            L.AveragePooling2D((3, 2)),
            L.Flatten(),
            L.Dense(37, "swish"),
            L.Dense(3, "softmax"),
        ]
    )


@workload(1_024, "32x32x3, conv 32, 64 (stride 2), transposed 64, 32 (stride 2)")
def autoencoder(keras, L):
    down = [L.Conv2D(f, 3, strides=2, padding="same", activation="relu") for f in (32, 64)]
    up = [L.Conv2DTranspose(f, 3, strides=2, padding="same", activation="relu") for f in (64, 32)]
    return keras.Sequential([L.Input((32, 32, 3)), *down, *up, L.Conv2D(3, 3, padding="same", activation="sigmoid")])


# ---- making them


def randomise(model, rng):
    """Biases and BatchNorm's parameters and statistics as after training; kernels stay as they were initialised."""
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, (keras.layers.BatchNormalization, keras.layers.LayerNormalization)):
            for weight in layer.weights:
                near_one = weight.name in ("gamma", "moving_variance")
                shift = 1.0 if near_one else 0.0
                weight.assign(shift + rng.uniform(-0.3, 0.3, weight.shape).astype("float32"))
        for weight in layer.weights:
            if weight.name == "bias":
                weight.assign(weight.numpy() + rng.normal(0, 0.1, weight.shape).astype("float32"))


def make_rows(model, count, rng):
    """Inputs, in the order of model.inputs: normal numbers, or indices that every table has."""
    arrays = []
    for tensor in model.inputs:
        shape = (count, *tensor.shape[1:])
        integers = "int" in tensor.dtype
        arrays.append(rng.integers(0, 100, shape, "int32") if integers else rng.standard_normal(shape, "float32"))
    return arrays


def signature(model, batch=None):
    """What the converters want to know of the inputs."""
    import tensorflow as tf

    specs = [tf.TensorSpec((batch, *t.shape[1:]), t.dtype, name=t.name) for t in model.inputs]
    return [specs] if len(specs) > 1 else specs


def to_onnx(model, path):
    """By tf2onnx, as Keras's export does; with a later operation set where the usual one lacks something."""
    import onnxruntime

    for options in {}, {"opset_version": 18}:
        try:
            model.export(path, format="onnx", input_signature=signature(model), verbose=False, **options)
            onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            return
        except Exception as error:
            first = error if not options else first
    raise first


def to_openvino(model, path):
    """From TensorFlow's graph, as Keras's export does; else from ONNX."""
    import openvino

    onnx = path.removesuffix(".xml") + ".onnx"
    try:
        model.export(path, format="openvino", verbose=False)
        openvino.Core().compile_model(path, "CPU")
    except Exception:
        if not os.path.exists(onnx):
            raise
        openvino.save_model(openvino.convert_model(onnx), path, compress_to_fp16=False)
        openvino.Core().compile_model(path, "CPU")


def to_litert(model, path):
    """As Keras's export does; where that needs TensorFlow's own kernels, with frozen weights and a fixed batch size."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    try:
        model.export(path, format="litert", verbose=False)
        Interpreter(path).allocate_tensors()
    except Exception:
        function = tf.function(lambda x: model(x, training=False), input_signature=signature(model, LITERT_BATCH))
        frozen = convert_variables_to_constants_v2(function.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        pathlib.Path(path).write_bytes(converter.convert())
        interpreter = Interpreter(path)
        interpreter.allocate_tensors()
        interpreter.invoke()


CONVERSIONS = {".onnx": to_onnx, ".xml": to_openvino, ".tflite": to_litert}


def reason(error):
    """An error in one line, in brief."""
    text = " ".join(str(error).replace("FrontEnd API failed with OpConversionFailure:", "").split())
    return f"{type(error).__name__}: {text}"[:400]


def make(name, folder):
    """Fills a workload's folder."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import numpy as np

    seed = zlib.crc32(name.encode())
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = WORKLOADS[name].make(keras, keras.layers)
    randomise(model, rng)
    model.save(folder / "model.keras")
    rows = make_rows(model, WORKLOADS[name].rows, rng)
    first = [r[:CHECKED_ROWS] for r in rows]
    np.savez(folder / "rows.npz", *rows)
    np.savez(folder / "first.npz", *first)
    outputs = model.predict(first, verbose=0)
    np.savez(folder / "reference.npz", *(outputs if isinstance(outputs, list) else [outputs]))
    for suffix, convert in CONVERSIONS.items():
        path = folder / f"model{suffix}"
        try:
            with contextlib.redirect_stdout(sys.stderr):
                convert(model, os.fspath(path))
        except Exception as error:
            path.unlink(missing_ok=True)
            path.with_name(path.name + ".fails").write_text(reason(error) + "\n")


def stamp_of(name):
    """Tells a workload's versions apart: a hash of the code that it depends on."""
    parts = [WORKLOADS[name].make, transformer_blocks, randomise, make_rows, make, signature, *CONVERSIONS.values()]
    text = "".join(map(inspect.getsource, parts)) + str(WORKLOADS[name].rows)
    return hashlib.sha256(text.encode()).hexdigest()


def prepare(name, cache=CACHE, python=sys.executable):
    """The workload's folder, made in a process of its own where it is missing or out of date."""
    folder = pathlib.Path(cache) / name
    stamp = stamp_of(name)
    if (folder / "stamp").exists() and (folder / "stamp").read_text() == stamp:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    print(f"  making {name}", file=sys.stderr, flush=True)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([python, __file__, "--make", folder, name], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{name} could not be made:\n{done.stderr[-2000:]}")
    (folder / "stamp").write_text(stamp)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(WORKLOADS), metavar="NAME")
    parser.add_argument("--cache", type=pathlib.Path, default=CACHE)
    parser.add_argument("--make", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for name in arguments.names:
        if arguments.make:
            make(name, arguments.make)
        else:
            print(prepare(name, arguments.cache))


if __name__ == "__main__":
    main()

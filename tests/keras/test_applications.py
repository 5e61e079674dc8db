"""Second tier: whole networks of keras.applications, random weights and statistics, in both file formats, against Keras.

    HORNPIPE=build/hornpipe python -m pytest tests/keras/test_applications.py [-k NAME]

Each network's logits must be Keras's within 1e-4 of the largest, and each row's within 1e-4 of that row's largest. The
networks are built and saved in a process of their own, so that Keras's memory is given back; their images have SIZE by
SIZE pixels, not those that the network was made for. HORNPIPE_APPLICATIONS names the networks, separated by commas, or is
"all": `make check-applications` runs all 40. The largest errors are printed with -s.
"""
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

# One of each way to build a network, the smallest that has it.
SAMPLE = """ResNet50 ResNet50V2 VGG16 InceptionResNetV2 MobileNetV2 MobileNetV3Small EfficientNetB0 EfficientNetV2B0 DenseNet121
    NASNetMobile ConvNeXtTiny"""
OTHERS = """Xception VGG19 ResNet101 ResNet152 ResNet101V2 ResNet152V2 InceptionV3 MobileNet MobileNetV3Large DenseNet169
    DenseNet201 NASNetLarge EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6
    EfficientNetB7 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S EfficientNetV2M EfficientNetV2L
    ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge"""
CHOSEN = os.environ.get("HORNPIPE_APPLICATIONS", "")
NAMES = (SAMPLE + " " + OTHERS).split() if CHOSEN == "all" else CHOSEN.split(",") if CHOSEN else SAMPLE.split()
ROWS, SIZE, RTOL = 3, 96, 1e-4


def randomised(weight, rng):
    """Values for a weight that keep activations in range."""
    name, shape = weight.path.rsplit("/", 1)[-1], tuple(weight.shape)
    if name in ("gamma", "variance"):
        return rng.uniform(0.5, 1.5, shape)
    if len(shape) < 2:
        return 0.1 * rng.standard_normal(shape)
    depthwise = "depthwise" in weight.path
    return rng.standard_normal(shape) * np.sqrt(1.5 / np.prod(shape[:2] if depthwise else shape[:-1]))


def damp_branches(keras, model, scale=0.3):
    """Makes the sums of residual networks well conditioned, as training does: what a branch adds is small beside what it is
    added to. Without it the rounding of a hundred layers grows to more than 1e-4, Keras's own as well."""
    depth, damped = {}, set()
    for operation in model.operations:  # each behind all that it reads
        before = [x._keras_history.operation for node in operation._inbound_nodes for x in node.input_tensors]
        before = [b for b in before if b in depth]
        depth[operation] = 1 + max((depth[b] for b in before), default=0)
        if type(operation).__name__ != "Add" or len(before) < 2:
            continue
        last = max(before, key=depth.get)
        while not getattr(last, "trainable_weights", None) and isinstance(last.input, keras.KerasTensor):
            last = last.input._keras_history.operation
        if last not in damped and getattr(last, "trainable_weights", None):
            damped.add(last)
            for weight in last.trainable_weights:
                weight.assign(scale * weight)


def calibrate(keras, model, images, rng):
    """Gives BatchNormalization statistics near those of the images, so that a signal comes through to the logits."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in layers:
        layer.momentum = 0.0
    model(images, training=True)
    for layer in layers:
        layer.momentum = 0.99
        mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
        layer.moving_mean.assign(mean + 0.1 * np.sqrt(variance) * rng.standard_normal(mean.shape))
        layer.moving_variance.assign(variance * rng.uniform(0.7, 1.5, variance.shape) + 1e-3)


def build(name, folder):
    """Saves a network, images and Keras's logits. Runs in the process of its own."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    rng = np.random.default_rng(3)
    model = getattr(keras.applications, name)(weights=None, classifier_activation=None, input_shape=(SIZE, SIZE, 3))
    for weight in model.weights:
        if "float" in str(weight.dtype) and not weight.path.rsplit("/", 1)[-1].startswith("moving_"):
            weight.assign(randomised(weight, rng).astype("float32"))
    damp_branches(keras, model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # what the layer computes with is a copy of its weights, made when they are loaded
    images = rng.uniform(0, 255, (ROWS, *model.inputs[0].shape[1:])).astype("float32")
    calibrate(keras, model, images, rng)
    np.save(folder / "images.npy", images)
    np.save(folder / "logits.npy", np.asarray(model(images, training=False)))
    for extension in ("keras", "h5"):
        model.save(folder / f"model.{extension}")


@pytest.fixture(scope="module", params=NAMES)
def network(request, tmp_path_factory):
    """The folder with a network's files; removed after its tests."""
    folder = tmp_path_factory.mktemp(request.param)
    subprocess.run([sys.executable, __file__, request.param, folder], check=True, timeout=3000, capture_output=True)
    yield folder
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("extension", ["keras", "h5"])
def test_logits(request, hornpipe, network, extension):
    hornpipe("predict", network / f"model.{extension}", network / "images.npy", "-o", network / f"{extension}.npy",
             "--progress", "none", timeout=3000)
    got, want = np.load(network / f"{extension}.npy"), np.load(network / "logits.npy")
    assert got.shape == want.shape and got.dtype == want.dtype
    assert np.isfinite(want).all() and np.ptp(want, axis=0).max() > 1e-2 * np.abs(want).max(), "the network says nothing"
    error, size = np.abs(got - want), np.abs(want)
    assert error.max() <= RTOL * size.max(), f"largest error {error.max():.3g} of {size.max():.3g}"
    worst = (error.max(1) / size.max(1)).max()
    print(f"{request.node.callspec.id}: largest error {error.max() / size.max():.2g} of the largest logit, of a row {worst:.2g}")
    assert worst <= RTOL, f"relative error of a row {worst:.3g}"


if __name__ == "__main__":
    build(sys.argv[1], pathlib.Path(sys.argv[2]))

"""First tier: a key that the config lacks stands for Keras's default, not for null; integers stay integers where Keras
keeps them."""
import io
import json
import zipfile

import numpy as np
import pytest


def written(path, model):
    """A .keras file of this config and no weights."""
    weights = io.BytesIO()
    np.savez(weights)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.npz", weights.getvalue())
    return path


def saved(path, layer, config, dtype, shape):
    """A .keras file of one layer without weights, with these keys in its config and no others."""
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "dtype": dtype, "name": "x"}},
              {"module": "keras.layers", "class_name": layer, "config": {"name": "y", **config}}]
    model = {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    return written(path, model)


VALUES = {"string": np.array([["A, b!"], ["b  c"]]), "float32": np.sin(np.arange(256, dtype="float32") ** 2)[None]}


@pytest.mark.parametrize("layer, dtype, fixed, absent", [
    ("TextVectorization", "string", {"vocabulary": ["a", "b"]}, {"standardize": "lower_and_strip_punctuation", "split": "whitespace"}),
    ("MelSpectrogram", "float32", {"fft_length": 64, "sequence_stride": 32, "num_mel_bins": 8}, {"window": "hann"}),
])
def test_absent_is_default(hornpipe, tmp_path, layer, dtype, fixed, absent):
    values = VALUES[dtype]
    np.save(tmp_path / "x.npy", values)
    made = {}
    for name, config in (("absent", fixed), ("given", fixed | absent), ("null", fixed | dict.fromkeys(absent))):
        model = saved(tmp_path / f"{name}.keras", layer, config, dtype, values.shape[1:])
        hornpipe("predict", model, tmp_path / "x.npy", "-o", tmp_path / f"{name}.npy", "--progress", "none")
        made[name] = np.load(tmp_path / f"{name}.npy")
    np.testing.assert_array_equal(made["absent"], made["given"])
    assert not np.array_equal(made["absent"], made["null"])


def operation(path, name, module, config, dtype, shape):
    """A .keras file with one operation of keras.ops on its input."""
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, *shape], "dtype": dtype, "keras_history": ["x", 0, 0]}}
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "dtype": dtype, "name": "x"},
               "name": "x", "inbound_nodes": []},
              {"module": module, "class_name": name, "config": {"name": "y", **config}, "name": "y",
               "inbound_nodes": [{"args": [tensor], "kwargs": {}}]}]
    model = {"module": "keras.src.models.functional", "class_name": "Functional",
             "config": {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}}
    return written(path, model)


@pytest.mark.parametrize("name, module, config, wanted", [
    ("Round", "keras.src.ops.numpy", {"decimals": -1}, [[120, -350, 0, 10]]),
    ("Round", "keras.src.ops.numpy", {"decimals": 1}, [[123, -346, 4, 6]]),
    ("Threshold", "keras.src.ops.nn", {"threshold": 5, "default_value": -7}, [[123, -7, -7, 6]]),
])
def test_integers_stay_integers(hornpipe, tmp_path, name, module, config, wanted):
    """Round and Threshold of int32 (keras/src/backend/tensorflow/numpy.py, nn.py)."""
    np.save(tmp_path / "x.npy", np.array([[123, -346, 4, 6]], "int32"))
    model = operation(tmp_path / "m.keras", name, module, config, "int32", (4,))
    hornpipe("predict", model, "x.npy", "-o", "y.npy", "--progress", "none")
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == np.int32 and y.tolist() == wanted

"""First tier: a key that the config lacks stands for Keras's default, not for null."""
import io
import json
import zipfile

import numpy as np
import pytest


def saved(path, layer, config, dtype, shape):
    """A .keras file of one layer without weights, with these keys in its config and no others."""
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "dtype": dtype, "name": "x"}},
              {"module": "keras.layers", "class_name": layer, "config": {"name": "y", **config}}]
    model = {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    weights = io.BytesIO()
    np.savez(weights)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.npz", weights.getvalue())
    return path


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

"""First tier: a key that the config lacks stands for Keras's default, not for null; integers stay integers where Keras
keeps them."""
import numpy as np
import pytest
from keras_files import operation, saved, written


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


def test_a_config_of_null_is_named(hornpipe, tmp_path):
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 3], "name": "x"}},
              {"module": "keras.layers", "class_name": "Dense", "config": None}]
    model = written(tmp_path / "n.keras", {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": layers}})
    said = hornpipe("check", model, code=1).stderr.decode()
    assert "layers/1 (Dense): config: found null, expected an object of its keys" in said

"""Second tier: the Python package beside Keras: live models, and what predict takes and gives.

PYTHONPATH names the package (build/python). tf_keras is tried where it is installed.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import hornpipe

RNG = np.random.default_rng(11)
X = RNG.standard_normal((101, 12)).astype(np.float32)


def close(got, want):
    """The same structure, and numbers that are close."""
    if isinstance(want, dict):
        assert isinstance(got, dict) and sorted(got) == sorted(want)
        return [close(got[key], want[key]) for key in want]
    if isinstance(want, (list, tuple)):
        assert isinstance(got, (list, tuple)) and len(got) == len(want)
        return [close(*pair) for pair in zip(got, want)]
    assert got.shape == want.shape and got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    return None


@pytest.fixture(scope="module")
def mlp():
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((12,)), layers.Dense(16, "relu"), layers.Dense(3, "softmax")])


def two_inputs(ends):
    """A model of two inputs and three outputs, nested by `ends`."""
    keras.utils.set_random_seed(4)
    a, b = keras.Input((4,), name="a"), keras.Input((8,), name="b")
    both = layers.Concatenate()([a, b])
    outputs = [layers.Dense(n, name=f"out_{n}")(both) for n in (1, 2, 3)]
    return keras.Model(*ends([a, b], outputs))


NESTINGS = {
    "lists": lambda i, o: (i, o),
    "dicts": lambda i, o: ({"first": i[0], "second": i[1]}, {"z": o[0], "y": o[1], "x": o[2]}),
    "mixed": lambda i, o: ([i[0], {"deep": i[1]}], [o[0], {"pair": [o[1], o[2]]}]),
    "one in a list": lambda i, o: (i, [o[1]]),
    "one in a dict": lambda i, o: (i, {"only": o[1]}),
}


def test_a_live_model_without_touching_disk(mlp, monkeypatch):
    import builtins

    opened = []
    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda path, mode="r", *rest, **more: (
        opened.append(path) if set(mode) & set("wax+") else None, real(path, mode, *rest, **more))[1])
    model = hornpipe.from_keras(mlp)
    assert not opened
    close(model.predict(X), mlp.predict(X, verbose=0))
    close(model(X), np.asarray(mlp(X)))
    close(model.predict_on_batch(X[:5]), mlp.predict_on_batch(X[:5]))


def test_what_predict_takes_is_what_keras_takes(mlp):
    model = hornpipe.from_keras(mlp)
    want = mlp.predict(X, verbose=0)

    class Rows(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return X[index * 26 : (index + 1) * 26], np.zeros(len(X[index * 26 : (index + 1) * 26]))

    sources = {
        "array": lambda: X, "tensor": lambda: tf.constant(X), "PyDataset": Rows,
        "tf.data": lambda: tf.data.Dataset.from_tensor_slices(X).batch(10),
        "tf.data of pairs": lambda: tf.data.Dataset.from_tensor_slices((X, X[:, 0])).batch(17),
        "generator": lambda: ((X[at : at + 13],) for at in range(0, 101, 13)),
    }
    for name, make in sources.items():
        close(mlp.predict(make(), verbose=0), want)
        got = model.predict(make())
        assert got.tobytes() == model.predict(X).tobytes(), name


@pytest.mark.parametrize("nesting", NESTINGS)
def test_structures_are_keras_s(nesting):
    live = two_inputs(NESTINGS[nesting])
    model = hornpipe.from_keras(live)
    a, b = X[:, :4], X[:, 4:]
    forms = {"lists": [[a, b], {"a": a, "b": b}], "dicts": [{"first": a, "second": b}, [a, b]], "mixed": [[a, {"deep": b}]]}
    for x in forms.get(nesting, [[a, b]]):
        close(model.predict(x), live.predict(x, verbose=0))
    close(model.predict((x, None) for x in [forms.get(nesting, [[a, b]])[0]]), live.predict(forms.get(nesting, [[a, b]])[0], verbose=0))


def test_weights_and_layers_are_keras_s(mlp):
    model = hornpipe.from_keras(mlp)
    assert len(model.weights) == len(mlp.weights)
    for (path, ours), theirs in zip(model.weights.items(), mlp.weights):
        assert path == theirs.path.split("/", 1)[1] if theirs.path.startswith("sequential") else path == theirs.path
        assert (ours == theirs.numpy()).all()
    assert model.count_params() == mlp.count_params()
    assert [layer.name for layer in model.layers if layer.class_name != "InputLayer"] == [layer.name for layer in mlp.layers]


def test_what_is_not_supported_is_named():
    live = keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x * 2, name="mine")])
    with pytest.raises(hornpipe.UnsupportedModelError, match="mine"):
        hornpipe.from_keras(live)
    with pytest.raises(TypeError, match="keras or tf_keras"):
        hornpipe.from_keras(object())
    model = hornpipe.from_keras(live, custom_layers={"Lambda": lambda x: x * 2})
    close(model.predict(X[:, :4]), live.predict(X[:, :4], verbose=0))


def test_tf_keras():
    tf_keras = pytest.importorskip("tf_keras")
    live = tf_keras.Sequential([tf_keras.layers.Input((12,)), tf_keras.layers.Dense(5, "relu"), tf_keras.layers.Dense(2)])
    model = hornpipe.from_keras(live)
    close(model.predict(X), live.predict(X, verbose=0))

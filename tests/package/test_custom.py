"""Layers of the user's own in Python: the models of tests/data/custom (tools/make_custom_files.py says what they hold)."""
import pickle
import threading

import numpy as np
import pytest
from conftest import DATA, EXAMPLES

import hornpipe

CUSTOM = DATA / "custom"


@hornpipe.custom_layer("Mixed", takes_mask=True, passes_mask=True)
def mixed(x, weights, config, arguments, mask=None):
    matrices = [w for w in weights.values() if w.ndim == 2]
    gain, offset = weights["vars/0"], weights["vars/1"]
    bias = weights["mix/vars/1"]
    scale = next((a["scale"] for a in arguments if isinstance(a, dict) and "scale" in a), 1.0)
    y = gain * np.abs(x @ matrices[0] + bias) ** config["power"] * np.float32(scale)
    return y + (offset if mask is None else np.where(mask[..., None], offset, 0))


@hornpipe.custom_layer("Parts")
def parts(x, config):
    first = config["first"]
    return [x[..., :first], x[..., first:].sum(axis=-1, keepdims=True)]


@hornpipe.custom_layer("Lambda", name="halve", shape=lambda shape: shape)
def halve(x):
    return x / 2


def swish(x, weights):
    (beta,) = weights.values()
    return x / (1 + np.exp(-beta * x))


def double(x):
    return 2 * x


OWN = {"Swish": swish, "Lambda": double}


@pytest.mark.parametrize("jobs", [1, 2])
def test_keras_s_results_with_python_s_layers(jobs):
    x = np.load(CUSTOM / "sequences_inputs.npy")
    model = hornpipe.load_model(CUSTOM / "sequences.keras", custom_layers=[mixed, parts, halve])
    for y, name in zip(model.predict(x, n_jobs=jobs), ("sequences_outputs_0", "sequences_outputs_1")):
        np.testing.assert_allclose(y, np.load(CUSTOM / f"{name}.npy"), rtol=1e-4, atol=1e-5)
    x = np.load(CUSTOM / "nested_inputs.npy")
    model = hornpipe.load_model(CUSTOM / "nested.keras", custom_layers=[mixed])
    np.testing.assert_allclose(model.predict(x, n_jobs=jobs), np.load(CUSTOM / "nested_outputs_0.npy"), rtol=1e-4, atol=1e-5)


def test_without_code_every_such_layer_is_named():
    with pytest.raises(hornpipe.UnsupportedModelError) as caught:
        hornpipe.load_model(EXAMPLES / "custom_layer.keras")
    assert len(caught.value.reasons) == 2 and "swish" in str(caught.value) and "double" in str(caught.value)


def test_rows_are_the_same_however_they_are_dealt():
    model = hornpipe.load_model(EXAMPLES / "custom_layer.keras", custom_layers=OWN)
    x = np.random.default_rng(5).standard_normal((1000, 4)).astype("f4")
    whole = model.predict(x, n_jobs=1).tobytes()
    for options in ({"n_jobs": 3}, {"batch_size": 7}):
        assert model.predict(x, **options).tobytes() == whole
    assert np.concatenate([model.predict(x[i : i + 1]) for i in range(100)]).tobytes() == whole[: 100 * 12]
    faults = []

    def work():
        faults.extend(i for i in range(20) if model.predict(x[: 50 * i + 1]).tobytes() != whole[: 12 * (50 * i + 1)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_pickles_name_the_functions():
    model = hornpipe.load_model(EXAMPLES / "custom_layer.keras", custom_layers=OWN)
    x = np.ones((2, 4), np.float32)
    text, expected = pickle.dumps(model), model.predict(x)
    assert len(text) < 1000
    del model
    assert (pickle.loads(text).predict(x) == expected).all()


def test_errors_of_a_function_are_the_call_s():
    def wrong_shape(x):
        return x if len(x) == 2 else x[:, :1]

    def raising(x):
        if len(x) != 2:
            raise KeyError("no such beta")
        return x

    kept = []

    def keeping(x):
        kept.append(x[:1])
        return x

    for function, message in ((wrong_shape, r"shape \(3, 1\); expected \(3, 3\)"), (raising, "KeyError: 'no such beta'")):
        model = hornpipe.load_model(EXAMPLES / "custom_layer.keras", custom_layers={**OWN, "Swish": function})
        with pytest.raises(hornpipe.HornpipeError, match=message) as caught:
            model.predict(np.ones((3, 4)), n_jobs=1)
        assert "swish" in str(caught.value)
    model = hornpipe.load_model(EXAMPLES / "custom_layer.keras", custom_layers={**OWN, "Swish": keeping})
    with pytest.raises(hornpipe.HornpipeError, match="has kept an array"):
        model.predict(np.ones((3, 4)))
    kept.clear()
    with pytest.raises(TypeError, match="no custom layer"):
        hornpipe.load_model(EXAMPLES / "custom_layer.keras", custom_layers=[double])
    model = hornpipe.load_model(EXAMPLES / "custom_layer.keras", custom_layers=OWN)
    with pytest.raises(ValueError, match="custom layers"):
        model.predict(np.ones((3, 4)), backend="processes")

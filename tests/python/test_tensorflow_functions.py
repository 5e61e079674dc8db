"""First tier: graphs of Keras 2 that hold functions of TensorFlow, against NumPy.

    HORNPIPE=build/hornpipe pytest tests/python/test_tensorflow_functions.py [-k TEXT]
"""
import json

import numpy as np
import pytest

import tensorflow_wholes  # noqa: F401 adds its cases
from tensorflow_graphs import CASES, WEIGHTS, Graph, predicted, write


@pytest.mark.parametrize("name", CASES)
def test_function(hornpipe, tmp_path, name):
    values, function, _ = CASES[name]
    graph = Graph(values)
    pairs = list(function(graph, *graph.inputs, *values))
    results = predicted(hornpipe, tmp_path, graph, [output for output, _ in pairs], values)
    for i, ((_, want), got) in enumerate(zip(pairs, results, strict=True)):
        tolerance = 1e-14 if got.dtype == "float64" else 2e-5
        assert got.shape == want.shape, f"output {i}"
        np.testing.assert_allclose(got, want, rtol=2 * tolerance, atol=tolerance * abs(want).max(), err_msg=f"output {i}")


@pytest.mark.parametrize("function, kwargs, says", [
    ("math.tanh", {}, "of complex numbers it is not supported"),
    ("math.multiply", {"y": "x"}, "real numbers beside complex ones"),
    ("signal.inverse_stft", {"frame_length": 8, "frame_step": 4, "window_fn": "inverse_stft_window_fn_inner"}, "window"),
])
def test_refused_of_complex_numbers(hornpipe, tmp_path, function, kwargs, says):
    graph = Graph([np.zeros((1, 8), "float32")])
    kwargs = {key: graph.inputs[0] if value == "x" else value for key, value in kwargs.items()}
    output = graph(function, graph("signal.rfft", graph.inputs[0]), **kwargs)
    assert says in hornpipe("check", *write(tmp_path, graph, [output]), code=3).stderr.decode()


def test_another_scale_is_refused(hornpipe, tmp_path):
    graph = Graph([np.zeros((1, 4, 4, 1), "float32")])
    kernel = {"kernel_type": {"s": "dHJpYW5nbGU="}, "antialias": {"b": True}}
    output = graph.raw("ScaleAndTranslate", graph.inputs[0], [2, 2], [0.5, 0.75], [0.0, 0.0], **kernel)
    assert "scale: is not that of the sizes" in hornpipe("check", *write(tmp_path, graph, [output]), code=3).stderr.decode()


def test_labels_outside_are_told(hornpipe, tmp_path):
    labels, logits = np.array([1, -1], "int32"), np.zeros((2, 3), "float32")
    graph = Graph([labels, logits])
    loss = graph("nn.sparse_softmax_cross_entropy_with_logits", graph.inputs[0], logits=graph.inputs[1])
    arguments = write(tmp_path, graph, [loss])
    np.save(tmp_path / "n.npy", labels)
    np.save(tmp_path / "x.npy", logits)
    said = hornpipe("predict", *arguments, "n.npy", "x.npy", "-o", "y.npy", "--progress", "none", code=1).stderr.decode()
    assert "row 1" in said


@pytest.mark.parametrize("version, dtype", [("2.4.0", "uint8"), ("2.15.0", "float32")])
def test_standardized_integers(hornpipe, tmp_path, version, dtype):
    """TensorFlow 2.4 gave images of integers back as such."""
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 1)).astype("uint8")
    graph = Graph([x])
    model = graph.model([graph("image.per_image_standardization", graph.inputs[0])])
    (tmp_path / "m.json").write_text(json.dumps(model | {"keras_version": version}))
    np.save(tmp_path / "x.npy", x)
    hornpipe("predict", "m.json", "--weights", WEIGHTS, "x.npy", "-o", "y.npy", "--progress", "none")
    got, mean, deviation = np.load(tmp_path / "y.npy"), x.mean((1, 2, 3), keepdims=True), x.std((1, 2, 3), keepdims=True)
    want = (x - mean) / (np.maximum(deviation / 255, 12**-0.5) * 255 if dtype == "uint8" else deviation)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, (want * 255.5).clip(0, 255).astype("uint8") if dtype == "uint8" else want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("version, at_the_pole, divided", [("2.4.0", np.inf, 1.75), ("2.15.0", np.nan, 1.0)])
def test_what_changed(hornpipe, tmp_path, version, at_the_pole, divided):
    """TensorFlow 2.4 had digamma infinite at its poles, 2.3 kept the fraction of floats that truncatediv divides."""
    x = np.array([[-2.0], [3.5]], "float32")
    graph = Graph([x])
    outputs = [graph("math.digamma", graph.inputs[0]), graph("truncatediv", graph.inputs[0], y=2.0)]
    (tmp_path / "m.json").write_text(json.dumps(graph.model(outputs) | {"keras_version": version}))
    np.save(tmp_path / "x.npy", x)
    hornpipe("predict", "m.json", "--weights", WEIGHTS, "x.npy", "-o", "p.npy", "-o", "q.npy", "--progress", "none")
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy")[0], [at_the_pole])
    np.testing.assert_array_equal(np.load(tmp_path / "q.npy")[1], [divided])

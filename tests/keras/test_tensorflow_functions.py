"""Second tier: the graphs of tests/python/tensorflow_graphs.py as TensorFlow computes them.

    HORNPIPE=build/hornpipe python -m pytest tests/keras/test_tensorflow_functions.py
"""
import functools
import pathlib
import sys

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "python"))
import tensorflow_wholes  # noqa: E402, F401 adds its cases
from tensorflow_graphs import CASES, Graph, is_tensor, predicted  # noqa: E402


def of_tensors(value, tensors):
    if is_tensor(value):
        return tensors[value[0]][value[2]]
    return [of_tensors(item, tensors) for item in value] if isinstance(value, list) else value


def of_slices(spec):
    return tuple(slice(*item.values()) if isinstance(item, dict) else item for item in (spec if isinstance(spec, list) else [spec]))


def computed(graph, values):
    """The tensors of each layer."""
    tensors = {tensor[0]: [tf.constant(value)] for tensor, value in zip(graph.inputs, values)}
    for layer in graph.layers[len(values) :]:
        (call,), function = layer["inbound_nodes"], layer["config"]["function"]
        several = isinstance(call[0], list)
        kwargs = {key: of_tensors(value, tensors) for key, value in (call[0] if several else call)[3].items()}
        first = [tensors[item[0]][item[2]] for item in call] if several else call[2] if call[0] == "_CONSTANT_VALUE" else tensors[call[0]][call[2]]
        if function == "__operators__.getitem":
            result = first[of_slices(kwargs["slice_spec"])]
        else:
            named = function.replace("__operators__.add", "math.add").replace("compat.v1.boolean_mask", "boolean_mask")
            if "window_fn" in kwargs:
                kwargs["window_fn"] = kwargs["window_fn"] and getattr(tf.signal, kwargs["window_fn"])
            result = functools.reduce(getattr, named.split("."), tf)(first, **kwargs)
        tensors[layer["name"]] = tf.nest.flatten(result)
    return tensors


@pytest.mark.parametrize("name", [name for name, (_, _, keras) in CASES.items() if not keras])
def test_function(hornpipe, tmp_path, name):
    values, function, _ = CASES[name]
    graph = Graph(values)
    outputs = [output for output, _ in function(graph, *graph.inputs, *values)]
    tensors = computed(graph, values)
    for i, (output, got) in enumerate(zip(outputs, predicted(hornpipe, tmp_path, graph, outputs, values), strict=True)):
        want = tensors[output[0]][output[2]].numpy()
        assert got.shape == want.shape and got.dtype == want.dtype, f"output {i}"
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-5 * abs(want).max(), err_msg=f"output {i}")

"""Files of Keras 3 written by hand: a config and no weights."""
import io
import json
import zipfile

import numpy as np


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


def operation(path, name, module, config, dtype, shape, twice=False):
    """A .keras file with one operation of keras.ops on its input, or on a tuple that has it twice."""
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, *shape], "dtype": dtype, "keras_history": ["x", 0, 0]}}
    argument = {"class_name": "__tuple__", "items": [tensor, tensor]} if twice else tensor
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "dtype": dtype, "name": "x"},
               "name": "x", "inbound_nodes": []},
              {"module": module, "class_name": name, "config": {"name": "y", **config}, "name": "y",
               "inbound_nodes": [{"args": [argument], "kwargs": {}}]}]
    model = {"module": "keras.src.models.functional", "class_name": "Functional",
             "config": {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}}
    return written(path, model)

"""What the tests of the Python package share. They need NumPy and pytest alone.

PYTHONPATH names the folder of the built package (build/python; `make test` sets it).
"""
import json
import os
import pathlib

import numpy as np
import pytest

import hornpipe

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DATA = ROOT / "tests" / "data"

# Marks what asks how much memory is taken: with a sanitizer (tools/preloaded.sh) that is another question.
memory_is_counted = pytest.mark.skipif(bool(os.environ.get("HORNPIPE_SANITIZED")), reason="under a sanitizer")


@pytest.fixture(scope="session")
def mlp():
    """64-64-1 MLP of 10 numbers."""
    return hornpipe.load_model(EXAMPLES / "mlp_10_64_64_1.keras")


@pytest.fixture(scope="session")
def cnn():
    """Classifier of 8x8 images."""
    return hornpipe.load_model(EXAMPLES / "digits_cnn.keras")


@pytest.fixture(scope="session")
def nested():
    """Inputs {"left", "right"}, outputs {"sum", "parts": [first, doubled]}."""
    return hornpipe.load_model(DATA / "nested_ends.keras")


@pytest.fixture(scope="session")
def rows():
    """3001 rows for the MLP: float32, C order."""
    return np.random.default_rng(7).standard_normal((3001, 10)).astype(np.float32)


@pytest.fixture
def table(tmp_path):
    """A model that looks rows of an Embedding of 5 places up: indices outside of it are bad rows."""
    layers = [
        ("InputLayer", {"batch_shape": [None, 2], "dtype": "int32", "name": "indices"}),
        ("Embedding", {"name": "table", "input_dim": 5, "output_dim": 3}),
        ("Flatten", {"name": "flat"}),
    ]
    values = np.arange(15, dtype=np.float32).reshape(5, 3)
    model, weights = write_json_model(tmp_path, layers, {"embedding": [values]})
    return hornpipe.load_model(model, weights=weights)


@pytest.fixture(scope="session")
def make_model():
    """write_json_model, for tests in other files."""
    return write_json_model


def write_json_model(folder, layers, weights, name="made"):
    """A Sequential as JSON config and weights: paths of both. `layers`: (class, config); `weights`: {layer: [arrays]}."""
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": name,
            "layers": [
                {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
                for kind, config in layers
            ],
        },
        "registered_name": None,
    }
    model, store = folder / f"{name}.json", folder / f"{name}.npz"
    model.write_text(json.dumps(config))
    np.savez(store, **{f"layers/{layer}/vars/{i}": array for layer, arrays in weights.items() for i, array in enumerate(arrays)})
    return model, store

"""Second tier: the Python package with the libraries that it meets. See requirements.txt; PYTHONPATH names the package."""
import pathlib
import sys

import numpy as np
import pytest

import hornpipe

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "python"))


@pytest.fixture(scope="session")
def mlp():
    """64-64-1 MLP of 10 numbers."""
    return hornpipe.load_model(ROOT / "examples" / "mlp_10_64_64_1.keras")


@pytest.fixture(scope="session")
def nested():
    """Inputs {"left", "right"} of 3 numbers, outputs {"sum", "parts": [first, doubled]}."""
    return hornpipe.load_model(ROOT / "tests" / "data" / "nested_ends.keras")


@pytest.fixture(scope="session")
def rows():
    """Rows for the MLP."""
    return np.random.default_rng(7).standard_normal((3001, 10)).astype(np.float32)


@pytest.fixture(scope="session")
def whole(mlp, rows):
    """The bytes that every way of giving the rows must lead to."""
    return mlp.predict(rows).tobytes()

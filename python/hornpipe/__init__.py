"""Predict with saved Keras models on every CPU core, without TensorFlow.

>>> import hornpipe
>>> model = hornpipe.load_model("model.keras")
>>> y = model.predict(x)

`load_model` opens what Keras saved (.keras, .h5, or a JSON config with its weights), `from_keras` takes a live model.
`Model.predict` takes what Keras's takes and gives the same structure back. Errors are subclasses of `HornpipeError`.

The package holds no arithmetic: it brings Python's objects to the C library and back. NumPy is all it needs; pandas,
polars, pyarrow, torch, TensorFlow and scikit-learn are used where they are what it is given.
"""

from typing import TYPE_CHECKING, Any

from hornpipe import _hornpipe
from hornpipe._custom import custom_layer
from hornpipe._hornpipe import (
    ArgumentError,
    FileError,
    FormatError,
    HornpipeError,
    InternalError,
    NoMemoryError,
    RowError,
    ShapeError,
    StoppedError,
    UnsupportedModelError,
    core_count,
    isas,
)
from hornpipe._loading import PrecisionWarning, check, from_keras, load_model
from hornpipe._model import Layer, Model, TensorSpec

if TYPE_CHECKING:
    from hornpipe.sklearn import HornpipeClassifier, HornpipeRegressor

__version__: str = _hornpipe.version

__all__ = [
    "ArgumentError",
    "FileError",
    "FormatError",
    "HornpipeClassifier",
    "HornpipeError",
    "HornpipeRegressor",
    "InternalError",
    "Layer",
    "Model",
    "NoMemoryError",
    "PrecisionWarning",
    "RowError",
    "ShapeError",
    "StoppedError",
    "TensorSpec",
    "UnsupportedModelError",
    "check",
    "core_count",
    "custom_layer",
    "from_keras",
    "isas",
    "load_model",
]


def __getattr__(name: str) -> Any:
    """The scikit-learn estimators, whose module imports scikit-learn, come when they are asked for."""
    if name in ("HornpipeClassifier", "HornpipeRegressor"):
        from hornpipe import sklearn

        return getattr(sklearn, name)
    raise AttributeError(f"module 'hornpipe' has no attribute {name!r}")

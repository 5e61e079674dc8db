"""Second tier: every layer and operation that Keras has is in one of the lists: layers.def, ops.def, or refused.def with the
reason why not."""
import importlib
import inspect
import pathlib
import pkgutil
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2] / "src"
BASES = {"Layer", "Wrapper", "InputSpec", "Operation", "Function", "SegmentReduction"}  # nothing is made of these alone


def listed(path, macro):
    """The (class, module) pairs of a list."""
    return set(re.findall(rf'^{macro}\((\w+), "([\w.]+)"', (ROOT / path).read_text(), flags=re.M))


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


def test_every_layer(keras):
    classes = {c.__name__ for c in vars(keras.layers).values() if inspect.isclass(c)}
    known = {name for name, _ in listed("layers/layers.def", "LAYER") | listed("layers/refused.def", "REFUSED")}
    assert not classes - known - BASES


def test_every_operation(keras):
    package = importlib.import_module("keras.src.ops")
    base = importlib.import_module("keras.src.ops.operation").Operation
    classes = set()
    for module in pkgutil.iter_modules(package.__path__, "keras.src.ops."):
        if not module.name.endswith("_test"):
            found = vars(importlib.import_module(module.name)).values()
            classes |= {(c.__name__, module.name) for c in found if inspect.isclass(c) and issubclass(c, base) and c.__module__ == module.name}
    known = listed("ops/ops.def", "OP") | listed("layers/refused.def", "REFUSED")
    assert len(classes) > 300 and not {(name, module) for name, module in classes - known if name not in BASES}

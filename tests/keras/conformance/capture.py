"""Collects how Keras's own tests use its layers and operations.

    python capture.py OUTPUT.pickle [TEXT]                 TEXT: only of test files that have it in their path ("ops/numpy")
    python capture.py --sample OUTPUT.json.gz CAPTURED [NAME...]   some calls of each class, and those told: sample.json.gz

Keras's wheel holds its tests (keras/src/layers/**/*_test.py and keras/src/ops/*_test.py). They run here with three
functions replaced: `run_layer_test` notes its arguments and does nothing else; a layer or an operation that is called from
outside of any other notes its config and its arguments, and goes on; a function of keras.ops that is called with arrays is
called with symbolic tensors first, which makes it an operation. What the tests then say about Keras is of no interest.

A record is a dict: kind ("layer", "operation"), module and class of what was called, its serialised config, args and kwargs
with a `Tensor` for each tensor. Equal ones are kept once.
"""
import collections
import contextlib
import dataclasses
import functools
import gzip
import importlib
import json
import os
import pathlib
import pickle
import sys
import threading
import types
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402

MODULES = ("core", "nn", "numpy", "math", "image")
LARGEST = 20000  # elements of a tensor: larger ones say nothing more


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor among the arguments of a call: shape (None: unknown), Keras's dtype, the least and the greatest integer, some
    of its strings."""

    shape: tuple
    dtype: str
    low: float = 0
    high: float = 0
    words: tuple = ()


def tensor_of(value):
    """Returns the Tensor for an array or a symbolic tensor."""
    from keras.src import backend

    if isinstance(value, backend.KerasTensor):
        return getattr(value, "stands_for", None) or Tensor(tuple(value.shape), value.dtype)
    if hasattr(value, "dense_shape"):
        raise TypeError("a sparse tensor")
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        words = {w.decode("utf-8", "replace") if isinstance(w, bytes) else str(w) for w in array.ravel()}
        return Tensor(array.shape, "string", words=tuple(sorted(words)))
    dtype = backend.standardize_dtype(value.dtype)
    numbers = array.size and array.dtype.kind in "iu"
    return Tensor(array.shape, dtype, int(array.min()) if numbers else 0, int(array.max()) if numbers else 0)


def described(value):
    """Arguments with tensors replaced; raises TypeError for what cannot be written down."""
    from keras.src import backend

    if isinstance(value, (list, tuple)):
        items = [described(v) for v in value]
        return tuple(items) if type(value) is tuple else items if type(value) is list else type(value)(*items)
    if isinstance(value, dict):
        return {k: described(v) for k, v in value.items()}
    if value is None or isinstance(value, (bool, int, float, str, slice, type(Ellipsis))):
        return value
    if isinstance(value, (np.ndarray, np.generic, backend.KerasTensor)) or backend.is_tensor(value):
        found = tensor_of(value)
        size = np.prod([d or 1 for d in found.shape])
        if size > LARGEST or found.dtype.startswith("complex"):
            raise TypeError("a tensor too large, or complex")
        return found
    raise TypeError(f"an argument of {type(value)}")


def symbolic(value):
    """Arguments with a KerasTensor for each array."""
    import keras
    from keras.src import backend

    if isinstance(value, (list, tuple)):
        return type(value)(symbolic(v) for v in value)
    if isinstance(value, dict):
        return {k: symbolic(v) for k, v in value.items()}
    if isinstance(value, np.ndarray) or (backend.is_tensor(value) and not isinstance(value, backend.KerasTensor)):
        found = tensor_of(value)
        tensor = keras.KerasTensor(found.shape, found.dtype)
        tensor.stands_for = found
        return tensor
    return value


SAMPLE = 2  # calls of a class in a sample: the first and the last; most classes have more


def packed(value):
    """A record's arguments as JSON."""
    if isinstance(value, Tensor):
        return {"Tensor": [list(value.shape), value.dtype, value.low, value.high, list(value.words)]}
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"Ellipsis": []}
    if isinstance(value, tuple):
        return {"tuple": [packed(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[k, packed(v)] for k, v in value.items()]}
    return [packed(v) for v in value] if isinstance(value, list) else value


def unpacked(value):
    """What packed() was given."""
    if isinstance(value, list):
        return [unpacked(v) for v in value]
    if not isinstance(value, dict):
        return value
    (kind, items), = value.items()
    if kind == "Tensor":
        return Tensor(tuple(items[0]), *items[1:4], tuple(items[4]))
    if kind == "dict":
        return {k: unpacked(v) for k, v in items}
    return Ellipsis if kind == "Ellipsis" else {"slice": lambda v: slice(*v), "tuple": tuple}[kind](unpacked(items))


def load(path):
    """The records of a file that this program wrote."""
    if str(path).endswith(".pickle"):
        with open(path, "rb") as file:
            return pickle.load(file)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [{**r, "args": unpacked(r["args"]), "kwargs": unpacked(r["kwargs"])} for r in json.load(file)]


def named(records):
    """Records with names that tell them apart: class and a number within the class."""
    count = collections.Counter()
    for record in records:
        key = f"{record['kind'][:2]}-{record['class']}"
        yield f"{key}-{count[key]}", record
        count[key] += 1


def write_sample(path, records, names):
    """Writes SAMPLE records of each class, and those of these names: calls that went wrong once."""
    classes = {}
    for name, record in named(records):
        classes.setdefault((record["kind"], record["class"]), []).append((name, record))
    chosen = []
    for found in classes.values():
        places = {round(i * (len(found) - 1) / (SAMPLE - 1)) for i in range(SAMPLE)}
        records = [record for i, (name, record) in enumerate(found) if i in places or name in names]
        chosen += [{**r, "args": packed(r["args"]), "kwargs": packed(r["kwargs"])} for r in records]
    data = json.dumps(chosen, sort_keys=True).encode()
    pathlib.Path(path).write_bytes(gzip.compress(data, mtime=0))
    print(f"{len(chosen)} calls of {len(classes)} classes")


class Recorder:
    """Notes calls, each kind once."""

    def __init__(self):
        self.records = {}
        self.local = threading.local()

    def note(self, kind, module, name, config, args, kwargs):
        import keras

        try:
            text = json.dumps(keras.saving.serialize_keras_object(config), sort_keys=True, default=str)
            if '_test"' in text:  # the module of a class or of a function
                raise TypeError("a test's own code")
            kwargs = {k: described(v) for k, v in kwargs.items()}
            record = {"kind": kind, "module": module, "class": name, "config": text, "args": described(args), "kwargs": kwargs}
        except Exception:  # whatever cannot be written down is no case
            return
        self.records.setdefault(repr(sorted(record.items())), record)

    @contextlib.contextmanager
    def call(self):
        """Around a call; gives whether it is made from outside of any other."""
        depth = getattr(self.local, "depth", 0)
        self.local.depth = depth + 1
        try:
            yield depth == 0
        finally:
            self.local.depth = depth

    def inside(self):
        """Whether a call is going on."""
        return getattr(self.local, "depth", 0) > 0


def plain_config(thing):
    """The config without its name."""
    config = thing.get_config()
    config.pop("name", None)
    return config


def install(recorder):
    """Replaces the functions of Keras."""
    import keras
    from keras.src import testing
    from keras.src.layers.layer import Layer
    from keras.src.ops.operation import Operation

    exported = {getattr(keras.layers, n) for n in dir(keras.layers) if isinstance(getattr(keras.layers, n), type)}

    def wrap(cls, name, kind, wanted):
        original = getattr(cls, name)

        def call(self, *args, **kwargs):
            with recorder.call() as outermost:
                if outermost and wanted(self) and (args or kwargs):
                    try:
                        recorder.note(kind, type(self).__module__, type(self).__name__, plain_config(self), args, kwargs)
                    except Exception:
                        pass
                return original(self, *args, **kwargs)

        setattr(cls, name, call)

    wrap(Layer, "__call__", "layer", lambda layer: type(layer) in exported)
    for name in ("__call__", "symbolic_call"):
        wrap(Operation, name, "operation",
             lambda op: not isinstance(op, Layer) and type(op).__module__.startswith("keras.src.ops."))

    def wrap_function(original):
        @functools.wraps(original)
        def call(*args, **kwargs):
            if not recorder.inside():
                try:
                    replaced = symbolic([args, kwargs])
                    if any(getattr(t, "stands_for", None) for t in keras.tree.flatten(replaced)):
                        original(*replaced[0], **replaced[1])
                except Exception:  # it needs numbers there
                    pass
            with recorder.call():
                return original(*args, **kwargs)

        return call

    for name in MODULES:
        module = importlib.import_module(f"keras.src.ops.{name}")
        for key, value in list(vars(module).items()):
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__ and not key.startswith("_"):
                if hasattr(keras.ops, key):
                    wrapped = wrap_function(value)
                    for holder in (module, keras.ops, keras.src.ops):
                        if getattr(holder, key, None) is value:
                            setattr(holder, key, wrapped)

    def run_layer_test(self, layer_cls, init_kwargs, input_shape=None, input_dtype=None, input_sparse=False,
                       input_ragged=False, input_data=None, call_kwargs=None, **unused):
        if layer_cls not in exported or input_sparse or input_ragged:
            return
        layer = layer_cls(**init_kwargs)
        if input_data is not None:
            data = input_data
        else:
            dtypes = input_dtype if isinstance(input_dtype, (dict, list)) else None

            def make(shape, dtype):
                if isinstance(shape, dict):
                    return {k: make(v, dtypes[k] if isinstance(dtypes, dict) else dtype) for k, v in shape.items()}
                if isinstance(shape, list) or (isinstance(shape, tuple) and shape and isinstance(shape[0], (tuple, list))):
                    made = [make(s, dtypes[i] if isinstance(dtypes, list) else dtype) for i, s in enumerate(shape)]
                    return tuple(made) if isinstance(shape, tuple) else made
                return keras.KerasTensor(shape, dtype or "float32")

            data = make(input_shape, None if dtypes else input_dtype)
        recorder.note("layer", layer_cls.__module__, layer_cls.__name__, plain_config(layer), (data,), call_kwargs or {})

    testing.TestCase.run_layer_test = run_layer_test


class Absent(mock.MagicMock):
    """A module that is not installed; what it returns passes for an array as far as a test goes on."""

    dtype = "float32"
    shape = ()


def never_fail():
    """Takes all assertions out of tests, so that they run to their ends."""
    from keras.src import testing

    @contextlib.contextmanager
    def swallow(*args, **kwargs):
        with contextlib.suppress(Exception):
            yield

    for key in dir(testing.TestCase):
        if key.startswith("assertRaises"):
            setattr(testing.TestCase, key, swallow)
        elif key.startswith("assert") and "Warn" not in key and "Logs" not in key:
            setattr(testing.TestCase, key, lambda *args, **kwargs: None)


def main():
    if sys.argv[1] == "--sample":
        write_sample(sys.argv[2], load(sys.argv[3]), sys.argv[4:])
        return
    import keras
    import pytest

    keras.utils.set_random_seed(0)
    recorder = Recorder()
    install(recorder)
    never_fail()
    source = pathlib.Path(keras.__file__).parent / "src"
    tests = sorted(map(str, [*source.glob("layers/**/*_test.py"),
                             *(source / "ops" / f"{m}_test.py" for m in MODULES)]))
    tests = [t for t in tests if "".join(sys.argv[2:3]) in t[len(str(source)):]]
    # What tests import to compare with it, or to skip themselves.
    for name in ("jax", "jax.numpy", "scipy", "scipy.signal", "scipy.ndimage", "sklearn", "torch", "grain", "conftest"):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = Absent()
    pytest.main(["-q", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", "--continue-on-collection-errors",
                 "-W", "ignore", "--import-mode=importlib", "--rootdir", str(source), "-c", os.devnull, *tests])
    with open(sys.argv[1], "wb") as file:
        pickle.dump(sorted(recorder.records.values(), key=lambda r: (r["kind"], r["class"], repr(r))), file)
    print(f"{len(recorder.records)} calls")


if __name__ == "__main__":
    sys.modules["capture"] = sys.modules[__name__]  # pickled classes are found there
    Tensor.__module__ = "capture"
    main()

"""Opening models: from files, bytes, file objects and live Keras models; and bringing them through pickle.

Invariant: a model that came from a file pickles as its path and the hash of its content, and comes back only from a
file of that very content. A process keeps one Model per content and options, so that workers that were forked, and
tasks that follow one another in a worker, share one packed copy of the weights.
"""

import collections
import io
import os
import pathlib
import threading
import warnings
import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple

from hornpipe import _custom, _errors, _hornpipe
from hornpipe._model import Model, Options, Origin

KEPT = 4  # models that came through pickle, kept alive for the next task

_lock = threading.Lock()
_open: "weakref.WeakValueDictionary[tuple[str, Options], Model]" = weakref.WeakValueDictionary()
_kept: "collections.deque[Model]" = collections.deque(maxlen=KEPT)
_digests: dict[str, tuple[tuple[int, ...], str]] = {}  # by path: of which state of the file


class PrecisionWarning(UserWarning):
    """A model computes in another precision here than in Keras."""


class Report(NamedTuple):
    """What `check` has found: every reason against running a model (none: it can be run); notes are no faults."""

    reasons: list[str]
    notes: list[str]


# ---- files and their content


def _parts(path: str) -> list[str]:
    """The files that a model's path stands for: itself, or all in an unpacked directory."""
    if not os.path.isdir(path):
        return [path]
    return sorted(str(part) for part in pathlib.Path(path).rglob("*") if part.is_file())


def _state(paths: Iterable[str]) -> tuple[int, ...]:
    """What tells, without reading, that files are as they were: it changes with every write."""
    numbers: list[int] = []
    for path in paths:
        about = os.stat(path)
        numbers += [about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns]
    return (hash(tuple(numbers)), len(numbers))


def _files(path: str, weights: str | None) -> list[str]:
    return _parts(path) + (_parts(weights) if weights is not None else [])


def _digest(path: str, weights: str | None) -> str:
    """Hash of the content of a model's files."""
    import hashlib

    files = _files(path, weights)
    state = _state(files)
    known = _digests.get(path)
    if known is not None and known[0] == state:
        return known[1]
    total = hashlib.blake2b(digest_size=16)
    for name in files:
        with open(name, "rb") as file:
            total.update(hashlib.file_digest(file, "blake2b").digest())
    _digests[path] = (state, total.hexdigest())
    return total.hexdigest()


# ---- opening


def _options(weights: Any, isa: str | None, output_layer: str | None, prefer: str, custom: Any = None) -> Options:
    path = None if weights is None else os.path.abspath(os.fspath(weights))
    return Options(path, isa, output_layer, prefer, _custom.pairs(custom))


def _new(path: str, data: bytes | None, options: Options) -> Model:
    custom = _custom.layers(options.custom)
    model = Model(path, data, options.weights, options.isa, options.output_layer, options.prefer, custom)
    state = _state(_files(path, options.weights)) if data is None else ()
    model._origin = Origin(path, data, state, options)
    with _lock:
        _open[path, options] = model
    _warn_of_precision(model)
    return model


def _warn_of_precision(model: Model) -> None:
    others = sorted({layer.dtype for layer in model.layers if layer.dtype in ("float16", "bfloat16")})
    if others:
        warnings.warn(
            f"{model.name}: layers of dtype {', '.join(others)} are computed in float32", PrecisionWarning, stacklevel=4
        )


def _found(source: Any) -> tuple[str, bytes | None]:
    """A source of a model as its path, or as a name and its bytes."""
    if isinstance(source, (str, os.PathLike)):
        return os.path.abspath(os.fspath(source)), None
    name = "bytes"
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "file"))
        source = source.read()
    if not isinstance(source, (bytes, bytearray, memoryview)):
        raise TypeError(f"a path, bytes or a file opened in binary mode was expected, found {type(source).__name__}")
    return name, bytes(source)


def load_model(
    source: Any,
    *,
    weights: "str | os.PathLike[str] | None" = None,
    isa: str | None = None,
    output_layer: str | None = None,
    prefer: str = "throughput",
    custom_layers: Any = None,
) -> Model:
    """Open a model that Keras has saved.

    Opening runs no code of the file, reaches no network, and reads no file but those named and their own parts.

    Parameters
    ----------
    source : path, bytes or file object
        A ``.keras`` file or unpacked directory, an HDF5 file (told by content, not by name), or a JSON config with
        `weights`; or such a file's bytes, or an open file to read them from.
    weights : path, optional
        The weights, where `source` is the path of a JSON config; of any other path: in the place of the model's own.
    isa : str, optional
        The instruction set to use (see `isas`). None: the best that this machine has.
    output_layer : str, optional
        Predict this inner layer's outputs instead of the model's.
    prefer : {"throughput", "latency"}
        Which algorithms are chosen: those that serve many rows, or those that serve one row at a time.
    custom_layers : list of functions, or dict of functions by class name, optional
        Code for layers that are not Keras's, and for Lambdas: see `custom_layer`.

    Returns
    -------
    Model

    Raises
    ------
    UnsupportedModelError
        The model holds layers or options that cannot be run; `reasons` lists every one.
    FileError
        A file cannot be read.
    FormatError
        The file is damaged, or no Keras model.

    Examples
    --------
    >>> model = hornpipe.load_model("model.keras")
    >>> model.predict(x).shape
    (1000, 1)
    """
    path, data = _found(source)
    return _new(path, data, _options(weights, isa, output_layer, prefer, custom_layers))


def _saved(model: Any) -> bytes:
    """A live model's file, in memory."""
    import importlib

    roots = [cls.__module__.partition(".")[0] for cls in type(model).__mro__]
    root = next((name for name in roots if name in ("keras", "tf_keras")), None)
    if root is None:
        raise TypeError(f"a model of keras or tf_keras was expected, found {type(model).__name__}")
    buffer = io.BytesIO()
    if root == "keras" and importlib.import_module("keras").__version__.split(".")[0] not in ("1", "2"):
        importlib.import_module("keras.src.saving.saving_lib").save_model(model, buffer)
        return buffer.getvalue()
    h5py = importlib.import_module("h5py")
    with h5py.File(buffer, "w") as file:
        _hdf5_format(root).save_model_to_hdf5(model, file, include_optimizer=False)
    return buffer.getvalue()


def _hdf5_format(root: str) -> Any:
    """The module of Keras 2 that writes models to open HDF5 files, wherever this version has it."""
    import importlib

    for place in ("src.saving.legacy", "saving.legacy", "saving", "engine"):
        try:
            return importlib.import_module(f"{root}.{place}.hdf5_format")
        except ImportError:
            continue
    raise TypeError(f"this version of {root} cannot write a model to memory: save the model, and load its file")


def from_keras(
    model: Any,
    *,
    isa: str | None = None,
    output_layer: str | None = None,
    prefer: str = "throughput",
    custom_layers: Any = None,
) -> Model:
    """Open a live Keras model, as it is now; nothing is written to disk.

    Parameters
    ----------
    model : keras.Model or tf_keras.Model
        Functional or Sequential, of Keras 3 or 2. Its weights are copied: training it further changes nothing here.
    isa, output_layer, prefer, custom_layers
        As in `load_model`.

    Returns
    -------
    Model

    Raises
    ------
    UnsupportedModelError
        As `load_model`.

    Examples
    --------
    >>> fast = hornpipe.from_keras(model)
    >>> fast.predict(x)
    """
    data = _saved(model)
    return _new(str(getattr(model, "name", "model")), data, _options(None, isa, output_layer, prefer, custom_layers))


def check(source: Any, *, weights: "str | os.PathLike[str] | None" = None, output_layer: str | None = None) -> Report:
    """Whether a model can be run, and every reason why not.

    Parameters
    ----------
    source, weights, output_layer
        As in `load_model`.

    Returns
    -------
    Report
        ``reasons`` is empty for a model that can be run; ``notes`` are no faults.

    Raises
    ------
    FileError, FormatError
        There is no model to report on.
    """
    path, data = _found(source)
    options = _options(weights, None, output_layer, "throughput")
    return Report(*_hornpipe.check(path, data, options.weights, None, output_layer))


# ---- pickle


def reduce(origin: Origin) -> tuple[Any, ...]:
    """What a model pickles as. Raises FileError where its file is not the one any more that it was opened from."""
    if origin.data is not None:
        return restore_bytes, (origin.path, origin.data, tuple(origin.options))
    if _state(_files(origin.path, origin.options.weights)) != origin.state:
        raise _errors.file(
            origin.path, "has changed since the model was opened; it cannot be pickled as its path any more"
        )
    digest = _digest(origin.path, origin.options.weights)
    return restore_file, (origin.path, digest, origin.state, tuple(origin.options))


def _known(path: str, options: Options) -> Model | None:
    """The model of that path and these options that this process has open (its parent's too, after a fork)."""
    with _lock:
        return _open.get((path, options))


def restore_file(path: str, digest: str, state: tuple[int, ...], options: tuple[Any, ...]) -> Model:
    """A model that was pickled as its path.

    Raises FileError where the file is missing or not of the content it had.
    """
    wanted = Options(*options)
    model = _known(path, wanted)
    if model is None or model._origin.state != state:
        try:
            found = _digest(path, wanted.weights)
        except OSError as error:
            raise _errors.file(path, f"the model was pickled as its path, which cannot be read here: {error}") from None
        if found != digest:
            raise _errors.file(
                path,
                f"the file has changed since the model was pickled (content {found}, expected {digest}): "
                "pickle it again, or bring the old file back",
            )
        if model is None or model._origin.state != _state(_files(path, wanted.weights)):
            model = _new(path, None, wanted)
    _keep(model)
    return model


def restore_bytes(name: str, data: bytes, options: tuple[Any, ...]) -> Model:
    """A model that was pickled with its bytes, since it did not come from a file."""
    wanted = Options(*options)
    model = _known(name, wanted)
    if model is None or model._origin.data != data:
        model = _new(name, data, wanted)
    _keep(model)
    return model


def shared(path: "str | os.PathLike[str]") -> Model:
    """The model of that file as it is now, opened once in this process."""
    absolute = os.path.abspath(os.fspath(path))
    options = _options(None, None, None, "throughput")
    model = _known(absolute, options)
    if model is None or model._origin.state != _state(_files(absolute, None)):
        model = _new(absolute, None, options)
    _keep(model)
    return model


def _keep(model: Model) -> None:
    """Keeps a model for the tasks that follow in this worker."""
    with _lock:
        if model not in _kept:
            _kept.append(model)

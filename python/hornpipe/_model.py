"""The class Model: what Keras's Model is to a caller who predicts.

Invariant: a Model does not change after it was opened, so any number of threads may use it; copies and pickles of it
are the same model.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hornpipe import _errors, _files, _hornpipe, _inputs, _jobs, _structure
from hornpipe._progress import Bar

if TYPE_CHECKING:
    from hornpipe import _profile

Array = np.ndarray[Any, Any]

LOOK_AHEAD = 4  # batches that predict reads ahead of the one whose results it waits for
PIECES = 8  # per worker, of arrays that go to worker processes


class TensorSpec(NamedTuple):
    """An input or output: its name, its shape (None: known only when data comes, the rows always) and its dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Layer(NamedTuple):
    """A layer as Keras's summary shows it; `depth` is 1 for a layer of a nested model, and so on."""

    name: str
    class_name: str
    output_shape: str
    dtype: str
    connected_to: str
    parameters: int
    trainable_parameters: int
    depth: int


class Options(NamedTuple):
    """What a model was opened with, beside its source."""

    weights: str | None
    isa: str | None
    output_layer: str | None
    prefer: str
    custom: tuple[Any, ...] = ()


class Origin(NamedTuple):
    """Where a model came from: a path and the state its files had, or a name and bytes."""

    path: str
    data: bytes | None
    state: tuple[int, ...]
    options: Options


class Model(_hornpipe.Model):
    """A saved Keras model, open for predictions. Made by `load_model` and `from_keras`.

    A model may be used by any number of threads at once, and by processes that were forked after it was opened; those
    share its packed weights. It pickles as its path and the hash of its content (with its bytes, where it did not come
    from a file).
    """

    _origin: Origin

    # ---- predicting

    def _predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        *,
        n_jobs: int | None = None,
        backend: str = "threads",
        out: Any = None,
        on_error: str = "fail",
    ) -> Any:
        """The long way of predict: see there. The extension module comes here with what it cannot do by itself."""
        options = self._checked(batch_size, backend, on_error)
        given = None if out is None else _structure.flatten(self._output_nesting, out, self._output_names, "output")
        bar = Bar(verbose)
        try:
            with _jobs.granted(n_jobs) as jobs:
                source = _inputs.read(self, x, steps)
                if isinstance(source, _inputs.Batches):
                    results = self._predict_batches(source, given, jobs, options, bar)
                elif options.streams:
                    results = self._predict_batches(self._split(source, jobs, options), given, jobs, options, bar)
                else:
                    results = self._run(source, given, jobs, options.batch_size, bar if bar.shown else None)
                    bar.add(len(source[0]))
        finally:
            bar.close()
        return out if out is not None else _structure.build(self._output_nesting, results)

    def _checked(self, batch_size: int | None, backend: str, on_error: str) -> "_Options":
        if backend == "processes" and self._origin.options.custom:
            raise _errors.argument("backend='processes': custom layers run in this process's Python; use 'threads'")
        return _checked(batch_size, backend, on_error)

    def _split(self, arrays: list[Array], jobs: int, options: "_Options") -> _inputs.Batches:
        """Arrays as batches for worker processes: a few for each, so that the call can be stopped in between."""
        rows = len(arrays[0])
        step = max(_inputs.LEAST_ROWS, -(-rows // (jobs * PIECES)))
        if self.mixes_rows:  # whole batches of the size that the rows mix in
            batch = options.batch_size or 32
            step = -(-step // batch) * batch
        starts = range(0, rows, step) if rows else range(1)
        return _inputs.Batches(([array[at : at + step] for array in arrays] for at in starts), rows)

    def _predict_batches(
        self, batches: _inputs.Batches, given: list[Array] | None, jobs: int, options: "_Options", bar: Bar
    ) -> list[Array]:
        """The results of all batches, one behind the other: in `given`, or joined."""
        bar.expect(batches.rows)
        pieces: list[list[Array]] = []
        at = 0
        results: list[Array] | None = None
        for results in self._stream(batches, jobs, options, LOOK_AHEAD, 5):
            rows = len(results[0])
            if given is None and batches.rows is not None and not self.mixes_rows and rows < batches.rows:
                given = [np.empty((batches.rows, *result.shape[1:]), result.dtype) for result in results]
            if given is None:
                pieces.append(results)
            else:
                _check_room(given, results, at)
                for whole, result in zip(given, results):
                    whole[at : at + rows] = result
            at += rows
            bar.add(rows)
        if results is None:
            raise _errors.argument("there was no batch to predict")
        for index, whole in enumerate(given or []):
            if len(whole) != at:
                raise _no_room(index, whole, (at, *whole.shape[1:]))
        if given is not None:
            return given
        return pieces[0] if len(pieces) == 1 else [np.concatenate(parts) for parts in zip(*pieces)]

    def _stream(
        self, batches: _inputs.Batches, jobs: int, options: "_Options", look_ahead: int, level: int
    ) -> Iterator[list[Array]]:
        """The results of batches, in order, each once; the ones to come are computed meanwhile.

        `level` is how far the caller, whom warnings are for, is from what warns.
        """
        predictor = _hornpipe.Predictor(
            self, options.backend == "processes", jobs, options.batch_size, look_ahead, options.on_error == "nan"
        )
        source = iter(batches)
        more = True
        done = 0
        try:
            while True:
                while more and predictor.room() > 0:
                    arrays = next(source, None)
                    if arrays is None:
                        more = False
                    else:
                        predictor.push(arrays)
                if predictor.pending() == 0:
                    return
                results, failures = predictor.pull(done)
                _warn_of_rows(failures, level)
                done += len(results[0])
                yield results
        finally:
            predictor.close()

    def _call(self, x: Any, training: bool = False, mask: Any = None) -> Any:
        """model(x), in the long way."""
        if training:
            raise _errors.argument("training=True: hornpipe predicts only")
        if mask is not None:
            raise _errors.argument("mask: masks come from the model's own layers (Masking, Embedding)")
        return self._predict(x, verbose=0)

    def _predict_on_batch(self, x: Any) -> Any:
        """predict_on_batch, in the long way."""
        if self.mixes_rows:
            rows = len(_inputs.array(_inputs.flatten(self, x)[0]))
            return self._predict(x, batch_size=max(1, rows), verbose=0)
        return self._predict(x, verbose=0)

    # Messages about arguments name the methods that people call.
    _predict.__qualname__ = "Model.predict"
    _call.__qualname__ = "Model.__call__"
    _predict_on_batch.__qualname__ = "Model.predict_on_batch"

    def predict_iter(
        self,
        batches: Any,
        n_jobs: int | None = None,
        backend: str = "threads",
        look_ahead: int = 4,
        batch_size: int | None = None,
        on_error: str = "fail",
    ) -> Iterator[Any]:
        """Predict batch by batch: each batch once, in order, while the next ones are read and computed already.

        Parameters
        ----------
        batches : iterable
            Batches as `predict` takes them, of any numbers of rows: a generator, a data set, a reader of record
            batches. An item that is a tuple or list is ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, as in Keras.
        n_jobs : int, optional
            As for `predict`.
        backend : {"threads", "processes"}
            As for `predict`.
        look_ahead : int
            Batches that are taken from `batches` before their predecessors' results are used: what bounds the memory.
        batch_size, on_error
            As for `predict`.

        Yields
        ------
        ndarray, or a list or dict of them
            The results of one batch, shape ``(rows of the batch, *output.shape[1:])`` each.

        Raises
        ------
        ShapeError, RowError, KeyError
            As `predict`; ``row`` counts from the first batch on.

        Examples
        --------
        >>> for y in model.predict_iter(chunks()):
        ...     write(y)
        """
        options = self._checked(batch_size, backend, on_error)
        if look_ahead < 1:
            raise _errors.argument(f"look_ahead is {look_ahead}; expected at least 1")
        jobs = _jobs.resolve(n_jobs)
        source = _inputs.batches(self, batches)
        results = self._stream(source, jobs, options, look_ahead, 4)
        return (_structure.build(self._output_nesting, result) for result in results)

    def predict_file(
        self,
        inputs: Any,
        outputs: Any,
        n_jobs: int | None = None,
        backend: str = "threads",
        batch_size: int | None = None,
        *,
        chunk_rows: int | None = None,
        max_memory: int | None = None,
        on_error: str = "fail",
        input_format: str | None = None,
        output_format: str | None = None,
        header: bool | None = None,
        columns: "str | Sequence[str] | None" = None,
        id_columns: "str | Sequence[str] | None" = None,
        rows: tuple[int | None, int | None] | None = None,
        part: tuple[int, int] | None = None,
        pad: bool = False,
        argmax: bool = False,
        top_k: int | None = None,
        threshold: float | None = None,
        labels: Sequence[str] | None = None,
        resume: bool = False,
        checkpoint_seconds: int = 10,
        verbose: Any = "auto",
    ) -> int:
        """Predict whole files: read, compute and write at the same time, rows in order, in bounded memory.

        Parameters
        ----------
        inputs : path, list of paths, or dict of paths by input name
            ``.npy .npz .csv .tsv``, ``file.h5:/dataset`` or raw little-endian float32; kinds by extension or
            `input_format`. One ``.npz`` or HDF5 file may hold all inputs by name, and one ``.csv`` columns of their
            names (``name_0``, ``name_1`` ... for an input of several numbers).
        outputs : path or list of paths
            One per output, or one file of a kind that holds several (``.npz``, ``.csv``, HDF5). Each appears under its
            name when it is complete, in the place of one that exists.
        n_jobs, backend, batch_size, on_error, verbose
            As for `predict`.
        chunk_rows : int, optional
            Rows that are read, computed and written together.
        max_memory : int, optional
            Bytes for chunks in flight (256 MiB).
        header : bool, optional
            Whether csv and tsv files begin with names. None: found out.
        columns, id_columns : list of str or str, optional
            csv and tsv: ``["age", "income"]`` or ``"age,income,3-9"``, by name or by number from 0; the columns to use,
            in that order, and those to carry to the output unread.
        rows : (first, end), optional
            The rows to predict, `end` not among them; None in place of either: from the first, up to the last.
        part : (i, n), optional
            The i-th of n parts, i from 1: how n machines share one input. The rows are divided evenly, in order.
        pad : bool
            Rows of different lengths are padded where the model's masks make that the same answer.
        argmax, top_k, threshold, labels
            Write the index of the largest value, the largest `top_k` with their values, or whether a value reaches
            `threshold`, in place of the values; with names from `labels`.
        resume : bool
            Go on from the checkpoint of a run that was killed or stopped, if model, inputs and options are the same;
            the file is the same bytes as that of one run. From the start, where there is no checkpoint.
        checkpoint_seconds : int
            How often a checkpoint is written beside the partial file; 0: never.

        Returns
        -------
        int
            Rows that were written.

        Raises
        ------
        FileError, FormatError, ShapeError, RowError
        """
        options = self._checked(batch_size, backend, on_error)
        for name, number in (("chunk_rows", chunk_rows), ("max_memory", max_memory), ("top_k", top_k)):
            if number is not None and (not hasattr(number, "__index__") or number < 1):
                raise _errors.argument(f"{name} is {number!r}; expected an integer of at least 1, or None")
        if isinstance(labels, str):
            raise TypeError(f"labels is {labels!r}; expected a list of names")
        bar = Bar(verbose)
        try:
            with _jobs.granted(n_jobs) as jobs:
                written, failed = self._predict_files(
                    _files.described(inputs, input_format, header, columns, id_columns),
                    _files.described(outputs, output_format, header, None, None),
                    {
                        "jobs": jobs,
                        "batch_size": options.batch_size,
                        "chunk_rows": chunk_rows or 0,
                        "max_memory": max_memory or 0,
                        **_files.choice(rows, part),
                        "pad": pad,
                        "argmax": argmax,
                        "top_k": top_k or 0,
                        "threshold": threshold,
                        "labels": None if labels is None else [str(label) for label in labels],
                        "processes": options.backend == "processes",
                        "nan": options.on_error == "nan",
                        "resume": resume,
                        "checkpoint_seconds": checkpoint_seconds,
                        "progress": bar if bar.shown else None,
                    },
                )
            bar.add(written)
        finally:
            bar.close()
        if failed:
            warnings.warn(f"{failed} of {written} rows failed; their results are NaN", RuntimeWarning, stacklevel=2)
        return written

    def profile(
        self, x: Any, n_jobs: int | None = None, batch_size: int | None = None, repeats: int = 3
    ) -> "_profile.Profile":
        """Where the time of predicting x goes, step by step.

        Parameters
        ----------
        x : array_like, list or dict
            As for `predict`.
        n_jobs, batch_size : int, optional
            As for `predict`.
        repeats : int
            How often x is predicted under the profile, after once to warm up.

        Returns
        -------
        Profile
            ``steps`` with calls, seconds, operations and bytes; prints as a table, in a notebook as HTML.

        Raises
        ------
        ShapeError, RowError, KeyError
            As `predict`.
        """
        from hornpipe import _profile

        options = self._checked(batch_size, "threads", "fail")
        if repeats < 1:
            raise _errors.argument(f"repeats is {repeats}; expected at least 1")
        arrays = [_inputs.array(leaf) for leaf in _inputs.flatten(self, x)]
        with _jobs.granted(n_jobs) as jobs:
            seconds, steps = self._profile(arrays, jobs, options.batch_size, repeats)
        return _profile.Profile(self.name, len(arrays[0]) * repeats, seconds, steps)

    # ---- what the model is

    @functools.cached_property
    def _input_nesting(self) -> _structure.Structure:
        return _structure.parse(self._input_structure)

    @functools.cached_property
    def _output_nesting(self) -> _structure.Structure:
        return _structure.parse(self._output_structure)

    @functools.cached_property
    def _output_names(self) -> list[str]:
        return [spec.name for spec in self.outputs]

    @functools.cached_property
    def inputs(self) -> list[TensorSpec]:
        """The inputs, in the order of Keras's ``model.inputs``: name, shape (None: any) and dtype."""
        return [TensorSpec(*item) for item in self._inputs]

    @functools.cached_property
    def outputs(self) -> list[TensorSpec]:
        """The outputs, in the order of Keras's ``model.outputs``; named by the layers that make them."""
        return [TensorSpec(*item) for item in self._outputs]

    @functools.cached_property
    def layers(self) -> list[Layer]:
        """The layers, each nested model's right behind it."""
        return [Layer(*item) for item in self._layers]

    @functools.cached_property
    def weights(self) -> dict[str, Array]:
        """The weights by path (``"encoder/dense_1/kernel"``): read-only views of the model's own memory."""
        found: dict[str, Array] = {}
        for path, _, _, value in self._weights:
            unique, number = path, 1
            while unique in found:
                number += 1
                unique = f"{path}#{number}"
            found[unique] = value
        return found

    @functools.cached_property
    def _facts(self) -> dict[str, Any]:
        return self._description

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self._facts["name"])

    @property
    def keras_version(self) -> str:
        """The version of Keras that wrote the file; "" when it does not say."""
        return str(self._facts["keras_version"])

    @property
    def isa(self) -> str:
        """The instruction set in use."""
        return str(self._facts["isa"])

    @property
    def mixes_rows(self) -> bool:
        """Whether a row's result depends on the other rows of its batch."""
        return bool(self._facts["mixes_rows"])

    def count_params(self) -> int:
        """The number of weights' elements.

        Returns
        -------
        int
        """
        return int(self._facts["parameters"])

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print the layers as a table, as Keras does.

        Parameters
        ----------
        print_fn : callable
            Called with the whole text.
        """
        print_fn(self._summary())

    def _summary(self) -> str:
        rows = [("Layer (type)", "Output shape", "Param #", "Connected to")]
        rows += [
            (
                "  " * layer.depth + f"{layer.name} ({layer.class_name})",
                layer.output_shape,
                f"{layer.parameters:,}",
                layer.connected_to,
            )
            for layer in self.layers
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [f"Model: {self.name!r} ({self._facts['class_name']})", ""]
        for row in rows:
            lines.append(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip())
        total, trainable = self._facts["parameters"], self._facts["trainable_parameters"]
        lines += ["", f"Total params: {total:,} (trainable {trainable:,}, not trainable {total - trainable:,})"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        def side(specs: list[TensorSpec]) -> str:
            return ", ".join(f"{spec.name} {spec.shape} {spec.dtype}" for spec in specs)

        return f"<hornpipe.Model {self.name!r}: {side(self.inputs)} -> {side(self.outputs)}>"

    # ---- copies

    def __copy__(self) -> "Model":
        return self

    def __deepcopy__(self, memo: Any) -> "Model":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from hornpipe import _loading

        return _loading.reduce(self._origin)


class _Options(NamedTuple):
    """Checked options of a call; batch_size 0: chosen."""

    batch_size: int
    backend: str
    on_error: str

    @property
    def streams(self) -> bool:
        """Whether rows go through a Predictor: what hp_model_predict alone does not do."""
        return self.backend == "processes" or self.on_error == "nan"


def _checked(batch_size: int | None, backend: str, on_error: str) -> _Options:
    if batch_size is not None and (isinstance(batch_size, bool) or not hasattr(batch_size, "__index__")):
        raise TypeError(f"batch_size is {batch_size!r}; expected an integer or None")
    if batch_size is not None and batch_size < 1:
        raise _errors.argument(f"batch_size is {batch_size}; expected at least 1, or None")
    if backend not in ("threads", "processes"):
        raise _errors.argument(f"backend is {backend!r}; expected 'threads' or 'processes'")
    if on_error not in ("fail", "nan"):
        raise _errors.argument(f"on_error is {on_error!r}; expected 'fail' or 'nan'")
    return _Options(batch_size or 0, backend, on_error)


def _no_room(index: int, whole: Array, wanted: tuple[int, ...]) -> _hornpipe.HornpipeError:
    return _errors.shape(f"output {index} has room for shape {whole.shape}; the model gives {wanted}")


def _check_room(given: list[Array], results: list[Array], at: int) -> None:
    """Raises where results cannot be written as they are, from row `at` on, to the caller's arrays."""
    for index, (whole, result) in enumerate(zip(given, results)):
        if not isinstance(whole, np.ndarray) or not (whole.flags.c_contiguous and whole.flags.writeable):
            raise _errors.argument(f"out of output {index} cannot be written to: a writable array in C order is needed")
        if whole.shape[1:] != result.shape[1:] or not whole.ndim or at + len(result) > len(whole):
            raise _no_room(index, whole, (at + len(result), *result.shape[1:]))
        if whole.dtype != result.dtype:
            raise _errors.shape(f"output {index} is {whole.dtype}; the model gives {result.dtype}")


def _warn_of_rows(failures: list[tuple[int, int, str]], level: int) -> None:
    """Rows that failed and became NaN."""
    for first, count, why in failures:
        rows = f"row {first}" if count == 1 else f"rows {first} to {first + count - 1}"
        warnings.warn(f"{rows}: {why}; the results are NaN", RuntimeWarning, stacklevel=level)

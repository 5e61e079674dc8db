"""What predict is given, brought to arrays: at once, or batch by batch where it comes or is stored in batches.

Invariant: what is not an array yet is converted by its own library (to_numpy, __array__, __getitem__); nothing is
computed here. A batch that is a tuple or list is (x,), (x, y) or (x, y, sample_weight), as in Keras's predict.
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hornpipe import _errors, _frames, _structure

if TYPE_CHECKING:
    from hornpipe._model import Model

Array = np.ndarray[Any, Any]

CHUNK_BYTES = 32 << 20  # of a stored array that is read at a time, about
LEAST_ROWS = 1024


class Batches:
    """Batches to come: each a list of arrays, one per input of the model.

    Attributes
    ----------
    rows : int or None
        In all, where that is known.
    """

    def __init__(self, batches: Iterable[list[Array]], rows: int | None = None) -> None:
        self.rows = rows
        self._batches = batches

    def __iter__(self) -> Iterator[list[Array]]:
        return iter(self._batches)


def array(value: Any) -> Array:
    """One tensor, from whatever library."""
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError("masked arrays cannot be used: fill them first (x.filled(0))")
        return value.astype(object) if value.dtype.kind == "T" else value
    if value is None or isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(
            f"an array was expected, found {value!r}: rows of text are [[text], ...], and predict_file reads files"
        )
    if _frames.is_frame(value) and not hasattr(value, "detach"):
        return _frames.array(value)
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
        if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # NumPy has no such dtype, and torch gives it none
            value = value.float()
    return np.asarray(value)


def _is_chunked(value: Any) -> bool:
    """A stored array, of which slices are read: h5py, zarr, dask and their kind."""
    return (
        not isinstance(value, np.ndarray)
        and hasattr(value, "shape")
        and hasattr(value, "dtype")
        and hasattr(value, "chunks")
        and hasattr(value, "__getitem__")
    )


def _is_data_set(value: Any) -> bool:
    """Keras's PyDataset or Sequence: batches by index."""
    names = {cls.__name__ for cls in type(value).__mro__[:-1]}
    return (
        bool(names & {"PyDataset", "Sequence"})
        and hasattr(value, "__getitem__")
        and not isinstance(value, (list, tuple))
    )


def _is_iterable(value: Any) -> bool:
    """Batches one after another: a generator, a tf.data.Dataset, a torch DataLoader, a reader of record batches."""
    if isinstance(value, (str, bytes, list, tuple, Mapping)) or hasattr(value, "__array__"):
        return False
    if hasattr(value, "__next__") or hasattr(value, "read_next_batch"):
        return True
    return hasattr(value, "__iter__") and not hasattr(value, "shape") and not _frames.is_frame(value)


def _are_batches(x: Any, rank: int) -> bool:
    """Whether these are several arrays of rows, and not rows of one array."""
    return len(x) > 1 and all(hasattr(item, "shape") and len(item.shape) == rank and item.shape[-1] != 1 for item in x)


def flatten(model: "Model", x: Any) -> list[Any]:
    """The tensors of x in the order of model.inputs, as they are: see `array`."""
    names = [spec.name for spec in model.inputs]
    structure = model._input_nesting
    if isinstance(structure, int):
        if (
            isinstance(x, (list, tuple))
            and len(x) == 1
            and hasattr(x[0], "shape")
            and len(x[0].shape) + 1 >= len(model.inputs[0].shape)
        ):
            return [x[0]]
        if isinstance(x, (list, tuple)) and _are_batches(x, len(model.inputs[0].shape)):
            found = f"a {type(x).__name__} of {len(x)} arrays"
            raise _errors.argument(f"the model has one input ({names[0]}); found {found}")
        if not isinstance(x, Mapping):
            return [x]
    if _frames.is_frame(x):
        return [_frames.select(x, [name]) for name in names]
    if not isinstance(x, (list, tuple, Mapping)):
        raise TypeError(
            f"the model has {len(names)} inputs ({', '.join(names)}): a list or a dict was expected, "
            f"found {type(x).__name__}"
        )
    return _structure.flatten(structure, x, names, "input")


def _tensors(model: "Model", x: Any) -> list[Array]:
    return [array(value) for value in flatten(model, x)]


def _x_of(batch: Any) -> Any:
    """The x of a batch, as Keras unpacks it."""
    if not isinstance(batch, (list, tuple)):
        return batch
    if not 1 <= len(batch) <= 3:
        raise _errors.argument(f"a batch is x, (x,), (x, y) or (x, y, sample_weight); found {len(batch)} items")
    return batch[0]


def batch(model: "Model", value: Any) -> list[Array]:
    """The arrays of one batch of an iterator."""
    x = _x_of(value)
    if isinstance(value, (list, tuple)) and len(model.inputs) > 1 and hasattr(x, "shape") and not _frames.is_frame(x):
        raise TypeError(
            f"of a batch that is a {type(value).__name__} the first item is x: for the inputs "
            f"{', '.join(spec.name for spec in model.inputs)} it is a tuple or dict, (({model.inputs[0].name}, ...),)"
        )
    return _tensors(model, x)


def _of_iterable(model: "Model", x: Any, steps: int | None) -> Batches:
    if hasattr(x, "as_numpy_iterator"):
        x = x.as_numpy_iterator()
    return Batches(batch(model, value) for value in itertools.islice(x, steps))


def _of_data_set(model: "Model", x: Any, steps: int | None) -> Batches:
    count = len(x) if hasattr(type(x), "__len__") else None
    if steps is None and count is None:
        raise _errors.argument("the data set does not say how many batches it has: give steps")
    steps = count if steps is None else steps if count is None else min(steps, count)
    return Batches(batch(model, x[index]) for index in range(steps or 0))


def _of_chunks(leaves: list[Any]) -> Batches:
    """Stored arrays, by slices of whole chunks."""
    rows = int(leaves[0].shape[0])
    row_bytes = sum(
        int(np.dtype(leaf.dtype).itemsize) * int(np.prod(leaf.shape[1:], dtype=np.int64)) for leaf in leaves
    )
    step = max(LEAST_ROWS, CHUNK_BYTES // max(1, row_bytes))
    for leaf in leaves:
        if int(leaf.shape[0]) != rows:
            raise _errors.shape(f"the inputs have different numbers of rows: {rows} and {leaf.shape[0]}")
        chunk = (getattr(leaf, "chunks", None) or (1,))[0]
        if isinstance(chunk, int) and chunk > 1:
            step = max(chunk, step // chunk * chunk)
    pieces = ([array(leaf[at : at + step]) for leaf in leaves] for at in range(0, rows, step))
    return Batches(pieces, rows)


def read(model: "Model", x: Any, steps: int | None = None) -> "list[Array] | Batches":
    """The arrays of x, one per input; or its batches, where it has them. `steps`: batches to take."""
    if not isinstance(x, np.ndarray):
        if _is_data_set(x):
            return _of_data_set(model, x, steps)
        if _is_iterable(x):
            return _of_iterable(model, x, steps)
    leaves = flatten(model, x)
    if steps is not None:
        raise _errors.argument("steps goes with data sets and iterators, which have batches; x is arrays")
    return _of_chunks(leaves) if any(_is_chunked(leaf) for leaf in leaves) else [array(leaf) for leaf in leaves]


def batches(model: "Model", x: Any) -> Batches:
    """Batches for predict_iter: those of x, or x as one batch where it has none."""
    found = _of_iterable(model, x, None) if isinstance(x, (list, tuple)) else read(model, x)
    return found if isinstance(found, Batches) else Batches([found], len(found[0]) if found else 0)

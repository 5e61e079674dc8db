"""Tables as arrays: pandas, polars, and whatever gives Arrow's C stream (through pyarrow).

Invariant: no library is imported here that the table's owner has not imported, but for pyarrow, which reads Arrow.
Columns become columns of one array, in their order; 64-bit integers beside floats become what the table's own library
makes of them.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from hornpipe import _errors

Array = np.ndarray[Any, Any]


def is_pandas(value: Any) -> bool:
    """A DataFrame or Series of pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series))


def is_polars(value: Any) -> bool:
    """A DataFrame, LazyFrame or Series of polars."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, (polars.DataFrame, polars.LazyFrame, polars.Series))


def is_arrow(value: Any) -> bool:
    """Anything with Arrow's C interface: tables, record batches, arrays."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def is_frame(value: Any) -> bool:
    """Whether `array` or `columns` can read it."""
    return is_pandas(value) or is_polars(value) or is_arrow(value)


def columns(value: Any) -> list[str]:
    """Names of a table's columns; none for a single column."""
    if is_polars(value):
        return [] if not hasattr(value, "collect_schema") else list(value.collect_schema().names())
    if is_pandas(value):
        return [str(name) for name in value.columns] if hasattr(value, "columns") else []
    return list(getattr(value, "column_names", []) or getattr(getattr(value, "schema", None), "names", []))


def select(value: Any, names: Sequence[str]) -> Any:
    """The table with these columns alone, in this order."""
    missing = [name for name in names if name not in columns(value)]
    if missing:
        raise KeyError(f"there is no column {missing[0]!r} in {columns(value)}")
    if is_pandas(value):
        return value[list(names)]
    return value.select(list(names))


def _check_alike(names: Sequence[str], types: Sequence[Any], numeric: Sequence[bool]) -> None:
    """Raises TypeError for a table of numbers in which some column holds none, naming it."""
    if any(numeric) and not all(numeric):
        at = list(numeric).index(False)
        raise TypeError(
            f"column {names[at]!r} holds {types[at]}, other columns numbers: select those of the model's input "
            "(frame[names]), or convert it"
        )


def array(value: Any) -> Array:
    """A table or column as an array of shape (rows, columns) or (rows, *size of a list's items)."""
    if is_polars(value):
        return _from_polars(value)
    if is_pandas(value):
        return _from_pandas(value)
    return _from_arrow(value)


def _numbers(column: Any) -> bool:
    """Whether a column of pandas holds numbers: its categories, where it has any."""
    dtype = column.cat.categories.dtype if hasattr(column, "cat") else column.dtype
    return getattr(dtype, "kind", "O") in "biuf"


def _from_pandas(value: Any) -> Array:
    result: Array = value.to_numpy()
    if result.dtype != object:
        return result
    types = value.dtypes.tolist() if hasattr(value, "columns") else [value.dtype]
    numeric = [_numbers(value.iloc[:, at]) for at in range(len(types))] if len(types) > 1 else []
    _check_alike(columns(value), types, numeric)
    if all(getattr(each, "kind", "O") in "biuf" for each in types):  # pandas's own nullable numbers
        result = value.to_numpy(dtype="float64", na_value=float("nan"))
    elif len(types) == 1 and isinstance(result.flat[0] if result.size else None, (list, np.ndarray)):
        result = np.stack([np.asarray(row) for row in result.reshape(-1)])
    return result


def _from_polars(value: Any) -> Array:
    if hasattr(value, "collect"):
        value = value.collect()
    if hasattr(value, "columns") and len(value.columns) == 1:
        inner = value.to_series()
        if inner.dtype.is_nested():
            return _from_polars(inner)
    if hasattr(value, "columns"):
        _check_alike(
            value.columns, value.dtypes, [each.is_numeric() or str(each) == "Boolean" for each in value.dtypes]
        )
    result: Array = value.to_numpy()
    if result.dtype == object and result.size and isinstance(result.flat[0], np.ndarray):
        result = np.stack(list(result))
    return result


def _from_arrow(value: Any) -> Array:
    import pyarrow

    if hasattr(value, "__arrow_c_stream__"):
        value = value if isinstance(value, pyarrow.ChunkedArray) else pyarrow.table(value)
    else:
        made = pyarrow.array(value)
        value = pyarrow.Table.from_struct_array(made) if pyarrow.types.is_struct(made.type) else made
    if not isinstance(value, pyarrow.Table):
        return _column(value)
    parts = [_column(column) for column in value.columns]
    _check_alike(value.column_names, value.schema.types, [part.dtype.kind in "biuf" for part in parts])
    if len(parts) == 1:
        return parts[0] if parts[0].ndim > 1 else parts[0].reshape(-1, 1)
    return np.column_stack(parts) if parts else np.empty((value.num_rows, 0))


def _column(column: Any) -> Array:
    """An Arrow column; lists of one length give more axes."""
    import pyarrow

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pyarrow.ChunkedArray):  # older versions keep one chunk
            column = column.chunk(0) if column.num_chunks else pyarrow.array([], column.type)
    if isinstance(column, pyarrow.DictionaryArray):
        column = column.dictionary_decode()
    shape = [len(column)]
    while pyarrow.types.is_fixed_size_list(column.type) or pyarrow.types.is_list(column.type):
        rows = len(column)
        if column.null_count:
            raise _errors.shape("a column of lists has missing values")
        if not pyarrow.types.is_fixed_size_list(column.type):
            sizes = set(column.value_lengths().to_pylist())
            if len(sizes) > 1:
                raise _errors.shape(f"a column of lists has items of different lengths: {sorted(sizes)[:5]}")
        inner = column.flatten()
        shape.append(len(inner) // rows if rows else 0)
        column = inner
    values: Array = column.to_numpy(zero_copy_only=False)
    return values.reshape(shape)

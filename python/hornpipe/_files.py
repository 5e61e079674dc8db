"""What `Model.predict_file` tells the extension module of files and of the rows to take from them."""

from __future__ import annotations

import os
from typing import Any

from hornpipe import _errors


def _list(names: Any) -> str | None:
    """Return a list of columns as csv, which the library takes; text as it is."""
    if names is None or isinstance(names, str):
        return names
    return ",".join('"' + str(name).replace('"', '""') + '"' for name in names)


def described(
    paths: Any, kind: str | None, header: bool | None, columns: Any, id_columns: Any
) -> list[tuple[str, str | None, str | None, str | None, str | None, str | None, int]]:
    """Return paths, or paths by name, as the extension module takes files."""
    named = (
        list(paths.items())
        if isinstance(paths, dict)
        else [(None, path) for path in (paths if isinstance(paths, (list, tuple)) else [paths])]
    )
    flag = 0 if header is None else 1 if header else 2
    lists = _list(columns), _list(id_columns)
    return [(os.fspath(path), kind, name, None, *lists, flag) for name, path in named]


def choice(rows: tuple[int | None, int | None] | None, part: tuple[int, int] | None) -> dict[str, int]:
    """Return the options for `rows` (first, end) and `part` (i, n); raises ArgumentError for what is none."""
    for name, pair in (("rows", rows), ("part", part)):
        if pair is not None and (not isinstance(pair, (tuple, list)) or len(pair) != 2):
            raise TypeError(f"{name} is {pair!r}; expected a pair of integers")
    first, end = rows if rows is not None else (None, None)
    first = first or 0
    if first < 0 or (end is not None and end <= first):
        raise _errors.argument(f"rows: {rows} does not name any rows; expected (first, end) with 0 <= first < end")
    if part is not None and not 1 <= part[0] <= part[1]:
        raise _errors.argument(f"part: {part} is none; expected (i, n) with 1 <= i <= n")
    i, n = part if part is not None else (0, 0)
    return {"first_row": first, "end_row": end or 0, "part": i, "parts": n}

"""What `Model.predict_file` tells the extension module of files and of the rows to take from them."""

from __future__ import annotations

import os
from typing import Any


def described(
    paths: Any, kind: str | None, header: bool | None, columns: str | None, id_columns: str | None
) -> list[tuple[str, str | None, str | None, str | None, str | None, str | None, int]]:
    """Return paths, or paths by name, as the extension module takes files."""
    named = (
        list(paths.items())
        if isinstance(paths, dict)
        else [(None, path) for path in (paths if isinstance(paths, (list, tuple)) else [paths])]
    )
    flag = 0 if header is None else 1 if header else 2
    return [(os.fspath(path), kind, name, None, columns, id_columns, flag) for name, path in named]


def choice(rows: tuple[int | None, int | None] | None, part: tuple[int, int] | None) -> dict[str, int]:
    """Return the options for `rows` (first, end) and `part` (i, n); raises ValueError for what is none."""
    first, end = rows if rows is not None else (None, None)
    first = first or 0
    if first < 0 or (end is not None and end <= first):
        raise ValueError(f"rows: {rows} does not name any rows; expected (first, end) with 0 <= first < end")
    if part is not None and not 1 <= part[0] <= part[1]:
        raise ValueError(f"part: {part} is none; expected (i, n) with 1 <= i <= n")
    if rows is not None and part is not None:
        raise ValueError("rows and part exclude each other")
    i, n = part if part is not None else (0, 0)
    return {"first_row": first, "end_row": end or 0, "part": i, "parts": n}

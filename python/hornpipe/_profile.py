"""What Model.profile gives: a table as text, and as HTML in a notebook.

Invariant: the figures are the library's; here they are only added up and written down.
"""

import html
from typing import Any, NamedTuple


class Step(NamedTuple):
    """One kernel's passes over the rows; it stands for one layer, or several that were joined.

    Attributes
    ----------
    layers : tuple of str
        Places of the layers: ``layers/3 "conv2d" (Conv2D)``.
    primitive, algorithm, output_shape : str
        What is computed, which way was chosen, and the shape of the result.
    calls : int
        Passes, of all workers.
    rows, seconds : float
        Rows and seconds, of all workers together.
    operations : float
        Floating-point operations, of the direct algorithm.
    bytes : float
        Of the tensors and weights that were read and written.
    seconds_by_worker : tuple of float
    """

    layers: tuple[str, ...]
    primitive: str
    algorithm: str
    output_shape: str
    calls: int
    rows: float
    seconds: float
    operations: float
    bytes: float
    seconds_by_worker: tuple[float, ...]


class Profile:
    """Where the time of a prediction went.

    Attributes
    ----------
    model : str
        Its name.
    rows : int
        Rows that were predicted under the profile.
    seconds : float
        Wall time.
    steps : list of Step
        In the order in which they run.
    """

    def __init__(self, model: str, rows: int, seconds: float, raw: list[tuple[Any, ...]]) -> None:
        self.model = model
        self.rows = rows
        self.seconds = seconds
        self.steps = [self._step(*item) for item in raw]

    @staticmethod
    def _step(
        layers: list[str],
        primitive: str,
        algorithm: str,
        output_shape: str,
        operations: float,
        row_bytes: float,
        weight_bytes: float,
        times: list[tuple[int, float, float]],
    ) -> Step:
        calls = sum(time[0] for time in times)
        rows = sum(time[1] for time in times)
        seconds = tuple(time[2] for time in times)
        moved = row_bytes * rows + weight_bytes * calls
        return Step(
            tuple(layers),
            primitive,
            algorithm,
            output_shape,
            calls,
            rows,
            sum(seconds),
            operations * rows,
            moved,
            seconds,
        )

    def _table(self) -> list[tuple[str, ...]]:
        """Rows of texts: layers, kind, shape, calls, share of the time, milliseconds, GFLOP/s, GB/s."""
        whole = sum(step.seconds for step in self.steps) or 1.0
        table: list[tuple[str, ...]] = []
        for step in self.steps:
            kind = f"{step.primitive} ({step.algorithm})" if step.algorithm else step.primitive
            seconds = step.seconds or float("inf")
            table.append(
                (
                    ", ".join(step.layers),
                    kind,
                    step.output_shape,
                    str(step.calls),
                    f"{step.seconds / whole:.1%}",
                    f"{step.seconds * 1e3:.3f}",
                    f"{step.operations / seconds / 1e9:.1f}",
                    f"{step.bytes / seconds / 1e9:.1f}",
                )
            )
        return table

    _HEADS = ("Layers", "Step", "Output shape", "Calls", "Time", "ms", "GFLOP/s", "GB/s")

    def _title(self) -> str:
        rate = self.rows / self.seconds if self.seconds else 0.0
        return f"{self.model}: {self.rows:,} rows in {self.seconds:.4f} s, {rate:,.0f} rows/s"

    def __str__(self) -> str:
        table = [self._HEADS, *self._table()]
        widths = [max(len(row[i]) for row in table) for i in range(len(self._HEADS))]
        lines = [
            "  ".join(f"{text:{'<' if i < 3 else '>'}{widths[i]}}" for i, text in enumerate(row)).rstrip()
            for row in table
        ]
        return "\n".join([self._title(), "", *lines])

    def __repr__(self) -> str:
        return f"<hornpipe.Profile of {self._title()}>"

    def _repr_html_(self) -> str:
        """The table for a notebook, with a bar for each step's share of the time."""

        def cell(text: str, place: int) -> str:
            bar = f"background:linear-gradient(90deg,#9cf {text},transparent {text});" if place == 4 else ""
            return f'<td style="{bar}text-align:{"left" if place < 3 else "right"}">{html.escape(text)}</td>'

        heads = "".join(f"<th>{head}</th>" for head in self._HEADS)
        body = "".join(
            "<tr>" + "".join(cell(text, place) for place, text in enumerate(row)) + "</tr>" for row in self._table()
        )
        return (
            f"<table><caption>{html.escape(self._title())}</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )

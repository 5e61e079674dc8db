"""The progress of a long call: a bar in a terminal or a notebook, or one line at its end.

Invariant: nothing is printed where nobody sees it (verbose="auto"), and nothing at all in the first second then.
"""

import sys
import time
from typing import Any

from hornpipe import _errors

WIDTH = 30
EVERY = 0.1  # seconds
PATIENCE = 1.0  # seconds before "auto" shows a bar


def in_notebook() -> bool:
    """Whether IPython's kernel runs this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def _rate(rows: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if rows >= size:
            return f"{rows / size:.3g}{unit}"
    return f"{rows:.3g}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


class Bar:
    """Called with the rows done and the rows in all (-1: not known).

    Parameters
    ----------
    verbose : {"auto", 0, 1, 2}
        See Model.predict.
    """

    def __init__(self, verbose: Any) -> None:
        if verbose not in ("auto", 0, 1, 2, False, True):
            raise _errors.argument(f"verbose is {verbose!r}; expected 'auto', 0, 1 or 2")
        self._verbose = verbose
        self._notebook = verbose != 0 and in_notebook()
        seen = self._notebook or (sys.stderr is not None and sys.stderr.isatty())
        self.shown = verbose == 1 or (verbose == "auto" and seen)
        self._start = time.monotonic()
        self._next = self._start + (PATIENCE if verbose == "auto" else 0)
        self._base = 0
        self._last = (0, -1)
        self._handle: Any = None
        self._drawn = False

    def add(self, rows: int) -> None:
        """Rows of batches before the one whose progress is told next."""
        self._base += rows
        self._tell(self._base, self._last[1])

    def expect(self, rows: int | None) -> None:
        """Rows in all, where a call's own total is that of a batch."""
        self._last = (self._last[0], -1 if rows is None else rows)

    def __call__(self, done: int, total: int) -> None:
        """Progress within a call."""
        known = self._last[1]
        self._tell(self._base + done, known if known >= 0 or self._base else total)

    def _tell(self, done: int, total: int) -> None:
        self._last = (done, total)
        now = time.monotonic()
        if self.shown and now >= self._next:
            self._next = now + EVERY
            self._draw(self.text(done, total, now - self._start))

    @staticmethod
    def text(done: int, total: int, seconds: float) -> str:
        """The bar as text."""
        rate = done / seconds if seconds > 0 else 0.0
        if total <= 0:
            return f"{done} rows [{_clock(seconds)}, {_rate(rate)} rows/s]"
        share = min(1.0, done / total)
        filled = int(share * WIDTH)
        left = _clock((total - done) / rate) if rate > 0 else "?"
        bar = "#" * filled + "-" * (WIDTH - filled)
        return f"{share:4.0%}|{bar}| {done}/{total} [{_clock(seconds)}<{left}, {_rate(rate)} rows/s]"

    def _draw(self, text: str) -> None:
        self._drawn = True
        if not self._notebook:
            print(f"\r{text}", end="", file=sys.stderr, flush=True)
            return
        display = sys.modules["IPython"].display
        done, total = self._last
        html = f'<progress value="{done}" max="{max(total, done, 1)}"></progress> <code>{text}</code>'
        if self._handle is None:
            self._handle = display.display(display.HTML(html), display_id=True)
        else:
            self._handle.update(display.HTML(html))

    def close(self) -> None:
        """The bar's last state, or the line of verbose=2."""
        done, total = self._last
        seconds = time.monotonic() - self._start
        if self._drawn or (self._verbose == 1 and self.shown):
            self._draw(self.text(done, total, seconds))
            if not self._notebook:
                print(file=sys.stderr)
        elif self._verbose == 2:
            print(f"{done} rows, {_clock(seconds)}, {_rate(done / max(seconds, 1e-9))} rows/s", file=sys.stderr)

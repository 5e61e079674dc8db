"""The extension module, as Python sees it."""

from collections.abc import Callable
from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]
_Progress = Callable[[int, int], Any] | None
_File = tuple[str, str | None, str | None, str | None, str | None, str | None, int]

version: str
exceptions: dict[str, type[HornpipeError]]

class HornpipeError(Exception):
    where: str
    message: str
    status: str
    row: int | None
    reasons: list[str]

class NoMemoryError(HornpipeError, MemoryError): ...
class ArgumentError(HornpipeError, ValueError): ...
class FileError(HornpipeError, OSError): ...
class FormatError(HornpipeError, ValueError): ...
class UnsupportedModelError(HornpipeError, NotImplementedError): ...
class ShapeError(HornpipeError, ValueError): ...
class RowError(HornpipeError, ValueError): ...
class StoppedError(HornpipeError, RuntimeError): ...
class InternalError(HornpipeError, RuntimeError): ...

def core_count() -> int: ...
def isas() -> dict[str, bool]: ...
def check(
    path: str, bytes: bytes | None, weights: str | None, isa: str | None, output_layer: str | None
) -> tuple[list[str], list[str]]: ...

class Model:
    _inputs: list[tuple[str, tuple[int | None, ...], str]]
    _outputs: list[tuple[str, tuple[int | None, ...], str]]
    _input_structure: str
    _output_structure: str
    _layers: list[tuple[str, str, str, str, str, int, int, int]]
    _weights: list[tuple[str, str, bool, _Array]]
    _description: dict[str, Any]
    def __new__(
        cls,
        path: str,
        bytes: bytes | None = None,
        weights: str | None = None,
        isa: str | None = None,
        output_layer: str | None = None,
        prefer: str = "throughput",
        custom: list[tuple[Any, ...]] | None = None,
    ) -> Any: ...
    def __init__(self, *args: Any) -> None: ...
    def __call__(self, x: Any, training: bool = False, mask: Any = None) -> Any: ...
    def predict(
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
    ) -> Any: ...
    def predict_on_batch(self, x: Any) -> Any: ...
    def _run(
        self, inputs: list[_Array], outputs: list[_Array] | None, jobs: int, batch_size: int, progress: _Progress
    ) -> list[_Array]: ...
    def _profile(
        self, inputs: list[_Array], jobs: int, batch_size: int, repeats: int
    ) -> tuple[float, list[tuple[Any, ...]]]: ...
    def _predict_files(self, inputs: list[_File], outputs: list[_File], options: dict[str, Any]) -> tuple[int, int]: ...

class Predictor:
    def __new__(
        cls, model: Model, processes: bool, jobs: int, batch_size: int, look_ahead: int, nan: bool
    ) -> Predictor: ...
    def push(self, inputs: list[_Array]) -> None: ...
    def pull(self, first_row: int) -> tuple[list[_Array], list[tuple[int, int, str]]]: ...
    def room(self) -> int: ...
    def pending(self) -> int: ...
    def close(self) -> None: ...

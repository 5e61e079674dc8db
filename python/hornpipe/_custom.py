"""Layers of the user's own: Python functions that stand for what a model file names but does not hold.

Invariant: what goes over to the extension module is plain: names, JSON text, arrays. A function is found by the class
in the file ("Mish", "Lambda"), or by that and the layer's name.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

Array = np.ndarray[Any, Any]
Function = TypeVar("Function", bound=Callable[..., Any])
Spec = tuple[str | None, str, tuple[int, ...]]  # name, dtype, shape with -1 for the rows

ATTRIBUTE = "__hornpipe_layer__"
TRIAL_ROWS = 2


class Registration(NamedTuple):
    """What the decorator was told."""

    class_name: str
    name: str | None
    shape: Callable[..., Any] | None
    takes_mask: bool
    passes_mask: bool
    mixes_rows: bool


def custom_layer(
    class_name: str,
    *,
    name: str | None = None,
    shape: Callable[..., Any] | None = None,
    takes_mask: bool = False,
    passes_mask: bool = False,
    mixes_rows: bool = False,
) -> Callable[[Function], Function]:
    """Register a function as the code of a custom layer or Lambda.

    The function is called with the layer's inputs as arrays of shape ``(rows, ...)``, of some of the rows that are
    predicted, in several threads at once; it returns an array, or a list of them, one row for each row. It may also
    take, by keyword, ``weights`` (a dict by the names in the file, such as ``"vars/0"``), ``config`` (the layer's
    config, a dict), ``arguments`` (the call's other arguments, a list) and ``mask``. It must not keep the arrays.

    Parameters
    ----------
    class_name : str
        The class in the file, with or without its package ("my_package>Mish"), or "Lambda".
    name : str, optional
        This layer alone. None: all layers of the class.
    shape : callable, optional
        Called with the shapes of the inputs (None: the rows) and returns the shape of the output, or a list of them.
        None: the function is tried with two rows of zeros.
    takes_mask : bool
        Give the first input's mask, where it has one, as ``mask``.
    passes_mask : bool
        The first input's mask goes on to the outputs, as with Keras's ``supports_masking``.
    mixes_rows : bool
        A row's result depends on the others of its batch: the function is given whole batches.

    Returns
    -------
    callable
        The decorator, which gives back the function itself.

    Examples
    --------
    >>> @hornpipe.custom_layer("Mish")
    ... def mish(x):
    ...     return x * np.tanh(np.log1p(np.exp(x)))
    >>> model = hornpipe.load_model("model.keras", custom_layers=[mish])
    """

    def register(function: Function) -> Function:
        setattr(function, ATTRIBUTE, Registration(class_name, name, shape, takes_mask, passes_mask, mixes_rows))
        return function

    return register


def pairs(custom_layers: Any) -> tuple[tuple[str | None, Callable[..., Any]], ...]:
    """What load_model was given, as (class name or None, function) that can be compared and pickled."""
    if custom_layers is None:
        return ()
    if isinstance(custom_layers, Mapping):
        found: list[tuple[str | None, Callable[..., Any]]] = list(custom_layers.items())
    elif isinstance(custom_layers, Iterable):
        found = [(None, function) for function in custom_layers]
    else:
        found = [(None, custom_layers)]
    for class_name, function in found:
        if not callable(function) or (class_name is None and not hasattr(function, ATTRIBUTE)):
            raise TypeError(
                f"{function!r} is no custom layer: decorate it with hornpipe.custom_layer, or give a dict by class name"
            )
    return tuple(found)


def layers(found: tuple[tuple[str | None, Callable[..., Any]], ...]) -> list[tuple[Any, ...]] | None:
    """As the extension module takes them; None for none."""
    made = []
    for class_name, function in found:
        told = getattr(function, ATTRIBUTE, Registration("", None, None, False, False, False))
        entry = Layer(function, told.shape)
        masks = (told.takes_mask, told.passes_mask, told.mixes_rows)
        made.append((class_name or told.class_name, told.name, entry, *masks))
    return made or None


class Layer:
    """A function with what it is called for."""

    def __init__(self, function: Callable[..., Any], shape: Callable[..., Any] | None) -> None:
        self._function = function
        self._shape = shape
        parameters = inspect.signature(function).parameters.values()
        self._any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        self._takes = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}

    def _call(
        self, config: str, arguments: str, inputs: list[tuple[str | None, Array]], weights: list[tuple[str, Array]]
    ) -> list[Any]:
        offered: dict[str, Callable[[], Any]] = {
            "weights": lambda: dict(weights),
            "config": lambda: json.loads(config),
            "arguments": lambda: json.loads(arguments),
        }
        keywords = {key: make() for key, make in offered.items() if key in self._takes or self._any}
        keywords.update((name, value) for name, value in inputs if name is not None)
        if "mask" in self._takes and "mask" not in keywords:
            keywords["mask"] = None
        result = self._function(*(value for name, value in inputs if name is None), **keywords)
        return list(result) if isinstance(result, (list, tuple)) else [result]

    def shapes(
        self, name: str, config: str, arguments: str, inputs: list[Spec], weights: list[Spec]
    ) -> list[tuple[str, tuple[int, ...]]]:
        """Dtypes and shapes of the outputs; -1 for the rows."""
        del name
        if self._shape is not None:
            given = [tuple(None if size is None or size < 0 else size for size in spec[2]) for spec in inputs]
            made = self._shape(*given)
            several = made if isinstance(made, list) else [made]
            return [("float32", tuple(-1 if size is None else int(size) for size in shape)) for shape in several]

        def zeros(spec: Spec) -> Array:
            return np.zeros([TRIAL_ROWS if size is None or size < 0 else size for size in spec[2]], spec[1])

        results = self._call(
            config,
            arguments,
            [(spec[0], zeros(spec)) for spec in inputs],
            [(spec[0] or "", zeros(spec)) for spec in weights],
        )
        found = []
        for result in results:
            array = np.asarray(result)
            dtype = "float32" if array.dtype == np.float64 else array.dtype.name
            rows = array.shape[:1] == (TRIAL_ROWS,)
            found.append((dtype, (-1, *array.shape[1:]) if rows else array.shape))
        return found

    def run(
        self,
        name: str,
        config: str,
        arguments: str,
        inputs: list[tuple[str | None, Array]],
        weights: list[tuple[str, Array]],
        outputs: list[Array],
    ) -> None:
        """Calls the function and writes what it returns to the outputs."""
        results = self._call(config, arguments, inputs, weights)
        if len(results) != len(outputs):
            raise ValueError(f"{name} gave {len(results)} outputs; its shape says {len(outputs)}")
        for output, result in zip(outputs, results):
            value = np.asarray(result)
            if value.shape != output.shape:
                raise ValueError(f"{name} gave an output of shape {value.shape}; expected {output.shape}")
            output[...] = value

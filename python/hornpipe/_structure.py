"""How a model's inputs and outputs are nested: numbers in lists and dicts, each the place of a tensor.

Invariant: a structure has every number from 0 to its size minus 1 once; dicts are numbered by sorted key, as keras.tree
does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from hornpipe import _errors

Structure: TypeAlias = "int | list[Structure] | dict[str, Structure]"


def parse(text: str) -> Structure:
    """The structure that the library wrote as JSON; a list of one tensor is that tensor, as for Keras's predict."""
    if text.isdigit():
        return int(text)
    import json

    structure: Structure = json.loads(text)
    while isinstance(structure, list) and len(structure) == 1:
        structure = structure[0]
    return structure


def build(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The leaves, nested."""
    if isinstance(structure, int):
        return leaves[structure]
    if isinstance(structure, list):
        return [build(part, leaves) for part in structure]
    return {key: build(part, leaves) for key, part in structure.items()}


def flatten(structure: Structure, value: Any, names: Sequence[str], what: str) -> list[Any]:
    """The leaves of a nested value, in the order of their numbers.

    A list (or tuple) of as many items as there are tensors may stand for any nesting, and so may a dict by the tensors'
    names. `what` is "input" or "output", for messages. Raises KeyError for a name that is missing, ArgumentError for a
    number of items that does not fit, TypeError for what is neither.
    """
    leaves: list[Any] = [None] * len(names)
    if isinstance(value, Mapping):
        keys = set(structure) if isinstance(structure, dict) else None
        if keys is None or (not keys <= set(value) and set(names) <= set(value)):
            structure = {name: place for place, name in enumerate(names)}
    elif isinstance(value, (list, tuple)) and len(value) == len(names) and not _is_nested(structure):
        return list(value)
    _fill(structure, value, leaves, what)
    return leaves


def _is_nested(structure: Structure) -> bool:
    """Whether a list of leaves would not do: something inside is a list or dict."""
    if isinstance(structure, int):
        return False
    parts = structure if isinstance(structure, list) else list(structure.values())
    return any(not isinstance(part, int) for part in parts)


def _fill(structure: Structure, value: Any, leaves: list[Any], what: str) -> None:
    if isinstance(structure, int):
        leaves[structure] = value
    elif isinstance(structure, dict):
        if not isinstance(value, Mapping):
            raise TypeError(f"the {what}s {sorted(structure)} are a dict; found {type(value).__name__}")
        for key, part in structure.items():
            if key not in value:
                raise KeyError(f"there is no {what} {key!r} in {sorted(map(str, value))}; expected {sorted(structure)}")
            _fill(part, value[key], leaves, what)
    else:
        if not isinstance(value, (list, tuple)) or len(value) != len(structure):
            found = f"{len(value)} items" if isinstance(value, (list, tuple)) else type(value).__name__
            raise _errors.argument(f"a list of {len(structure)} {what}s was expected; found {found}")
        for part, item in zip(structure, value):
            _fill(part, item, leaves, what)

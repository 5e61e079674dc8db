"""Errors that are found before the library is asked: the same classes as its own, with the same attributes.

Invariant: whatever HornpipeError is raised, `where`, `message`, `status` and `row` say what the library's would.
"""

from hornpipe import _hornpipe


def _made(error: _hornpipe.HornpipeError, message: str, where: str = "") -> _hornpipe.HornpipeError:
    error.where, error.message = where, message
    return error


def argument(message: str) -> _hornpipe.HornpipeError:
    """An option or argument that is not valid."""
    return _made(_hornpipe.ArgumentError(message), message)


def shape(message: str) -> _hornpipe.HornpipeError:
    """A shape, dtype or number of rows that does not fit."""
    return _made(_hornpipe.ShapeError(message), message)


def file(where: str, message: str) -> _hornpipe.HornpipeError:
    """A file that cannot be read, or is not the one it was."""
    return _made(_hornpipe.FileError(f"{where}: {message}"), message, where)

"""What the Python tests share: the command under test.

The environment variable HORNPIPE names the command; without it, it is build/hornpipe of this checkout.
"""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def command():
    """Path of the `hornpipe` command."""
    path = pathlib.Path(os.environ.get("HORNPIPE", ROOT / "build" / "hornpipe")).resolve()
    if not path.is_file():
        pytest.fail(f"there is no command at {path}: run make first")
    return path


@pytest.fixture
def hornpipe(command, tmp_path):
    """Runs the command: hornpipe("predict", model, ..., input=b"", code=0) in an empty directory.

    Returns the CompletedProcess, with stdout and stderr as bytes; fails when the exit code is not `code`.
    """

    def run(*arguments, input=b"", code=0, env=None, timeout=120):
        done = subprocess.run(
            [command, *map(os.fspath, map(_text, arguments))], input=input, capture_output=True, cwd=tmp_path,
            env={**os.environ, **(env or {})}, timeout=timeout, check=False)
        assert done.returncode == code, f"exit {done.returncode}, expected {code}\n{done.stderr.decode(errors='replace')}"
        return done

    return run


def _text(argument):
    return argument if isinstance(argument, (str, os.PathLike)) else str(argument)

"""The package's sources: typed (mypy --strict), clean (ruff), and documented."""
import inspect
import subprocess
import sys

import pytest
from conftest import ROOT

import hornpipe


@pytest.mark.parametrize("tool", [["mypy", "--strict"], ["ruff", "check", "python", "examples/python"],
                                  ["ruff", "format", "--check", "python", "examples/python"]], ids=" ".join)
def test_tool(tool):
    done = subprocess.run([sys.executable, "-m", *tool], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def public():
    for name in hornpipe.__all__:
        thing = getattr(hornpipe, name)
        yield name, thing
        if inspect.isclass(thing) and thing.__module__.startswith("hornpipe"):
            for attribute, member in vars(thing).items():
                if not attribute.startswith("_") and callable(member):
                    yield f"{name}.{attribute}", member


def test_everything_public_is_documented():
    for name, thing in public():
        assert inspect.getdoc(thing), name
        if callable(thing) and not inspect.isclass(thing) and name not in ("core_count", "isas"):
            parameters = [p for p in inspect.signature(thing).parameters if p not in ("self", "cls")]
            assert not parameters or "Parameters\n----------" in inspect.getdoc(thing), name
            doc = inspect.getdoc(thing)
            assert "Returns\n-------" in doc or "Yields" in doc or name == "Model.summary", name

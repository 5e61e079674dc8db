"""Command tests: tests/cli/cases/NAME.sh, each with what it must print.

A case is a shell script run by `sh -eu` in an empty directory. In it `hornpipe` is the command under test; $CASES,
$EXAMPLES and $DATA are this directory's cases/, examples/, and tests/cases/data/; $BUILT_EXAMPLES holds the C examples'
programs. Beside it lie
    NAME.out   expected standard output (absent: must be empty)
    NAME.err   expected standard error  (absent: must be empty)
    NAME.exit  expected exit code       (absent: 0)
In an expected text, a line that starts with "~ " is a regular expression for one line, and a line "..." stands for any
lines. HORNPIPE_UPDATE=1 writes what was printed over the expected files that hold no such line.
"""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".sh" and file_path.parent.name == "cases":
        return Script.from_parent(parent, path=file_path)
    return None


class Script(pytest.File):
    def collect(self):
        yield Case.from_parent(self, name=self.path.stem)


def pattern(expected):
    """The regular expression that an expected text stands for."""
    parts = []
    for line in expected.splitlines():
        if line == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        elif line.startswith("~ "):
            parts.append(f"(?:{line[2:]})\n")
        else:
            parts.append(re.escape(line) + "\n")
    return "".join(parts)


class Mismatch(Exception):
    pass


class Case(pytest.Item):
    def runtest(self):
        command = pathlib.Path(os.environ.get("HORNPIPE", ROOT / "build" / "hornpipe")).resolve()
        work = self.config._tmp_path_factory.mktemp(self.name)
        tools = self.config._tmp_path_factory.mktemp("bin")
        (tools / "hornpipe").symlink_to(command)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
                       "BUILT_EXAMPLES": str(command.parent / "examples"), "CASES": str(self.path.parent), "EXAMPLES": str(ROOT / "examples"),
                       "DATA": str(ROOT / "tests" / "cases" / "data")}
        environment.pop("HORNPIPE_NUM_THREADS", None)
        done = subprocess.run(["sh", "-eu", str(self.path)], cwd=work, env=environment, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=120, check=False)
        self.compare("exit", str(done.returncode), "0")
        self.compare("out", done.stdout.decode(errors="replace"), "")
        self.compare("err", done.stderr.decode(errors="replace"), "")

    def compare(self, kind, got, absent):
        path = self.path.with_suffix(f".{kind}")
        want = path.read_text() if path.exists() else absent
        if kind == "exit":
            want, got = want.strip() + "\n", got + "\n"
        if got and not got.endswith("\n"):
            got += "\n"
        if re.fullmatch(pattern(want), got):
            return
        exact = not any(line == "..." or line.startswith("~ ") for line in want.splitlines())
        if os.environ.get("HORNPIPE_UPDATE") and exact:
            path.write_text(got)
            return
        raise Mismatch(f"{kind}: expected\n{want}\nbut got\n{got}")

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, Mismatch):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"command: {self.name}"

"""First tier: the C in the documents is C that the sources of this tree take."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "docs/adding-a-layer.md", "docs/adding-an-operation.md", "docs/adding-a-primitive.md"]
FILES = [
    pytest.param(code, id=f"{name}-{number}")
    for name in DOCUMENTS
    for number, code in enumerate(re.findall(r"```c\n(.*?)```", (ROOT / name).read_text(), re.S))
    if "(" in code and not re.match(r"[A-Z]+\(", code)  # lines of lists are no C
]
EMITTER = "hp_value hp_emit_running_max(hp_builder *b, hp_value x);\nextern const hp_prim hp_prim_running_max;\n"


def whole(code):
    """A snippet as a file: what the text around it says is there."""
    if "#include" in code and "int main" not in code and "hp_model_open(" not in code:
        return code
    if "hp_model_open(" in code:
        lines = code.splitlines(keepends=True)
        head = [line for line in lines if line.startswith("#include")]
        return "".join(head) + "#include <stdio.h>\nint main(void) {\n" + "".join(lines[len(head) :]) + "return 0; }\n"
    if "runner" in code:
        return '#include "prim_runner.h"\n' + EMITTER + code + "int main(void) { test_running_max(NULL); }\n"
    return '#include "prims/builder.h"\n#include "prims/graph.h"\n#include "prims/prim.h"\n' + EMITTER + code


def test_there_are_some():
    assert len(FILES) == 6


@pytest.mark.parametrize("code", FILES)
def test_compiles(code, tmp_path):
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))))
    (tmp_path / "snippet.c").write_text(whole(code))
    command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    command += [f"-I{ROOT / folder}" for folder in ("include", "src", "tests/unit", "tests")]
    done = subprocess.run([*command, tmp_path / "snippet.c"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

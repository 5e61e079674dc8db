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


TO_COME = ["adding-a-kernel.md", "adding-a-layer.md", "adding-a-primitive.md", "adding-an-operation.md"]  # what a reader is to add
MADE = r"hp_(?:layer|op|prim|command)_"  # by a line of a list


def names(text):
    return set(re.findall(r"\b(?:hp|HP)_\w+", text))


def test_names_are_there():
    """What documents and comments of headers name is in the code: functions that are gone are not told of."""
    files = [path for top in ("include", "src", "python/src", "tests/unit") for path in sorted((ROOT / top).rglob("*"))
             if path.suffix in (".c", ".h", ".inc", ".def")]
    known = names("".join(re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S) for path in files)) | {"hp_format"}
    told = [*files, *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    gone = {f"{path.relative_to(ROOT)}: {name}" for path in told if path.suffix in (".h", ".md") and path.name not in TO_COME
            for name in names(path.read_text()) - known if not re.match(MADE, name)}
    assert not gone and len(known) > 1000


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

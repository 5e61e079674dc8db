"""First tier: the checks of the sources find what they are for."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(name, tree, files):
    """Runs a check on a tree of the given files; returns its exit code and output."""
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    done = subprocess.run([sys.executable, ROOT / "tools" / f"{name}.py", tree], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


GOOD = {
    "src/base/error.h": "/* error.h */\n",
    "src/layers/layers.def": '/* layers.def */\nLAYER(Dense, "keras.layers", dense)\n',
    "src/layers/dense.c": '/* dense.c */\n#include "base/error.h"\nconst hp_layer_class hp_layer_Dense = {0};\n',
    "tests/cases/core.py": '"""Cases."""\nlayer("Dense")\n',
}


@pytest.mark.parametrize("name", ["check_includes", "check_structure"])
def test_good_tree(name, tmp_path):
    code, said = check(name, tmp_path, GOOD)
    assert code == 0, said


@pytest.mark.parametrize(
    "path, line, why",
    [
        ("src/kernels/a.c", '#include "prims/prim.h"', "src/kernels must not see src/prims"),
        ("src/layers/a.c", '#include "ops/op.h"', "src/layers must not see src/ops"),
        ("src/format/a.c", '#include "graph/plan.h"', "src/format must not see src/graph"),
        ("src/cli/a.c", '#include "base/error.h"', "src/cli must not see src/base"),
        ("src/layers/a.c", '#include "base/thread.h"', 'must not see "base/thread.h"'),
        ("src/graph/a.c", "#include <hdf5.h>", "<hdf5.h> belongs to"),
        ("src/base/a.c", '#include "error.h"', "is not written from src/"),
        ("src/base/a.c", '#include "base/gone.h"', "does not exist"),
    ],
)
def test_includes(path, line, why, tmp_path):
    there = {f"src/{name}": "/* there */\n" for name in ("prims/prim.h", "ops/op.h", "graph/plan.h", "base/thread.h")}
    code, said = check("check_includes", tmp_path, GOOD | there | {path: f"/* a.c */\n{line}\n"})
    assert code == 1 and why in said


def function(lines):
    return "/* a.c */\nstatic int f(\n    int x) {\n" + "    x++;\n" * (lines - 3) + "}\n"


@pytest.mark.parametrize(
    "path, text, why",
    [
        ("src/base/a.c", "/* a.c */\n" + "int x;\n" * 599, "600 lines"),
        ("src/base/a.c", function(80), "f has 80 lines"),
        ("src/base/a.c", "int x;\n", "no opening comment"),
        ("src/base/a.c", "/* a.c */\n/* " + "TO" + "DO */\n", "unfinished work"),
        ("src/layers/layers.def", '/* x */\nLAYER(Dense, "keras.layers", dense)\nLAYER(Gone, "keras.layers", gone)\n', "Gone has no file"),
        ("src/layers/layers.def", '/* x */\n' + 'LAYER(Dense, "keras.layers", dense)\n' * 2, "Dense is listed 2 times"),
        ("src/layers/lost.c", "/* lost.c */\nconst hp_layer_class hp_layer_Lost = {0};\n", "Lost has no line"),
        ("tests/cases/core.py", '"""Cases."""\n', "Dense is not named in any test"),
        ("src/graph/a.c", '/* a.c */\nint a = !strcmp(name, "Dense");\n', "knows the layer or op Dense by name"),
    ],
)
def test_structure(path, text, why, tmp_path):
    code, said = check("check_structure", tmp_path, GOOD | {path: text})
    assert code == 1 and why in said


def test_long_enough(tmp_path):
    code, said = check("check_structure", tmp_path, GOOD | {"src/base/a.c": function(79)})
    assert code == 0, said

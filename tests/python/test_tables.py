"""First tier: tables of rows: which line is told, and what a whole array takes of memory."""
import os
import subprocess

import numpy as np
import pytest
from conftest import ROOT
from keras_files import saved


@pytest.mark.parametrize("text, says", [
    ('\n\n\n1,"2\n', "line 4: a quoted field begins in this row and does not end"),
    ('\n\n1,"2"x,3\n4,5,6\n', "line 3: a quoted field is followed by something other than a separator"),
    ('1,"2"x,3\n4,5,6\n', "line 1: a quoted field is followed by something other than a separator"),
])
def test_lines_are_counted_with_blank_ones(hornpipe, tmp_path, text, says):
    (tmp_path / "rows.csv").write_text(text)
    assert says in hornpipe("predict", ROOT / "examples" / "mlp_10_64_64_1.keras", "rows.csv", code=1).stderr.decode()


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="with a sanitizer memory is another question")
def test_wide_rows_are_loaded_once(command, tmp_path):
    """32 rows of 2 MiB: `diff` keeps them, and no second copy, for which it would have no room."""
    model = saved(tmp_path / "m.keras", "GlobalMaxPooling1D", {}, "float32", (1 << 17, 4))
    np.save(tmp_path / "x.npy", np.zeros((32, 1 << 17, 4), "float32"))
    np.save(tmp_path / "y.npy", np.zeros((32, 4), "float32"))
    line = 'ulimit -v 120000 && exec "$@"'
    done = subprocess.run(["sh", "-c", line, "sh", command, "diff", "-j", "1", model, tmp_path / "x.npy", tmp_path / "y.npy"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""The Python in the documents runs as it stands, beside a model.keras and a rows.npy."""
import re
import shutil

import numpy as np
import pytest
from conftest import EXAMPLES, ROOT

import hornpipe

CODE = [
    pytest.param(code, id=f"{name}-{number}")
    for name in ("README.md", "docs/python.md")
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.S))
]


@pytest.mark.parametrize("code", CODE)
def test_runs(code, tmp_path, monkeypatch, rows):
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "mlp_10_64_64_1.keras", "model.keras")
    np.save("rows.npy", rows)
    exec(compile(code, "document", "exec"), {"np": np, "hornpipe": hornpipe})
    assert len(CODE) == 3

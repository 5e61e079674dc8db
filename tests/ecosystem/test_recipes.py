"""The recipes of examples/python, each as it stands; and what joblib's workers are told."""
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from joblib import Parallel, delayed, parallel_config

from hornpipe import _jobs

RECIPES = sorted(path for path in (ROOT / "examples" / "python").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe(recipe, tmp_path):
    done = subprocess.run([sys.executable, recipe], capture_output=True, text=True, cwd=tmp_path, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout or recipe.stem in ("estimator", "throughput"), done.stdout
    assert "False" not in done.stdout and done.stdout


def jobs(_):
    return _jobs.resolve(None)


def test_joblib_s_limits_are_kept(mlp, rows, whole):
    cores = _jobs.cores()
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert Parallel()(delayed(jobs)(i) for i in range(4)) == [1] * 4
    told = Parallel(n_jobs=cores, backend="loky")(delayed(jobs)(i) for i in range(4))
    assert told == [1] * 4
    assert Parallel(n_jobs=2, backend="threading")(delayed(jobs)(i) for i in range(4)) == [1] * 4
    assert jobs(0) == cores
    parts = Parallel(n_jobs=3)(delayed(mlp.predict)(part) for part in np.array_split(rows, 11))
    assert np.concatenate(parts).tobytes() == whole

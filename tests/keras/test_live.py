"""Second tier: random networks, made by architectures.py and predicted by Keras on the spot, against the command.

    HORNPIPE=build/hornpipe python -m pytest tests/keras/test_live.py [-k SEED]

HORNPIPE_LIVE_MODELS (100) networks from HORNPIPE_LIVE_SEED (0) on, each as .keras and .h5. A prediction is right when
max|a - b| <= 1e-4 * max|b| + 1e-6 in each output.
"""
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

MODELS = int(os.environ.get("HORNPIPE_LIVE_MODELS", "100"))
FIRST = int(os.environ.get("HORNPIPE_LIVE_SEED", "0"))
RTOL, ATOL = 1e-4, 1e-6  # a stack of random layers adds up the rounding of each


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """The folder with a folder for each seed. Keras runs in a process of its own, so that its memory is given back."""
    folder = tmp_path_factory.mktemp("networks")
    script = pathlib.Path(__file__).with_name("architectures.py")
    made = subprocess.run([sys.executable, script, folder, str(FIRST), str(FIRST + MODELS)], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr.decode(errors="replace")[-3000:]
    return folder


@pytest.mark.parametrize("extension", ["keras", "h5"])
@pytest.mark.parametrize("seed", range(FIRST, FIRST + MODELS))
def test_random_network(hornpipe, networks, seed, extension, tmp_path):
    folder = networks / str(seed)
    inputs = sorted(folder.glob("in*.npy"))
    wanted = sorted(folder.glob("out*.npy"))
    outputs = [argument for k in range(len(wanted)) for argument in ("-o", tmp_path / f"got{k}.npy")]
    hornpipe("predict", folder / f"model.{extension}", *inputs, *outputs, "--progress", "none")
    for k, path in enumerate(wanted):
        got, want = np.load(tmp_path / f"got{k}.npy"), np.load(path)
        assert got.shape == want.shape and got.dtype == want.dtype
        assert np.isfinite(want).all(), "the network is no use as a reference"
        error, size = np.abs(got - want).max(), np.abs(want).max()
        assert error <= RTOL * size + ATOL, f"{path.name}: largest error {error:.3g}, largest value {size:.3g}"

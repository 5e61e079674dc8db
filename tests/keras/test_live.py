"""Second tier: random networks, made by architectures.py and predicted by Keras on the spot, against the command.

    HORNPIPE=build/hornpipe python -m pytest tests/keras/test_live.py [-k SEED]

HORNPIPE_LIVE_MODELS (100) small networks from HORNPIPE_LIVE_SEED (0) on, each as .keras and .h5, and a tenth as many of
images and of sequences, on every instruction set and row by row. A prediction is right when
max|a - b| <= 1e-4 * max|b| + 1e-6 in each output; row by row it is the same bits.
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
SETS = ("base", "avx2", "avx512", "neon")


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """networks(kind, number): a folder with a folder for each seed, made when it is first asked for.

    Keras runs in a process of its own, so that its memory is given back.
    """
    folders = {}
    script = pathlib.Path(__file__).with_name("architectures.py")

    def make(kind, number):
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp(kind)
            argv = [sys.executable, script, folders[kind], kind, str(FIRST), str(FIRST + number)]
            made = subprocess.run(argv, capture_output=True, check=False)
            assert made.returncode == 0, made.stderr.decode(errors="replace")[-3000:]
        return folders[kind]

    return make


def predictions(hornpipe, model, tmp_path, *options):
    """What the command makes of the inputs beside a model, and what Keras did: pairs of arrays."""
    wanted = sorted(model.parent.glob("out*.npy"))
    outputs = [argument for k in range(len(wanted)) for argument in ("-o", tmp_path / f"got{k}.npy")]
    hornpipe("predict", model, *sorted(model.parent.glob("in*.npy")), *outputs, "--force", "--progress", "none", *options)
    return [(np.load(tmp_path / f"got{k}.npy"), np.load(path)) for k, path in enumerate(wanted)]


def close(got, want):
    assert got.shape == want.shape and got.dtype == want.dtype
    assert np.isfinite(want).all(), "the network is no use as a reference"
    error, size = np.abs(got - want).max(), np.abs(want).max()
    assert error <= RTOL * size + ATOL, f"largest error {error:.3g}, largest value {size:.3g}"


@pytest.mark.parametrize("extension", ["keras", "h5"])
@pytest.mark.parametrize("seed", range(FIRST, FIRST + MODELS))
def test_random_network(hornpipe, networks, seed, extension, tmp_path):
    model = networks("small", MODELS) / str(seed) / f"model.{extension}"
    for got, want in predictions(hornpipe, model, tmp_path):
        close(got, want)


@pytest.fixture(scope="session")
def instruction_sets(command):
    """Those of SETS that this machine has."""
    model = pathlib.Path(__file__).parents[2] / "examples" / "mlp_10_64_64_1.keras"
    argv = [command, "bench", model, "--rows", "1", "-j", "1", "--seconds", "0.01", "--isa"]
    return [isa for isa in SETS if subprocess.run([*argv, isa], capture_output=True, check=False).returncode == 0]


@pytest.mark.parametrize("kind", ["images", "sequences"])
@pytest.mark.parametrize("seed", range(FIRST, FIRST + MODELS // 10))
def test_quick_ways(hornpipe, networks, instruction_sets, kind, seed, tmp_path):
    model = networks(kind, MODELS // 10) / str(seed) / "model.keras"
    for isa in instruction_sets:
        [(together, want)] = predictions(hornpipe, model, tmp_path, "--isa", isa)
        close(together, want)
        [(alone, _)] = predictions(hornpipe, model, tmp_path, "--isa", isa, "--batch-size", "1", "--jobs", "1")
        assert alone.tobytes() == together.tobytes(), f"{isa}: a row's bits depend on the rows beside it"
    [(quick, want)] = predictions(hornpipe, model, tmp_path, "--prefer", "latency")
    close(quick, want)

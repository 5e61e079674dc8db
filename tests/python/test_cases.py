"""First tier: the command's predictions for the stored reference cases against Keras's.

    HORNPIPE=build/hornpipe pytest tests/python/test_cases.py [-k TEXT]

The cases are in tests/cases/data/*.zip; tools/make_reference_cases.py says what a zip holds. A prediction is right when
max|a - b| <= rtol * max|b| + atol over the whole output and, with ten times the rtol, within each row against that row's
largest value; NaN, infinity, shape and integers must be the same.
"""
import json
import os
import pathlib
import re
import subprocess
import zipfile

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("HORNPIPE_CASES", ROOT / "tests" / "cases" / "data"))
HORNPIPE = os.environ.get("HORNPIPE", str(ROOT / "build" / "hornpipe"))
RTOL, ATOL = 2e-5, 1e-6
EVERY = int(os.environ.get("HORNPIPE_EVERY", "1"))  # runs every so many-th case: for slow builds
TIMEOUT = 60  # seconds; a case takes a hundredth of one


def stored_models():
    """Every model file of every case, as (zip, case, file)."""
    count = 0
    for path in sorted(DATA.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        for name in names:
            case, _, file = name.partition("/")
            if not file.startswith("model."):
                continue
            count += 1
            if count % EVERY == 0:
                yield pytest.param(path, case, file, id=f"{path.stem}/{case}/{file}")


def arrays(folder, prefix, kind):
    """The paths `<prefix><kind><k>.npy` of a folder, by k."""
    found = {int(m[1]): p for p in folder.iterdir() if (m := re.fullmatch(rf"{prefix}{kind}(\d+)\.npy", p.name))}
    return [found[k] for k in sorted(found)]


def extracted(path, case, folder):
    """Unpacks a case; returns its relative tolerance and the prefixes of its input sets."""
    with zipfile.ZipFile(path) as archive:
        about = json.loads(archive.read("cases.json"))[case]
        for name in archive.namelist():
            if name.startswith(case + "/"):
                (folder / name.split("/")[1]).write_bytes(archive.read(name))
    prefixes = sorted(p.name[: -len("in0.npy")] for p in folder.glob("*in0.npy"))
    return about.get("rtol", RTOL), prefixes


def predict(model, inputs, folder, outputs):
    """Runs the command; returns its predictions."""
    files = [folder / f"predicted{k}.npy" for k in range(outputs)]
    argv = [HORNPIPE, "predict", model, *inputs, "--progress", "none"]
    for file in files:
        file.unlink(missing_ok=True)
        argv += ["-o", file]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT, errors="replace")
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr.strip()}"
    return [np.load(file) for file in files]


def assert_close(got, want, rtol):
    """Fails with the largest error when a prediction is not Keras's."""
    assert got.shape == want.shape
    assert got.dtype == want.dtype or got.dtype.kind == want.dtype.kind == "U"  # as wide as the longest there
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.where(finite, 0, got), np.where(finite, 0, want))
    atol = ATOL if want.itemsize < 8 else ATOL**2
    error = np.abs(np.where(finite, got.astype("float64") - want, 0))
    size = np.abs(np.where(finite, want, 0))
    if want.size == 0:
        return
    assert error.max() <= rtol * size.max() + atol, f"largest error {error.max():.3g}, largest value {size.max():.3g}"
    rows = len(want)
    error, size = error.reshape(rows, -1).max(1), size.reshape(rows, -1).max(1)
    worst = int(np.argmax(error - 10 * rtol * size))
    assert error[worst] <= 10 * rtol * size[worst] + atol, f"row {worst}: error {error[worst]:.3g} of {size[worst]:.3g}"


@pytest.mark.parametrize("path, case, file", list(stored_models()))
def test_case(path, case, file, tmp_path):
    """Every input set of a case, and no rows at all."""
    rtol, prefixes = extracted(path, case, tmp_path)
    for prefix in prefixes:
        inputs, wanted = arrays(tmp_path, prefix, "in"), [np.load(p) for p in arrays(tmp_path, prefix, "out")]
        for got, want in zip(predict(tmp_path / file, inputs, tmp_path, len(wanted)), wanted, strict=True):
            assert_close(got, want, rtol)
    for path in inputs:
        np.save(path, np.load(path)[:0])
    for got, want in zip(predict(tmp_path / file, inputs, tmp_path, len(wanted)), wanted, strict=True):
        if 0 in got.shape[1:]:  # another axis whose size depends on the rows
            want = np.zeros(got.shape, want.dtype)
        assert_close(got, want[:0], 0)


@pytest.mark.skipif(EVERY > 1, reason="some are left out")
def test_there_are_cases():
    """An empty folder of cases must not look like success."""
    assert len(list(stored_models())) > 500

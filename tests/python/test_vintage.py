"""First tier: files that versions of Keras from 1.2 on wrote, against what the writing version predicted.

    HORNPIPE=build/hornpipe pytest tests/python/test_vintage.py [-k TEXT]

tests/data/vintage/WRITER/ holds models (NAME.h5, NAME.keras, or NAME.path.json with NAME.weights.h5) and NAME.npz with inputs
"x0" ... and predictions "y0" ..., all made by tools/make_vintage_files.py under that version. They hold, among others, what
no version writes any more: DenseFeatures, and Keras 1's BatchNormalization of modes 1 and 2 (here BatchNormalizationMode1
and BatchNormalizationMode2).
"""
import pathlib

import numpy as np
import pytest

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "vintage"
RTOL = {"mixed_precision": 5e-3}  # of the largest value; others 2e-5


def models():
    for path in sorted(DATA.glob("*/*")):
        if path.suffix in (".h5", ".keras", ".json") and not path.name.endswith(".weights.h5"):
            yield pytest.param(path, id=f"{path.parent.name}/{path.name}")


def arrays(reference, letter):
    return [reference[f"{letter}{i}"] for i in range(sum(name[0] == letter for name in reference))]


@pytest.mark.parametrize("path", models())
def test_prediction(hornpipe, path, tmp_path):
    name = path.name.split(".")[0].replace("_h5", "")
    reference = np.load(path.parent / f"{name}.npz")
    arguments = ["predict", path]
    if path.suffix == ".json":
        arguments += ["--weights", path.with_name(f"{name}.weights.h5")]
    for i, x in enumerate(arrays(reference, "x")):
        np.save(tmp_path / f"in{i}.npy", x)
        arguments.append(f"in{i}.npy")
    wanted = arrays(reference, "y")
    for i in range(len(wanted)):
        arguments += ["-o", f"out{i}.npy"]
    hornpipe(*arguments, "--progress", "none")
    for i, want in enumerate(wanted):
        got = np.load(tmp_path / f"out{i}.npy")
        assert got.shape == want.shape
        if want.dtype.kind != "f":
            assert np.array_equal(got, want)
            continue
        error = np.abs(got.astype(np.float64) - want).max()
        assert error <= RTOL.get(name, 2e-5) * np.abs(want).max() + 1e-7, f"output {i}: largest error {error:.3g}"


def test_subclass_is_told(hornpipe):
    """A subclass of a model is run as one, and check says so."""
    said = hornpipe("check", DATA / "tf-2.13" / "subclass.keras").stdout.decode()
    assert "can be run" in said and "(Mine) was saved as a model of layers and is run as one" in said

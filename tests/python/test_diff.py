"""hornpipe diff: a verdict for every dtype, never one by default; and what --json prints is JSON whatever names are."""
import json
import pathlib
import zipfile

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MLP = ROOT / "examples" / "mlp_10_64_64_1.keras"
NAME = 'a "b"\\\n'


@pytest.fixture
def halves(tmp_path):
    """A model that gives float16, its rows and Keras's answers."""
    with zipfile.ZipFile(ROOT / "tests" / "cases" / "data" / "dtypes.zip") as file:
        for name in ("model.keras", "in0.npy", "out0.npy"):
            (tmp_path / name).write_bytes(file.read(f"dense_float16/{name}"))
    assert np.load(tmp_path / "out0.npy").dtype == np.float16
    return tmp_path


def test_halves(hornpipe, halves):
    reference = np.load(halves / "out0.npy")
    same = hornpipe("diff", "model.keras", "in0.npy", "out0.npy", "--rtol", "0.005")
    assert b": same " in same.stdout
    other = reference.copy()
    other.flat[3] += np.float16(1)
    np.save(halves / "other.npy", other)
    found = json.loads(hornpipe("diff", "model.keras", "in0.npy", "other.npy", "--rtol", "0.005", "--json", code=1).stdout)
    assert found["same"] is False and found["not_finite_unlike"] == 0
    assert abs(found["largest_error"] - 1) < 0.05 and found["largest_value"] == pytest.approx(np.abs(other.astype(float)).max())


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_reference_of_any_float(hornpipe, tmp_path, dtype):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(20, 10)).astype("f4"))
    hornpipe("predict", MLP, "rows.npy", "-o", "whole.npy", "--progress", "none")
    reference = np.load(tmp_path / "whole.npy").astype(dtype)
    np.save(tmp_path / "reference.npy", reference)
    hornpipe("diff", MLP, "rows.npy", "reference.npy", "--rtol", "0.001")
    reference[7] += 0.01
    np.save(tmp_path / "reference.npy", reference)
    assert b"DIFFERENT (20, 1)" in hornpipe(
        "diff", MLP, "rows.npy", "reference.npy", "--rtol", "0.001", code=1).stdout


def test_json_of_any_name(hornpipe, tmp_path):
    path = tmp_path / 'model "1".keras'
    with zipfile.ZipFile(MLP) as file, zipfile.ZipFile(path, "w") as renamed:
        for member in file.namelist():
            text = file.read(member)
            if member == "config.json":
                config = json.loads(text.replace(b'"probability"', json.dumps(NAME).encode()))
                config["name"] = config["config"]["name"] = NAME
                text = json.dumps(config).encode()
            if member == "metadata.json":
                text = json.dumps({**json.loads(text), "keras_version": '3."15'}).encode()
            renamed.writestr(member, text)
    np.save(tmp_path / "rows.npy", np.ones((3, 10), "f4"))
    np.save(tmp_path / "short.npy", np.ones((2, 1), "f4"))

    def printed(*arguments, code=0):
        return json.loads(hornpipe(*arguments, "--json", code=code).stdout)

    summary = printed("inspect", path)
    assert summary["name"] == NAME and summary["keras_version"] == '3."15' and summary["layers"][-1]["name"] == NAME
    assert printed("bench", path, "--rows", "4", "--seconds", "0.01")["model"] == str(path)
    assert printed("profile", path, "--rows", "4", "--seconds", "0.01")["model"] == str(path)
    found = printed("diff", path, "rows.npy", "short.npy", code=1)
    assert found == {"output": NAME, "shape": [3, 1], "reference_shape": [2, 1], "same": False}
    np.save(tmp_path / "rows2.npy", np.ones((2, 10), "f4"))
    assert printed("diff", path, "rows2.npy", "short.npy", code=1)["output"] == NAME


def test_inputs_by_name(hornpipe, tmp_path):
    """In any order; the files of the references are in the outputs' own."""
    model = ROOT / "tests" / "data" / "nested_ends.keras"
    for seed, side in enumerate(("left", "right")):
        np.save(tmp_path / f"{side}.npy", np.random.default_rng(seed).normal(size=(5, 3)).astype("f4"))
    outputs = [f"out{i}.npy" for i in range(3)]
    arguments = [text for path in outputs for text in ("-o", path)]
    hornpipe("predict", model, "right=right.npy", "left=left.npy", *arguments, "--progress", "none")
    said = hornpipe("diff", model, "right=right.npy", "left=left.npy", *outputs).stdout
    assert said.count(b": same ") == 3
    assert b"is given twice" in hornpipe("diff", model, "left=right.npy", "left=left.npy", *outputs, code=2).stderr
    assert b"DIFFERENT" in hornpipe("diff", model, "right=left.npy", "left=right.npy", *outputs, code=1).stdout


def test_what_is_allowed_by_default(hornpipe, tmp_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(20, 10)).astype("f4"))
    hornpipe("predict", MLP, "rows.npy", "-o", "whole.npy", "--progress", "none")
    whole = np.load(tmp_path / "whole.npy").astype("f8")
    largest = np.abs(whole).max()
    for error, code in ((1e-5, 0), (4e-5, 1)):
        other = whole.copy()
        other[11] += error * largest
        np.save(tmp_path / "other.npy", other)
        found = json.loads(hornpipe("diff", MLP, "rows.npy", "other.npy", "--json", code=code).stdout)
        assert found["allowed"] == pytest.approx(2e-5 * found["largest_value"] + 1e-6) and found["same"] == (code == 0)

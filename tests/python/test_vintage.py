"""First tier: files that versions of Keras from 1.2 on wrote, against what the writing version predicted.

    HORNPIPE=build/hornpipe pytest tests/python/test_vintage.py [-k TEXT]

tests/data/vintage/WRITER/ holds models (NAME.h5, NAME.keras, or NAME.path.json with NAME.weights.h5) and NAME.npz with inputs
"x0" ... and predictions "y0" ..., all made by tools/make_vintage_files.py under that version. They hold, among others, what
no version writes any more: DenseFeatures, and Keras 1's BatchNormalization of modes 1 and 2 (here BatchNormalizationMode1
and BatchNormalizationMode2); and functions of TensorFlow that Keras reads back as others, or that need a whole batch
(BatchFlatten, L2Loss, ZeroFraction); and rows that a graph moves to another axis (time_major, time_of_rows, blocks_of_images).
"""
import json
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


@pytest.mark.parametrize("path", list(models()))
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


@pytest.mark.parametrize("name", ["time_major", "blocks_of_images", "time_of_rows"])
def test_rows_that_come_back(hornpipe, name, tmp_path):
    """Rows that a graph moves elsewhere and back do not mix; those that stay there do, and check says so."""
    path = DATA / "tf-2.15" / f"{name}.h5"
    said = hornpipe("check", path).stdout.decode()
    mixes = name == "time_of_rows"
    assert ("(LSTM): the rows are its time steps" in said) == mixes and ("mixed" in said) == mixes
    x = np.load(path.with_suffix(".npz"))["x0"]
    results = []
    for values in (x, x[::-1], np.concatenate([x, x])):
        np.save(tmp_path / "in.npy", values)
        count = sum(name[0] == "y" for name in np.load(path.with_suffix(".npz")))
        files = [argument for i in range(count) for argument in ("-o", f"out{i}.npy")]
        hornpipe("predict", path, "in.npy", *files, "--progress", "none", "--force")
        results.append([np.load(tmp_path / f"out{i}.npy") for i in range(count)])
    apart = all(np.array_equal(y, back[::-1]) and np.array_equal(np.concatenate([y, y]), twice) for y, back, twice in zip(*results))
    assert apart != mixes


def test_subclass_is_told(hornpipe):
    """A subclass of a model is run as one, and check says so."""
    said = hornpipe("check", DATA / "tf-2.13" / "subclass.keras").stdout.decode()
    assert "can be run" in said and "(Mine) was saved as a model of layers and is run as one" in said


@pytest.mark.parametrize("name, mixes", [("tf-2.3/raw_shapes.h5", False), ("tf-2.15/whole_batch.h5", True)])
def test_number_of_rows(hornpipe, name, mixes):
    """The number of rows as a size of a shape leaves each row alone; as a number it makes the rows of a batch one."""
    assert json.loads(hornpipe("inspect", DATA / name, "--json").stdout)["mixes_rows"] is mixes


def call(function, arguments):
    """A model of Keras 2 with one function of TensorFlow on its input."""
    name = "__call__"
    layers = [{"class_name": "InputLayer", "name": "x", "config": {"batch_input_shape": [None, 3], "name": "x"}, "inbound_nodes": []},
              {"class_name": "TFOpLambda", "name": name, "config": {"name": name, "function": function}, "inbound_nodes": [arguments]}]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [[name, 0, 0]]}
    return {"class_name": "Functional", "keras_version": "2.15.0", "backend": "tensorflow", "config": config}


@pytest.mark.parametrize("function, arguments, says", [
    ("einsum", ["_CONSTANT_VALUE", -1, "bi,bi->b", {}], "einsum, called as it is here, is not supported in TFOpLambda: Keras 2 writes the first"),  # Keras 2.15 loses the tensors
    ("__operators__.ne", ["x", 0, 0, {}], "__operators__.ne, called as it is here,"),  # and the other side
    ("math.top_k", ["x", 0, 0, {"k": ["x", 0, 0]}], "a shape that depends on the data"),
    ("compat.v1.nn.conv2d", ["x", 0, 0, {"filter": [[[[1.0]]]], "padding": [[0, 0], [1, 1], [1, 1], [0, 1]]}], "nn.conv2d, called as it is here,"),
    ("math.zeta", ["x", 0, 0, {"q": 2.0}], "the function math.zeta is not supported in TFOpLambda: Keras 3 has no such special function"),
    ("strings.as_string", ["x", 0, 0, {}], "the function strings.as_string is not supported in TFOpLambda: of operations on texts"),
])
def test_calls_are_refused(hornpipe, tmp_path, function, arguments, says):
    (tmp_path / "m.json").write_text(json.dumps(call(function, arguments)))
    assert says in hornpipe("check", "m.json", "--weights", DATA / "tf-2.15" / "whole_batch.h5", code=3).stderr.decode()


def test_places_outside_are_told(hornpipe, tmp_path):
    """gather_nd of [0, 3] in 2 x 3 numbers would lead to those of [1, 0]."""
    model = call("gather_nd", ["_CONSTANT_VALUE", -1, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], {"indices": ["x", 0, 0]}])
    model["config"]["layers"][0]["config"] |= {"batch_input_shape": [None, 2], "dtype": "int32"}
    (tmp_path / "m.json").write_text(json.dumps(model))
    np.save(tmp_path / "x.npy", np.array([[1, 2], [0, 3]], "int32"))
    weights = DATA / "tf-2.15" / "whole_batch.h5"
    said = hornpipe("predict", "m.json", "--weights", weights, "x.npy", "-o", "y.npy", "--progress", "none", code=1).stderr.decode()
    assert "row 1" in said

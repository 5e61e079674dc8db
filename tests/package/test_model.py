"""Opening models, predicting with arrays, and what a model tells about itself."""
import copy
import inspect
import io
import json
import os
import pathlib
import threading

import numpy as np
import pytest
from conftest import memory_is_counted

import hornpipe
from hornpipe import _progress, _structure


def test_results_do_not_depend_on_how_the_work_is_dealt(mlp, rows):
    whole = mlp.predict(rows)
    assert whole.shape == (3001, 1) and whole.dtype == np.float32
    assert ((whole >= 0) & (whole <= 1)).all()
    for options in ({"n_jobs": 1}, {"n_jobs": 3}, {"batch_size": 7}, {"n_jobs": -1, "batch_size": 1000}):
        assert mlp.predict(rows, **options).tobytes() == whole.tobytes()
    for i in (0, 1, 1500, 3000):
        assert mlp.predict(rows[i : i + 1]).tobytes() == whole[i : i + 1].tobytes()
    assert mlp(rows).tobytes() == mlp.predict_on_batch(rows).tobytes() == whole.tobytes()
    assert mlp(rows[:2], training=False).tobytes() == whole[:2].tobytes()


def test_every_layout_gives_the_same_bytes(mlp, rows):
    x = rows[:50]
    whole = mlp.predict(x)
    wide = np.zeros((50, 20), np.float32)
    wide[:, ::2] = x
    unaligned = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(50, 10)
    for same in (np.asfortranarray(x), wide[:, ::2], x[::-1][::-1], x.astype(">f4"), x.astype(np.float64), unaligned,
                 x.tolist(), x.astype(np.longdouble), x.view(np.memmap)):
        assert mlp.predict(same).tobytes() == whole.tobytes()
    assert mlp.predict(x[::-1]).tobytes() == whole[::-1].tobytes()


def test_a_broadcast_number_is_not_read_past_its_end(mlp):
    expected = mlp.predict(np.full((40, 10), 0.25, np.float32))
    assert mlp.predict(np.broadcast_to(np.float32(0.25), (40, 10))).tobytes() == expected.tobytes()
    assert mlp.predict(np.broadcast_to(np.full((1, 10), 0.25, np.float32), (40, 10))).tobytes() == expected.tobytes()


@memory_is_counted
def test_input_in_c_order_is_not_copied(mlp):
    """Three times the memory of the rows would not fit in what the process is allowed to take."""
    import resource

    x = np.zeros((1_000_000, 10), np.float32)
    out = np.empty((1_000_000, 1), np.float32)
    mlp.predict(x, out=out)
    used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, before[1]))
    try:
        mlp.predict(x, out=out)
        mlp.predict(x[::2], out=out[:500_000])
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_out_is_written_to(mlp, nested, rows):
    out = np.empty((3001, 1), np.float32)
    assert mlp.predict(rows, out=out) is out
    assert out.tobytes() == mlp.predict(rows).tobytes()
    x = {"left": np.ones((4, 3)), "right": np.ones((4, 3))}
    given = {"sum": np.empty((4, 1), "f4"), "parts": (np.empty((4, 2), "f4"), np.empty((4, 3), "f4"))}
    assert nested.predict(x, out=given) is given
    assert given["sum"].tobytes() == nested.predict(x)["sum"].tobytes()
    with pytest.raises(hornpipe.ShapeError, match=r"shape \(5, 1\).*\(3001, 1\)"):
        mlp.predict(rows, out=np.empty((5, 1), np.float32))
    with pytest.raises(hornpipe.ShapeError, match="float64"):
        mlp.predict(rows, out=np.empty((3001, 1)))
    locked = np.empty((3001, 1), np.float32)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        mlp.predict(rows, out=locked)


def test_out_of_batches_is_written_to_as_it_is(mlp, table, rows):
    def batches():
        return iter([rows[:50], rows[50:100]])

    out = np.empty((100, 1), np.float32)
    assert mlp.predict(batches(), out=out) is out and out.tobytes() == mlp.predict(rows[:100]).tobytes()
    for shape in ((300, 1), (60, 1), (100, 7), (100,), ()):
        with pytest.raises(hornpipe.ShapeError, match=r"output 0 has room for shape .*; the model gives \(\d+, 1\)"):
            mlp.predict(batches(), out=np.empty(shape, np.float32))
    with pytest.raises(hornpipe.ShapeError, match="output 0 is float64; the model gives float32"):
        mlp.predict(batches(), out=np.empty((100, 1)))
    for bad in ([0.0] * 100, np.empty((100, 1), np.float32)[::-1], np.broadcast_to(np.float32(0), (100, 1))):
        with pytest.raises(ValueError, match="out of output 0 cannot be written to: a writable array in C order"):
            mlp.predict(batches(), out=bad)
    with pytest.raises(ValueError, match="no batch"):
        mlp.predict(iter([]), out=out)
    with pytest.raises(hornpipe.ShapeError, match="the model gives"):  # as worker processes and NaN for rows go
        table.predict(np.zeros((4, 2), np.int32), out=np.empty((5, 6), np.float32), on_error="nan")


def test_no_rows_give_no_rows(mlp, nested):
    assert mlp.predict(np.empty((0, 10), np.float32)).shape == (0, 1)
    assert nested.predict([np.empty((0, 3)), np.empty((0, 3))])["parts"][1].shape == (0, 3)


def test_lists_of_lists_are_taken_apart():
    """Also where there are as many lists as tensors; and what a dict lacks is told by the structure's own keys."""
    assert _structure.flatten([[0], [1]], [["a"], ["b"]], ["x", "y"], "input") == ["a", "b"]
    assert _structure.flatten([[1], [0]], {"x": "a", "y": "b"}, ["x", "y"], "input") == ["a", "b"]
    assert _structure.flatten({"p": 0, "q": [1]}, {"x": "a", "y": "b"}, ["x", "y"], "input") == ["a", "b"]
    with pytest.raises(KeyError, match=r"no input 'p' in \['r'\]; expected \['p', 'q'\]"):
        _structure.flatten({"p": 0, "q": [1]}, {"r": "a"}, ["x", "y"], "input")


def test_structure_is_keras_s(nested):
    left, right = np.ones((2, 3)), np.full((2, 3), 2.0)
    result = nested.predict({"left": left, "right": right, "unused": 0})
    assert list(result) == ["parts", "sum"] and isinstance(result["parts"], list)
    assert (result["parts"][1] == 4).all() and result["sum"].shape == (2, 1)
    assert nested.predict([left, right])["sum"].tobytes() == result["sum"].tobytes()
    with pytest.raises(KeyError, match=r"'right' in \['left'\]"):
        nested.predict({"left": left})
    with pytest.raises(TypeError, match="2 inputs"):
        nested.predict(left)
    with pytest.raises(hornpipe.ShapeError):
        nested.predict([left, right[:1]])


def test_a_dict_by_name_for_a_single_input(mlp, rows):
    assert mlp.predict({"rows": rows}).tobytes() == mlp.predict(rows).tobytes()
    assert mlp.predict([rows]).tobytes() == mlp.predict(rows).tobytes()


@pytest.fixture
def several(tmp_path):
    """Two inputs of 3 numbers each, left and right, that a Dense of 2 takes side by side."""

    def tensor(name, size):
        history = {"shape": [None, size], "dtype": "float32", "keras_history": [name, 0, 0]}
        return {"class_name": "__keras_tensor__", "config": history}

    def layer(kind, name, arguments, **config):
        nodes = [{"args": arguments, "kwargs": {}}] if arguments else []
        made = {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "name": name}
        return {**made, "registered_name": None, "inbound_nodes": nodes}

    config = {
        "name": "several",
        "layers": [
            layer("InputLayer", "left", [], batch_shape=[None, 3], dtype="float32"),
            layer("InputLayer", "right", [], batch_shape=[None, 3], dtype="float32"),
            layer("Concatenate", "beside", [[tensor("left", 3), tensor("right", 3)]]),
            layer("Dense", "dense", [tensor("beside", 6)], units=2),
        ],
        "input_layers": [["left", 0, 0], ["right", 0, 0]],
        "output_layers": [["dense", 0, 0]],
    }
    model = {"module": "keras", "class_name": "Functional", "config": config, "registered_name": "Functional"}
    (tmp_path / "several.json").write_text(json.dumps(model))
    weights = {"layers/dense/vars/0": np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2)}
    np.savez(tmp_path / "several.npz", **weights, **{"layers/dense/vars/1": np.float32([0.5, -0.5])})
    return hornpipe.load_model(tmp_path / "several.json", weights=tmp_path / "several.npz")


def no_long_way(*_, **__):
    raise AssertionError("a small call has gone the long way, through Python")


def test_small_calls_run_no_python(monkeypatch, mlp, several, rows):
    """Small calls do nothing but the call: by array, list, tuple or dict, with what changes no result."""
    x, left, right = rows[:2], rows[:2, :3].copy(), rows[:2, 3:6].copy()
    whole, joined = mlp.predict(x, n_jobs=-1), several.predict([left, right], n_jobs=-1)
    monkeypatch.setattr(hornpipe.Model, "_predict", no_long_way)
    name = mlp.inputs[0].name
    for y in (mlp.predict(x), mlp(x), mlp.predict_on_batch(x), mlp.predict({name: x}), mlp.predict(x, verbose=0),
              mlp.predict(x, batch_size=None, n_jobs=1, verbose=0), mlp.predict(x, batch_size=1)):
        assert y.tobytes() == whole.tobytes()
    both = {"right": right, "left": left}
    for y in (several.predict([left, right]), several((left, right)), several.predict_on_batch(both),
              several.predict(both, verbose=0)):
        assert y.shape == (2, 2) and y.tobytes() == joined.tobytes()
    for options in ({"verbose": 1}, {"batch_size": 0}, {"n_jobs": -1}, {"on_error": "nan"}, {"out": whole}):
        with pytest.raises(AssertionError, match="long way"):
            mlp.predict(x, **options)


def test_small_calls_of_several_inputs_are_checked(several, rows):
    left, right = rows[:2, :3].copy(), rows[:2, 3:6].copy()
    with pytest.raises(KeyError, match="right"):
        several.predict({"left": left})
    with pytest.raises(ValueError, match="2"):
        several.predict([left])
    for wrong in (right[:1], right[:, :2]):
        with pytest.raises(hornpipe.ShapeError):
            several.predict([left, wrong])
    same = several.predict([left.astype(np.float64), right[:, ::-1][:, ::-1]])
    assert same.tobytes() == several.predict([left, right]).tobytes()



@pytest.mark.parametrize("open_it", [bytes, bytearray, memoryview, io.BytesIO, "file"])
def test_models_from_memory(mlp, rows, open_it):
    from conftest import EXAMPLES

    path = EXAMPLES / "mlp_10_64_64_1.keras"
    source = path.open("rb") if open_it == "file" else open_it(path.read_bytes())
    model = hornpipe.load_model(source)
    assert model.predict(rows).tobytes() == mlp.predict(rows).tobytes()


def test_an_old_file_and_a_json_config(tmp_path, make_model):
    from conftest import EXAMPLES

    old = hornpipe.load_model(str(EXAMPLES / "breast_cancer_mlp.h5"))
    assert old.predict(np.zeros((3, 30))).shape == (3, 2)
    kernel = np.eye(4, 2, dtype=np.float32)
    layers = [("InputLayer", {"batch_shape": [None, 4]}), ("Dense", {"name": "d", "units": 2})]
    model, weights = make_model(tmp_path, layers, {"dense": [kernel, np.array([0, 10], np.float32)]})
    assert hornpipe.load_model(model, weights=weights).predict(np.ones((1, 4))).tolist() == [[1, 11]]
    with pytest.raises(hornpipe.ArgumentError, match="weights"):
        hornpipe.load_model(model)
    config = pathlib.Path(model).read_bytes()
    for opening in (hornpipe.load_model, hornpipe.check):
        for source in (config, io.BytesIO(config)):
            with pytest.raises(hornpipe.ArgumentError, match="a weights file cannot be given too"):
                opening(source, weights=weights)
        with pytest.raises(TypeError, match="a path, bytes or a file"):
            opening(3)


def test_inner_layer_and_isa(mlp, rows):
    from conftest import EXAMPLES

    path = EXAMPLES / "mlp_10_64_64_1.keras"
    assert hornpipe.load_model(path, output_layer="dense_2").predict(rows).shape == (3001, 64)
    assert hornpipe.load_model(path, prefer="latency").predict(rows[:5]).shape == (5, 1)
    usable = [name for name, good in hornpipe.isas().items() if good]
    base = hornpipe.load_model(path, isa=usable[0])
    assert base.isa == usable[0]
    np.testing.assert_allclose(base.predict(rows), mlp.predict(rows), rtol=1e-4, atol=1e-6)


def test_what_a_model_tells(mlp, nested):
    assert mlp.inputs == [("rows", (None, 10), "float32")]
    assert mlp.outputs[0].name == "probability" and mlp.outputs[0].shape == (None, 1)
    assert [layer.class_name for layer in mlp.layers] == ["InputLayer", "Dense", "Dense", "Dense"]
    assert mlp.count_params() == 4929 and not mlp.mixes_rows and mlp.isa in hornpipe.isas()
    text = []
    mlp.summary(print_fn=text.append)
    assert "dense_1 (Dense)" in text[0] and "4,929" in text[0]
    assert "rows (None, 10) float32 -> probability (None, 1) float32" in repr(mlp)
    assert [spec.name for spec in nested.inputs] == ["left", "right"]
    assert copy.copy(mlp) is mlp and copy.deepcopy(mlp) is mlp
    assert list(inspect.signature(mlp.predict).parameters)[:4] == ["x", "batch_size", "verbose", "steps"]
    assert "ShapeError" in mlp.predict.__doc__


def test_weights_are_views_that_outlive_the_model(rows):
    from conftest import EXAMPLES

    model = hornpipe.load_model(EXAMPLES / "mlp_10_64_64_1.keras")
    kernel = model.weights["dense_1/kernel"]
    assert kernel.shape == (10, 64) and not kernel.flags.writeable and not kernel.flags.owndata
    assert list(model.weights)[:2] == ["dense_1/kernel", "dense_1/bias"]
    expected = kernel.copy()
    del model
    assert (kernel == expected).all()
    with pytest.raises(ValueError, match="read-only"):
        kernel[0] = 0


def test_many_threads_on_one_model(mlp, rows):
    whole = mlp.predict(rows).tobytes()
    faults = []

    def work(seed):
        sizes = np.random.default_rng(seed).integers(1, 400, 60)
        for n in sizes:
            if mlp.predict(rows[:n]).tobytes() != whole[: 4 * n] or mlp.predict(rows[:1]).tobytes() != whole[:4]:
                faults.append(n)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_strings(tmp_path, make_model):
    layers = [
        ("InputLayer", {"batch_shape": [None, 1], "dtype": "string", "name": "word"}),
        ("StringLookup", {"name": "lookup", "vocabulary": ["red", "grün", "蓝", "🎺"], "num_oov_indices": 1, "dtype": "int64"}),
        ("Embedding", {"name": "number", "input_dim": 5, "output_dim": 1}),
        ("Flatten", {"name": "flat"}),
    ]
    model, weights = make_model(tmp_path, layers, {"embedding": [np.arange(5, dtype=np.float32).reshape(5, 1)]})
    model = hornpipe.load_model(model, weights=weights)
    words = [["grün"], ["blue"], ["🎺"], ["蓝"]]
    expected = [[2], [0], [4], [3]]
    assert model.predict(np.array(words)).tolist() == expected
    assert model.predict(np.array(words, dtype=object)).tolist() == expected
    if hasattr(np.dtypes, "StringDType"):  # NumPy 2
        assert model.predict(np.array(words, dtype=np.dtypes.StringDType())).tolist() == expected
    assert model.predict(np.array([[w.encode() for (w,) in words]]).T).tolist() == expected
    assert model.predict(words).tolist() == expected
    with pytest.raises(TypeError, match="str and bytes"):
        model.predict(np.array([[object()]]))


def test_profile(cnn):
    x = np.random.default_rng(2).random((500, 8, 8, 1), np.float32)
    profile = cnn.profile(x, n_jobs=2, repeats=2)
    assert profile.rows == 1000 and profile.seconds > 0 and len(profile.steps) > 3
    assert all(step.calls > 0 and step.rows >= 1000 and len(step.seconds_by_worker) == 2 for step in profile.steps)
    named = " ".join(layer for step in profile.steps for layer in step.layers)
    assert "(Conv2D)" in named and "(Dense)" in named
    text, page = str(profile), profile._repr_html_()
    assert "GFLOP/s" in text and "1,000 rows" in text and "Conv2D" in text
    assert page.startswith("<table>") and page.count("<tr>") == len(profile.steps) + 1 and "&quot;" in page
    assert "hornpipe.Profile" in repr(profile)
    with pytest.raises(ValueError, match="repeats"):
        cnn.profile(x, repeats=0)
    with pytest.raises(hornpipe.ShapeError):
        cnn.profile(x[:, :7])


def test_arguments_by_place_are_keras_s(mlp, rows, capsys):
    """predict(x, batch_size, verbose, steps): all others go by keyword."""
    whole = mlp.predict(rows)
    assert mlp.predict(rows, 32, 0).tobytes() == whole.tobytes() and capsys.readouterr().err == ""
    assert mlp.predict((rows[at : at + 1000] for at in range(0, 3001, 1000)), None, 2, 2).tobytes() == whole[:2000].tobytes()
    assert capsys.readouterr().err.startswith("2000 rows, ")
    with pytest.raises(TypeError, match="positional"):
        mlp.predict(rows, 32, 0, None, 1)


def test_keywords_that_change_nothing(mlp, rows):
    """Small calls with them go the short way; what is no such value is refused as ever."""
    whole = mlp.predict(rows[:3]).tobytes()
    for keywords in ({"n_jobs": 1}, {"n_jobs": 7}, {"verbose": 0}, {"n_jobs": 1, "verbose": 0}, {"n_jobs": -1}, {"verbose": False}):
        assert mlp.predict(rows[:3], **keywords).tobytes() == whole
    with pytest.raises(ValueError, match="n_jobs is 0"):
        mlp.predict(rows[:3], n_jobs=0)
    with pytest.raises(TypeError, match="n_jobs is True"):
        mlp.predict(rows[:3], n_jobs=True)
    with pytest.raises(TypeError, match="unexpected keyword"):
        mlp.predict(rows[:3], jobs=1)


def test_complex_outputs(tmp_path):
    """Arrays of complex64, also where they are the caller's; no input is one."""
    node = {"class_name": "__keras_tensor__", "config": {"shape": [None, 3, 2], "dtype": "float32", "keras_history": ["x", 0, 0]}}
    layers = [
        {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 3, 2], "name": "x"}, "name": "x", "inbound_nodes": []},
        {"module": "keras.src.ops.math", "class_name": "ViewAsComplex", "config": {"name": "z"}, "name": "z", "inbound_nodes": [{"args": [node], "kwargs": {}}]},
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["z", 0, 0]]}
    (tmp_path / "m.json").write_text(json.dumps({"module": "keras.src.models.functional", "class_name": "Functional", "config": config}))
    np.savez(tmp_path / "w.npz")
    model = hornpipe.load_model(tmp_path / "m.json", weights=tmp_path / "w.npz")
    x = np.random.default_rng(0).standard_normal((5, 3, 2)).astype(np.float32)
    assert model.outputs[0].dtype == "complex64"
    y = model.predict(x)
    assert y.dtype == np.complex64
    np.testing.assert_array_equal(y, x[..., 0] + 1j * x[..., 1])
    out = np.empty((5, 3), np.complex64)
    assert model.predict(x, out=out) is out
    np.testing.assert_array_equal(out, y)
    with pytest.raises(TypeError, match="complex64 cannot be used"):
        model.predict(np.stack([y, y], -1))


def test_a_bar_comes_after_a_second(monkeypatch):
    """In a terminal, where verbose says nothing; at once where it is asked for; never where nobody looks."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    for verbose, terminal, seconds in (("auto", True, 1.0), (1, True, 0.0), (1, False, 0.0), ("auto", False, None), (0, True, None)):
        seen = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr(_progress.sys, "stderr", seen)
        bar, begun = _progress.Bar(verbose), now[0]
        shown = None
        for step in range(30):
            now[0] = begun + step / 10
            bar(step, 30)
            if shown is None and seen.getvalue():
                shown = step / 10
        assert shown == seconds, (verbose, terminal)

"""Errors: an exception class per status, and messages that say where, what and what was expected."""
import pathlib
import pickle
import re
import sys
import warnings

import numpy as np
import pytest

import hornpipe
from hornpipe import _hornpipe


def test_there_is_a_class_for_every_status():
    header = (pytest.importorskip("conftest").ROOT / "include" / "hornpipe.h").read_text()
    statuses = re.findall(r"^    X\((HP_ERROR_\w+)", header, flags=re.M)
    assert len(statuses) == len(_hornpipe.exceptions) > 5
    for cls in _hornpipe.exceptions.values():
        assert issubclass(cls, hornpipe.HornpipeError) and getattr(hornpipe, cls.__name__) is cls and cls.__doc__
        assert cls.__name__ in hornpipe.__all__


def test_errors_are_kinds_of_python_s(tmp_path):
    with pytest.raises(OSError) as caught:
        hornpipe.load_model(tmp_path / "none.keras")
    assert isinstance(caught.value, hornpipe.FileError) and caught.value.status == "HP_ERROR_IO"
    assert caught.value.where.endswith("none.keras") and "No such file" in caught.value.message
    with pytest.raises(hornpipe.FormatError, match="bytes: no Keras model"):
        hornpipe.load_model(b"nothing of the kind")
    with pytest.raises(TypeError, match="binary mode"):
        hornpipe.load_model(3)
    with pytest.raises(hornpipe.ArgumentError, match="avx2"):
        hornpipe.load_model(hornpipe_example(), isa="none")


@pytest.mark.parametrize("what", ["n_jobs", "batch_size", "backend", "on_error", "steps", "list", "out", "generator", "place", "prefer"])
def test_what_python_finds_has_what_the_library_s_have(mlp, rows, what):
    def batches():
        yield rows[:10]
        yield rows[:10]

    calls = {
        "n_jobs": lambda: mlp.predict(rows, n_jobs=0),
        "batch_size": lambda: mlp.predict(rows, batch_size=0),
        "backend": lambda: mlp.predict(rows, backend="none"),
        "on_error": lambda: mlp.predict(rows, on_error="none"),
        "steps": lambda: mlp.predict(rows, steps=3),
        "list": lambda: mlp.predict([rows, rows]),
        "out": lambda: mlp.predict(batches(), out=np.empty((15, 1), "f4")),
        "place": lambda: mlp.predict(rows, out=np.broadcast_to(np.float32(0), (len(rows), 1))),
        "prefer": lambda: hornpipe.load_model(hornpipe_example(), prefer="none"),
        "generator": lambda: mlp.predict(batch for batch in ()),
    }
    with pytest.raises(hornpipe.HornpipeError) as caught:
        calls[what]()
    error = caught.value
    assert isinstance(error, ValueError) and isinstance(error, hornpipe.ShapeError) == (what == "out")
    assert error.where == "" and error.message == str(error) != "" and error.row is None
    assert error.status == ("HP_ERROR_SHAPE" if what == "out" else "HP_ERROR_ARGUMENT")


def test_errors_are_whole_from_the_start():
    for cls in _hornpipe.exceptions.values():
        made = cls("why")
        assert (made.where, made.message, made.row) == ("", "", None) and made.status.startswith("HP_ERROR_")


def hornpipe_example():
    from conftest import EXAMPLES

    return EXAMPLES / "mlp_10_64_64_1.keras"


def test_everything_unsupported_is_listed(tmp_path, make_model):
    layers = [("InputLayer", {"batch_shape": [None, 4]}), ("Strange", {"name": "a"}), ("Dense", {"units": 2, "odd": 1})]
    model, weights = make_model(tmp_path, layers, {"dense": [np.zeros((4, 2), "f4"), np.zeros(2, "f4")]})
    with pytest.raises(hornpipe.UnsupportedModelError) as caught:
        hornpipe.load_model(model, weights=weights)
    assert len(caught.value.reasons) == 2
    assert "Strange" in str(caught.value) and "odd" in str(caught.value)
    report = hornpipe.check(model, weights=weights)
    assert report.reasons == caught.value.reasons and report.notes == []
    assert hornpipe.check(hornpipe_example()).reasons == []
    assert hornpipe.check(hornpipe_example().read_bytes()).reasons == []


def test_a_model_that_is_code_says_what_to_save(tmp_path, make_model):
    path, weights = make_model(tmp_path, [], {})
    path.write_text(path.read_text().replace('"keras", "class_name": "Sequential"', '"mine", "class_name": "Net"'))
    with pytest.raises(hornpipe.UnsupportedModelError, match=r"save a keras.Model\(inputs, outputs\) .* calls Net as a layer"):
        hornpipe.load_model(path, weights=weights)


def test_shapes_say_found_and_expected(mlp):
    for bad in (np.zeros((3, 9)), np.zeros(10), np.zeros((2, 3, 10)), np.float32(1)):
        with pytest.raises(hornpipe.ShapeError):
            mlp.predict(bad)
    with pytest.raises(hornpipe.ShapeError, match=r"^mlp_10_64_64_1.keras: input 0 .*\(3, 9\).*\(None, 10\)$"):
        mlp.predict(np.zeros((3, 9)))
    with pytest.raises(hornpipe.ShapeError, match=r"^mlp_10_64_64_1.keras: input 0 .*\(3, 9\)"):
        list(mlp.predict_iter([np.zeros((3, 9))]))
    with pytest.raises(hornpipe.ShapeError, match="axis 0 is the rows, even where there is one"):
        mlp.predict(np.zeros(10))
    with pytest.raises(hornpipe.ShapeError, match="a single value is no array"):
        mlp.predict(3)
    with pytest.raises(ValueError, match="the model has one input .* a list of 2 arrays"):
        mlp.predict([np.zeros((3, 10)), np.zeros((3, 10))])
    for bad in (None, "rows.npy", b"text", pathlib.Path("rows.npy")):
        with pytest.raises(TypeError, match="predict_file reads files"):
            mlp.predict(bad)
    with pytest.raises(TypeError, match=r"found 0\.5 .* at element 1: .*astype"):
        mlp.predict(np.array([["a", 0.5]], dtype=object))
    for bad in (np.zeros((3, 10), complex), np.zeros((3, 10), "M8[s]"), np.ma.masked_array(np.zeros((3, 10)))):
        with pytest.raises(TypeError):
            mlp.predict(bad)


def test_a_bad_row_is_named(table):
    x = np.array([[0, 1], [2, 3], [4, 7], [9, 0]])
    assert table.predict(x[:2]).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    with pytest.raises(hornpipe.RowError, match=": row 2: index 7 is outside") as caught:
        table.predict(x)
    assert caught.value.row == 2
    with pytest.raises(hornpipe.RowError, match="^indices: row 2: column 1: nan does not fit into int32$"):
        table.predict(np.where(x == 7, np.nan, x))
    with pytest.raises(hornpipe.RowError) as caught:
        list(table.predict_iter([x[:2], x[2:]]))
    assert caught.value.row == 2


def test_a_bad_row_can_be_nan(table):
    x = np.array([[0, 1], [2, 3], [4, 7], [4, 4]])
    with pytest.warns(RuntimeWarning, match="row 2"):
        y = table.predict(x, on_error="nan")
    for results in (lambda: table.predict(x, on_error="nan"), lambda: list(table.predict_iter([x], on_error="nan"))):
        with pytest.warns(RuntimeWarning, match="row 2") as warned:
            results()
        assert [w.filename for w in warned] == [__file__]
    assert np.isnan(y[2]).all() and y[3].tolist() == [12, 13, 14, 12, 13, 14] and y[0].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_bad_row_s_own_bytes_are_named(mlp):
    x = np.full((3, 10), b"1")
    x[1, 2] = b"\xe9"  # no UTF-8
    with pytest.raises(hornpipe.RowError, match='"\ufffd" is not a number'):
        mlp.predict(x)
    with pytest.warns(RuntimeWarning, match='row 1: column 2: "\ufffd" is not a number'):
        assert np.isnan(mlp.predict(x, on_error="nan")).ravel().tolist() == [False, True, False]


def test_options_are_checked(mlp, rows):
    for bad in ({"batch_size": 0}, {"n_jobs": 0}, {"backend": "gpu"}, {"on_error": "skip"}, {"verbose": "loud"}, {"steps": 3}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            mlp.predict(rows, **bad)
    for bad in ({"n_jobs": 1.5}, {"batch_size": "32"}, {"batch_size": 32.0}):
        with pytest.raises(TypeError, match=f"{next(iter(bad))} is .*; expected an integer or None"):
            mlp.predict(rows, **bad)
    for method in ("predict", "__call__", "predict_on_batch"):
        with pytest.raises(TypeError, match=rf"^Model\.{method}\(\) got an unexpected keyword argument 'callbacks'"):
            getattr(mlp, method)(rows, callbacks=[])
    with pytest.raises(ValueError, match="predicts only"):
        mlp(rows, training=True)


def test_exceptions_come_through_pickle():
    with pytest.raises(hornpipe.FormatError) as caught:
        hornpipe.load_model(b"nothing")
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is hornpipe.FormatError and str(again) == str(caught.value) and again.where == "bytes"


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "mixed_float16"])
def test_precision_that_differs_is_warned_of(tmp_path, make_model, dtype):
    """Half precision is computed in single; everything else as Keras does."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": dtype}}
    layers = [("InputLayer", {"batch_shape": [None, 4]}), ("Dense", {"units": 2, "name": "dense", "dtype": policy})]
    kernel = np.linspace(-1, 1, 8).reshape(4, 2).astype("f8" if dtype == "float64" else "f4")
    path, weights = make_model(tmp_path, layers, {"dense": [kernel, np.zeros(2, kernel.dtype)]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = hornpipe.load_model(path, weights=weights)
    half = dtype.replace("mixed_", "") if "16" in dtype else None
    assert [warning.category for warning in caught] == [hornpipe.PrecisionWarning] * bool(half)
    if half:
        assert f"layers of dtype {half} are computed in float32" in str(caught[0].message)
        assert caught[0].filename == __file__
    assert issubclass(hornpipe.PrecisionWarning, UserWarning)
    if dtype == "float64":
        x = np.random.default_rng(0).standard_normal((3, 4))
        np.testing.assert_allclose(model.predict(x), x.astype("f4").astype("f8") @ kernel, rtol=1e-14)


def test_bfloat16_without_its_package(tmp_path, make_model, monkeypatch):
    layers = [("InputLayer", {"batch_shape": [None, 4]}), ("Activation", {"activation": "relu", "dtype": "bfloat16"})]
    path, weights = make_model(tmp_path, layers, {})
    with pytest.warns(hornpipe.PrecisionWarning):
        model = hornpipe.load_model(path, weights=weights)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ModuleNotFoundError, match="bfloat16 arrays need the package ml_dtypes"):
        model.predict(np.zeros((2, 4)))

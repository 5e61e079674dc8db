"""First tier: dtypes that few models have: complex outputs in every kind of file, float8 inputs, and casts that are cut to a range."""
import numpy as np
import pytest
from keras_files import operation

Z = np.array([[1 + 2j, -0.5j, 3], [np.inf - 1j, complex(np.nan, np.nan), -4e-7 + 1e20j]], "complex64")


@pytest.fixture
def complex_model(tmp_path):
    """A model whose output is Z."""
    np.save(tmp_path / "x.npy", Z[..., None].view("float32"))
    return operation(tmp_path / "m.keras", "ViewAsComplex", "keras.src.ops.math", {}, "float32", (3, 2))


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "raw"])
def test_complex_outputs(hornpipe, complex_model, tmp_path, kind):
    hornpipe("predict", complex_model, "x.npy", "-o", f"y.{kind}", "--output-format", kind, "--progress", "none")
    path = tmp_path / f"y.{kind}"
    if kind == "npy":
        got = np.load(path)
    elif kind == "npz":
        got = np.load(path)["y"]
    elif kind == "csv":
        lines = path.read_text().splitlines()
        assert lines[-2].split(",")[1:] == ["-0-0.5j", "3+0j"]
        got = np.array([[complex(field) for field in line.split(",")] for line in lines[-2:]], "complex64")
    else:
        got = np.fromfile(path, "complex64").reshape(2, 3)
    assert got.dtype == np.complex64
    np.testing.assert_array_equal(got.view("float32"), Z.view("float32"))


def test_complex_outputs_as_double(hornpipe, tmp_path):
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    np.save(tmp_path / "x.npy", x)
    model = operation(tmp_path / "m.keras", "ViewAsComplex", "keras.src.ops.math", {}, "float64", (4, 2))
    hornpipe("predict", model, "x.npy", "-o", "y.npy", "--progress", "none")
    got = np.load(tmp_path / "y.npy")
    assert got.dtype == np.complex128
    np.testing.assert_array_equal(got, x[..., 0] + 1j * x[..., 1])


def test_complex_references(hornpipe, complex_model, tmp_path):
    """Both parts count in `diff`; nothing is selected from complex numbers, and none are an input."""
    np.save(tmp_path / "z.npy", Z)
    np.save(tmp_path / "other.npy", Z + np.array([0, 0, 0.25j], "complex64"))
    hornpipe("diff", complex_model, "x.npy", "z.npy")
    said = hornpipe("diff", complex_model, "x.npy", "other.npy", "--atol", "0.125", "--rtol", "0", code=1).stdout.decode()
    assert "largest error 0.25 at [0, 2, 1] (0, reference 0.25)" in said
    assert b"nothing can be selected from complex64 values" in hornpipe("predict", complex_model, "x.npy", "--argmax", code=2).stderr
    np.save(tmp_path / "pairs.npy", np.stack([Z, Z], -1))
    assert b"is complex64; the model wants float32" in hornpipe("predict", complex_model, "pairs.npy", code=1).stderr


@pytest.mark.parametrize("dtype, given, wanted", [
    ("float8_e4m3fn", [1.06, 17.1, 448, 470, -0.001], [1.0, 18, 448, np.nan, -0.001953125]),
    ("float8_e5m2", [1.06, 17.1, 448, 60000, -0.001], [1.0, 16, 448, 57344, -0.0009765625]),
])
def test_float8_inputs(hornpipe, tmp_path, dtype, given, wanted):
    """Numbers are rounded to the input's dtype, as Keras converts what it is given."""
    np.save(tmp_path / "x.npy", np.array([given], "float32"))
    model = operation(tmp_path / "m.keras", "Cast", "keras.src.ops.core", {"dtype": "float32"}, dtype, (5,))
    hornpipe("predict", model, "x.npy", "-o", "y.npy", "--progress", "none")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.array([wanted], "float32"))


@pytest.mark.parametrize("dtype, to, given, wanted", [
    ("float32", "float16", [1e6, -np.inf, 2.5, np.nan], [65504, -65504, 2.5, np.nan]),
    ("float16", "float32", [np.inf, -6e4, 2.5, np.nan], [65504, -6e4, 2.5, np.nan]),
    ("float32", "uint8", [1e9, -3.5, 2.5, 255.9], [255, 0, 2, 255]),
    ("float32", "int32", [3e9, -3e9, 2.5, -7.9], [-(2**31), -(2**31), 2, -7]),  # 2^31 - 1 is no float32
    ("float64", "int32", [3e9, -3e9, 2.5, -7.9], [2**31 - 1, -(2**31), 2, -7]),
    ("int64", "int64", [2**63 - 1, -(2**63), 0, 2**53 + 1], [2**63 - 1, -(2**63), 0, 2**53 + 1]),
    ("int64", "uint32", [2**63 - 1, -(2**63), 7, 2**31], [2**32 - 1, 0, 7, 2**31]),
    ("int32", "float16", [2**31 - 1, -(2**31), 7, 0], [65504, -65504, 7, 0]),
    ("int32", "float32", [2**31 - 1, 5, 7, 0], [-(2**31)] * 4),
    ("uint16", "float32", [2**16 - 1, 5, 7, 0], [65535, 5, 7, 0]),
    ("uint32", "float32", [2**32 - 1, 5, 7, 0], [0] * 4),
    ("int32", "bool", [-3, 0, 1, 9], [False, False, True, True]),
])
def test_saturated_casts(hornpipe, tmp_path, dtype, to, given, wanted):
    """keras/src/ops/core.py _saturate_cast, whose limits are the nearest numbers of the input's dtype, on x86-64."""
    np.save(tmp_path / "x.npy", np.array([given], dtype))
    model = operation(tmp_path / "m.keras", "SaturateCast", "keras.src.ops.core", {"dtype": to}, dtype, (4,))
    hornpipe("predict", model, "x.npy", "-o", "y.npy", "--progress", "none")
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == to
    np.testing.assert_array_equal(y, np.array([wanted], to))


def test_a_spectrum_of_one_number(hornpipe, tmp_path):
    """Its inverse would have no number at all; with a length it has some."""
    for length, code in ((None, 1), (4, 0)):
        model = operation(tmp_path / "m.keras", "IRFFT", "keras.src.ops.math", {"fft_length": length}, "float32", (1,), twice=True)
        said = hornpipe("check", model, code=code).stderr.decode()
        assert ("one number of a spectrum, which is no signal without fft_length; expected at least 2" in said) == bool(code)

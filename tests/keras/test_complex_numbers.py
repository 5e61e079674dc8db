"""Second tier: operations that make complex numbers and real ones of them: Polar, ViewAsComplex, ViewAsReal, Cast.

    HORNPIPE=build/hornpipe python -m pytest tests/keras/test_complex_numbers.py
"""
import h5py
import numpy as np
import pytest

keras = pytest.importorskip("keras")


def polar(ops, x):
    z, w = ops.polar(x[..., 0], x[..., 1]), ops.cast(x[..., 1], "complex64")
    product = ops.multiply(z, ops.conj(ops.add(z, w)))
    return [ops.view_as_real(product), ops.abs(product), ops.angle(z), ops.real(z), ops.imag(ops.transpose(z, (0, 2, 1)))]


def viewed(ops, x):
    """Keras's TensorFlow backend cannot compute it."""
    z = ops.view_as_complex(x)
    return [ops.view_as_real(z), ops.abs(z), ops.view_as_real(ops.exp(ops.reshape(z, (-1, 12))))]


def as_numpy(x):
    z = x[..., 0] + 1j * x[..., 1]
    w = np.exp(z.reshape(3, 12))
    return [x, abs(z), np.stack([w.real, w.imag], -1)]


@pytest.mark.parametrize("made, want", [(polar, None), (viewed, as_numpy)])
def test_complex_numbers(hornpipe, tmp_path, made, want):
    x = keras.Input((3, 4, 2))
    model = keras.Model(x, made(keras.ops, x))
    model.save(tmp_path / "m.keras")
    value = np.random.default_rng(0).normal(size=(3, 3, 4, 2)).astype("float32")
    np.save(tmp_path / "x.npy", value)
    wanted = want(value) if want else [np.asarray(y) for y in model(value)]
    files = [argument for i in range(len(wanted)) for argument in ("-o", f"y{i}.npy")]
    hornpipe("predict", "m.keras", "x.npy", *files, "--progress", "none")
    for i, y in enumerate(wanted):
        got = np.load(tmp_path / f"y{i}.npy")
        assert got.shape == y.shape and got.dtype == "float32", i
        np.testing.assert_allclose(got, y, rtol=1e-5, atol=1e-5)


def test_complex_outputs(hornpipe, tmp_path):
    x = keras.Input((4, 2))
    z = keras.ops.polar(x[..., 0], x[..., 1])
    keras.Model(x, [z, keras.ops.conj(z)]).save(tmp_path / "m.keras")
    model = keras.models.load_model(tmp_path / "m.keras", compile=False)
    value = np.random.default_rng(0).normal(size=(5, 4, 2)).astype("float32")
    np.save(tmp_path / "x.npy", value)
    hornpipe("predict", "m.keras", "x.npy", "-o", "0.npy", "-o", "1.npy", "--progress", "none")
    for i, y in enumerate(model(value)):
        got = np.load(tmp_path / f"{i}.npy")
        assert got.dtype == np.complex64 and got.shape == (5, 4)
        np.testing.assert_allclose(got, y.numpy(), rtol=1e-6, atol=1e-6)
    hornpipe("predict", "m.keras", "x.npy", "-o", "y.h5", "--progress", "none")
    with h5py.File(tmp_path / "y.h5") as file:
        np.testing.assert_array_equal([file[name][()] for name in sorted(file)], [np.load(tmp_path / f"{i}.npy") for i in (1, 0)])

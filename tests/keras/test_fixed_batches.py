"""Second tier: operations whose graph Keras makes for a batch of known size alone: Correlate, PSNR, MapCoordinates.

    HORNPIPE=build/hornpipe python -m pytest tests/keras/test_fixed_batches.py
"""
import numpy as np
import pytest

keras = pytest.importorskip("keras")
SHAPES = (2,), (2, 5), (4, 3)


def outputs(x, coordinates, w):
    """What is made of the inputs."""
    ops = keras.ops
    modes = "constant", "nearest", "wrap", "mirror", "reflect"
    made = [ops.image.map_coordinates(w, coordinates, order, mode, 0.5) for order in (0, 1) for mode in modes]
    made += [ops.correlate(x, coordinates[:, 0], mode=mode) for mode in ("same", "full", "valid")]
    return [*made, ops.reshape(ops.psnr(coordinates, coordinates * 0.5, 2.0), (1,))]


def test_operations_of_a_fixed_batch(hornpipe, tmp_path):
    """All of them, as outputs of one model."""
    inputs = [keras.Input(batch_shape=shape) for shape in SHAPES]
    model = keras.Model(inputs, outputs(*inputs))
    model.save(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    values = [(rng.normal(size=shape) * 1.2).astype("float32") for shape in SHAPES]
    wanted = [np.asarray(y) for y in model(values)]
    for k, value in enumerate(values):
        np.save(tmp_path / f"in{k}.npy", value)
    files = [argument for k in range(len(wanted)) for argument in ("-o", tmp_path / f"out{k}.npy")]
    hornpipe("predict", tmp_path / "model.keras", *(tmp_path / f"in{k}.npy" for k in range(3)), *files, "--progress", "none")
    for k, want in enumerate(wanted):
        got = np.load(tmp_path / f"out{k}.npy")
        assert got.shape == want.shape and got.dtype == want.dtype, k
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)

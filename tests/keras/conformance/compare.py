"""How far a prediction is from Keras's; NumPy alone."""
import numpy as np


def difference(got, want, rtol, atol):
    """The error relative to the largest value, or to atol where all are smaller, and what is wrong (None: nothing)."""
    if got.shape != want.shape:
        return 0, f"shape {got.shape}, Keras has {want.shape}"
    if want.dtype.kind in "OSU":
        want = np.array([w.decode() if isinstance(w, bytes) else w for w in want.ravel()], dtype="U").reshape(want.shape)
        return 0, None if np.array_equal(got.astype("U"), want) else "strings differ"
    if got.dtype != want.dtype:
        return 0, f"dtype {got.dtype}, Keras has {want.dtype}"
    if want.dtype.kind == "c":
        got, want = (x[..., None].view("f" + str(x.dtype.itemsize // 2)) for x in (got, want))
    if want.dtype.kind != "f":
        count = np.count_nonzero(got != want)
        if not count:
            return 0, None
        return 0, f"{count} of {want.size} values differ, by {np.abs(got.astype(float) - want.astype(float)).max():.6g} at most"
    g, w = got.astype("float64"), want.astype("float64")
    if not np.array_equal(np.isnan(g), np.isnan(w)) or not np.array_equal(g[np.isinf(w)], w[np.isinf(w)]):
        return 0, "NaN or infinity in other places"
    finite = np.isfinite(w)
    if not finite.any():
        return 0, None
    error, scale = np.abs(g[finite] - w[finite]).max(), np.abs(w[finite]).max()
    wrong = f"error {error:.2e} of {scale:.3g}" if error > rtol * scale + atol else None
    return error / max(scale, atol), wrong


def differences(got, want, rtol, atol):
    """`difference` over several outputs: the largest error, and the first thing that is wrong."""
    found = [difference(g, w, rtol, atol) for g, w in zip(got, want)]
    return max(error for error, _ in found), next((wrong for _, wrong in found if wrong), None)

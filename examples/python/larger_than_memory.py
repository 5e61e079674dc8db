"""A data set larger than memory: a generator of batches in, predictions out as they are ready.

    python larger_than_memory.py [MODEL] [ROWS]

predict_iter takes each batch once, gives the results in order, and has at most `look_ahead` batches in memory: while
one is computed, the next are read. Where rows and predictions are files, predict_file does the same without a loop.
"""

import pathlib
import resource
import sys
import tempfile

import numpy as np

import hornpipe


def batches(rows, size=10_000):
    """Stands for a data base, a queue, a decoder: no more than one batch exists at a time."""
    generator = np.random.default_rng(0)
    for at in range(0, rows, size):
        yield generator.standard_normal((min(size, rows - at), 10), dtype=np.float32)


def main(model_path, rows):
    model = hornpipe.load_model(model_path)
    with tempfile.TemporaryDirectory() as folder:
        target = np.lib.format.open_memmap(f"{folder}/pred.npy", "w+", np.float32, (rows, 1))
        at = 0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for y in model.predict_iter(batches(rows), look_ahead=3):
            target[at : at + len(y)] = y
            at += len(y)
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before - target.nbytes // 1024
        whole = model.predict(np.concatenate(list(batches(min(rows, 50_000)))))
        same = whole.tobytes() == target[: len(whole)].tobytes()
        size = f"{rows * 40 / 1e6:.0f} MB in {max(more, 0) / 1e3:.0f} MB"
        print(f"{at} rows of {size}, the bytes of model.predict(x): {same}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    path = sys.argv[1] if len(sys.argv) > 1 else here.parent / "mlp_10_64_64_1.keras"
    main(path, int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)

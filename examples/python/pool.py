"""multiprocessing.Pool, with each of its ways to start workers: a list of chunks in, their predictions out in order.

    python pool.py [MODEL] [fork|forkserver|spawn]...

What travels to a worker is `model.predict`: it pickles as the model's path and the hash of its content, 200 bytes or
so. With fork, workers use the very memory that holds the packed weights here; with the others each opens the file once.
In a worker predict uses one core unless it is told otherwise, so that four workers are four cores.
"""

import multiprocessing
import pathlib
import sys

import numpy as np

import hornpipe


def main(model_path, methods):
    model = hornpipe.load_model(model_path)
    x = np.random.default_rng(0).standard_normal((20_000, 10)).astype(np.float32)
    whole = model.predict(x)
    for method in methods:
        with multiprocessing.get_context(method).Pool(4) as pool:
            parts = pool.map(model.predict, np.array_split(x, 7))
        same = np.concatenate(parts).tobytes() == whole.tobytes()
        print(f"{method}: {len(x)} rows, the bytes of model.predict(x): {same}")


if __name__ == "__main__":  # workers that are not forked import this file
    here = pathlib.Path(__file__).resolve().parent
    arguments = sys.argv[1:] or [here.parent / "mlp_10_64_64_1.keras"]
    main(arguments[0], arguments[1:] or ["fork", "forkserver", "spawn"])

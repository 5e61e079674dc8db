"""concurrent.futures: threads and processes.

    python futures.py [MODEL]

Threads are as good as processes here: the interpreter is let go of while rows are computed. Calls that run side by side
share the cores between them; results are in order, and the bytes of one call.
"""

import concurrent.futures
import multiprocessing
import pathlib
import sys

import numpy as np

import hornpipe


def main(model_path):
    model = hornpipe.load_model(model_path)
    x = np.random.default_rng(0).standard_normal((20_000, 10)).astype(np.float32)
    whole = model.predict(x)
    executors = {
        "ThreadPoolExecutor": concurrent.futures.ThreadPoolExecutor(4),
        "ProcessPoolExecutor": concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")),
    }
    for name, executor in executors.items():
        with executor:
            parts = list(executor.map(model.predict, np.array_split(x, 8)))
        same = np.concatenate(parts).tobytes() == whole.tobytes()
        print(f"{name}: {len(x)} rows, the bytes of model.predict(x): {same}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    main(sys.argv[1] if len(sys.argv) > 1 else here.parent / "mlp_10_64_64_1.keras")

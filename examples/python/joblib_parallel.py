"""joblib: delayed(model.predict) on chunks, with processes (loky) and threads.

    python joblib_parallel.py [MODEL]

Each task is pickled with its chunk; the model in it is its path and hash, and a worker opens it once. joblib says how
many threads a worker may use (inner_max_num_threads), and predict keeps to that: no more threads than cores in all.
"""

import pathlib
import sys

import numpy as np
from joblib import Parallel, delayed, parallel_config

import hornpipe


def main(model_path):
    model = hornpipe.load_model(model_path)
    x = np.random.default_rng(0).standard_normal((20_000, 10)).astype(np.float32)
    whole = model.predict(x)
    for backend in ("loky", "threading", "multiprocessing"):
        parts = Parallel(n_jobs=4, backend=backend)(delayed(model.predict)(chunk) for chunk in np.array_split(x, 4))
        same = np.concatenate(parts).tobytes() == whole.tobytes()
        print(f"{backend}: {len(x)} rows, the bytes of model.predict(x): {same}")
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        parts = Parallel()(delayed(model.predict)(chunk) for chunk in np.array_split(x, 3))
    same = np.concatenate(parts).tobytes() == whole.tobytes()
    print(f"loky, one thread each: {len(x)} rows, the bytes of model.predict(x): {same}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    main(sys.argv[1] if len(sys.argv) > 1 else here.parent / "mlp_10_64_64_1.keras")

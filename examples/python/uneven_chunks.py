"""Chunks of any sizes, and more workers than rows: the results are the same bytes in the same order.

python uneven_chunks.py [MODEL]
"""

import pathlib
import sys

import numpy as np

import hornpipe


def main(model_path):
    model = hornpipe.load_model(model_path)
    x = np.random.default_rng(0).standard_normal((5_003, 10)).astype(np.float32)
    whole = model.predict(x)
    chunks = np.split(x, [1, 2, 1000, 1000, 1007, 4999])  # one of them is empty
    same = np.concatenate([model.predict(chunk) for chunk in chunks]).tobytes() == whole.tobytes()
    print(f"chunks of {[len(chunk) for chunk in chunks]} rows, the bytes of model.predict(x): {same}")
    for backend in ("threads", "processes"):
        same = model.predict(x[:3], n_jobs=8, backend=backend).tobytes() == whole[:3].tobytes()
        print(f"3 rows on 8 workers ({backend}), the bytes of model.predict(x): {same}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    main(sys.argv[1] if len(sys.argv) > 1 else here.parent / "mlp_10_64_64_1.keras")

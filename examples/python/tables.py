"""Rows where they live: Parquet, Arrow, pandas, polars, HDF5.

    python tables.py [MODEL]

Frames and tables go to predict as they are: columns become the model's numbers, in their order. A Parquet file larger
than memory goes record batch by record batch; an HDF5 data set chunk by chunk.
"""

import pathlib
import sys
import tempfile

import h5py
import numpy as np
import pandas
import polars
import pyarrow.dataset
import pyarrow.parquet

import hornpipe


def main(model_path):
    model = hornpipe.load_model(model_path)
    x = np.random.default_rng(0).standard_normal((20_000, 10)).astype(np.float32)
    whole = model.predict(x)
    names = [f"feature_{i}" for i in range(10)]
    frame = pandas.DataFrame(x, columns=names)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/rows.parquet"
        frame.assign(id=np.arange(len(x))).to_parquet(path, row_group_size=3_000)
        with h5py.File(f"{folder}/rows.h5", "w") as file:
            stored = file.create_dataset("x", data=x, chunks=(1_000, 10), compression="gzip")
            results = {
                "pandas": model.predict(frame),
                "polars": model.predict(polars.from_numpy(x, schema=names)),
                "Arrow table": model.predict(pyarrow.parquet.read_table(path, columns=names)),
                "Parquet, batch by batch": model.predict(
                    pyarrow.parquet.ParquetFile(path).iter_batches(columns=names, batch_size=4_096)
                ),
                "Parquet, a scanner's reader": model.predict(
                    pyarrow.dataset.dataset(path).scanner(columns=names).to_reader()
                ),
                "HDF5, chunk by chunk": model.predict(stored),
            }
    for name, y in results.items():
        print(f"{name}: {len(y)} rows, the bytes of model.predict(x): {y.tobytes() == whole.tobytes()}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    main(sys.argv[1] if len(sys.argv) > 1 else here.parent / "mlp_10_64_64_1.keras")

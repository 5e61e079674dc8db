# %% [markdown]
"""Throughput against workers: a notebook of cells, and a program.

    python throughput.py [--repeats N] [--output throughput.png]

The data are scikit-learn's handwritten digits (1,797 scanned 8x8 images), the model is the convolutional network of
examples/digits_cnn.keras, trained on them with Keras. What is measured is rows per second for 1, 2, ... workers, as
threads and as worker processes, and that the results are the same bytes every time.
"""

# %% The data and the model
import argparse
import pathlib
import time

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import hornpipe

arguments = argparse.ArgumentParser()
arguments.add_argument("--repeats", type=int, default=20, help="how many times the images are predicted together")
arguments.add_argument("--output", default="throughput.png")
options = arguments.parse_args()

digits = load_digits()
model = hornpipe.load_model(pathlib.Path(__file__).resolve().parent.parent / "digits_cnn.keras")
shape = model.inputs[0].shape[1:]
images = digits.images.reshape(-1, *shape).astype(np.float32)
model.summary()

# %% Are they right?
accuracy = (model.predict(images).argmax(axis=1) == digits.target).mean()
print(f"{len(images)} images, accuracy {accuracy:.3f}")
assert accuracy > 0.95

# %% Rows per second for each number of workers
x = np.concatenate([images] * options.repeats)
expected = model.predict(x).tobytes()
workers = list(range(1, hornpipe.core_count() + 1))
rates = {}
for backend in ("threads", "processes"):
    for jobs in workers:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            y = model.predict(x, n_jobs=jobs, backend=backend, verbose=0)
            seconds.append(time.perf_counter() - start)
            assert y.tobytes() == expected
        rates[backend, jobs] = len(x) / min(seconds)
        print(f"{backend}, {jobs} workers: {rates[backend, jobs]:,.0f} rows/s, the bytes of one worker: True")

# %% The plot
figure, axes = plt.subplots(figsize=(6, 4))
for backend in ("threads", "processes"):
    axes.plot(workers, [rates[backend, jobs] / 1e3 for jobs in workers], marker="o", label=backend)
axes.plot(workers, [jobs * rates["threads", 1] / 1e3 for jobs in workers], "--", color="grey", label="ideal")
axes.set(xlabel="workers", ylabel="thousand rows per second", title=f"{model.name}: {len(x):,} images", xticks=workers)
axes.set_ylim(bottom=0)
axes.legend()
figure.tight_layout()
figure.savefig(options.output, dpi=120)
print(f"the plot is in {options.output}")

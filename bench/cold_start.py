#!/usr/bin/env python3
"""Cold start, side by side: 10,000 x 10 rows from file to file, the whole process from exec to exit.

    cold_start.py [--hornpipe build/hornpipe] [--runs 20] [--onnx-python PYTHON]

`hornpipe predict` against a Python script that imports Keras, loads the model, predicts and saves; and against the same
with ONNX Runtime where --onnx-python has it. They take turns (Keras and ONNX Runtime in every fourth round). Prints the
medians of wall time and peak resident memory, measured by bench/measure.c.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from engines import machine
from million_rows import MODEL, ROOT, export_apart

KERAS = """
import sys, keras, numpy
model = keras.models.load_model(sys.argv[1], compile=False)
numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), batch_size=10000, verbose=0))
"""
ONNX = """
import sys, numpy
sys.path.insert(0, sys.argv[1])
from engines import OnnxRuntime
numpy.save(sys.argv[4], OnnxRuntime(sys.argv[2]).predict(numpy.load(sys.argv[3])))
"""
SLOW_ONE_IN = 4


def measured(measure, argv):
    """Seconds and megabytes of one run."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([measure, *argv], check=True, capture_output=True, text=True, env=environment)
    seconds, kilobytes = done.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def commands(arguments, folder):
    """What to run, as {label: argv}."""
    rows, bench = folder / "rows.npy", pathlib.Path(__file__).resolve().parent
    ours = [arguments.hornpipe, "predict", MODEL, rows, "-o", folder / "hornpipe.npy", "--progress", "none"]
    keras = [sys.executable, "-c", KERAS, MODEL, rows, folder / "keras.npy"]
    found = {"hornpipe predict": ours, "Python with Keras": keras}
    if subprocess.run([arguments.onnx_python, "-c", "import onnx, onnxruntime"], capture_output=True).returncode == 0:
        export_apart(folder / "dense.npz")
        onnx = [arguments.onnx_python, "-c", ONNX, bench, folder / "dense.npz", rows, folder / "onnx.npy"]
        found["Python with ONNX Runtime (and onnx)"] = onnx
    return {label: [os.fspath(a) for a in argv] for label, argv in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hornpipe", type=pathlib.Path, default=ROOT / "build" / "hornpipe")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--onnx-python", default=sys.executable)
    arguments = parser.parse_args()
    arguments.hornpipe = arguments.hornpipe.resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "rows.npy", np.random.default_rng(1).standard_normal((10_000, 10), dtype="float32"))
        measure = folder / "measure"
        source = ROOT / "bench" / "measure.c"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", measure, source], check=True)
        argvs = commands(arguments, folder)
        runs = {label: [] for label in argvs}
        for turn in range(arguments.runs):
            for label, argv in argvs.items():
                if "Python" not in label or turn % SLOW_ONE_IN == 0:
                    runs[label].append(measured(measure, argv))
        error = np.abs(np.load(folder / "hornpipe.npy") - np.load(folder / "keras.npy")).max()
    print(f"\n10,000 x 10 rows, whole process, file to file; {machine()}; largest difference from Keras {error:.1e}\n")
    print("| process | runs | median wall time | fastest | peak memory (median) |\n| --- | --- | --- | --- | --- |")
    for label, pairs in runs.items():
        times, memory = zip(*pairs)
        median, best, peak = 1e3 * statistics.median(times), 1e3 * min(times), statistics.median(memory)
        print(f"| {label} | {len(times)} | {median:.1f} ms | {best:.1f} ms | {peak:.1f} MB |")


if __name__ == "__main__":
    main()

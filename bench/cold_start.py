#!/usr/bin/env python3
"""Cold start, side by side: 10,000 x 10 rows from file to file, the whole process from exec to exit.

    cold_start.py [--command build/hornpipe] [--runs 20]

`hornpipe predict` against Python scripts that import an engine, open the same network, predict and save. They take turns
(Keras, which takes seconds, in every fourth round). Prints the medians of wall time and peak resident memory, measured by
measure.c.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from engines import machine
from workloads import CACHE, ROOT, prepare

ROWS = 10_000
KERAS = """
import sys, keras, numpy
model = keras.models.load_model(sys.argv[1] + "/model.keras", compile=False)
numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), batch_size=10000, verbose=0))
"""
ONNX = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx", providers=["CPUExecutionProvider"])
rows = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], session.run(None, {session.get_inputs()[0].name: rows})[0])
"""
OPENVINO = """
import sys, numpy, openvino
compiled = openvino.Core().compile_model(sys.argv[1] + "/model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
numpy.save(sys.argv[3], compiled(numpy.load(sys.argv[2]))[0])
"""
LITERT = """
import sys, numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1] + "/model.tflite")
rows, place = numpy.load(sys.argv[2]), interpreter.get_input_details()[0]["index"]
interpreter.resize_tensor_input(place, rows.shape)
interpreter.allocate_tensors()
interpreter.set_tensor(place, rows)
interpreter.invoke()
numpy.save(sys.argv[3], interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
"""
SCRIPTS = {
    "Python with Keras": KERAS,
    "Python with ONNX Runtime": ONNX,
    "Python with OpenVINO": OPENVINO,
    "Python with LiteRT": LITERT,
}
SLOW = "Python with Keras"
SLOW_ONE_IN = 4


def measured(measure, argv):
    """Seconds and megabytes of one run."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([measure, *map(os.fspath, argv)], check=True, capture_output=True, text=True, env=environment)
    seconds, kilobytes = done.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def commands(command, model, folder):
    """What to run, as {label: (argv, output)}."""
    rows, ours = folder / "rows.npy", folder / "hornpipe.npy"
    argv = [command, "predict", model / "model.keras", rows, "-o", ours, "--progress", "none", "--force"]
    found = {"hornpipe predict": (argv, ours)}
    for k, (label, script) in enumerate(SCRIPTS.items()):
        output = folder / f"{k}.npy"
        found[label] = ([sys.executable, "-c", script, model, rows, output], output)
    return found


def measure_all(command, model, count):
    """Times and memory of every process, as {label: [(seconds, megabytes)]}, and the largest difference from Keras's."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "rows.npy", np.random.default_rng(1).standard_normal((ROWS, 10), dtype="float32"))
        measure = folder / "measure"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", measure, ROOT / "bench" / "measure.c"], check=True)
        argvs = commands(command.resolve(), model, folder)
        runs = {label: [] for label in argvs}
        for turn in range(count):
            for label, (argv, _) in argvs.items():
                if label != SLOW or turn % SLOW_ONE_IN == 0:
                    runs[label].append(measured(measure, argv))
        reference = np.load(argvs[SLOW][1])
        errors = {label: float(np.abs(np.load(output) - reference).max()) for label, (_, output) in argvs.items()}
    return runs, max(errors.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", type=pathlib.Path, default=ROOT / "build" / "hornpipe")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--cache", type=pathlib.Path, default=CACHE)
    arguments = parser.parse_args()
    runs, error = measure_all(arguments.command, prepare("mlp", arguments.cache), arguments.runs)
    results = arguments.cache / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "cold_start.json").write_text(json.dumps({"rows": ROWS, "error": error, "runs": runs}, indent=1))
    print(f"\n{ROWS:,} x 10 rows, whole process, file to file; {machine()}; largest difference from Keras {error:.1e}\n")
    print("| process | runs | median wall time | fastest | peak memory (median) |\n| --- | --- | --- | --- | --- |")
    for label, pairs in runs.items():
        times, memory = zip(*pairs)
        median, best, peak = 1e3 * statistics.median(times), 1e3 * min(times), statistics.median(memory)
        print(f"| {label} | {len(times)} | {median:.1f} ms | {best:.1f} ms | {peak:.1f} MB |")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The million-row workload, side by side: 1,000,000 x 10 float32 rows through a 64-64-1 MLP.

    million_rows.py [--hornpipe build/hornpipe] [--rounds 9] [--rows N] [--onnx-python PYTHON]

Run it with a Python that has Keras. Every engine is a process of its own, warmed up, and they take turns: one prediction
of all rows each, round after round, since a machine's speed drifts by more than the engines differ. Keras and ONNX Runtime
run at each batch size of a list first, and go on with their fastest; Keras also at its default, which takes so long that it
has a turn in the first round only. A ratio is the median of the rounds' own ratios. Before the times, each engine's predictions are compared with Keras's. ONNX Runtime takes part
where --onnx-python (default: this Python) has onnx and onnxruntime.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from engines import Server, machine

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODEL = ROOT / "examples" / "mlp_10_64_64_1.keras"
BATCH_SIZES = (1024, 4096, 16384, 65536, 262144, 1000000)
DEFAULT = "Keras predict, default batch size"
TRIES = 3  # for each batch size; the fastest counts


def export_dense(path):
    """Stores the model's Dense layers for an engine that cannot read Keras's files."""
    import keras

    arrays, activations = {}, []
    for k, layer in enumerate(keras.models.load_model(MODEL, compile=False).layers):
        arrays[f"kernel{k}"], arrays[f"bias{k}"] = layer.get_weights()
        activations.append(layer.activation.__name__)
    np.savez(path, activations=activations, **arrays)


def export_apart(path):
    """`export_dense` in another process: TensorFlow in this one would take memory from the engines."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import million_rows; million_rows.export_dense(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, pathlib.Path(__file__).parent, path], check=True, capture_output=True)


def fastest(name, sizes, **options):
    """The engine at its best batch size, as (label, server)."""
    best = None
    for size in sizes:
        server = Server(name, batch_size=size, **options)
        seconds = min(server.run() for _ in range(TRIES))
        print(f"  {name} at batch size {size:,}: {seconds:.3f} s", file=sys.stderr)
        if best is None or seconds < best[0]:
            if best:
                best[2].close()
            best = (seconds, size, server)
        else:
            server.close()
    return f"batch size {best[1]:,}", best[2]


def start(arguments, folder):
    """All engines, warmed up, as {label: server}."""
    rows, library = folder / "rows.npy", arguments.hornpipe.parent / "libhornpipe.so"
    servers = {
        "hornpipe, C library": Server("Hornpipe", model=MODEL, library=library, columns=1, load=rows),
        "hornpipe predict, file to file": Server(
            "Command", model=MODEL, command=arguments.hornpipe, rows=rows, output=folder / "command.npy", load=rows
        ),
    }
    sizes = [s for s in BATCH_SIZES if s <= arguments.rows]
    label, server = fastest("Keras", sizes, model=MODEL, load=rows)
    servers[f"Keras predict, best {label}"] = server
    if not arguments.skip_default:
        servers[DEFAULT] = Server("Keras", model=MODEL, load=rows)
    export_apart(folder / "dense.npz")
    try:
        label, server = fastest("OnnxRuntime", sizes, model=folder / "dense.npz", load=rows, python=arguments.onnx_python)
        servers[f"ONNX Runtime, best {label}"] = server
    except RuntimeError as error:
        print(f"  left out: {error}", file=sys.stderr)
    return servers


def same_predictions(servers, folder):
    """Stops when an engine's predictions are not Keras's."""
    reference = None
    servers = {label: server for label, server in servers.items() if label != DEFAULT}
    for label in sorted(servers, key=lambda l: "Keras" not in l):
        servers[label].run()
        servers[label].save(folder / "predictions.npy")
        got = np.load(folder / "predictions.npy")
        reference = got if reference is None else reference
        error = np.abs(got - reference).max()
        if got.shape != reference.shape or not error <= 2e-5:
            raise SystemExit(f"{label}: predictions differ from Keras's by {error}")


def report(times, rows, rounds):
    """Prints the table."""
    ours = times["hornpipe, C library"]
    print(f"\n{rows:,} x 10 float32 rows, 10-64-64-1 MLP; {machine()}; engines taking turns, {rounds} rounds\n")
    print("| engine | median | best | rows/s (median) | time, x hornpipe's C library |\n| --- | --- | --- | --- | --- |")
    for label, seconds in times.items():
        median = statistics.median(seconds)
        ratio = statistics.median(s / o for s, o in zip(seconds, ours))
        print(f"| {label} | {median:.4f} s | {min(seconds):.4f} s | {rows / median / 1e6:.2f} M | {ratio:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hornpipe", type=pathlib.Path, default=ROOT / "build" / "hornpipe")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--onnx-python", default=sys.executable)
    parser.add_argument("--skip-default", action="store_true", help="without Keras at its default batch size (slow)")
    arguments = parser.parse_args()
    arguments.hornpipe = arguments.hornpipe.resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rows = np.random.default_rng(1).standard_normal((arguments.rows, 10), dtype="float32")
        np.save(folder / "rows.npy", rows)
        servers = start(arguments, folder)
        same_predictions(servers, folder)
        times = {label: [] for label in servers}
        for turn in range(arguments.rounds):
            for label, server in servers.items():
                if turn == 0 or label != DEFAULT:
                    times[label].append(server.run())
        for server in servers.values():
            server.close()
    report(times, arguments.rows, arguments.rounds)


if __name__ == "__main__":
    main()

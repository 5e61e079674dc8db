#!/usr/bin/env python3
"""Text in and out: how many rows a second go from .csv through a small model, beside how fast others only read the file.

    python bench/text.py [--rows N] [--rounds N] [--hornpipe COMMAND]... [--cache FOLDER]

The model is the 64-64-1 MLP of examples/ on 10 numbers. Its rows are written with the fewest digits that give float32 back
("float32", some 109 bytes a row) and float64 ("float64", some 196). hornpipe's command runs from file to /dev/null, raw or
csv, as a whole process; --hornpipe may be given several times, to compare builds. The readers (polars, pyarrow, pandas, those
that are installed) run in a process of their own, imported and warmed up on a part of the file first, and read the file to
one NumPy array of float32. All have all cores, and take turns; told is the median of the rounds. Files are in the page cache.

Results go into the cache folder (text.json), from where report.py takes them.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "examples" / "mlp_10_64_64_1.keras"
DIFFERENT = 50_000  # rows, which the file repeats
WAYS = [("float32", "raw"), ("float32", "csv"), ("float64", "raw"), ("npy", "raw"), ("npy", "csv")]
READERS = ["polars", "pyarrow", "pandas"]


def files(folder, rows):
    """The rows as .npy and as the two kinds of .csv, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {kind: folder / f"text.{rows}.{kind}{'' if kind == 'npy' else '.csv'}" for kind in ("npy", "float32", "float64")}
    exact = np.random.default_rng(1).standard_normal((DIFFERENT, 10))
    for kind, path in paths.items():
        if path.exists():
            continue
        times = -(-rows // DIFFERENT)
        if kind == "npy":
            np.save(path, np.tile(exact.astype(np.float32), (times, 1))[:rows])
            continue
        numbers = exact.astype(np.float32) if kind == "float32" else exact
        lines = [",".join(map(str, row)) + "\n" for row in numbers]
        with open(path, "w") as file:
            file.write(",".join(f"x{i}" for i in range(10)) + "\n")
            for begin in range(0, rows, DIFFERENT):
                file.writelines(lines[: rows - begin])
    return paths


def predict(command, path, kind):
    """Seconds of the whole process."""
    argv = [command, "predict", MODEL, path, "-o", "/dev/null", "--output-format", kind, "--force", "--progress", "none"]
    start = time.perf_counter()
    subprocess.run(argv, check=True)
    return time.perf_counter() - start


def read(reader, path):
    """In a process of its own: seconds of reading the file to an array; NaN where the reader is not installed."""
    done = subprocess.run([sys.executable, __file__, "--serve", reader, path], capture_output=True, text=True, check=True)
    return float(done.stdout)


def serve(reader, path):
    try:
        if reader == "polars":
            import polars

            def run(**more):
                return polars.read_csv(path, schema_overrides=[polars.Float32] * 10, **more).to_numpy()

            run(n_rows=1000)
        elif reader == "pyarrow":
            import pyarrow
            from pyarrow import csv

            types = {f"x{i}": pyarrow.float32() for i in range(10)}

            def run():
                found = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types))
                return np.stack([column.to_numpy() for column in found.columns], axis=1)

        else:
            import pandas

            def run(**more):
                return pandas.read_csv(path, dtype=np.float32, **more).to_numpy()

            run(nrows=1000)
    except ImportError:
        print("nan")
        return
    start = time.perf_counter()
    found = run()
    seconds = time.perf_counter() - start
    assert found.dtype == np.float32 and found.shape[1] == 10
    print(seconds)


def main():
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hornpipe", action="append", type=pathlib.Path)
    parser.add_argument("--only", action="append", help="float32, float64, npy, or a reader")
    parser.add_argument("--cache", type=pathlib.Path, default=os.environ.get("HORNPIPE_BENCH_CACHE", ROOT / "build" / "bench"))
    options = parser.parse_args()
    paths = files(pathlib.Path(options.cache), options.rows)
    commands = options.hornpipe or [ROOT / "build" / "hornpipe"]
    runs = {(str(c), *way): [] for way in WAYS for c in commands if not options.only or way[0] in options.only}
    runs |= {(r, kind, "array"): [] for r in READERS for kind in ("float32", "float64") if not options.only or r in options.only}
    for _ in range(options.rounds):
        for (who, source, to), seconds in runs.items():
            seconds.append(read(who, paths[source]) if to == "array" else predict(who, paths[source], to))
    kept = []
    for (who, source, to), seconds in runs.items():
        median = statistics.median(seconds)
        if median != median:
            continue
        name = who if to == "array" or len(commands) > 1 else "hornpipe"
        kept.append({"who": name, "from": source, "to": to, "seconds": median, "bytes": paths[source].stat().st_size})
        print(f"{name:12} {source:8} to {to:6} {options.rows / median / 1e6:7.2f} M rows/s  {1e9 * median / options.rows:7.1f} ns a row")
    if len(commands) == 1 and not options.only:
        results = pathlib.Path(options.cache) / "results"
        results.mkdir(parents=True, exist_ok=True)
        (results / "text.json").write_text(json.dumps({"rows": options.rows, "rounds": options.rounds, "runs": kept}, indent=1))


if __name__ == "__main__":
    main()

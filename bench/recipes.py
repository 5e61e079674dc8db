#!/usr/bin/env python3
"""The recipes that people use to predict on several cores, on Keras and on hornpipe, side by side.

    PYTHONPATH=build/python python bench/recipes.py [--rows N] [--workers N] [--rounds N] [--only RECIPE]... [--json FILE]

Each recipe runs in a process of its own, engines taking turns: it opens the model, predicts N rows of 10 numbers with the
64-64-1 MLP of examples/, and writes the results to one array. Told are the seconds of the whole process (imports, opening,
workers' start), those of predicting alone, and the largest memory of the process and all its workers together (the sum of
their proportional set sizes, so that what is shared counts once; seen every 20 ms). The median of the rounds.

Keras is used as its users do: `predict` with its defaults, or with a batch size that serves it better (8192); in worker
processes each worker opens the model once.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time

MODEL = pathlib.Path(__file__).resolve().parent.parent / "examples" / "mlp_10_64_64_1.keras"
RECIPES = ["one call", "Pool, fork", "Pool, spawn", "joblib", "threads", "generator"]
ENGINES = ["hornpipe", "Keras", "Keras, batch 8192"]

model = None  # of this process


def open_model(engine):
    """Opens the model once in this process."""
    global model
    if model is not None:
        return model
    if engine == "hornpipe":
        import hornpipe

        model = hornpipe.load_model(MODEL)
    else:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras

        model = keras.models.load_model(MODEL, compile=False)
    return model


def predict(task):
    """One chunk, in whatever process."""
    engine, x = task
    opened = open_model(engine)
    if engine == "hornpipe":
        return opened.predict(x)
    return opened.predict(x, batch_size=8192 if engine.endswith("8192") else None, verbose=0)


def run(recipe, engine, x, workers):
    """The predictions of all rows, as a list of arrays in order."""
    import numpy as np

    tasks = [(engine, chunk) for chunk in np.array_split(x, workers)]
    if recipe == "one call":
        return [predict((engine, x))]
    if recipe.startswith("Pool"):
        if engine == "hornpipe":  # opened once, here: forked workers share it
            open_model(engine)
        with multiprocessing.get_context(recipe.split()[1]).Pool(workers) as pool:
            return pool.map(predict, tasks)
    if recipe == "joblib":
        from joblib import Parallel, delayed

        return Parallel(n_jobs=workers)(delayed(predict)(task) for task in tasks)
    if recipe == "threads":
        from concurrent.futures import ThreadPoolExecutor

        open_model(engine)
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(predict, tasks))
    chunks = (x[at : at + 10_000] for at in range(0, len(x), 10_000))
    if engine == "hornpipe":
        return list(open_model(engine).predict_iter(chunks))
    return [predict((engine, chunk)) for chunk in chunks]


def serve(recipe, engine, rows, workers):
    """One run, in this process: prints its seconds and the sum of the results."""
    import numpy as np

    x = np.random.default_rng(0).standard_normal((rows, 10), dtype=np.float32)
    start = time.perf_counter()
    y = np.concatenate(run(recipe, engine, x, workers))
    print(json.dumps({"predicting": time.perf_counter() - start, "rows": len(y), "sum": float(y.sum(dtype="f8"))}))


def children(pid):
    """The processes below a process, itself included."""
    found = [pid]
    for one in found:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                found += map(int, open(f"/proc/{one}/task/{task}/children").read().split())
        except OSError:
            continue
    return found


def memory(pid):
    """Megabytes that a process and those below it have together."""
    total = 0
    for one in children(pid):
        try:
            lines = open(f"/proc/{one}/smaps_rollup").read().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def measure(recipe, engine, rows, workers):
    """One run in a process of its own."""
    start = time.perf_counter()
    argv = [sys.executable, __file__, "--serve", recipe, engine, str(rows), str(workers)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    most = 0.0
    while process.poll() is None:
        most = max(most, memory(process.pid))
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise RuntimeError(f"{recipe} with {engine} failed; to see why: {' '.join(map(repr, argv))}")
    return {"whole": seconds, "memory": most, **json.loads(process.stdout.read())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=RECIPES)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    table = []
    print(f"{options.rows} rows, {options.workers} workers; seconds and megabytes, medians of {options.rounds} rounds\n")
    print("| recipe | engine | whole process | predicting | memory |\n| --- | --- | --- | --- | --- |", flush=True)
    for recipe in options.only or RECIPES:
        runs = {engine: [] for engine in ENGINES}
        for _ in range(options.rounds):
            for engine in ENGINES:
                runs[engine].append(measure(recipe, engine, options.rows, options.workers))
        sums = {engine: found[0]["sum"] for engine, found in runs.items()}
        if any(abs(value - sums["Keras"]) > 1e-4 * abs(sums["Keras"]) for value in sums.values()):
            raise RuntimeError(f"{recipe}: the results are not the same: {sums}")
        for engine, found in runs.items():
            row = {key: statistics.median(one[key] for one in found) for key in ("whole", "predicting", "memory")}
            table.append({"recipe": recipe, "engine": engine, **row})
            print(f"| {recipe} | {engine} | {row['whole']:.2f} | {row['predicting']:.3f} | {row['memory']:.0f} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"rows": options.rows, "workers": options.workers, "runs": table}, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()

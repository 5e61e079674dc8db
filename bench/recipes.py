#!/usr/bin/env python3
"""The recipes that people use to predict on several cores, on Keras and on hornpipe, side by side.

    PYTHONPATH=build/python python bench/recipes.py [--rows N] [--workers N] [--rounds N] [--only RECIPE]... [--cache FOLDER]
    python bench/recipes.py --write [--cache FOLDER]

Results are kept in the cache folder, a file for each number of rows; --write puts them into docs/python.md and README.md.

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
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "examples" / "mlp_10_64_64_1.keras"
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


def table(found):
    """Lines of the table of one number of rows."""
    names = ["hornpipe", "Keras", "Keras, batch 8192"]
    runs_told = "one run each" if found["rounds"] == 1 else f"medians of {found['rounds']} runs"
    lines = [
        f"{found['rows']:,} rows, {found['workers']} workers, {runs_told}:",
        "",
        "| recipe | " + " | ".join(f"{name}: s | MB" for name in names) + " | time, Keras's best : hornpipe |",
        "| --- " * 8 + "|",
    ]
    for recipe in RECIPES:
        runs = {run["engine"]: run for run in found["runs"] if run["recipe"] == recipe}
        if not runs:
            continue
        cells = " | ".join(f"{runs[name]['whole']:.2f} | {runs[name]['memory']:.0f}" for name in names)
        best = min(runs[name]["whole"] for name in names[1:])
        lines.append(f"| {recipe} | {cells} | {best / runs['hornpipe']['whole']:.0f} |")
    return lines


def between(path, text):
    """Replaces what stands between the marks of this program."""
    mark, end = "<!-- recipes: written by bench/recipes.py -->\n", "<!-- /recipes -->"
    old = path.read_text()
    new = re.sub(re.escape(mark) + ".*?" + re.escape(end), lambda _: mark + text + end, old, flags=re.S)
    if mark not in old:
        raise RuntimeError(f"{path} has no place for the recipes' results")
    path.write_text(new)


def write(cache):
    """The tables of all results into docs/python.md, and a line of the smallest run into README.md."""
    results = [json.loads(path.read_text()) for path in cache.glob("recipes.*.json")]
    if not results:
        raise RuntimeError(f"there are no results in {cache}")
    results.sort(key=lambda found: found["rows"])
    between(ROOT / "docs" / "python.md", "\n\n".join("\n".join(table(found)) for found in results) + "\n")
    first = results[0]
    runs = {(run["recipe"], run["engine"]): run for run in first["runs"]}
    pool = "Pool, spawn" if ("Pool, spawn", "Keras") in runs else first["runs"][0]["recipe"]
    ours, theirs = runs[pool, "hornpipe"], min((runs[pool, name] for name in ENGINES[1:]), key=lambda run: run["whole"])
    between(
        ROOT / "README.md",
        f"The recipes that people use with Keras (`Pool`, joblib, threads, a generator) run as they stand: {first['rows']:,} rows by"
        f" `{pool}` take {ours['whole']:.1f} s and {ours['memory']:.0f} MB in all, with Keras {theirs['whole']:.1f} s and"
        f" {theirs['memory']:.0f} MB ([docs/python.md](docs/python.md#the-recipes-beside-keras)).\n",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=RECIPES)
    parser.add_argument("--cache", type=pathlib.Path, default=os.environ.get("HORNPIPE_BENCH_CACHE", ROOT / "build" / "bench"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        write(options.cache)
        return
    kept = []
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
            kept.append({"recipe": recipe, "engine": engine, **row})
            print(f"| {recipe} | {engine} | {row['whole']:.2f} | {row['predicting']:.3f} | {row['memory']:.0f} |", flush=True)
    options.cache.mkdir(parents=True, exist_ok=True)
    path = options.cache / f"recipes.{options.rows}.json"
    path.write_text(json.dumps({"rows": options.rows, "workers": options.workers, "rounds": options.rounds, "runs": kept}, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()

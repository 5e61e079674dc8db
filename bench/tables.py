#!/usr/bin/env python3
"""The other tables beside run.py's rows a second: latency, opening, threads, numbers of rows.

    tables.py latency|opening|threads|rows [--only mlp,cnn] [--rounds 5] [--library build/libhornpipe.so]

latency   seconds of predicting one row, in each engine's quickest form, from Python
opening   seconds to open a model, and to have the first row's prediction; the process's peak memory after that
threads   rows a second with 1, 2, 4 ... threads of hornpipe
rows      rows a second of one call by the number of its rows

Engines are processes of their own and take turns, as in run.py. Results go to the cache folder's `results`.
"""
import argparse
import json
import pathlib
import statistics

from contest import PEERS, Contender, find_best, ratio, short
from engines import CORES, ENGINES, EngineFailure
from workloads import CACHE, ROOT, WORKLOADS, prepare

LATENCY = ("mlp", "cnn", "lstm", "conv1d", "transformer", "tabular", "mobilenetv2", "resnet50", "efficientnetb0")
OPENING = ("mlp", "cnn", "mobilenetv2", "resnet50", "efficientnetb0")
ROWS = ("mlp", "cnn")


def started(spec, workload, arguments, mode="", **options):
    """A contender with a server in this mode, or one that failed."""
    contender = Contender(spec, prepare(workload.name, arguments.cache), arguments)
    contender.options.update(options)
    try:
        contender.start(mode)
    except EngineFailure as failure:
        contender.failure = str(failure)
    return contender


def seconds(value):
    """A duration with three figures."""
    for unit, size in ("s", 1), ("ms", 1e-3), ("us", 1e-6):
        if value >= size:
            break
    return f"{value / size:.3g} {unit}"


def in_turns(contenders, rounds, turn):
    """Calls `turn(contender)` for all in turns; what it returns is kept as the contender's `values`."""
    for contender in contenders:
        contender.values = []
    for k in range(rounds):
        for contender in contenders if k % 2 == 0 else reversed(contenders):
            if not contender.server:
                continue
            try:
                contender.values.append(turn(contender))
            except EngineFailure as failure:
                contender.close()
                contender.values, contender.server, contender.failure = [], None, str(failure)
    for contender in contenders:
        contender.close()


def latency(workload, arguments):
    """One row. Engines that have several modes take part in each, and the quicker one counts."""
    prefer = {"hornpipe": {"prefer": 1}, "package": {"prefer": "latency"}}
    contenders = [
        started(spec, workload, arguments, mode, **prefer.get(spec, {}))
        for spec in ("hornpipe", "package", *PEERS)
        for mode in ENGINES[spec].modes
    ]
    in_turns(contenders, arguments.rounds, lambda c: c.server.ask("calls", 0.1))
    found = {}
    for c in contenders:
        value = statistics.median(c.values) if c.values else None
        if c.label not in found or (value or 1e9) < (found[c.label]["seconds"] or 1e9):
            found[c.label] = {"seconds": value, "failure": c.failure, "mode": c.mode}
    for label, one in found.items():
        what = f"{seconds(one['seconds']):>9} {one['mode'].lower()}" if one["seconds"] else f"fails: {one['failure']}"
        print(f"{workload.name:<16} {label:<18} {what}", flush=True)
    return found


def opening(workload, arguments):
    """A fresh process each time, in turns."""
    found = {}
    for _ in range(arguments.rounds):
        for spec in ("hornpipe", *PEERS):
            mode = "LATENCY" if spec == "openvino" else ""
            contender = started(spec, workload, arguments, mode)
            one = found.setdefault(contender.label, {"open": [], "first": [], "memory": [], "failure": contender.failure})
            if not contender.server:
                continue
            try:
                one["open"].append(contender.server.ready["open"])
                one["first"].append(contender.server.ready["open"] + contender.server.ask("first"))
                one["memory"].append(contender.server.ask("memory"))
            except EngineFailure as failure:
                one["failure"] = str(failure)
            contender.close()
    for label, one in found.items():
        if one["failure"]:
            print(f"{workload.name:<16} {label:<18} fails: {one['failure']}", flush=True)
            continue
        medians = {name: statistics.median(one[name]) for name in ("open", "first", "memory")}
        print(
            f"{workload.name:<16} {label:<18} open {seconds(medians['open']):>8}, with the first row"
            f" {seconds(medians['first']):>8}, peak memory {medians['memory']:.0f} MB",
            flush=True,
        )
    weights = (prepare(workload.name, arguments.cache) / "model.keras").stat().st_size / 2**20
    return {"megabytes": weights, "engines": found}


def threads(workload, arguments):
    """hornpipe with 1, 2, 4 ... threads, in turns."""
    counts = [2**k for k in range(10) if 2**k < CORES] + [CORES]
    contenders = [started("hornpipe", workload, arguments, jobs=count) for count in counts]
    for contender in contenders:
        contender.turn(workload.rows)
        contender.rates.clear()
    in_turns(contenders, arguments.rounds, lambda c: c.turn(workload.rows))
    found = {}
    for count, contender in zip(counts, contenders):
        speedup = statistics.median(a / b for a, b in zip(contender.rates, contenders[0].rates))
        found[count] = {"rates": contender.rates, "speedup": speedup}
        print(
            f"{workload.name:<16} {count:>3} threads {short(statistics.median(contender.rates)):>8} rows/s, x {speedup:.2f}",
            flush=True,
        )
    return found


def rows(workload, arguments):
    """One call with 1, 10, 100 ... rows; peers at their best batch size, where there are as many rows."""
    folder = prepare(workload.name, arguments.cache)
    memory = json.loads((folder / "best.json").read_text()) if (folder / "best.json").exists() else {}
    contenders = [Contender(spec, folder, arguments) for spec in ("hornpipe", *PEERS)]
    for contender in contenders:
        try:
            find_best(contender, workload.rows, memory, False)
        except EngineFailure as failure:
            contender.failure = str(failure)
            contender.close()
    contenders = [c for c in contenders if c.server]
    counts = [10**k for k in range(7) if 10**k < workload.rows] + [workload.rows]
    found = {c.label: {} for c in contenders}
    for count in counts:
        values = {c.label: [] for c in contenders}
        for _ in range(arguments.rounds):
            for c in contenders:
                values[c.label].append(c.server.ask("repeat", count, min(c.batch, count), 0.03))
        for label, times in values.items():
            found[label][count] = count / statistics.median(times)
        line = ", ".join(f"{label} {short(found[label][count])}" for label in found)
        print(f"{workload.name:<16} {count:>9,} rows: {line}", flush=True)
    for contender in contenders:
        contender.close()
    return found


TABLES = {"latency": (latency, LATENCY), "opening": (opening, OPENING), "threads": (threads, tuple(WORKLOADS)), "rows": (rows, ROWS)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="NAME,...")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--library", type=pathlib.Path, default=ROOT / "build" / "libhornpipe.so")
    parser.add_argument("--cache", type=pathlib.Path, default=CACHE)
    arguments = parser.parse_args()
    arguments.isa = None
    make, names = TABLES[arguments.table]
    results = arguments.cache / "results"
    results.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or names:
        found = make(WORKLOADS[name], arguments)
        (results / f"{arguments.table}.{name}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

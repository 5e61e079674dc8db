#!/usr/bin/env python3
"""Hornpipe and its peers side by side: rows a second on every workload, engines taking turns in one run.

    run.py [--only mlp,cnn] [--engines hornpipe,onnxruntime] [--rounds 7] [--library build/libhornpipe.so]

Each engine is a process of its own, opened and warmed up before the first turn; its predictions are compared with Keras's
before anything is timed. Engines take turns, round after round, since a machine's speed drifts by more than engines differ: a
ratio is the median of the rounds' own ratios. Peers run at the batch size and in the mode that a short search found fastest;
the cache folder remembers them (--search looks again). `--engines hornpipe,hornpipe=OTHER.so` compares two builds.

Prints a table; results go to the cache folder's `results`, from which report.py writes docs/performance.md.
"""
import argparse
import datetime
import json
import pathlib
import statistics

from contest import PEERS, Contender, Others, begin, default_rate, ratio, short
from engines import CORES, ENGINES
from workloads import CACHE, ROOT, WORKLOADS, prepare


def measure(workload, arguments):
    """Runs one workload; the result is a tree of plain values."""
    folder = prepare(workload.name, arguments.cache)
    remembered = folder / "best.json"
    memory = json.loads(remembered.read_text()) if remembered.exists() else {}
    contenders = [Contender(spec, folder, arguments) for spec in arguments.engines]
    for contender in contenders:
        begin(contender, workload.rows, memory, arguments.search)
    remembered.write_text(json.dumps(memory, indent=1))
    running = [c for c in contenders if c.server]
    ours = next((c for c in running if c.name == "hornpipe"), None)
    keras = next((c for c in running if c.name == "keras"), None)
    default = default_rate(keras, workload.rows) if keras else None
    peaks, others = [], Others(running)
    for turn in range(arguments.rounds):
        if ours:
            peaks.append(ours.server.ask("peak"))
        for contender in running if turn % 2 == 0 else reversed(running):
            contender.turn(workload.rows)
    flops, others = ours.server.ask("flops") if ours else 0.0, others.share()
    for contender in running:
        contender.close()
    more = {"peak": statistics.median(peaks or [0]), "flops": flops, "default": default, "others": others}
    return result(workload, contenders, arguments, **more)


def result(workload, contenders, arguments, **more):
    engines = [
        {
            "engine": c.label,
            "name": c.name,
            "failure": c.failure,
            "rates": c.rates,
            "batch": c.batch,
            "mode": c.mode,
            "error": c.error,
        }
        for c in contenders
    ]
    today = datetime.date.today().isoformat()
    return {"workload": workload.name, "rows": workload.rows, "isa": arguments.isa, "date": today, "engines": engines, **more}


def best_peer(found):
    """The fastest engine that is not ours, or None."""
    peers = [e for e in found["engines"] if e["name"] in PEERS and e["rates"]]
    return max(peers, key=lambda e: statistics.median(e["rates"]), default=None)


def share_of_peak(found, engine):
    """Of the fused multiply-add peak of all cores, counting the direct algorithm's operations."""
    return statistics.median(engine["rates"]) * found["flops"] / (found["peak"] * CORES) if found["peak"] else None


def show(found):
    """One workload's lines of the table."""
    best, first = best_peer(found), next((e for e in found["engines"] if e["rates"]), None)
    for engine in found["engines"]:
        cells = [found["workload"], engine["engine"]]
        if engine["failure"]:
            print(f"{cells[0]:<16} {cells[1]:<14} fails: {engine['failure']}", flush=True)
            continue
        how = f"{engine['batch'] or ''} {engine['mode'].lower()}".strip()
        share = share_of_peak(found, engine)
        beside = best or first
        against = f"{ratio(engine, beside):6.2f} x {beside['engine'].split('/')[-1]}"
        percent = f"{100 * share:4.0f} %" if share is not None else "      "
        print(
            f"{cells[0]:<16} {cells[1].split('/')[-1]:<14} {short(statistics.median(engine['rates'])):>8} rows/s {percent}"
            f" of peak {against:<26} {how:<18} error {engine['error']:.0e}",
            flush=True,
        )
    if found["others"] > 0.05:
        print(f"{found['workload']:<16} other programs took {100 * found['others']:.0f} % of the machine", flush=True)
    if found["default"]:
        print(f"{found['workload']:<16} Keras, default {short(found['default']):>8} rows/s", flush=True)


def names(known):
    """An argument type: a list of names with commas in between."""

    def parse(text):
        found = text.split(",")
        for name in found:
            if name.partition("=")[0] not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return found

    return parse


def default_engines(isa):
    """All; those that can be held to an instruction set, where there is one."""
    return ["hornpipe", "keras", "openvino"] if isa else ["hornpipe", *PEERS]


def parser():
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--only", type=names(WORKLOADS), default=list(WORKLOADS), metavar="NAME,...")
    found.add_argument("--engines", type=names(ENGINES), metavar="NAME,...")
    found.add_argument("--rounds", type=int, default=7)
    found.add_argument("--isa", help="hold hornpipe, TensorFlow and OpenVINO to this instruction set (avx2)")
    found.add_argument("--search", action="store_true", help="look for the best batch sizes again")
    found.add_argument("--library", type=pathlib.Path, default=ROOT / "build" / "libhornpipe.so")
    found.add_argument("--cache", type=pathlib.Path, default=CACHE)
    return found


def main():
    arguments = parser().parse_args()
    arguments.engines = arguments.engines or default_engines(arguments.isa)
    results = arguments.cache / "results"
    results.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        found = measure(WORKLOADS[name], arguments)
        show(found)
        if arguments.engines == default_engines(arguments.isa):
            table = f"throughput-{arguments.isa}" if arguments.isa else "throughput"
            (results / f"{table}.{name}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

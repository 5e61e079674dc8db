#!/usr/bin/env python3
"""Writes docs/performance.md, its picture and the README's table from the results that the benchmarks left.

    report.py [--cache build/bench] [--root .]

Only what was measured is written: a table without results is left out, and a workload that has none is not in it; nor is
one while which other programs took more than a quarter of the machine.
"""
import argparse
import importlib.metadata
import json
import math
import pathlib
import re
import statistics

from chart import picture
from contest import PEERS, short
from engines import ENGINES, machine
from run import best_peer, ratio, share_of_peak
from tables import seconds
from workloads import CACHE, ROOT, WORKLOADS

DISTURBED = 0.25  # other programs' share of the machine that spoils a measurement
LABELS = {name: ENGINES[name].label for name in PEERS}
PACKAGES = ("keras", "tensorflow-cpu", "onnxruntime", "openvino", "ai-edge-litert", "numpy")
METHOD = """Every engine is a process of its own, opened and warmed up first, and its predictions are compared with Keras's (within 0.2 % of the
largest value) before anything is timed. Engines take turns, round after round, forwards and backwards; a turn lasts at least 0.15 s. A ratio is the
median of the rounds' own ratios: the machine's speed drifts by more than engines differ, so rows a second from different lines
do not compare, ratios within one do. All engines have all cores and compute in float32. Peers run at the fastest batch size and in the
fastest mode that a search found: Keras's `predict`; ONNX Runtime and LiteRT (XNNPACK) with one call on all cores, or one call per core at a
time; OpenVINO with fixed shapes, an asynchronous queue, and the throughput or the latency hint. hornpipe has no settings. The share of the peak is rows a
second times the direct algorithm's floating-point operations (2 per multiply-add), over all cores' peak of fused multiply-adds, which is
measured in the same rounds; algorithms that need fewer multiplications may pass 100 %. Models are those of
[bench/workloads.py](../bench/workloads.py), with random weights. "fails": the model cannot be converted for that engine, or not be run by it."""


def load(results, table):
    """{workload: result} of one table, in the order of the workloads."""
    paths = {name: results / f"{table}.{name}.json" for name in WORKLOADS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}


def undisturbed(found):
    return {name: one for name, one in found.items() if one["others"] <= DISTURBED}


def by_name(found):
    return {e["name"]: e for e in found["engines"]}


def cell(engine, best):
    """Rows a second; the best peer's in bold."""
    if engine["failure"]:
        return "fails"
    text = short(statistics.median(engine["rates"]))
    return f"**{text}**" if engine is best else text


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def throughput(found, names):
    """Lines of the table of rows a second, for these workloads."""
    lines = [
        f"| workload | rows | hornpipe | of peak | {' | '.join(LABELS.values())} | Keras, default batch | hornpipe, x best peer |",
        "| --- " * (len(LABELS) + 6) + "|",
    ]
    for name in names:
        one, engines = found[name], by_name(found[name])
        best, ours = best_peer(one), engines["hornpipe"]
        peers = " | ".join(cell(engines[p], best) for p in LABELS)
        default = short(one["default"]) if one["default"] else ""
        lines.append(
            f"| {name}: {WORKLOADS[name].text} | {one['rows']:,} | {cell(ours, None)} | {100 * share_of_peak(one, ours):.0f} % |"
            f" {peers} | {default} | **{ratio(ours, best):.2f}** |"
        )
    return lines


def ratios(found, names):
    return [ratio(by_name(found[n])["hornpipe"], best_peer(found[n])) for n in names]


def brief(text, most=220):
    """The text without folders, cut to a length."""
    text = re.sub(r"[\w./-]*/([\w.-]+)", r"\1", text)
    return text if len(text) <= most else text[:most].rpartition(" ")[0] + " ..."


def failures(found):
    """Why, for those that failed, in one list."""
    lines = []
    for name, one in found.items():
        lines += [f"- {name}, {e['engine']}: {brief(e['failure'])}" for e in one["engines"] if e["failure"]]
    return lines


def disturbances(found):
    busy = [f"{name} ({100 * one['others']:.0f} %)" for name, one in found.items() if one["others"] > 0.05]
    if not busy:
        return []
    return [f"Other programs took a part of the machine while these were measured: {', '.join(busy)}.", ""]


def throughput_section(found):
    if not found:
        return []
    lines = ["## Rows a second", ""]
    for title, listed in ("", True), ("Other kinds of model:", False):
        names = [n for n in found if WORKLOADS[n].listed == listed]
        if names:
            lines += [title, ""] * bool(title) + throughput(found, names) + [""]
            lines += [f"Geometric mean of the last column: {geometric_mean(ratios(found, names)):.2f}.", ""]
    lines += disturbances(found)
    failed = failures(found)
    if failed:
        lines += ["What fails, and why:", "", *failed, ""]
    return lines


def isa_section(found):
    if not found:
        return []
    lines = [
        "## Held to AVX2",
        "",
        "hornpipe with `--isa avx2`, TensorFlow and OpenVINO with `ONEDNN_MAX_CPU_ISA=AVX2` (of TensorFlow it holds what goes"
        " through oneDNN), at the batch sizes and in the modes that were fastest without. OpenVINO computes Dense layers without an"
        " activation by MLAS, which knows no limit and would go on with AVX-512 (its transformer: 14.3 k rows a second so, 9.8 k"
        " held). Here a clamp that changes nothing stands behind them, so that they go through oneDNN; without a limit that is as"
        " fast (9.8 k instead of 9.6 k, one thread)."
        " ONNX Runtime and LiteRT cannot be held. The share is of the peak of AVX2's multiply-adds.",
        "",
        "| workload | hornpipe | of peak | Keras | OpenVINO | hornpipe, x the better one |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, one in found.items():
        engines = by_name(one)
        best, ours = best_peer(one), engines["hornpipe"]
        peers = " | ".join(cell(engines[p], best) for p in ("keras", "openvino"))
        share = 100 * share_of_peak(one, ours)
        lines.append(f"| {name} | {cell(ours, None)} | {share:.0f} % | {peers} | **{ratio(ours, best):.2f}** |")
    return [*lines, "", *disturbances(found)]


def latency_section(found):
    if not found:
        return []
    labels = list(next(iter(found.values())))
    lines = [
        "## One row",
        "",
        "Median time of predicting one row, called from Python, opened with `prefer=\"latency\"`: hornpipe through its C interface (ctypes, arrays prepared before) and"
        " through its Python package; the others in the quickest form that they offer.",
        "",
        f"| workload | {' | '.join(labels)} |",
        "| --- " * (len(labels) + 1) + "|",
    ]
    for name, one in found.items():
        cells = (seconds(one[label]["seconds"]) if one[label]["seconds"] else "fails" for label in labels)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def opening_section(found):
    if not found:
        return []
    labels = list(next(iter(found.values()))["engines"])
    lines = [
        "## Opening a model",
        "",
        "Time to open, then with the first row's prediction (some engines prepare only then); peak memory of the whole process, Python and NumPy among it. A"
        " fresh process each time, files in the page cache, without the time to import the engine.",
        "",
        f"| model (file) | {' | '.join(labels)} |",
        "| --- " * (len(labels) + 1) + "|",
    ]
    for name, one in found.items():
        cells = []
        for label in labels:
            e = one["engines"][label]
            if e["failure"]:
                cells.append("fails")
                continue
            opened, first, memory = (statistics.median(e[k]) for k in ("open", "first", "memory"))
            cells.append(f"{seconds(opened)}, {seconds(first)}, {memory:.0f} MB")
        lines.append(f"| {name} ({one['megabytes']:.3g} MB) | {' | '.join(cells)} |")
    return [*lines, ""]


def cold_start_section(path):
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    lines = [
        "## Cold start",
        "",
        f"{found['rows']:,} x 10 rows through the mlp, from file to file: the whole process, from exec to exit.",
        "",
        "| process | median | fastest | peak memory |",
        "| --- | --- | --- | --- |",
    ]
    for label, pairs in found["runs"].items():
        times, memory = zip(*pairs)
        lines.append(
            f"| {label} | {seconds(statistics.median(times))} | {seconds(min(times))} | {statistics.median(memory):.1f} MB |"
        )
    return [*lines, ""]


def text_section(path):
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    kinds = {"float32": "text of float32", "float64": "text of float64", "npy": ".npy"}
    lines = [
        "## Text",
        "",
        f"{found['rows']:,} x 10 rows, from the page cache (`bench/text.py`, medians of {found['rounds']} runs in turn): hornpipe's command reads them, predicts with",
        "the mlp and writes to /dev/null, a whole process; the others read them to an array of float32, and that is all they do.",
        "",
        "| | rows a second | a row | read at |",
        "| --- | --- | --- | --- |",
    ]
    for run in found["runs"]:
        what = f"hornpipe, {kinds[run['from']]} to {run['to']}" if run["to"] != "array" else f"{run['who']}, reads {kinds[run['from']]}"
        rate = found["rows"] / run["seconds"]
        lines.append(f"| {what} | {short(rate)} | {1e9 / rate:.0f} ns | {run['bytes'] / run['seconds'] / 1e9:.2f} GB/s |")
    return [*lines, ""]


def threads_section(found):
    if not found:
        return []
    counts = list(next(iter(found.values())))
    head = " | ".join("1 thread" if c == "1" else f"{c} threads" for c in counts)
    lines = ["## Threads", "", f"| workload | {head} |", "| --- " * (len(counts) + 1) + "|"]
    for name, one in found.items():
        cells = (f"{short(statistics.median(one[c]['rates']))} (x {one[c]['speedup']:.2f})" for c in counts)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def rows_section(found):
    lines = []
    for name, one in found.items():
        counts = list(next(iter(one.values())))
        lines += [f"| {name}: rows a call | {' | '.join(one)} |", "| --- " * (len(one) + 1) + "|"]
        lines += [f"| {int(c):,} | {' | '.join(short(one[label][c]) for label in one)} |" for c in counts]
        lines.append("")
    return ["## Rows in a call", "", "Rows a second of one call, from Python.", "", *lines] if lines else []


def readme(root, found):
    """Puts the table between the README's markers."""
    names = [n for n in found if WORKLOADS[n].listed]
    begin, end = "<!-- speed: written by bench/report.py -->\n", "<!-- /speed -->"
    path = root / "README.md"
    text = path.read_text()
    if not names or begin not in text:
        return
    lines = ["| workload | hornpipe, rows/s | best peer, rows/s | x best peer |", "| --- | --- | --- | --- |"]
    for name, value in zip(names, ratios(found, names)):
        best, ours = best_peer(found[name]), by_name(found[name])["hornpipe"]
        rates = [short(statistics.median(e["rates"])) for e in (ours, best)]
        lines.append(f"| {name}: {WORKLOADS[name].text} | {rates[0]} | {rates[1]} ({best['engine']}) | {value:.2f} |")
    before, rest = text.split(begin)
    path.write_text(before + begin + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1])


def versions():
    """Of the engines' packages, those that are installed here."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=pathlib.Path, default=CACHE)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    arguments = parser.parse_args()
    results = arguments.cache / "results"
    found = undisturbed(load(results, "throughput"))
    dates = sorted({one["date"] for one in found.values()})
    image = arguments.root / "docs" / "images" / "performance.svg"
    image.write_text(picture(found))
    lines = [
        "# Performance",
        "",
        f"Written by `make bench` from a run on {' and '.join(dates)}; {machine()}. {versions()}.",
        "",
        "![rows a second beside the best peer](images/performance.svg)",
        "",
        METHOD,
        "",
        *throughput_section(found),
        *isa_section(undisturbed(load(results, "throughput-avx2"))),
        *latency_section(load(results, "latency")),
        *opening_section(load(results, "opening")),
        *cold_start_section(results / "cold_start.json"),
        *text_section(results / "text.json"),
        *threads_section(load(results, "threads")),
        *rows_section(load(results, "rows")),
    ]
    (arguments.root / "docs" / "performance.md").write_text("\n".join(lines).rstrip() + "\n")
    readme(arguments.root, found)


if __name__ == "__main__":
    main()

"""What all of the benchmarks' tables share: contenders, their best batch size, and turns.

Each engine is a process of its own, opened and warmed up before the first turn; its predictions are compared with Keras's
before anything is timed. Engines take turns, since a machine's speed drifts by more than engines differ.
"""
import json
import os
import pathlib
import statistics
import sys
import time

from engines import CORES, ENGINES, EngineFailure, Server

PEERS = ("keras", "onnxruntime", "openvino", "litert")
FILES = {"onnxruntime": "model.onnx", "openvino": "model.xml", "litert": "model.tflite"}
BATCH_SIZES = [4**k for k in range(11)]
TOLERANCE = 2e-3  # of the largest value: engines that compute something else are off by far more
TURN = 0.15  # seconds that a turn lasts at least
TRIAL = 0.05  # seconds of one trial in the search for a batch size
SETTLE = 0.02  # seconds between turns, for thread pools that spin before they sleep


class Contender:
    """One engine on one workload: its server, how it is used best, and its times."""

    def __init__(self, spec, folder, arguments):
        self.name, _, library = spec.partition("=")
        self.label = ENGINES[self.name].label + (f" {library}" if library else "")
        self.folder, self.failure, self.server = folder, None, None
        self.mode, self.batch, self.rates, self.error = ENGINES[self.name].modes[0], 0, [], None
        self.options = own_options(self.name, pathlib.Path(library or arguments.library).resolve(), arguments.isa)
        self.environment = isa_environment(arguments.isa)

    def start(self, mode=""):
        """A server in this mode, in place of the last one."""
        self.close()
        missing = self.folder / (FILES.get(self.name, "") + ".fails")
        if self.name in FILES and missing.exists():
            raise EngineFailure("conversion: " + missing.read_text().strip())
        options = {"mode": mode, **self.options}
        self.server, self.mode = Server(self.name, self.folder, self.environment, **options), mode

    def rate(self, rows, batch):
        """Rows a second in one prediction of so many rows."""
        return rows / self.server.ask("run", rows, batch)

    def turn(self, rows):
        """One turn: predictions of all rows until it has lasted long enough."""
        seconds, times = 0.0, 0
        while seconds < TURN:
            seconds += self.server.ask("run", rows, self.batch)
            times += 1
        self.rates.append(rows * times / seconds)
        time.sleep(SETTLE)

    def close(self):
        if self.server:
            self.server.close()
            self.server = None


def own_options(name, library, isa):
    """What hornpipe's engines need to know: where the build is."""
    if name == "hornpipe":
        return {"library": library, "isa": isa}
    places = {"command": ("command", "hornpipe"), "package": ("package", "python")}
    return {places[name][0]: library.parent / places[name][1]} if name in places else {}


def isa_environment(isa):
    """What holds oneDNN, in TensorFlow and OpenVINO, to an instruction set."""
    names = {"avx2": "AVX2"}
    return {"ONEDNN_MAX_CPU_ISA": names[isa], "DNNL_MAX_CPU_ISA": names[isa]} if isa in names else {}


def try_batches(contender, rows, trials, near):
    """Rates by batch size in the server's mode, from small to large until they get slower; the fastest seen is kept.
    `near`: only sizes near this one; 0: all."""
    best, worse, mode = 0.0, 0, contender.mode
    parts = CORES if mode == "parallel" else 1
    least = 1 if rows < 1000 else 64 if contender.name == "keras" else 16
    sizes = [b for b in BATCH_SIZES if least <= b <= rows // parts and (not near or near / 4 <= b <= near * 4)]
    for batch in sizes:
        count = min(rows, max(2 * batch * parts, int(best * TRIAL) // batch * batch))
        contender.rate(batch * parts, batch)  # traces, compiles, allocates
        rate = max(contender.rate(count, batch) for _ in range(2))
        print(f"  {contender.label} {mode.lower()} {batch}: {short(rate)} rows/s", file=sys.stderr, flush=True)
        trials[f"{mode} {batch}"] = max(rate, trials.get(f"{mode} {batch}", 0))
        best, worse = max(best, rate), worse + 1 if rate < 0.8 * best else 0
        if worse == 2:
            break


def best_trial(trials):
    """(mode, batch size) of the fastest trial."""
    mode, _, batch = max(trials, key=trials.get).rpartition(" ")
    return mode, int(batch)


class Others:
    """How much of the machine other programs used meanwhile: what they take, no ratio is free of."""

    def __init__(self, contenders):
        self.processes = [os.getpid(), *(c.server.process.pid for c in contenders if c.server)]
        self.before = self.used()

    def used(self):
        """Seconds that all cores were busy, less those of our own processes; and seconds that there were."""
        fields = [int(f) for f in open("/proc/stat").readline().split()[1:9]]
        own = 0
        for process in self.processes:
            own += sum(map(int, open(f"/proc/{process}/stat").read().rpartition(")")[2].split()[11:13]))
        return sum(fields) - fields[3] - fields[4] - own, sum(fields)

    def share(self):
        """Of all cores' time since then."""
        (busy, there), (busy_now, there_now) = self.before, self.used()
        return max(0.0, (busy_now - busy) / max(1, there_now - there))


def find_best(contender, rows, memory, search):
    """Starts the contender in the mode and with the batch size that were fastest in all trials in `memory`; one that is held
    to an instruction set, and was not searched so, as it was fastest without."""
    if contender.name not in PEERS:
        contender.start()
        return
    held, free = contender.environment.get("ONEDNN_MAX_CPU_ISA", ""), memory.get(contender.name)
    if held and free and not search:
        memory.setdefault(f"{contender.name} {held}", dict([max(free.items(), key=lambda trial: trial[1])]))
    trials = memory.setdefault(f"{contender.name} {held}".strip(), {})
    if search or not trials:
        for k, mode in enumerate(ENGINES[contender.name].modes):
            contender.start(mode)
            try_batches(contender, rows, trials, best_trial(trials)[1] if k > 0 else 0)
    mode, contender.batch = best_trial(trials)
    if contender.mode != mode or not contender.server:
        contender.start(mode)


def begin(contender, rows, memory, search):
    """Brings a contender to its first turn, or notes why it fails."""
    try:
        find_best(contender, rows, memory, search)
        contender.error = contender.server.ask("check", contender.batch)
        if not contender.error <= TOLERANCE:
            raise EngineFailure(f"predictions differ from Keras's by {contender.error:.1e} of the largest")
        contender.turn(rows)
        contender.rates.clear()
    except EngineFailure as failure:
        contender.failure = str(failure)
        contender.close()


def default_rate(contender, rows):
    """Keras with its default batch size: it takes so long that about a second of it has to do."""
    rate = contender.rate(min(rows, 1024), 0)
    return contender.rate(min(rows, max(32, int(rate))), 0)


def ratio(ours, other):
    """The median of the rounds' own ratios."""
    return statistics.median(a / b for a, b in zip(ours["rates"], other["rates"]))


def short(rate):
    """Rows a second, with three figures."""
    for unit, size in ("M", 1e6), ("k", 1e3):
        if rate >= size:
            return f"{rate / size:.3g} {unit}"
    return f"{rate:.3g}"

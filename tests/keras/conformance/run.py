"""Second tier: every layer and operation of Keras against the command, as Keras's own tests use them.

    python run.py --hornpipe build/hornpipe --captured FILE [--only TEXT] [--variants plain,masked] [--seed TEXT]
        [--report FILE.json]

Makes a model of each call that capture.py noted, in the variants of build.py, saves it as .keras and .h5, predicts batches of
1, 3 and 33 rows with Keras and with the command, and compares (check.py). left_out.txt lists what may differ, each with its
reason: an entry that is no longer needed is a failure too, so that the list only shrinks. The report holds the largest error
of each class, from which docs/supported-layers.md is made.
"""
import argparse
import collections
import concurrent.futures
import importlib.metadata
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))

import capture  # noqa: E402


def work(pipe, arguments):
    """In a process of its own: what check.py does. This one never loads TensorFlow."""
    import check

    pipe.send(check.check_records(*arguments))


def check_records(command, records, *options):
    """check.check_records. TensorFlow ends its process where it finds a length of nothing: halves find the call."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(there, (command, records, *options)))
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        if len(records) == 1:
            return [], [(records[0][0], "Keras does not survive it")]
        half = len(records) // 2
        parts = [check_records(command, r, *options) for r in (records[:half], records[half:])]
        return tuple(a + b for a, b in zip(*parts))
    finally:
        process.join()


def instruction_set(command):
    """The one that the command takes by itself."""
    argv = [command, "bench", ROOT / "examples" / "mlp_10_64_64_1.keras", "--json", "--rows", "1", "-j", "1"]
    done = subprocess.run([*argv, "--seconds", "0.01"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["isa"]


def left_out():
    """{(pattern of names, pattern of what is wrong): reason} of left_out.txt."""
    lines = [line for line in (HERE / "left_out.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {(name, wrong): reason for name, wrong, reason in (line.split(" : ") for line in lines)}


def refused():
    """Patterns of the classes that refused.def lists: models of those must be refused."""
    text = (ROOT / "src" / "layers" / "refused.def").read_text()
    found = re.findall(r'^REFUSED\((\w+), "([\w.]+)",', text, re.M)
    return {f"{'op' if '.ops.' in module else 'la'}-{name}-.*" for name, module in found}


def chosen(a):
    """The named records that the arguments ask for."""
    part, parts = map(int, a.part.split("/"))
    for number, (name, record) in enumerate(capture.named(capture.load(a.captured))):
        if number % parts == part and re.search(a.only, name) and (not a.each or int(name.rsplit("-", 1)[1]) < a.each):
            yield name, record


class Verdict:
    """Counts results; prints those that are wrong and may not be."""

    def __init__(self):
        self.left_out, self.refused = left_out(), refused()
        self.unneeded = dict(self.left_out)
        self.errors = collections.defaultdict(lambda: [0, 0, 0.0])  # of a class: files, those right, the largest error
        self.checked = self.failures = 0
        self.failed = set()

    def fail(self, text):
        self.failures += 1
        print(f"FAIL {text}", flush=True)

    def add(self, name, kind, worst, wrong, said):
        """A result of check.py."""
        self.checked += 1
        total = self.errors[kind]
        total[0] += 1
        if not wrong:
            total[1] += 1
            total[2] = max(total[2], worst or 0.0)
            return
        may = [p for p in self.left_out if re.fullmatch(p[0], name) and re.search(p[1], wrong)]
        if may:
            for patterns in may:
                self.unneeded.pop(patterns, None)
        elif wrong.startswith("exit 3") and any(re.fullmatch(p, name) for p in self.refused):
            return
        elif name.rsplit(".", 1)[0] not in self.failed:
            self.failed.add(name.rsplit(".", 1)[0])
            self.fail(f"{name}: {wrong} :: {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hornpipe", default="build/hornpipe")
    parser.add_argument("--captured", required=True)
    parser.add_argument("--only", default="", help="only cases with this regular expression in their names")
    parser.add_argument("--variants", default="", help="some of build.py's, with commas")
    parser.add_argument("--part", default="0/1", help="I/N: every Nth case from the Ith on")
    parser.add_argument("--seed", default="", help="other weights and inputs")
    parser.add_argument("--report")
    parser.add_argument("--together", type=int, default=12, help="so many calls of a class make one model")
    parser.add_argument("--each", type=int, default=0, help="at most so many calls of a class")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes at a time")
    parser.add_argument("--process", type=int, default=250, help="so many calls are one process's share")
    parser.add_argument("--no-cases", action="store_true", help="print which calls make no case, and why")
    a = parser.parse_args()
    records, variants, verdict = list(chosen(a)), set(filter(None, a.variants.split(","))), Verdict()
    size = max(1, min(a.process, -(-len(records) // a.jobs)))
    shares = [records[i : i + size] for i in range(0, len(records), size)]
    command = os.path.abspath(a.hornpipe)
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        waiting = [pool.submit(check_records, command, share, variants, a.together, a.seed) for share in shares]
        for done in concurrent.futures.as_completed(waiting):
            results, no_cases = done.result()
            for result in results:
                verdict.add(*result)
            for name, why in no_cases if a.no_cases else []:
                print(f"NO CASE {name}: {why}", flush=True)
    if a.captured.endswith(".pickle") and a.part == "0/1" and not (a.only or variants or a.each or a.seed):
        for patterns, reason in verdict.unneeded.items():
            verdict.fail(f"left_out.txt: {' : '.join(patterns)} ({reason}) is not needed any more")
    if a.report:
        report = {"keras": importlib.metadata.version("keras"), "isa": instruction_set(command), "errors": verdict.errors}
        pathlib.Path(a.report).write_text(json.dumps(report, indent=1, sort_keys=True))
    print(f"{verdict.checked} files checked, {verdict.failures} failures")
    sys.exit(bool(verdict.failures) or not verdict.checked)


if __name__ == "__main__":
    main()

"""Second tier: every layer and operation of Keras against the command, as Keras's own tests use them.

    python run.py --hornpipe build/hornpipe --captured FILE [--only TEXT] [--variants plain,masked] [--report FILE.json]

Makes a model of each call that capture.py noted, in the variants of build.py, saves it as .keras and .h5, predicts batches of
1, 3 and 33 rows with Keras and with the command, and compares. left_out.txt lists what may differ, each with its reason: an
entry that is no longer needed is a failure too, so that the list only shrinks. The report holds the largest error of each
class, from which docs/supported-layers.md is made.
"""
import argparse
import collections
import gc
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import build  # noqa: E402
import capture  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from compare import difference  # noqa: E402

TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (2e-5, 1e-6), "float16": (5e-3, 1e-3), "bfloat16": (2e-2, 8e-3)}
WIDER = {"Normalization": 5e-5, "Norm": 5e-5, "Spectrogram": 1e-4, "Resiz": 2e-3, "STFT": 1e-4}
# What TensorFlow computes in float32 in any dtype: images between their pixels.
NARROW = {"Resize": 2e-5, "Resizing": 2e-3, "CenterCrop": 2e-5, "AffineTransform": 2e-5, "PerspectiveTransform": 1e-4}
BATCHES = (1, 3, 33)


def tolerance(case):
    """Relative and absolute tolerance: by the least precise dtype of the case."""
    policies = {case.variant.removeprefix("mixed_")} & set(TOLERANCE)
    policies |= {str(t.dtype) for t in case.model.outputs} & set(TOLERANCE)
    policies |= {v.dtype for v in case.model.weights} & set(TOLERANCE)
    policies |= set(case.dtypes) & set(TOLERANCE)
    rtol, atol = max((TOLERANCE[p] for p in policies), default=TOLERANCE["float32"])
    narrow = NARROW.get(case.record["class"])
    if narrow and rtol < narrow:
        rtol, atol = narrow, 1e-6
    if rtol > 1e-8:
        rtol = max([rtol] + [t for word, t in WIDER.items() if word in case.record["class"]])
    return rtol, atol


class Runner:
    """Runs the command on models in a folder."""

    def __init__(self, command, folder):
        self.command, self.folder = command, pathlib.Path(folder)

    def predict(self, model, inputs, count):
        """Returns the outputs, or the text of a failure."""
        argv = [self.command, "predict", model]
        for i, x in enumerate(inputs):
            path = self.folder / f"in{i}.npy"
            np.save(path, np.char.encode(x, "utf-8") if x.dtype.kind == "U" else x)
            argv.append(path)
        files = [self.folder / f"out{i}.npy" for i in range(count)]
        for file in files:
            file.unlink(missing_ok=True)
            argv += ["-o", file]
        done = subprocess.run([*argv, "--progress", "none"], capture_output=True, text=True, errors="replace", timeout=300)
        if done.returncode:
            return f"exit {done.returncode}: {done.stderr.strip()[-220:]}".replace(str(self.folder), "").replace("\n", " | ")
        return [np.load(f) for f in files]

    def compare(self, cases):
        """Yields (case, file, largest relative error, what is wrong or None). Several cases as one model: where that does not
        go at all, in halves."""
        for extension in "keras", "h5":
            try:
                found = self.compare_files(build.Together(cases), extension)
            except build.NoCase:
                if extension == "keras" and len(cases) == 1:
                    raise
                found = None
            except Exception:  # of Keras: what it cannot save, or load again, is no case
                found = None
            if found is not None:
                yield from ((case, extension, *result) for case, result in zip(cases, found))
            elif len(cases) > 1:
                for half in cases[: len(cases) // 2], cases[len(cases) // 2 :]:
                    yield from (r for r in self.compare(half) if r[1] == extension)
            if extension == "keras" and any(c.record["kind"] == "operation" for c in cases):
                return  # Keras cannot load graphs with operations from .h5

    def compare_files(self, together, extension):
        """[(largest relative error, what is wrong)] of the cases in a model; None where the command fails and there are
        several of them."""
        path = self.folder / f"model.{extension}"
        path.unlink(missing_ok=True)
        together.model.save(path)
        together.model = keras.models.load_model(path, compile=False)  # saving merges LoRA's matrices
        sets = [(v, together.answers(v)) for v in (together.values(rows) for rows in BATCHES[: 1 if together.fixed else None])]
        results = [(0, None)] * len(together.cases)
        for inputs, wanted in sets:
            got = self.predict(path, inputs, len(wanted))
            if isinstance(got, str):
                return [(0, got)] if len(together.cases) == 1 else None
            at = 0
            for number, (case, count) in enumerate(zip(together.cases, together.counts)):
                worst, wrong = results[number]
                for g, w in zip(got[at : at + count], wanted[at : at + count]):
                    error, found = difference(g, w, *tolerance(case))
                    worst, wrong = max(worst, error), wrong or (found and f"{len(inputs[0])} rows: {found}")
                results[number] = worst, wrong
                at += count
        return results


def instruction_set(command):
    """The one that the command takes by itself."""
    argv = [command, "bench", HERE.parents[2] / "examples" / "mlp_10_64_64_1.keras", "--json", "--rows", "1", "-j", "1"]
    done = subprocess.run([*argv, "--seconds", "0.01"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["isa"]


def left_out():
    """{pattern: reason} of left_out.txt."""
    lines = [line for line in (HERE / "left_out.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {pattern.strip(): reason.strip() for pattern, _, reason in (line.partition(" : ") for line in lines)}


def refused():
    """Patterns of the classes that refused.def lists: models of those must be refused."""
    text = (HERE.parents[2] / "src" / "layers" / "refused.def").read_text()
    found = re.findall(r'^REFUSED\((\w+), "([\w.]+)",', text, re.M)
    return {f"{'op' if '.ops.' in module else 'la'}-{name}-.*": "refused.def" for name, module in found}


def named(records):
    """Records with names that tell them apart: class and a number within the class."""
    count = collections.Counter()
    for record in records:
        key = f"{record['kind'][:2]}-{record['class']}"
        yield f"{key}-{count[key]}", record
        count[key] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hornpipe", default="build/hornpipe")
    parser.add_argument("--captured", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--variants", default="")
    parser.add_argument("--part", default="0/1", help="I/N: every Nth case from the Ith on")
    parser.add_argument("--report")
    parser.add_argument("--together", type=int, default=12, help="so many calls of a class make one model")
    parser.add_argument("--each", type=int, default=0, help="at most so many calls of a class")
    a = parser.parse_args()
    records = capture.load(a.captured)
    chosen = set(filter(None, a.variants.split(",")))
    part, parts = map(int, a.part.split("/"))
    unneeded, errors = left_out(), collections.defaultdict(lambda: [0, 0, 0.0])
    patterns, failures, checked = unneeded | refused(), 0, 0
    def check(cases):
        nonlocal checked, failures
        known = set()
        for case, extension, worst, wrong in runner.compare(cases):
            checked += 1
            total = errors[f"{case.record['kind']} {case.record['class']}"]
            total[0] += 1
            matching = [p for p in patterns if re.fullmatch(p, f"{case.name}.{extension}")]
            if wrong and matching and (wrong.startswith("exit 3") or not set(matching) & set(refused())):
                for p in matching:
                    unneeded.pop(p, None)
            elif wrong and case.name not in known:
                known.add(case.name)
                failures += 1
                said = f"{case.record['config'][:300]} {case.record['args']} {case.record['kwargs']}"
                print(f"FAIL {case.name}.{extension}: {wrong} :: {said}", flush=True)
            elif not wrong:
                total[1] += 1
                if tolerance(case)[1] <= TOLERANCE["float32"][1]:  # no 16 bits anywhere
                    total[2] = max(total[2], float(worst))

    def no_case(name, error):
        if os.environ.get("SHOW_NO_CASE"):
            print(f"NOCASE {name}: {type(error).__name__}: {str(error)[:150]}", flush=True)

    def check_all(cases):
        for name, group in cases.items():
            try:
                check(group)
            except Exception as error:
                no_case(group[0].name, error)
        cases.clear()
        keras.backend.clear_session(free_memory=False)  # its collection of garbage takes longer than all else

    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        runner, waiting, last = Runner(os.path.abspath(a.hornpipe), folder), collections.defaultdict(list), None
        for number, (name, record) in enumerate(named(records)):
            if number % parts != part or not re.search(a.only, name):
                continue
            if a.each and int(name.rsplit("-", 1)[1]) >= a.each:
                continue
            if last != record["class"]:
                check_all(waiting)
            last = record["class"]
            for variant in build.LAYER_VARIANTS if record["kind"] == "layer" else build.OPERATION_VARIANTS:
                if chosen and variant not in chosen:
                    continue
                full = f"{name}-{variant}"
                try:
                    case = build.Case(full, record, variant)
                    joined = case.joined()
                except Exception as error:
                    no_case(full, error)
                    continue
                group = variant if joined else full
                waiting[group].append(case)
                if len(waiting[group]) == a.together or not joined:
                    check_all({group: waiting.pop(group)})
        check_all(waiting)
    if a.captured.endswith(".pickle") and not a.only and not chosen and parts == 1 and not a.each:
        for pattern, reason in unneeded.items():
            failures += 1
            print(f"FAIL left_out.txt: {pattern} ({reason}) is not needed any more")
    if a.report:
        report = {"keras": keras.__version__, "isa": instruction_set(a.hornpipe), "errors": errors}
        pathlib.Path(a.report).write_text(json.dumps(report, indent=1, sort_keys=True))
    print(f"{checked} files checked, {failures} failures")
    sys.exit(bool(failures) or not checked)


if __name__ == "__main__":
    main()

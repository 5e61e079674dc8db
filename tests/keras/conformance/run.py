"""Second tier: every layer and operation of Keras against the command, as Keras's own tests use them.

    python run.py --hornpipe build/hornpipe --captured FILE [--only TEXT] [--variants plain,masked] [--report FILE.json]

Makes a model of each call that capture.py noted, in the variants of build.py, saves it as .keras and .h5, predicts batches of
1, 3 and 33 rows with Keras and with the command, and compares. left_out.txt lists what may differ, each with its reason: an
entry that is no longer needed is a failure too, so that the list only shrinks. The report holds the largest error of each
class, from which docs/supported-layers.md is made.
"""
import argparse
import collections
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import build  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from compare import difference  # noqa: E402

TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (2e-5, 1e-6), "float16": (5e-3, 1e-3), "bfloat16": (2e-2, 8e-3)}
WIDER = {"Normalization": 5e-5, "Norm": 5e-5, "Spectrogram": 1e-4, "Resiz": 2e-3, "STFT": 1e-4}
BATCHES = (1, 3, 33)


def tolerance(case):
    """Relative and absolute tolerance: by the least precise dtype of the case."""
    policies = {case.variant.removeprefix("mixed_")} & set(TOLERANCE)
    policies |= {str(t.dtype) for t in case.model.outputs} & set(TOLERANCE)
    policies |= {v.dtype for v in case.model.weights} & set(TOLERANCE)
    policies |= set(case.dtypes) & set(TOLERANCE)
    rtol, atol = max((TOLERANCE[p] for p in policies), default=TOLERANCE["float32"])
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

    def compare(self, case):
        """Yields (file, largest relative error, what is wrong or None)."""
        rtol, atol = tolerance(case)
        case.model.save(self.folder / "model.keras")
        case.model = keras.models.load_model(self.folder / "model.keras", compile=False)  # saving merges LoRA's matrices
        sets = [(v, case.answers(v)) for v in (case.values(rows) for rows in BATCHES[: 1 if case.fixed else None])]
        for extension in "keras", "h5":
            path = self.folder / f"model.{extension}"
            path.unlink(missing_ok=True)
            try:
                case.model.save(path)
                if extension == "h5":
                    keras.models.load_model(path, compile=False)
            except Exception:  # operations in .h5
                if extension == "keras":
                    return
                continue
            worst, wrong = 0, None
            for inputs, wanted in sets:
                got = self.predict(path, inputs, len(wanted))
                if isinstance(got, str):
                    wrong = got
                else:
                    for g, w in zip(got, wanted):
                        error, found = difference(g, w, rtol, atol)
                        worst, wrong = max(worst, error), wrong or (found and f"{len(inputs[0])} rows: {found}")
                if wrong:
                    break
            yield extension, worst, wrong


def instruction_set(command):
    """The one that the command takes by itself."""
    argv = [command, "bench", HERE.parents[2] / "examples" / "mlp_10_64_64_1.keras", "--json", "--rows", "1", "-j", "1"]
    done = subprocess.run([*argv, "--seconds", "0.01"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["isa"]


def left_out():
    """{pattern: reason} of left_out.txt."""
    lines = [line for line in (HERE / "left_out.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {pattern.strip(): reason.strip() for pattern, _, reason in (line.partition(" : ") for line in lines)}


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
    parser.add_argument("--each", type=int, default=0, help="at most so many calls of a class")
    a = parser.parse_args()
    records = pickle.load(open(a.captured, "rb"))
    chosen = set(filter(None, a.variants.split(",")))
    part, parts = map(int, a.part.split("/"))
    unneeded, errors = left_out(), collections.defaultdict(lambda: [0, 0, 0.0])
    patterns, failures, checked = dict(unneeded), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(os.path.abspath(a.hornpipe), folder)
        for number, (name, record) in enumerate(named(records)):
            if number % parts != part or not re.search(a.only, name):
                continue
            if a.each and int(name.rsplit("-", 1)[1]) >= a.each:
                continue
            for variant in build.LAYER_VARIANTS if record["kind"] == "layer" else build.OPERATION_VARIANTS:
                if chosen and variant not in chosen:
                    continue
                full = f"{name}-{variant}"
                keras.backend.clear_session()
                try:
                    case = build.Case(full, record, variant)
                    results = list(runner.compare(case))
                except build.NoCase as no:
                    if os.environ.get("SHOW_NO_CASE"):
                        print(f"NOCASE {full}: {no}", flush=True)
                    continue
                except Exception as error:
                    if os.environ.get("SHOW_NO_CASE"):
                        print(f"NOCASE {full}: {type(error).__name__}: {str(error)[:150]}", flush=True)
                    continue
                said = f"{record['config'][:300]} {record['args']} {record['kwargs']}"
                for extension, worst, wrong in results:
                    checked += 1
                    total = errors[f"{record['kind']} {record['class']}"]
                    total[0] += 1
                    matching = [p for p in patterns if re.fullmatch(p, f"{full}.{extension}")]
                    if wrong and matching:
                        for p in matching:
                            unneeded.pop(p, None)
                    elif wrong:
                        failures += 1
                        print(f"FAIL {full}.{extension}: {wrong} :: {said}", flush=True)
                    else:
                        total[1] += 1
                        if not case.variant.endswith("16"):
                            total[2] = max(total[2], float(worst))
                    if wrong:
                        break
    if not a.only and not chosen and parts == 1 and not a.each:
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

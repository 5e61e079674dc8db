"""One process's share of run.py: builds the models of some calls, predicts with Keras and with the command, compares.

TensorFlow's memory only grows, so run.py starts a process for every few hundred calls. What may differ is not known here.
"""
import collections
import gc
import logging
import os
import pathlib
import subprocess
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import build  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from compare import differences  # noqa: E402

TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (2e-5, 1e-6), "float16": (5e-3, 1e-3), "bfloat16": (2e-2, 8e-3)}
WIDER = {"Normalization": 5e-5, "Norm": 5e-5, "Spectrogram": 1e-4, "STFT": 1e-4}
BATCHES = (1, 3, 33)
LARGEST = 100_000  # elements of an output: no larger batches of a model that has more


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
        self.no_cases = {}  # name: why

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
        try:
            done = subprocess.run([*argv, "--progress", "none"], capture_output=True, text=True, errors="replace", timeout=300)
        except subprocess.TimeoutExpired:
            return "the command does not come to an end"
        if done.returncode:
            return f"exit {done.returncode}: {done.stderr.strip()[-220:]}".replace(str(self.folder), "").replace("\n", " | ")
        return [np.load(f) for f in files]

    def compare(self, cases):
        """Yields (case, file, largest relative error, what is wrong or None). Several cases as one model: where that does not
        go at all, in halves."""
        for extension in "keras", "h5":
            found = None
            try:
                together = build.Together(cases)
                sets = self.ask_keras(together, extension)
            except build.NoCase as error:
                if extension == "keras" and len(cases) == 1:
                    self.no_cases[cases[0].name] = str(error)
                    return
            except Exception:  # of Keras: what it cannot save, or load again, is no case
                pass
            else:
                found = self.judge(together, extension, sets)
            if found is not None:
                yield from ((case, extension, *result) for case, result in zip(cases, found))
            elif len(cases) > 1:
                for half in cases[: len(cases) // 2], cases[len(cases) // 2 :]:
                    yield from (r for r in self.compare(half) if r[1] == extension)

    def ask_keras(self, together, extension):
        """Saves the model; [(inputs, Keras's answers)]."""
        path = self.folder / f"model.{extension}"
        path.unlink(missing_ok=True)
        together.model.save(path)
        operations = any(case.record["kind"] == "operation" for case in together.cases)
        saved_only = operations and extension == "h5"  # Keras saves these, and cannot load them
        loaded = None if saved_only else keras.models.load_model(path, compile=False)  # saving merges LoRA's matrices
        if together.several_axes or saved_only:
            reference = self.folder / "reference.keras"
            together.model.save(reference)
            loaded = keras.models.load_model(reference, compile=False)
        together.model = loaded
        sets = []
        for rows in BATCHES[: 1 if together.fixed else None]:
            values = together.values(rows)
            sets.append((values, together.answers(values)))
            if max((y.size for y in sets[-1][1][0]), default=0) > LARGEST:
                break
        return sets

    def judge(self, together, extension, sets):
        """[(largest relative error, what is wrong)] of the cases in the model that was saved, none of what is no case; None
        where the command fails and there are several of them."""
        results = [(0, None)] * len(together.cases)
        for inputs, answers in sets:
            got = self.predict(self.folder / f"model.{extension}", inputs, len(answers[0]))
            if isinstance(got, str):
                if len(together.cases) == 1 and got.startswith("exit 3") and together.cases[0].shapes_follow_data():
                    self.no_cases[together.cases[0].name] = "its output's shape depends on the data"
                    return []
                return [(0, got)] if len(together.cases) == 1 else None
            at = at_input = 0
            for number, (case, count) in enumerate(zip(together.cases, together.counts)):
                part = slice(at, at + count)
                compared = [differences(got[part], a[part], *tolerance(case)) for a in answers]
                error, found = min(compared, key=lambda result: result[1] is not None)
                own = inputs[at_input : at_input + len(case.dtypes)]
                at_input += len(own)
                if found and found.startswith("error") and case.variant.endswith("16") and self.exact(case, own, got[part]):
                    found = None
                worst, wrong = results[number]
                results[number] = max(worst, error), wrong or (found and f"{len(inputs[0])} rows: {found}")
                at += count
        return results

    def exact(self, case, inputs, got):
        """Whether a prediction of 16 bits is what float64 gives, to the tolerance: Keras rounds what each operation gives to
        the 16 bits, which large numbers or many steps carry on; the command rounds what a layer gives."""
        for answer in case.exact(inputs):
            wanted = [y.astype(g.dtype) if y.dtype.kind == "f" else y for y, g in zip(answer, got, strict=True)]
            if not differences(got, wanted, *tolerance(case))[1]:
                return True
        return False


class Share:
    """The calls of one process, and what became of them: results is a list of (name of the case and file, kind and class,
    largest error or None with 16 bits, what is wrong or None, what was called); no_cases a list of (name, why)."""

    def __init__(self, command, folder, together, seed):
        self.runner, self.together, self.seed = Runner(command, folder), together, seed
        self.results, self.no_cases = [], []
        self.waiting = collections.defaultdict(list)

    def check(self, cases):
        """Cases that make one model."""
        for case, extension, worst, wrong in self.runner.compare(cases):
            record = case.record
            precise = tolerance(case)[1] <= TOLERANCE["float32"][1]
            said = f"{record['config'][:300]} {record['args']} {record['kwargs']}" if wrong else ""
            self.results.append((f"{case.name}.{extension}", f"{record['kind']} {record['class']}",
                                 float(worst) if precise else None, wrong, said))

    def flush(self):
        """Checks the cases that wait for others of their class."""
        for group in self.waiting.values():
            self.check(group)
        self.waiting.clear()
        keras.backend.clear_session(free_memory=False)  # its collection of garbage takes longer than all else

    def add(self, name, record, variant):
        """The case of a call in a variant: joined with others where it can be."""
        full = f"{name}-{variant}"
        try:
            case = build.Case(full, record, variant, self.seed)
            joined = case.joined()
        except Exception as error:
            self.no_cases.append((full, f"{type(error).__name__}: {str(error)[:150]}"))
            return
        if not joined:
            self.check([case])
            return
        group = self.waiting[variant]
        group.append(case)
        if len(group) == self.together:
            self.check(self.waiting.pop(variant))


def check_records(command, records, variants, together, seed):
    """(results, no_cases) of Share, of [(name, record)] in the variants told (none: all)."""
    warnings.simplefilter("ignore")  # of masks that end, of .h5 files: thousands
    logging.disable(logging.WARNING)
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        share, last = Share(command, folder, together, seed), None
        for name, record in records:
            if last != record["class"]:
                share.flush()
            last = record["class"]
            for variant in build.LAYER_VARIANTS if record["kind"] == "layer" else build.OPERATION_VARIANTS:
                if not variants or variant in variants:
                    share.add(name, record, variant)
        share.flush()
    return share.results, share.no_cases + list(share.runner.no_cases.items())

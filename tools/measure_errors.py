#!/usr/bin/env python3
"""Gathers the largest error of each layer and operation into tests/keras/conformance/measured.json.

    measure_errors.py HORNPIPE REPORT.json

REPORT.json is what tests/keras/conformance/run.py wrote (`make conformance`); the stored reference cases are run here with the
command HORNPIPE and added, so no Keras is needed; models of several operations give a bound for those that no other measures.
Cases in 16 bits are left out. docs/supported-layers.md is made of the result.
"""
import collections
import json
import os
import pathlib
import re
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "tests" / "keras" / "conformance" / "measured.json"
LEAST = 2e-3  # tolerances above this one belong to 16 bits and to quantised weights


def classes_in(value):
    """"layer Dense", "operation Add": all that a model's config names."""
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and str(value.get("module", "")).startswith("keras"):
            yield ("operation " if ".ops." in value["module"] else "layer ") + value["class_name"]
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        yield from classes_in(item)


def listed():
    """The same of everything in the registries."""
    for kind, path, macro in (("layer", "layers/layers.def", "LAYER"), ("operation", "ops/ops.def", "OP")):
        for name in re.findall(rf"^{macro}\((\w+)", (ROOT / "src" / path).read_text(), flags=re.M):
            yield f"{kind} {name}"


def run_case(case, folder, file, rtol, prefixes):
    """The largest error of a stored case; None where it fails."""
    import numpy as np
    import test_cases
    from compare import difference

    worst = 0.0
    for prefix in prefixes:
        want = [np.load(p) for p in test_cases.arrays(folder, prefix, "out")]
        got = test_cases.predict(folder / file, test_cases.arrays(folder, prefix, "in"), folder, len(want))
        for g, w in zip(got, want):
            error, wrong = difference(g, w, rtol, test_cases.ATOL)
            if wrong:
                return None
            worst = max(worst, float(error))
    return worst


def stored(command):
    """Two dicts {class: [files, passed, largest error]}: of the stored cases that are one layer's, which are named by its
    class, and of all that the others hold, whose error is a bound for each."""
    os.environ["HORNPIPE"] = command
    sys.path[:0] = [str(ROOT / "tests" / "python"), str(ROOT / "tests" / "keras" / "conformance")]
    import test_cases
    test_cases.TIMEOUT = 3600  # of a machine that others use as well

    own, bounds = collections.defaultdict(lambda: [0, 0, 0.0]), collections.defaultdict(lambda: [0, 0, 0.0])
    known = set(listed())
    for parameters in test_cases.stored_models():
        path, case, file = parameters.values
        alone = f"layer {path.stem}" in known
        if not alone and file != "model.keras":
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            rtol, prefixes = test_cases.extracted(path, case, folder)
            if rtol > LEAST:
                continue
            error = run_case(case, folder, file, rtol, prefixes)
            names = {f"layer {path.stem}"}
            if not alone:
                names = known & set(classes_in(json.loads(zipfile.ZipFile(folder / file).read("config.json"))))
            for name in names:
                entry = (own if alone else bounds)[name]
                entry[0] += 1
                entry[1] += error is not None
                entry[2] = max(entry[2], error or 0.0)
    return own, bounds


def main():
    command, report = os.path.abspath(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
    own, bounds = stored(command)
    errors = report["errors"]
    for name, (files, passed, error) in own.items():
        before = errors.get(name, [0, 0, 0.0])
        errors[name] = [before[0] + files, before[1] + passed, max(before[2], error)]

    def lines(found):
        return ",\n".join(f'  "{name}": [{e[0]}, {e[1]}, {e[2]:.1e}]' for name, e in sorted(found.items()) if e[1])

    errors = {name: errors[name] for name in listed() if errors.get(name, [0, 0])[1]}
    bounds = {name: e for name, e in bounds.items() if name not in errors}
    OUTPUT.write_text(f'{{\n "keras": "{report["keras"]}",\n "isa": "{report["isa"]}",\n "errors": {{\n{lines(errors)}\n }},\n'
                      f' "bounds": {{\n{lines(bounds)}\n }}\n}}\n')


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Gathers the largest error of each layer and operation into tests/keras/conformance/measured.json.

    measure_errors.py HORNPIPE REPORT.json

REPORT.json is what tests/keras/conformance/run.py wrote (`make conformance`); the stored reference cases are run here with the
command HORNPIPE and added, so no Keras is needed. Cases in 16 bits are left out. docs/supported-layers.md is made of the result.
"""
import collections
import json
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "tests" / "keras" / "conformance" / "measured.json"
LEAST = 2e-3  # tolerances above this one belong to 16 bits and to quantised weights


def stored(command):
    """{class: [files, passed, largest error]} of the stored cases of layers, which are named by class."""
    os.environ["HORNPIPE"] = command
    sys.path[:0] = [str(ROOT / "tests" / "python"), str(ROOT / "tests" / "keras" / "conformance")]
    import numpy as np
    import test_cases
    test_cases.TIMEOUT = 3600  # of a machine that others use as well
    from compare import difference

    found = collections.defaultdict(lambda: [0, 0, 0.0])
    for parameters in test_cases.stored_models():
        path, case, file = parameters.values
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            rtol, prefixes = test_cases.extracted(path, case, folder)
            if rtol > LEAST:
                continue
            entry = found[f"layer {path.stem}"]
            entry[0] += 1
            for prefix in prefixes:
                want = [np.load(p) for p in test_cases.arrays(folder, prefix, "out")]
                got = test_cases.predict(folder / file, test_cases.arrays(folder, prefix, "in"), folder, len(want))
                results = [difference(g, w, rtol, test_cases.ATOL) for g, w in zip(got, want)]
                if any(wrong for _, wrong in results):
                    break
                entry[2] = max([entry[2], *(float(error) for error, _ in results)])
            else:
                entry[1] += 1
    return found


def main():
    command, report = os.path.abspath(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
    errors = report["errors"]
    for name, (files, passed, error) in stored(command).items():
        before = errors.get(name, [0, 0, 0.0])
        errors[name] = [before[0] + files, before[1] + passed, max(before[2], error)]
    lines = ",\n".join(f'  "{name}": [{e[0]}, {e[1]}, {e[2]:.1e}]' for name, e in sorted(errors.items()))
    OUTPUT.write_text(f'{{\n "keras": "{report["keras"]}",\n "isa": "{report["isa"]}",\n "errors": {{\n{lines}\n }}\n}}\n')


if __name__ == "__main__":
    main()

"""Second tier: a damaged model file gives an error or an answer, never a crash, a hang or a sanitizer's finding.

    HORNPIPE=build-asan/hornpipe pytest tests/fuzz

Each test makes HORNPIPE_FUZZ_TRIES (1000) files out of one model: cut off at a random position, or with bytes there changed.
A .keras file is also changed inside its members, with checksums that are right again. HORNPIPE_FUZZ_SEED (0) chooses others. A
file that fails is kept in fuzz-failures/ of the working directory.
"""
import concurrent.futures
import io
import os
import pathlib
import random
import subprocess
import zipfile

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
VINTAGE = ROOT / "tests" / "data" / "vintage"
TRIES = int(os.environ.get("HORNPIPE_FUZZ_TRIES", "1000"))
SEED = os.environ.get("HORNPIPE_FUZZ_SEED", "0")
SECONDS = 60  # far more than any answer takes; reached by a hang only
ACCEPTED = {0, 1, 3}  # done, failure, not supported


def altered(data, source):
    """`data` cut off, or with a few bytes changed, at a random position."""
    at = source.randrange(len(data))
    kind = source.random()
    if kind < 0.25:
        return data[:at]
    if kind < 0.5:
        return data[:at] + bytes([data[at] ^ 1 << source.randrange(8)]) + data[at + 1:]
    if kind < 0.75:
        piece = bytes([source.choice((0x00, 0xFF, 0x7F, 0x80))]) * source.choice((1, 2, 4, 8))
    else:
        piece = source.randbytes(source.choice((1, 2, 4, 8, 16)))
    return data[:at] + piece + data[at + len(piece):]


def altered_inside(data, member, source):
    """A .keras file with one member altered; the rest, and all checksums, are right."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, altered(content, source) if name == member else content)
    return out.getvalue()


def run(command, model, rows, folder):
    """The command's exit code, or why there is none, and what it said."""
    try:
        done = subprocess.run([command, "predict", model, *rows, "-o", folder / (model.name + ".npz"), "--progress", "none"],
                              capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s", b""
    return done.returncode, done.stderr


def stored_rows(path, folder):
    """Files with the inputs that stand beside an old model."""
    with np.load(path.with_suffix(".npz")) as stored:
        for i in range(sum(name[0] == "x" for name in stored)):
            np.save(folder / f"x{i}.npy", stored[f"x{i}"])
    return sorted(folder.glob("x*.npy"))


def fuzz(command, tmp_path, path, member=None):
    original, model = path.read_bytes(), path.name
    name, kind = model.rsplit(".", 1)
    rows = [EXAMPLES / "data" / f"{name}_inputs.npy"] if path.parent == EXAMPLES else stored_rows(path, tmp_path)
    kept = pathlib.Path("fuzz-failures")

    def attempt(index):
        source = random.Random(f"{SEED} {model} {member} {index}")
        data = altered_inside(original, member, source) if member else altered(original, source)
        path = tmp_path / f"{name}-{index}.{kind}"
        path.write_bytes(data)
        code, said = run(command, path, rows, tmp_path)
        good = code in ACCEPTED and (code == 0 or said)
        if not good:
            kept.mkdir(exist_ok=True)
            (kept / path.name).write_bytes(data)
        path.unlink()
        (tmp_path / (path.name + ".npz")).unlink(missing_ok=True)
        return None if good else f"{kept / path.name}: {code}: {said.decode(errors='replace')[:2000]}"

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        failures = [failure for failure in pool.map(attempt, range(TRIES)) if failure]
    assert not failures, f"{len(failures)} of {TRIES} files\n" + "\n".join(failures[:5])


@pytest.mark.parametrize("model", ["breast_cancer_mlp.h5", "digits_cnn.keras"])
def test_altered_file(command, tmp_path, model):
    fuzz(command, tmp_path, EXAMPLES / model)


@pytest.mark.parametrize("member", ["config.json", "metadata.json", "model.weights.h5"])
def test_altered_member(command, tmp_path, member):
    fuzz(command, tmp_path, EXAMPLES / "digits_cnn.keras", member)


@pytest.mark.parametrize("model", ["keras-1.2.2/old_layers.h5", "keras-2.1.6/subclass.h5", "tf-2.3/raw_operations.h5",
                                   "tf-2.4/dense_features.h5"])
def test_altered_old_file(command, tmp_path, model):
    fuzz(command, tmp_path, VINTAGE / model)


@pytest.mark.parametrize("model", ["tf-2.13/dense_features.keras", "tf-2.13/subclass.keras", "keras-3.9.2/attention.keras"])
def test_altered_config(command, tmp_path, model):
    fuzz(command, tmp_path, VINTAGE / model, "config.json")

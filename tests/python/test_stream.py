"""Long runs: the same bytes whatever kills them, exactly once, in order, in bounded memory.

HORNPIPE_KILLS=N asks for N random kills of workers and N/4 of the command (200 in `make soak`), HORNPIPE_ROWS=N for the
rows of the memory tests (10^8 there), HORNPIPE_IMAGES=N for the images that runs are killed over.
"""
import contextlib
import csv
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MLP = ROOT / "examples" / "mlp_10_64_64_1.keras"
CNN = ROOT / "examples" / "digits_cnn.keras"
ENDS = ROOT / "tests" / "data" / "nested_ends.keras"  # of two inputs
KILLS = int(os.environ.get("HORNPIPE_KILLS", "8"))
IMAGES = int(os.environ.get("HORNPIPE_IMAGES", "60000"))
ROWS = int(os.environ.get("HORNPIPE_ROWS", "3000000"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Images for the CNN, enough for about a second."""
    path = tmp_path_factory.mktemp("images") / "images.npy"
    rng = np.random.default_rng(1)
    np.save(path, rng.integers(0, 17, (IMAGES, 8, 8, 1)).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Rows for the MLP, as .npy and as .csv with an id column."""
    folder = tmp_path_factory.mktemp("table")
    rows = np.random.default_rng(2).normal(size=(20000, 10)).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    with open(folder / "rows.csv", "w") as file:
        file.write("id," + ",".join(f"x{i}" for i in range(10)) + "\n")
        for i, row in enumerate(rows):
            file.write(f"row {i}," + ",".join(map(repr, row.tolist())) + "\n")
    return folder


def reference(hornpipe, tmp_path, model, rows, *arguments, kind="npy"):
    hornpipe("predict", model, rows, "-o", f"reference.{kind}", "--progress", "none", *arguments)
    return (tmp_path / f"reference.{kind}").read_bytes()


def children(pid):
    """Processes whose parent is `pid`."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(folder.name))
    return found


# ---- the same bytes

@pytest.mark.parametrize("ways", [["-j", "1"], ["-j", "3", "--chunk-rows", "777"], ["--backend", "processes", "-j", "2"],
                                  ["--backend", "processes", "-j", "3", "--chunk-rows", "501"],
                                  ["--backend", "processes", "-j", "1", "-b", "7"]])
@pytest.mark.parametrize("kind", ["npy", "csv", "raw", "npz"])
def test_same_bytes(hornpipe, tmp_path, table, ways, kind):
    wanted = reference(hornpipe, tmp_path, MLP, table / "rows.npy", kind=kind)
    hornpipe("predict", MLP, table / "rows.npy", "-o", f"out.{kind}", *ways)
    assert (tmp_path / f"out.{kind}").read_bytes() == wanted


@pytest.mark.parametrize("ways", [["-j", "2", "--chunk-rows", "777"],
                                  ["--backend", "processes", "-j", "2", "--chunk-rows", "999"]])
def test_same_bytes_of_text(hornpipe, tmp_path, table, ways):
    options = ["--id-columns", "id", "--threshold", "0.5"]
    wanted = reference(hornpipe, tmp_path, MLP, table / "rows.csv", *options, kind="csv")
    assert wanted.count(b"\n") == 20001
    hornpipe("predict", MLP, table / "rows.csv", "-o", "out.csv", *options, *ways)
    assert (tmp_path / "out.csv").read_bytes() == wanted


# ---- kills

def test_killed_workers(hornpipe, command, tmp_path, images):
    wanted = reference(hornpipe, tmp_path, CNN, images)
    rng, kills, runs = random.Random(KILLS), 0, 0
    while kills < KILLS:
        runs += 1
        run = subprocess.Popen([command, "predict", CNN, images, "-o", "out.npy", "--backend", "processes", "-j", "2",
                                "--chunk-rows", "2000", "--progress", "none", "--force"], cwd=tmp_path)
        while run.poll() is None:
            time.sleep(rng.uniform(0, 0.03))
            workers = children(run.pid)
            if workers and kills < KILLS:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(workers), signal.SIGKILL)
                    kills += 1
        assert run.returncode == 0
        assert (tmp_path / "out.npy").read_bytes() == wanted
        assert runs < 20 + KILLS


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_killed_command(hornpipe, command, tmp_path, images, backend):
    wanted = reference(hornpipe, tmp_path, CNN, images)
    rng, kills, out = random.Random(KILLS), 0, tmp_path / "out.npy"
    while kills < max(KILLS // 8, 1):
        run = subprocess.Popen([command, "predict", CNN, images, "-o", out, "--backend", backend, "-j", "2", "--resume",
                                "--chunk-rows", "500", "--checkpoint", "0.01", "--progress", "none"], cwd=tmp_path)
        try:
            assert run.wait(rng.uniform(0.01, 0.5)) == 0
        except subprocess.TimeoutExpired:
            run.send_signal(rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            code = run.wait()
            kills += 1
            assert code in (-signal.SIGKILL, 5, 0, -signal.SIGTERM)
        if out.exists():  # complete, whatever became of the process
            assert out.read_bytes() == wanted
            for rest in tmp_path.glob("out.npy*"):
                rest.unlink()
    hornpipe("predict", CNN, images, "-o", "out.npy", "--resume")
    assert out.read_bytes() == wanted
    assert not list(tmp_path.glob("out.npy.*"))


@pytest.mark.parametrize("kind", ["npy", "csv", "raw", "h5"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_resumed_kinds(hornpipe, command, tmp_path, images, kind, number):
    wanted = reference(hornpipe, tmp_path, CNN, images, kind=kind)
    arguments = ["predict", CNN, images, "-o", f"out.{kind}", "--chunk-rows", "300", "--checkpoint", "0.01"]
    for delay in (0.05, 0.1, 0.2, 0.4, 0.8):
        run = subprocess.Popen([command, *arguments, "--resume"], cwd=tmp_path, stderr=subprocess.PIPE)
        deadline = time.time() + 20
        while run.poll() is None and not (tmp_path / f"out.{kind}.checkpoint").exists() and time.time() < deadline:
            time.sleep(0.005)
        time.sleep(delay / 10)
        run.send_signal(number)
        error = run.communicate()[1].decode()
        if run.returncode == 0:
            break
        assert run.returncode in ((5, -number) if number == signal.SIGINT else (-number,))  # before it looks out for it
        if run.returncode == 5:
            assert "--resume goes on" in error
        if (tmp_path / f"out.{kind}").exists():  # killed when all was done but to exit, or to tidy up
            assert number == signal.SIGKILL
            break
    if not (tmp_path / f"out.{kind}").exists() or (tmp_path / f"out.{kind}.checkpoint").exists():
        hornpipe(*arguments, "--resume")
    assert (tmp_path / f"out.{kind}").read_bytes() == wanted
    assert not list(tmp_path.glob(f"out.{kind}.*"))


@pytest.mark.parametrize("ways", [[], ["--backend", "processes"]])
def test_resumed_columns_of_several_inputs(hornpipe, command, tmp_path, ways):
    names = ["id"] + [f"{side}_{i}" for side in ("right", "left") for i in range(3)]
    rows = np.random.default_rng(3).normal(size=(200000, 6)).round(4)
    with open(tmp_path / "rows.csv", "w") as file:
        file.write(",".join(names) + "\n")
        file.writelines(f"row {i}," + ",".join(map(str, row)) + "\n" for i, row in enumerate(rows.tolist()))
    wanted = reference(hornpipe, tmp_path, ENDS, "rows.csv", "--id-columns", "id", kind="csv")
    arguments = ["predict", ENDS, "rows.csv", "--id-columns", "id", "-o", "out.csv", "--chunk-rows", "300",
                 "--checkpoint", "0.01", *ways]
    run = subprocess.Popen([command, *arguments], cwd=tmp_path, stderr=subprocess.DEVNULL)
    while run.poll() is None and not (tmp_path / "out.csv.checkpoint").exists():
        time.sleep(0.002)
    run.kill()
    assert run.wait() == -signal.SIGKILL
    hornpipe(*arguments, "--resume")
    assert (tmp_path / "out.csv").read_bytes() == wanted


@pytest.fixture
def interrupted(command, tmp_path, images):
    """A run of the CNN that left a checkpoint."""
    rows = tmp_path / "rows.npy"
    rows.write_bytes(images.read_bytes())
    run = subprocess.Popen([command, "predict", CNN, rows, "-o", "out.npy", "--chunk-rows", "300", "--checkpoint", "0.01"],
                           cwd=tmp_path, stderr=subprocess.DEVNULL)
    while run.poll() is None and not (tmp_path / "out.npy.checkpoint").exists():
        time.sleep(0.002)
    run.kill()
    assert run.wait() == -signal.SIGKILL
    return rows


@pytest.mark.parametrize("what,arguments", [
    ("instruction set", ["--isa", "base"]), ("selection", ["--argmax"]), ("reading", ["--no-header"])])
def test_other_options_are_not_resumed(hornpipe, tmp_path, interrupted, what, arguments):
    before = (tmp_path / "out.npy.partial").stat().st_size
    done = hornpipe("predict", CNN, interrupted, "-o", "out.npy", "--resume", *arguments, code=2)
    assert b"without --resume a run begins anew" in done.stderr
    assert b"differs" in done.stderr and what.encode() in done.stderr and done.stderr.count(b"\n") == 1
    assert (tmp_path / "out.npy.partial").stat().st_size == before


def test_other_input_is_not_resumed(hornpipe, tmp_path, interrupted):
    with open(interrupted, "r+b") as file:
        file.seek(200)
        file.write(b"\1\2\3\4")
    done = hornpipe("predict", CNN, interrupted, "-o", "out.npy", "--resume", code=2)
    assert b"the input differs" in done.stderr


def test_other_model_is_not_resumed(hornpipe, tmp_path, interrupted):
    model = tmp_path / "digits_cnn.keras"
    model.write_bytes(CNN.read_bytes() + b"\0")
    done = hornpipe("predict", model, interrupted, "-o", "out.npy", "--resume", code=2)
    assert b"the model differs" in done.stderr
    hornpipe("predict", CNN, interrupted, "-o", "out.npy", "-j", "1")  # without --resume: from the start
    assert not list(tmp_path.glob("out.npy.*"))


def test_damaged_checkpoint(hornpipe, tmp_path, interrupted):
    path = tmp_path / "out.npy.checkpoint"
    path.write_bytes(path.read_bytes().replace(b"failed 0", b"failed 1"))
    done = hornpipe("predict", CNN, interrupted, "-o", "out.npy", "--resume", code=1)
    assert b"it is damaged" in done.stderr


def test_finished_between_two_renames(hornpipe, command, tmp_path, interrupted):
    """What a run leaves that was killed when the outputs were about to get their names."""
    hornpipe("predict", CNN, interrupted, "-o", "whole.npy")
    path = tmp_path / "out.npy.checkpoint"
    hornpipe("predict", CNN, interrupted, "-o", "out.npy", "--resume")
    assert not path.exists()
    done = hornpipe("predict", CNN, interrupted, "-o", "out.npy", "--resume", code=1)
    assert b"it exists already" in done.stderr
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize("arguments", [["-", "-o", "out.npy", "--input-format", "npy"], ["rows.npy"],
                                       ["rows.npy", "-o", "out.npz"]])
def test_what_cannot_be_resumed_is_refused(hornpipe, tmp_path, images, arguments):
    (tmp_path / "rows.npy").write_bytes(images.read_bytes())
    done = hornpipe("predict", CNN, *arguments, "--resume", input=images.read_bytes(), code=2)
    assert b"cannot be resumed" in done.stderr and done.stderr.count(b"\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.npy"]


def test_full_disk_is_resumed(hornpipe, command, tmp_path, images):
    wanted = reference(hornpipe, tmp_path, CNN, images)
    arguments = [command, "predict", CNN, images, "-o", "out.npy", "--chunk-rows", "300", "--checkpoint", "0.001",
                 "--progress", "none"]

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(wanted) // 2, len(wanted) // 2))

    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, preexec_fn=limit, check=False)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"File too large" in done.stderr
    assert not (tmp_path / "out.npy").exists()
    hornpipe(*arguments[1:], "--resume")
    assert (tmp_path / "out.npy").read_bytes() == wanted


def test_input_that_changes_meanwhile(command, tmp_path, images):
    rows = tmp_path / "rows.npy"
    rows.write_bytes(images.read_bytes())
    run = subprocess.Popen([command, "predict", CNN, rows, "-o", "out.npy", "--chunk-rows", "100", "--checkpoint", "0.001",
                            "--progress", "none"], cwd=tmp_path, stderr=subprocess.PIPE)
    while run.poll() is None and not (tmp_path / "out.npy.checkpoint").exists():
        time.sleep(0.001)
    with open(rows, "ab") as file:
        file.write(b"\0" * 256)
    error = run.communicate()[1]
    assert run.returncode == 1 and error.count(b"\n") == 1 and b"changed while it was being read" in error
    assert not (tmp_path / "out.npy").exists()


# ---- rows that fail

@pytest.mark.parametrize("ways", [["-j", "2", "--chunk-rows", "777"], ["-j", "1"],
                                  ["--backend", "processes", "-j", "2", "--chunk-rows", "999"]])
def test_failed_rows_become_nan(hornpipe, tmp_path, table, ways):
    lines = (table / "rows.csv").read_text().splitlines()
    bad = [0, 1, 5, 6, 7, 4000, 4001, 19999]
    for row in bad:
        fields = lines[row + 1].split(",")
        fields[3] = "abc"
        lines[row + 1] = ",".join(fields)
    lines[12] = lines[12] + ",1"  # a field too many
    bad.append(11)
    (tmp_path / "bad.csv").write_text("\n".join(lines) + "\n")
    wanted = np.load(reference_path(hornpipe, tmp_path, table))
    done = hornpipe("predict", MLP, "bad.csv", "--columns", ",".join(f"x{i}" for i in range(10)), "-o", "out.npy",
                    "--on-error", "nan", "--progress", "none", *ways, code=4)
    got = np.load(tmp_path / "out.npy")
    assert np.isnan(got[bad]).all() and not np.isnan(np.delete(got, bad, 0)).any()
    assert np.delete(got, bad, 0).tobytes() == np.delete(wanted, bad, 0).tobytes()
    told = done.stderr.decode()
    assert "9 of 20000 rows failed" in told and 'line 2, column 4 ("x2")' in told and told.count("\n") == 10
    hornpipe("predict", MLP, "bad.csv", "--columns", ",".join(f"x{i}" for i in range(10)), "-o", "out2.npy", *ways, code=1)
    assert not list(tmp_path.glob("out2.npy*"))


@pytest.mark.parametrize("ways", [["-j", "3", "--chunk-rows", "9000"], ["-j", "1", "--chunk-rows", "77"],
                                  ["--backend", "processes", "-j", "2", "--chunk-rows", "999"]])
def test_failed_rows_in_text(hornpipe, tmp_path, table, ways):
    lines = [line.replace("row", '"a ""row""",row') for line in (table / "rows.csv").read_text().splitlines()]
    lines[0] = "name," + lines[0]
    for row in (0, 50, 51, 12000, 19999):
        lines[row + 1] = lines[row + 1].rpartition(",")[0] + ",abc"
    lines[13] = "one field"
    (tmp_path / "bad.csv").write_text("\n".join(lines) + "\n")
    wanted = np.load(reference_path(hornpipe, tmp_path, table))[:, 0]
    wanted[[0, 50, 51, 12000, 19999, 12]] = np.nan
    hornpipe("predict", MLP, "bad.csv", "--id-columns", "id,name", "-o", "out.csv", "--on-error", "nan", "--progress", "none",
             *ways, code=4)
    with open(tmp_path / "out.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:2] == ["id", "name"] and len(rows) == 20000
    for i, (name, quoted, value) in enumerate(rows):
        assert (name, quoted) == (("", "") if i == 12 else (f"row {i}", 'a "row"'))
        assert np.float32(value).tobytes() == wanted[i].tobytes() or (value == "nan" and np.isnan(wanted[i]))


def reference_path(hornpipe, tmp_path, table):
    reference(hornpipe, tmp_path, MLP, table / "rows.npy")
    return tmp_path / "reference.npy"


# ---- memory

def peak_memory(command, tmp_path, rows, *arguments):
    """Most resident memory of a run over a file of zeros that has no blocks on the disk, in bytes."""
    path = tmp_path / f"{rows}.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (rows, 10)})
        file.truncate(file.tell() + rows * 40)
    script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    done = subprocess.run(["python3", "-c", script, command, "predict", MLP, path, "-o", "/dev/null", "--output-format",
                           "raw", "--progress", "none", *arguments], capture_output=True, text=True, check=True)
    path.unlink()
    return int(done.stdout) * 1024


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_memory_is_flat(command, tmp_path, backend):
    if "asan" in str(command):
        pytest.skip("the sanitizer's own memory grows")
    small = peak_memory(command, tmp_path, 1000000, "--backend", backend)
    large = peak_memory(command, tmp_path, ROWS, "--backend", backend)
    assert abs(large - small) < 0.05 * small, f"{small / 1e6:.1f} MB for 10^6 rows, {large / 1e6:.1f} MB for {ROWS}"
    assert large < 300e6


def test_progress_for_programs(hornpipe, tmp_path, table):
    done = hornpipe("predict", MLP, table / "rows.npy", "-o", "out.npy", "--progress", "json")
    assert done.stdout == b""
    last = json.loads(done.stderr.decode().splitlines()[-1])
    assert last["rows"] == last["total"] == 20000 and last["done"] is True

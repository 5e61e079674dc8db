"""What goes wrong with files: each fault is one line that names it, the right exit code, and no file under the output's name."""
import io
import os
import pathlib
import resource
import signal
import subprocess
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MLP = ROOT / "examples" / "mlp_10_64_64_1.keras"
CNN = ROOT / "examples" / "digits_cnn.keras"
WORDS = ROOT / "tests" / "data" / "ragged_words.keras"  # int32 words below 50, any number of them
ROWS = np.arange(500, dtype=np.float32).reshape(50, 10)
BACKENDS = ["threads", "processes"]


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def csv(rows):
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def fails(hornpipe, tmp_path, what, *arguments, code=1, **more):
    """Runs a command that must fail with one line on standard error that holds `what`, and leave no output."""
    before = {path.name for path in tmp_path.iterdir()}
    done = hornpipe("predict", *arguments, "--progress", "none", code=code, **more)
    told = done.stderr.decode()
    assert told.startswith("hornpipe: ") and told.count("\n") == 1 and what in told, told
    assert {path.name for path in tmp_path.iterdir()} == before


# ---- inputs

UNREADABLE = {
    "missing.npy": (None, "cannot be opened: No such file or directory"),
    "folder.npy": ("folder", "directory"),
    "empty.npy": (b"", "empty.npy: "),
    "empty.csv": (b"", "empty.csv: it is empty"),
    "empty.npz": (b"", "empty.npz: "),
    "empty.h5": (b"", "empty.h5: "),
    "text.npy": (b"1,2,3\n" * 50, "text.npy: "),
    "noise.npz": (os.urandom(500), "noise.npz: "),
    "utf16.csv": ("1,2\n".encode("utf-16"), "UTF-16"),
    "unknown.xyz": (b"1", "unknown.xyz: "),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_input(hornpipe, tmp_path, name):
    content, what = UNREADABLE[name]
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    fails(hornpipe, tmp_path, what, MLP, name, "-o", "out.npy", code=2 if name == "unknown.xyz" else 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_input(hornpipe, tmp_path):
    (tmp_path / "rows.npy").write_bytes(npy(ROWS))
    (tmp_path / "rows.npy").chmod(0)
    fails(hornpipe, tmp_path, "Permission denied", MLP, "rows.npy", "-o", "out.npy")


MID_ROW = {
    "npy": (npy(ROWS)[:-13], "rows.npy: "),
    "npz": (npz(x=ROWS)[:700], "rows.npz: "),
    "csv": (csv(ROWS)[:-20], "rows.csv: row 49: line 50: it has 7 fields, and the first line has 10"),
    "raw": (ROWS.tobytes()[:-4], "rows.raw: "),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", MID_ROW)
def test_input_that_ends_within_a_row(hornpipe, tmp_path, kind, backend):
    content, what = MID_ROW[kind]
    (tmp_path / f"rows.{kind}").write_bytes(content)
    fails(hornpipe, tmp_path, what, MLP, f"rows.{kind}", "-o", "out.npy", "--backend", backend)


@pytest.mark.parametrize("kind", ["npy", "csv", "raw"])
def test_standard_input_that_ends_within_a_row(hornpipe, tmp_path, kind):
    content, what = MID_ROW[kind]
    what = what.replace(f"rows.{kind}", "standard input")
    fails(hornpipe, tmp_path, what, MLP, "-", "--input-format", kind, "-o", "out.npy", input=content)


def test_damaged_hdf5(hornpipe, tmp_path):
    (tmp_path / "rows.npy").write_bytes(npy(ROWS))
    hornpipe("predict", MLP, "rows.npy", "-o", "rows.h5")
    whole = (tmp_path / "rows.h5").read_bytes()
    (tmp_path / "rows.h5").write_bytes(whole[: len(whole) - 100])
    fails(hornpipe, tmp_path, "rows.h5: ", MLP, "rows.h5", "-o", "out.npy")


# ---- values

VALUES = {
    "nan for a word": (WORDS, "rows.npy", npy(np.array([[1, 2], [3, np.nan]])), "row 1: "),
    "infinite word": (WORDS, "rows.npy", npy(np.array([[1, 2], [3, np.inf]])), "row 1: "),
    "word beyond the table": (WORDS, "rows.npy", npy(np.array([[1, 2], [3, 50]])), "row 1: "),
    "missing word": (WORDS, "rows.csv", b"a,b\n1,2\n3,\n", 'line 3, column 2 ("b"): a value is missing'),
    "half a word": (WORDS, "rows.csv", b"1,2\n3,4.5\n", "line 2, column 2: 4.5 is no whole number"),
    "text": (MLP, "rows.csv", csv(ROWS[:2]) + b"1,2,three,4,5,6,7,8,9,10\n", 'line 3, column 3: "three" is not a number'),
    "text in a short row": (MLP, "rows.csv", csv(ROWS[:2]) + b"1,2,3\n", "line 3: it has 3 fields"),
    "text in a quote": (MLP, "rows.csv", csv(ROWS[:2]) + b'1,2,"3\n', "a quoted field begins in this row"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", VALUES)
def test_values_that_cannot_be(hornpipe, tmp_path, name, backend):
    model, path, content, what = VALUES[name]
    (tmp_path / path).write_bytes(content)
    fails(hornpipe, tmp_path, what, model, path, "-o", "out.npy", "--backend", backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_is_a_number_where_floats_are_wanted(hornpipe, tmp_path, backend):
    rows = ROWS / 500
    rows[7, 3] = np.nan
    (tmp_path / "rows.npy").write_bytes(npy(rows))
    (tmp_path / "rows.csv").write_bytes(csv(rows).replace(b"nan", b""))
    for path in ("rows.npy", "rows.csv"):
        hornpipe("predict", MLP, path, "-o", "out.npy", "--force", "--backend", backend)
        assert np.flatnonzero(np.isnan(np.load(tmp_path / "out.npy")[:, 0])).tolist() == [7]


# ---- shapes and dtypes

SHAPES = {
    "columns": (MLP, npy(ROWS[:, :9]), "has shape (None, 9); the model wants (None, 10)", 1),
    "axes": (MLP, npy(ROWS.reshape(5, 10, 10)), "has shape (None, 10, 10)", 1),
    "one number": (MLP, npy(np.float32(3)), "rows.npy: ", 1),
    "strings": (MLP, npy(np.full((3, 10), "x")), 'row 0: column 0: "x" is not a number', 1),
    "complex": (MLP, npy(ROWS.astype(complex)), "rows.npy: ", 1),
    "objects": (MLP, npy(np.full((3, 10), None)), "rows.npy: ", 1),
    "records": (MLP, npy(np.zeros(3, "f4,f4")), "rows.npy: ", 1),
    "image": (CNN, npy(ROWS), "has shape (None, 10); the model wants (None, 8, 8, 1)", 1),
}


@pytest.mark.parametrize("name", SHAPES)
def test_wrong_shape_or_dtype(hornpipe, tmp_path, name):
    model, content, what, code = SHAPES[name]
    (tmp_path / "rows.npy").write_bytes(content)
    fails(hornpipe, tmp_path, what, model, "rows.npy", "-o", "out.npy", code=code)


# ---- no rows

NO_ROWS = {"npy": npy(ROWS[:0]), "npz": npz(x=ROWS[:0]), "csv": b"a,b,c,d,e,f,g,h,i,j\n", "raw": b""}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", NO_ROWS)
def test_no_rows(hornpipe, tmp_path, kind, backend):
    (tmp_path / f"rows.{kind}").write_bytes(NO_ROWS[kind])
    hornpipe("predict", MLP, f"rows.{kind}", "-o", "out.npy", "--backend", backend)
    assert np.load(tmp_path / "out.npy").shape == (0, 1)
    done = hornpipe("predict", MLP, "-", "--input-format", kind, "--no-header" if kind == "raw" else "--header",
                    "--backend", backend, input=NO_ROWS[kind], code=2 if kind == "npz" else 0)
    assert done.stdout.count(b"\n") <= 1


# ---- outputs

@pytest.mark.parametrize("kind", ["npy", "csv", "raw", "npz", "h5"])
def test_full_disk(command, tmp_path, kind):
    (tmp_path / "rows.npy").write_bytes(npy(np.zeros((200000, 10), np.float32)))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    done = subprocess.run([command, "predict", MLP, "rows.npy", "-o", f"out.{kind}", "--progress", "none", "--checkpoint",
                           "0"], cwd=tmp_path, capture_output=True, preexec_fn=limit, check=False)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1, done.stderr
    assert f"out.{kind}: ".encode() in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npy"]


def test_output_where_nothing_can_be(hornpipe, tmp_path):
    (tmp_path / "rows.npy").write_bytes(npy(ROWS))
    (tmp_path / "folder.npy").mkdir()
    fails(hornpipe, tmp_path, "No such file or directory", MLP, "rows.npy", "-o", "none/out.npy")
    fails(hornpipe, tmp_path, "directory", MLP, "rows.npy", "-o", "folder.npy", "--force")


@pytest.mark.parametrize("backend", BACKENDS)
def test_closed_pipe(command, tmp_path, backend):
    (tmp_path / "rows.npy").write_bytes(npy(np.zeros((300000, 10), np.float32)))
    run = subprocess.Popen([command, "predict", MLP, "rows.npy", "--backend", backend, "--progress", "none"],
                           cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdout.read(10)
    run.stdout.close()
    told = run.stderr.read()
    assert run.wait() == 1 and told.count(b"\n") == 1 and b"standard output: " in told and b"Broken pipe" in told


# ---- an input that changes under the reader

@pytest.mark.parametrize("change", ["grows", "shrinks", "is written to", "is replaced"])
@pytest.mark.parametrize("kind", ["npy", "csv", "raw"])
def test_input_that_changes(command, tmp_path, kind, change):
    images = np.zeros((60000, 64), np.float32)
    whole = npy(images.reshape(-1, 8, 8, 1)) if kind == "npy" else csv(images[:1]) * 60000 if kind == "csv" else images.tobytes()
    path = tmp_path / f"rows.{kind}"
    path.write_bytes(whole)
    os.utime(path, (1, 1))
    run = subprocess.Popen([command, "predict", CNN, path, "-o", "out.npy", "--chunk-rows", "50", "-j", "1", "--progress",
                            "none", "--checkpoint", "0.02"], cwd=tmp_path, stderr=subprocess.PIPE)
    while run.poll() is None and not (tmp_path / "out.npy.checkpoint").exists():
        time.sleep(0.001)
    run.send_signal(signal.SIGSTOP)
    if change == "is replaced":  # the reader has the file that it opened: that is whole
        (tmp_path / "other").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "other").rename(path)
    with open(path, "r+b") as file:
        if change == "grows":
            file.seek(0, os.SEEK_END)
            file.write(whole[-256:])
        elif change == "shrinks":
            file.truncate(len(whole) // 8)
        elif change == "is written to":
            file.seek(len(whole) - 2)
            file.write(whole[-2:])
    run.send_signal(signal.SIGCONT)
    told = run.communicate()[1]
    if change == "is replaced":
        assert run.returncode == 0, told
        return
    assert run.returncode == 1 and told.count(b"\n") == 1, told
    assert f"rows.{kind}: ".encode() in told
    assert not (tmp_path / "out.npy").exists()

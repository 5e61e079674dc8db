"""A choice of rows: --rows and --part give the very rows that the whole run gives, from every kind of input."""
import pathlib
import subprocess
import time
import zipfile

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MLP = ROOT / "examples" / "mlp_10_64_64_1.keras"
COUNT = 1003


def stored(tmp_path, group, case):
    """A model of the stored cases, and its first input."""
    with zipfile.ZipFile(ROOT / "tests" / "cases" / "data" / f"{group}.zip") as file:
        file.extract(f"{case}/model.keras", tmp_path)
        return tmp_path / case / "model.keras", np.load(file.open(f"{case}/in0.npy"))


@pytest.fixture
def rows(tmp_path):
    """The same rows as .npy (in both orders), .npz, .csv and raw floats."""
    x = np.random.default_rng(3).normal(size=(COUNT, 10)).astype(np.float32)
    np.save(tmp_path / "rows.npy", x)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(x))
    np.savez(tmp_path / "rows.npz", x=x)
    x.tofile(tmp_path / "rows.raw")
    np.savetxt(tmp_path / "rows.csv", x, delimiter=",", fmt="%.9g", header=",".join("abcdefghij"), comments="")
    return tmp_path


def predicted(hornpipe, folder, *arguments):
    hornpipe("predict", MLP, *arguments, "-o", "out.npy", "--force", "--progress", "none")
    return np.load(folder / "out.npy")


@pytest.mark.parametrize("source", ["rows.npy", "fortran.npy", "rows.npz", "rows.raw", "rows.csv"])
def test_rows_are_those_of_the_whole(hornpipe, rows, source):
    whole = predicted(hornpipe, rows, source)
    assert whole.shape == (COUNT, 1)
    for text, piece in {"0:1": whole[:1], "17:500": whole[17:500], ":40": whole[:40], "1000:": whole[1000:],
                        "990:5000": whole[990:], "1003:": whole[:0], ":": whole}.items():
        got = predicted(hornpipe, rows, source, "--rows", text, "--chunk-rows", "100")
        assert got.shape == piece.shape and got.tobytes() == piece.tobytes(), text


@pytest.mark.parametrize("source", ["rows.npy", "rows.npz"])
@pytest.mark.parametrize("parts", [1, 3, 8])
def test_parts_joined_are_the_whole(hornpipe, rows, source, parts):
    pieces = [predicted(hornpipe, rows, source, "--part", f"{i}/{parts}") for i in range(1, parts + 1)]
    assert np.concatenate(pieces).tobytes() == predicted(hornpipe, rows, source).tobytes()
    sizes = [len(piece) for piece in pieces]
    assert max(sizes) - min(sizes) <= 1


def test_more_parts_than_rows(hornpipe, rows):
    pieces = [predicted(hornpipe, rows, "rows.npy", "--part", f"{i}/2000") for i in (1, COUNT, COUNT + 1, 2000)]
    assert [len(piece) for piece in pieces] == [1, 1, 0, 0]


def test_standard_input_is_skipped_over(hornpipe, rows):
    arguments = ["predict", MLP, "-", "--input-format", "csv", "--rows", "5:9", "--progress", "none"]
    done = hornpipe(*arguments, input=(rows / "rows.csv").read_bytes())
    np.testing.assert_allclose(np.loadtxt(done.stdout.decode().split()[1:]),
                               predicted(hornpipe, rows, "rows.csv")[5:9, 0], rtol=1e-6)


def test_ids_go_with_their_rows(hornpipe, rows):
    lines = (rows / "rows.csv").read_text().splitlines()
    (rows / "ids.csv").write_text("\n".join(["id," + lines[0]] + [f"r{i},{line}" for i, line in enumerate(lines[1:])]))
    hornpipe("predict", MLP, "ids.csv", "--id-columns", "id", "--rows", "300:303", "-o", "out.csv", "--progress", "none")
    assert [line.split(",")[0] for line in (rows / "out.csv").read_text().split()] == ["id", "r300", "r301", "r302"]


def test_a_failure_names_the_row_of_the_file(hornpipe, rows):
    lines = (rows / "rows.csv").read_text().splitlines()
    lines[801] = lines[801].replace(",", ",oops", 1)
    (rows / "bad.csv").write_text("\n".join(lines))
    done = hornpipe("predict", MLP, "bad.csv", "--rows", "700:900", "-o", "out.csv", "--progress", "none", code=1)
    assert b"line 802" in done.stderr
    done = hornpipe("predict", MLP, "bad.csv", "--rows", "700:900", "-o", "out.npy", "--on-error", "nan",
                    "--progress", "none", code=4)
    assert b"row 800" in done.stderr and b"1 of 200 rows failed" in done.stderr
    assert np.flatnonzero(np.isnan(np.load(rows / "out.npy")[:, 0])).tolist() == [100]


def test_batches_are_those_of_the_whole(hornpipe, tmp_path):
    """A model that mixes the rows of a batch: parts are whole batches, and no other rows can be chosen."""
    model, x = stored(tmp_path, "TextVectorization", "pooled_text")
    x = np.concatenate([x] * 50)[:150]
    np.save(tmp_path / "x.npy", x)
    hornpipe("predict", model, "x.npy", "-o", "whole.npy", "--progress", "none")
    pieces = []
    for i in (1, 2, 3):
        hornpipe("predict", model, "x.npy", "-o", f"{i}.npy", "--part", f"{i}/3", "--progress", "none")
        pieces.append(np.load(tmp_path / f"{i}.npy"))
    assert [len(piece) for piece in pieces] == [64, 64, 22]
    assert np.concatenate(pieces).tobytes() == np.load(tmp_path / "whole.npy").tobytes()
    for choice in ("10:", "0:40"):
        done = hornpipe("predict", model, "x.npy", "-o", "out.npy", "--rows", choice, code=2)
        assert b"multiples of 32" in done.stderr
    hornpipe("predict", model, "x.npy", "-o", "out.npy", "--rows", "32:150", "--progress", "none")
    assert np.load(tmp_path / "out.npy").tobytes() == np.load(tmp_path / "whole.npy")[32:].tobytes()


def test_a_state_begins_with_the_first_row(hornpipe, tmp_path):
    model, x = stored(tmp_path, "stateful", "stateful_lstm")
    np.save(tmp_path / "x.npy", x)
    done = hornpipe("predict", model, "x.npy", "-o", "out.npy", "--rows", f"{len(x) // 2}:", code=2)
    assert b"keeps a state" in done.stderr


@pytest.mark.parametrize("arguments,words", [
    (["--rows", "5"], b'"5" is not FIRST:END'), (["--rows", "9:5"], b"is not FIRST:END"),
    (["--rows", "3:3"], b"is not FIRST:END"), (["--rows", ":0"], b"is not FIRST:END"),
    (["--rows", "-3:5"], b"is not FIRST:END"), (["--rows", "1:2:3"], b"is not FIRST:END"),
    (["--rows", "99999999999999999999:"], b"is not FIRST:END"), (["--rows", "2000:"], b"there is no row 2000: it has 1003"),
    (["--part", "0/3"], b"is not I/N"), (["--part", "4/3"], b"is not I/N"), (["--part", "1/"], b"is not I/N"),
    (["--part", "1"], b"is not I/N"), (["--part", "1/3", "--rows", "1:2"], b"exclude each other")])
def test_wrong_choices(hornpipe, rows, arguments, words):
    done = hornpipe("predict", MLP, "rows.npy", "-o", "out.npy", *arguments, code=2)
    assert words in done.stderr and done.stderr.count(b"\n") == 1
    assert not (rows / "out.npy").exists()


def test_a_part_needs_the_number_of_rows(hornpipe, rows):
    done = hornpipe("predict", MLP, "rows.csv", "-o", "out.npy", "--part", "1/2", code=2)
    assert b"known only when it was read" in done.stderr


def killed(command, folder, *arguments):
    """Runs the command until it has left a checkpoint; its arguments but for what a second run may do otherwise."""
    whole = ["predict", MLP, *arguments, "-o", "out.npy", "--progress", "none", "--checkpoint", "0.0001", "--chunk-rows", "500",
             "--force"]
    for _ in range(50):  # a run may be over before it is killed
        run = subprocess.Popen([command, *whole], cwd=folder, stderr=subprocess.PIPE)
        while run.poll() is None and not (folder / "out.npy.checkpoint").exists():
            time.sleep(0.001)
        run.kill()
        run.communicate()
        if (folder / "out.npy.checkpoint").exists():
            return
    pytest.fail("no run was killed in time")


def resumed(hornpipe, *arguments, code=0):
    return hornpipe("predict", MLP, *arguments, "-o", "out.npy", "--progress", "none", "--force", "--resume", code=code).stderr


@pytest.fixture
def many(rows):
    """So many rows that a run can be killed."""
    np.save(rows / "many.npy", np.zeros((400000, 10), np.float32))
    return rows


def test_another_choice_is_not_resumed(hornpipe, command, many):
    killed(command, many, "many.npy", "--rows", "5:400000")
    assert b"the choice of rows differs" in resumed(hornpipe, "many.npy", "--rows", "4:400000", code=2)
    resumed(hornpipe, "many.npy", "--rows", "5:400000")
    assert len(np.load(many / "out.npy")) == 399995


def test_other_columns_of_long_names_are_not_resumed(hornpipe, command, rows):
    """Lists that differ after a thousand bytes alone are different ones."""
    names = [letter * 200 for letter in "abcdefghij"]
    np.savetxt(rows / "many.csv", np.zeros((100000, 10)), delimiter=",", fmt="%g", header=",".join(names), comments="")
    killed(command, rows, "many.csv", "--columns", ",".join(names))
    said = resumed(hornpipe, "many.csv", "--columns", ",".join(names[:8] + names[:7:-1]), code=2)
    assert b"the reading of the input differs" in said
    resumed(hornpipe, "many.csv", "--columns", ",".join(names))
    assert len(np.load(rows / "out.npy")) == 100000


def test_other_labels_are_not_resumed(hornpipe, command, many):
    (many / "labels.txt").write_text("no\nyes\n")
    options = ["many.npy", "--threshold", "0.5", "--labels", "labels.txt"]
    killed(command, many, *options)
    (many / "labels.txt").write_text("no\nyep\n")
    assert b"the selection differs" in resumed(hornpipe, *options, code=2)
    (many / "labels.txt").write_text("no\nyes\n")
    resumed(hornpipe, *options)
    assert set(np.load(many / "out.npy").ravel()) <= {"no", "yes"}


def test_other_weights_are_not_resumed(hornpipe, command, many):
    with zipfile.ZipFile(MLP) as file:
        weights = file.read("model.weights.h5")
    (many / "own.h5").write_bytes(weights)
    options = ["many.npy", "--weights", "own.h5"]
    killed(command, many, *options)
    (many / "own.h5").write_bytes(weights + b"\0")
    assert b"the model differs" in resumed(hornpipe, *options, code=2)
    (many / "own.h5").write_bytes(weights)
    resumed(hornpipe, *options)


def test_rows_that_failed_before_a_resume(hornpipe, command, rows):
    lines = ["x" + ",0" * 9] + ["0" + ",0" * 9] * 300000
    (rows / "bad.csv").write_text("\n".join(lines) + "\n")
    killed(command, rows, "bad.csv", "--no-header", "--on-error", "nan")
    assert b"1 rows before the interruption failed" in resumed(hornpipe, "bad.csv", "--no-header", code=2)
    assert b"1 of 300001 rows failed" in resumed(hornpipe, "bad.csv", "--no-header", "--on-error", "nan", code=4)
    assert np.isnan(np.load(rows / "out.npy").ravel()).tolist() == [True] + [False] * 300000

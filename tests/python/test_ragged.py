"""Rows of different lengths, from a .npz with values and offsets: each is what it is alone."""
import pathlib

import numpy as np
import pytest

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
WORDS = DATA / "ragged_words.keras"  # Embedding(mask_zero) - Bidirectional LSTM - GRU - Dense
STEPS = DATA / "ragged_steps.keras"  # Conv1D - GlobalMaxPooling1D - Dense


@pytest.fixture
def words(tmp_path):
    """Words of 300 rows, and their predictions one row at a time."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(1, 70, 300)
    rows = [rng.integers(1, 50, n).astype(np.int32) for n in lengths]
    np.savez(tmp_path / "words.npz", values=np.concatenate(rows), offsets=np.concatenate([[0], np.cumsum(lengths)]))
    return rows


def alone(hornpipe, tmp_path, model, rows):
    """Predictions of rows of one length, by length, at their places."""
    made = np.zeros((len(rows), 3 if model == WORDS else 2), np.float32)
    for length in {len(row) for row in rows}:
        places = [i for i, row in enumerate(rows) if len(row) == length]
        np.save(tmp_path / "one.npy", np.stack([rows[i] for i in places]))
        hornpipe("predict", model, "one.npy", "-o", "one_out.npy", "--force")
        made[places] = np.load(tmp_path / "one_out.npy")
    return made


@pytest.mark.parametrize("options", [[], ["--pad"], ["--chunk-rows", "17"], ["--pad", "--chunk-rows", "23", "-j", "1"],
                                     ["--backend", "processes", "-j", "2", "--chunk-rows", "50"]])
def test_words(hornpipe, tmp_path, words, options):
    hornpipe("predict", WORDS, "words.npz", "-o", "out.npy", *options)
    assert np.load(tmp_path / "out.npy").tobytes() == alone(hornpipe, tmp_path, WORDS, words).tobytes()


def test_steps_of_a_named_input(hornpipe, tmp_path):
    rng = np.random.default_rng(6)
    lengths = rng.integers(1, 9, 100)
    rows = [rng.normal(size=(n, 3)) for n in lengths]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint16)
    np.savez_compressed(tmp_path / "steps.npz", x_values=np.concatenate(rows), x_offsets=offsets)
    hornpipe("predict", STEPS, "steps.npz:/x", "-o", "out.npy")
    assert np.load(tmp_path / "out.npy").tobytes() == alone(hornpipe, tmp_path, STEPS, rows).tobytes()


def test_padding_that_would_change_results_is_refused(hornpipe, tmp_path):
    np.savez(tmp_path / "steps.npz", values=np.zeros((5, 3)), offsets=[0, 2, 5])
    done = hornpipe("predict", STEPS, "steps.npz", "-o", "out.npy", "--pad", code=3)
    assert b"(Conv1D)" in done.stderr and done.stderr.count(b"\n") == 1


def test_rows_of_different_lengths_are_no_array(hornpipe, words):
    done = hornpipe("profile", WORDS, "words.npz", code=1)
    assert done.stderr == b"hornpipe: words.npz: its rows have different lengths: they are no array\n"


@pytest.mark.parametrize("offsets,what", [([0, 3, 2, 5], b"row 1 ends at step 2"), ([0, 3, 9], b"row 1 ends at step 9"),
                                          ([-1, 3], b"begins at step -1")])
def test_damaged_offsets(hornpipe, tmp_path, offsets, what):
    np.savez(tmp_path / "steps.npz", values=np.zeros((5, 3)), offsets=offsets)
    done = hornpipe("predict", STEPS, "steps.npz", "-o", "out.npy", code=1)
    assert what in done.stderr and done.stderr.count(b"\n") == 1
    assert not list(tmp_path.glob("out*"))


def test_failing_rows_are_told_by_their_number(hornpipe, tmp_path, words):
    words[7][-1] = words[200][0] = 77  # no such word
    lengths = [len(row) for row in words]
    np.savez(tmp_path / "words.npz", values=np.concatenate(words), offsets=np.concatenate([[0], np.cumsum(lengths)]))
    done = hornpipe("predict", WORDS, "words.npz", "-o", "out.npy", "--progress", "none", code=1)
    assert b"row 7: " in done.stderr
    done = hornpipe("predict", WORDS, "words.npz", "-o", "out.npy", "--on-error", "nan", "--progress", "none", code=4)
    got = np.load(tmp_path / "out.npy")
    assert np.flatnonzero(np.isnan(got[:, 0])).tolist() == [7, 200]
    assert b"2 of 300 rows failed" in done.stderr

"""Inputs that come in batches, and predict_iter: each batch once, in order, none read too early."""
import time

import numpy as np
import pytest

import hornpipe
from hornpipe import _progress


def pieces(rows, *sizes):
    at = 0
    for size in sizes:
        yield rows[at : at + size]
        at += size


class PyDataset:
    """As keras.utils.PyDataset: told by its name."""

    def __init__(self, rows, size, with_targets=True):
        self.rows, self.size, self.with_targets = rows, size, with_targets

    def __len__(self):
        return -(-len(self.rows) // self.size)

    def __getitem__(self, index):
        x = self.rows[index * self.size : (index + 1) * self.size]
        return (x, np.zeros(len(x))) if self.with_targets else x


class Strict(PyDataset):
    """One that has no batch past its last."""

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        return super().__getitem__(index)


class Tensor:
    """As a torch tensor: told by detach, cpu and __array__; NumPy takes none of bfloat16."""

    def __init__(self, values, dtype="torch.float32"):
        self.values, self.dtype = values, dtype

    shape = property(lambda self: self.values.shape)

    def detach(self):
        return self

    def cpu(self):
        return self

    def float(self):
        return Tensor(self.values)

    def __array__(self, dtype=None, copy=None):
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.values


class Stored:
    """As an HDF5 data set or a zarr array: counts what is read of it."""

    def __init__(self, values, chunk):
        self.values, self.chunks, self.shape, self.dtype = values, (chunk, *values.shape[1:]), values.shape, values.dtype
        self.largest = 0

    def __getitem__(self, key):
        part = self.values[key]
        self.largest = max(self.largest, len(part))
        return part

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("the whole array was read at once")


class Dataset:
    """As a tf.data.Dataset."""

    def __init__(self, items):
        self.items = items

    def as_numpy_iterator(self):
        return iter(self.items)

    def __iter__(self):
        raise AssertionError("as_numpy_iterator is there")


def test_iterables_give_the_bytes_of_the_array(mlp, rows):
    whole = mlp.predict(rows).tobytes()
    sizes = [1, 1000, 7, 993, 1000]
    assert mlp.predict(pieces(rows, *sizes)).tobytes() == whole
    assert mlp.predict((x, None) for x in pieces(rows, *sizes)).tobytes() == whole
    assert mlp.predict([x] for x in pieces(rows, *sizes)).tobytes() == whole
    assert mlp.predict({"rows": x} for x in pieces(rows, *sizes)).tobytes() == whole
    assert mlp.predict(PyDataset(rows, 250)).tobytes() == whole
    assert mlp.predict(PyDataset(rows, 250, with_targets=False)).tobytes() == whole
    assert mlp.predict(Dataset(list(pieces(rows, *sizes)))).tobytes() == whole
    assert mlp.predict([Tensor(x), None] for x in pieces(rows, *sizes)).tobytes() == whole
    assert mlp.predict(Tensor(rows)).tobytes() == whole
    assert mlp.predict(Tensor(rows, "torch.bfloat16")).tobytes() == whole
    out = np.empty((3001, 1), np.float32)
    assert mlp.predict(pieces(rows, *sizes), out=out) is out and out.tobytes() == whole


def test_stored_arrays_are_read_in_pieces(mlp, nested):
    x = np.random.default_rng(1).standard_normal((5000, 10)).astype(np.float32)
    stored = Stored(x, 256)
    assert mlp.predict(stored).tobytes() == mlp.predict(x).tobytes()
    from hornpipe import _inputs

    wide = Stored(np.zeros((5000, 10), np.float32), 256)
    old, _inputs.CHUNK_BYTES = _inputs.CHUNK_BYTES, 1 << 16
    try:
        mlp.predict(wide)
    finally:
        _inputs.CHUNK_BYTES = old
    assert wide.largest == 1536
    left, right = Stored(np.ones((300, 3)), 100), Stored(np.ones((300, 3)), 50)
    assert nested.predict([left, right])["sum"].shape == (300, 1)
    with pytest.raises(ValueError, match="300 and 200"):
        nested.predict([left, Stored(np.ones((200, 3)), 50)])


@pytest.mark.parametrize("on_error", ["fail", "nan"])
def test_rows_that_are_mixed_come_in_whole_batches(tmp_path, make_model, on_error):
    """Of Keras's 32 rows or of batch_size, however many go through at a time; predict_on_batch is one batch."""

    @hornpipe.custom_layer("Centre", shape=lambda shape: shape, mixes_rows=True)
    def centre(x):
        return x - x.mean(axis=0)

    path, weights = make_model(tmp_path, [("InputLayer", {"batch_shape": [None, 4]}), ("Centre", {"name": "centre"})], {})
    model = hornpipe.load_model(path, weights=weights, custom_layers=[centre])
    assert model.mixes_rows
    rows = np.random.default_rng(2).normal(size=(3000, 4)).astype(np.float32)
    for size in (32, 30):
        wanted = np.concatenate([centre(rows[at : at + size]) for at in range(0, len(rows), size)])
        got = model.predict(rows, batch_size=None if size == 32 else size, on_error=on_error, n_jobs=2)
        np.testing.assert_allclose(got, wanted, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(rows[:50]), centre(rows[:50]), atol=1e-6)


def test_steps(mlp, rows):
    def forever():
        while True:
            yield rows[:10]

    assert mlp.predict(forever(), steps=3).shape == (30, 1)
    assert mlp.predict(PyDataset(rows, 10), steps=2).shape == (20, 1)
    assert mlp.predict(Strict(rows, 10), steps=len(rows)).shape == (len(rows), 1)
    for x in (rows, Stored(rows, 256)):
        with pytest.raises(ValueError, match="steps goes with data sets"):
            mlp.predict(x, steps=1)
    with pytest.raises(ValueError, match="no batch"):
        mlp.predict(iter([]))
    with pytest.raises(ValueError, match="4 items"):
        mlp.predict(iter([(rows, 1, 2, 3)]))


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_predict_iter_in_order(mlp, rows, backend):
    sizes = [3, 500, 1, 1, 1495, 1001, 0]
    results = list(mlp.predict_iter(pieces(rows, *sizes), n_jobs=2, backend=backend))
    assert [len(y) for y in results] == sizes
    assert np.concatenate(results).tobytes() == mlp.predict(rows).tobytes()


def test_predict_iter_looks_ahead_no_further_than_told(mlp, rows):
    taken = []

    def source():
        for i in range(20):
            taken.append(i)
            yield rows[:10]

    for number, _ in enumerate(mlp.predict_iter(source(), look_ahead=3)):
        assert len(taken) <= number + 4
    assert len(taken) == 20
    with pytest.raises(ValueError, match="look_ahead"):
        mlp.predict_iter(source(), look_ahead=0)


def test_predict_iter_can_be_left(mlp, rows):
    iterator = mlp.predict_iter(rows[:10] for _ in range(1000))
    assert next(iterator).shape == (10, 1)
    iterator.close()

    def broken():
        yield rows[:10]
        raise KeyError("the source's own")

    with pytest.raises(KeyError, match="the source's own"):
        list(mlp.predict_iter(broken()))


def test_worker_processes_give_the_same_bytes(mlp, nested, rows):
    assert mlp.predict(rows, backend="processes", n_jobs=2).tobytes() == mlp.predict(rows).tobytes()
    x = [np.ones((7, 3)), np.ones((7, 3))]
    assert nested.predict(x, backend="processes", n_jobs=2)["sum"].tobytes() == nested.predict(x)["sum"].tobytes()


def test_files(mlp, rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    assert mlp.predict_file(tmp_path / "rows.npy", tmp_path / "pred.npy") == 3001
    assert np.load(tmp_path / "pred.npy").tobytes() == mlp.predict(rows).tobytes()
    np.savetxt(tmp_path / "rows.csv", rows[:20], delimiter=",", fmt="%.9g")
    count = mlp.predict_file({"rows": tmp_path / "rows.csv"}, [tmp_path / "names.csv"], threshold=0.5, labels=["no", "yes"])
    assert count == 20 and set((tmp_path / "names.csv").read_text().split()[-20:]) <= {"no", "yes"}
    assert mlp.predict_file(tmp_path / "rows.npy", tmp_path / "again.npy", resume=True, backend="processes", n_jobs=2) == 3001
    assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "pred.npy").read_bytes()
    with pytest.raises(hornpipe.FileError, match="none.npy"):
        mlp.predict_file(tmp_path / "none.npy", tmp_path / "pred.npy")


def test_files_take_lists_of_columns(mlp, rows, tmp_path, capsys):
    names = ["id", 'a "b"', "c,d", *(f"x{i}" for i in range(8))]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    table = np.column_stack([np.arange(20), rows[:20]])
    np.savetxt(tmp_path / "rows.csv", table, delimiter=",", fmt="%.9g", header=header, comments="")
    files = tmp_path / "rows.csv", tmp_path / "pred.npy"
    for options in ({"columns": names[1:]}, {"columns": range(1, 11)}, {"columns": "1-10"}):
        assert mlp.predict_file(*files, **options) == 20
        assert np.load(files[1]).tobytes() == mlp.predict(rows[:20]).tobytes()
    assert capsys.readouterr().err == ""
    mlp.predict_file(tmp_path / "rows.csv", tmp_path / "pred.csv", id_columns=["id"], verbose=2)
    assert (tmp_path / "pred.csv").read_text().startswith("id,probability\n0,") and capsys.readouterr().err.startswith("20 rows, ")


def test_options_of_files_are_checked(mlp, tmp_path):
    for bad in ({"chunk_rows": 0}, {"max_memory": "1G"}, {"top_k": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(bad))} is .*; expected an integer of at least 1"):
            mlp.predict_file(tmp_path / "rows.npy", tmp_path / "pred.npy", **bad)
    for bad in ({"part": (1, 2**32 + 1)}, {"top_k": 2**32 + 1}):
        with pytest.raises(OverflowError, match="4294967297; it is too large"):
            mlp.predict_file(tmp_path / "rows.npy", tmp_path / "pred.npy", **bad)
    for bad in ({"rows": 10}, {"part": (1, 2, 3)}, {"labels": "no"}):
        with pytest.raises(TypeError, match=f"{next(iter(bad))} is "):
            mlp.predict_file(tmp_path / "rows.npy", tmp_path / "pred.npy", **bad)


def test_files_in_parts(mlp, rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    whole = mlp.predict(rows)
    for number, (choice, piece) in enumerate([({"rows": (5, 70)}, whole[5:70]), ({"rows": (None, 9)}, whole[:9]),
                                              ({"rows": (2990, None)}, whole[2990:]), ({"part": (2, 3)}, whole[1001:2001])]):
        out = tmp_path / f"{number}.npy"
        assert mlp.predict_file(tmp_path / "rows.npy", out, **choice) == len(piece)
        assert np.load(out).tobytes() == piece.tobytes()
    for choice in ({"rows": (9, 5)}, {"rows": (-1, 5)}, {"part": (0, 3)}, {"part": (4, 3)}, {"rows": (0, 5), "part": (1, 2)}):
        with pytest.raises(ValueError, match="rows|part"):
            mlp.predict_file(tmp_path / "rows.npy", tmp_path / "none.npy", **choice)
    with pytest.raises(ValueError, match="padding"):
        mlp.predict_file(tmp_path / "rows.npy", tmp_path / "none.npy", pad=True)


def test_files_with_bad_rows(table, tmp_path):
    np.save(tmp_path / "rows.npy", np.array([[0, 1], [9, 9], [4, 4]]))
    with pytest.raises(hornpipe.RowError) as caught:
        table.predict_file(tmp_path / "rows.npy", tmp_path / "pred.npy")
    assert caught.value.row == 1
    with pytest.warns(RuntimeWarning, match="1 of 3 rows failed"):
        assert table.predict_file(tmp_path / "rows.npy", tmp_path / "pred.npy", on_error="nan") == 3
    y = np.load(tmp_path / "pred.npy")
    assert np.isnan(y[1]).all() and y[2].tolist() == [12, 13, 14, 12, 13, 14]


def test_a_stopped_run_resumes(tmp_path, monkeypatch, make_model):
    """Stopped by the bar when it is looked at after a chunk was computed, which a slow one brings about; each row is computed once."""
    rows, chunk = np.random.default_rng(5).standard_normal((5000, 4)).astype(np.float32), 100
    computed = []

    def slow(x):
        if not computed:
            time.sleep(0.3)  # longer than the time between two looks
        computed.append(len(x))
        return x * 3

    layers = [("InputLayer", {"batch_shape": [None, 4]}), ("Slow", {"name": "slow"})]
    path, weights = make_model(tmp_path, layers, {})
    model = hornpipe.load_model(path, weights=weights, custom_layers={"Slow": slow})
    np.save(tmp_path / "rows.npy", rows)
    paths = tmp_path / "rows.npy", tmp_path / "pred.npy"

    def stop(self, done, total):
        if computed:
            raise KeyboardInterrupt

    computed.clear()  # opening may have tried it
    with monkeypatch.context() as patched:
        patched.setattr(_progress.Bar, "__call__", stop)
        with pytest.raises(KeyboardInterrupt):
            model.predict_file(*paths, n_jobs=1, chunk_rows=chunk, verbose=1)
    assert not paths[1].exists()
    before = sum(computed)
    assert 0 < before < len(rows) and before % chunk == 0
    assert model.predict_file(*paths, n_jobs=1, chunk_rows=chunk, resume=True) == len(rows)
    assert sum(computed) == len(rows)
    assert np.load(paths[1]).tobytes() == (rows * 3).tobytes()
    assert sorted(path.name for path in tmp_path.glob("pred*")) == ["pred.npy"]


def test_pairs_are_not_taken_for_two_inputs(nested):
    """As in Keras, of (x, y) x is all of the inputs."""
    x = np.ones((4, 3), np.float32)
    whole = nested.predict([x, x])["sum"].tobytes()
    assert nested.predict(iter([((x, x),)]))["sum"].tobytes() == whole
    assert nested.predict(iter([({"left": x, "right": x}, x)]))["sum"].tobytes() == whole
    for pair in ((x, x), [x, x]):
        with pytest.raises(TypeError, match=r"the first item is x: for the inputs left, right .* \(\(left, \.\.\.\),\)"):
            nested.predict(iter([pair]))

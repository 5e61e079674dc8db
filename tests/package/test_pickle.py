"""Models through pickle: small, one per process, refused when the file is another; and what worker processes share."""
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

import hornpipe
from hornpipe import _loading
from conftest import EXAMPLES, memory_is_counted


@pytest.fixture
def path(tmp_path):
    return str(shutil.copy(EXAMPLES / "mlp_10_64_64_1.keras", tmp_path / "model.keras"))


def test_a_model_from_a_file_pickles_small(path):
    model = hornpipe.load_model(path)
    text = pickle.dumps(model)
    assert len(text) < 1000
    assert pickle.loads(text) is model
    assert len(pickle.dumps(model.predict)) < 1000


def test_options_come_along(path, rows):
    model = hornpipe.load_model(path, output_layer="dense_2", isa="base")
    text = pickle.dumps(model)
    expected = model.predict(rows[:3]).tobytes()
    del model
    again = pickle.loads(text)
    assert again.isa == "base" and again.predict(rows[:3]).tobytes() == expected
    assert pickle.loads(text) is again, "kept for the next task"


def test_a_changed_file_is_refused(path):
    model = hornpipe.load_model(path)
    text = pickle.dumps(model)
    shutil.copy(EXAMPLES / "digits_cnn.keras", path + ".new")
    os.replace(path + ".new", path)
    with pytest.raises(hornpipe.FileError, match="has changed since the model was opened"):
        pickle.dumps(model)
    assert pickle.loads(text) is model, "this process has the old content still"
    del model
    _loading._kept.clear()
    with pytest.raises(hornpipe.FileError, match="has changed since the model was pickled"):
        pickle.loads(text)
    os.remove(path)
    with pytest.raises(hornpipe.FileError, match="cannot be read here"):
        pickle.loads(text)


def test_a_model_of_the_new_content_is_not_the_old_one(path):
    """A worker that keeps the old model, and is sent the new one, opens the file anew."""
    old = hornpipe.load_model(path)
    shutil.copy(EXAMPLES / "digits_cnn.keras", path + ".new")
    os.replace(path + ".new", path)
    code = "import hornpipe, pickle, sys; sys.stdout.buffer.write(pickle.dumps(hornpipe.load_model(sys.argv[1])))"
    text = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True).stdout
    new = pickle.loads(text)
    assert new is not old and new.outputs[0].shape == (None, 10) and old.outputs[0].shape == (None, 1)
    assert pickle.loads(text) is new


def test_the_same_content_elsewhere_in_time_is_taken(path, rows):
    model = hornpipe.load_model(path)
    text, expected = pickle.dumps(model), model.predict(rows[:3]).tobytes()
    shutil.copy(path, path + ".new")
    os.replace(path + ".new", path)
    assert pickle.loads(text).predict(rows[:3]).tobytes() == expected


def test_a_model_from_bytes_pickles_with_them(path, rows):
    data = open(path, "rb").read()
    model = hornpipe.load_model(data)
    text = pickle.dumps(model)
    expected = model.predict(rows[:3]).tobytes()
    assert pickle.loads(text) is model
    del model
    assert len(text) < len(data) + 1000 and pickle.loads(text).predict(rows[:3]).tobytes() == expected


def private_bytes(_):
    """Memory that this process shares with nobody."""
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(("Private_Dirty", "Private_Clean"))) * 1024


def work(task):
    model, x = task
    return private_bytes(None), model.predict(x).tobytes(), private_bytes(None)


@memory_is_counted
def test_forked_workers_share_the_packed_weights(tmp_path, make_model):
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal((2048, 4096)).astype("f4") / 50, np.zeros(4096, "f4")]
    layers = [("InputLayer", {"batch_shape": [None, 2048]}), ("Dense", {"units": 4096})]
    model, store = make_model(tmp_path, layers, {"dense": weights})
    model = hornpipe.load_model(model, weights=store)
    x = rng.standard_normal((8, 2048)).astype("f4")
    expected = model.predict(x).tobytes()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for before, result, after in pool.map(work, [(model, x[:4]), (model, x[4:])], chunksize=1):
            assert after - before < 8 << 20, "a copy of the 32 MiB of weights was made"
            assert result in (expected[: len(expected) // 2], expected[len(expected) // 2 :])

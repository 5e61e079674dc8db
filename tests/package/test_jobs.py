"""How many cores a call takes, alone and beside others; how a long call is stopped; and the bar."""
import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pytest

import hornpipe
from hornpipe import _jobs, _progress


def test_numbers_of_jobs(monkeypatch):
    cores = hornpipe.core_count()
    assert cores >= 1 and _jobs.resolve(None) == cores == _jobs.resolve(-1)
    assert _jobs.resolve(3) == 3 and _jobs.resolve(-1000) == 1
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert _jobs.resolve(None) == 1 and _jobs.resolve(5) == 5


def test_affinity_is_followed():
    code = (
        "import os, hornpipe; from hornpipe import _jobs; before = _jobs.resolve(None);"
        "os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]); print(before, _jobs.resolve(None))")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told == [str(hornpipe.core_count()), "1"]


def test_calls_beside_each_other_share_the_cores(monkeypatch):
    monkeypatch.setattr(_jobs, "cores", lambda: 8)
    with _jobs.granted(None) as first, _jobs.granted(None) as second, _jobs.granted(6) as told, _jobs.granted(None) as third:
        assert (first, second, told, third) == (8, 4, 6, 2)
    with _jobs.granted(None) as again:
        assert again == 8


def test_inside_joblib_a_task_has_its_share(monkeypatch):
    backend = types.SimpleNamespace(nesting_level=1)
    parallel = types.ModuleType("joblib.parallel")
    parallel.get_active_backend = lambda: (backend, 1)
    monkeypatch.setitem(sys.modules, "joblib.parallel", parallel)
    monkeypatch.setattr(_jobs, "cores", lambda: 8)
    assert _jobs.resolve(None) == 1
    backend.nesting_level = 0
    assert _jobs.resolve(None) == 8


def jobs_in_worker(told):
    if told:
        os.environ["OMP_NUM_THREADS"] = told
    else:
        os.environ.pop("OMP_NUM_THREADS", None)
    _jobs.cores = lambda: 8
    return _jobs.resolve(None)


def test_worker_processes_do_not_take_all_cores():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(jobs_in_worker, ["", "3", "20"]) == [1, 3, 8]


def test_threads_predict_side_by_side(mlp, rows):
    whole = mlp.predict(rows).tobytes()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert all(y.tobytes() == whole for y in pool.map(mlp.predict, [rows] * 24))


LONG_CALL = """
import signal, sys, numpy as np, hornpipe
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts its background jobs with SIGINT ignored
model = hornpipe.load_model(sys.argv[1])
x = np.zeros((50_000_000, 10), np.float32)
print("ready", flush=True)
try:
    model.predict(x, n_jobs=1, verbose=0, out=np.empty((len(x), 1), np.float32))
except KeyboardInterrupt:
    print(model.predict(x[:3]).shape, "stopped", flush=True)
"""


def test_ctrl_c_stops_a_long_call():
    from conftest import EXAMPLES

    process = subprocess.Popen(
        [sys.executable, "-c", LONG_CALL, EXAMPLES / "mlp_10_64_64_1.keras"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    assert process.communicate(timeout=60)[0] == "(3, 1) stopped\n"
    assert process.returncode == 0 and time.monotonic() - start < 10


def test_other_threads_run_during_a_long_call(mlp):
    x = np.zeros((2_000_000, 10), np.float32)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(1)
            time.sleep(0.0005)

    thread = threading.Thread(target=tick)
    thread.start()
    before = len(ticks)
    mlp.predict(x, n_jobs=1, verbose=0)
    during = len(ticks) - before
    done.set()
    thread.join()
    assert during > 5


def test_the_bar(capsys, monkeypatch, mlp, rows):
    assert _progress.Bar.text(50, 100, 5.0) == " 50%|" + "#" * 15 + "-" * 15 + "| 50/100 [00:05<00:05, 10 rows/s]"
    assert _progress.Bar.text(7_000, -1, 2.0) == "7000 rows [00:02, 3.5k rows/s]"
    mlp.predict(rows)
    assert capsys.readouterr().err == ""
    mlp.predict(rows, verbose=2)
    assert capsys.readouterr().err.startswith("3001 rows, ")
    mlp.predict((rows[:1000] for _ in range(3)), verbose=1)
    shown = capsys.readouterr().err
    assert "3000 rows" in shown and shown.endswith("\n")
    with pytest.raises(RuntimeError, match="of the bar"):
        bar = _progress.Bar(1)
        monkeypatch.setattr(bar, "_draw", lambda text: (_ for _ in ()).throw(RuntimeError("of the bar")))
        bar(1, 2)


def test_the_bar_in_a_notebook(monkeypatch):
    shown = []
    handle = types.SimpleNamespace(update=shown.append)
    display = types.SimpleNamespace(HTML=lambda text: text, display=lambda html, display_id: shown.append(html) or handle)
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell, display=display))
    bar = _progress.Bar(1)
    bar(5, 10)
    bar.close()
    assert '<progress value="5" max="10">' in shown[0] and len(shown) == 2


def test_import_is_quick_and_brings_numpy_alone():
    code = (
        "import sys, time, numpy; t = time.perf_counter(); import hornpipe; t = time.perf_counter() - t;"
        "print(t, *(m for m in ('json', 'pandas', 'sklearn', 'multiprocessing.process', 'hashlib') if m in sys.modules))")
    shown = min(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(3))
    assert "pandas" not in shown and "sklearn" not in shown

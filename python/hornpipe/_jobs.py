"""How many cores a call may use: all that the process has, unless somebody else has given out some of them already.

Invariant: no choice made here changes a result; rows are the same bits on any number of cores.
"""

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Iterator

from hornpipe import _errors
from hornpipe._hornpipe import core_count

_lock = threading.Lock()
_calls = 0  # that have taken all cores, in this process, now


@functools.lru_cache(maxsize=4)
def _cores_as(affinity: frozenset[int], told: str | None) -> int:
    """The library looks at control groups as well, which takes 0.15 ms: they are taken to stay as they are."""
    del affinity, told
    return core_count()


def cores() -> int:
    """Cores that this process may use, as its affinity and HORNPIPE_NUM_THREADS are now."""
    return _cores_as(frozenset(os.sched_getaffinity(0)), os.environ.get("HORNPIPE_NUM_THREADS"))


def _limit(name: str) -> int | None:
    """The positive number in an environment variable."""
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() and int(text) > 0 else None


def _in_joblib_worker() -> bool:
    """Whether this is running inside a task of joblib.Parallel, in a thread or a process."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None:
        return False
    backend, _ = parallel.get_active_backend()
    return (getattr(backend, "nesting_level", 0) or 0) > 0


def _in_worker_process() -> bool:
    """Whether multiprocessing, concurrent.futures or loky has started this process."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return True
    return "joblib.externals.loky.process_executor" in sys.modules and "LOKY_PARENT_PROCESS" in os.environ


def share() -> int:
    """Cores for a call that names no number: this worker's share of them.

    joblib and loky say how many threads a worker process may use (`inner_max_num_threads`, or the cores divided by the
    workers) in OMP_NUM_THREADS, and may bound the machine by LOKY_MAX_CPU_COUNT. A worker of multiprocessing or
    concurrent.futures is not told how many others there are: it uses one core.
    """
    usable = cores()
    machine = _limit("LOKY_MAX_CPU_COUNT")
    if machine is not None:
        usable = min(usable, machine)
    process = _in_worker_process()
    if process or _in_joblib_worker():
        told = _limit("OMP_NUM_THREADS") if process else None
        return min(usable, told or 1)
    return usable


def resolve(n_jobs: int | None) -> int:
    """The number of workers that `n_jobs` asks for, by joblib's rule for negative ones."""
    if n_jobs is None:
        return share()
    if isinstance(n_jobs, bool) or not hasattr(n_jobs, "__index__"):
        raise TypeError(f"n_jobs is {n_jobs!r}; expected an integer or None")
    if n_jobs == 0:
        raise _errors.argument("n_jobs is 0; expected a positive number, -1 for all cores, or None")
    return n_jobs if n_jobs > 0 else max(1, cores() + 1 + n_jobs)


@contextlib.contextmanager
def granted(n_jobs: int | None) -> Iterator[int]:
    """The workers of one call while it runs: calls side by side, each with n_jobs=None, share the cores."""
    global _calls
    jobs = resolve(n_jobs)
    if n_jobs is not None:
        yield jobs
        return
    with _lock:
        _calls += 1
        jobs = max(1, jobs // _calls)
    try:
        yield jobs
    finally:
        with _lock:
            _calls -= 1

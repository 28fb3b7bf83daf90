"""How threads wait for each other: they spin while the machine is quiet, and sleep while others need its cores."""

import contextlib
import ctypes
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
"""Variables with which you choose yourself how threads wait."""
BUSY = 0.1
"""The share of the time that a thread waits for a core, above which the machine counts as busy."""
QUIET = 0.02
"""The share below which it is quiet again."""
FIRST_LOOK, LAST_LOOK = 0.05, 0.5
"""Seconds between two looks at the threads; each is twice as long as the one before."""
_TASKS = Path("/proc", "self", "task")
"""The folder with this process's threads. Only Linux has it."""
_watched = threading.local()


@contextlib.contextmanager
def considerate() -> Iterator[None]:
    """Within the block, threads that wait for each other sleep whenever other processes use the cores.

    The threads of OpenMP, and so of PyTorch, wait for each other in every product. GNU's OpenMP lets them spin, which
    is fastest while each has a core. Otherwise a spinning thread takes the core that the awaited thread needs: with
    twelve other processes on two cores, a training took ten times as long. How threads wait changes no result.

    It does nothing on systems other than Linux, with another OpenMP, or if you set one of the variables in `CHOSEN`.
    """
    if getattr(_watched, "here", False) or any(name in os.environ for name in CHOSEN) or not _waits():
        yield
        return
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=[ended], name="isthmus-waiting", daemon=True)
    try:
        watch.start()
    except RuntimeError:  # the system allows no more threads
        yield
        return
    _watched.here = True
    try:
        yield
    finally:
        _watched.here = False
        ended.set()
        watch.join()


def _watch(ended: threading.Event) -> None:
    """Look at the process's threads now and then, and let them sleep or spin, until `ended`."""
    pause, before, began = FIRST_LOOK, _waits(), time.perf_counter()
    with contextlib.ExitStack() as asleep:
        served: list[str] = []
        while not ended.wait(pause):
            pause = min(2 * pause, LAST_LOOK)
            now, at = _waits(), time.perf_counter()
            share = max((now[task] - before.get(task, now[task]) for task in now), default=0) / 1e9 / (at - began)
            before, began = now, at
            if share > BUSY and (loaded := _loaded()) != served:  # a command is watched before PyTorch is loaded
                asleep.close()
                served = asleep.enter_context(_more_threads_than_cores(loaded))
            elif share < QUIET and served:
                asleep.close()
                served = []


def _waits() -> dict[str, int]:
    """Nanoseconds that each thread of this process has waited for a core; empty where the system doesn't count them."""
    waits = {}
    with contextlib.suppress(OSError):
        for task in os.listdir(_TASKS):  # noqa: PTH208  # a path for each of them would take longer than the reading
            with contextlib.suppress(OSError, IndexError, ValueError):  # the thread has ended
                waits[task] = int((_TASKS / task / "schedstat").read_bytes().split()[1])
    return waits


@contextlib.contextmanager
def _more_threads_than_cores(files: list[str]) -> Iterator[list[str]]:
    """Within the block, GNU's OpenMP counts more threads than cores, for which reason none of its threads spins.

    A Python thread starts an OpenMP team of its own, as large as necessary, and sleeps with it until the block ends.

    files: of the libraries. Yields those that count so now.
    """
    begun, ended = threading.Event(), threading.Event()

    def begin() -> None:
        for file in files:
            with contextlib.suppress(OSError, AttributeError):
                library = ctypes.CDLL(file)
                function = ctypes.cast(library.omp_get_thread_num, ctypes.c_void_p)  # any that does nothing
                cores = library.omp_get_num_procs()
                library.GOMP_parallel(function, None, max(2, cores + 2 - _in_use(cores)), 0)
        begun.set()
        ended.wait()

    sleeper = threading.Thread(target=begin, name="isthmus-sleeper", daemon=True)
    try:
        sleeper.start()
    except RuntimeError:
        yield []
        return
    try:
        begun.wait()
        yield files
    finally:
        ended.set()
        sleeper.join()  # which ends its team


def _loaded() -> list[str]:
    """The files of GNU's OpenMP in this process: PyTorch and scikit-learn have their own."""
    with contextlib.suppress(OSError), Path("/proc/self/maps").open(errors="replace") as maps:
        return sorted({line.split(maxsplit=5)[5].strip() for line in maps if "libgomp" in line})
    return []


def _in_use(cores: int) -> int:
    """The number of threads that count already: PyTorch's, or without PyTorch one for each of the cores."""
    torch = sys.modules.get("torch")
    if torch is None:
        return cores
    return torch.get_num_threads() if hasattr(torch, "get_num_threads") else 1  # it is being imported

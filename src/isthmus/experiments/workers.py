"""Several trials of a study at once, each in its own process (`isthmus.experiments.one_trial`).

Each process prints the finished units of its trial's budget, one per line, and writes the result itself. Its input is
the reading end of a pipe on which nothing is ever sent. The pipe closes when the study stops or its process is killed;
every trial's process then saves its training and ends.
"""

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from isthmus.errors import IsthmusError, remark
from isthmus.experiments.trial import Trial
from isthmus.threads import usable_threads


class Pool(Protocol):
    """Other processes, on any machines that share the study's folder, that do trials of a study."""

    def share_out(
        self,
        folder: Path,
        trials: Sequence[Trial],
        tell: Callable[[Trial, int], object],
        fail: Callable[[Trial, str], object],
    ) -> None:
        """Do trials as the function `share_out` does, as many at once as there is room for."""
        ...


def share_out(
    folder: Path,
    trials: Sequence[Trial],
    jobs: int,
    tell: Callable[[Trial, int], object],
    fail: Callable[[Trial, str], object],
) -> None:
    """Do trials of the study in a folder, `jobs` processes at a time, which share this process's threads.

    If a process is killed or crashes, only its trial fails.

    folder: contains the study's plan. tell: called with the finished units of a trial's budget. fail: called with the
    reason why a trial's process ended. Both are called in this thread.

    Raises:
        KeyboardInterrupt: the user stopped it; the processes have saved their work.
        IsthmusError: the data can't be opened again, or a result can't be written, for example on a full disk.
    """
    jobs = min(jobs, len(trials))
    threads = max(1, usable_threads() // jobs)
    news: queue.SimpleQueue[tuple[Trial, int | Future[str | None]]] = queue.SimpleQueue()
    leash, hold = os.pipe()
    pool = ThreadPoolExecutor(jobs, "isthmus-trial")
    try:
        for trial in trials:
            future = pool.submit(_work, folder, trial, threads, leash, news)
            future.add_done_callback(lambda future, trial=trial: news.put((trial, future)))
        left = len(trials)
        while left:
            trial, done = news.get()
            if isinstance(done, Future):
                left -= 1
                if (error := done.result()) is None:
                    continue
                fail(trial, error)
                done = trial.budget
            tell(trial, done)
    except KeyboardInterrupt:
        remark("Stopping: the current trainings are saved first, which takes a few seconds.")
        raise
    finally:
        os.close(hold)
        pool.shutdown(cancel_futures=True)
        os.close(leash)


def _work(folder: Path, trial: Trial, threads: int, leash: int, news: "queue.SimpleQueue") -> str | None:
    """Do a trial in a process; return an error if it ended before writing the result."""
    home = str(Path(__file__).resolve().parents[2])  # where this process found the package
    paths = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(  # noqa: S603 our own module, by our own interpreter
        [sys.executable, "-P", "-m", "isthmus.experiments.one_trial", str(folder), trial.name],
        stdin=leash,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C goes to this process alone, which then closes the pipe
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": paths, "PYTHONUTF8": "1"},
    )
    assert process.stdout is not None
    with process.stdout as lines:
        message = ""
        for line in lines:
            if line.strip().isdecimal():
                news.put((trial, int(line)))
            else:
                message += line
    code = process.wait()
    if code == 0:
        return None
    if code == 1 and message:
        raise IsthmusError(message.strip())
    return f"its process ended ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"

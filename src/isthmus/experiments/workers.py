"""Worker processes: each does trials of a study, one after another, as it is told on its standard input."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import torch

import isthmus
from isthmus.errors import IsthmusError, remark
from isthmus.experiments.study import FOUND, Study
from isthmus.experiments.trial import Trial
from isthmus.model.store import make_folder
from isthmus.storage.files import write_json


def share_out(study: Study, trials: Sequence[Trial], jobs: int, tell: Callable[[Trial, int], object]) -> None:
    """Do trials of a study whose plan is written, in `jobs` processes that share this one's threads.

    A process that ends under a trial, killed or crashed, fails that trial only.

    Raises:
        KeyboardInterrupt: somebody ended it; the processes have saved what they had.
        IsthmusError: a result could not be kept, the disk being full for example.
    """
    jobs = min(jobs, len(trials))
    threads = max(1, torch.get_num_threads() // jobs)
    waiting: queue.SimpleQueue[Trial] = queue.SimpleQueue()
    for trial in trials:
        waiting.put(trial)
    said: queue.SimpleQueue[tuple[Trial | None, Any]] = queue.SimpleQueue()
    hands = [Worker(study.folder, threads, waiting, said) for _ in range(jobs)]
    try:
        for hand in hands:
            hand.thread.start()
        working = len(hands)
        while working:
            trial, told = said.get()
            if isinstance(told, Exception):
                raise told
            if trial is None:
                working -= 1
            elif isinstance(told, int):
                tell(trial, told)
            elif study.found(trial) is None:
                folder = make_folder(study.place(trial))
                asked = {"trial": trial.to_json(), "data": study.identity, "remarks": []}
                write_json(folder / FOUND, asked | {"error": told})
                tell(trial, trial.budget)
    except KeyboardInterrupt:
        remark("Stopping: what is in training is saved first, which takes some seconds.")
        raise
    finally:
        for hand in hands:
            hand.end()


class Worker:
    """Gives trials to one process, starts another where that ends, and passes on what it says.

    waiting: trials that nobody has taken. said: (trial, units done), (trial, why its process ended), (None, None) at
    the end, or (None, an error that ends the study).
    """

    def __init__(
        self,
        folder: Path,
        threads: int,
        waiting: "queue.SimpleQueue[Trial]",
        said: "queue.SimpleQueue[tuple[Trial | None, Any]]",
    ) -> None:
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.folder, self.threads, self.waiting, self.said = folder, threads, waiting, said
        self.process: subprocess.Popen[str] | None = None
        self.ending = False

    def _serve(self) -> None:
        """Until nothing waits."""
        try:
            while not self.ending:
                try:
                    trial = self.waiting.get_nowait()
                except queue.Empty:
                    break
                if (ended := self._do(trial)) is not None and not self.ending:
                    self.said.put((trial, ended))
        except Exception as error:  # which whoever waits for us must hear of
            self.said.put((None, error))
        self._close()
        self.said.put((None, None))

    def end(self) -> None:
        """Let the process save what it has, and wait for it."""
        self.ending = True
        self._close_input()
        self.thread.join()

    def _do(self, trial: Trial) -> str | None:
        """Have a trial done; what went wrong, where its process did not get through."""
        if self.process is None or self.process.poll() is not None:
            self._close()
            self.process = self._new()
            if self.ending:
                return None
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(trial.name + "\n")
            process.stdin.flush()
            for line in process.stdout:
                told = json.loads(line)
                if "error" in told:
                    raise IsthmusError(told["error"])
                if told["done"] is None:
                    return None
                self.said.put((trial, told["done"]))
        except (OSError, ValueError):
            pass  # it is gone, and its exit code tells why
        code = process.wait()
        return f"its process ended ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"

    def _new(self) -> "subprocess.Popen[str]":
        home = str(Path(isthmus.__file__).resolve().parents[1])  # wherever this process has found us
        paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
        words = [sys.executable, "-P", "-m", "isthmus.experiments.workers", str(self.folder)]
        return subprocess.Popen(  # noqa: S603 our own module, by our own interpreter
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for whoever started us, and closes our input
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
            env=os.environ
            | {"OMP_NUM_THREADS": str(self.threads), "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"},
        )

    def _close_input(self) -> None:
        """At which the process saves its training and ends."""
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def _close(self) -> None:
        """Let the process go, by the thread that reads from it."""
        self._close_input()
        if self.process is not None and self.process.stdout is not None:
            self.process.wait()
            self.process.stdout.close()


def main(folder: str) -> int:
    """Do the trials whose names come on standard input; its end, when whoever gave them is gone, ends training too.

    What is done is told on standard output, a line of JSON each: `{"done": units}`, and `{"done": null}` at the end.
    """
    told, sys.stdout = sys.stdout, sys.stderr  # whatever prints shall not be taken for an answer

    def say(**what: Any) -> None:
        print(json.dumps(what), file=told, flush=True)

    names: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, names), daemon=True).start()
    try:
        study = Study.open(folder)
        trials = {trial.name: trial for trial in study.trials}
        while (name := names.get()) is not None:
            study.work(trials[name], lambda done: say(done=done))
            say(done=None)
    except KeyboardInterrupt:
        return 130
    except IsthmusError as error:
        say(error=str(error))
        return 1
    return 0


def _listen(lines: IO[str], names: "queue.SimpleQueue[str | None]") -> None:
    """Pass names on; at the end of the input stop the training under way, which then saves itself."""
    for line in lines:
        names.put(line.strip())
    names.put(None)
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

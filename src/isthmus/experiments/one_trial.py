"""One trial of a study, in a process of its own: `python -m isthmus.experiments.one_trial FOLDER TRIAL`."""

import os
import signal
import sys
import threading

from isthmus.errors import IsthmusError
from isthmus.experiments.study import Study


def main(folder: str, name: str) -> int:
    """Do one trial of the study in a folder, and print what is done of it; an error that ends the study, in words."""
    report, sys.stdout = sys.stdout, sys.stderr  # so that nothing else that prints is taken for progress
    threading.Thread(target=_end_with_study, daemon=True).start()
    try:
        study = Study.open(folder)
        trial = next(trial for trial in study.trials if trial.name == name)
        study.work(trial, lambda done: print(done, file=report, flush=True))
    except KeyboardInterrupt:
        return 130
    except IsthmusError as error:
        print(error, file=report, flush=True)
        return 1
    return 0


def _end_with_study() -> None:
    """When the pipe closes, stop the training under way, which then saves itself."""
    os.read(0, 1)  # not sys.stdin, whose lock a waiting thread would hold when the interpreter ends
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

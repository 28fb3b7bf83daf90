"""A run's folder: the names of its files, and how a new run takes an old one's place with one of them there always.

A run that replaces another is trained in `.new` within the folder, beside the old one. When it is whole, `.new` becomes
`.ready`, and from then on the new run counts: its files are moved over the old ones. Whoever finds a `.ready`, or the
`.moving` that follows it, finishes what a process that died began.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock

from isthmus.errors import RunError
from isthmus.storage.files import MODEL, remove_file, sync_folder, unwritable

WEIGHTS, CHECKPOINT, BASELINE = "weights.safetensors", "checkpoint.safetensors", "baseline.safetensors"
DATA, SETTINGS, HISTORY, ENVIRONMENT = "data.json", "settings.json", "history.json", "environment.json"
REPORT, FILLING, SEQUENCES = "report.html", "filling.safetensors", "sequences.safetensors"
NAMES = (MODEL, CHECKPOINT, WEIGHTS, BASELINE, FILLING, SEQUENCES, HISTORY, DATA, SETTINGS, ENVIRONMENT, REPORT)
"""All that belongs to a run; anything else in its folder is left alone."""

NEW, READY, MOVING = ".new", ".ready", ".moving"
COMMIT_SECONDS = 10.0
"""How long a reader waits for a process that is moving a new run into its place."""


@contextlib.contextmanager
def locked(folder: Path, seconds: float = 0.0) -> Iterator[None]:
    """Lock the run, so that no other process writes it; the system frees the lock when the process ends.

    seconds: how long to wait for another process.

    Raises:
        RunError: another process writes it.
        IsthmusError: the folder can't be written to.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=seconds):
            yield
    except filelock.Timeout:
        raise RunError(
            f"Another process is writing the run in {folder}. Wait until it ends, or choose another folder."
        ) from None
    except OSError as error:
        raise unwritable(folder / ".lock", error) from error


def holds_run(folder: Path) -> bool:
    """Whether a folder has a run that can be loaded, or whose training can go on."""
    return (folder / MODEL).is_file() and any((folder / name).is_file() for name in (WEIGHTS, CHECKPOINT))


def place_of_training(folder: Path) -> Path:
    """Where the training of the folder's latest run is: in a run that is to replace the folder's own, or in itself."""
    return folder / NEW if holds_run(folder / NEW) else folder


def begin(folder: Path) -> Path:
    """An empty place for a new run, in a locked folder: the folder itself, or one apart where it holds a run.

    Raises:
        IsthmusError: the system doesn't allow it.
    """
    place = begin_apart(folder)
    if (folder / MODEL).exists():
        return place
    abandon(folder)
    for name in NAMES:
        remove_file(folder / name)
    return folder


def begin_apart(folder: Path) -> Path:
    """An empty place within a locked folder, for a run that is there at once when it is whole.

    What an earlier attempt left there is removed.

    Raises:
        IsthmusError: the system doesn't allow it.
    """
    settle(folder)
    try:
        if (folder / NEW).exists():
            shutil.rmtree(folder / NEW)
        (folder / NEW).mkdir()
    except OSError as error:
        raise unwritable(folder / NEW, error) from error
    return folder / NEW


def abandon(folder: Path) -> None:
    """Remove a new run that came to nothing: one that could neither be loaded nor go on."""
    if not holds_run(folder / NEW):
        shutil.rmtree(folder / NEW, ignore_errors=True)


def commit(folder: Path) -> None:
    """Let the new run, which is whole, take the place of the old one, in a locked folder.

    Raises:
        IsthmusError: the system doesn't allow it; one of the two runs is there whole, or the next command finishes it.
    """
    sync_folder(folder / NEW)
    try:
        (folder / NEW).rename(folder / READY)
    except OSError as error:
        raise unwritable(folder, error) from error
    sync_folder(folder)
    settle(folder)


def finish_move(folder: Path) -> None:
    """Finish moving a new run into its folder, where the process that did it died.

    Raises:
        RunError: another process writes the run.
        IsthmusError: the folder can't be written to.
    """
    if (folder / READY).exists() or (folder / MOVING).exists():
        with locked(folder, COMMIT_SECONDS):
            settle(folder)


def settle(folder: Path) -> None:
    """Finish moving a new run into its place, in a locked folder, if there is one on its way.

    Raises:
        IsthmusError: the system doesn't allow it.
    """
    ready, moving = folder / READY, folder / MOVING
    try:
        if ready.exists():
            for name in NAMES:  # what the old run had and the new one has not
                if not (ready / name).exists():
                    remove_file(folder / name)
            ready.rename(moving)
        if moving.exists():
            for name in reversed(NAMES):  # what says that there is a run comes last
                if (moving / name).exists():
                    (moving / name).replace(folder / name)
            sync_folder(folder)
            shutil.rmtree(moving, ignore_errors=True)
    except OSError as error:
        raise unwritable(folder, error) from error

"""A tracker: a callback that writes a run's numbers, pictures and model to another tool, and never stops training."""

import contextlib
import logging
import math
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from isthmus.errors import remark
from isthmus.extras import needs
from isthmus.run import Run
from isthmus.trackers.facts import chosen, embedded, measured, pictured
from isthmus.training import Training
from isthmus.training.callback import Callback, Notes
from isthmus.undisturbed import undisturbed


class Tracker(Callback):
    """Writes a run to another tool, after each epoch. A tracker for another tool overrides `begin`, `log` and others.

    If the tool fails at any moment, you get one remark, and training goes on without it. Nothing of the process stays
    changed: neither the environment nor the tool's own current run. Training gives the same bits with a tracker and
    without it, and waits for an accelerator no more often than once an epoch.

    A resumed run continues the same tracked run.

    name: of the tracked run; None is the name of the run's folder. pictures: the epochs between two pictures of
    reconstructions; 0 makes none, and None makes about ten in the whole training. model: whether the tool gets the
    trained model.

    Raises:
        MissingPackageError: the tool's package isn't installed.
    """

    title: ClassVar[str]
    """The tool's name."""
    module: ClassVar[str]
    """The module of its package."""
    extra: ClassVar[str]
    """The extra of Isthmus that installs it."""

    def __init__(self, name: str | None = None, *, pictures: int | None = None, model: bool = True) -> None:
        self.name, self.pictures, self.model = name, pictures, model
        self.id = uuid.uuid4().hex
        """Identifies the tracked run in the tool, so that a resumed training finds it."""
        self.logged = 0
        """The number of epochs that the tool has."""
        self.run: Run | None = None
        self.place: Any = None
        """The run's folder, or None."""
        self.started = self.failed = False
        with _unchanged():
            needs(self.module, self.extra, f"Tracking with {self.title}")

    # What a tracker for a tool overrides. An error in one of them ends the tracking, not the training.

    def begin(self, options: Mapping[str, Any]) -> int | None:
        """Open the tracked run `self.id`, or the new one, with these options of the run.

        Returns the last epoch that the tool has of it, if it knows.
        """
        raise NotImplementedError

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        """Write the numbers of an epoch, or those of the finished run at its last epoch."""
        raise NotImplementedError

    def show(self, pictures: np.ndarray, epoch: int) -> None:
        """Write one picture, (H, W, 3) bytes: samples above, their reconstructions below."""

    def embed(self, codes: Tensor, labels: list[str], looks: Tensor | None) -> None:
        """Write (n, D) codes of samples, their labels (empty without any), and (n, 3, H, W) pictures in 0..1."""

    def keep(self, run: Run) -> None:
        """Write the trained model."""

    def end(self, status: str) -> None:
        """Close the tracked run. status: as `Run.status`, or "failed"."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON, from which a resumed training makes the tracker again."""
        return {"name": self.name, "pictures": self.pictures, "model": self.model}

    def where(self) -> str:
        """Where the tracked run is, in words."""
        return self.title

    def attach(self, run: Run, place: Any) -> None:
        """Before training: the run, and the folder that it will have, or None."""
        self.run, self.place = run, place
        if self.name is None and place is not None:
            self.name = place.name

    def train_begin(self, training: Training) -> None:
        """Open the tracked run, and write the epochs that the tool doesn't have yet."""
        self._safely(self._start)
        self._safely(lambda: self._catch_up(training.state.history))

    def epoch_end(self, training: Training) -> None:
        """Write the epoch's numbers, and now and then a picture."""
        self._safely(lambda: self._catch_up(training.state.history))
        every = self.pictures if self.pictures is not None else max(1, training.settings.epochs // 10)
        if every and training.state.epoch % every == 0 and not self.failed:
            self._safely(lambda: self._show(training))

    def conclude(self, status: str) -> None:
        """After training, when the run has its best weights and is saved: write its measures, codes and model."""
        run = self.run
        if run is None:
            return
        self._safely(self._start)  # a model in closed form has no epochs
        self._safely(lambda: self._catch_up(run.history))
        if status in ("finished", "stopped early"):
            self._safely(lambda: self.log(measured(run), max(1, len(run.history))))
            self._safely(lambda: self._embed(run))
            if self.model:
                self._safely(lambda: self.keep(run))
        if self.started:
            self._safely(lambda: self.end(status), closing=True)
        self.started, self.run = False, None

    def state(self) -> tuple[Notes, dict[str, Tensor]]:
        """The tracked run's identity, and the options to make the tracker again."""
        return {"id": self.id, "logged": self.logged, "options": self.options()}, {}

    def restore(self, notes: Notes, tensors: dict[str, Tensor]) -> None:
        """Continue the same tracked run."""
        self.id, self.logged = str(notes["id"]), int(notes["logged"])

    @classmethod
    def of_state(cls, notes: Notes) -> Self:
        """A tracker with the options of a state."""
        return cls(**notes["options"])

    def _start(self) -> None:
        assert self.run is not None
        if not self.started:
            last = self.begin(chosen(self.run))
            self.started = True
            self.logged = self.logged if last is None else last

    def _catch_up(self, history: list[dict[str, Any]]) -> None:
        for row in history:
            if row["epoch"] > self.logged:
                self.log(_numbers(row), row["epoch"])
                self.logged = row["epoch"]

    def _show(self, training: Training) -> None:
        samples = training.validation  # never those of the training part, which stay private
        picture = pictured(training.model, samples) if samples is not None and len(samples) else None
        if picture is not None:
            self.show(picture, training.state.epoch)

    def _embed(self, run: Run) -> None:
        if type(self).embed is not Tracker.embed and (found := embedded(run)) is not None:
            self.embed(*found)

    def _safely(self, work: Callable[[], object], *, closing: bool = False) -> None:
        """Do it unless the tool has failed before; if it fails now, say so once."""
        if self.failed and not closing:
            return
        try:
            with _unchanged():
                work()
        except Exception as error:  # of whatever kind: a tracker must not end a training
            before, self.failed = self.failed, True
            if not before:
                lines = str(error).strip().splitlines() or [type(error).__name__]
                remark(
                    f"{self.title} failed, so this run is no longer tracked there. Training goes on. {lines[0]:.300}"
                )


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a row."""
    return {
        name: float(value)
        for name, value in row.items()
        if name != "epoch" and isinstance(value, int | float) and math.isfinite(value)
    }


@contextlib.contextmanager
def _unchanged() -> Iterator[None]:
    """Afterwards the process is as it was; in between, tools don't write on stdout, which belongs to results."""
    root, manager = logging.getLogger(), logging.getLogger().manager
    level, handlers, disabled = root.level, root.handlers[:], manager.disable
    with undisturbed(), open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        warnings.simplefilter("ignore")
        logging.disable(max(disabled, logging.INFO))
        try:
            with contextlib.redirect_stdout(nowhere):
                yield
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers
            logging.disable(disabled)


@contextlib.contextmanager
def tracked(run: Run, callbacks: Any, place: Any, *, announce: bool) -> Iterator[Callable[[], None]]:
    """Attach the trackers among the callbacks to the run; at the end, or when the result is called, conclude them.

    place: the folder that the run will have. announce: whether to print where each tracked run is.
    """
    trackers = [callback for callback in callbacks if isinstance(callback, Tracker)]
    for tracker in trackers:
        tracker.attach(run, place)

    def conclude(status: str | None = None) -> None:
        for tracker in trackers:
            begun = tracker.run is not None
            tracker.conclude(status or run.status)
            if announce and begun and not tracker.failed:
                print(f"Tracked: {tracker.where()}", file=sys.stderr)

    try:
        yield conclude
    except BaseException:
        conclude("failed" if run.status == "finished" else run.status)
        raise
    conclude()

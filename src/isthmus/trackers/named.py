"""Trackers by their names, and those of a run that is resumed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus.errors import IsthmusError, TrainingError, nearest, remark
from isthmus.trackers.mlflow import MLflow
from isthmus.trackers.tensorboard import TensorBoard
from isthmus.trackers.tracker import Tracker
from isthmus.trackers.trackio import Trackio
from isthmus.trackers.wandb import WandB

TRACKERS: Mapping[str, type[Tracker]] = {
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "wandb": WandB,
    "trackio": Trackio,
}
"""The trackers by the names that `track=` takes."""
NONE = "none"


def named(track: str | Sequence[str], experiment: str | None = None) -> list[Tracker]:
    """The trackers of these names: "mlflow", "mlflow,tensorboard" or ["mlflow", "tensorboard"]; "none" is none.

    experiment: the name of MLflow's experiment, of W&B's or Trackio's project, or of TensorBoard's folder below
    `runs/tensorboard`; None leaves it to the tool's own environment variables.

    Raises:
        TrainingError: there is no such tracker.
        MissingPackageError: its package isn't installed.
    """
    words = track.split(",") if isinstance(track, str) else track
    names = dict.fromkeys(word.strip().lower() for word in words)
    wanted = [name for name in names if name and name != NONE]
    for name in wanted:
        if name not in TRACKERS:
            raise TrainingError(f"There is no tracker {name!r}. {nearest(name, TRACKERS)}")
    return [_made(TRACKERS[name], experiment) for name in wanted]


def _made(kind: type[Tracker], experiment: str | None) -> Tracker:
    if experiment is None:
        return kind()
    if kind is TensorBoard:
        return TensorBoard(Path("runs/tensorboard") / experiment)
    if kind is MLflow:
        return MLflow(experiment=experiment)
    options: dict[str, Any] = {"project": experiment}
    return kind(**options)


def of_checkpoint(notes: Mapping[str, Any], given: Sequence[Any]) -> list[Tracker]:
    """The trackers that a checkpoint names and that are not among the given callbacks, with their options.

    notes: of the checkpoint's callbacks, by their names.
    """
    kinds = {kind.__name__: kind for kind in TRACKERS.values()}
    there = {type(callback).__name__ for callback in given}
    saved = {name.rpartition("-")[0]: state for name, state in notes.items()}
    made = []
    for name in sorted(saved.keys() & kinds.keys() - there):
        try:
            made.append(kinds[name].of_state(saved[name]))
        except (IsthmusError, KeyError, TypeError) as error:
            remark(f"The run is no longer tracked with {kinds[name].title}. Training goes on. {error}")
    return made

"""A run: a trained model that users save in a folder and view in a report."""

import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from isthmus import version
from isthmus.errors import RunError, remark
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import describe_model, make_folder, put_weights, rebuild
from isthmus.run_records import (
    read_baseline,
    read_description,
    read_environment,
    read_filling,
    read_history,
    read_settings,
    read_weights,
)
from isthmus.storage.checked import save_json, save_tensors
from isthmus.storage.files import MODEL
from isthmus.storage.run_folder import (
    BASELINE,
    CHECKPOINT,
    DATA,
    ENVIRONMENT,
    FILLING,
    NEW,
    REPORT,
    SETTINGS,
    WEIGHTS,
    abandon,
    begin_apart,
    commit,
    finish_move,
    holds_run,
    locked,
)
from isthmus.threads import usable_threads
from isthmus.trained import TrainedModel
from isthmus.trained.choices import Choice, choices
from isthmus.training import Checkpoint
from isthmus.training.checkpoint import save_history
from isthmus.training.settings import find_device


class Run(TrainedModel):
    """A trained model that you can save in a folder and view in a report; `fit`, `resume` and `load` return one.

    Its fields, and its methods for samples and codes, are those of `TrainedModel`.
    """

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, a self-contained page, and return its path.

        path: None is report.html in the run's folder, or in a new temporary folder for a run in memory.

        Raises:
            IsthmusError: the path can't be written to, or is a folder, a device or a pipe.
        """
        if path is None:
            path = (self.folder or Path(tempfile.mkdtemp(prefix="isthmus-"))) / REPORT
        from isthmus.report import write_report  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

        self.open()
        return write_report(self, Path(path))

    def choices(self) -> list[Choice]:
        """What was chosen for this run and why, one row each: what, value, why, and the option that changes it."""
        return choices(self)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the run into the folder `path`, whole or not at all, and return the folder.

            run.save("runs/digits")
            run = ist.load("runs/digits")

        A run in memory belongs to that folder from then on; a run that has a folder is copied. The saved run can be
        resumed if it has a checkpoint; a run trained without `out=` has none.

        overwrite: replace an existing run. Other files in the folder stay.

        Raises:
            RunError: the folder has a run already, or another process is writing one there.
            IsthmusError: the folder can't be written to.
        """
        checkpoint = None
        if self.folder is not None and (self.folder / CHECKPOINT).exists():
            checkpoint = Checkpoint.read(self.folder)
        folder = make_folder(path)
        with locked(folder):
            if (folder / MODEL).exists() and not overwrite:
                raise RunError(f"{folder} has a run already. Choose another folder, or pass overwrite=True.")
            place = begin_apart(folder)
            try:
                self._write(place, checkpoint)
                commit(folder)
            except BaseException:
                abandon(folder)
                raise
        self.folder = self.folder or folder
        return folder

    def _write(self, place: Path, checkpoint: Checkpoint | None) -> None:
        """Write all files of the run; the one that marks the folder as a run comes last."""
        save_json(place / DATA, self.description)
        save_json(place / SETTINGS, self.settings.to_json())
        save_json(place / ENVIRONMENT, self.environment or environment())
        save_history(place, self.history)
        if self.pca is not None:
            save_tensors(place / BASELINE, self.pca.to_tensors())
        if self.filling is not None:
            save_tensors(place / FILLING, self.filling.to_tensors())
        if checkpoint is not None:
            save_tensors(place / CHECKPOINT, checkpoint.tensors, checkpoint.notes)
        notes = {"status": self.status, "reason": self.reason, "best_epoch": self.best_epoch}
        save_tensors(place / WEIGHTS, self.model.state_dict(), notes)
        save_json(place / MODEL, describe_model(self.model))


def load(folder: str | Path, *, model: Autoencoder | None = None, device: str = "auto") -> Run:
    """Load the run in a folder. An unfinished run has the best weights so far, and you get a remark.

    If a new run that will replace this one is still unfinished, you get the old run and a remark.

    model: the same modules again, for a run with custom modules. device: where to compute, as for `fit`, whatever
        device the run was trained on: "auto", "cpu", "cuda", "mps".

    Raises:
        RunError: the folder has no run, or a damaged one.
        BlueprintError: the model names a part that is not defined.
        TrainingError: the device is not available.
    """
    folder, where = Path(folder), find_device(device)
    finish_move(folder)
    begun = holds_run(folder / NEW)
    if begun and not (folder / MODEL).exists():
        folder, begun = folder / NEW, False
    model = rebuild(folder, model)
    run = Run(
        model=model.eval(),
        settings=read_settings(folder),
        folder=folder,
        description=read_description(folder, model),
        environment=read_environment(folder),
        pca=read_baseline(folder, model),
        filling=read_filling(folder, model),
    )
    if (folder / WEIGHTS).exists():
        outcome = read_weights(folder, model)
        run.status, run.reason, run.best_epoch = outcome.status, outcome.reason, outcome.best_epoch
        run.history = read_history(folder)
    else:
        checkpoint = Checkpoint.read(folder)
        put_weights(model, checkpoint.best_weights(), folder / CHECKPOINT)
        run.history, run.best_epoch = checkpoint.notes["history"], checkpoint.notes["best_epoch"]
        goal = checkpoint.notes.get("epochs") or run.settings.epochs
        ended = checkpoint.ended(goal)  # it was killed before it wrote its weights
        run.status = checkpoint.notes["status"] if ended else "interrupted"
        if not ended:
            remark(
                f"The run in {folder} is not finished ({len(run.history)} of {goal} epochs). You get its best weights "
                f"so far. Continue it with: isthmus resume {folder}."
            )
    if begun:
        remark(
            f"You get the old run in {folder}. The new run that will replace it is not finished. Continue it with: "
            f"isthmus resume {folder}."
        )
    model.to(where)
    return run


def environment() -> dict[str, Any]:
    """The versions, the machine and the command of a run, so that it can be repeated."""
    return {
        "isthmus": version.VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": usable_threads(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else "",
    }

"""A run: a trained model as users hold it, kept in a folder and shown in a report."""

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
from isthmus.trained import TrainedModel
from isthmus.training import Checkpoint
from isthmus.training.checkpoint import save_history
from isthmus.training.settings import find_device


class Run(TrainedModel):
    """A trained model that you can keep in a folder and see in a report; `fit`, `resume` and `load` give one.

    Its fields, and all that it does with samples and codes, are those of `TrainedModel`.
    """

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, a page that stands by itself, and give its path.

        path: where to; None is report.html in the run's folder, or in a new temporary folder for a run in memory.

        Raises:
            IsthmusError: it can't be written there; a folder, a device or a pipe is never written to.
        """
        if path is None:
            path = (self.folder or Path(tempfile.mkdtemp(prefix="isthmus-"))) / REPORT
        from isthmus.report import write_report  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

        self.open()
        return write_report(self, Path(path))

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the whole run into the folder `path`, at once or not at all, and give the folder.

            run.save("runs/digits")
            run = ist.load("runs/digits")

        A run in memory is from then on the one in that folder; of a run that has a folder, this makes a copy. It can
        be resumed if the run has a checkpoint, which a run that was trained without `out=` has not.

        overwrite: take the place of a run that is there. What else is in the folder stays.

        Raises:
            RunError: the folder holds a run, or one is being written there.
            IsthmusError: the folder can't be written to.
        """
        checkpoint = None
        if self.folder is not None and (self.folder / CHECKPOINT).exists():
            checkpoint = Checkpoint.read(self.folder)
        folder = make_folder(path)
        with locked(folder):
            if (folder / MODEL).exists() and not overwrite:
                raise RunError(f"{folder} holds a run already. Choose another folder, or say overwrite=True.")
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
        """All files of the run; the one that says that there is a run comes last."""
        save_json(place / DATA, self.description)
        save_json(place / SETTINGS, self.settings.to_json())
        save_json(place / ENVIRONMENT, self.environment or environment())
        save_history(place, self.history)
        if self.pca is not None:
            save_tensors(place / BASELINE, self.pca.to_tensors())
        if checkpoint is not None:
            save_tensors(place / CHECKPOINT, checkpoint.tensors, checkpoint.notes)
        notes = {"status": self.status, "reason": self.reason, "best_epoch": self.best_epoch}
        save_tensors(place / WEIGHTS, self.model.state_dict(), notes)
        save_json(place / MODEL, describe_model(self.model))


def load(folder: str | Path, *, model: Autoencoder | None = None, device: str = "auto") -> Run:
    """The run in a folder, ready to be used; an unfinished one with the best weights so far, and a remark.

    Where a run was begun that is to take another's place, this is still the other one, with a remark.

    model: the same modules again, for a run with custom modules. device: where it computes, as for `fit`, whichever
        device it was trained on: "auto", "cpu", "cuda", "mps".

    Raises:
        RunError: the folder holds no run, or a damaged one.
        BlueprintError: the model names a part that nobody has defined.
        TrainingError: there is no such device here.
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
        ended = checkpoint.ended(goal)  # and was killed before it wrote its weights
        run.status = checkpoint.notes["status"] if ended else "interrupted"
        if not ended:
            remark(
                f"The run in {folder} is not finished ({len(run.history)} of {goal} epochs): its best weights "
                f"so far are used. Go on with: isthmus resume {folder}."
            )
    if begun:
        remark(
            f"This is the old run in {folder}. The one that is to take its place is not finished. Go on with it: "
            f"isthmus resume {folder}."
        )
    model.to(where)
    return run


def environment() -> dict[str, Any]:
    """What the run was made with, for whoever wants to repeat it."""
    return {
        "isthmus": version.VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else "",
    }

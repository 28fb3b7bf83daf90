"""A run: a trained model that users save in a folder and view in a report."""

import contextlib
import platform
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from isthmus import version
from isthmus.errors import DataError, RunError, remark
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import describe_model, make_folder, put_weights, rebuild
from isthmus.ngram import NGram
from isthmus.private import public_description, public_environment
from isthmus.run_records import (
    read_baseline,
    read_description,
    read_environment,
    read_filling,
    read_history,
    read_settings,
    read_weights,
)
from isthmus.shown import Card, Page
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
from isthmus.trained.choices import Choices, choices
from isthmus.training import Checkpoint
from isthmus.training.checkpoint import save_history
from isthmus.training.settings import find_device

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Run(TrainedModel):
    """A trained model that you can save in a folder and view in a report; `fit`, `resume` and `load` return one.

    Its fields, and its methods for samples and codes, are those of `TrainedModel`.
    """

    def report(self, path: str | Path | None = None) -> Page:
        """Write the report, a self-contained page, and return its path; in a notebook, this shows the page.

        path: None is report.html in the run's folder, or in a new temporary folder for a run in memory.

        Raises:
            IsthmusError: the path can't be written to, or is a folder, a device or a pipe.
        """
        if path is None:
            path = (self.folder or Path(tempfile.mkdtemp(prefix="isthmus-"))) / REPORT
        from isthmus.report import write_report  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

        self.open()
        return write_report(self, Path(path))

    def plot(self) -> "Figure":
        """The training and the validation loss by epoch."""
        from isthmus.drawing.figures import loss_curves  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

        return loss_curves(self.history, best_epoch=self.best_epoch)

    def draw(self, source: Any = None, *, most: int | None = None, **read_options: Any) -> "Figure":
        """Samples and their reconstructions; of a table, the explained variance of each column.

        A model that restores shows the clean, the damaged and the restored samples.

        source: of the samples, as for `encode`. None: the test part of the run's data, or validation, or train.
        most: how many samples are drawn, evenly spread. read_options: how to read the source.

        Raises:
            DataError: the source can't be read, or the run's data can't be opened again.
        """
        from isthmus.report.copies import draw_copies  # noqa: PLC0415

        return draw_copies(self, source, most, **read_options)

    def _card(self) -> Card:
        return replace(super()._card(), figures=[*([self.plot] if len(self.history) > 1 else []), self.draw])

    def choices(self) -> Choices:
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

    def publish(self, folder: str | Path) -> Path:
        """Write a copy of the run to give away into a new folder, and return the folder.

        It is safetensors and JSON. It has no checkpoint, no n-grams of the training texts, and no path of this machine:
        sources are named by their last part only.

        Raises:
            IsthmusError: the folder can't be written to.
        """
        folder = make_folder(folder)
        with contextlib.suppress(DataError):  # they need the training data, which others don't have
            self.baseline()
            self.filler()
        self._write(folder, None, public=True)
        return folder

    def push_to_hub(
        self,
        repo: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        license: str | None = None,
        pictures: bool = True,
        message: str = "Add the run",
    ) -> str:
        """Write the run into a model repository on the Hugging Face Hub, in one commit, and return its address.

            run.push_to_hub("name/digits", private=True)
            run = ist.load("hf://name/digits")

        The repository gets the run's safetensors and JSON files (`publish`), and a model card with its measures,
        figures, data description and use. It gets no training data and no path of this machine.

        repo: its name, "name/repo"; it is created if necessary. private: whether a new repository is private; None is
            the Hub's default for you. token: None is your login (`hf auth login`, HF_TOKEN). license: of the model, for
            the card, such as "apache-2.0". pictures: whether the card shows some samples of the test part and their
            reconstructions. message: of the commit.

        Raises:
            MissingPackageError: huggingface_hub isn't installed (`isthmus[hub]`).
            RunError: the Hub refuses, or can't be reached; or the run uses custom modules, which are not saved.
        """
        from isthmus.hub import push  # noqa: PLC0415 its card needs Matplotlib

        if self.model.blueprint is None:
            raise RunError("This run uses custom modules, which are code and are not saved. Push runs of a Blueprint.")
        return push(
            self,
            self.publish,
            repo,
            private=private,
            token=token,
            licence=license,
            pictures=pictures,
            message=message,
        )

    def _write(self, place: Path, checkpoint: Checkpoint | None, *, public: bool = False) -> None:
        """Write all files of the run; the one that marks the folder as a run comes last. public: as `publish`."""
        around = self.environment or environment()
        save_json(place / DATA, public_description(self.description) if public else self.description)
        save_json(place / SETTINGS, self.settings.to_json())
        save_json(place / ENVIRONMENT, public_environment(around) if public else around)
        save_history(place, self.history)
        if self.pca is not None and not (public and isinstance(self.pca, NGram)):
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

    folder: `hf://name/repo` is a repository on the Hugging Face Hub, as in `from_pretrained`.
    model: the same modules again, for a run with custom modules. device: where to compute, as for `fit`, whatever
        device the run was trained on: "auto", "cpu", "cuda", "mps".

    Raises:
        RunError: the folder has no run, or a damaged one.
        BlueprintError: the model names a part that is not defined.
        TrainingError: the device is not available.
    """
    if str(folder).startswith("hf:/"):
        from isthmus.hub import address  # noqa: PLC0415

        repo, revision = address(folder) or ("", None)
        return from_pretrained(repo, revision=revision, device=device)
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


def from_pretrained(repo: str, *, revision: str | None = None, token: str | None = None, device: str = "auto") -> Run:
    """Load the run in a repository of the Hugging Face Hub, which `Run.push_to_hub` wrote.

        run = ist.from_pretrained("name/digits")

    Only safetensors and JSON files are downloaded, once, into the Hub's cache; nothing in them runs code. The run is in
    memory: nothing is written back.

    revision: a branch, tag or commit. token: None is your login. device: as for `load`.

    Raises:
        MissingPackageError: huggingface_hub isn't installed (`isthmus[hub]`).
        RunError: there is no such repository, you have no access, the Hub can't be reached, or it has no run.
    """
    from isthmus.hub import pull  # noqa: PLC0415

    run = load(pull(repo, revision, token), device=device)
    run.folder = None
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

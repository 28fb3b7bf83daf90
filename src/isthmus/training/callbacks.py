"""The callbacks of Isthmus: best weights, checkpoints, a progress bar."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isthmus.notebook import in_notebook
from isthmus.training.bars import NotebookBar
from isthmus.training.callback import Callback, Notes
from isthmus.training.checkpoint import save_history
from isthmus.training.loop import Training
from isthmus.undisturbed import undisturbed

with undisturbed():  # rich draws from Python's random state when it is loaded
    import rich.console
    import rich.progress


class BestWeights(Callback):
    """Keeps the weights of the epoch with the lowest validation loss, and stops if it is `patience` epochs old.

    Without a validation part, it keeps the last epoch's weights.

    Source: Prechelt, Early stopping, but when? (1998).
    """

    def __init__(self, patience: int | None = None, min_delta: float = 0.0) -> None:
        self.patience, self.min_delta = patience, min_delta
        self.epoch, self.loss = 0, float("inf")
        self.weights: dict[str, Tensor] = {}

    def train_begin(self, training: Training) -> None:
        """Note the loss at the start. If the model starts at PCA, an epoch has to be better than that."""
        if not self.weights:
            self._keep(training)
            blueprint = training.model.blueprint
            if blueprint is not None and blueprint.start == "pca":
                self.loss = training.validate().get("loss", float("inf"))

    def epoch_end(self, training: Training) -> None:
        """Compare the validation loss, keep the best weights, and stop if `patience` is over."""
        row = training.state.history[-1]
        loss = None if training.model.objective.has_rival else row.get("validation_loss")
        if loss is None or loss < self.loss - self.min_delta:
            self.epoch, self.loss = row["epoch"], float("inf") if loss is None else loss
            training.state.best_epoch = self.epoch
            self._keep(training)
        elif self.patience is not None and row["epoch"] - self.epoch >= self.patience:
            training.stop("stopped early")

    def give(self, model: torch.nn.Module) -> None:
        """Load the best weights into the model after training."""
        model.load_state_dict(self.weights)

    def state(self) -> tuple[Notes, dict[str, Tensor]]:
        """The best epoch, its loss and its weights."""
        loss = self.loss if self.loss != float("inf") else None
        return {"epoch": self.epoch, "loss": loss}, self.weights

    def restore(self, notes: Notes, tensors: dict[str, Tensor]) -> None:
        """Take them back."""
        self.epoch, self.loss = notes["epoch"], float("inf") if notes["loss"] is None else notes["loss"]
        self.weights = tensors

    def _keep(self, training: Training) -> None:
        with torch.no_grad():
            if not self.weights:
                self.weights = {name: torch.empty_like(value) for name, value in training.model.state_dict().items()}
            for name, value in training.model.state_dict().items():
                self.weights[name].copy_(value)


class Checkpoints(Callback):
    """Writes a checkpoint after epochs, at most once in `seconds`, and when training ends.

    It must be the last callback, so that the checkpoint has the others' state after the epoch.
    """

    def __init__(self, folder: Path, seconds: float = 0.0) -> None:
        self.folder, self.seconds = folder, seconds
        self.written = float("-inf")

    def train_begin(self, training: Training) -> None:
        """The time counts from here."""
        self.written = time.monotonic()

    def epoch_end(self, training: Training) -> None:
        """Where it is time."""
        if time.monotonic() - self.written >= self.seconds:
            self._write(training)

    def train_end(self, training: Training) -> None:
        """The last checkpoint, to resume or prolong the run; not written if the weights are no longer finite."""
        if training.state.status != "diverged":
            self._write(training)

    def _write(self, training: Training) -> None:
        training.save_checkpoint(self.folder)
        save_history(self.folder, training.state.history)
        self.written = time.monotonic()


class ProgressBar(Callback):
    """A progress bar with loss, validation loss, samples a second and the time left.

    It stands on standard error, or below the cell of a notebook, where its last line stays.
    """

    def __init__(self, console: rich.console.Console | None = None, title: str = "") -> None:
        """console: where to draw. title: the name of the trained layer, if it isn't the whole model."""
        self.console = console
        self.title = f"{title}, " if title else ""
        self.bar: rich.progress.Progress | NotebookBar | None = None
        self.task: Any = None
        self.drawn = self.read = 0.0

    def train_begin(self, training: Training) -> None:
        """Open the bar."""
        self.bar = NotebookBar() if self.console is None and in_notebook() else _on_terminal(self.console)
        state, settings = training.state, training.settings
        total = settings.epochs * training.steps_per_epoch
        self.task = self.bar.add_task(
            f"{self.title}epoch {min(state.epoch + 1, settings.epochs)}/{settings.epochs}",
            total=total,
            completed=state.epoch * training.steps_per_epoch + state.step,
            figures="compiling the step, about 10 s, once" if settings.compile is True else "",
        )
        self.bar.start()

    def epoch_begin(self, training: Training) -> None:
        """Start counting the epoch's samples a second."""
        self.began, self.before = time.monotonic(), training.state.step

    def batch_end(self, training: Training) -> None:
        """Move the bar, at most ten times a second; in the first epoch, show the loss so far, read once a second.

        Reading the loss after each step would make an accelerator wait.
        """
        now = time.monotonic()
        if self.bar is None or now - self.drawn < 0.1:
            return
        self.drawn = now
        state = training.state
        done = state.epoch * training.steps_per_epoch + state.step
        description = f"{self.title}epoch {state.epoch + 1}/{training.settings.epochs}"
        self.bar.update(self.task, description=description, completed=done)
        if not state.history and now - self.read >= 1:
            self.read = now
            speed = (state.step - self.before) * training.batch_size / (now - self.began)
            loss = float(state.losses[self.before : state.step].mean())
            self.bar.update(self.task, figures=f"loss {loss:.4g}  {speed:,.0f} samples/s")

    def epoch_end(self, training: Training) -> None:
        """Show the epoch's results."""
        if self.bar is None:
            return
        row = training.state.history[-1]
        figures = f"loss {row['loss']:.4g}"
        if "validation_loss" in row:
            figures += f"  validation {row['validation_loss']:.4g}"
        figures += f"  {row['samples_per_second']:,.0f} samples/s"
        done = training.state.epoch * training.steps_per_epoch
        description = f"{self.title}epoch {row['epoch']}/{training.settings.epochs}"
        self.bar.update(self.task, description=description, completed=done, figures=figures)

    def train_end(self, training: Training) -> None:
        """Close it."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def _on_terminal(console: rich.console.Console | None) -> rich.progress.Progress:
    return rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("{task.fields[figures]}"),
        rich.progress.TimeRemainingColumn(),
        console=console or rich.console.Console(stderr=True),
    )

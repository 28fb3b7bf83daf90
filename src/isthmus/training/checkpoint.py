"""A checkpoint: the complete state of training between two steps, so that a resumed run equals an unbroken one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from torch import Tensor

from isthmus.errors import RunError, remark
from isthmus.model.older import modern_weights
from isthmus.shown import Shown
from isthmus.storage.checked import check_tensors, damaged, load_tensors, save_json, save_tensors
from isthmus.storage.run_folder import CHECKPOINT, HISTORY
from isthmus.training.draws import name_of_state, reseed
from isthmus.training.optimisers import Optimiser

Status = Literal["running", "finished", "stopped early", "interrupted", "diverged"]


Count = Annotated[int, Field(ge=0, lt=2**53)]


def _complete(row: dict[str, Any]) -> dict[str, Any]:
    if not {"epoch", "loss"} <= row.keys():
        raise ValueError("a row of the history needs an epoch and a loss")
    return row


Row = Annotated[dict[str, Annotated[int, Field(lt=2**53)] | float | None], AfterValidator(_complete)]
HISTORY_ROWS = TypeAdapter(list[Row], config=ConfigDict(strict=True))
"""A history: one row per epoch, with numbers by name."""


def save_history(folder: Path, history: list[dict[str, Any]]) -> None:
    """Write a run's history, without values that are not finite, which JSON can't hold."""
    rows = [{name: value for name, value in row.items() if value is None or math.isfinite(value)} for row in history]
    save_json(folder / HISTORY, rows)


class Outcome(BaseModel):
    """The notes about training in a run's weights; unknown fields of later versions are allowed."""

    model_config = ConfigDict(strict=True, extra="allow")

    status: Status
    reason: str
    best_epoch: Count


class Notes(Outcome):
    """The notes of a checkpoint (see `State`).

    epochs: the number of epochs wanted when the checkpoint was written; None in runs of format 1.
    """

    epoch: Count
    step: Count
    history: list[Row]
    pretrained: Count = 0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    epochs: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    callbacks: dict[str, dict[str, Any]]


@dataclass(repr=False)
class State(Shown):
    """The state of training.

    epoch: completed epochs. step: steps done in the current epoch. losses: (steps an epoch,) of the current epoch, NaN
    for steps still to come. terms: each term's sum over the current epoch. history: one row per epoch. best_epoch: the
    epoch of the model's final weights. pretrained: layers that were trained before the whole model. generator: of all
    random numbers. signal: the name of the signal that asked training to end, even if it came after the end.
    """

    generator: torch.Generator
    losses: Tensor
    epoch: int = 0
    step: int = 0
    terms: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    pretrained: int = 0
    seconds: float = 0.0
    status: Status = "running"
    reason: str = ""
    signal: str = ""


def save_checkpoint(
    folder: Path,
    state: State,
    model: torch.nn.Module,
    optimiser: Optimiser,
    callbacks: Mapping[str, tuple[dict[str, Any], dict[str, Tensor]]],
    epochs: int,
) -> None:
    """Write everything into one file, atomically; `epochs` is the number of epochs wanted."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"optimiser/{name}": value for name, value in optimiser.state().items()}
    tensors |= {f"terms/{name}": value for name, value in state.terms.items()}
    tensors |= {"losses": state.losses, name_of_state(state.generator): state.generator.get_state()}
    for name, (_, owned) in callbacks.items():
        tensors |= {f"callback/{name}/{key}": value for key, value in owned.items()}
    notes = {
        "epochs": epochs,
        "epoch": state.epoch,
        "step": state.step,
        "history": state.history,
        "best_epoch": state.best_epoch,
        "pretrained": state.pretrained,
        "seconds": state.seconds,
        "status": state.status,
        "reason": state.reason,
        "callbacks": {name: notes for name, (notes, _) in callbacks.items()},
    }
    save_tensors(folder / CHECKPOINT, tensors, notes)


@dataclass(repr=False)
class Checkpoint(Shown):
    """A checkpoint on disk (see `save_checkpoint`): the only authority on the progress and the goal of a training.

    Other files of the folder (the settings' epochs, the history, the weights' notes) are written after it.
    """

    path: Path
    tensors: dict[str, Tensor]
    notes: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Checkpoint":
        """The checkpoint in a run's folder.

        Raises:
            RunError: it is missing or damaged.
        """
        path = folder / CHECKPOINT
        tensors, notes = load_tensors(path)
        tensors = modern_weights(tensors)
        with damaged(path):
            said = Notes.model_validate(notes)
            if not said.best_epoch <= said.epoch == len(said.history):
                raise ValueError(f"{said.epoch} epochs are done, and the history has {len(said.history)}")
        return cls(path, tensors, notes)

    def ended(self, epochs: int) -> bool:
        """Whether training was complete when it was written, if this many epochs are wanted."""
        finished = self.notes["status"] == "finished" and self.notes["epoch"] >= epochs
        return finished or self.notes["status"] == "stopped early"

    def prolong(self, epochs: int) -> None:
        """Change the number of epochs wanted, also on disk, so that it is kept if training is killed."""
        if epochs < self.notes["epoch"]:
            raise RunError(
                f"epochs={epochs} is too small: the run in {self.path.parent} has done {self.notes['epoch']} epochs. "
                "Give a larger number, or train again."
            )
        self.notes |= {"epochs": epochs, "status": "running", "reason": ""}
        save_tensors(self.path, self.tensors, self.notes)

    def best_weights(self) -> dict[str, Tensor]:
        """The weights of the best epoch so far, or those at the start if there is none yet."""
        return self.group("callback/BestWeights-1/") or self.group("model/")

    def group(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names have this prefix, without the prefix."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}

    def restore(self, state: State, model: torch.nn.Module, optimiser: Optimiser, epochs: int) -> None:
        """Restore the state of training; `epochs` is the number of epochs wanted.

        Raises:
            RunError: the checkpoint is of another model, or of data of another size.
        """
        weights, best = model.state_dict(), self.group("callback/BestWeights-1/")
        check_tensors(weights, self.group("model/"), self.path)
        if best:
            check_tensors(weights, best, self.path)
        # older versions did not save the running norm of the gradient
        moments = {"usual": torch.zeros(())} | self.group("optimiser/")
        check_tensors(optimiser.state(), moments, self.path, finite=False)
        check_tensors({"losses": state.losses}, {"losses": self.tensors["losses"]}, self.path, finite=False)
        if self.notes["step"] > len(state.losses):
            raise ValueError(f"step {self.notes['step']} is not one of an epoch's {len(state.losses)}")
        model.load_state_dict(self.group("model/"))
        optimiser.restore(moments)
        state.terms = {
            name: value.reshape(()).to(state.losses.device, copy=True) for name, value in self.group("terms/").items()
        }
        state.losses.copy_(self.tensors["losses"])
        for name in ("epoch", "step", "history", "best_epoch", "seconds"):
            setattr(state, name, self.notes[name])
        self._restore_draws(state)
        state.pretrained = self.notes.get("pretrained", 0)
        if self.ended(epochs):
            state.status, state.reason = self.notes["status"], self.notes["reason"]

    def _restore_draws(self, state: State) -> None:
        """Let the generator go on from where it was, or seed it anew if it was that of another kind of device."""
        own = name_of_state(state.generator)
        if own in self.tensors:
            state.generator.set_state(self.tensors[own])
            return
        others = [name for name in self.tensors if name.partition("/")[0] == "generator"]
        if not others:
            raise KeyError(own)
        reseed(state.generator, state.epoch * len(state.losses) + state.step)
        there = others[0].partition("/")[2] or "cpu"
        remark(
            f"The checkpoint in {self.path.parent} was written on another device ({there}). The run continues on "
            f"{state.generator.device.type} with other random numbers, so its result differs from an unbroken run's."
        )

"""A checkpoint: everything that training knows between two steps, so that a resumed run equals an unbroken one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from isthmus.store import load_tensors, save_tensors
from isthmus.training.optimisers import Optimiser

CHECKPOINT = "checkpoint.safetensors"
Status = Literal["running", "finished", "stopped early", "interrupted", "diverged"]


@dataclass
class State:
    """Where training stands.

    epoch: epochs completed. step: steps done of the epoch under way. losses: (steps an epoch,) of the epoch under way,
    NaN where not yet known. terms: each term's sum over the epoch under way. history: a row an epoch. best_epoch: whose
    weights the model ends with. pretrained: layers that were trained before the whole. generator: where every random
    draw comes from.
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


def save_checkpoint(
    folder: Path,
    state: State,
    model: torch.nn.Module,
    optimiser: Optimiser,
    callbacks: Mapping[str, tuple[dict[str, Any], dict[str, Tensor]]],
) -> None:
    """Write everything into one file, whole or not at all."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"optimiser/{name}": value for name, value in optimiser.state().items()}
    tensors |= {f"terms/{name}": value for name, value in state.terms.items()}
    tensors |= {"losses": state.losses, "generator": state.generator.get_state()}
    for name, (_, owned) in callbacks.items():
        tensors |= {f"callback/{name}/{key}": value for key, value in owned.items()}
    notes = {
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


@dataclass
class Checkpoint:
    """What `save_checkpoint` wrote, as it lies on disk."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Checkpoint":
        """The checkpoint in a run's folder.

        Raises:
            RunError: it is missing or damaged.
        """
        return cls(*load_tensors(folder / CHECKPOINT))

    @property
    def ended(self) -> bool:
        """Whether training was over when it was written."""
        return self.notes["status"] in {"finished", "stopped early"}

    def best_weights(self) -> dict[str, Tensor]:
        """The weights of the best epoch so far; where there is none yet, those at the start."""
        return self.group("callback/BestWeights-1/") or self.group("model/")

    def group(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin so, without that beginning."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}

    def restore(self, state: State, model: torch.nn.Module, optimiser: Optimiser) -> None:
        """Put training back to where it stood."""
        model.load_state_dict(self.group("model/"))
        optimiser.restore(self.group("optimiser/"))
        state.terms = {name: value.to(state.losses.device) for name, value in self.group("terms/").items()}
        state.losses.copy_(self.tensors["losses"])
        state.generator.set_state(self.tensors["generator"])
        for name in ("epoch", "step", "history", "best_epoch", "seconds"):
            setattr(state, name, self.notes[name])
        state.pretrained = self.notes.get("pretrained", 0)
        if self.ended:
            state.status, state.reason = self.notes["status"], self.notes["reason"]

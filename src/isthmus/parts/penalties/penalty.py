"""What every penalty is: something that the loss adds to the distance, one number per sample."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor

from isthmus.parts.part import Part

if TYPE_CHECKING:
    from isthmus.autoencoder import Autoencoder, Pass


class Penalty(Part):
    """Something that the loss adds, weighted.

    weight: how much it counts beside the distance.
    warmup: over how many epochs the weight grows from 0, in a straight line.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    warmup: Annotated[float, Field(ge=0)] = 0.0

    def weight_at(self, epochs: float) -> float:
        """The weight after so many epochs."""
        return self.weight * min(1.0, epochs / self.warmup) if self.warmup else self.weight

    def check(self, model: "Autoencoder") -> None:
        """Raise BlueprintError where the model hasn't what the penalty needs; asked once, when it is built."""

    def draw(self, count: int, model: "Autoencoder", generator: torch.Generator) -> Tensor | None:
        """The random numbers for a batch of `count` samples, N first, where it needs any."""
        return None

    def __call__(self, seen: "Pass", model: "Autoencoder", draws: Tensor | None = None) -> Tensor:
        """(N,) penalty of each sample, not yet weighted. A penalty that draws nothing may leave `draws` out."""
        raise NotImplementedError


def names_of(penalties: Sequence[Penalty]) -> list[str]:
    """The penalties' kinds, numbered where one comes again: activation-l1, activation-l1#2."""
    kinds = [penalty.kind for penalty in penalties]
    counts = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return [f"{kind}#{count}" if count > 1 else kind for kind, count in zip(kinds, counts, strict=True)]

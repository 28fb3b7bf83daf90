"""Penalties: what the loss adds to the distance, one number per sample."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

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

    def __call__(self, seen: "Pass", model: "Autoencoder") -> Tensor:
        """(N,) penalty of each sample, not yet weighted."""
        raise NotImplementedError


def names_of(penalties: Sequence[Penalty]) -> list[str]:
    """The penalties' kinds, numbered where one comes again: activation-l1, activation-l1#2."""
    kinds = [penalty.kind for penalty in penalties]
    counts = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return [f"{kind}#{count}" if count > 1 else kind for kind, count in zip(kinds, counts, strict=True)]


class ActivationL1(Penalty):
    r"""Sum of a layer's absolute activations: :math:`\sum_i |a_i|`.

    Pushes most activations to zero, so that each sample is described by few units.

    layer: whose activations, by name ("encoder.dense1"); the code's where None.

    Source: Ng, Sparse autoencoder, CS294A lecture notes (2011), with the L1 norm in place of the KL.
    """

    weight: Annotated[float, Field(ge=0)] = 1e-5
    layer: str | None = None

    def __call__(self, seen: "Pass", model: "Autoencoder") -> Tensor:
        """(N,) sum of the absolute activations."""
        return seen.activations(self.layer).flatten(1).abs().sum(1)

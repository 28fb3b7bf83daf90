"""Hiding: numbers are hidden, and the encoder gets a mask of them."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.noise import below, random_steps
from isthmus.parts.forward_pass import Batch, Corrupted
from isthmus.parts.part import Shape


class _Hiding(Corruption):
    """Hides numbers from the encoder, which gets a mask of them; the others stay unchanged."""

    hides: ClassVar[bool] = True

    def corrupt(self, batch: Batch) -> Corrupted:
        """The batch with hidden numbers `filled`, and the mask, if the model has one."""
        observed = batch.readable
        if observed is None:
            return super().corrupt(batch)
        if "corruption" in batch.draws:
            observed = observed & ~self.hidden(batch.draws["corruption"])
        return Corrupted(self.quantised(self.filled(batch.clean, observed)), observed)

    def project(self, correction: Tensor, observed: Tensor | None) -> Tensor:
        """The residual for unknown numbers, 0 elsewhere."""
        return correction if observed is None else torch.where(observed, 0, correction)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *shape) and the random numbers of `draw` to (N, *shape), `filled` where numbers are hidden."""
        return clean if draws is None else self.filled(clean, ~self.hidden(draws))


class Hide(_Hiding):
    """Hides a share of the numbers, each drawn independently. For the encoder they look like missing numbers.

    They still count in the loss, so the model learns to fill them in.

    share: the probability that a number is hidden.

    Source: Gondara & Wang, MIDA: multiple imputation using denoising autoencoders, PAKDD (2018); with the mask of He et
    al., Masked autoencoders are scalable vision learners, CVPR (2022).
    """

    share: Annotated[float, Field(ge=0, lt=1)] = 0.3

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, *clean) random int16."""
        return random_steps(count, clean, generator)

    def hidden(self, draws: Tensor) -> Tensor:
        """(N, *clean) True for hidden numbers."""
        return below(draws, self.share)

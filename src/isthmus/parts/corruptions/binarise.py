"""Dynamic binarisation: black and white samples that are drawn anew from grey ones in each pass."""

from dataclasses import replace

import torch
from torch import Tensor

from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.noise import STEPS, random_steps
from isthmus.parts.forward_pass import Batch
from isthmus.parts.part import Shape


class Binarise(Corruption):
    r"""Each number becomes 1 with its own value as the probability, else 0: :math:`\tilde x_i \sim \mathcal B(x_i)`.

    The drawn sample is the target as well, so nothing is to be undone: the model learns the distribution of black and
    white samples, and sees other ones in each epoch. For scaled numbers in 0..1, with `distance=bce`. Without draws, as
    after training, samples stay as they are; for a likelihood, give samples that are drawn already.

    Source: Salakhutdinov & Murray, On the quantitative analysis of deep belief networks, ICML (2008); drawn in each
    pass: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, ICLR (2016).
    """

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, *clean) random int16."""
        return random_steps(count, clean, generator)

    def target(self, batch: Batch) -> Batch:
        """The batch with the drawn samples as its clean ones."""
        if "corruption" not in batch.draws:
            return batch
        return replace(batch, clean=self(batch.clean, batch.draws["corruption"]))

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *shape) in 0..1 and (N, *shape) int16 to (N, *shape), 0 or 1; those that are 0 or 1 stay so."""
        if draws is None:
            return clean
        return (draws.to(clean.dtype) + STEPS // 2 < STEPS * clean).to(clean.dtype)

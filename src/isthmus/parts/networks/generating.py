"""Decoders that see the target in training and generate it in use: tokens one by one, or samples out of noise."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.parts.distances import Distance
from isthmus.parts.layers import Masked
from isthmus.parts.part import Shape


@dataclass(frozen=True, eq=False)
class Choice:
    """The random numbers of a generation, and how they are used.

    noise: for tokens, (N, T) uniform numbers in 0..1, by which each is chosen from its distribution; for diffusion,
        (N, *shape) standard normal numbers, from which generation starts.
    temperature: divides the logits of tokens, so that less than 1 prefers likely ones; multiplies diffusion's noise.
    top_p: only the most likely tokens that together have this probability are chosen from.

    Source: Holtzman et al., The curious case of neural text degeneration, ICLR (2020), for top-p.
    """

    noise: Tensor
    temperature: float = 1.0
    top_p: float = 1.0


class Generating(Masked):
    """The layer "output" of a decoder that sees the target in training, and makes it step by step in use.

    In training each step is learnt from the target as it is before that step: the tokens before each, or the noised
    sample. All steps, or one of them drawn at random, are then computed in one pass. In use there is no target, and a
    step starts from the result of the step before.

    tokens: whether it makes tokens.
    """

    takes_target = True
    tokens: int = 0

    def generate(self, z: Tensor, choice: Choice | None = None) -> tuple[Tensor, Tensor]:
        """(N, *code) to samples (N, *shape), scaled, and the decoder's output (N, *outputs) for them.

        Without a choice nothing is random: equal codes make equal samples.
        """
        raise NotImplementedError

    def noise(self, count: int, shape: Shape, generator: torch.Generator) -> Tensor:
        """The noise of a `Choice` for `count` samples of this shape."""
        raise NotImplementedError

    def weight(self, draws: Any) -> Tensor | None:
        """(N,) of each sample's distance in the loss, for the random numbers of a pass; None for equal weights."""
        return None

    def invert(self, z: Tensor, target: Tensor) -> Tensor | None:
        """The noise (N, *shape) from which it generates the target (N, *shape) for (N, *code); None without noise."""
        return None

    def start_at(self, sample: Tensor, distance: Distance) -> None:
        """Set what it makes before the first step of training, for (n, *shape) scaled samples; NaN is missing."""

    def check(self, model: Any) -> None:
        """Raise BlueprintError if the model's other parts don't suit it."""


def generating(decoder: nn.Module) -> Generating | None:
    """The layer of a decoder that generates, if there is one."""
    output = getattr(decoder, "output", None)
    return output if isinstance(output, Generating) else None

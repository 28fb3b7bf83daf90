"""Noise: every number of a sample is damaged independently.

Each number uses 16 random bits, one of 65,536 equally likely steps. One call of the generator makes four of them, so
drawing takes a quarter of the time of floating-point draws.
"""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from isthmus.parts.constants import table_like
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.part import Shape

STEPS = 2**16
_NORMAL = torch.special.ndtri((torch.arange(STEPS, dtype=torch.float64) + 0.5) / STEPS).float()
"""(65536,) the standard normal's quantiles in the middle of each step; the outermost are ±4.3."""


def random_steps(count: int, shape: Shape, generator: torch.Generator) -> Tensor:
    """(N, *shape) random int16, all 65,536 equally likely."""
    if generator.device.type != "cpu":  # where to draw is quick, and to draw words isn't possible everywhere
        bounds, shape = (-STEPS // 2, STEPS // 2), (count, *shape)
        return torch.randint(*bounds, shape, generator=generator, device=generator.device, dtype=torch.int16)
    size = count * math.prod(shape)
    words = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    return words.view(torch.int16)[:size].view(count, *shape)


class GaussianNoise(Corruption):
    r"""Adds a Gaussian of mean 0: :math:`\tilde x_i = x_i + \sigma\varepsilon_i`.

    sigma: its standard deviation, in the scaled data's units (0..1 for pictures).

    Source: Vincent et al., Stacked denoising autoencoders, JMLR 11 (2010).
    """

    sigma: Annotated[float, Field(ge=0)] = 0.5

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, *clean) random int16."""
        return random_steps(count, clean, generator)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *shape) and (N, *shape) int16 to (N, *shape)."""
        return clean + self.sigma * _normal(draws, clean)


class Speckle(Corruption):
    r"""Multiplies by a Gaussian of mean 1, as radar does: :math:`\tilde x_i = x_i (1 + \sigma\varepsilon_i)`.

    sigma: its standard deviation, a share of the number itself.

    Source: Goodman, Some fundamental properties of speckle, J. Opt. Soc. Am. 66 (1976), in its usual Gaussian form.
    """

    sigma: Annotated[float, Field(ge=0)] = 0.5

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, *clean) random int16."""
        return random_steps(count, clean, generator)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *shape) and (N, *shape) int16 to (N, *shape)."""
        return clean * (1 + self.sigma * _normal(draws, clean))


class Masking(Corruption):
    """Sets a share of the numbers to 0, each drawn independently.

    share: the probability that a number is set to 0.

    Source: Vincent et al., Extracting and composing robust features with denoising autoencoders, ICML (2008).
    """

    share: Annotated[float, Field(ge=0, le=1)] = 0.5

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, *clean) random int16."""
        return random_steps(count, clean, generator)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *shape) and (N, *shape) int16 to (N, *shape)."""
        return torch.where(below(_given(draws), self.share), 0.0, clean)


class SaltAndPepper(Corruption):
    """Sets a share of the numbers to the largest or the smallest value, with equal probability.

    share: the probability that a number is replaced.
    low, high: pepper and salt, in the scaled data's units.

    Source: Vincent et al., Stacked denoising autoencoders, JMLR 11 (2010).
    """

    share: Annotated[float, Field(ge=0, le=1)] = 0.25
    low: float = 0.0
    high: float = 1.0

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, *clean) random int16."""
        return random_steps(count, clean, generator)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *shape) and (N, *shape) int16 to (N, *shape)."""
        steps = _given(draws).int()
        peppered = torch.where(steps < _threshold(self.share / 2), self.low, clean)
        return torch.where(steps >= _threshold(1 - self.share / 2), self.high, peppered)


def below(draws: Tensor, share: float) -> Tensor:
    """True for this share of all random steps."""
    return draws.int() < _threshold(share)


def _normal(draws: Tensor | None, like: Tensor) -> Tensor:
    """Standard normal numbers from random steps."""
    return table_like(_NORMAL, like)[_given(draws).int() + STEPS // 2]


def _threshold(share: float) -> int:
    """The int16 below which this share of all steps lies."""
    return round(share * STEPS) - STEPS // 2


def _given(draws: Tensor | None) -> Tensor:
    if draws is None:
        raise TypeError("This corruption needs the random numbers that its `draw` makes.")
    return draws

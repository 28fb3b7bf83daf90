"""Rounding to multiples of learnt steps, which depend on a quality."""

import torch
from torch import Tensor, nn

GAIN = 5.0
"""The logarithms are multiplied by this, so that the optimiser moves them faster than a network's weights."""


class Steps(nn.Module):
    """A step for each channel and each whole quality; between two qualities, log Δ is linear.

    logarithms: (qualities, C), log Δ / `GAIN`.
    """

    def __init__(self, channels: int, qualities: int, coarsest: float, finest: float) -> None:
        super().__init__()
        ends = torch.tensor([coarsest, finest]).log()
        places = torch.linspace(0, 1, qualities) if qualities > 1 else torch.full((1,), 0.5)
        self.logarithms = nn.Parameter((ends[0] + (ends[1] - ends[0]) * places)[:, None].repeat(1, channels) / GAIN)

    def forward(self, quality: Tensor, dimensions: int) -> Tensor:
        """(N,) qualities to (N, C, 1 …), Δ with this many dimensions."""
        last = len(self.logarithms) - 1
        below = quality.detach().floor().clamp(0, max(0, last - 1))
        share = (quality - below)[:, None]
        low, high = self.logarithms[below.long()], self.logarithms[(below.long() + 1).clamp(max=last)]
        steps = (GAIN * (low + share * (high - low))).exp()
        return steps.view(*steps.shape, *[1] * (dimensions - 2))


def rounded(x: Tensor, steps: Tensor, noise: Tensor | None) -> Tensor:
    """(N, C, *grid) to the nearest multiples of (N, C, 1 …) steps; with noise in -½..½, x + Δ · noise instead."""
    return steps * torch.round(x / steps) if noise is None else x + steps * noise.view_as(x)

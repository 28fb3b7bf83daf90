"""A watermark: a half-transparent word, repeated across the picture."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from isthmus.parts.constants import constant
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.regions import check_pictures
from isthmus.parts.part import Shape

# The letters A to Z of 5 × 7 dots: five columns each, the lowest bit on top
_FONT = bytes.fromhex(
    "7e1111117e7f494949363e414141227f4141413e7f494949417f090909013e414151737f0808087f00417f41002040413f01"
    "7f081422417f404040407f021c027f7f0408107f3e4141413e7f090909063e4151215e7f09192946264949493203017f0103"
    "3f4040403f1f2040201f3f4038403f631408146303047804036159494d43"
)
LETTERS, COLUMNS, ROWS = 26, 5, 7
ADVANCE, LINE = COLUMNS + 1, 2 * ROWS
"""Dots from one letter to the next, and from one line to the next."""


class Watermark(Corruption):
    r"""Lays a random word over a picture, in lines, tilted by a random angle: :math:`x + a\,m\,(c - x)`.

    m is 1 on the letters, 0 outside, and in between at their edges. Each sample has its own word, angle (up to 30
    degrees either way), place, size and strength.

    letters: the number of letters in the word.
    height: of a letter in pixels, on average; it varies by up to a third.
    strength: a, the opacity, on average; it varies by up to a third and is at most 0.95.
    value: c, in the scaled data's units; 1 is white.

    Source: Dekel et al., On the effectiveness of visible watermarks, CVPR (2017), for the model of the blend.
    """

    letters: Annotated[int, Field(ge=1, le=32)] = 6
    height: Annotated[float, Field(gt=0)] = 12.0
    strength: Annotated[float, Field(gt=0, le=0.95)] = 0.5
    value: float = 1.0

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures."""
        check_pictures(self, clean)

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, 5 + letters) in 0..1: angle, two of the place, size, strength, and the word."""
        return torch.rand((count, 5 + self.letters), generator=generator, device=generator.device)

    def opacity(self, draws: Tensor, height: int, width: int) -> Tensor:
        """(N, 1, H, W) the mark's opacity at each pixel, the mean of four points in it."""
        angle, across, down, size, strength = draws[:, :5].unbind(1)
        angle = (angle - 0.5) * (math.pi / 3)
        dots = ROWS / (self.height * (2 / 3 + size * 2 / 3))  # in one pixel
        offsets = constant((0.25, 0.75), draws, torch.float32)
        rows = (torch.arange(height, device=draws.device)[:, None] + offsets).flatten()
        columns = (torch.arange(width, device=draws.device)[:, None] + offsets).flatten()
        cosine, sine = (part.view(-1, 1, 1) for part in (angle.cos() * dots, angle.sin() * dots))
        word = self.letters * ADVANCE
        x = columns * cosine + rows[:, None] * sine + (across * word).view(-1, 1, 1)
        y = rows[:, None] * cosine - columns * sine + (down * LINE).view(-1, 1, 1)
        x, y = x.floor().long() % word, y.floor().long() % LINE
        chosen = (draws[:, 5:] * LETTERS).long().clamp(max=LETTERS - 1)
        letter = chosen.gather(1, (x // ADVANCE).flatten(1)).view_as(x)
        font = constant(tuple(_FONT), draws, torch.int64).view(LETTERS, COLUMNS)
        column = x % ADVANCE
        dot = font[letter, column.clamp(max=COLUMNS - 1)] >> y.clamp(max=ROWS) & 1
        inked = (dot == 1) & (column < COLUMNS) & (y < ROWS)
        mark = inked.float().view(-1, height, 2, width, 2).mean((2, 4))
        opaque = (self.strength * (2 / 3 + strength * 2 / 3)).clamp(max=0.95)
        return (mark * opaque.view(-1, 1, 1))[:, None]

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to (N, C, H, W)."""
        if draws is None:
            raise TypeError("A watermark needs the random numbers that its `draw` makes.")
        opacity = self.opacity(draws, *clean.shape[2:]).to(clean.dtype)
        return clean + opacity * (self.value - clean)

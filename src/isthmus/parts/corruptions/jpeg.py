"""JPEG's damage: cosine transforms of 8×8 pixels, rounded to the steps of its tables."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.parts.constants import constant
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.regions import check_pictures
from isthmus.parts.part import Shape

# Annex K of the standard: steps at quality 50, for brightness and for colour
_BRIGHTNESS = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
_COLOUR = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


class Jpeg(Corruption):
    """A picture in 0..1 after JPEG compression: 8×8 cosine transforms, rounded to the quality's steps, and back.

    Three channels are treated as red, green and blue, with colour at full resolution; with any other number, each
    channel is treated as grey. Rounding has no gradient, and none is needed. It uses no random numbers.

    quality: 1 (only blocks) to 100 (hardly any loss), on libjpeg's scale.

    Source: ITU-T T.81, Digital compression and coding of continuous-tone still images (1992), annexes A and K.
    """

    quality: Annotated[int, Field(ge=1, le=100)] = 20

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures."""
        check_pictures(self, clean)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to (N, C, H, W), both in 0..1."""
        height, width = clean.shape[2:]
        levels = F.pad(clean.clamp(0, 1) * 255 - 128, (0, -width % 8, 0, -height % 8), mode="replicate")
        colourful = clean.shape[1] == 3
        if colourful:
            levels = _mix(levels + 128, _TO_YCC) - constant((128.0, 0.0, 0.0), levels).view(3, 1, 1)
        levels = levels.round()
        tables = [_BRIGHTNESS, _COLOUR, _COLOUR] if colourful else [_BRIGHTNESS] * clean.shape[1]
        steps = torch.stack([constant(self._steps(table), levels).view(8, 8) for table in tables])
        n, channels, tall, wide = levels.shape
        blocks = levels.view(n, channels, tall // 8, 8, wide // 8, 8).transpose(3, 4)
        cosines = constant(_cosines(), levels).view(8, 8)
        steps = steps[:, None, None]
        spectrum = ((cosines @ blocks @ cosines.T) / steps).round() * steps
        levels = (cosines.T @ spectrum @ cosines).transpose(3, 4).reshape(n, channels, tall, wide)
        levels = (
            _mix(levels + constant((128.0, 0.0, 0.0), levels).view(3, 1, 1), _TO_RGB) if colourful else levels + 128
        )
        return levels[..., :height, :width].round().clamp(0, 255) / 255

    def _steps(self, table: tuple[int, ...]) -> tuple[float, ...]:
        """The table's steps at this quality."""
        percent = 5000 // self.quality if self.quality < 50 else 200 - 2 * self.quality
        return tuple(float(min(255, max(1, (step * percent + 50) // 100))) for step in table)


def _cosines() -> tuple[float, ...]:
    """The orthonormal cosine transform of 8 numbers, row by row."""
    return tuple(
        math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16)
        for k in range(8)
        for n in range(8)
    )


def _mix(colours: Tensor, weights: tuple[tuple[float, ...], ...]) -> Tensor:
    """(N, 3, H, W) with the three channels mixed."""
    return torch.einsum("oc,nchw->nohw", constant(sum(weights, ()), colours).view(3, 3), colours)

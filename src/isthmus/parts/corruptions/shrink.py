"""Shrinking: pictures are made smaller with a good filter."""

import math
from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.regions import check_pictures
from isthmus.parts.part import Shape


class Shrink(Corruption):
    """Shrinks a picture to a half, a third, a quarter … of its sides, by a bicubic filter. It uses no random numbers.

    Sizes are rounded up; beyond the border, the last row and column are repeated.

    factor: how many pixels become one, along each axis.

    Source: Keys, Cubic convolution interpolation for digital image processing, IEEE Trans. ASSP 29 (1981), widened by
    the factor so that no detail finer than the new pixels remains.
    """

    factor: Annotated[int, Field(ge=2, le=16)] = 2

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures."""
        check_pictures(self, clean)

    def shape(self, clean: Shape) -> Shape:
        """(C, height / factor, width / factor), rounded up."""
        return (clean[0], *(math.ceil(side / self.factor) for side in clean[1:]))

    def as_clean(self, corrupted: Tensor, clean: Shape) -> Tensor:
        """(N, C, h, w) to (N, C, H, W) by bicubic interpolation."""
        large = F.interpolate(corrupted, scale_factor=self.factor, mode="bicubic", antialias=True)
        return large[..., : clean[1], : clean[2]]

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to (N, C, h, w)."""
        height, width = clean.shape[2:]
        small = self.shape(tuple(clean.shape[1:]))[1:]
        whole = F.pad(clean, (0, small[1] * self.factor - width, 0, small[0] * self.factor - height), mode="replicate")
        return F.interpolate(whole, size=small, mode="bicubic", antialias=True)

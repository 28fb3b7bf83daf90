"""Patch masking: most of a picture's patches are hidden, and the encoder gets a mask of them."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.corruptions.hide import _Hiding
from isthmus.parts.corruptions.regions import check_pictures
from isthmus.parts.part import Shape

MOST_SIDE = 16
"""The largest side of a patch, in pixels, if its size isn't given."""


class PatchMasking(_Hiding):
    """Hides a share of the patches that a picture is divided into, the same number in every picture.

    share: the share of the patches that is hidden.
    patch: the sides of a patch in pixels; None uses a divisor of the picture's sides with about seven patches per side.

    Source: He et al., Masked autoencoders are scalable vision learners, CVPR (2022).
    """

    share: Annotated[float, Field(gt=0, lt=1)] = 0.75
    patch: Annotated[int, Field(ge=1)] | None = None

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures that can be divided into patches."""
        check_pictures(self, clean)
        patch_side(clean, self.patch)

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, C, H, W) bool: True for hidden pixels."""
        side = patch_side(clean, self.patch)
        rows, columns = clean[1] // side, clean[2] // side
        places = torch.rand(count, rows * columns, generator=generator, device=generator.device)
        count_hidden = min(rows * columns - 1, round(self.share * rows * columns))  # at least one patch stays visible
        hidden = places.argsort(1).argsort(1) < count_hidden
        hidden = hidden.view(count, 1, rows, columns)
        return hidden.repeat_interleave(side, 2).repeat_interleave(side, 3).expand(count, *clean)

    def hidden(self, draws: Tensor) -> Tensor:
        """(N, C, H, W) True for hidden pixels."""
        return draws


def patch_side(shape: Shape, wanted: int | None) -> int:
    """The side of a patch in pixels, for pictures (C, H, W).

    Raises:
        BlueprintError: the wanted size doesn't divide the picture.
    """
    height, width = shape[1:]
    if wanted is not None:
        if height % wanted or width % wanted:
            raise BlueprintError(
                f"Pictures of {height}×{width} pixels can't be divided into patches of {wanted}. "
                f"Use a divisor of both sides, such as patch={patch_side(shape, None)}."
            )
        return wanted
    most = min(MOST_SIDE, max(2, min(height, width) // 7))
    return next(side for side in range(most, 0, -1) if not height % side and not width % side)

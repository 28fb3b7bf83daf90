"""Holes: rectangles of a picture are removed, and the encoder gets a mask of them."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.corruptions.filling import fill_smoothly
from isthmus.parts.corruptions.hide import _Hiding
from isthmus.parts.part import Shape


class Holes(_Hiding):
    """Removes random rectangles in all channels; the encoder gets a mask of the known pixels.

    The removed pixels are replaced by the smooth surface through their rim (`filled`), so the model doesn't have to
    learn it. They count in the loss like all others, so the model learns the detail that isn't smooth.

    count: how many rectangles; they may overlap.
    size: the longest side of one, as a share of the picture's; a third of it is the shortest.

    Source: Pathak et al., Context encoders: feature learning by inpainting, CVPR (2016); for the mask as an input, Yu
    et al., Generative image inpainting with contextual attention, CVPR (2018).
    """

    count: Annotated[int, Field(ge=1, le=64)] = 3
    size: Annotated[float, Field(gt=0, le=1)] = 0.3

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures."""
        if len(clean) != 3:
            raise BlueprintError(
                f"The corruption 'holes' needs pictures of shape (C, H, W), but the samples have shape {clean}. "
                "Use the corruption 'hide' for other data."
            )

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, C, H, W) bool: True for removed pixels."""
        height, width = clean[1:]
        drawn = torch.rand((4, count, self.count), generator=generator, device=generator.device)
        inside = [
            _between(drawn[axis], drawn[2 + axis], side, self.size) for axis, side in enumerate((height, width))
        ]  # (N, count, side) each
        lost = (inside[0][..., :, None] & inside[1][..., None, :]).any(1)
        return lost[:, None].expand(count, *clean)

    def hidden(self, draws: Tensor) -> Tensor:
        """(N, C, H, W) True for removed pixels."""
        return draws

    def filled(self, samples: Tensor, observed: Tensor) -> Tensor:
        """(N, C, H, W) with unknown pixels replaced by the smooth surface through the known ones."""
        return fill_smoothly(samples, observed)


def _between(place: Tensor, length: Tensor, side: int, share: float) -> Tensor:
    """(N, count) places and lengths of intervals, drawn from 0..1, to (N, count, side) True inside each interval."""
    longest = share * side
    lengths = (longest / 3 + length * (longest - longest / 3)).round().clamp(1, side)
    begin = (place * (side - lengths + 1)).floor()[..., None]
    at = torch.arange(side, device=place.device)
    return (at >= begin) & (at < begin + lengths[..., None])

"""Damage by position: a removed patch, a blur."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.part import Shape


class Patch(Corruption):
    """Sets one rectangle of a picture, or one interval of a series, to a value, in all channels; its place is random.

    size: the patch's sides, as a share of the sample's (0.5 covers a quarter of a picture); at least one number.
    value: the value, in the scaled data's units.

    Source: Pathak et al., Context encoders: feature learning by inpainting, CVPR (2016).
    """

    size: Annotated[float, Field(gt=0, le=1)] = 0.4
    value: float = 0.0

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are series (C, T) or pictures (C, H, W)."""
        if len(clean) < 2:
            raise BlueprintError(
                f"The corruption 'patch' needs pictures (C, H, W) or series (C, T), but samples have shape {clean}. "
                "Use the corruption 'masking' for tables."
            )

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, axes) the start of the patch, as a share of its possible starts."""
        return torch.rand((count, len(clean) - 1), generator=generator, device=generator.device)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, C, *places) and (N, axes) to (N, C, *places)."""
        if draws is None:
            raise TypeError("A patch needs the random places that its `draw` makes.")
        inside = torch.ones((), dtype=torch.bool, device=clean.device)
        for axis, length in enumerate(clean.shape[2:]):
            side = max(1, round(self.size * length))
            begin = (draws[:, axis, None] * (length - side + 1)).floor()
            place = torch.arange(length, device=clean.device)
            within = (place >= begin) & (place < begin + side)
            inside = inside & within.view(len(clean), *[1] * (axis + 1), length, *[1] * (clean.ndim - 3 - axis))
        return torch.where(inside, self.value, clean)


class Blur(Corruption):
    r"""Every pixel becomes a Gaussian mean of its neighbours: weights :math:`\propto e^{-d^2 / 2\sigma^2}`.

    Beyond the border, the outermost pixels are repeated. It uses no random numbers.

    sigma: in pixels; the filter extends to three sigma.

    Source: Marr & Hildreth, Theory of edge detection, Proc. R. Soc. B 207 (1980), for the filter.
    """

    sigma: Annotated[float, Field(gt=0)] = 1.0

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures."""
        check_pictures(self, clean)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, C, H, W) to (N, C, H, W)."""
        reach = math.ceil(3 * self.sigma)
        distance = torch.arange(-reach, reach + 1, dtype=clean.dtype, device=clean.device)
        weights = (-distance.square() / (2 * self.sigma**2)).exp()
        weights = weights / weights.sum()
        planes = F.pad(clean.flatten(0, 1)[:, None], (reach,) * 4, mode="replicate")
        rows = F.conv2d(planes, weights.view(1, 1, 1, -1))
        return F.conv2d(rows, weights.view(1, 1, -1, 1)).view_as(clean)


def check_pictures(corruption: Corruption, clean: Shape) -> None:
    """Raise BlueprintError unless samples of this shape are pictures, (C, H, W)."""
    if len(clean) != 3:
        raise BlueprintError(
            f"The corruption {corruption.kind!r} needs pictures of shape (C, H, W), but samples have shape {clean}. "
            "Use 'gaussian-noise' or 'masking' for other data."
        )

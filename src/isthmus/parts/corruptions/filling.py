"""Filling holes without learning: the surface that goes through what is known and bends least."""

import torch
from torch import Tensor
from torch.nn import functional as F

STIFFNESS = 1e-5
"""Of the surface against a way to change it, at least: below, float32 is all rounding."""
SMALL = 4
"""Sides of a grid that is left as the coarser ones made it."""


# an operation of its own: a compiler would write out every step of every grid
@torch.library.custom_op("isthmus::fill_smoothly", mutates_args=())
def fill_smoothly(
    values: Tensor, observed: Tensor, tension: float = 0.1, near: float = 3e-3, steps: int = 128
) -> Tensor:
    r"""(N, C, H, W) with the smoothest surface in the place of all that isn't known; 0 where a channel has nothing.

    It minimises :math:`\sum u_{xx}^2 + 2u_{xy}^2 + u_{yy}^2 + t\,(u_x^2 + u_y^2)` over the pixels that aren't known, by
    conjugate gradients on each of a series of grids, the coarsest of one cell, each of which begins with what the
    coarser one found. A constant is filled as it is, a slope nearly. What is filled lies between the least and the
    largest value known. Nothing is drawn, nothing depends on other samples, and shifting or stretching the values does
    the same to what is filled.

    observed: (N, C, H, W) bool, True for what is kept.
    tension: t; 0 bends least and can swing beyond a noisy rim, a large one is a soap film (Laplace's equation).
    near: how much is left of the forces that pull at the surface when it is near enough, as a share of those at first.
    steps: on each grid, at most.

    Source: Bornemann & Deuflhard, The cascadic multigrid method for elliptic problems, Numer. Math. 75 (1996); for the
    surface Smith & Wessel, Gridding with continuous curvature splines in tension, Geophysics 55 (1990).
    """
    values = torch.where(observed, values, 0)
    infinite = torch.finfo(values.dtype).max
    least = torch.where(observed, values, infinite).amin((2, 3), keepdim=True)
    largest = torch.where(observed, values, -infinite).amax((2, 3), keepdim=True)
    made = _filled(values, observed, tension, near, steps)
    return torch.where(observed, values, torch.where(largest < least, 0, made.minimum(largest).maximum(least)))


@fill_smoothly.register_fake
def _(values: Tensor, observed: Tensor, tension: float = 0.1, near: float = 3e-3, steps: int = 128) -> Tensor:
    return torch.empty_like(values)


def _filled(values: Tensor, observed: Tensor, tension: float, near: float, steps: int) -> Tensor:
    """The same, of any values where nothing is known."""
    height, width = values.shape[2:]
    if height == width == 1:
        return values
    even = (0, width % 2, 0, height % 2)
    share = F.avg_pool2d(F.pad(observed.to(values.dtype), even), 2)
    sums = F.avg_pool2d(F.pad(values, even), 2)
    means = torch.where(share > 0, sums / share.clamp(min=0.25), 0)
    coarse = _filled(means, share > 0, 4 * tension, near, steps)  # of twice the spacing
    fine = F.interpolate(coarse, scale_factor=2, mode="bilinear")[..., :height, :width]
    start = torch.where(observed, values, fine)
    return start if max(height, width) <= SMALL else _relaxed(start, ~observed, tension, near, steps)


def _relaxed(surface: Tensor, free: Tensor, tension: float, near: float, steps: int) -> Tensor:
    """By conjugate gradients on what is free, each channel of each sample by itself until it is near enough."""
    free = free.to(surface.dtype)
    tiny = torch.finfo(surface.dtype).tiny
    rest = -free * _force(surface, tension)
    way, size = rest, rest.square().sum((2, 3), keepdim=True)
    enough = near**2 * size
    for _ in range(steps):
        going = size > enough
        if not bool(going.any()):
            break
        pull = free * _force(way, tension)
        stiffness = (way * pull).sum((2, 3), keepdim=True).maximum(STIFFNESS * size).clamp(min=tiny)
        length = torch.where(going, size / stiffness, 0)
        surface, rest = surface + length * way, rest - length * pull
        before, size = size, rest.square().sum((2, 3), keepdim=True)
        way = rest + size / before.clamp(min=tiny) * way
    return surface


def _force(surface: Tensor, tension: float) -> Tensor:
    """Half the energy's gradient by each pixel: the transposed differences of its differences."""
    down, right = surface.diff(dim=2), surface.diff(dim=3)
    twist = 2 * _transposed(down.diff(dim=3), 3)
    along = tension * down + _transposed(down.diff(dim=2), 2) + twist
    return _transposed(along, 2) + _transposed(tension * right + _transposed(right.diff(dim=3), 3), 3)


def _transposed(differences: Tensor, axis: int) -> Tensor:
    """The transpose of `diff` along an axis: one number more there."""
    before, after = ((1, 0), (0, 1)) if axis == 3 else ((0, 0, 1, 0), (0, 0, 0, 1))
    return F.pad(differences, before) - F.pad(differences, after)

"""Filling holes without learning: the smoothest surface through the known pixels."""

import torch
from torch import Tensor
from torch.nn import functional as F

STIFFNESS = 1e-5
"""The least stiffness of the surface along a search direction; below it, float32 only has rounding errors."""
SMALL = 4
"""Grids with sides up to this are not relaxed; they keep the values of the coarser grid."""


# a custom operation, because a compiler would unroll every step of every grid
@torch.library.custom_op("isthmus::fill_smoothly", mutates_args=())
def fill_smoothly(
    values: Tensor, observed: Tensor, tension: float = 0.1, near: float = 3e-3, steps: int = 128
) -> Tensor:
    r"""(N, C, H, W) with unknown pixels replaced by the smoothest surface; 0 if a channel has no known pixel.

    It minimises :math:`\sum u_{xx}^2 + 2u_{xy}^2 + u_{yy}^2 + t\,(u_x^2 + u_y^2)` over the unknown pixels, by conjugate
    gradients on a series of grids. The coarsest grid has one cell; each grid starts from the coarser one's solution.
    Constants are filled exactly, slopes nearly. Filled values lie between the least and the largest known value. It
    uses no random numbers and no other samples, and it commutes with shifting and scaling the values.

    observed: (N, C, H, W) bool, True for known pixels.
    tension: t; 0 bends least but can overshoot at a noisy rim, a large t gives a soap film (Laplace's equation).
    near: the tolerance: the remaining residual force as a share of the initial one.
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
    """The same without the limits; values are arbitrary if nothing is known."""
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
    """Conjugate gradients on the free pixels, for each channel of each sample separately, until the tolerance."""
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
    """Half the energy's gradient with respect to each pixel: the transposed differences of its differences."""
    down, right = surface.diff(dim=2), surface.diff(dim=3)
    twist = 2 * _transposed(down.diff(dim=3), 3)
    along = tension * down + _transposed(down.diff(dim=2), 2) + twist
    return _transposed(along, 2) + _transposed(tension * right + _transposed(right.diff(dim=3), 3), 3)


def _transposed(differences: Tensor, axis: int) -> Tensor:
    """The transpose of `diff` along an axis; the axis grows by one."""
    before, after = ((1, 0), (0, 1)) if axis == 3 else ((0, 0, 1, 0), (0, 0, 0, 1))
    return F.pad(differences, before) - F.pad(differences, after)

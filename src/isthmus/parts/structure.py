"""Structural similarity of pictures, on windows that slide over them."""

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.parts.constants import table_like

WINDOW, SIGMA = 11, 1.5
"""The Gaussian window's side and its σ, in pixels."""
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The weights of the scales, the finest first. Source: Wang, Simoncelli & Bovik (2003)."""

Windows = tuple[Tensor, Tensor]


def windows_like(pictures: Tensor) -> Windows:
    """Matrices that slide the window down and across pictures of this size; a smaller one over small pictures."""
    height, width = pictures.shape[-2:]
    window = min(WINDOW, height, width)
    window -= 1 - window % 2
    return table_like(_band(height, window), pictures), table_like(_band(width, window), pictures)


def similarity(x: Tensor, y: Tensor, windows: Windows, span: float) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) pictures to the (N, C) structural similarities, and their parts that leave brightness out."""
    down, across = windows
    maps = torch.stack((x, y, x * x, y * y, x * y))
    mean_x, mean_y, square_x, square_y, product = down @ (maps @ across.T)
    steady_mean, steady_spread = (0.01 * span) ** 2, (0.03 * span) ** 2
    spread = square_x - mean_x.square() + square_y - mean_y.square()
    together = product - mean_x * mean_y
    structure = (2 * together + steady_spread) / (spread + steady_spread)
    brightness = (2 * mean_x * mean_y + steady_mean) / (mean_x.square() + mean_y.square() + steady_mean)
    return (brightness * structure).mean((2, 3)), structure.mean((2, 3))


def scales_of(height: int, width: int, most: int = len(SCALES)) -> int:
    """How many scales pictures of this size have: each halves them, and the window must still fit."""
    count = 1
    while count < most and -(-min(height, width) // 2**count) >= WINDOW:
        count += 1
    return count


def multi_scale_similarity(x: Tensor, y: Tensor, span: float = 1.0, scales: int = len(SCALES)) -> Tensor:
    r"""(N,) similarity of pictures (N, C, H, W) at several scales, the mean over the channels; 1 is exact.

    :math:`l_M^{\alpha_M}\prod_s (c_s)^{\alpha_s}`: the structure at each scale, and the brightness at the coarsest.
    Small pictures have fewer scales (`scales_of`), with weights that add up to 1.

    Source: Wang, Simoncelli & Bovik, Multiscale structural similarity for image quality assessment, Asilomar (2003).
    """
    count = scales_of(x.shape[-2], x.shape[-1], scales)
    total = sum(SCALES[:count])
    found = torch.ones((), dtype=x.dtype, device=x.device)
    for place in range(count):
        whole, structure = similarity(x, y, windows_like(x), span)
        part = whole if place == count - 1 else structure
        found = found * part.clamp(min=1e-6) ** (SCALES[place] / total)  # of opposite structure, it is below 0
        if place < count - 1:
            padding = [side % 2 for side in x.shape[-2:]]
            x, y = (F.avg_pool2d(pictures, 2, padding=padding) for pictures in (x, y))
    return found.mean(1)


@functools.lru_cache
def _band(length: int, window: int) -> Tensor:
    """(length - window + 1, length) matrix whose rows slide a Gaussian window along: 3 to 9 × conv2d's speed."""
    at = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
    weights = torch.exp(-at.square() / (2 * SIGMA**2))
    weights /= weights.sum()
    places = length - window + 1
    band = torch.zeros(places, length, dtype=torch.float64)
    columns = torch.arange(places)[:, None] + torch.arange(window)
    return band.scatter_(1, columns, weights.expand(places, window))

"""Soft bounds for a network's outputs, so that nothing overflows and every value has a gradient."""

import torch
from torch import Tensor
from torch.nn import functional as F


def floored(x: Tensor, least: float | Tensor) -> Tensor:
    """The input x bounded below by `least`, smoothly: nearly x itself if x is well above."""
    return least + F.softplus(x - least)


def unfloored(y: Tensor, least: float | Tensor) -> Tensor:
    """The x whose `floored` is y."""
    return least + torch.log(torch.expm1(y - least))


def slowed(x: Tensor, most: float) -> Tensor:
    """The input x itself up to `most`, then smoothly a logarithm of it, so that its exponential can't overflow."""
    return x.clamp(max=most) + torch.log1p((x - most).clamp(min=0))

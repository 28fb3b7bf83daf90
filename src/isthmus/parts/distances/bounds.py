"""Soft bounds of what a decoder makes, so that no output overflows and none is without a gradient."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def floored(x: Tensor, least: float) -> Tensor:
    """What is kept above `least`, smoothly: nearly x itself where that is well above."""
    return least + F.softplus(x - least)


def unfloored(y: float, least: float) -> float:
    """The x whose `floored` is y."""
    return least + math.log(math.expm1(y - least))


def slowed(x: Tensor, most: float) -> Tensor:
    """Up to `most` x itself, growing as a logarithm beyond, smoothly: fit for an exponential."""
    return x.clamp(max=most) + torch.log1p((x - most).clamp(min=0))

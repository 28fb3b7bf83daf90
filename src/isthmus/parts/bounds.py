"""Soft bounds of what a network makes, so that nothing overflows and nothing is without a gradient."""

import torch
from torch import Tensor
from torch.nn import functional as F


def floored(x: Tensor, least: float) -> Tensor:
    """What is kept above `least`, smoothly: nearly x itself where that is well above."""
    return least + F.softplus(x - least)


def unfloored(y: Tensor, least: float) -> Tensor:
    """The x whose `floored` is y."""
    return least + torch.log(torch.expm1(y - least))


def slowed(x: Tensor, most: float) -> Tensor:
    """Up to `most` x itself, growing as a logarithm beyond, smoothly: fit for an exponential."""
    return x.clamp(max=most) + torch.log1p((x - most).clamp(min=0))

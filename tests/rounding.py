"""How far two ways to compute the same may lie apart: tolerances from the arithmetic, not from one machine."""

import torch


def of_sum(terms: int, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> float:
    """Between two orders in which `terms` numbers of up to `scale` in size are added: each rounds each partial sum.

    A mean of them differs by no more than `of_sum(terms, scale) / terms`.
    """
    return terms * terms * scale * torch.finfo(dtype).eps

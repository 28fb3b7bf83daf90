"""How near codes are to a normal prior: their discrepancy to it, and how often a test tells the two apart."""

import torch
from torch import Tensor

from isthmus.parts.penalties.mmd import mmd

LEVEL = 0.05


def discrepancy(codes: Tensor, size: int = 1000) -> float:
    """MMD² between (N, D) codes and as many draws of the standard normal, the mean over parts of `size` codes."""
    prior = torch.randn(codes.shape, generator=torch.Generator().manual_seed(1))
    mixed = torch.randperm(len(codes), generator=torch.Generator().manual_seed(2))
    parts = zip(codes[mixed].split(size), prior.split(size), strict=True)
    return float(torch.stack([mmd(one, other) for one, other in parts]).mean())


def told_apart(codes: Tensor, size: int = 100, times: int = 200) -> float:
    """The share of samples of `size` of the (N, D) codes that a test tells from draws of the standard normal, at 5 %.

    The kernel two-sample test, with a Gaussian kernel as wide as two draws are apart; no model is trained by that one.
    Its limit is what draws exceed against draws once in twenty. About 0.05 where the codes are normal.

    Source: Gretton et al., A kernel two-sample test, JMLR 13 (2012).
    """
    generator = torch.Generator().manual_seed(0)

    def statistic(sample: Tensor) -> Tensor:
        return mmd(sample, torch.randn(sample.shape, generator=generator), "rbf", (1.0,))

    normal = [statistic(torch.randn(size, codes.shape[1], generator=generator)) for _ in range(5 * times)]
    limit = torch.stack(normal).quantile(1 - LEVEL)
    samples = (codes[torch.randperm(len(codes), generator=generator)[:size]] for _ in range(times))
    return sum(bool(statistic(sample) > limit) for sample in samples) / times

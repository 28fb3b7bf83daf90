"""The random part of draws: how far each cell may be off, and where in the distribution of its errors a draw lies."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from isthmus.filling.mixture import Mixture

LEAST = 1e-6
"""The least variance of a cell."""
ROWS = 256
"""Rows at a time where no mixture decides."""


def spread(mixtures: Sequence[Mixture], values: Tensor, known: Tensor) -> Tensor:
    """(N, W) the expected standard deviation of each hidden cell given the known ones: 1 without mixtures."""
    if not mixtures:
        return torch.ones_like(values)
    found = [given.covariance.diagonal(dim1=1, dim2=2) for given in mixtures[-1].given(values, known)]
    return torch.cat(found).clamp(min=LEAST).sqrt()


def levels(
    mixtures: Sequence[Mixture], values: Tensor, known: Tensor, count: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """(n, W, count) uniform numbers in 0..1, some rows at a time; in a row, they are correlated as in the mixture."""
    if not mixtures:
        for rows in values.split(ROWS):
            yield torch.rand(*rows.shape, count, generator=generator, dtype=torch.float64)
        return
    for given in mixtures[-1].given(values, known):
        covariance = given.covariance + torch.diag_embed(torch.full_like(given.mean, LEAST))
        normal = torch.randn(*given.mean.shape, count, generator=generator, dtype=torch.float64)
        deviation = covariance.diagonal(dim1=1, dim2=2).sqrt()
        yield torch.special.ndtr(torch.linalg.cholesky(covariance) @ normal / deviation[..., None])


def at_levels(quantiles: Tensor, level: Tensor) -> Tensor:
    """(W, L) quantiles in even steps, at (n, W, count) levels in 0..1, to (n, W, count) values between them."""
    steps = quantiles.shape[1]
    place = (level * steps - 0.5).clamp(0, steps - 1)
    low = place.floor().long()
    ends = [quantiles.expand(len(level), -1, -1).gather(2, at) for at in (low, (low + 1).clamp(max=steps - 1))]
    return ends[0] + (place - low) * (ends[1] - ends[0])


def chosen(chances: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(n, count, L) indicators of categories drawn with (n, L) probabilities; negative ones count as 0."""
    share = chances.clamp(min=1e-9)
    edges = (share / share.sum(1, keepdim=True)).cumsum(1)[:, None]
    at = torch.rand(len(chances), count, 1, generator=generator, dtype=torch.float64)
    place = (edges < at).sum(2).clamp(max=chances.shape[1] - 1)
    return torch.nn.functional.one_hot(place, chances.shape[1]).double()

"""Mixtures of Gaussians, learnt from rows with holes and conditioned on a row's known numbers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from isthmus.shown import Shown

FLOOR = 1e-3
"""Added to each variance, so that columns that follow from others can be inverted."""
NUMBERS = 2**23
"""The most numbers in the covariances of the rows that are conditioned together (64 MiB)."""


@dataclass(frozen=True, eq=False, repr=False)
class Conditional(Shown):
    """The distribution of n rows given their known numbers, which have no spread.

    mean: (n, W). covariance: (n, W, W). shares: (n, K) the probability of each component. log_density: (n,) of the
    known numbers, in nats.
    """

    mean: Tensor
    covariance: Tensor
    shares: Tensor
    log_density: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Mixture(Shown):
    r"""K Gaussians over W numbers; one Gaussian is a mixture with K = 1.

    The expectation of the holes h given the known numbers k is, for a Gaussian,
    :math:`\mu_h + \Sigma_{hk}\Sigma_{kk}^{-1}(x_k - \mu_k)`: the linear regression of each column on whichever others
    are known. In a mixture, the expectations count by the probability of each component given the known numbers.

    shares: (K,). means: (K, W). covariances: (K, W, W). All are float64.

    Source: Dempster, Laird & Rubin, Maximum likelihood from incomplete data via the EM algorithm, J. R. Stat. Soc. B 39
    (1977); for mixtures with holes, Ghahramani & Jordan, Supervised learning from incomplete data via an EM approach,
    NeurIPS (1994).
    """

    shares: Tensor
    means: Tensor
    covariances: Tensor

    @classmethod
    def gaussian(cls, values: Tensor, known: Tensor, shrink: float, rounds: int = 12) -> Self:
        """One Gaussian of (N, W) standardised rows, by expectation maximisation.

        known: (N, W) False in holes. shrink: the covariances between columns count as if there were this many further
        rows with none.
        """
        begun = cls(
            values.new_ones(1),
            ((values * known).sum(0) / known.sum(0).clamp(min=1))[None],
            torch.eye(values.shape[1], dtype=values.dtype)[None],
        )
        return begun._settled(values, known, shrink, 0.0, rounds)

    def divided(self, values: Tensor, known: Tensor, count: int, shrink: float, rounds: int = 12) -> Self:
        """A mixture of `count` components, learnt from the same rows as this Gaussian.

        shrink: each component's covariance counts as if it had this many further rows of the mean covariance.
        """
        generator = torch.Generator().manual_seed(0)
        filled = torch.cat([given.mean for given in self.given(values, known)])
        groups = _groups(filled, count, generator)
        means = torch.stack([filled[groups == group].mean(0) for group in groups.unique()])
        away = filled - means[groups.unique(return_inverse=True)[1]]
        within = away.T @ away / len(filled)
        eye = torch.eye(len(within), dtype=within.dtype)
        within = within + FLOOR * eye + 0.1 * torch.diag(within.diagonal())
        shares = values.new_full((len(means),), 1 / len(means))
        return type(self)(shares, means, within.expand(len(means), -1, -1))._settled(
            values, known, values.shape[1] / 2, shrink, rounds
        )

    def given(self, values: Tensor, known: Tensor) -> Iterator[Conditional]:
        """The distribution of (N, W) rows given their known numbers, some rows at a time, in order."""
        at_once = max(1, NUMBERS // self.covariances.numel())
        for some, seen in zip(values.split(at_once), known.split(at_once), strict=True):
            mean, covariance, weight, density = self._given(some, seen)
            middle = (weight[..., None] * mean).sum(1)
            away = mean - middle[:, None]
            between = torch.einsum("nk,nki,nkj->nij", weight, away, away)
            total = torch.einsum("nk,nkij->nij", weight, covariance) + between
            yield Conditional(middle, total, weight, density)

    def _given(self, values: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(n, K, W) means and (n, K, W, W) covariances given each component, (n, K) their shares, (n,) log density."""
        seen = known.double()[:, None]
        both = seen[..., None] * seen[..., None, :]
        factor = torch.linalg.cholesky(self.covariances * both + torch.diag_embed(1 - seen))
        away = (values[:, None] - self.means) * seen
        pull = torch.cholesky_solve(away[..., None], factor)[..., 0] * seen
        mean = self.means + (self.covariances @ pull[..., None])[..., 0]
        mean = torch.where(known[:, None], values[:, None], mean)
        part = torch.linalg.solve_triangular(factor, self.covariances * seen[..., None], upper=False)
        hidden = 1 - seen
        covariance = (self.covariances - part.transpose(-1, -2) @ part) * (hidden[..., None] * hidden[..., None, :])
        squares = (away * pull).sum(-1) + 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        log = self.shares.log() - 0.5 * (squares + math.log(2 * math.pi) * seen.sum(-1))
        return mean, covariance, log.softmax(1), log.logsumexp(1)

    def _settled(self, values: Tensor, known: Tensor, shrink: float, shrink_each: float, rounds: int) -> Self:
        """After this many rounds of expectation maximisation, or as soon as the likelihood hardly rises."""
        found, last = self, -math.inf
        for _ in range(rounds):
            found, density = found._improved(values, known, shrink, shrink_each)
            if density - last < 1e-3:
                break
            last = density
        return found

    def _improved(self, values: Tensor, known: Tensor, shrink: float, shrink_each: float) -> tuple[Self, float]:
        """After one round, and the mean log density before it.

        The sums are taken about this mixture's means, and some rows at a time.
        """
        width = values.shape[1]
        count, first, second = (torch.zeros_like(own) for own in (self.shares, self.means, self.covariances))
        density = 0.0
        at_once = max(1, NUMBERS // self.covariances.numel())
        for some, seen in zip(values.split(at_once), known.split(at_once), strict=True):
            mean, covariance, weight, log = self._given(some, seen)
            away = mean - self.means
            weighted = weight[..., None] * away
            count += weight.sum(0)
            first += weighted.sum(0)
            second += torch.einsum("nki,nkj->kij", weighted, away) + torch.einsum("nk,nkij->kij", weight, covariance)
            density += float(log.sum())
        step = first / count.clamp(min=1e-6)[:, None]
        each = second - count[:, None, None] * step[:, :, None] * step[:, None, :]
        total = each.sum(0) / len(values)
        floor = FLOOR * torch.eye(width, dtype=values.dtype)
        pooled = _shrunk(total, shrink / (len(values) + shrink)) + floor
        covariances = pooled.expand_as(each)
        if shrink_each:
            rows = count[:, None, None]
            covariances = (each + rows * floor + shrink_each * pooled) / (rows + shrink_each)
        shares = (count + 1) / (count + 1).sum()
        return type(self)(shares, self.means + step, covariances), density / len(values)


def _shrunk(covariance: Tensor, share: float) -> Tensor:
    """With smaller covariances between columns, and the same variances."""
    return (1 - share) * covariance + share * torch.diag(covariance.diagonal())


def _groups(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(N,) the group of each row, by k-means from distant starts (Arthur & Vassilvitskii, k-means++, SODA, 2007)."""
    centres = rows[torch.randint(0, len(rows), (1,), generator=generator)]
    while len(centres) < count:
        near = torch.cdist(rows, centres).amin(1).square()
        if not bool(near.sum() > 0):
            break
        centres = torch.cat([centres, rows[torch.multinomial(near / near.sum(), 1, generator=generator)]])
    groups = torch.cdist(rows, centres).argmin(1)
    for _ in range(10):
        here = groups.unique()
        centres = torch.stack([rows[groups == group].mean(0) for group in here])
        groups = torch.cdist(rows, centres).argmin(1)
    return groups

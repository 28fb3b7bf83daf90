"""Least squares from sums over pieces: a readout in closed form, whose samples need never be in memory together."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor

Piece = Callable[[Tensor], Tensor]
"""(n, *shape) scaled samples to (n, numbers)."""
SHARES = 10.0 ** torch.arange(-8, 1.01, 0.5, dtype=torch.float64)
"""The ridges that are compared, as shares of the inputs' largest variance. Weights of less are lost in float32."""
_EPSILON = torch.finfo(torch.float64).eps


class Moments:
    """Means and scatter of pairs of inputs (n, P) and targets (n, D) that come in pieces, in float64.

    count: how many. mean, target_mean: (P,), (D,). scatter: (P, P) sums of products of the inputs about their mean.
    cross: (P, D) those of inputs and targets. total: the targets' sum of squares about their mean.

    Source: Chan, Golub & LeVeque (1983): merged from each piece's own mean, so that a large mean costs no digits.
    """

    def __init__(self, inputs: int, targets: int = 0, device: torch.device | None = None) -> None:
        like = torch.zeros((), dtype=torch.float64, device=device)
        self.count = 0
        self.mean, self.target_mean = like.new_zeros(inputs), like.new_zeros(targets)
        self.scatter, self.cross, self.total = like.new_zeros(inputs, inputs), like.new_zeros(inputs, targets), like

    def add(self, inputs: Tensor, targets: Tensor | None = None) -> None:
        """Add (n, P) inputs with their (n, D) targets."""
        count, inputs = len(inputs), inputs.to(self.mean)
        targets = inputs[:, :0] if targets is None else targets.to(self.mean)
        means = inputs.mean(0), targets.mean(0)
        away, off = inputs - means[0], targets - means[1]
        self.scatter.addmm_(away.T, away)
        self.cross.addmm_(away.T, off)
        self.total = self.total + off.square().sum()
        self._shift(count, *means)

    def _shift(self, count: int, mean: Tensor, target_mean: Tensor) -> None:
        """Move the means towards those of `count` more pairs, and count both towards the scatter."""
        share = count / (self.count + count)
        shift, off = mean - self.mean, target_mean - self.target_mean
        self.scatter.addr_(shift, shift, alpha=self.count * share)
        self.cross.addr_(shift, off, alpha=self.count * share)
        self.total = self.total + self.count * share * off.square().sum()
        self.mean, self.target_mean = self.mean + shift * share, self.target_mean + off * share
        self.count += count

    def merged(self, add: Callable[[Tensor], Tensor]) -> Self:
        """The moments of all processes' pairs; `add` makes a tensor the sum of itself over all processes."""
        counts = self.mean.new_tensor(float(self.count))
        count = float(add(counts.clone()))
        mean, target_mean = (add(own * counts) / count for own in (self.mean, self.target_mean))
        shift, off = self.mean - mean, self.target_mean - target_mean
        self.scatter = add(self.scatter.addr_(shift, shift, alpha=self.count))
        self.cross = add(self.cross.addr_(shift, off, alpha=self.count))
        self.total = add(self.total + self.count * off.square().sum())
        self.mean, self.target_mean, self.count = mean, target_mean, round(count)
        return self


class Readout(NamedTuple):
    """weight: (D, P). bias: (D,). ridge: what was added to the inputs' sums of squares. error: mean square, of all D.

    The error is that of the samples themselves.
    """

    weight: Tensor
    bias: Tensor
    ridge: float
    error: float


def readout(moments: Moments, ridge: float | str = "auto", free: int = 0) -> Readout:
    r"""The weights :math:`W, b` that minimise :math:`\sum_n \lVert x_n - W h_n - b \rVert^2 + \rho \lVert W \rVert^2`.

    moments: of inputs h and targets x. ridge: :math:`\rho` as a share of the largest sum of squares along any direction
    of the inputs; "auto" takes that of `SHARES` with the least generalised cross-validation error. free: the first
    inputs of which there are so many aren't penalised, nor is the bias: for a large ridge, the readout is theirs alone.

    Source: Hoerl & Kennard, Ridge regression, Technometrics 12 (1970); Golub, Heath & Wahba, Generalized
    cross-validation, Technometrics 21 (1979).
    """
    scatter, cross, total = moments.scatter, moments.cross, moments.total
    straight = _inverse(scatter[:free, :free])
    onto, plain = straight @ scatter[:free, free:], straight @ cross[:free]
    rest = scatter[free:, free:] - scatter[free:, :free] @ onto
    left = cross[free:] - scatter[free:, :free] @ plain
    total = total - (cross[:free] * plain).sum()
    values, axes = torch.linalg.eigh((rest + rest.T) / 2)
    values, seen = values.clamp(min=0), axes.T @ left
    squares, largest = seen.square().sum(1), values[-1:].sum().clamp(min=1e-300)
    ridges = largest * (SHARES.to(values) if isinstance(ridge, str) else values.new_tensor([float(ridge)]))
    kept = values / (values + ridges[:, None].clamp(min=1e-300))
    gained = squares / values.clamp(min=float(largest) * _EPSILON)
    errors = (total - ((2 * kept - kept.square()) * gained).sum(1)).clamp(min=0)
    freedom = 1 + free + kept.sum(1)
    judged = errors / (1 - freedom / moments.count).clamp(min=1e-3).square()
    best = int(judged.argmin())
    penalised = axes @ (seen / (values + ridges[best]).clamp(min=1e-300)[:, None])
    weight = torch.cat([plain - onto @ penalised, penalised]).T
    bias = moments.target_mean - weight @ moments.mean
    return Readout(weight, bias, float(ridges[best]), float(errors[best]) / max(1, moments.count))


def _inverse(matrix: Tensor) -> Tensor:
    """The pseudo-inverse of a symmetric matrix without negative eigenvalues."""
    return torch.linalg.pinv(matrix, hermitian=True) if len(matrix) else matrix


class Solver(Protocol):
    """What a network's closed form may ask of the training part. All passes give the same numbers each time.

    generator: draws what is drawn, from the seed of the training.
    """

    generator: torch.Generator

    def principal(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(size, D) principal components, the biases of encoder (size,) and decoder (D,), and the (size,) variances."""
        ...

    def moments(self, inputs: Piece, targets: Piece | None = None) -> Moments:
        """The moments of what these functions make of the samples, in one pass."""
        ...

    def spread(self, values: Piece) -> tuple[Tensor, Tensor]:
        """(P,) the mean and the variance of what the function makes of the samples, in one pass."""
        ...

"""Normal distributions with independent dimensions."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.parts.bounds import slowed
from isthmus.parts.part import Shape
from isthmus.shown import Shown

LOG_VARIANCE_LEAST, LOG_VARIANCE_MOST = -20.0, 2.0
"""Beyond these bounds log σ² grows as a logarithm (`bounds.slowed`), so that σ² and its KL grow linearly with the
feature. The prior's σ² is 1; without the bound, an outlier or a first step on a wide sample could give 1e8."""


@dataclass(frozen=True, repr=False)
class DiagonalGaussian(Shown):
    r"""The posterior :math:`q(z|x) = \mathcal N(\mu, \operatorname{diag}\sigma^2)` of each of N samples.

    mean, log_variance: (N, *code), μ and log σ².
    """

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "DiagonalGaussian":
        """From (N, 2·C, …) features: first all μ, then all log σ², which is softly bounded."""
        mean, log_variance = features.chunk(2, 1)
        return cls(mean, -slowed(-slowed(log_variance, LOG_VARIANCE_MOST), -LOG_VARIANCE_LEAST))

    @classmethod
    def standard(cls, count: int, code: Shape) -> "DiagonalGaussian":
        """The standard normal for each of `count` samples, float64."""
        zeros = torch.zeros(count, *code, dtype=torch.float64)
        return cls(zeros, zeros)

    @property
    def variance(self) -> Tensor:
        """(N, *code) σ²."""
        return self.log_variance.exp()

    def sample(self, noise: Tensor) -> Tensor:
        """(N, K, *code) standard normal numbers to (K·N, *code), draw by draw."""
        z = self.mean[:, None] + (0.5 * self.log_variance).exp()[:, None] * noise
        return z.transpose(0, 1).flatten(0, 1)

    def log_prob(self, z: Tensor) -> Tensor:
        """(K·N, *code), draw by draw, to (K·N,) log-densities in nats."""
        drawn = z.view(-1, *self.mean.shape)
        squares = (drawn - self.mean).square() * (-self.log_variance).exp()
        return _summed(squares + self.log_variance, z)

    def detached(self) -> "DiagonalGaussian":
        """The same distribution without gradients."""
        return DiagonalGaussian(self.mean.detach(), self.log_variance.detach())

    def repeated(self, times: int) -> "DiagonalGaussian":
        """The distribution of (times·N) samples: the N repeated."""
        again = (times, *[1] * (self.mean.ndim - 1))
        return DiagonalGaussian(self.mean.repeat(again), self.log_variance.repeat(again))

    def kl(self, other: "DiagonalGaussian | None" = None) -> Tensor:
        r"""(N, *code) KL divergence of each latent dimension to the other's, or to a standard normal, in nats.

        :math:`D(q\,\|\,p)_j = \frac12(\sigma_j^2 + \mu_j^2 - 1 - \log\sigma_j^2)` to a standard normal. Lecture 004
        prints σ instead of σ², with a minus sign: at μ = 0 its minimum is still at σ = 1, but it is wrong elsewhere.

        Source: Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014), appendix B.
        """
        if other is None:
            return 0.5 * (self.log_variance.exp() + self.mean.square() - 1 - self.log_variance)
        squares = self.log_variance.exp() + (self.mean - other.mean).square()
        return 0.5 * (squares * (-other.log_variance).exp() - 1 + other.log_variance - self.log_variance)


def standard_log_prob(z: Tensor) -> Tensor:
    """(K·N, *code) to (K·N,) log-densities of the standard normal, in nats."""
    return _summed(z.square(), z)


def _summed(squares: Tensor, z: Tensor) -> Tensor:
    """(K·N,) log-densities from each number's (z - μ)² / σ² + log σ²."""
    each = -0.5 * (squares + math.log(2 * math.pi))
    return each.reshape(z.shape[0], -1).sum(1)  # `len` would fix the batch of an exported model

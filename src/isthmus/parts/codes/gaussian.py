"""The Gaussian code: drawn around a mean, as far as the sample leaves it open."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.bounds import slowed
from isthmus.parts.codes.code import Code, CodeKind
from isthmus.parts.part import Shape

LOG_VARIANCE_LEAST, LOG_VARIANCE_MOST = -20.0, 2.0
"""Beyond these log σ² is slowed (`bounds.slowed`): it grows as a logarithm, so that σ² and its KL grow as the feature
itself. The prior's σ² is 1; an exponential would make 1e8 of what an outlier or a first step does to a wide sample."""


@dataclass(frozen=True)
class DiagonalGaussian:
    r"""The posterior :math:`q(z|x) = \mathcal N(\mu, \operatorname{diag}\sigma^2)` of each of N samples.

    mean, log_variance: (N, *code), μ and log σ².
    """

    mean: Tensor
    log_variance: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        """(K·N, *code), draw by draw, to (K·N,) log-densities in nats."""
        drawn = z.view(-1, *self.mean.shape)
        squares = (drawn - self.mean).square() * (-self.log_variance).exp()
        return _summed(squares + self.log_variance, z)

    def kl(self) -> Tensor:
        r"""(N, *code) KL divergence of each number to the standard normal prior, in nats.

        :math:`D(q\,\|\,p)_j = \frac12(\sigma_j^2 + \mu_j^2 - 1 - \log\sigma_j^2)`. One of the lectures (004) prints σ
        where σ² belongs, and a minus before it: at μ = 0 that is least at σ = 1 still, but wrong everywhere else.

        Source: Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014), appendix B.
        """
        return 0.5 * (self.log_variance.exp() + self.mean.square() - 1 - self.log_variance)


class GaussianCode(CodeKind):
    r"""Drawn by the reparametrisation :math:`z = \mu + \sigma\varepsilon,\ \varepsilon\sim\mathcal N(0, I)`.

    The encoder makes twice as many features as the code has numbers: first all μ, then all log σ². The prior is the
    standard normal. Where nothing is drawn, as in `encode`, the code is its mean. The posterior is `Code.distribution`.

    draws: how many codes each sample gets in a pass, K.

    Source: Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014).
    """

    kind: ClassVar[str] = "gaussian"

    draws: Annotated[int, Field(ge=1)] = 1

    def features(self, code: Shape) -> Shape:
        """Twice as many along the first dimension."""
        return (2 * code[0], *code[1:])

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> Tensor:
        """(N, K, *code) standard normal numbers."""
        return torch.randn(count, self.draws, *code, generator=generator)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, *features), (N, K, *code) to the Code of K draws, with its posterior."""
        if features.shape[1] % 2:
            raise BlueprintError(
                f"A gaussian code is made of as many means as log-variances, but the encoder makes {features.shape[1]} "
                "features. Let it make twice as many as the code has numbers."
            )
        mean, log_variance = features.chunk(2, 1)
        log_variance = -slowed(-slowed(log_variance, LOG_VARIANCE_MOST), -LOG_VARIANCE_LEAST)
        posterior = DiagonalGaussian(mean, log_variance)
        if draws is None:
            return Code(mean, posterior)
        z = mean[:, None] + (0.5 * log_variance).exp()[:, None] * draws
        return Code(z.transpose(0, 1).flatten(0, 1), posterior)


def standard_log_prob(z: Tensor) -> Tensor:
    """(K·N, *code) to (K·N,) log-densities of the standard normal prior, in nats."""
    return _summed(z.square(), z)


def _summed(squares: Tensor, z: Tensor) -> Tensor:
    """(K·N,) log-densities from each number's (z - μ)² / σ² + log σ²."""
    each = -0.5 * (squares + math.log(2 * math.pi))
    return each.reshape(len(z), -1).sum(1)

"""Likelihoods of counts: whole numbers from 0 on, as they are."""

from typing import ClassVar, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.bounds import slowed
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance, mean_of, variance_of
from isthmus.parts.part import Shape

LOG_RATE_LIMIT = 15.0
"""Of the logarithm of a rate as the decoder makes it; beyond, it is slowed."""
LOG_DISPERSION_LIMIT = 7.0
"""Of the logarithm of a dispersion, either way: 1e-3 to 1e3. Above it a negative binomial is a Poisson's twin."""

MOST_SURE = 4.0
"""Of the logarithm of a dispersion that a network begins with: what few samples say of one is rough."""


class _Counts(Distance):
    """What the likelihoods of counts have in common.

    seen: what the encoder gets of the counts: their logarithm, log(1 + x) ("log1p"), for they span powers of ten; or
        the counts themselves. "auto" is the logarithm.
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True

    # others than the base's, which is sound for what is frozen
    link: Literal["auto", "log"] = "log"  # pyright: ignore[reportIncompatibleVariableOverride]
    seen: Literal["auto", "log1p", "counts"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance; its link is the logarithm, whatever the data."""
        seen = "log1p" if self.seen == "auto" else self.seen
        return self.replace(link="log", seen=seen)

    def as_input(self, x: Tensor) -> Tensor:
        """(N, *seen) counts as the encoder takes them; noise may have made them negative."""
        return x.clamp(min=0).log1p() if self.seen == "log1p" else x

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError where values are negative or no whole numbers."""
        values = sample[~sample.isnan()]
        wrong = values[(values < 0) | (values != values.round())]
        if len(wrong):
            raise BlueprintError(
                f"{self.kind} needs counts, whole numbers from 0 on, but there is {float(wrong[0]):.4g}. "
                "Leave counts as they are (scaling='none'), or take the distance 'gaussian'."
            )


class Poisson(_Counts):
    r"""Negative log-probability under a Poisson distribution, in nats.

    :math:`\sum_i \lambda_i - x_i\log\lambda_i + \log x_i!`, for counts whose variance is their mean. The decoder makes
    log λ; the picture is λ.
    """

    def picture(self, output: Tensor) -> Tensor:
        """(N, *shape) to (N, *shape), the rates."""
        return slowed(output, LOG_RATE_LIMIT).exp()

    def output(self, picture: Tensor) -> Tensor:
        """(N, *shape) to (N, *shape), kept off a rate of 0."""
        return picture.clamp(min=1e-3).log()

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape) nats."""
        self._check_shapes(output, target)
        rate = slowed(output, LOG_RATE_LIMIT)
        return rate.exp() - target * rate + torch.lgamma(target + 1)


class NegativeBinomial(_Counts):
    r"""Negative log-probability under a negative binomial distribution of mean μ and dispersion r, in nats.

    :math:`P(x) = \frac{\Gamma(x + r)}{\Gamma(r)\,x!}\Big(\frac{r}{r + \mu}\Big)^{r}\Big(\frac{\mu}{r + \mu}\Big)^{x}`,
    whose variance is :math:`\mu + \mu^2 / r`: for counts that vary more than a Poisson's, such as reads of genes. The
    decoder makes all log μ, then log r of each number. The picture is μ.

    Source: Lopez et al., Deep generative modeling for single-cell transcriptomics, Nature Methods 15 (2018).
    """

    def outputs(self, shape: Shape) -> Shape:
        """Twice as many along the first dimension: logarithms of means, then of dispersions."""
        return (2 * shape[0], *shape[1:])

    def picture(self, output: Tensor) -> Tensor:
        """(N, *outputs) to (N, *shape), the means."""
        return slowed(output.chunk(2, 1)[0], LOG_RATE_LIMIT).exp()

    def output(self, picture: Tensor) -> Tensor:
        """(N, *shape) to (N, *outputs), with dispersions of 1."""
        mean = picture.clamp(min=1e-3).log()
        return torch.cat([mean, torch.zeros_like(mean)], 1)

    def start(self, sample: Tensor) -> Tensor:
        """(n, *shape) to (1, *outputs), with dispersions from the samples' variance, which is μ + μ² / r."""
        mean = mean_of(sample)[None].clamp(min=1e-3)
        over = (variance_of(sample)[None] - mean).clamp(min=1e-6)
        dispersion = (2 * mean.log() - over.log()).clamp(-MOST_SURE, MOST_SURE)
        return torch.cat([mean.log(), dispersion], 1)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape) nats."""
        self._check_shapes(output, target)
        mean, dispersion = output.chunk(2, 1)
        mean = slowed(mean, LOG_RATE_LIMIT)
        dispersion = LOG_DISPERSION_LIMIT * torch.tanh(dispersion / LOG_DISPERSION_LIMIT)
        r = dispersion.exp()
        ways = torch.lgamma(target + r) - torch.lgamma(r) - torch.lgamma(target + 1)
        return r * F.softplus(mean - dispersion) + target * F.softplus(dispersion - mean) - ways

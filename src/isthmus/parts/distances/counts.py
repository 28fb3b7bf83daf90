"""Likelihoods of counts: unscaled whole numbers of 0 or more."""

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
"""Bound of the decoder's log rate; beyond it, the log rate grows logarithmically."""
LOG_DISPERSION_LIMIT = 7.0
"""Bound of a log dispersion, both ways: 1e-3 to 1e3. Above it a negative binomial nearly equals a Poisson."""

MOST_SURE = 4.0
"""Bound of the log dispersion at the start, because an estimate from few samples is rough."""


class _Counts(Distance):
    """The common part of the likelihoods of counts.

    seen: the encoder's input: "log1p", the logarithm log(1 + x), since counts can span powers of ten; or "counts", the
        counts themselves. "auto" is the logarithm.
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True

    # other values than the base's, which is sound because parts are frozen
    link: Literal["auto", "log"] = "log"  # pyright: ignore[reportIncompatibleVariableOverride]
    seen: Literal["auto", "log1p", "counts"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance; its link is always the logarithm."""
        seen = "log1p" if self.seen == "auto" else self.seen
        return self.replace(link="log", seen=seen)

    def as_input(self, x: Tensor) -> Tensor:
        """(N, *seen) counts to the encoder's input; noise may have made them negative."""
        return x.clamp(min=0).log1p() if self.seen == "log1p" else x

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError if a value is negative or not a whole number."""
        values = sample[~sample.isnan()]
        wrong = values[(values < 0) | (values != values.round())]
        if len(wrong):
            raise BlueprintError(
                f"{self.kind} needs counts (whole numbers of 0 or more), but the data contain {float(wrong[0]):.4g}. "
                "Don't scale counts (scaling='none'), or use the distance 'gaussian'."
            )


class Poisson(_Counts):
    r"""Negative log-probability under a Poisson distribution, in nats.

    :math:`\sum_i \lambda_i - x_i\log\lambda_i + \log x_i!`, for counts whose variance equals their mean. The decoder
    makes log λ; the reconstruction is λ.
    """

    def picture(self, output: Tensor) -> Tensor:
        """(N, *shape) to (N, *shape), the rates."""
        return slowed(output, LOG_RATE_LIMIT).exp()

    def output(self, picture: Tensor) -> Tensor:
        """(N, *shape) to (N, *shape), avoiding a rate of 0."""
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
    decoder makes all log μ, then all log r. The reconstruction is μ.

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

"""The Gaussian likelihood: for numbers of any kind, with a given or a learnt spread."""

import math
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from isthmus.parts.bounds import floored, unfloored
from isthmus.parts.distances.distance import Distance, mean_of, variance_of
from isthmus.parts.part import Shape


class Gaussian(Distance):
    r"""Negative log-density of a Gaussian around the output, summed over a sample's numbers, in nats.

    :math:`\sum_i \frac{(\hat x_i - x_i)^2}{2\sigma_i^2} + \log\sigma_i + \frac12\log 2\pi`.

    scale: σ, the same for every number, in the scaled data's units; or "learnt": the decoder then also makes log σ of
        each number of each sample, after all the means.
    least_scale: the lower bound of a learnt σ, so that constant numbers can't make the density infinite.

    Source: Nix & Weigend, Estimating the mean and variance of the target probability distribution (1994); the soft
    floor: Rybkin et al., Simple and effective VAE training with calibrated decoders, ICML (2021).
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True
    density: ClassVar[bool] = True

    scale: Annotated[float, Field(gt=0)] | Literal["learnt"] = 1.0
    least_scale: Annotated[float, Field(gt=0)] = 0.01

    def outputs(self, shape: Shape) -> Shape:
        """Twice as many along the first dimension if σ is learnt: means, then log σ."""
        return (2 * shape[0], *shape[1:]) if self.scale == "learnt" else shape

    def picture(self, output: Tensor) -> Tensor:
        """(N, *outputs) to (N, *shape), the means."""
        return super().picture(output.chunk(2, 1)[0] if self.scale == "learnt" else output)

    def output(self, picture: Tensor) -> Tensor:
        """(N, *shape) to (N, *outputs); a learnt σ is 0.3 of the span of 0..1, else 1."""
        mean = super().output(picture)
        scale = torch.full_like(mean, 0.3 if self.link == "sigmoid" else 1.0)
        return torch.cat([mean, self._unscaled(scale)], 1) if self.scale == "learnt" else mean

    def start(self, sample: Tensor) -> Tensor:
        """(n, *shape) to (1, *outputs); a learnt σ starts at the samples' standard deviation."""
        mean = super().output(mean_of(sample)[None])
        scale = variance_of(sample)[None].sqrt()
        return torch.cat([mean, self._unscaled(scale)], 1) if self.scale == "learnt" else mean

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape) nats."""
        difference, constant = self._difference(output, target), 0.5 * math.log(2 * math.pi)
        if self.scale != "learnt":
            return difference.square() / (2 * self.scale**2) + (math.log(self.scale) + constant)
        log_scale = floored(output.chunk(2, 1)[1], math.log(self.least_scale))
        return 0.5 * difference.square() * (-2 * log_scale).exp() + log_scale + constant

    def parameters(self, output: Tensor) -> Tensor:
        """(N, *outputs) to all μ, then all 1 / σ (see `Distance.parameters`)."""
        mean = self.picture(output)
        if self.scale != "learnt":
            return torch.cat([mean, torch.full_like(mean, 1 / self.scale)], 1)
        return torch.cat([mean, (-floored(output.chunk(2, 1)[1], math.log(self.least_scale))).exp()], 1)

    def likely(self, parameters: Tensor) -> Tensor:
        """(N, 2 C, …) to (N, *shape): μ (see `Distance.likely`)."""
        return parameters.chunk(2, 1)[0]

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(N, 2 C, …), (N, *shape) to (N, *shape): Φ((x - μ) / σ) (see `Distance.cumulative`)."""
        mean, narrow = parameters.chunk(2, 1)
        return torch.special.ndtr((value - mean) * narrow)

    def _unscaled(self, scale: Tensor) -> Tensor:
        """The decoder's output for these σ, kept well above the lower bound, where the floor has a useful slope."""
        return unfloored(scale.clamp(min=2 * self.least_scale).log(), math.log(self.least_scale))

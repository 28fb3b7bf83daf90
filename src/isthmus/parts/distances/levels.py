"""Likelihoods of levels, such as a byte's 256: probabilities of the exact values, not densities."""

import math
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.bounds import floored, slowed, unfloored
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance, mean_of, variance_of, within_unit, words
from isthmus.parts.part import Shape

Levels = Annotated[int, Field(ge=2, le=65536)]
"""The number of evenly spaced values in 0..1 that the data take."""
LOG_SCALE_LIMIT = 5.0
"""Bound of the decoder's log scale; beyond it, the log scale grows logarithmically."""


class _Levels(Distance):
    """The common part of the likelihoods of levels."""

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True

    # narrower than the base's, which is sound because parts are frozen
    link: Literal["auto", "identity"] = "identity"  # pyright: ignore[reportIncompatibleVariableOverride]
    levels: Levels = 256

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance, after checking that the data lie in 0..1 (see `Distance.resolve`)."""
        if not within_unit(spec.range):
            raise BlueprintError(
                f"{self.kind} needs {self.levels} levels in 0..1, but these data are {words(spec.range)}. "
                "Give bytes, or use the distance 'gaussian'."
            )
        return self.replace(link="identity")

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError if scaled values lie between the levels."""
        steps = sample[~sample.isnan()].double() * (self.levels - 1)
        off = (steps - steps.round()).abs()
        if len(off) and float(off.max()) > 1e-3:
            worst = float(steps[off.argmax()]) / (self.levels - 1)
            raise BlueprintError(
                f"{self.kind} needs {self.levels} evenly spaced values in 0..1, but the data contain {worst:.4g}. "
                "Set their number (levels=), give bytes, or use the distance 'gaussian'."
            )

    def _unscaled(self, scale: Tensor) -> Tensor:
        """The decoder's output for these s, which are at least half a bin."""
        return unfloored(scale.clamp(min=0.5 / (self.levels - 1)).log(), self._least)

    @property
    def _least(self) -> float:
        """The lower bound of log s: an eighth of a bin's width."""
        return -math.log(8 * (self.levels - 1))


class DiscretisedLogistic(_Levels):
    r"""Negative log-probability of a level under a logistic distribution cut into bins, in nats, summed over numbers.

    :math:`P(x) = \sigma\!\big(\frac{x + h - \mu}{s}\big) - \sigma\!\big(\frac{x - h - \mu}{s}\big)` with half a bin
    :math:`h = \frac{1}{2 \cdot 255}`; the first bin reaches down to :math:`-\infty` and the last up to
    :math:`\infty`, so that all sum to 1. The decoder makes all μ, then all log s.

    The reconstruction is μ clipped to 0..1. If a bin is narrow compared with s, the probability is a density times the
    bin's width. Dividing the nats by log 2 and the count of numbers gives bits per dimension.

    Source: Kingma et al., Improved variational inference with inverse autoregressive flow, NeurIPS (2016); Salimans et
    al., PixelCNN++, ICLR (2017).
    """

    def outputs(self, shape: Shape) -> Shape:
        """Twice as many along the first dimension: places, then logarithms of scales."""
        return (2 * shape[0], *shape[1:])

    def picture(self, output: Tensor) -> Tensor:
        """(N, *outputs) to (N, *shape), μ within 0..1."""
        return output.chunk(2, 1)[0].clamp(0, 1)

    def output(self, picture: Tensor) -> Tensor:
        """(N, *shape) to (N, *outputs), with scales of 0.1 (of half a bin, where that is larger)."""
        return torch.cat([picture, self._unscaled(torch.full_like(picture, 0.1))], 1)

    def start(self, sample: Tensor) -> Tensor:
        """(n, *shape) to (1, *outputs), with scales s from the samples' variance, which is (πs)² / 3."""
        scale = variance_of(sample)[None].sqrt() * (math.sqrt(3) / math.pi)
        return torch.cat([mean_of(sample)[None], self._unscaled(scale)], 1)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape) nats."""
        self._check_shapes(output, target)
        place, scale = output.chunk(2, 1)
        narrow = (-floored(slowed(scale, LOG_SCALE_LIMIT), self._least)).exp()
        half = 0.5 / (self.levels - 1)
        return logistic_bin(target - place, half, narrow, target <= half, target >= 1 - half)

    def parameters(self, output: Tensor) -> Tensor:
        """(N, *outputs) to all μ, then all 1 / s (see `Distance.parameters`)."""
        place, scale = output.chunk(2, 1)
        return torch.cat([place, (-floored(slowed(scale, LOG_SCALE_LIMIT), self._least)).exp()], 1)

    def likely(self, parameters: Tensor) -> Tensor:
        """(N, 2 C, …) to (N, *shape): μ (see `Distance.likely`)."""
        return parameters.chunk(2, 1)[0]

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(N, 2 C, …), (N, *shape) to (N, *shape): σ((x - μ) / s) (see `Distance.cumulative`)."""
        place, narrow = parameters.chunk(2, 1)
        return torch.sigmoid((value - place) * narrow)


class Categorical(_Levels):
    r"""Negative log-probability of a level under a softmax for each number, in nats: :math:`-\log p_{x_i}`.

    It allows any distribution, but needs `levels` outputs per number: the first logits of all numbers, then the second
    ones, and so on. The reconstruction is the mean. Use 256 levels only for small pictures or convolutional networks.

    Source: van den Oord, Kalchbrenner & Kavukcuoglu, Pixel recurrent neural networks, ICML (2016).
    """

    def outputs(self, shape: Shape) -> Shape:
        """`levels` times as many along the first dimension."""
        return (self.levels * shape[0], *shape[1:])

    def picture(self, output: Tensor) -> Tensor:
        """(N, *outputs) to (N, *shape), the means."""
        logits = self._logits(output)
        values = torch.linspace(0, 1, self.levels, dtype=logits.dtype, device=logits.device)
        return logits.softmax(1).movedim(1, -1) @ values

    def output(self, picture: Tensor) -> Tensor:
        """(N, *shape) to (N, *outputs): a mixture of both end levels with this mean, and 1/50 over all levels."""
        high = ((picture.clamp(0.01, 0.99) - 0.01) / 0.98)[:, None]
        share = torch.full_like(high, 0.02 / self.levels).repeat(1, self.levels, *[1] * (picture.ndim - 1))
        share[:, :1] += 0.98 * (1 - high)
        share[:, -1:] += 0.98 * high
        return share.log().flatten(1, 2)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape) nats."""
        self._check_shapes(output, target)
        levels = (target * (self.levels - 1)).round().long().clamp(0, self.levels - 1)
        return F.cross_entropy(self._logits(output), levels, reduction="none")

    def parameters(self, output: Tensor) -> Tensor:
        """(N, *outputs) to the probabilities of at most each level (see `Distance.parameters`)."""
        return self._logits(output).softmax(1).cumsum(1).flatten(1, 2)

    def likely(self, parameters: Tensor) -> Tensor:
        """(N, levels · C, …) to (N, *shape): the medians (see `Distance.likely`)."""
        return (self._logits(parameters) < 0.5).sum(1).to(parameters.dtype) / (self.levels - 1)

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(N, levels · C, …), (N, *shape) to (N, *shape) (see `Distance.cumulative`)."""
        below = (value * (self.levels - 1)).floor().long()  # the highest level below the value
        at = self._logits(parameters).gather(1, below.clamp(0, self.levels - 1)[:, None])[:, 0]
        return torch.where(below >= self.levels - 1, 1.0, torch.where(below >= 0, at, 0.0 * at))

    def _logits(self, output: Tensor) -> Tensor:
        """(N, *outputs) as (N, levels, *shape)."""
        return output.unflatten(1, (self.levels, -1))


def logistic_bin(away: Tensor, half: float | Tensor, narrow: Tensor, first: Tensor, last: Tensor) -> Tensor:
    r"""The negative log-probability of a bin under a logistic, :math:`-\log(\sigma(b) - \sigma(a))`, in nats.

    It is exact far from the logistic's place too. All broadcast against each other.

    away: the bin's middle minus the logistic's place. half: half the bin's width. narrow: 1 / s.
    first, last: whether the bin reaches to minus infinity, or to infinity.
    """
    upper, lower = (away + half) * narrow, (away - half) * narrow
    # σ(b) - σ(a) = σ(b) σ(-a) (1 - exp(a - b)), of which an edge has one factor only
    nats = torch.where(last, 0, F.softplus(-upper)) + torch.where(first, 0, F.softplus(lower))
    return nats - torch.where(first | last, 0, torch.log(-torch.expm1(-2 * half * narrow)))

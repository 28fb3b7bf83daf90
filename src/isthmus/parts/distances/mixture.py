"""The likelihood of levels as a mixture: a few discretised logistics, and point masses at frequent levels."""

import math
from typing import Annotated, Literal, Self

import torch
from pydantic import AfterValidator, Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.bounds import floored, slowed
from isthmus.parts.constants import constant
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import mean_of, variance_of
from isthmus.parts.distances.levels import LOG_SCALE_LIMIT, Levels, _Levels, logistic_bin
from isthmus.parts.part import Shape

_ASIDE = 0.02
"""The share of the point masses, and of every other logistic but the first, in an output for a given picture."""
_NUMBERS = 2**20
"""Of how many numbers the frequent ones are counted."""


def _ascending(masses: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(masses)))


class LogisticMixture(_Levels):
    r"""Negative log-probability of a level under a mixture of discretised logistics and point masses, in nats.

    :math:`P(x) = \sum_{i=1}^{K} w_i \big[\sigma\!\big(\frac{x + h - \mu_i}{s_i}\big) -
    \sigma\!\big(\frac{x - h - \mu_i}{s_i}\big)\big] + \sum_{m \in M} v_m [x = m]`, in which the first bin reaches down
    to :math:`-\infty` and the last up to :math:`\infty` (`DiscretisedLogistic`). The weights are positive and sum to 1.
    The decoder makes the logits of all w and v, then all μ, then all log s.

    Choose it for bytes with several modes, such as the edges of digits, and for data in which some levels are much more
    frequent than their neighbours, such as 0 and 255. The reconstruction is the mean, with an error of at most half a
    level.

    components: K, the number of logistics.
    masses: the levels M that have a point mass, as whole numbers from 0 to levels - 1. "auto" is decided from the data:
        those that are much more frequent than their neighbours, at most 16.

    Source: Salimans et al., PixelCNN++, ICLR (2017), for the mixture; the point masses are those of a zero-inflated
    model, Lambert, Technometrics 34 (1992).
    """

    levels: Levels = 256
    components: Annotated[int, Field(ge=1, le=64)] = 3
    masses: Annotated[tuple[Annotated[int, Field(ge=0)], ...], AfterValidator(_ascending)] | Literal["auto"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance with `masses` decided from these facts about the data.

        Raises:
            BlueprintError: the data have no bounds, or a mass is not a level.
        """
        resolved = super().resolve(spec)
        if max(self._masses, default=0) >= self.levels:
            raise BlueprintError(
                f"{self.kind} has levels from 0 to {self.levels - 1}, but the point masses {self._masses}. "
                "Leave out those above, or raise levels."
            )
        if self.masses != "auto":
            return resolved
        places = [value * (self.levels - 1) for value in spec.frequent]
        return resolved.replace(masses=tuple(round(place) for place in places if abs(place - round(place)) < 1e-3))

    def outputs(self, shape: Shape) -> Shape:
        """3 K + M times as many along the first dimension: logits of the weights, places, logarithms of scales."""
        return ((3 * self.components + len(self._masses)) * shape[0], *shape[1:])

    def picture(self, output: Tensor) -> Tensor:
        """(N, *outputs) to (N, *shape), the means: that of a logistic cut off at 0 and 1 is an integral of σ."""
        logits, place, narrow = self._parts(output)
        weights = logits.softmax(1)
        # ∫ σ((μ - t) / s) dt over 0..1; the sum over bins is its midpoint rule
        means = (F.softplus(place * narrow) - F.softplus((place - 1) * narrow)) / narrow
        mean = (weights[:, : self.components] * means).sum(1)
        for number, level in enumerate(self._masses, start=self.components):
            mean = mean + weights[:, number] * (level / (self.levels - 1))
        return mean.clamp(0, 1)

    def output(self, picture: Tensor) -> Tensor:
        """(N, *shape) to (N, *outputs): the first logistic has nearly all the weight, and a scale of 0.1."""
        asides = self.components - 1 + len(self._masses)
        share = _ASIDE / asides if asides else 0.0
        fixed = share * sum(level / (self.levels - 1) for level in self._masses)
        scale = max(0.1, 0.5 / (self.levels - 1))
        logistics = 1 - share * len(self._masses)
        wanted = ((picture - fixed) / logistics).clamp(1e-4, 1 - 1e-4) / scale
        # the inverse of the mean: (1 + e^(μ/s)) / (1 + e^((μ-1)/s)) = e^(mean/s)
        place = scale * (torch.expm1(wanted).log() - (-torch.expm1(wanted - 1 / scale)).log())
        logits = torch.full_like(picture, math.log(share) if asides else 0.0)
        first = torch.full_like(picture, math.log(1 - share * asides))
        scales = self._unscaled(torch.full_like(picture, scale))
        count = self.components
        return torch.cat([first, *[logits] * asides, *[place] * count, *[scales] * count], 1)

    def start(self, sample: Tensor) -> Tensor:
        """(n, *shape) to (1, *outputs): the masses' shares, and logistics spread over the other numbers."""
        known = ~sample.isnan()
        steps = (sample * (self.levels - 1)).round()
        count = known.sum(0) + 1.0
        shares = [((steps == level).sum(0) + 0.5 / self.levels) / count for level in self._masses]
        rest = (1 - sum(shares, torch.zeros_like(count))).clamp(min=0.5 / self.levels)
        at_masses = sum(((steps == level) for level in self._masses), torch.zeros_like(known))
        others = torch.where(at_masses.bool(), torch.nan, sample)
        none = others.isnan().all(0)
        mean = torch.where(none, 0.5, mean_of(others))
        deviation = torch.where(none, 0.3, variance_of(others).sqrt())
        # a logistic's K quantiles in the middle of K equal shares; each part gets a narrower scale
        middles = (torch.arange(self.components) + 0.5) / self.components
        scale = deviation * (math.sqrt(3) / math.pi)
        places = [mean + scale * float(torch.logit(middle)) for middle in middles]
        logits = [*[(rest / self.components).log()] * self.components, *[share.log() for share in shares]]
        narrower = self._unscaled(scale / math.sqrt(self.components))
        return torch.cat([*logits, *places, *[narrower] * self.components], 0)[None].float()

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape) nats."""
        self._check_shapes(output, target)
        logits, place, narrow = self._parts(output)
        half, level = 0.5 / (self.levels - 1), (target * (self.levels - 1)).round()
        value = target[:, None]
        nats = logistic_bin(value - place, half, narrow, value <= half, value >= 1 - half)
        matched = torch.full_like(target, -torch.inf, dtype=output.dtype)  # a level has one point mass at most
        for number, mass in enumerate(self._masses, start=self.components):
            matched = torch.where(level == mass, logits[:, number], matched)
        return logits.logsumexp(1) - torch.logaddexp((logits[:, : self.components] - nats).logsumexp(1), matched)

    def parameters(self, output: Tensor) -> Tensor:
        """(N, *outputs) to (N, (3 K + M + 1) · C, …): w, sums of v, μ and 1 / s (see `Distance.parameters`).

        The sums are those of the first 0 to M point masses, so that `cumulative` looks one up.
        """
        logits, place, narrow = self._parts(output)
        weights, masses = logits.softmax(1).split([self.components, len(self._masses)], 1)
        sums = torch.cat([torch.zeros_like(weights[:, :1]), masses.cumsum(1)], 1)
        return torch.cat([weights, sums, place, narrow], 1).flatten(1, 2)

    def likely(self, parameters: Tensor) -> Tensor:
        """(N, (3 K + M + 1) · C, …) to (N, *shape): the place of the largest weight (see `Distance.likely`)."""
        weights, sums, place, _ = self._split(parameters)
        masses = (
            self._scaled_masses(parameters).view(-1, *[1] * (place.ndim - 2)).expand(len(place), -1, *place.shape[2:])
        )
        heaviest = torch.cat([weights, sums[:, 1:] - sums[:, :-1]], 1).argmax(1, keepdim=True)
        return torch.cat([place, masses], 1).gather(1, heaviest)[:, 0]

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(N, (3 K + M + 1) · C, …), (N, *shape) to (N, *shape) (see `Distance.cumulative`)."""
        weights, sums, place, narrow = self._split(parameters)
        below = (weights * torch.sigmoid((value[:, None] - place) * narrow)).sum(1)
        if not self._masses:
            return below
        count = (value[..., None] > self._scaled_masses(value)).sum(-1)[:, None]
        return below + sums.gather(1, count)[:, 0]

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The `parameters` as (N, K, *shape) w, (N, M + 1, *shape) sums, (N, K, *shape) μ and 1 / s."""
        count = self.components
        sizes = [count, len(self._masses) + 1, count, count]
        weights, sums, place, narrow = parameters.unflatten(1, (sum(sizes), -1)).split(sizes, 1)
        return weights, sums, place, narrow

    def _scaled_masses(self, like: Tensor) -> Tensor:
        """(M,) the values with a point mass."""
        return constant(self._masses, like) / (self.levels - 1)

    def _parts(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, *outputs) to the weights' logits (N, K + M, *shape), μ and 1 / s (N, K, *shape)."""
        parts = output.unflatten(1, (3 * self.components + len(self._masses), -1))
        weights, place, scale = parts.split(
            [self.components + len(self._masses), self.components, self.components], dim=1
        )
        narrow = (-floored(slowed(scale, LOG_SCALE_LIMIT), self._least)).exp()
        return weights, place, narrow

    @property
    def _masses(self) -> tuple[int, ...]:
        """The levels with a point mass; none if they aren't decided yet."""
        return () if self.masses == "auto" else self.masses


def frequent(sample: Tensor, most: int = 16) -> tuple[float, ...]:
    """The values of scaled samples that are much more frequent than their neighbours, at most `most`, in order.

    A value counts if it has a two-thousandth of all numbers, and 1.4 times the median of the eight values on either
    side. NaN is ignored. Samples with more than 4,096 different values have none.
    """
    numbers = sample.flatten()
    numbers = numbers[:: max(1, len(numbers) // _NUMBERS) | 1]  # an odd step, to meet all of a picture's columns
    values, counts = numbers[~numbers.isnan()].unique(return_counts=True)
    if not 3 <= len(values) <= 4096:
        return ()
    counts = counts.double()
    around = F.pad(counts[None], (8, 8), value=torch.nan)[0].unfold(0, 17, 1).nanmedian(1).values
    usual = counts / around
    chosen = ((usual >= 1.4) & (counts >= max(counts.sum() / 2000, 50))).nonzero()[:, 0]
    chosen = chosen[usual[chosen].argsort(descending=True)[:most]].sort().values
    return tuple(values[chosen].tolist())

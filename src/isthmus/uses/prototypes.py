"""Prototypes: the distance of a sample from the nearest of a few training samples, over many random draws of these."""

import math

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.errors import UseError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.networks.packing import transformed

MEMBERS, SIZE = 200, 8
"""Random sets of training samples, and samples in each."""
CLEAN_MEMBERS, CLEAN_SIZE = 50, 256
"""The same for training data without anomalies."""
MOST_NUMBERS = 2**24
"""Numbers that the samples of all sets have at most."""
MOST_ROWS = 5000
"""Training samples from which the ranges of columns are computed, spread over the part; fewer of wide ones."""
TAIL = 0.05
"""The share of a column's values on either side that its range leaves out."""
LEAST_RANGE = 0.1
"""A range that is a smaller share of the standard deviation is that of a column with few different values."""
NORMAL = 2 * 1.6448536269514722
"""That range of a normal distribution in standard deviations."""
ROUNDING = 1e-12
"""A squared distance that is no larger, as a share of the sample's own square, is 0: only rounding is left of it."""
BATCH, ROWS = 1024, 128
"""Samples that the floor is learnt from, and rows whose distances are computed at a time, to stay in the cache."""
PERMUTED = 10**5
"""Of more training samples, a draw may contain one twice."""


class Numbers:
    """A model's samples as numbers that can be compared: (N, D) in float64 on the CPU, NaN where one is missing.

    A category becomes a number for each of its levels, so that two different ones are as far apart as two numbers that
    differ by one standard deviation. The numbers of tables count in units of a standard deviation, computed from the
    range between the 5th and the 95th percentile of the training samples, so that a few extreme values don't hide
    others.

    Raises:
        UseError: the samples are tokens.
    """

    def __init__(self, model: Autoencoder, train: Samples) -> None:
        if train.kind == "tokens":
            raise UseError("This score needs numbers that can be compared one by one, not tokens. Choose by='error'.")
        self.scaling = model.scaling
        self.unit = torch.ones(1, dtype=torch.float64)
        self.width = self(train.batch(torch.arange(1))).shape[1]
        if train.kind == "table":
            levels = model.scaling.levels or [0] * self.width
            numbers = torch.cat([torch.full((max(1, count),), count == 0) for count in levels])
            self.unit = _unit(self(train.some(most_rows(self.width)).tensor()), numbers)

    def __call__(self, raw: Tensor) -> Tensor:
        """(N, D) numbers of (N, *shape) raw samples."""
        scaled = self.scaling(raw).cpu().double().flatten(1)
        if not any(self.scaling.levels):
            return scaled / self.unit
        columns = []
        for place, count in enumerate(self.scaling.levels):
            own = scaled[:, place, None]
            if count:
                hot = (own == torch.arange(count)).double() / math.sqrt(2)
                own = torch.where(own.isnan(), torch.nan, hot)
            columns.append(own)
        return torch.cat(columns, 1) / self.unit


class Prototypes:
    """Sets of random training samples; each reconstructs a sample as the nearest of its own.

    Half of the sets see half of the numbers of a sample. Anomalies that resemble each other are rare among so few
    samples, so they don't hide each other, as they do in a model of all training samples. Without anomalies in the
    training data (`clean`), there are fewer and larger sets, which follow finer structure.

    numbers: what is compared. reference: samples whose usual distances give the least ones that count.

    Source: Pang et al., LeSiNN: Detecting anomalies by identifying least similar nearest neighbours, ICDM (2015).
    """

    def __init__(self, numbers: Numbers, train: Samples, reference: Samples, *, clean: bool = False) -> None:
        self.numbers, width = numbers, numbers.width
        members, size = (CLEAN_MEMBERS, CLEAN_SIZE) if clean else (MEMBERS, SIZE)
        self.size = max(1, min(size, len(train) // 2))
        members = max(2, min(members, MOST_NUMBERS // (self.size * width)))
        generator = torch.Generator().manual_seed(0)
        drawn = torch.cat([_draw(len(train), self.size, generator) for _ in range(members)])
        values = numbers(train.batch(drawn))
        self.seen = torch.ones(members, width, dtype=torch.float64)
        for member in range(1, members, 2):
            self.seen[member, torch.randperm(width, generator=generator)[: width // 2]] = 0
        self.weights = self.seen.repeat_interleave(self.size, 0) * ~values.isnan()
        self.whole = not bool(values.isnan().any())
        self.values = values.nan_to_num(0.0) * self.weights
        self.squares = self.values.square()
        usual = torch.cat([self.distances(raw) for raw, _ in reference.some(BATCH).labelled(BATCH)])
        self.floor = 1e-3 * usual.nanmedian(0).values.nan_to_num(0.0) + 1e-12
        """(members,): a sample may be one of the prototypes itself, and its distance is then 0."""

    def __call__(self, raw: Tensor) -> Tensor:
        """(N,) float64: the mean logarithm of the root mean squared distance of (N, *shape) raw samples."""
        return 0.5 * (self.distances(raw) + self.floor).log().mean(1)

    def distances(self, raw: Tensor) -> Tensor:
        """(N, members) mean squared differences from the nearest sample of each member, over the known numbers."""
        given = self.numbers(raw)
        return self._distances(given) if transformed() else torch.cat(list(map(self._distances, given.split(ROWS))))

    def _distances(self, given: Tensor) -> Tensor:
        """The same of (n, D) numbers; for the samples of a member, only what differs between them is computed."""
        known = ~given.isnan()
        given = given.nan_to_num(0.0)
        if self.whole and not transformed() and bool(known.all()):
            sizes = given.square() @ self.seen.T
            apart = torch.addmm(self.squares.sum(1), given, self.values.T, alpha=-2)
            apart = apart.view(len(given), -1, self.size).amin(2) + sizes
            return torch.where(apart > ROUNDING * sizes, apart, 0.0) / self.seen.sum(1).clamp(min=1)
        there = known.double()
        sizes = given.square() @ self.weights.T
        apart = torch.addmm(sizes, given, self.values.T, alpha=-2) + there @ self.squares.T
        apart = torch.where(apart > ROUNDING * sizes, apart, 0.0) / (there @ self.weights.T).clamp(min=1)
        return apart.view(given.shape[0], -1, self.size).amin(2)  # the number of samples may be a symbol


def _draw(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(size,) random places of `count`."""
    if count > PERMUTED:
        return torch.randint(count, (size,), generator=generator)
    return torch.randperm(count, generator=generator)[:size]


def most_rows(width: int) -> int:
    """How many samples with so many numbers describe the training part."""
    return max(2, min(MOST_ROWS, MOST_NUMBERS // width))


def _unit(values: Tensor, numbers: Tensor) -> Tensor:
    """(D,) the standard deviation of each column, computed from its range without the tails; 1 for categories."""
    low, high = (values.nanquantile(share, 0) for share in (TAIL, 1 - TAIL))
    mean = values.nanmean(0)
    whole = (values - mean).square().nanmean(0).sqrt()
    unit = (high - low) / NORMAL
    unit = torch.where(unit > LEAST_RANGE * whole, unit, whole).nan_to_num(1.0)
    return torch.where(numbers & (unit > 0), unit, 1.0)

"""Principal components in a given number of bits: the rival of quantised codes."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.pca import PCA

DEEPEST = 8
"""Bits of one coefficient, at most."""
LEARNT_FROM = 2**14
"""Samples that the levels are learnt from, at most."""
ROUNDS = 100
"""Of Lloyd's algorithm, at most."""


@dataclass(frozen=True, eq=False)
class QuantisedPCA(PCA):
    r"""Principal components whose coefficients are rounded to a few levels each: a transform code.

    The coefficient of component i takes one of :math:`2^{b_i}` levels, so that a sample is :math:`\sum_i b_i` bits. No
    index is shorter than another, as in the quantised codes that it is compared with.

    levels: for each component its levels, rising, float64; a component without bits has one, its mean.

    Source: Huang & Schultheiss, Block quantization of correlated Gaussian random variables (1963); Gersho & Gray,
    Vector quantization and signal compression (1992), chapter 8.
    """

    levels: tuple[Tensor, ...]

    @property
    def bits(self) -> int:
        """That a sample takes."""
        return sum(len(levels).bit_length() - 1 for levels in self.levels)

    def to_tensors(self) -> dict[str, Tensor]:
        """As `PCA.to_tensors`, with the levels one component after the other."""
        counts = torch.tensor([len(levels) for levels in self.levels])
        return super().to_tensors() | {"level_counts": counts, "levels": torch.cat(self.levels)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> PCA:
        """What `to_tensors` gave, be it of quantised components or of others.

        Raises:
            DataError: as `PCA.from_tensors`.
        """
        plain = PCA.from_tensors(tensors)
        if "level_counts" not in tensors:
            return plain
        levels = tensors["levels"].to(torch.float64).split(tensors["level_counts"].tolist())
        return cls(plain.mean, plain.components, plain.variances, plain.total_variance, tuple(levels))

    def _project(self, scaled: Tensor) -> Tensor:
        exact = super()._project(scaled).T.contiguous()
        return torch.stack([_rounded(own, levels) for own, levels in zip(exact, self.levels, strict=True)], 1)


def quantise(pca: PCA, samples: Samples, scaling: Scaling, bits: int) -> QuantisedPCA:
    """The principal components with so many bits for a sample, where they take off the most error.

    One after the other, each bit goes to the component whose squared error it lowers most: reverse water-filling
    (Cover & Thomas, Elements of information theory, chapter 10) with whole bits. The levels are the best for the
    training part's own coefficients, whatever their distribution (Lloyd, Least squares quantization in PCM, 1982; from
    split levels on, Linde, Buzo & Gray, 1980).

    samples: of the training part; 16,384 of them, evenly spread, are enough. bits: a component has 8 at most, so very
        many may not all be used.
    """
    some = samples.some(LEARNT_FROM)
    with torch.no_grad():
        scaled = (scaling(raw) for raw in some.batches(1024))
        exact = torch.cat([pca.encode(rows).cpu() for rows in scaled]).double().T.contiguous()
    books = [_Levels(own) for own in exact]
    # a component's first bit, or next one, by what it takes off; the largest gain is drawn first
    gains = [(-book.gain, place) for place, book in enumerate(books)]
    heapq.heapify(gains)
    for _ in range(bits):
        gain, place = gains[0]
        if gain >= 0:
            break
        books[place].deepen()
        heapq.heapreplace(gains, (-books[place].gain, place))
    levels = tuple(book.levels for book in books)
    return QuantisedPCA(pca.mean, pca.components, pca.variances, pca.total_variance, levels)


class _Levels:
    """The best levels for (N,) coefficients with so many bits, and what one bit more would gain."""

    def __init__(self, coefficients: Tensor) -> None:
        self.ordered = coefficients.sort().values
        self.sums = torch.cat([self.ordered.new_zeros(1), self.ordered.cumsum(0)])
        self.levels = self._means(torch.tensor([0, len(self.ordered)]), coefficients.new_zeros(1))
        self._look_ahead()

    def deepen(self) -> None:
        """One bit more."""
        self.levels = self.next
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Split each level in two, and settle them by Lloyd's algorithm: started so, it ends near the best levels."""
        if len(self.levels) == 2**DEEPEST:
            self.gain = 0.0
            return
        ends, middles = self._ends(self.levels), torch.searchsorted(self.ordered, self.levels)
        halves = torch.cat([torch.stack([ends[:-1], middles], 1).flatten(), ends[-1:]])
        self.next = self._means(halves, self.levels.repeat_interleave(2))
        for _ in range(ROUNDS):
            before, self.next = self.next, self._means(self._ends(self.next), self.next)
            if torch.equal(before, self.next):
                break
        self.gain = self._error(self.levels) - self._error(self.next)

    def _ends(self, levels: Tensor) -> Tensor:
        """(K + 1,) where the stretches of the ordered coefficients end that are nearest to each of (K,) levels."""
        inner = torch.searchsorted(self.ordered, (levels[1:] + levels[:-1]) / 2)
        return torch.cat([inner.new_zeros(1), inner, inner.new_full((1,), len(self.ordered))])

    def _means(self, ends: Tensor, empty: Tensor) -> Tensor:
        """(K,) the mean of each stretch; of one that is empty, the number given for it."""
        counts = ends.diff()
        return torch.where(counts > 0, self.sums[ends].diff() / counts.clamp(min=1), empty)

    def _error(self, levels: Tensor) -> float:
        return float((self.ordered - _rounded(self.ordered, levels)).square().mean())


def _rounded(coefficients: Tensor, levels: Tensor) -> Tensor:
    """(N,) each coefficient's nearest level."""
    return levels[torch.bucketize(coefficients, (levels[1:] + levels[:-1]) / 2)]

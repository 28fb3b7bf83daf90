"""Principal components in a given number of bits: the baseline for quantised codes."""

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
"""The most bits of one coefficient."""
LEARNT_FROM = 2**14
"""The most samples to learn the levels from."""
ROUNDS = 100
"""The most rounds of Lloyd's algorithm."""


@dataclass(frozen=True, eq=False, repr=False)
class QuantisedPCA(PCA):
    r"""Principal components whose coefficients are rounded to a few levels each: a transform code.

    The coefficient of component i has one of :math:`2^{b_i}` levels, so a sample takes :math:`\sum_i b_i` bits. The
    indices of a component have equal length, as in the quantised codes that it is compared with.

    levels: for each component its levels, ascending, float64; a component without bits has one level, its mean.

    Source: Huang & Schultheiss, Block quantization of correlated Gaussian random variables (1963); Gersho & Gray,
    Vector quantization and signal compression (1992), chapter 8.
    """

    levels: tuple[Tensor, ...]

    @property
    def bits(self) -> int:
        """The bits of a sample."""
        return sum(len(levels).bit_length() - 1 for levels in self.levels)

    def to_tensors(self) -> dict[str, Tensor]:
        """Like `PCA.to_tensors`, with the levels one component after the other."""
        counts = torch.tensor([len(levels) for levels in self.levels])
        return super().to_tensors() | {"level_counts": counts, "levels": torch.cat(self.levels)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> PCA:
        """The PCA from the tensors of `to_tensors`, quantised or not.

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
    """The principal components with this many bits per sample, allocated to reduce the error most.

    One after the other, each bit goes to the component whose squared error it reduces most: reverse water-filling
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
    # each component's next bit, by its reduction of the error; the largest gain comes first
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
    """The best levels for (N,) coefficients, and the gain of one more bit."""

    def __init__(self, coefficients: Tensor) -> None:
        self.ordered = coefficients.sort().values
        self.sums = torch.cat([self.ordered.new_zeros(1), self.ordered.cumsum(0)])
        self.levels = self._means(torch.tensor([0, len(self.ordered)]), coefficients.new_zeros(1))
        self._look_ahead()

    def deepen(self) -> None:
        """Add one bit."""
        self.levels = self.next
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Split each level in two and optimise them by Lloyd's algorithm; this start leads near the best levels."""
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
        """(K + 1,) the ends of the intervals of ordered coefficients that are nearest to each of (K,) levels."""
        inner = torch.searchsorted(self.ordered, (levels[1:] + levels[:-1]) / 2)
        return torch.cat([inner.new_zeros(1), inner, inner.new_full((1,), len(self.ordered))])

    def _means(self, ends: Tensor, empty: Tensor) -> Tensor:
        """(K,) the mean of each interval; for an empty one, its number in `empty`."""
        counts = ends.diff()
        return torch.where(counts > 0, self.sums[ends].diff() / counts.clamp(min=1), empty)

    def _error(self, levels: Tensor) -> float:
        return float((self.ordered - _rounded(self.ordered, levels)).square().mean())


def _rounded(coefficients: Tensor, levels: Tensor) -> Tensor:
    """(N,) each coefficient's nearest level."""
    return levels[torch.bucketize(coefficients, (levels[1:] + levels[:-1]) / 2)]

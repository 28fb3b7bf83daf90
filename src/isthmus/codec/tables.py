"""Tables of probabilities, learnt from symbols and stored in a few bytes each."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from isthmus.codec.packing import DamagedError, Reader, numbers
from isthmus.codec.stack import Stack, Tabled

FINE = 8
"""Steps of a stored probability for each factor of two."""
MOST = 2**17
"""The most different symbols of a table."""
MOST_IN_ALL = 2**24
"""The most of all tables together; a hostile file could ask for more memory than there is."""


@dataclass(frozen=True)
class Tables:
    """The distributions of symbols (N, S) with one table for each place of a sample, or for several places.

    weights: for each table, the logarithms of its symbols' frequencies in steps of 1/`FINE`; 0 for a symbol that
    doesn't occur. low: (tables,) the least symbol of each. of: (S,) the table of each place.
    """

    weights: tuple[np.ndarray, ...]
    low: np.ndarray
    of: np.ndarray

    @classmethod
    def learn(cls, symbols: np.ndarray, of: np.ndarray) -> Self:
        """From (N, S) symbols."""
        weights, low = [], []
        for table in range(int(of.max(initial=-1)) + 1):
            own = symbols[:, of == table].ravel()
            least = int(own.min(initial=0)) if len(own) == 0 else int(own.min())
            counts = np.bincount(own - least, minlength=2)
            with np.errstate(divide="ignore"):
                steps = np.round(FINE * np.log2(counts / max(1, counts.max()))) + 255
            weights.append(np.where(counts > 0, np.clip(steps, 1, 255), 0).astype(np.uint8))
            low.append(least)
        return cls(tuple(weights), np.array(low, np.int64), of)

    def push(self, stack: Stack, symbols: np.ndarray) -> None:
        """Push (N, S) symbols."""
        rows = torch.from_numpy((symbols - self.low[self.of]).ravel())
        stack.push(rows, self._distribution(len(symbols)))

    def pop(self, stack: Stack, count: int) -> np.ndarray:
        """(count, S) symbols."""
        return stack.pop(self._distribution(count)).numpy().reshape(count, len(self.of)) + self.low[self.of]

    def bits(self, symbols: np.ndarray) -> float:
        """What these (N, S) symbols cost, about."""
        total = 0.0
        for table, probabilities in enumerate(self._probabilities()):
            own = symbols[:, self.of == table].ravel() - self.low[table]
            counts = np.bincount(own[(own >= 0) & (own < len(probabilities))], minlength=len(probabilities))
            total -= float((counts * np.log2(probabilities)).sum())
        return total

    def pack(self) -> bytes:
        """As bytes."""
        sizes = [len(own) for own in self.weights]
        return numbers(self.low) + numbers(sizes) + numbers(np.concatenate([*self.weights, np.zeros(0, np.uint8)]))

    @classmethod
    def unpack(cls, reader: Reader, of: np.ndarray) -> Self:
        """The inverse of `pack`."""
        count = int(of.max(initial=-1)) + 1
        low, sizes = reader.numbers(count), reader.numbers(count)
        if (
            len(low) != count
            or len(sizes) != count
            or (sizes < 2).any()
            or (sizes > MOST).any()
            or sizes.sum() > MOST_IN_ALL
        ):
            raise DamagedError("its tables don't fit the model")
        flat = reader.numbers(int(sizes.sum()))
        if len(flat) != sizes.sum() or (flat < 0).any() or (flat > 255).any():
            raise DamagedError("its tables are incomplete")
        return cls(tuple(own.astype(np.uint8) for own in np.split(flat, np.cumsum(sizes)[:-1])), low, of)

    def _distribution(self, count: int) -> Tabled:
        return Tabled(self._probabilities(), np.tile(self.of, count))

    def _probabilities(self) -> list[np.ndarray]:
        made = []
        for own in self.weights:
            whole = _POWERS[own]
            made.append(whole / whole.sum())
        return made


def _root(power: int) -> int:
    """2^(power / 8), rounded down, in whole numbers."""
    return math.isqrt(math.isqrt(math.isqrt(1 << power)))


_POWERS = np.array([1, *(_root(steps + 1) for steps in range(1, 256))], np.float64)
"""The frequency of each stored logarithm; the most frequent symbol's is 2³²."""


def each_place(shape: tuple[int, ...], most: int = 2**10) -> np.ndarray:
    """(S,) a table for each number of a code of this shape; for large codes, one for each channel."""
    count = math.prod(shape)
    if count <= most or len(shape) == 1:
        return np.arange(count)
    return np.repeat(np.arange(shape[0]), count // shape[0])


def as_numpy(symbols: Tensor) -> np.ndarray:
    """(N, …) to (N, S) int64."""
    return symbols.flatten(1).cpu().numpy().astype(np.int64)

"""Moments: minimum, maximum, mean and standard deviation of samples' known values, streamed in float64."""

import numpy as np


class Moments:
    """Bounds and moments of what was added, of each column of tables, each channel of series, or all together.

    low, high, mean, deviation: `(columns,)` for tables, `(channels, 1)` for series, `()` for others; low is infinite
        where no value is known. NaN is ignored.
    shape: of one sample. centred: whether sums are taken about the first values, so that a large mean costs no digits.

    Source: Chan, Golub & LeVeque, Algorithms for computing the sample variance, The American Statistician 37 (1983).
    """

    def __init__(self, kind: str, shape: tuple[int, ...], *, centred: bool = False) -> None:
        self._axes, self._shape = {
            "table": ((0,), shape),
            "series": ((0, 2), (*shape[:1], 1)),
        }.get(kind, (None, ()))
        self.low, self.high = np.full(self._shape, np.inf), np.full(self._shape, -np.inf)
        self._mean, self._squares, self._count = (np.zeros(self._shape) for _ in range(3))
        self._centre = np.zeros(self._shape) if centred else None

    def add(self, values: np.ndarray) -> None:
        """Add `(n, *shape)` float64 values."""
        axes, shape = self._axes, self._shape
        known = ~np.isnan(values)
        new = known.sum(axes).reshape(shape)
        self.bound(values)
        if self._centre is not None:
            self._centre = np.where((self._count == 0) & np.isfinite(self.low), self.low, self._centre)
            values = values - self._centre
        mean = values.sum(axes, where=known).reshape(shape) / np.maximum(new, 1)
        apart = np.square(values - mean).sum(axes, where=known).reshape(shape)
        total = np.maximum(self._count + new, 1)
        self._squares = self._squares + apart + np.square(mean - self._mean) * self._count * new / total
        self._mean = self._mean + (mean - self._mean) * new / total
        self._count = self._count + new

    def bound(self, values: np.ndarray) -> None:
        """Take `(n, *shape)` values for the bounds alone."""
        known = ~np.isnan(values)
        low, high = (
            values.min(self._axes, where=known, initial=np.inf),
            values.max(self._axes, where=known, initial=-np.inf),
        )
        self.low = np.minimum(self.low, low.reshape(self._shape))
        self.high = np.maximum(self.high, high.reshape(self._shape))

    @property
    def largest(self) -> np.ndarray:
        """The largest magnitude; infinite where no value is known."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def mean(self) -> np.ndarray:
        """The mean; 0 where no value is known."""
        return self._mean if self._centre is None else self._mean + self._centre

    @property
    def deviation(self) -> np.ndarray:
        """The standard deviation, over N."""
        return np.sqrt(self._squares / np.maximum(self._count, 1))

"""The grid of values that samples take: raw numbers to whole numbers from 0, and back."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.errors import UseError

DECIMALS = 6
"""The most decimals that are looked for."""
MOST_EXACT = 2**24
"""Whole numbers up to this one are exact in float32, the type of samples."""
MOST_DECIMAL = 2**20
"""Decimal numbers of at most this many steps are told apart from numbers that only lie near a decimal."""
NUMBERS = 2**22
"""Numbers that are looked at together."""


@dataclass(frozen=True)
class Grid:
    """For each number of a sample: a raw value is `low` + `step` · k with a whole number k from 0 to `count` - 1.

    low, step: float64; count: int64; each (D,), or (1,) if all numbers are alike. A step is 1 / `steps` of a unit if
    that is a whole number, so that decimals come back exactly.
    """

    low: np.ndarray
    step: np.ndarray
    count: np.ndarray

    @classmethod
    def natural(cls, samples: Samples) -> Self:
        """The grid on which all the numbers lie: bytes, whole numbers, or decimals; one for each column of a table.

        Raises:
            UseError: the numbers of a column lie on no grid of up to `DECIMALS` decimals.
        """
        if samples.dtype == "uint8":
            return cls(np.zeros(1), np.ones(1), np.full(1, 256))
        each = samples.kind == "table"
        found = _Found(samples.shape[0] if each else 1)
        for batch in samples.batches(max(1, NUMBERS // max(1, int(np.prod(samples.shape))))):
            found.see(batch.double().flatten(1) if each else batch.double().reshape(-1, 1))
        return cls(*found.grid(samples.columns if each else ()))

    @classmethod
    def within(cls, samples: Samples, error: float) -> Self:
        """The coarsest grid with a value within `error` of every number."""
        low, high = np.inf, -np.inf
        for batch in samples.batches(max(1, NUMBERS // max(1, int(np.prod(samples.shape))))):
            known = batch[~batch.isnan()] if batch.is_floating_point() else batch
            if known.numel():
                low, high = min(low, float(known.min())), max(high, float(known.max()))
        low, high = (low, high) if low <= high else (0.0, 0.0)
        # the sample is stored as float32, which may round away from the middle of the step
        slack = float(np.spacing(np.float32(max(abs(low), abs(high)))))
        step = 2 * (error - slack)
        if not step > 0 or (high - low) / step > 2**40:
            raise UseError(
                f"An error of at most {error:g} is finer than float32 stores numbers up to {max(abs(low), abs(high)):g}. "
                f"Use a max_error of {4 * slack:.1g} or more."
            )
        count = int(np.ceil((high - low) / step)) + 1
        return cls(np.full(1, low), np.full(1, step), np.full(1, count))

    def levels(self, raw: Tensor) -> Tensor:
        """(N, D) raw numbers to (N, D) whole numbers; a missing number becomes 0."""
        low, step, count = self._tensors()
        return ((raw.double() - low) / step).round().nan_to_num(0).long().clamp(min=0).minimum(count - 1)

    def raw(self, levels: Tensor) -> Tensor:
        """The inverse of `levels`, float64."""
        low, step, _ = self._tensors()
        inverse = (1 / step).round()
        exact = (levels + (low * inverse).round()) / inverse
        decimal = ((1 / inverse - step).abs() < 1e-12 * step) & ((low * inverse).round() / inverse == low)
        return torch.where(decimal, exact, low + step * levels)

    def to_json(self) -> dict[str, Any]:
        """All three, as lists."""
        return {"low": self.low.tolist(), "step": self.step.tolist(), "count": self.count.tolist()}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        low, step = (np.asarray(told[name], np.float64) for name in ("low", "step"))
        return cls(low, step, np.asarray(told["count"], np.int64))

    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return torch.from_numpy(self.low), torch.from_numpy(self.step), torch.from_numpy(self.count)


class _Found:
    """What has been seen of the columns: bounds, and the decimals that are still possible."""

    def __init__(self, columns: int) -> None:
        self.low, self.high = np.full(columns, np.inf), np.full(columns, -np.inf)
        self.possible = np.ones((DECIMALS + 1, columns), bool)

    def see(self, raw: Tensor) -> None:
        """Take (N, D) numbers."""
        values = raw.numpy()
        known = ~np.isnan(values)
        self.low = np.minimum(self.low, np.where(known, values, np.inf).min(0, initial=np.inf))
        self.high = np.maximum(self.high, np.where(known, values, -np.inf).max(0, initial=-np.inf))
        values = np.where(known, values, 0.0)
        for decimals in range(DECIMALS + 1):
            left = np.flatnonzero(self.possible[decimals])
            steps = values[:, left] * 10.0**decimals
            nearest = np.round(steps)
            if decimals == 0:
                on = (steps == nearest) & (np.abs(steps) <= MOST_EXACT)
            else:  # the same float32 as the decimal number
                same = (nearest / 10.0**decimals).astype(np.float32) == values[:, left].astype(np.float32)
                on = same & (np.abs(steps) <= MOST_DECIMAL)
            self.possible[decimals, left] = on.all(0)

    def grid(self, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """low, step and count."""
        none = ~self.possible.any(0)
        if none.any():
            place = int(np.flatnonzero(none)[0])
            called = f"column {names[place]!r}" if names else f"column {place}" if len(none) > 1 else "the samples"
            raise UseError(
                f"Lossless coding needs whole numbers up to {MOST_EXACT:,} or decimals, but {called} contains numbers "
                f"with more than {DECIMALS} digits. Round them, or give the largest error that you allow (max_error=)."
            )
        decimals = self.possible.argmax(0)
        low, high = (np.where(np.isfinite(bound), bound, 0.0) for bound in (self.low, self.high))
        steps = 10.0**decimals
        low = np.round(low * steps) / steps
        return low, 1 / steps, (np.round((high - low) * steps) + 1).astype(np.int64)

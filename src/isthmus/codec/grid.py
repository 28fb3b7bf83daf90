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
MOST_EXACT = {"float32": 2**24, "float64": 2**53}
"""Whole numbers up to this one are exact in this type of samples."""
MOST_VALUES = 2**40
"""The most values of a grid."""
FEW = 64
"""Bytes that take at most so many values are coded as these values."""
MOST_DECIMAL = {"float32": 2**20, "float64": 2**49}
"""Beyond so many steps, a decimal can't be distinguished from a number of this type that only lies near one."""
NUMBERS = 2**22
"""Numbers that are looked at together."""


@dataclass(frozen=True)
class Grid:
    """For each number of a sample: a raw value is `low` + `step` · k with a whole number k from 0 to `count` - 1.

    low, step: float64; count: int64; each (D,), or (1,) if all numbers are alike. Decimals come back exactly.
    values: (K,) instead, in ascending order, if all numbers take few values.
    """

    low: np.ndarray
    step: np.ndarray
    count: np.ndarray
    values: np.ndarray | None = None

    @classmethod
    def natural(cls, samples: Samples) -> Self:
        """The grid on which all the numbers lie: bytes, whole numbers, or decimals; one for each column of a table.

        Raises:
            UseError: the numbers of a column lie on no grid of up to `DECIMALS` decimals.
        """
        if samples.dtype == "uint8":
            return cls._of_bytes(samples)
        each = samples.kind == "table"
        found = _Found(samples.shape[0] if each else 1, samples.dtype)
        for batch in samples.batches(max(1, NUMBERS // max(1, int(np.prod(samples.shape))))):
            found.see(batch.double().flatten(1) if each else batch.double().reshape(-1, 1))
        return cls(*found.grid(samples.columns if each else ()))

    @classmethod
    def within(cls, samples: Samples, error: float) -> Self:
        """The coarsest grid with a value within `error` of every number.

        Raises:
            UseError: the error is smaller than the type's own.
        """
        if samples.dtype == "uint8":
            natural, step = cls._of_bytes(samples), 2 * int(error) + 1
            coarse = cls(np.zeros(1), np.full(1, float(step)), np.full(1, 255 // step + 2))
            return natural if int(natural.count[0]) <= int(coarse.count[0]) else coarse
        low, high = np.inf, -np.inf
        for batch in samples.batches(max(1, NUMBERS // max(1, int(np.prod(samples.shape))))):
            known = batch[~batch.isnan()] if batch.is_floating_point() else batch
            if known.numel():
                low, high = min(low, float(known.min())), max(high, float(known.max()))
        low, high = (low, high) if low <= high else (0.0, 0.0)
        # the sample is stored in its type, which may round away from the middle of the step
        slack = float(np.spacing(np.dtype(samples.dtype).type(max(abs(low), abs(high)))))
        step = 2 * (error - slack)
        if not step > 0 or (high - low) / step > MOST_VALUES:
            raise UseError(
                f"A max_error of {error:g} is finer than {samples.dtype}, in which these numbers are stored. "
                f"Use {4 * slack:.1g} or more."
            )
        count = int(np.ceil((high - low) / step)) + 1
        return cls(np.full(1, low), np.full(1, step), np.full(1, count))

    @classmethod
    def _of_bytes(cls, samples: Samples) -> Self:
        used = np.zeros(256, bool)
        for batch in samples.batches(max(1, NUMBERS // max(1, int(np.prod(samples.shape))))):
            used |= np.bincount(batch.numpy().ravel(), minlength=256) > 0
        values = np.flatnonzero(used).astype(np.float64)
        if 2 <= len(values) <= FEW:
            return cls(values[:1], np.ones(1), np.full(1, len(values)), values)
        return cls(np.zeros(1), np.ones(1), np.full(1, 256))

    def levels(self, raw: Tensor) -> Tensor:
        """(N, D) raw numbers to (N, D) whole numbers; a missing number becomes 0."""
        position = self.position(raw.double()).nan_to_num(0)
        return position.round().long().clamp(min=0).minimum(torch.from_numpy(self.count) - 1)

    def raw(self, levels: Tensor) -> Tensor:
        """The inverse of `levels`, float64."""
        if self.values is not None:
            return torch.from_numpy(self.values)[levels]
        low, step = torch.from_numpy(self.low), torch.from_numpy(self.step)
        parts = (1 / step).round()  # of a unit; a decimal is a whole number of them
        whole = (low * parts).round()
        decimal = (1 / parts == step) & (whole / parts == low)
        return torch.where(decimal, (levels + whole) / parts, low + step * levels)

    def position(self, raw: Tensor) -> Tensor:
        """(N, D) raw numbers, float64, to their positions on the grid, which may lie between whole numbers."""
        if self.values is None:
            return (raw - torch.from_numpy(self.low)) / torch.from_numpy(self.step)
        values = torch.from_numpy(self.values)
        above = torch.searchsorted(values, raw.contiguous()).clamp(1, len(values) - 1)
        below = values[above - 1]
        return (above - 1) + (raw - below) / (values[above] - below)

    def boundary(self, level: Tensor, place: Tensor) -> Tensor:
        """(n,) whole numbers at these places of a sample to the raw values in the middle to the next lower one."""
        if self.values is not None:
            values = torch.from_numpy(self.values)
            return (values[level] + values[level - 1]) / 2
        place = place % len(self.low)
        return torch.from_numpy(self.low)[place] + torch.from_numpy(self.step)[place] * (level.double() - 0.5)

    def to_json(self) -> dict[str, list[float]]:
        """The fields as lists; `values` alone if they say all."""
        if self.values is not None:
            return {"values": self.values.tolist()}
        return {"low": self.low.tolist(), "step": self.step.tolist(), "count": self.count.tolist()}

    @classmethod
    def from_json(cls, fields: Any, places: int) -> Self:
        """The inverse of `to_json`, for samples of so many numbers.

        Raises:
            ValueError, TypeError or KeyError: the fields aren't those of a grid.
        """
        if "values" in fields:
            values = np.array([float(value) for value in fields["values"]])
            if len(values) < 2 or not (np.diff(values) > 0).all() or not np.isfinite(values).all():
                raise ValueError("values")
            return cls(values[:1], np.ones(1), np.full(1, len(values)), values)
        low, step = (np.array([float(value) for value in fields[name]]) for name in ("low", "step"))
        count = np.array([int(value) for value in fields["count"]], np.int64)
        alike = len(low) == len(step) == len(count) in (1, places)
        if not (
            alike and np.isfinite(low).all() and np.isfinite(step).all() and (step > 0).all() and (count > 0).all()
        ):
            raise ValueError("grid")
        if (count > MOST_VALUES).any():
            raise ValueError("count")
        return cls(low, step, count)


class _Found:
    """What has been seen of the columns: bounds, and the decimals that are still possible."""

    def __init__(self, columns: int, dtype: str) -> None:
        self.dtype = dtype
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
                on = (steps == nearest) & (np.abs(steps) <= MOST_EXACT[self.dtype])
            else:  # the same number of this type as the decimal number
                same = (nearest / 10.0**decimals).astype(self.dtype) == values[:, left].astype(self.dtype)
                on = same & (np.abs(steps) <= MOST_DECIMAL[self.dtype])
            self.possible[decimals, left] = on.all(0)

    def grid(self, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """low, step and count."""
        decimals = self.possible.argmax(0)
        low, high = (np.where(np.isfinite(bound), bound, 0.0) for bound in (self.low, self.high))
        steps = 10.0**decimals
        low = np.round(low * steps) / steps
        count = np.round((high - low) * steps) + 1
        none = np.asarray(~self.possible.any(0) | (count > MOST_VALUES))
        if none.any():
            place, most = int(np.flatnonzero(none)[0]), MOST_EXACT[self.dtype]
            called = f"column {names[place]!r}" if names else f"column {place}" if len(none) > 1 else "the samples"
            raise UseError(
                f"Lossless coding needs whole numbers up to {most:,} or decimals, but {called} contains numbers with "
                f"more than {DECIMALS} digits. Round them, or give the largest error that you allow (max_error=)."
            )
        return low, 1 / steps, count.astype(np.int64)

"""Curves: heavy tails of a table's columns are bent by asinh, before the columns are shifted and scaled."""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.data.precision import LARGEST, NUMBERS, ROWS, known, spread
from isthmus.data.samples import Samples

CURVED = ("number", "duration")
"""Kinds of columns that may be curved."""
DISTINCT = 20
"""The least number of different values of a column worth a curve."""
HEAVY = 10.0
"""Excess kurtosis from which a column's tails are heavy: a normal distribution has 0, an exponential one 6."""
LONG = 5.0
"""The least range from the 1st to the 99th percentile, in interquartile ranges: of a normal distribution 3.4, an
exponential one 4.2. So a few outliers in an ordinary column make no curve."""
BULK = 4.0
"""The curve's unit, in median distances to the centre: 2.7 standard deviations of a normal distribution. So the bulk of
the values stays nearly linear, and only the tails are bent (docs/decisions/0020)."""
FARTHEST = 1e18
"""Units from the centre: float32 has no square of a number above 1.8e19."""
AT_A_TIME = 256
"""Columns."""


class Curve(nn.Module):
    """`asinh((raw - centre) / unit)` for each column of a table: linear near the centre, logarithmic far from it.

    centre, unit: (columns,) float32, in raw units. A unit of 0 leaves a column as it is. They aren't in the state dict.
    """

    centre: Tensor
    unit: Tensor

    def __init__(self, centre: Tensor, unit: Tensor) -> None:
        super().__init__()
        self.register_buffer("centre", centre.float(), persistent=False)
        self.register_buffer("unit", unit.float(), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        """(N, columns) raw to curved values, both float32 or float64, on the device of `raw`."""
        return bend(raw, *self._at(raw))

    def inverse(self, curved: Tensor) -> Tensor:
        """The inverse of `forward`; finite for finite values."""
        return unbend(curved, *self._at(curved))

    def log_slope(self, raw: Tensor) -> Tensor:
        """(N, columns) logarithms of the curve's derivative; 0 for columns without a curve."""
        centre, unit = self._at(raw)
        steps = (raw - centre) / torch.where(unit != 0, unit, 1.0)
        slope = -unit.log() - torch.hypot(steps, torch.ones_like(steps)).log()
        return torch.where(unit != 0, slope, 0.0)

    def extra_repr(self) -> str:
        """The number of curved columns, for `print(model)`."""
        return f"{int((self.unit != 0).sum())} of {len(self.unit)} columns"

    def to_json(self) -> dict[str, Any]:
        """The curve as JSON data; all numbers are restored exactly."""
        return {"centre": self.centre.tolist(), "unit": self.unit.tolist()}

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Self:
        """The curve from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `d` doesn't describe a curve.
        """
        centre, unit = (torch.tensor(d[name], dtype=torch.float32) for name in ("centre", "unit"))
        if centre.ndim != 1 or centre.shape != unit.shape or not bool((centre.isfinite() & (unit >= 0)).all()):
            raise ValueError("a curve needs a finite centre and a unit of 0 or more for each column")
        return cls(centre, unit)

    @classmethod
    def learn(cls, samples: Samples) -> Self | None:
        """The curves of the columns that gain by one (see `curve_of`), from at most 4,096 rows; None if none does.

        Only numbers and durations are curved, of tables with named columns.
        """
        if samples.schema is None or not samples.columns or samples.kind != "table":
            return None
        places = [place for place, column in samples.schema.firsts.items() if column.kind in CURVED]
        width = samples.shape[0]
        rows = samples.batch(torch.from_numpy(rows_seen(len(samples), width))).numpy()
        centre, unit = torch.zeros(width), torch.zeros(width)
        for some in (places[start : start + AT_A_TIME] for start in range(0, len(places), AT_A_TIME)):
            values = known(rows[:, some])
            for at in np.flatnonzero(kurtosis(values) > HEAVY):
                found = curve_of(values[:, at])
                if found is not None:
                    centre[some[at]], unit[some[at]] = found
        return cls(centre, unit) if bool(unit.any()) else None

    def _at(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Centre and unit on the device of some values, and in float64 if these are."""
        kind = like.dtype if like.dtype == torch.float64 else self.unit.dtype
        return self.centre.to(like.device, kind), self.unit.to(like.device, kind)


def rows_seen(count: int, width: int) -> np.ndarray:
    """The rows from which curves are learnt, of a table with so many rows and columns."""
    return spread(count, min(ROWS, max(64, NUMBERS // width)))


def bend(raw: Tensor, centre: Tensor, unit: Tensor) -> Tensor:
    """asinh((raw - centre) / unit), and `raw` where the unit is 0; all broadcast against each other."""
    curved = unit != 0
    steps = (raw - centre) / torch.where(curved, unit, 1.0)
    return torch.where(curved, _asinh(steps.clamp(-FARTHEST, FARTHEST)), raw)


def unbend(curved: Tensor, centre: Tensor, unit: Tensor) -> Tensor:
    """The inverse of `bend`, finite in float32 for all finite values."""
    raw = (_sinh(curved.clamp(-FURTHEST, FURTHEST)) * unit + centre).clamp(-LARGEST, LARGEST)
    return torch.where(unit != 0, raw, curved)


FURTHEST = float(np.arcsinh(FARTHEST))


def _asinh(x: Tensor) -> Tensor:
    """The function; in an exported program by others, as onnxruntime hasn't got it in float64."""
    if not torch.compiler.is_exporting() or x.dtype != torch.float64:
        return x.asinh()
    return x.sign() * (x.abs() + (x.square() + 1).sqrt()).log()


def _sinh(x: Tensor) -> Tensor:
    """The inverse of `_asinh`."""
    if not torch.compiler.is_exporting() or x.dtype != torch.float64:
        return x.sinh()
    return (x.exp() - (-x).exp()) / 2


def curve_of(values: np.ndarray) -> tuple[float, float] | None:
    """Centre and unit of the curve for a column's (n,) values, or None if it doesn't pay. NaN is ignored.

    It pays for at least 20 different values with heavy tails, if the curve at least halves their excess kurtosis. The
    centre is 0 for values that are never negative, and the median for others, or if 0 doesn't pay. The unit is four
    median distances to the centre.
    """
    values = values[~np.isnan(values)]
    if len(np.unique(values)) < DISTINCT:
        return None
    first, lower, middle, upper, last = np.quantile(values, [0.01, 0.25, 0.5, 0.75, 0.99])
    before = kurtosis(values[:, None])[0]
    if not before > HEAVY or last - first <= LONG * (upper - lower):
        return None
    for centre in (0.0, float(np.float32(middle))) if values.min() >= 0 else (float(np.float32(middle)),):
        away = np.abs(values - centre)
        unit = float(np.float32(BULK * np.median(away[away > 0])))
        if 0 < unit < np.inf and kurtosis(np.arcsinh((values - centre) / unit)[:, None])[0] <= before / 2:
            return centre, unit
    return None


def kurtosis(values: np.ndarray) -> np.ndarray:
    """(n, columns) to (columns,): the excess kurtosis of the known values; -3 for a column of equal values."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(0), 1)
    apart = np.where(there, values - values.sum(0, where=there) / count, 0.0)
    largest = np.abs(apart).max(0, initial=0.0)
    apart = apart / np.where(largest > 0, largest, 1.0)  # so that no power overflows
    squares = np.square(apart)
    variance = squares.sum(0) / count
    return np.square(squares).sum(0) / count / np.square(np.where(variance > 0, variance, 1.0)) - 3.0

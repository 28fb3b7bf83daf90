"""Precision: whether values stay float64, because float32 would round away a part of their spread."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.moments import Moments

COARSE = 2.0**12
"""float32 rounds a value by up to 2⁻²⁴ of itself. If the largest value exceeds this many standard deviations, that is
more than 2⁻¹² of a deviation, and the values stay float64."""
NOISE = 2.0**44
"""If the largest value exceeds this many standard deviations, they are rounding errors of float64, as of 0.1 + 0.2."""
LARGEST = float(np.finfo(np.float32).max)
ROWS, NUMBERS, AT_A_TIME = 4096, 2**24, 2**20
"""The most samples and numbers to look at, and the most numbers at a time."""


def loses(values: np.ndarray | Tensor, kind: str, *, mapped: bool = False) -> bool:
    """Whether float32 would lose a part of the spread of (N, *shape) values.

    The spread is that of each column of a table, of each channel of series, or of all values of other samples. At most
    4,096 samples are looked at, spread over all. Where they are equal, all are, unless they are `mapped` from a file.
    """
    if not is_wide(values.dtype) or kind == "tokens" or not len(values):
        return False
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    numbers = max(1, int(np.prod(array.shape[1:])))
    rows = spread(len(array), min(ROWS, max(64, NUMBERS // numbers)))
    seen = Moments(kind, array.shape[1:], centred=True)
    for some in np.array_split(rows, -(-len(rows) * numbers // AT_A_TIME)):
        seen.add(known(array[some]))
    largest, deviation = seen.largest, seen.deviation
    alike = deviation == 0
    if len(rows) < len(array) and not mapped and bool(alike.any()):
        whole, size = Moments(kind, array.shape[1:]), max(1, AT_A_TIME // numbers)
        for start in range(0, len(array), size):
            whole.bound(known(array[start : start + size]))
        deviation = np.where(alike, (whole.high - whole.low) / 2, deviation)
        largest = np.where(alike, whole.largest, largest)
    return bool(((deviation > 0) & (largest > COARSE * deviation) & (largest < NOISE * deviation)).any())


def may_lose(rows: np.ndarray) -> np.ndarray:
    """(columns,) bool: whether float32 may lose a part of the spread of a table's columns, from a few of its rows.

    Unlike in `loses`, the spread may come with further rows: so a column without spread may lose if it isn't exact.
    """
    seen = Moments("table", rows.shape[1:], centred=True)
    rows = known(rows)
    seen.add(rows)
    short = rows.astype(np.float32)
    return ((short != rows) & ~np.isnan(rows)).any(0) & ~(seen.largest <= COARSE * seen.deviation)


def spread(count: int, most: int = ROWS) -> np.ndarray:
    """At most `most` of `count` row numbers, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def is_wide(dtype: Any) -> bool:
    """Whether numbers of this type of NumPy or torch may not fit into float32."""
    if isinstance(dtype, torch.dtype):
        return dtype in (torch.float64, torch.int64, torch.int32)
    return (dtype.kind == "f" and dtype.itemsize >= 8) or (dtype.kind in "iu" and dtype.itemsize >= 4)


def floating(values: Tensor) -> Tensor:
    """The same values, float32 if they were no floating-point numbers."""
    return values if values.is_floating_point() else values.float()


def known(values: np.ndarray) -> np.ndarray:
    """The values as float64, with NaN for those that are infinite as float32."""
    values = values.astype(np.float64)
    values[~(np.abs(values) <= LARGEST)] = np.nan
    return values

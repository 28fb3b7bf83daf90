"""Series: (C, T) each, of any length; shorter ones are padded with NaN at their end."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from isthmus.data.precision import floating, is_wide
from isthmus.errors import DataError

ALIKE = 0.5
"""Of rows that follow each other: the mean squared difference of consecutive ones, as a share of random ones'."""
LOOKED_AT, FEWEST = 4096, 16
"""The most and the fewest rows that are compared."""


def pad(series: Sequence[Any]) -> np.ndarray:
    """(N, C, T) of N arrays, (T,) each, or (C, T), or (T, C): time is the axis in which they differ.

    float32, or float64 if a series has a type that may not fit into float32.

    Raises:
        DataError: they aren't series of numbers, or differ in more than their lengths.
    """
    arrays = [_numbers(given, place) for place, given in enumerate(series)]
    shapes = {array.shape for array in arrays}
    axes = {len(shape) for shape in shapes}
    if axes == {2}:
        if len({shape[1] for shape in shapes}) == 1 and len({shape[0] for shape in shapes}) > 1:
            arrays = [array.T for array in arrays]
    elif axes == {1}:
        arrays = [array[None] for array in arrays]
    if len({array.shape[0] for array in arrays}) != 1 or any(array.ndim != 2 for array in arrays):
        some = " and ".join(str(shape) for shape in sorted(shapes, key=str)[:3])
        raise DataError(
            f"The values don't make an array: the samples have shapes {some}. "
            "Give samples of one shape, or series that differ only in length, (T,) or (C, T) each."
        )
    kind = np.float64 if any(is_wide(array.dtype) for array in arrays) else np.float32
    padded = np.full((len(arrays), arrays[0].shape[0], max(array.shape[1] for array in arrays)), np.nan, kind)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is then reported as such
        for row, array in zip(padded, arrays, strict=True):
            row[:, : array.shape[1]] = array
    return padded


def channels_first(
    values: np.ndarray | Tensor, channels: Literal["first", "last"] | None = None
) -> np.ndarray | Tensor:
    """(N, T), (N, C, T) or (N, T, C) to (N, C, T); the shorter of two axes is the channels, unless the option is set.

    Raises:
        DataError: there are more axes.
    """
    if values.ndim == 2:
        return values[:, None]
    if values.ndim != 3:
        raise DataError(
            f"kind='series' for shape {tuple(values.shape)}: expected (N, length), or (N, channels, length)."
        )
    if channels == "last" or (channels is None and values.shape[2] < values.shape[1]):
        return values.movedim(2, 1) if isinstance(values, Tensor) else np.moveaxis(values, 2, 1)
    return values


def follow(values: np.ndarray | Tensor) -> bool:
    """Whether consecutive rows (N, columns) are more alike than random ones, by the ratio of von Neumann (1941).

    Columns that only grow, or only fall, such as numbers of the rows, don't count.
    """
    start = max(0, (len(values) - LOOKED_AT) // 2)
    some = np.asarray(values[start : start + LOOKED_AT], np.float64)
    if len(some) < FEWEST:
        return False
    steps, spread = np.diff(some, axis=0), some.var(0)
    counted = (steps.max(0) > 0) & (steps.min(0) < 0) & np.isfinite(spread)
    ratio = np.square(steps[:, counted]).mean(0) / (2 * spread[counted])
    return bool(len(ratio) and np.median(ratio) < ALIKE)


def ended(values: Tensor) -> Tensor:
    """(N, C, T) to (N, 1, T): True after a series' end, where only NaN follows in all channels."""
    empty = values.isnan().all(1, keepdim=True)
    return empty.flip(-1).cummin(-1).values.flip(-1)


def lengthened(values: Tensor, length: int) -> Tensor:
    """(N, C, T) to (N, C, length), with NaN after the end."""
    return torch.nn.functional.pad(floating(values), (0, length - values.shape[-1]), value=torch.nan)


def _numbers(given: Any, place: int) -> np.ndarray:
    array = given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise DataError(f"Series {place} holds values of type {array.dtype}: expected numbers. Convert them first.")
    return array

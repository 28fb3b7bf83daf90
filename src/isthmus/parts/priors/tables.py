"""Tables for an entropy coder: how often each whole number occurs, as integers that add up to a power of two."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.exact import functions

BITS = 24
"""The counts of a row add up to 2 to this power."""
TAIL = 2.0**-22
"""The probability on each side of a row that is left to its escape symbol."""
LEAST_SCALE, MOST_SCALE, SCALES = 0.11, 256.0, 64
"""The standard deviations, in steps, that have a table of their own, evenly spaced in their logarithm."""


@dataclass(frozen=True)
class Tables:
    """Rows of cumulative counts; each row is the distribution of one kind of symbol.

    In a row, entry i stands for the symbol offset + i, for i from 0 to size - 1; entry `size` is the escape, which
    stands for all other symbols. Its counts are cumulative[i] to cumulative[i + 1].

    cumulative: (rows, longest + 2) int64, from 0 to 2**24; a shorter row repeats 2**24. offsets, sizes: (rows,) int64.
    """

    cumulative: Tensor
    offsets: Tensor
    sizes: Tensor


def tables_of(probabilities: Tensor, offsets: Tensor, sizes: Tensor) -> Tables:
    """The tables of (rows, longest) probabilities of the symbols from `offsets` on; each symbol gets one count or more.

    It uses float64 products, sums and comparisons only, so that the same probabilities give the same tables everywhere.
    """
    rows, longest = probabilities.shape
    within = torch.arange(longest, device=sizes.device) < sizes[:, None]
    counts = torch.zeros(rows, longest + 1, dtype=torch.int64, device=sizes.device)
    spare = (2**BITS - 1 - sizes)[:, None]  # one count for each symbol and for the escape
    counts[:, :longest] = torch.where(within, (probabilities.double() * spare).floor().long().clamp(min=0) + 1, 0)
    excess = (counts.sum(1) - (2**BITS - 1)).clamp(min=0)  # if rounding errors made the probabilities exceed 1
    largest = counts.argmax(1)
    counts[torch.arange(rows), largest] -= excess
    counts[torch.arange(rows), sizes] = 2**BITS - counts.sum(1)
    return Tables(torch.nn.functional.pad(counts.cumsum(1), (1, 0)), offsets, sizes)


@functools.cache
def normal_tables() -> Tables:
    """(64 rows) the tables of rounded normal numbers, by their standard deviation (see `scale_bounds`)."""
    scales = _scales()
    reach = (scales * 5.2).ceil().long() + 1
    longest = int(reach.max())
    numbers = torch.arange(-longest, longest + 1, dtype=torch.float64)
    upper, lower = ((numbers + half) / scales[:, None] for half in (0.5, -0.5))
    masses = functions.normal_cdf(upper) - functions.normal_cdf(lower)
    sizes = 2 * reach + 1
    shifted = torch.zeros_like(masses)
    for row, (start, size) in enumerate(zip((longest - reach).tolist(), sizes.tolist(), strict=True)):
        shifted[row, :size] = masses[row, start : start + size]
    return tables_of(shifted, -reach, sizes)


def scale_bounds() -> Tensor:
    """(63,) float64 log-standard deviations between two tables' own: a larger one belongs to the next table."""
    logarithms = _log_scales()
    return (logarithms[1:] + logarithms[:-1]) / 2


def _log_scales() -> Tensor:
    low, high = math.log(LEAST_SCALE), math.log(MOST_SCALE)
    return low + (high - low) / (SCALES - 1) * torch.arange(SCALES, dtype=torch.float64)


def _scales() -> Tensor:
    return functions.exp(_log_scales())

"""Usual values: facts on the columns of a table in training, by which cells of other rows are judged and corrected."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.shown import Shown

MOST = 1024
"""Training samples, spread over the part, of which the medians and the decimals are computed."""
MOST_DECIMALS, DIGITS = 6, 4
"""Decimals that a column can have; significant digits, by its spread, of one that has more."""


@dataclass(frozen=True, eq=False, repr=False)
class Usual(Shown):
    """Of a table with D numbers a row: the values that are usual in training.

    row: (D,) raw, the median of each column's known values; of categories, the most frequent one. decimals: (D,) int64
    after the point of a column's numbers; 0 for whole numbers. always: (D,) bool, which numbers are never missing.
    """

    row: Tensor
    decimals: Tensor
    always: Tensor

    @classmethod
    def of(cls, train: Samples, levels: tuple[int, ...] = (), *, holes: bool = True) -> Self:
        """The usual values of training samples.

        levels: the number of categories of each column, as in `Scaling`. holes: whether the model takes missing
        numbers. If it does, all samples are read once.
        """
        some = floating(train.some(MOST).tensor())
        row = some.nanmedian(0).values.nan_to_num(0.0)
        for column, count in enumerate(levels):
            if count:
                own = some[:, column]
                known = own[(own >= 0) & (own < count)].long()
                row[column] = float(torch.bincount(known, minlength=count).argmax())
        missing = torch.zeros(len(row), dtype=torch.bool)
        if holes:
            for batch in train.batches(train.at_a_time):
                missing |= batch.isnan().any(0)
        return cls(row, torch.tensor([_decimals(own) for own in some.T.numpy()]), ~missing)

    def rounded(self, raw: Tensor) -> Tensor:
        """(N, D) raw rows with as many decimals as each column has."""
        factor = 10.0 ** self.decimals.double()
        made = (raw.double() * factor).round() / factor
        return torch.where(made.isfinite(), made, raw.double()).to(raw.dtype)


def _decimals(values: np.ndarray) -> int:
    """The decimals of (n,) numbers: those that all of them have, or enough for `DIGITS` digits of their spread."""
    precision = np.finfo(values.dtype).eps
    known = values[np.isfinite(values)].astype(np.float64)
    for decimals in range(MOST_DECIMALS + 1):
        moved = known * 10.0**decimals
        # so many digits that any number seems to have no more prove nothing
        if bool((np.abs(moved - moved.round()) <= precision * np.abs(moved)).all()):
            return decimals
    spread = float(known.std())
    return min(18, max(0, DIGITS - 1 - math.floor(math.log10(spread)))) if spread > 0 else MOST_DECIMALS

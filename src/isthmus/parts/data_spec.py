"""DataSpec: the facts about the data that parts use to resolve their "auto" options."""

from dataclasses import dataclass

import torch
from torch import Tensor

SHARE = 0.75
"""The share of the variance that the counted principal components must explain.

It leaves room for a network to improve: with 0.9, PCA would be hard to beat, and with 0.5, reconstructions would be
poor. It gives 11 dimensions for the bundled digits, 33 for MNIST.
"""
_ROWS = 1024


@dataclass(frozen=True)
class DataSpec:
    """Facts about the data, known before any weight is drawn.

    range: the scaled values' bounds; None if they are unbounded.
    levels: for each column of a table, its number of categories, 0 for a numeric column; empty for other data.
    classes: the number of labels.
    masked: whether the encoder gets a mask of the known numbers.
    constant_costs: for each column of a table, the loss of its best constant (`parts.distances.columns`); empty for
        other data.
    inputs: how many numbers a sample has; 0 if unknown.
    dimensions: how many principal components explain `SHARE` of the training part's variance; None without samples.
    deviation: the root of the mean variance of a sample's numbers, scaled; None without samples.
    damaged: for data in pairs, whether the damaged pictures are grey and the clean ones in colour, and how many times
        smaller they are; None for other data.
    frequent: the scaled values that are much more frequent than their neighbours, in order
        (`parts.distances.mixture`).
    tokens: the size of the vocabulary of samples of tokens; 0 for other data.
    grids: for each column of a table, the step of its numbers and the place of the number 0, scaled, and its curve
        (`parts.distances.column_likelihood`); empty for other data.
    """

    range: tuple[float, float] | None = None
    levels: tuple[int, ...] = ()
    classes: int = 0
    masked: bool = False
    constant_costs: tuple[float, ...] = ()
    inputs: int = 0
    dimensions: int | None = None
    deviation: float | None = None
    damaged: tuple[bool, int] | None = None
    frequent: tuple[float, ...] = ()
    grids: tuple[tuple[float, ...], ...] = ()
    tokens: int = 0

    def size(self, most: int) -> int:
        """The size of an undercomplete code: the data's dimensions, at most `most` and half of a sample's numbers."""
        if not self.inputs:
            return most
        half = max(1, self.inputs // 2)
        return min(most, half, max(2, self.dimensions)) if self.dimensions is not None else min(most, half)

    def wide(self, most: int) -> int:
        """The size of an overcomplete code: four times a sample's numbers, at most `most`."""
        return min(most, 4 * self.inputs) if self.inputs else most


def deviation(sample: Tensor) -> float:
    """The root of the mean variance of the numbers of (n, *shape) scaled samples; NaN doesn't count."""
    rows = sample.flatten(1).double()
    return float((rows - rows.nanmean(0)).square().nanmean().nan_to_num(0).sqrt())


def dimensions(sample: Tensor, levels: tuple[int, ...] = ()) -> int:
    """How many principal components explain `SHARE` of the variance of (n, *shape) scaled samples; at least 1.

    NaN counts as the mean. levels: of a table's columns; if some are categories, all columns have equal weight.
    """
    rows = sample.flatten(1)
    if rows.shape[1] > _ROWS:  # then this many rows are enough, and their products are the smaller matrix
        rows = rows[torch.linspace(0, len(rows) - 1, min(len(rows), _ROWS)).long()]
    away = rows.double() - rows.double().nanmean(0).nan_to_num(0)
    away = away.nan_to_num(0)
    if any(levels):
        away = away / away.square().mean(0).sqrt().clamp(min=1e-12)
    narrow = away.T if away.shape[1] <= len(away) else away
    variances = torch.linalg.eigvalsh(narrow @ narrow.T).flip(0).clamp(min=0)
    total = float(variances.sum())
    return min(int((variances.cumsum(0) < SHARE * total).sum()) + 1, len(variances))

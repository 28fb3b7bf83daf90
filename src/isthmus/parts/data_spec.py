"""DataSpec: the facts about the data that parts use to resolve their "auto" options, and the rules for sizes.

A model may be as large as the data can support. All rules stand here:

- An undercomplete code has as many dimensions as principal components explain three quarters of the variance, at least
  2, and at most the recipe's limit, half of a sample's numbers, and a quarter of the training samples (`size`).
- An overcomplete code has four times a sample's numbers, at most the recipe's limit (`wide`).
- Hidden layers have the recipe's widths, reduced together until none exceeds four times a sample's numbers, or 64 if
  that is more (`widths`). So the weights of a network grow no faster than the numbers of a sample.

The rules for the training stand in `isthmus.training.choice`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SHARE = 0.75
"""The share of the variance that the counted principal components must explain.

It leaves room for a network to improve: with 0.9, PCA would be hard to beat, and with 0.5, reconstructions would be
poor. It gives 11 dimensions for the bundled digits, 33 for MNIST.
"""
ROWS_A_DIMENSION = 4
"""The least number of training samples for each dimension of an undercomplete code; fewer are learnt by heart."""
LEAST_WIDTH = 64
"""The least width of a first hidden layer with "auto" widths, even for small samples."""
PICTURE = 784
"""The numbers of a picture of MNIST's size."""
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
    inputs: how many numbers a sample has; 0 if unknown. rows: how many training samples there are; 0 if unknown.
    dimensions: how many principal components explain `SHARE` of the training part's variance; None without samples.
    deviation: the root of the mean variance of a sample's numbers, scaled; None without samples.
    damaged: for data in pairs, whether the damaged pictures are grey and the clean ones in colour, how many times
        smaller they are, and the length of damaged rows if it is another one, else 0; None for other data.
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
    damaged: tuple[bool, int, int] | None = None
    frequent: tuple[float, ...] = ()
    grids: tuple[tuple[float, ...], ...] = ()
    tokens: int = 0
    rows: int = 0

    @property
    def share_of_picture(self) -> float:
        """The numbers of a sample as a share of those of a picture of MNIST's size, at most 1; 1 if unknown.

        Weights of penalties that papers give for such pictures are reduced by it for smaller samples, whose distance,
        a sum over the numbers, is smaller too.
        """
        return min(1.0, self.inputs / PICTURE) if self.inputs else 1.0

    def size(self, most: int) -> int:
        """The size of an undercomplete code: the data's dimensions, at most `most` and what the data support."""
        if not self.inputs:
            return most
        most = min(most, max(1, self.inputs // 2))
        if self.rows:
            most = min(most, max(1, self.rows // ROWS_A_DIMENSION))
        return most if self.dimensions is None else min(most, max(2, self.dimensions))

    def wide(self, most: int) -> int:
        """The size of an overcomplete code: four times a sample's numbers, at most `most`."""
        return min(most, 4 * self.inputs) if self.inputs else most

    def widths(self, most: Sequence[int]) -> tuple[int, ...]:
        """The widths of hidden layers, from the data inwards: `most`, reduced together for small samples."""
        widest = max(LEAST_WIDTH, 4 * self.inputs) if self.inputs else math.inf
        factor = min(1.0, widest / max(most, default=1))
        return tuple(max(1, round(factor * width)) for width in most)


def deviation(sample: Tensor) -> float:
    """The root of the mean variance of the numbers of (n, *shape) scaled samples; NaN doesn't count."""
    rows = sample.flatten(1).to(torch.float64, copy=True)
    return float(rows.sub_(rows.nanmean(0)).square_().nanmean().nan_to_num(0).sqrt())


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

"""The errors of predictions in known cells that were hidden, and the weights and quantiles that follow from them."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from isthmus.filling.stacking import TRUST, shares, simplex_weights
from isthmus.shown import Shown

LEVELS = 201
"""The number of quantiles that are kept of each column's errors."""
ENOUGH = 20.0
"""As many errors of one column count as much as those of all columns together."""


@dataclass(frozen=True, eq=False, repr=False)
class Errors(Shown):
    """Predictions minus true values in n hidden cells, in the wide layout.

    column_of: (n,) the column of each. mixtures: (n, M). network: (n,), NaN in rows that the network has learnt from.
    spread: (n,) the standard deviation that is expected there.
    """

    column_of: Tensor
    mixtures: Tensor
    network: Tensor
    spread: Tensor

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Those of several sets of cells."""
        names = ("column_of", "mixtures", "network", "spread")
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def weighed(self, columns: int) -> tuple[Tensor, Tensor, Tensor]:
        """For each of D columns: (D, M) weights of the mixtures, (D,) the network's share, (D, LEVELS) quantiles.

        The quantiles are those of true values minus predictions, in expected standard deviations.
        """
        tested = ~self.network.isnan()
        if not self.mixtures.shape[1]:
            relative, column_of = self.network[tested] / self.spread[tested], self.column_of[tested]
            whole = torch.ones(columns, dtype=torch.float64)
            return self.mixtures.new_zeros(columns, 0), whole, quantiles(-relative, column_of, columns)
        weights = simplex_weights(self.mixtures, self.column_of, columns)
        without = (self.mixtures * weights[self.column_of]).sum(1)
        network = shares(without[tested], self.network[tested], self.column_of[tested], columns)
        share = network[self.column_of]
        relative = without / self.spread
        if bool(tested.any()):
            both = ((1 - share) * without + share * self.network) / self.spread
            few = TRUST / int(tested.sum())  # then as little as nothing is known of the network
            usual = relative[tested].square().mean().clamp(min=1e-12)
            gain = (both[tested].square().mean() + few * usual) / (usual + few * usual)
            relative = torch.where(tested, both, relative * gain.sqrt())
        return weights, network, quantiles(-relative, self.column_of, columns)


def quantiles(errors: Tensor, column_of: Tensor, columns: int) -> Tensor:
    """(columns, `LEVELS`) of (n,) relative errors: of each column, drawn to those of all columns together."""
    levels = (torch.arange(LEVELS, dtype=torch.float64) + 0.5) / LEVELS
    if not len(errors):
        return torch.special.ndtri(levels).expand(columns, -1).clone()
    every = _quantile(errors, levels)
    made = []
    for column in range(columns):
        own = errors[column_of == column]
        share = len(own) / (len(own) + ENOUGH)
        made.append(share * _quantile(own, levels) + (1 - share) * every if len(own) else every)
    return torch.stack(made)


def _quantile(values: Tensor, levels: Tensor) -> Tensor:
    """Between the order statistics, whose levels are 1 / (n + 1), 2 / (n + 1), …: of few values, the tails are wide."""
    ordered = values.sort().values
    place = (levels * (len(ordered) + 1) - 1).clamp(0, len(ordered) - 1)
    low = place.floor().long()
    high = (low + 1).clamp(max=len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])

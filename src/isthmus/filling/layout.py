"""The layout in which holes are filled: standardised numbers, and an indicator for each category."""

from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Layout(Shown):
    """How the D scaled columns of a table become W wide ones, and back.

    levels: of each column, its number of categories, 0 for a numeric column. centre, spread: (D,) float64, the mean and
    the standard deviation of the known scaled numbers; 0 and 1 for categories.
    """

    levels: tuple[int, ...]
    centre: Tensor
    spread: Tensor

    @classmethod
    def learn(cls, scaled: Tensor, levels: tuple[int, ...]) -> "Layout":
        """The layout of (N, D) scaled rows; NaN is ignored."""
        levels = levels or (0,) * scaled.shape[1]
        numeric, rows = torch.tensor(levels) == 0, scaled.double()
        centre = rows.nanmean(0).nan_to_num(0)
        spread = (rows - centre).square().nanmean(0).sqrt().nan_to_num(0)
        return cls(levels, torch.where(numeric, centre, 0.0), torch.where(numeric & (spread > 1e-9), spread, 1.0))

    @property
    def column_of(self) -> Tensor:
        """(W,) the column of each wide one."""
        return torch.repeat_interleave(torch.tensor([max(1, count) for count in self.levels]))

    @property
    def numeric(self) -> Tensor:
        """(W,) False for the indicators of categories."""
        return (torch.tensor(self.levels) == 0)[self.column_of]

    def split(self, wide: Tensor) -> tuple[Tensor, ...]:
        """The (N, width) wide columns of each column."""
        return wide.split([max(1, count) for count in self.levels], 1)

    def wide(self, scaled: Tensor) -> tuple[Tensor, Tensor]:
        """(N, D) scaled rows to (N, W) values, 0 in holes, and (N, W) True where they are known.

        An unknown category, whose number is one too large, counts as a hole.
        """
        standard = (scaled.double() - self.centre) / self.spread
        parts = []
        for levels, column in zip(self.levels, standard.unbind(1), strict=True):
            if not levels:
                parts.append(column[:, None])
                continue
            known = ~column.isnan() & (column < levels)
            indicators = torch.nn.functional.one_hot(torch.where(known, column, 0).long(), levels).double()
            parts.append(torch.where(known[:, None], indicators, torch.nan))
        values = torch.cat(parts, 1)
        return values.nan_to_num(0.0), ~values.isnan()

    def scaled(self, wide: Tensor) -> Tensor:
        """(N, W) to (N, D) scaled rows, with the likeliest categories."""
        pairs = zip(self.levels, self.split(wide), strict=True)
        columns = [own.argmax(1).double() if levels else own[:, 0] for levels, own in pairs]
        return torch.stack(columns, 1) * self.spread + self.centre

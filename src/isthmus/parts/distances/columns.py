"""The distance for tables of mixed columns: numbers by their squared error, categories by their cross-entropy."""

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.constants import constant
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance
from isthmus.parts.part import Shape


class Columns(Distance):
    r"""Each column's own loss, divided by the loss of its best constant; the mean over a row's columns.

    A number: :math:`(\hat x - x)^2 / \mathrm{Var}(x)`. Two categories: :math:`(\mathrm{softplus}(o) - xo) / H(x)`, the
    Bernoulli's negative log-probability of the logit o. More categories: :math:`-\log\mathrm{softmax}(o)_x / H(x)`, the
    categorical's. The variance and the entropy H are those of the training part: the losses of predicting the mean and
    the categories' shares. So in every column 1 is the loss of the best constant and 0 is exact, and no column
    dominates because of its unit or its number of categories.

    levels: the number of categories of each column, 0 for a numeric column; empty if all columns are numeric.
    costs: the loss of the best constant in each column. Both are decided from the data.

    Source: Goodfellow, Bengio & Courville, Deep learning (2016), section 6.2.2, for the losses; the balance is that of
    the normalised root mean squared error in Stekhoven & Bühlmann, MissForest, Bioinformatics 28 (2012), squared.
    """

    unit: ClassVar[str] = "of the best constant's loss"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    # narrower than the base's, which is sound for what is frozen
    link: Literal["auto", "identity"] = "identity"  # pyright: ignore[reportIncompatibleVariableOverride]
    levels: tuple[Annotated[int, Field(ge=0)], ...] = ()
    costs: tuple[Annotated[float, Field(gt=0)], ...] = ()

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance for these columns."""
        return self.replace(link="identity", levels=spec.levels or self.levels, costs=spec.constant_costs or self.costs)

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError unless these are rows of a table with these columns."""
        if sample.ndim != 2:
            raise BlueprintError(
                f"The distance 'columns' expects rows of a table, but the samples have shape "
                f"{tuple(sample.shape[1:])}. Use another distance, such as 'mse'."
            )
        for place, levels in enumerate(self.levels):
            observed = sample[:, place][~sample[:, place].isnan()]
            if levels and not bool(((observed >= 0) & (observed < levels) & (observed == observed.round())).all()):
                raise BlueprintError(
                    f"Column {place} has the categories 0 to {levels - 1}, but contains other values. "
                    "Open the data with open_data and categorical=."
                )

    def outputs(self, shape: Shape) -> Shape:
        """One output for a numeric column, one logit for two categories, one logit per category for more."""
        return (sum(map(_width, self.levels)),) if self.levels else shape

    def picture(self, output: Tensor) -> Tensor:
        """(N, outputs) to (N, D): numbers, and the index of the most likely category as a float."""
        if not self.levels:
            return output
        columns = []
        for levels, own in zip(self.levels, self._split(output), strict=True):
            if levels == 0:
                columns.append(own[:, 0])
            else:
                columns.append((own.argmax(1) if levels > 2 else (own[:, 0] > 0) & (levels > 1)).to(output.dtype))
        return torch.stack(columns, 1)

    def chances(self, output: Tensor) -> list[Tensor]:
        """(N, outputs) to the (N, levels) probabilities of each column of categories."""
        pairs = zip(self.levels, self._split(output), strict=True)
        return [_chances(levels, own) for levels, own in pairs if levels]

    def output(self, picture: Tensor) -> Tensor:
        """(N, D) to (N, outputs): numbers unchanged; all categories equally likely."""
        if not self.levels:
            return picture
        columns = [
            picture[:, place, None] if levels == 0 else picture.new_zeros(len(picture), _width(levels))
            for place, levels in enumerate(self.levels)
        ]
        return torch.cat(columns, 1)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, outputs), (N, D) to (N, D): each column's loss, relative to its best constant's."""
        if not self.levels:
            losses = self._difference(output, target).square()
        else:
            pairs = zip(self.levels, self._split(output), target.unbind(1), strict=True)
            losses = torch.stack([_loss(levels, own, column) for levels, own, column in pairs], 1)
        return losses / constant(self.costs, losses) if self.costs else losses

    def _split(self, output: Tensor) -> tuple[Tensor, ...]:
        """Each column's own (N, width) outputs."""
        return output.split([_width(levels) for levels in self.levels], 1)


def constant_costs(sample: Tensor, levels: tuple[int, ...]) -> tuple[float, ...]:
    """For each column of (n, D) rows, the loss of its best constant: variance, or entropy in nats.

    1 if a column doesn't vary. NaN is ignored.
    """
    costs = []
    for place, column in enumerate(sample.double().unbind(1)):
        observed = column[~column.isnan()]
        if levels and levels[place]:
            shares = torch.bincount(observed.long(), minlength=levels[place]) / max(1, len(observed))
            cost = float(torch.special.entr(shares.double()).sum())
        else:
            cost = float(observed.var(correction=0)) if len(observed) else 0.0
        costs.append(cost if cost > 1e-6 else 1.0)
    return tuple(costs)


def _width(levels: int) -> int:
    """The number of outputs of a column."""
    return levels if levels > 2 else 1


def _chances(levels: int, output: Tensor) -> Tensor:
    """(N, width) to (N, levels)."""
    if levels == 1:
        return torch.ones_like(output)
    if levels == 2:
        return torch.cat([torch.sigmoid(-output), torch.sigmoid(output)], 1)
    return output.softmax(1)


def _loss(levels: int, output: Tensor, target: Tensor) -> Tensor:
    """(N, width), (N,) to (N,)."""
    if levels == 0:
        return (output[:, 0] - target).square()
    if levels == 1:
        return torch.zeros_like(target)
    target = target.clamp(
        max=levels - 1
    )  # the number of an unknown category is one too large; measures count it as wrong
    if levels == 2:
        return F.softplus(output[:, 0]) - target * output[:, 0]
    return F.cross_entropy(output, target.long(), reduction="none")

"""The distance for tables of mixed columns: numbers by their squared error, categories by their cross-entropy."""

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance
from isthmus.parts.part import Shape


class Columns(Distance):
    r"""Each column's own loss, divided by what its best constant costs; the mean over a row's columns.

    A number: :math:`(\hat x - x)^2 / \mathrm{Var}(x)`. A category of two: :math:`(\mathrm{softplus}(o) - xo) / H(x)`,
    the Bernoulli's negative log-probability of the logit o. One of more: :math:`-\log\mathrm{softmax}(o)_x / H(x)`, the
    categorical's. The variance and the entropy H are the training part's: they are the losses of predicting the mean
    and the categories' shares. So 1 is what knowing nothing costs in every column, 0 is exact, and no column drowns
    another because of its unit or the number of its categories.

    levels: how many categories each column has, 0 where it holds numbers; empty for numbers alone.
    costs: what the best constant costs in each column; both are settled by the data.

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
        """Raise BlueprintError unless these are the rows of a table of these columns."""
        if sample.ndim != 2:
            raise BlueprintError(
                f"The distance 'columns' takes rows of a table, got samples of shape {tuple(sample.shape[1:])}. "
                "Use another, such as 'mse'."
            )
        for place, levels in enumerate(self.levels):
            observed = sample[:, place][~sample[:, place].isnan()]
            if levels and not bool(((observed >= 0) & (observed < levels) & (observed == observed.round())).all()):
                raise BlueprintError(
                    f"Column {place} has categories 0 to {levels - 1}, but other values are there. "
                    "Give the data as open_data read them (categorical=)."
                )

    def outputs(self, shape: Shape) -> Shape:
        """One number a numeric column, one logit a column of two categories, one a category for others."""
        return (sum(map(_width, self.levels)),) if self.levels else shape

    def picture(self, output: Tensor) -> Tensor:
        """(N, outputs) to (N, D): numbers, and the likeliest categories' indices as floats."""
        if not self.levels:
            return output
        columns = []
        for levels, own in zip(self.levels, self._split(output), strict=True):
            if levels == 0:
                columns.append(own[:, 0])
            else:
                columns.append((own.argmax(1) if levels > 2 else (own[:, 0] > 0) & (levels > 1)).to(output.dtype))
        return torch.stack(columns, 1)

    def output(self, picture: Tensor) -> Tensor:
        """(N, D) to (N, outputs): numbers as they are; every category as likely as the others."""
        if not self.levels:
            return picture
        columns = [
            picture[:, place, None] if levels == 0 else picture.new_zeros(len(picture), _width(levels))
            for place, levels in enumerate(self.levels)
        ]
        return torch.cat(columns, 1)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, outputs), (N, D) to (N, D): each column's loss, in units of its best constant's."""
        if not self.levels:
            losses = self._difference(output, target).square()
        else:
            pairs = zip(self.levels, self._split(output), target.unbind(1), strict=True)
            losses = torch.stack([_loss(levels, own, column) for levels, own, column in pairs], 1)
        return losses / losses.new_tensor(self.costs) if self.costs else losses

    def _split(self, output: Tensor) -> tuple[Tensor, ...]:
        """Each column's own (N, width) outputs."""
        return output.split([_width(levels) for levels in self.levels], 1)


def constant_costs(sample: Tensor, levels: tuple[int, ...]) -> tuple[float, ...]:
    """For each column of (n, D) rows, the loss of its best constant: variance, or entropy in nats.

    1 where a column doesn't vary. NaN is left out.
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
    """How many outputs a column has."""
    return levels if levels > 2 else 1


def _loss(levels: int, output: Tensor, target: Tensor) -> Tensor:
    """(N, width), (N,) to (N,)."""
    if levels == 0:
        return (output[:, 0] - target).square()
    if levels == 1:
        return torch.zeros_like(target)
    target = target.clamp(max=levels - 1)  # an unknown category is one more; judges of errors count it as wrong
    if levels == 2:
        return F.softplus(output[:, 0]) - target * output[:, 0]
    return F.cross_entropy(output, target.long(), reduction="none")

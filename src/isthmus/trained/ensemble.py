"""An ensemble: several trained models of the same kind of samples, and how far they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from isthmus.data import Data
from isthmus.errors import DataError, UseError, nearest
from isthmus.formatting import number
from isthmus.shown import Card, Shown, Table
from isthmus.trained.source_reader import SourceReader
from isthmus.trained.trained_model import TrainedModel

Combine = Literal["mean", "median"]


@dataclass(frozen=True, eq=False, repr=False)
class Spread(Shown):
    """What several models make of samples. mean, spread: (N, *shape) in the raw data's units.

    mean: their mean or median; of a category, what most of them say. spread: their standard deviation; of a category,
    the share that says otherwise.
    """

    mean: Tensor
    spread: Tensor

    def _card(self) -> Card:
        count, typical = len(self.mean), number(float(self.spread.nanmedian()))
        return Card(f"reconstructions of {count:,} samples by several models, which differ by {typical} (median)")


class TrainedEnsemble(Shown, SourceReader):
    """Several trained models that judge and reconstruct samples together. `Ensemble` also saves itself.

    members: the models, of one shape and with the same columns. combine: how their scores and reconstructions become
    one: the "mean", or the "median", which a single model can't move far.

    Sources are read as the first model's training data were.

    Raises:
        UseError: there are fewer than two models, or they don't fit each other.
        DataError: `combine` is unknown.
    """

    def __init__(self, members: Sequence[TrainedModel], combine: Combine = "mean") -> None:
        self.members = tuple(members)
        self.combine: Combine = combine
        if combine not in get_args(Combine):
            raise DataError(
                f"There is no way {combine!r} to combine models. {nearest(str(combine), get_args(Combine))}"
            )
        if len(self.members) < 2:
            raise UseError(
                f"An ensemble needs two or more runs, and got {len(self.members)}. Train more, by other seeds."
            )
        for place, member in enumerate(self.members):
            _check_same(self.first, member, place)
        self.model, self.description = self.first.model, self.first.description

    @property
    def first(self) -> TrainedModel:
        """The first model, by whose description sources are read."""
        return self.members[0]

    def open(self) -> Data:
        """The first one's training data."""
        return self.first.open()

    def reconstruct(self, source: Any, **read_options: Any) -> Spread:
        """What the models make of a source together, and how far they differ: `run.reconstruct`, once for each.

        Raises:
            DataError: the source can't be read, or doesn't fit the models.
        """
        if self.covers(source, read_options):
            each = [member.reconstruct(source, **read_options) for member in self.members]
        else:
            timewise = self.recordings(source, **read_options)
            given = self.read(source, **read_options) if timewise is None else timewise
            each = [member.reconstruct(given) for member in self.members]
        made = torch.stack([torch.as_tensor(one) for one in each])
        mean, spread = combined(made, self.combine), made.std(0, correction=0)
        levels = self.model.scaling.levels
        if any(levels):
            categories = torch.tensor(levels) > 0
            usual = made.mode(0).values
            mean = torch.where(categories, usual, mean)
            spread = torch.where(categories, (made != usual).to(spread).mean(0), spread)
        return Spread(mean, spread)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} models, by their {self.combine}>"

    def _card(self) -> Card:
        rows = [(str(place), repr(member)) for place, member in enumerate(self.members)]
        return Card(f"{len(self)} models, by their {self.combine}", tables=[Table(("number", "model"), rows)])


def combined(each: Tensor, combine: Combine) -> Tensor:
    """(M, …) of the models to (…): their mean or median; of an even number, the median lies in the middle."""
    return each.mean(0) if combine == "mean" else each.quantile(0.5, dim=0)


def _check_same(first: TrainedModel, other: TrainedModel, place: int) -> None:
    """Raise UseError unless two models take the same samples."""
    facts = {
        "shape": (tuple(first.model.shape), tuple(other.model.shape)),
        "kind of data": (first.description.get("kind"), other.description.get("kind")),
        "columns": (tuple(first.model.columns), tuple(other.model.columns)),
        "categories": (first.model.categories, other.model.categories),
    }
    for what, (own, theirs) in facts.items():
        if own != theirs:
            raise UseError(
                f"Run {place} of the ensemble was trained on samples of another {what} than run 0: {theirs}, and not "
                f"{own}. Give runs that were trained on the same kind of data."
            )

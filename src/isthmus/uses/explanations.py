"""Explanations: of each row of a table, the cells that are to blame for its score, and what would make it normal."""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.drawing.look import Look
from isthmus.formatting import listed, number
from isthmus.model.autoencoder import Autoencoder
from isthmus.shown import ROWS, Card, Shown, Table
from isthmus.uses.cells import (
    FAIR,
    QUICK,
    STEPS,
    THOROUGH,
    Cell,
    CellKind,
    CellSearch,
    Corrections,
    RowScore,
    Value,
    cell_tables,
    cell_words,
)
from isthmus.uses.usual import Usual

Explained = Literal["all", "anomalous", "none"]
"""Which rows are explained."""
LEAST_THOROUGH, MOST_THOROUGH = 64, 0.05
"""Rows that are searched thoroughly if the search should be quick: this number, or this share if it is more."""
NAMED = THOROUGH.reasons
"""The most reasons of a row."""


@dataclass(frozen=True, repr=False)
class Explanation(Shown):
    """Why a row of a table has its score.

    reasons: its anomalous cells. The share of each is the part of the score's excess over the usual score (the median
    of the run's own samples) that its correction removes, in addition to those before it; of all cells, the first one
    removes most. A row has no reasons if its score is not above the usual one.
    counterfactual: the cells whose correction makes an anomalous row normal, as few as the search finds: with their
    expected values, the score is not above the threshold. () for a row that is normal already, None if no correction of
    `STEPS` cells suffices.
    """

    score: float
    threshold: float
    reasons: tuple[Cell, ...]
    counterfactual: tuple[Cell, ...] | None

    @property
    def anomalous(self) -> bool:
        """Whether the score lies above the threshold, or isn't finite."""
        return not self.score <= self.threshold

    def to_json(self) -> dict[str, Any]:
        """The same as JSON data."""
        changes = self.counterfactual
        return {
            "score": self.score,
            "threshold": self.threshold,
            "reasons": [cell._asdict() for cell in self.reasons],
            "counterfactual": None if changes is None else {cell.column: cell.expected for cell in changes},
        }

    def _card(self) -> Card:
        words = f"score {number(self.score)}, {'above' if self.anomalous else 'below'} the threshold "
        return Card(f"{words}{number(self.threshold)}. {self}", tables=cell_tables(self.reasons))

    def __str__(self) -> str:
        if not self.anomalous:
            return "This row is normal."
        if self.counterfactual is None:
            return f"The search found no change of {STEPS} columns or fewer that makes this row normal."
        changes = [_change(cell) for cell in self.counterfactual]
        several = " and ".join(filter(None, (", ".join(changes[:-1]), changes[-1])))
        return f"With {several}, this row would be normal."


def _change(cell: Cell) -> str:
    given = {"unknown": "a category that the model does not know", "missing": "no value"}.get(cell.kind, cell.given)
    return f"{cell.column} {cell.expected} instead of {given}"


@dataclass(frozen=True, eq=False, repr=False)
class Explanations(Shown, Sequence[Explanation]):
    """The explanations of N rows, one for each, as an array; and as columns of a table (`table`).

    scores: (N,) float64. threshold, base: the scores of an anomalous row and of a usual one. given: (N, STEPS) raw
    values of the cells in `corrections`.
    """

    scores: Tensor
    threshold: float
    base: float
    given: Tensor
    corrections: Corrections
    look: Look
    names: tuple[str, ...]

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """The explanations of the rows of all parts, in order."""
        return replace(
            parts[0],
            scores=torch.cat([part.scores for part in parts]),
            given=torch.cat([part.given for part in parts]),
            corrections=Corrections.join([part.corrections for part in parts]),
        )

    def take(self, rows: Tensor | Sequence[int]) -> Self:
        """Those of these rows, by their numbers."""
        chosen = torch.as_tensor(rows, dtype=torch.int64)
        return replace(
            self, scores=self.scores[chosen], given=self.given[chosen], corrections=self.corrections.take(chosen)
        )

    def __len__(self) -> int:
        return len(self.scores)

    def _card(self) -> Card:
        order = self.scores.nan_to_num(math.inf, math.inf).sort(descending=True, stable=True).indices[:ROWS].tolist()
        rows = [
            (
                str(row),
                number(float(self.scores[row])),
                listed([f"{c.column} {cell_words(c)}" for c in self[row].reasons], 3),
            )
            for row in order
        ]
        many = int(over(self.scores, self.threshold).sum())
        words = f"of {len(self):,} rows, {many:,} have a score above the threshold {number(self.threshold)}"
        head, more = ("row", "score", "furthest off"), len(self) - len(rows)
        return Card(words, tables=[Table(head, rows, "The highest scores.", more)])

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return self.take(range(len(self))[row])
        if not -len(self) <= row < len(self):
            raise IndexError(f"There is no row {row}: there are {len(self)}.")
        made, shares = self.corrections, self._shares[row].tolist()
        reasons = self._cells(row, made.expected[row], shares)[:NAMED]
        changes = self._cells(row, made.changed[row], shares)
        needed = tuple(cell for cell, used in zip(changes, made.needed[row].tolist(), strict=False) if used)
        return Explanation(
            float(self.scores[row]), self.threshold, reasons, needed if int(made.changes[row]) >= 0 else None
        )

    def __iter__(self) -> Iterator[Explanation]:
        return (self[row] for row in range(len(self)))

    def often(self) -> Counter[str]:
        """How many rows have each column as their first reason, of the anomalous rows."""
        firsts = self.corrections.cells[self.anomalous, 0]
        return Counter(self.names[place] for place in firsts.tolist() if place >= 0)

    @property
    def anomalous(self) -> Tensor:
        """(N,) bool: which scores lie above the threshold or are not finite."""
        return over(self.scores, self.threshold)

    def table(self) -> Any:
        """The explanations as an Arrow table of N rows.

        For each reason, its column, its given and expected value as text, and its share: reason_1, given_1, expected_1,
        share_1, reason_2, … Then the counterfactual as text, "age = 41; city = Rome", for anomalous rows only.
        """
        import pyarrow as pa  # noqa: PLC0415 Arrow takes some 40 MB that pictures don't need

        columns: dict[str, Any] = {}
        cells, shares = self.corrections.cells[:, :NAMED], self._shares[:, :NAMED]
        given = self._written(cells, self.given)
        expected = self._written(cells, self.corrections.expected)
        for place in range(NAMED):
            absent = (cells[:, place] < 0).numpy()
            names = [self.names[one] if one >= 0 else None for one in cells[:, place].tolist()]
            columns[f"reason_{place + 1}"] = pa.array(names, pa.string())
            columns[f"given_{place + 1}"] = pa.array(given[place], pa.string())
            columns[f"expected_{place + 1}"] = pa.array(expected[place], pa.string())
            columns[f"share_{place + 1}"] = pa.array(shares[:, place].numpy().round(4), mask=absent)
        columns["counterfactual"] = pa.array(self._counterfactuals(), pa.string())
        return pa.table(columns)

    def _counterfactuals(self) -> list[str | None]:
        """The cells that would make each row normal, in words; None for a row that is normal already."""
        made = self.corrections
        found: list[str | None] = [None] * len(self)
        rows = made.changes.nonzero()[:, 0]
        used = torch.where(made.needed[rows], made.cells[rows], -1)
        words = self._written(used, made.changed[rows])
        for place, (row, own) in enumerate(zip(rows.tolist(), used.tolist(), strict=True)):
            pairs = [f"{self.names[one]} = {words[step][place]}" for step, one in enumerate(own) if one >= 0]
            found[row] = "; ".join(pairs) or f"none found of {STEPS} columns or fewer"
        return found

    def _written(self, cells: Tensor, values: Tensor) -> list[list[str | None]]:
        """For each of the k places of (n, k) cells, the n values as text; None where there is no cell."""
        made: list[list[str | None]] = [[None] * len(cells) for _ in range(cells.shape[1])]
        for column in cells.unique().tolist():
            if column < 0:
                continue
            rows, places = (cells == column).nonzero(as_tuple=True)
            words = self.look.written(column, values[rows, places].to(self.given.dtype).numpy())
            for row, place, word in zip(rows.tolist(), places.tolist(), words, strict=True):
                made[place][row] = word
        return made

    @functools.cached_property
    def _shares(self) -> Tensor:
        return self.corrections.shares(self.base)

    def _cells(self, row: int, expected: Tensor, shares: Sequence[float]) -> tuple[Cell, ...]:
        """The cells that a row's first corrections have put right, with these expected values."""
        found = []
        for place, (value, share) in enumerate(zip(expected, shares, strict=False)):
            column, given = int(self.corrections.cells[row, place]), self.given[row, place]
            if column < 0:
                break
            words = self._value(column, given), self._value(column, value)
            found.append(Cell(self.names[column], *words, share, self._kind(column, float(given))))
        return tuple(found)

    def _value(self, column: int, value: Tensor) -> Value:
        """A raw value as a Python number, with the digits that it has in the data, or as text."""
        if isinstance(words := self.look.told(column, float(value)), str):
            return words
        text = self.look.written(column, value[None].to(self.given.dtype).numpy())[0]
        return int(text) if text.lstrip("-").isdigit() else float(text)

    def _kind(self, column: int, given: float) -> CellKind:
        levels = self.look.scaling.levels
        if levels and levels[column] and given >= levels[column]:
            return "unknown"
        return "missing" if given != given else "value"  # noqa: PLR0124  # NaN


@dataclass(frozen=True, eq=False)
class Explainer:
    """Explains the rows of a table by any score.

    score: of raw rows and their labels. threshold: of an anomalous score. base: the score of a usual row.
    """

    score: RowScore
    model: Autoencoder
    look: Look
    usual: Usual
    threshold: float
    base: float

    def __call__(
        self, samples: Samples, scores: Tensor, which: Explained = "all", *, quick: bool = False
    ) -> Explanations:
        """Explain rows with these (N,) scores.

        which: "anomalous" leaves all others without reasons. quick: whether only the most anomalous rows are searched
        thoroughly, at most `MOST_THOROUGH` of all rows, other anomalous rows fairly, and all others quickly (`Depth`).
        """
        search = CellSearch(self.score, self.model, self.look, self.usual)
        order = scores.nan_to_num(math.inf, math.inf).sort(descending=True, stable=True).indices
        anomalous = int(over(scores, self.threshold).sum())
        searched = len(scores) if which == "all" else anomalous
        thorough = min(anomalous, max(LEAST_THOROUGH, int(MOST_THOROUGH * len(scores)))) if quick else searched
        ends = (thorough, max(thorough, anomalous), searched, len(scores))
        parts = [order[start:end] for start, end in itertools.pairwise((0, *ends))]
        about = {"base": self.base, "threshold": self.threshold}
        found = [
            search(samples.take(rows), scores[rows], depth, **about)
            for rows, depth in zip(parts, (THOROUGH, FAIR, QUICK), strict=False)
        ]
        found.append(Corrections.none(scores[parts[-1]], self.threshold))
        made = Corrections.join(found).take(order.argsort())
        given = floating(samples.tensor()).gather(1, made.cells.clamp(min=0))
        names = samples.columns or tuple(f"column {place + 1}" for place in range(samples.shape[0]))
        return Explanations(scores, self.threshold, self.base, given, made, self.look, names)


def over(scores: Tensor, threshold: float) -> Tensor:
    """(N,) bool: which scores lie above the threshold, or are not finite."""
    return ~(scores <= threshold)

"""Anomalous cells of a table's row: correcting them from the other cells takes most of the row's score away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples, inference_batch_size
from isthmus.drawing.look import Look
from isthmus.formatting import number, percent
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.parts.model import eval_mode
from isthmus.shown import Shown, Table
from isthmus.uses.scores import elements_of, pass_of
from isthmus.uses.usual import Usual

CellKind = Literal["value", "unknown", "missing"]
"""Why a cell is anomalous: its value; a category that the model doesn't know; or no value, where none is ever missing
in training."""
Value = float | int | str
RowScore = Callable[[Tensor, Tensor | None], Tensor]
"""(N, D) raw rows and their labels to (N,) float64 scores: the higher, the more anomalous."""
LEAST = 0.01
"""The least share of the score that a reason explains; of the rest of the score, for a change that makes a row normal.
"""
LONGEST = 0.9
"""The largest share of a distance that a round is taken to leave, so that no value is extrapolated too far."""
HUGE, TINY = 1e300, 1e-30
"""The score of a row whose score isn't finite, and the least that a score is divided by."""


class Cell(NamedTuple):
    """An anomalous cell of a row.

    given, expected: its value, and the value that the row's other cells suggest, in the data's own units; categories by
    name, dates as text. share: the part of the row's score that the correction removes, in addition to the cells listed
    before it. The shares of a row add up to 1 at most.
    """

    column: str
    given: Value
    expected: Value
    share: float
    kind: CellKind = "value"


def cell_words(cell: Cell) -> str:
    """The cell's value and the expected one: "180 → 64.2"."""
    given = "unknown" if cell.kind == "unknown" else _value(cell.given)
    return f"{given} → {_value(cell.expected)}"


def cell_tables(cells: Sequence[Cell]) -> list[Table]:
    """The cells as a table to show; [] for none."""
    rows = [(cell.column, *cell_words(cell).split(" → "), percent(cell.share)) for cell in cells]
    return [Table(("column", "given", "expected", "share of the score"), rows)] if rows else []


def _value(value: Value) -> str:
    return number(value) if isinstance(value, int | float) else value


@dataclass(frozen=True)
class Depth:
    """How thoroughly a row is searched.

    tried: the most cells that are tried. rounds: how often a cell is replaced by its reconstruction. reasons: the most
    cells that are named. changes: the most cells that are corrected to bring a row below the threshold.
    """

    tried: int
    rounds: int
    reasons: int
    changes: int


THOROUGH = Depth(tried=32, rounds=2, reasons=3, changes=5)
FAIR = Depth(tried=8, rounds=2, reasons=3, changes=5)
QUICK = Depth(tried=3, rounds=2, reasons=1, changes=0)
STEPS = max(THOROUGH.reasons, THOROUGH.changes)
"""The most cells of a row that are corrected."""


@dataclass(frozen=True, eq=False, repr=False)
class Corrections(Shown):
    """The cells of N rows that were corrected one after the other, at most `STEPS` of each.

    cells: (N, STEPS) int64 the first number of each corrected cell, -1 for none. after: (N, STEPS + 1) float64 the
    row's score before and after each correction. expected: (N, STEPS) raw values of the cells after the last one.
    changes: (N,) int64 how many of them bring the score down to the threshold: 0 if it lies there anyway, -1 if all of
    them don't suffice. needed: (N, STEPS) bool, which ones. changed: (N, STEPS) the raw values of these cells then.
    """

    cells: Tensor
    after: Tensor
    expected: Tensor
    changes: Tensor
    needed: Tensor
    changed: Tensor

    @classmethod
    def none(cls, scores: Tensor, threshold: float) -> Self:
        """No corrections of rows with these (N,) scores."""
        before = scores.double().nan_to_num(HUGE, HUGE).clamp(max=HUGE)
        cells = torch.full((len(scores), STEPS), -1)
        values = torch.zeros(cells.shape, dtype=torch.float64)
        after = before[:, None].repeat(1, STEPS + 1)
        return cls(cells, after, values, (before <= threshold).long() - 1, cells > 0, values.clone())

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """The corrections of the rows of all parts, in order."""
        return cls(*(torch.cat([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    def take(self, rows: Tensor) -> Self:
        """Those of these rows, by (n,) int64 numbers."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))

    def shares(self, base: float) -> Tensor:
        """(N, STEPS) the part of the score's excess over `base` that each correction removes."""
        after = self.after.clamp(min=base)
        return (after[:, :-1] - after[:, 1:]) / (after[:, :1] - base).clamp(min=TINY)


@dataclass(frozen=True, eq=False, repr=False)
class CellSearch(Shown):
    """A search for the cells of a table's rows that are to blame for a score.

    A model follows its input, so the cell with the largest error need not be the wrong one: a weight of 400 pulls the
    height along. The search therefore sets each cell in turn to its usual value, and for some rounds to the model's
    reconstruction. The cell whose correction removes most of the row's score is anomalous. The search for the next cell
    corrects it together with those found so far. A category that the model doesn't know comes first.

    score: any score of rows. Only those cells are tried that have the largest errors or are furthest from their usual
    value, and missing cells where none is ever missing in training. A date is one cell, with its place in day, week and
    year. Corrected cells have values that the column can hold, with as many decimals.
    """

    score: RowScore
    model: Autoencoder
    look: Look
    usual: Usual

    def __call__(
        self, samples: Samples, scores: Tensor, depth: Depth = THOROUGH, *, base: float = 0.0, threshold: float
    ) -> Corrections:
        """Correct (N, D) rows with these (N,) scores.

        base: the score at which nothing is left to explain. threshold: of an anomalous score.
        """
        if not len(scores):
            return Corrections.none(scores, threshold)
        size = max(1, inference_batch_size(max_width(self.model)) // min(depth.tried, samples.shape[0]))
        given, labels = floating(samples.tensor()), samples.labels
        return Corrections.join([
            self._correct(
                given[start : start + size],
                None if labels is None else labels[start : start + size],
                scores[start : start + size],
                depth,
                base,
                threshold,
            )
            for start in range(0, len(given), size)
        ])  # fmt: skip

    def _correct(
        self, given: Tensor, labels: Tensor | None, scores: Tensor, depth: Depth, base: float, threshold: float
    ) -> Corrections:
        made = Corrections.none(scores, threshold)
        before = made.after[:, 0].clone()
        rows = (before > base).nonzero()[:, 0]  # those in which a further cell may be off
        if not len(rows):
            return made
        cell_of = self.look.cells(given.shape[1])
        tried = self._suspects(given, labels, cell_of, depth.tried)
        put, changed = given.clone(), given.clone()
        off = torch.zeros(given.shape, dtype=torch.bool)
        for step in range(max(depth.reasons, depth.changes)):
            own = None if labels is None else labels[rows]
            left, cell, new = self._put_right(given[rows], own, tried[rows], off[rows], cell_of, depth.rounds)
            above = made.changes[rows] < 0
            wanted = torch.where(above, before[rows], made.after[rows, 0]) - base  # a change may be a small one at last
            better = before[rows] - left >= LEAST * wanted
            rows, left, cell, new = (each[better] for each in (rows, left, cell, new))
            off[rows] |= cell_of == cell[:, None]
            before[rows], put[rows], made.cells[rows, step] = left, new, cell
            made.after[rows, step + 1 :] = left[:, None]
            normal = rows[(left <= threshold) & (made.changes[rows] < 0)]
            made.changes[normal], changed[normal] = step + 1, put[normal]
            more = (made.changes[rows] < 0) & (step + 1 < depth.changes) | (step + 1 < depth.reasons)
            rows = rows[(before[rows] > base) & more]
            if not len(rows):
                break
        self._leave_out(made, given, labels, changed, cell_of, depth.rounds, threshold)
        places = made.cells.clamp(min=0)
        made.expected.copy_(put.gather(1, places))
        made.changed.copy_(changed.gather(1, places))
        return made

    def _leave_out(
        self,
        made: Corrections,
        given: Tensor,
        labels: Tensor | None,
        changed: Tensor,
        cell_of: Tensor,
        rounds: int,
        threshold: float,
    ) -> None:
        """Leave out changes without which a row is normal too, one after the other, in `made` and `changed`.

        A cell that was corrected first may be one that a wrong cell has pulled along.
        """
        made.needed.copy_(torch.arange(STEPS) < made.changes[:, None])
        rows = (made.changes > 1).nonzero()[:, 0]
        while len(rows):
            row, place = made.needed[rows].nonzero(as_tuple=True)
            kept = made.needed[rows][row]
            kept[torch.arange(len(row)), place] = False
            cells = torch.where(kept, made.cells[rows][row], -1)
            free = (cell_of[:, None] == cells[:, None, :]).any(2)
            own = None if labels is None else labels[rows][row]
            put = self._expected(torch.where(free, self.usual.row.to(given.dtype), given[rows][row]), own, free, rounds)
            left = torch.full((len(rows), STEPS), torch.inf, dtype=torch.float64)
            left[row, place] = self.score(put, own).nan_to_num(torch.inf)
            number = torch.zeros(left.shape, dtype=torch.int64)
            number[row, place] = torch.arange(len(row))
            least, worst = left.min(1)
            normal = least <= threshold
            rows, worst, number = rows[normal], worst[normal], number[normal]
            made.needed[rows, worst] = False
            made.changes[rows] -= 1
            changed[rows] = put[number.gather(1, worst[:, None])[:, 0]]
            rows = rows[made.changes[rows] > 1]

    def _suspects(self, given: Tensor, labels: Tensor | None, cell_of: Tensor, most: int) -> Tensor:
        """(N, tries) the cells to try, each by its first number, those with the largest errors first."""
        errors, _ = self._passed(given, labels)
        levels = torch.tensor(self.model.scaling.levels or [0] * given.shape[1])
        far = (self.look.scaled(given) - self.look.scaled(self.usual.row[None])).square()
        far = torch.where(levels > 0, (given != self.usual.row).to(far.dtype), far)
        # of both, the share of the row's sum: a cell is wrong if it has a large error, or if the model follows it
        error, distance = (
            torch.zeros(given.shape).index_add(1, cell_of, each.float().nan_to_num(0.0)) for each in (errors, far)
        )
        weight = torch.maximum(*(each / each.sum(1, keepdim=True).clamp(min=TINY) for each in (error, distance)))
        weight = torch.where(given.isinf() | ((levels > 0) & (given >= levels)), torch.inf, weight)
        missing = given.isnan()
        weight = torch.where(missing, 1.0, weight)
        barred = (missing & ~self.usual.always) | (cell_of != torch.arange(len(cell_of)))
        weight = torch.where(barred, -1.0, weight)
        found = weight.sort(descending=True, stable=True)
        return torch.where(found.values < 0, -1, found.indices)[:, :most]

    def _put_right(
        self, given: Tensor, labels: Tensor | None, tried: Tensor, off: Tensor, cell_of: Tensor, rounds: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The cell of each of (n, D) raw rows whose correction, together with those found so far, leaves the least.

        tried: (n, tries) which cells to try, -1 for none. off: (n, D) the numbers of the cells found so far. cell_of:
        (D,) the cell that each number belongs to. Returns (n,) the remaining score, infinite if there is nothing to
        try; (n,) the cell; and (n, D) the corrected row.
        """
        places = tried.clamp(min=0)
        possible = (tried >= 0) & ~off.gather(1, places)
        row, cell = possible.nonzero()[:, 0], places[possible]
        free = off[row] | (cell_of == cell[:, None])
        labels = None if labels is None else labels[row]
        put = self._expected(torch.where(free, self.usual.row.to(given.dtype), given[row]), labels, free, rounds)
        left = torch.full(tried.shape, torch.inf, dtype=torch.float64)
        if len(put):
            same = put.gather(1, cell[:, None]) == given[row].gather(1, cell[:, None])
            left[possible] = torch.where(same[:, 0], torch.inf, self.score(put, labels).nan_to_num(torch.inf))
        # an unknown category comes first, whatever the model makes of the row
        levels = torch.tensor(self.model.scaling.levels or [0] * given.shape[1])
        unknown = ((levels > 0) & (given >= levels)).gather(1, places) & possible
        best = torch.where(unknown.any(1, keepdim=True) & ~unknown, torch.inf, left).argmin(1, keepdim=True)
        number = torch.zeros(tried.shape, dtype=torch.int64)  # of each try
        number[possible] = torch.arange(len(row))
        new = put[number.gather(1, best)[:, 0]] if len(put) else given
        return left.gather(1, best)[:, 0], places.gather(1, best)[:, 0], new

    def _expected(self, put: Tensor, labels: Tensor | None, free: Tensor, rounds: int) -> Tensor:
        """(n, D) raw rows whose free numbers have the values that the model makes of the others.

        The model's reconstruction takes their place, time and again. Each round leaves about the same share of the
        distance to the values that no longer change, so the last two rounds show where these lie (Aitken, 1926).
        """
        before = last = put
        for _ in range(rounds):
            before, last, put = last, put, torch.where(free, self._passed(put, labels)[1].to(put.dtype), put)
        was, step = last - before, put - last
        ratio = torch.where(was != 0, step / was, 0.0).nan_to_num(0.0, 0.0, 0.0).clamp(0, LONGEST)
        levels = torch.tensor(self.model.scaling.levels or [0] * put.shape[1])
        put = torch.where(free & (levels == 0), put + step * ratio / (1 - ratio), put)
        return torch.where(free, self.look.possible(self.usual.rounded(put)), put)

    def _passed(self, rows: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """(n, columns) squared errors, and the reconstructions, raw."""
        with eval_mode(self.model):
            out = pass_of(self.model, rows, labels)
            return elements_of(self.model, out), self.model.scaling.inverse(out.reconstruction).cpu()

"""Checks of drift: each compares one thing, such as a column or the scores, in new data and in a reference."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from isthmus.drawing.columns import told as day
from isthmus.drawing.drift import Overlay
from isthmus.drawing.look import Look
from isthmus.formatting import number, percent
from isthmus.measures.two_samples import NONE, Difference, adjusted, categories, numbers, shares
from isthmus.shown import Shown
from isthmus.uses.summary import Summary, TableColumn

About = Literal["anomalous", "score", "latent", "column", "missing", "unknown"]
DRAWN = {"column": 24, "latent": 12, "score": 2}
"""The most overlays that are kept, of the most changed."""
MODEL: tuple[About, ...] = ("anomalous", "score", "latent")
"""The checks that need the model."""
_FAULTS: tuple[About, ...] = ("missing", "unknown")
NAMED = 3
"""Categories that are named in words."""


@dataclass(frozen=True, repr=False)
class Check(Shown):
    """One comparison of new data with the reference.

    about: "anomalous", the share of anomalous rows; "score", the distribution of the anomaly
        scores or of the reconstruction errors; "latent", that of
        a latent dimension; "column", that of a column's known values; "missing" and "unknown", the share of rows that
        lack a column's value, or have a category that the model doesn't know.
    name: of the column, the score or the latent dimension; "" for the anomalous rows. before, after: the reference and
        the new data in words, in the data's units.
    distance: how far they are apart, from 0 to 1 (`isthmus.measures.two_samples.Difference`). limit: the smallest
        distance that matters. p: of the test. adjusted: the same, adjusted for the number of tests. test: its name.
    changed: whether the difference is significant, and large enough to matter.
    """

    about: About
    name: str
    before: str
    after: str
    distance: float
    limit: float
    p: float
    adjusted: float
    test: str
    changed: bool
    overlay: Overlay | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """What is compared, in words."""
        return {
            "anomalous": "anomalous rows",
            "missing": f"{self.name}: missing",
            "unknown": f"{self.name}: unknown category",
        }.get(self.about, self.name)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON data, without the figure."""
        return {name: value for name, value in vars(self).items() if name != "overlay"}


class Found(NamedTuple):
    """A difference before it is judged among all others. overlay: makes its figure."""

    about: About
    name: str
    before: str
    after: str
    difference: Difference
    overlay: Callable[[], Overlay] | None = None


def column_differences(
    columns: Sequence[TableColumn], before: Summary, after: Summary, look: Look, ignore: Sequence[str] = ()
) -> Iterator[Found]:
    """The differences of each column: of its known values, its missing and its unknown ones."""
    for place, column in enumerate(columns):
        if column.name in ignore:
            continue
        rows = before.rows, after.rows
        for about in _FAULTS:
            some = [int(getattr(one, about)[place]) for one in (before, after)]
            if any(some):
                pairs = (some[0], rows[0]), (some[1], rows[1])
                words = [percent(count / all_rows) for count, all_rows in pairs]
                yield Found(about, column.name, words[0], words[1], shares(*pairs))
        old, new = before.counts[place], after.counts[place]
        if old is not None and new is not None:
            if old.any() and new.any():
                yield _of_categories(column, old, new, (int(before.unknown[place]), int(after.unknown[place])))
        elif len(one := before.values(place)) and len(other := after.values(place)):
            yield _of_numbers(column, one, other, look)


def model_differences(before: Summary, after: Summary) -> Iterator[Found]:
    """The differences of the anomalous rows, the scores, and each latent dimension."""
    pairs = (before.anomalous, before.scored), (after.anomalous, after.scored)
    words = [percent(some / rows) for some, rows in pairs]
    yield Found("anomalous", "", words[0], words[1], shares(*pairs))
    known = len(before.scores)
    for place in range(before.passed.shape[1]):
        one, other = before.passed[:, place], after.passed[:, place]
        yield Found(
            "score" if place < known else "latent",
            f"latent dimension {place - known}" if place >= known else _score(place),
            _span(one, number),
            _span(other, number),
            numbers(one, other),
            lambda one=one, other=other: Overlay.of_numbers(one, other),
        )


def _score(place: int) -> str:
    return "reconstruction error" if place else "anomaly score"


def judged(found: Sequence[Found], *, level: float, distance: float, share: float) -> tuple[Check, ...]:
    """The checks, the changed ones first, of these the columns, and then by how far the distance exceeds its limit."""
    checks: list[tuple[Check, Found]] = []
    for one, p in zip(found, adjusted([one.difference.p for one in found]), strict=True):
        limit = distance if one.about in ("score", "latent", "column") else share
        apart = one.difference.distance
        changed = p <= level and apart >= limit and one.difference.test != NONE.test
        checks.append((
            Check(one.about, one.name, one.before, one.after, apart, limit, one.difference.p, p,
                  one.difference.test, changed),
            one,
        ))  # fmt: skip
    checks.sort(key=lambda pair: (not pair[0].changed, pair[0].about in MODEL, -pair[0].distance / pair[0].limit))
    left, made = dict(DRAWN), []
    for check, one in checks:
        if one.overlay is not None and left.get(check.about, 0):
            left[check.about] -= 1
            check = replace(check, overlay=one.overlay())  # noqa: PLW2901
        made.append(check)
    return tuple(made)


def _of_numbers(column: TableColumn, one: np.ndarray, other: np.ndarray, look: Look) -> Found:
    if column.kind == "boolean":
        words = [f"true {percent(float(values.mean()))}" for values in (one, other)]
        counts = [np.array([(values < 0.5).sum(), (values >= 0.5).sum()]) for values in (one, other)]
        return Found(
            "column", column.name, words[0], words[1], categories(*counts),
            lambda: Overlay.of_categories(counts[0], counts[1], ("false", "true")),
        )  # fmt: skip

    def told(value: float) -> str:
        words = day(value, "date") if column.kind == "date" else look.told(column.place, value)
        return words if isinstance(words, str) else number(words)

    return Found(
        "column", column.name, _span(one, told), _span(other, told), numbers(one, other),
        lambda: Overlay.of_numbers(one, other, column.kind),
    )  # fmt: skip


def _of_categories(column: TableColumn, old: np.ndarray, new: np.ndarray, unknown: tuple[int, int]) -> Found:
    names, shown = column.levels, (old, new)
    if any(unknown):
        names, shown = (*names, "unknown"), (np.append(old, unknown[0]), np.append(new, unknown[1]))
    before, after = old / old.sum(), new / new.sum()
    most = np.argsort(-np.abs(after - before), kind="stable")[:NAMED]
    words = [", ".join(f"{column.levels[i]} {percent(float(one[i]))}" for i in most) for one in (before, after)]
    return Found(
        "column", column.name, words[0], words[1], categories(old, new),
        lambda: Overlay.of_categories(shown[0], shown[1], names),
    )  # fmt: skip


def _span(values: np.ndarray, told: Callable[[float], str]) -> str:
    """The median, and the numbers between which nine of ten values lie."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95), method="nearest").tolist()
    return told(middle) if low == high else f"{told(middle)} ({told(low)} to {told(high)})"

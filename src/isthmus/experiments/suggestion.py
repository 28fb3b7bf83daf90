"""What a sweep found: which size of the code to take, and why."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from isthmus.experiments.study import Study
from isthmus.experiments.table import Entry, Found, entries, evaluated_part, rows
from isthmus.formatting import percent

CLOSE = 0.01
"""Of the variance: nearer to each other, single trainings say little of which of two is better."""


@dataclass(frozen=True)
class Point:
    """What a code of one size comes to, mean over the seeds, on the part that decides.

    explained, pca_explained: share of the variance that the model and PCA with as many numbers bring back. spread:
    standard deviation of the model's over the seeds, None of one seed. bits: of a quantised code; PCA then has as many
    of them. gain: what each number beyond the next smaller code adds to the explained share; None of the smallest.
    """

    code: int
    explained: float
    spread: float | None
    pca_explained: float | None
    gain: float | None = None
    bits: float | None = None


@dataclass(frozen=True)
class Sweep(Found):
    """What a sweep found; its candidates are called by their words, "code 8".

    points: what decides, by size. price: the explained share that a number must add to pay. suggested: the code size
    for which the error, with the price of each of its numbers added, is least; None where nothing was measured.
    reason: why, in words.
    """

    price: float
    points: tuple[Point, ...]
    suggested: int | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The decision and what it rests on."""
        return {
            "study": "sweep",
            "part": self.part,
            "price": self.price,
            "suggested": self.suggested,
            "reason": self.reason,
            "points": [point.__dict__ for point in self.points],
            "failures": self.failures,
        }


def judge(study: Study, price: float | None = None) -> Sweep:
    """What the results of a sweep's trials say."""
    table = rows(study)
    part = evaluated_part(table, ("validation", "test", "train"))
    width = math.prod(study.data.shape)
    found = entries(table)
    chosen = 1 / width if price is None else price
    points = _points(found, f"{part}_explained_variance")
    suggested, reason = suggest(points, chosen, part, priced_by_data=price is None, width=width)
    return Sweep(study.folder, part, tuple(table), tuple(found), chosen, points, suggested, reason)


def suggest(
    points: Sequence[Point], price: float, part: str = "validation", *, priced_by_data: bool = True, width: int = 0
) -> tuple[int | None, str]:
    """The size whose unexplained share plus `price` for each number is least, and the reason in words.

    part: of the data, whose shares these are. width: how many numbers a sample has, 0 where nobody knows.
    """
    if not points:
        return None, "Nothing was measured."
    costs = [1 - point.explained + price * point.code for point in points]
    place = costs.index(min(costs))
    chosen = points[place]
    worth = f"{percent(price)} of the variance"
    if priced_by_data:
        worth += f", what one of the data's own {width} numbers holds on average"
    reason = f"On the {part} part {_numbers(chosen.code)} bring{'s' if chosen.code == 1 else ''} back "
    reason += percent(chosen.explained)
    beaten = next((p for p in points if p.pca_explained is not None and p.pca_explained >= chosen.explained), None)
    if chosen.pca_explained is not None and beaten is not chosen:
        many = "as many" if chosen.bits is None else f"as many bits, {chosen.bits:.0f}"
        those = beaten and (f"{beaten.code}" if beaten.bits is None else f"{beaten.bits:.0f}")
        needs = f"needs {those} for that" if those else "reaches that with none of the sizes tried"
        reason += f" (PCA: {percent(chosen.pca_explained)} with {many}, and it {needs})"
    if place + 1 == len(points):
        largest = "It is the largest that was tried, so more may pay still: try larger ones."
        if 0 < width <= chosen.code:
            largest = f"The data themselves have no more than {_numbers(width)}: larger codes can bring nothing."
        return chosen.code, f"{reason}. {largest}{_doubt(points, costs)}"
    following = points[place + 1]
    assert following.gain is not None
    more = f"Up to {following.code}, each further one would bring {percent(max(0.0, following.gain))}"
    return chosen.code, f"{reason}. {more}, which is less than the price of a number, {worth}.{_doubt(points, costs)}"


def _doubt(points: Sequence[Point], costs: Sequence[float]) -> str:
    """A sentence, with a space before it, where another size is as good by what chance may do; else ""."""
    first, second, *_ = [*sorted(range(len(points)), key=costs.__getitem__), None]
    if second is None:
        return ""
    apart = costs[second] - costs[first]
    spreads = [points[place].spread for place in (first, second)]
    chance = CLOSE if None in spreads else sum(spread for spread in spreads if spread is not None)
    if apart > chance:
        return ""
    seen = "one training of each" if None in spreads else "their standard deviations over the seeds"
    return (
        f" With {_numbers(points[second].code)} the sum of error and price is larger by {percent(apart)} only, "
        f"which {seen} can't tell from chance: more seeds may turn it."
    )


def _points(found: Sequence[Entry], measure: str) -> tuple[Point, ...]:
    points: list[Point] = []
    for entry in found:
        if (explained := entry.get(measure)) is None:
            continue
        point = Point(
            entry.whole("code"), explained, entry.spreads[measure], entry.get(f"{measure}_pca"), bits=entry.get("bits")
        )
        if points:
            before = points[-1]
            point = replace(point, gain=(explained - before.explained) / (point.code - before.code))
        points.append(point)
    return tuple(points)


def _numbers(count: int) -> str:
    return f"{count} numbers" if count != 1 else "one number"

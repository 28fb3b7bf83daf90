"""The result of a sweep: the suggested size of the code, and the reason."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from isthmus.experiments.study import Study
from isthmus.experiments.table import Entry, Found, entries, evaluated_part, rows
from isthmus.formatting import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

CLOSE = 0.01
"""Of the variance: with one training each, a smaller difference between two sizes may be chance."""


@dataclass(frozen=True)
class Point:
    """The result for one code size: means over the seeds, on the part that decides.

    explained, pca_explained: explained variance of the model and of PCA with as many components. spread: standard
    deviation of the model's value over the seeds; None for one seed. bits: of a quantised code; PCA then has as many
    bits. gain: the explained variance that each dimension adds to the next smaller code; None for the smallest.
    """

    code: int
    explained: float
    spread: float | None
    pca_explained: float | None
    gain: float | None = None
    bits: float | None = None


@dataclass(frozen=True, repr=False)
class Sweep(Found):
    """The result of a sweep; its candidates have names such as "code 8".

    points: the results by size. price: the explained variance that a dimension must add. suggested: the code size
    with the least sum of error and price of its dimensions; None if nothing was measured. reason: in words.
    """

    price: float
    points: tuple[Point, ...]
    suggested: int | None
    reason: str

    @property
    def answer(self) -> str:
        """The answer of the study in words."""
        return self.reason

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """The mean squared error of the model and of PCA by code size, with the suggested size."""
        from isthmus.drawing.theme import LIGHT  # noqa: PLC0415 Matplotlib takes half a second and 50 MB
        from isthmus.experiments.pictures import errors_by_size  # noqa: PLC0415

        return errors_by_size(self.entries, self.part, self.suggested, theme or LIGHT)

    def to_json(self) -> dict[str, Any]:
        """The decision and its basis."""
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
    """Summarise the results of a sweep's trials."""
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
    """The size with the least sum of unexplained variance and `price` per dimension, and the reason in words.

    part: the part of the data that these values belong to. width: the numbers of a sample; 0 if unknown.
    """
    if not points:
        return None, "Nothing was measured."
    costs = [1 - point.explained + price * point.code for point in points]
    place = costs.index(min(costs))
    chosen = points[place]
    worth = f"{percent(price)} of the variance"
    if priced_by_data:
        worth += f", the average share of one of the data's own {width} numbers"
    reason = f"On the {part} part, {_numbers(chosen.code)} explain{'s' if chosen.code == 1 else ''} "
    reason += f"{percent(chosen.explained)} of the variance"
    beaten = next((p for p in points if p.pca_explained is not None and p.pca_explained >= chosen.explained), None)
    if chosen.pca_explained is not None and beaten is not chosen:
        many = "as many" if chosen.bits is None else f"as many bits, {chosen.bits:.0f}"
        those = beaten and (f"{beaten.code}" if beaten.bits is None else f"{beaten.bits:.0f}")
        needs = f"it needs {those} for the same" if those else "no size that was tried reaches the same"
        reason += f" (PCA: {percent(chosen.pca_explained)} with {many}; {needs})"
    if place + 1 == len(points):
        largest = "This is the largest size that was tried, and a larger one may still pay: try larger sizes."
        if 0 < width <= chosen.code:
            numbers = f"{width} numbers" if width != 1 else "one number"
            largest = f"A sample of the data has only {numbers}: larger codes can't explain more."
        return chosen.code, f"{reason}. {largest}{_doubt(points, costs)}"
    following = points[place + 1]
    assert following.gain is not None
    more = f"Up to {following.code}, each further dimension would add {percent(max(0.0, following.gain))}"
    return chosen.code, f"{reason}. {more}, less than its price, {worth}.{_doubt(points, costs)}"


def _doubt(points: Sequence[Point], costs: Sequence[float]) -> str:
    """A sentence, with a space before it, if another size may be as good by chance; otherwise ""."""
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
        f" With {_numbers(points[second].code)}, the sum of error and price is larger by only {percent(apart)}. By "
        f"{seen}, this may be chance: more seeds may reverse it."
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
    return f"{count} latent dimensions" if count != 1 else "one latent dimension"

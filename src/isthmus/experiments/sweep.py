"""How many numbers: the same model with codes of several sizes, PCA beside it, and where one more stops paying."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isthmus.data import open_data
from isthmus.errors import DataError, RunError
from isthmus.experiments.study import Study
from isthmus.experiments.table import Entry, Found, entries, evaluated_part, rows, write_table
from isthmus.experiments.trial import Fit, components
from isthmus.formatting import percent
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe as named
from isthmus.training.settings import checked

MOST = 128
"""The largest code that is tried where nobody says which."""
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


def sweep(
    source: Any,
    codes: Sequence[int] | None = None,
    *,
    recipe: str | Blueprint = "deep",
    out: str | Path,
    seeds: int = 1,
    price: float | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> Sweep:
    """Train the same model with codes of several sizes, and say where an additional number stops paying.

        found = ist.sweep("digits", [1, 2, 4, 8, 16], out="runs/digits-sweep", epochs=20)
        found.suggested, found.reason

    A number pays as long as it brings back at least as much of the variance as one of the data's own numbers holds
    on average, 1/D of it for D numbers (Kaiser's rule for PCA), or `price`. The size that is suggested is the one
    whose error on the validation part (where there is none, on the test part), with the price of its numbers added,
    is least.

    The folder keeps every run, `results.parquet` with a row a run, `results.json` and the page `report.html`. The same
    line again does only what is left to do; with more codes or seeds it takes what is there.

    source: anything that `open_data` takes, or Data. codes: the sizes; powers of two up to half of the data's numbers,
    and 128 at most, where None. recipe: its name, or a blueprint. seeds: trainings of each size. price: share of the
    variance. jobs: processes. overwrite: take the place of another study in the folder. progress: called with epochs
    done and in all. settings: of each training (`Settings`), the same for all.

    Raises:
        DataError: a size below 1, or a price that is no share.
        RunError: the folder holds a study of other data, models or settings; or every single run has failed.

    Source: Kaiser, The application of electronic computers to factor analysis (1960).
    """
    data = open_data(source)
    width = math.prod(data.shape)
    sizes = default_codes(width) if codes is None else sorted(set(codes))
    if not sizes or sizes[0] < 1:
        raise DataError(f"codes={codes!r}: expected sizes of 1 or more, such as 1,2,4,8.")
    if price is not None and not 0 <= price < 1:
        raise DataError(f"price={price}: expected a share of the variance, 0 or more and below 1, such as 0.01.")
    if seeds < 1:
        raise DataError(f"seeds={seeds}: expected 1 or more.")
    settings = checked(settings)
    plan = named(recipe) if isinstance(recipe, str) else recipe
    trials = [
        Fit(candidate=f"code {size}", seed=seed, blueprint=plan, options={"code": size}, settings=settings)
        for size in sizes
        for seed in range(seeds)
    ]
    study = Study(out, data, trials)
    study.run(jobs=jobs, overwrite=overwrite, progress=progress, components=components(trials, data))
    found = judge(study, price)
    facts = {"blueprint": plan.to_json(), "data": data.description, "settings": settings}
    write_table(study.folder, found.rows, found.to_json() | facts)
    from isthmus.experiments.page import write_sweep  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_sweep(study, found)
    if not found.points:
        raise RunError(f"Every run has failed, the first so: {next(iter(found.failures.values()))}")
    return found


def default_codes(width: int) -> list[int]:
    """Powers of two from 1 to half of the data's numbers, 128 at most."""
    return [2**power for power in range(8) if 2**power <= min(MOST, max(1, width // 2))]


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

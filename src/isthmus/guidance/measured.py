"""What the survey of all recipes measured: its table, which ships with the package, and the order that it gives."""

import functools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

FILE = "measured.json"
LEVEL, NATS = 0.02, 1.0
"""Two values that differ by a smaller share are level, and log-likelihoods by fewer nats: another seed may turn them
round."""
_TITLES = {
    "auroc": "AUROC",
    "frechet": "Fréchet distance",
    "kl": "KL",
    "nll": "−log p(x)",
    "probe": "accuracy of a probe",
    "seconds": "training time",
}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Measure(_Row):
    """A measure. means: in words. better: which values are; "" if neither."""

    means: str
    better: Literal["smaller", "larger", ""]


class DataSet(_Row):
    """A data set that recipes were trained on. samples, epochs: how many there were to learn from, and how often."""

    kind: str
    shape: tuple[int, ...]
    samples: int
    epochs: int | None = None
    what: str = ""


class Measured(_Row):
    """One training. failed: why there are no measures, or None."""

    recipe: str
    data: str
    code: int | None = None
    measures: Mapping[str, float | None] = {}
    failed: str | None = None


class Rank(NamedTuple):
    """How a recipe stands among others. place: the mean number of better ones. seconds: of its trainings together."""

    place: float
    seconds: float


class Measurements(_Row):
    """The survey's table. made_by: the command. machine: in words."""

    made_by: str
    machine: str
    measures: Mapping[str, Measure]
    data: Mapping[str, DataSet]
    rows: Sequence[Measured]

    def value(self, recipe: str, data: str, measure: str) -> float | None:
        """One figure of the table; None if it was not measured."""
        rows = (one for one in self.rows if (one.recipe, one.data) == (recipe, data) and one.failed is None)
        row = next(rows, None)
        return None if row is None else row.measures.get(measure)

    def nearest(self, names: Iterable[str], shape: Sequence[int], samples: int, most: int) -> list[str]:
        """At most `most` of these data sets, those first whose samples and their number are most like these."""

        def far(name: str) -> float:
            one = self.data[name]
            sizes = math.log(math.prod(one.shape) / math.prod(shape)) ** 2
            return sizes + math.log(max(1, one.samples) / max(1, samples)) ** 2

        return sorted(names, key=far)[:most]

    def ranks(self, recipes: Sequence[str], measure: str, sets: Sequence[str]) -> dict[str, Rank]:
        """The standing of each recipe that was measured on any of the sets: on how many others are better, on average.

        Values that hardly differ (`LEVEL`, `NATS`) are level. A recipe without a value stands behind those with one.
        Nothing has a rank by a measure without a better side.
        """
        if measure not in self.measures or not self.measures[measure].better:
            return {}
        sign = -1 if self.measures[measure].better == "smaller" else 1
        margin = (lambda _: NATS) if measure == "nll" else (lambda value: LEVEL * abs(value))
        found: dict[str, list[float]] = {}
        values = {data: {one: self.value(one, data, measure) for one in recipes} for data in sets}
        for row in values.values():
            known = {one: sign * value for one, value in row.items() if value is not None and math.isfinite(value)}
            for one in recipes:
                mine = known.get(one)
                behind = sum(mine is None or value > mine + margin(mine) for value in known.values())
                found.setdefault(one, []).append(behind)
        there = [one for one in recipes if any(row[one] is not None for row in values.values())]
        return {one: Rank(sum(found[one]) / len(found[one]), self._seconds(one, sets)) for one in there}

    def _seconds(self, recipe: str, sets: Sequence[str]) -> float:
        return sum(self.value(recipe, data, "seconds") or 0.0 for data in sets)


@functools.cache
def measurements() -> Measurements:
    """The table that ships with the package."""
    text = resources.files("isthmus.guidance").joinpath(FILE).read_text(encoding="utf-8")
    return Measurements.model_validate(json.loads(text))


def title_of(measure: str) -> str:
    """A measure's name in words, as the head of a column."""
    return _TITLES.get(measure, measure.replace("_", " "))

"""A study's table: one row per trial, means and standard deviations over the seeds, and the files with both."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.experiments.generative import ERROR, ERROR_OF_TOKENS
from isthmus.experiments.study import Study
from isthmus.formatting import number
from isthmus.shown import Card, Shown, Table
from isthmus.storage.files import write_json, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

ROWS, RESULTS, PAGE = "results.parquet", "results.json", "report.html"
SPREAD = "standard deviation over the seeds (n − 1)"

Row = dict[str, Any]


def rows(study: Study) -> list[Row]:
    """A flat row per trial: `candidate`, `seed`, `error`, the trial's result, and its measures.

    A measure has a name such as `test_mse`; PCA's value is `test_mse_pca`, that of n-grams `test_nats_n-gram`.
    """
    made = []
    for trial, found in study.results():
        row: Row = {"candidate": trial.candidate, "seed": trial.seed}
        row |= {name: value for name, value in found.items() if not isinstance(value, Mapping | list)}
        for part, measures in found.get("measures", {}).items():
            for measure, by_rival in measures.items():
                row[f"{part}_{measure}"] = by_rival["model"]
                for rival in ("pca", "n-gram"):
                    if rival in by_rival:
                        row[f"{part}_{measure}_{rival}"] = by_rival[rival]
        made.append(row)
    return made


@dataclass(frozen=True, repr=False)
class Entry(Shown):
    """The trials of one candidate, summarised.

    count, failed: the numbers of successful and failed trials. means, spreads: of each number in their rows; the spread
    is the standard deviation over the seeds (n - 1), None for fewer than two. aim: the model's objective
    (`isthmus.experiments.generative.aim_of`).
    """

    candidate: str
    count: int
    failed: int
    means: Mapping[str, float] = field(default_factory=dict)
    spreads: Mapping[str, float | None] = field(default_factory=dict)
    aim: str = ERROR

    def get(self, name: str) -> float | None:
        """The mean of a number; None if it is missing."""
        return self.means.get(name)

    def whole(self, name: str) -> int:
        """The mean of a whole number that is the same in all trials."""
        return round(self.means[name])


@dataclass(frozen=True, repr=False)
class Found(Shown):
    """The common result of all studies.

    folder: of the study. part: the part of the data that decides. rows: one per trial. entries: one per candidate.
    """

    folder: Path
    part: str
    rows: tuple[Row, ...]
    entries: tuple[Entry, ...]

    @property
    def failures(self) -> dict[str, str]:
        """The errors of failed trials, by candidate and seed."""
        return {f"{row['candidate']}, seed {row['seed']}": row["error"] for row in self.rows if row["error"]}

    @property
    def answer(self) -> str:
        """The answer of the study in words."""
        return f"{len(self.entries)} candidates"

    def _card(self) -> Card:
        measures = [
            f"{self.part}_{name}" for name in (ERROR_OF_TOKENS, ERROR, "explained_variance", "elbo", "accuracy")
        ]
        shown = [name for name in ("code", *measures) if any(name in entry.means for entry in self.entries)]
        head = ["", *(name.removeprefix(f"{self.part}_").replace("_", " ") for name in shown), "runs"]
        rows = [[one.candidate, *(number(one.get(name)) for name in shown), str(one.count)] for one in self.entries]
        table = Table.of(head, rows, f"Means on the {self.part} part. The page with all figures: {self.folder / PAGE}")
        failed = {"failed": ", ".join(self.failures)} if self.failures else {}
        figures = (self.draw,) if any(entry.count for entry in self.entries) else ()
        return Card(self.answer, failed, [table] if self.entries else (), figures)

    def draw(self, theme: "Theme | None" = None) -> "Figure | None":
        """The figure that decides; None if there is none."""
        return None


def entries(table: Iterable[Row]) -> list[Entry]:
    """The rows of each candidate summarised, in their order."""
    by_candidate: dict[str, list[Row]] = {}
    for row in table:
        by_candidate.setdefault(row["candidate"], []).append(row)
    return [_entry(candidate, given) for candidate, given in by_candidate.items()]


def evaluated_part(table: Sequence[Row], parts: Sequence[str]) -> str:
    """The first of these parts that was measured."""
    return next((part for part in parts if any(measured(row, part) for row in table)), parts[-1])


def measured(row: Mapping[str, Any], part: str) -> bool:
    """Whether this part was measured, in a row or in an entry's means."""
    return any(f"{part}_{error}" in row for error in (ERROR, ERROR_OF_TOKENS))


def write_table(folder: Path, table: Sequence[Row], found: Mapping[str, Any]) -> None:
    """Write the rows as Parquet, and rows, entries and the rest of `found` as JSON, each whole or not at all."""
    import pyarrow  # noqa: PLC0415 slow to import, and only needed to write Parquet
    import pyarrow.parquet  # noqa: PLC0415

    names = dict.fromkeys(name for row in table for name in row)
    columns = {name: [row.get(name) for row in table] for name in names}
    made = pyarrow.table({name: _typed(values) for name, values in columns.items()})
    write_whole(folder / ROWS, lambda beside: pyarrow.parquet.write_table(made, beside))
    write_json(folder / RESULTS, {**found, "spread": SPREAD, "entries": summary(entries(table)), "rows": list(table)})


def summary(found: Iterable[Entry]) -> list[dict[str, Any]]:
    """Entries as JSON."""
    return [
        {"candidate": e.candidate, "count": e.count, "failed": e.failed, "means": e.means, "spreads": e.spreads}
        for e in found
    ]


def _entry(candidate: str, given: list[Row]) -> Entry:
    well = [row for row in given if row["error"] is None]
    means, spreads = {}, {}
    for name in dict.fromkeys(name for row in well for name in row if name != "seed"):
        numbers = [row.get(name) for row in well]
        known = [float(n) for n in numbers if isinstance(n, int | float) and math.isfinite(n)]
        if known and len(known) == len(well):
            means[name] = statistics.fmean(known)
            spreads[name] = statistics.stdev(known) if len(known) > 1 else None
    aim = next((row["aim"] for row in well if row.get("aim")), ERROR)
    return Entry(candidate, len(well), len(given) - len(well), means, spreads, aim)


def _typed(values: list[Any]) -> Any:
    """A column; if all its values are None, it is text, because Parquet's readers fail on columns without a type."""
    import pyarrow  # noqa: PLC0415

    empty = all(value is None for value in values)
    return pyarrow.array(values, pyarrow.string() if empty else None)

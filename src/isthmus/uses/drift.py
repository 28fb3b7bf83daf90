"""Drift: whether new data still look like the data that a model was trained on."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.data import Data, Samples
from isthmus.data.missing import fill_missing
from isthmus.data.sources import called
from isthmus.data.stream import Stream, divided
from isthmus.drawing.rows import Look
from isthmus.errors import DataError, Remark, UseError, nearest
from isthmus.formatting import listed, number, percent
from isthmus.measures.two_samples import interval, smallest_distance
from isthmus.storage.files import write_whole
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run
from isthmus.uses.detector import By, Detector, detector
from isthmus.uses.drift_checks import Check, column_differences, judged, model_differences
from isthmus.uses.summary import MOST, Summary, columns_of, held, summarise, thinning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

LEAST = 20
"""Rows below which two distributions are not compared."""
LISTED = 200
"""The most checks on the page."""
HEAD = ("what", "before", "after", "distance", "p")


@dataclass(frozen=True, eq=False)
class Drift:
    """The comparison of new data with a reference; `drift` returns it. Print it for a table in words.

    source, reference: what is compared, in words. rows, reference_rows: their numbers of rows. anomalous,
    reference_anomalous: of the rows that the model scored, how many are anomalous, and how many there are; None if the
    model's scores are not compared. by, threshold: of the anomaly score (`Detector`); None without scores.
    checks: all comparisons, the changed ones first. level, distance, share: as in `drift`. notes: what you should know
    about this comparison. skipped: names of pictures that could not be read.
    """

    source: str
    reference: str
    rows: int
    reference_rows: int
    anomalous: tuple[int, int] | None
    reference_anomalous: tuple[int, int] | None
    by: By | None
    threshold: float | None
    checks: tuple[Check, ...]
    level: float
    distance: float
    share: float
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether any check has changed."""
        return any(check.changed for check in self.checks)

    @property
    def changed(self) -> tuple[Check, ...]:
        """The checks that have changed, most changed first."""
        return tuple(check for check in self.checks if check.changed)

    @property
    def verdict(self) -> str:
        """The answer in one sentence."""
        count = len(self.checks)
        if not self.drifted:
            return f"No drift: none of {count} checks has changed."
        return f"Drift: {len(self.changed)} of {count} checks {'have' if len(self.changed) > 1 else 'has'} changed."

    @property
    def explanation(self) -> str:
        """The share of anomalous rows, with its confidence interval and that of the reference."""
        if self.anomalous is None or self.reference_anomalous is None:
            return f"{self.rows:,} rows are compared with {self.reference_rows:,} rows: {self.reference}."
        (some, rows), (usual, held_rows) = self.anomalous, self.reference_anomalous
        low, high = interval(some, rows)
        return (
            f"{percent(some / rows)} of {rows:,} rows are anomalous (95 % confidence interval: {percent(low)} to "
            f"{percent(high)}), compared with {percent(usual / held_rows)} of {held_rows:,} rows of the reference."
        )

    @property
    def advice(self) -> str:
        """What to do next, in one sentence or two."""
        columns = list(dict.fromkeys(one.name for one in self.changed if one.about in ("column", "missing", "unknown")))
        if columns:
            return (
                f"Look at {listed(list(map(repr, columns)), most=3)}. If the data are wrong (another unit, a broken "
                "sensor, a new spelling), correct them. If they have really changed, train again with newer data."
            )
        if self.drifted:
            return (
                "Look at the most anomalous rows (isthmus detect). No column alone explains the change, so the columns "
                "may depend on each other in another way than in training. If that is right, train again with newer "
                "data."
                if any(one.about == "column" for one in self.checks)
                else "Look at the most anomalous samples (isthmus detect). If they are right, train again with newer "
                "data."
            )
        return "Nothing to do."

    def to_json(self) -> dict[str, Any]:
        """The verdict, the share of anomalous rows with its 95 % confidence interval, and every check."""
        shares = {}
        for name, pair in (("anomalous", self.anomalous), ("reference_anomalous", self.reference_anomalous)):
            low, high = (None, None) if pair is None else interval(*pair)
            shares[name] = None if pair is None else {"count": pair[0], "rows": pair[1], "low": low, "high": high}
        return {
            "drift": self.drifted,
            "verdict": self.verdict,
            "source": self.source,
            "reference": self.reference,
            "rows": self.rows,
            "reference_rows": self.reference_rows,
            **shares,
            "by": self.by,
            "threshold": self.threshold,
            "level": self.level,
            "distance": self.distance,
            "share": self.share,
            "checks": [check.to_json() for check in self.checks],
            "notes": list(self.notes),
            "skipped": list(self.skipped),
        }

    def table(self, checks: Sequence[Check]) -> list[tuple[str, ...]]:
        """A row of text for each check, below `HEAD`."""
        return [(one.title, one.before, one.after, number(one.distance, 2), number(one.adjusted, 2)) for one in checks]

    def __repr__(self) -> str:
        return f"<Drift of {self.source}: {self.verdict}>"

    def __str__(self) -> str:
        lines = [self.verdict, self.explanation]
        if rows := self.table(self.changed):
            widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
            lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (HEAD, *rows)]
        return "\n".join([*lines, *self.notes])

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """The distributions of the reference and the new data over each other, the most changed first."""
        return self._draw(("column", "score", "latent"), theme)

    def page(self, path: str | Path) -> Path:
        """Write a self-contained page with the verdict, the distributions and all checks, and return its path.

        Raises:
            IsthmusError: the path can't be written to.
        """
        from isthmus.drawing.pages import fill_page  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

        path = Path(path)
        same = [check for check in self.checks if not check.changed]
        tables = {"What has changed": self.changed[:LISTED], "Other checks": same[:LISTED]}
        more = len(self.checks) - sum(map(len, tables.values()))
        page = fill_page(
            "drift.html",
            source=self.source,
            verdict=self.verdict,
            explanation=self.explanation,
            advice=self.advice,
            notes=self.notes,
            sections=list(self._sections()),
            caption="Numbers: the median, and in brackets the range of nine of ten rows. Categories: the shares that "
            f"differ most. {self.rule}",
            head=HEAD,
            tables={title: self.table(checks) for title, checks in tables.items()},
            left_out=f"{more:,} more checks are in the JSON file." if more else "",
            facts=self._facts(),
        )
        write_whole(path, lambda beside: beside.write_text(page, encoding="utf-8", newline="\n"))
        return path

    @property
    def rule(self) -> str:
        """When a check counts as changed, in words."""
        return (
            f"A check has changed if chance alone is unlikely (p of at most {self.level:g}, adjusted for the number of "
            f"checks) and the change is large enough: a distance of at least {self.distance:g} between two "
            f"distributions, or {percent(self.share)} of the rows for missing, unknown and anomalous ones."
        )

    def _sections(self) -> Iterator[Any]:
        from isthmus.drawing.plates import Section, plate  # noqa: PLC0415

        titles = {("column",): "Columns", ("score", "latent"): "What the model sees"}
        for about, title in titles.items():
            drawn = [one for one in self.checks if one.about in about and one.overlay is not None]
            if not any(one.overlay is not None and one.overlay.before for one in drawn):
                continue
            every = sum(one.about in about for one in self.checks)
            some = f"The {len(drawn)} of {every} that differ most" if every > len(drawn) else "The most changed first"
            changed = [one.title for one in drawn if one.changed]
            words = "The anomaly scores, and each latent dimension of the code." if "score" in about else ""
            yield Section(
                title,
                [
                    plate(
                        "Distributions",
                        lambda theme, about=about: self._draw(about, theme),
                        f"Histograms of the reference and the new data. Changed: {listed(changed) or 'none'}.",
                        f"{some}. ● has changed. The outermost hundredth is not shown.",
                    )
                ],
                [words] if words else [],
            )

    def _draw(self, about: Sequence[str], theme: "Theme | None") -> "Figure":
        from isthmus.drawing.drift import overlays  # noqa: PLC0415
        from isthmus.drawing.theme import LIGHT  # noqa: PLC0415

        panels = [(one.title, one.overlay, one.changed) for one in self.checks if one.about in about and one.overlay]
        return overlays(panels, labels=("reference", "new data"), theme=theme or LIGHT)

    def _facts(self) -> list[tuple[str, str]]:
        tests = sorted({one.test for one in self.checks} - {"none"})
        facts = [
            ("new data", f"{self.source}, {self.rows:,} rows"),
            ("reference", f"{self.reference}, {self.reference_rows:,} rows"),
            ("tests", f"{', '.join(tests)}; p-values adjusted by Benjamini and Hochberg's method"),
        ]
        if self.by is not None and self.threshold is not None:
            facts.append(("anomaly score", f"{self.by}; anomalous above {number(self.threshold)}"))
        return facts


@takes_run
def drift(
    run: TrainedModel,
    source: Any,
    by: By = "error",
    *,
    reference: Any = None,
    ignore: Sequence[str] = (),
    level: float = 0.01,
    distance: float = 0.1,
    share: float = 0.02,
    quantile: float = 0.99,
    seed: int = 0,
    **read_options: Any,
) -> Drift:
    """Compare new data with the data of a run: whether they still look alike.

        found = ist.drift(run, "new.csv")
        if found.drifted:
            print(found)
            found.page("drift.html")

    Compared are the share of anomalous rows, the distribution of the anomaly scores and of each latent dimension, and
    for tables the values, the missing cells and the unknown categories of each column. Two samples of numbers are
    compared by the Kolmogorov-Smirnov test, categories and numbers with few values by the chi-squared test, shares by
    Fisher's exact test.

    The source is read in pieces, and memory doesn't grow with it: shares are counted over all rows, and distributions
    are those of 20,000 random rows.

    by, quantile: as for `detector`. reference: the data to compare with. None: the scores and codes of the run's
    validation and test part, which the model wasn't trained on, and the columns of all its parts. ignore: columns that
    are not compared, such as a date that only moves on; the model still gets them.
    level: at most this share of unchanged sources raises a false alarm, whatever the number of columns. distance: the
    least distance between two distributions that matters, from 0 to 1. share: the least change of a share of missing,
    unknown or anomalous rows. seed: of the random rows. read_options: how to read the source, as for `read_samples`.

    Raises:
        DataError: the source or the run's data can't be read, a source has fewer than 20 rows or doesn't fit the model,
            or an argument is out of bounds.
        UseError: as `detector`; or there is nothing to compare.

    Source: Rabanser, Günnemann & Lipton, Failing loudly: an empirical study of methods for detecting dataset shift,
    NeurIPS (2019).
    """
    _check_bounds(level=level, distance=distance, share=share)
    columns = columns_of(run)
    names = [column.name for column in columns]
    ignore = [ignore] if isinstance(ignore, str) else list(ignore)
    for name in ignore:
        if name not in names:
            raise DataError(f"ignore= names {name!r}, which is no column of the model. {nearest(name, names)}")
    notes: list[str] = []
    data = run.open()
    own = sum(len(data.parts[name]) for name in ("validation", "test"))
    scored = reference is not None or own >= LEAST
    if not scored:
        notes.append(
            f"The run has {own} held-out rows, and errors on rows that a model was trained on are too small to compare "
            "with. So only the columns are compared. Train with a validation or test part, or give held-out rows with "
            "reference=."
        )
        if not columns:
            raise UseError(
                f"The run has {own} held-out samples: expected {LEAST} or more to compare with. Give held-out samples "
                "with reference=, or train with a validation or test part."
            )
    found = detector(run, by, quantile=quantile) if scored else None
    filled = reference is None and data.description.get("fill") is not None and data.description.get("source") is None
    if filled and columns:
        notes.append("Missing cells are filled in, as in training, because the run has no source to count them in.")
    stream = held(run, source, **read_options)
    new = summarise(run, _filled(run, stream) if filled else stream, columns, found, seed=seed)
    _check_rows(called(source), new.rows)
    if reference is not None:
        with_model = with_columns = summarise(run, held(run, reference, **read_options), columns, found, seed=seed)
        _check_rows(called(reference), with_columns.rows)
        against = called(reference)
    else:
        with_model, with_columns, against = _of_run(run, data, columns, found, seed)
    look = Look.of(run)
    differences = list(column_differences(columns, with_columns, new, look, ignore)) if columns else []
    if found is not None and min(new.scored, with_model.scored) < LEAST:
        notes.append(
            f"Only {new.scored:,} rows have no missing cell, and the model takes no others. So only the columns are "
            "compared."
        )
        found = None
    if found is not None:
        differences += model_differences(with_model, new)
    if not differences:
        raise UseError("There is nothing to compare: no column is left, and the run has no held-out samples.")
    smallest = smallest_distance(with_model.scored or with_columns.rows, min(new.rows, MOST), level)
    if smallest > 2 * distance:
        notes.append(
            f"{new.rows:,} rows are few: only distances of more than about {smallest:.2f} can be found. Collect more."
        )
    if thinning(run) > 1:
        notes.append(f"Windows overlap, so that only every {thinning(run)}th is compared.")
    usual = with_model if found is not None else with_columns
    return Drift(
        called(source),
        against,
        new.rows,
        max(with_model.rows, with_columns.rows),
        None if found is None else (new.anomalous, new.scored),
        None if found is None else (usual.anomalous, usual.scored),
        None if found is None else by,
        None if found is None else found.threshold,
        judged(differences, level=level, distance=distance, share=share),
        level,
        distance,
        share,
        tuple(notes),
        tuple(stream.skipped),
    )


def _of_run(
    run: TrainedModel, data: Data, columns: Sequence[Any], found: Detector | None, seed: int
) -> tuple[Summary, Summary, str]:
    """The summaries of the run's own data: of its held-out rows for the model, and of all rows for the columns."""
    parts = [part for part in data.parts.values() if len(part)]
    outside = [part for name, part in data.parts.items() if name != "train" and len(part)]
    every = _joined(parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # they were shown in training
        if columns and data.description.get("fill") is not None and (source := data.description.get("source")):
            every = held(run, source)  # where missing cells are still missing
        with_columns = summarise(run, every, columns, None, seed=seed) if columns else Summary(())
        with_model = summarise(run, _joined(outside), (), found, seed=seed) if found is not None else Summary(())
    words = "the run's own data"
    return with_model, with_columns, words


def _joined(parts: Sequence[Samples]) -> Stream:
    """Rows of several parts, at most `MOST` of all, spread evenly."""
    count = sum(map(len, parts))
    some = [part.some(max(1, round(len(part) * min(1.0, MOST / count)))) for part in parts]
    return Stream(None, lambda: (piece for part in some for piece in divided(part).begin()))


def _filled(run: TrainedModel, stream: Stream) -> Stream:
    fill = run.description["fill"]
    return Stream(stream.count, lambda: (fill_missing(piece, fill) for piece in stream.begin()), stream.skipped)


def _check_rows(name: str, rows: int) -> None:
    if rows < LEAST:
        raise DataError(
            f"{name} has {rows} row{'s' * (rows != 1)}: expected at least {LEAST}, because fewer say nothing about a "
            "distribution. Collect more, or score single rows with detect."
        )


def _check_bounds(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < 1:
            raise DataError(f"{name}={value:g}: expected a number between 0 and 1, such as {name}=0.05.")

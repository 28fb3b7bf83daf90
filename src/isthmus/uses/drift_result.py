"""The result of a comparison of new data with a reference: its verdict in words, as JSON, as figures and as a page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.formatting import listed, number, percent
from isthmus.measures.two_samples import interval
from isthmus.shown import Card, Page, Shown, Table
from isthmus.uses.detector import By
from isthmus.uses.drift_checks import MODEL, Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

LISTED = 200
"""The most checks on the page."""
HEAD = ("what", "before", "after", "distance", "p")


@dataclass(frozen=True, eq=False, repr=False)
class Drift(Shown):
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
        """The checks that have changed: the columns first, most changed first."""
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
        columns = list(dict.fromkeys(one.name for one in self.changed if one.about not in MODEL))
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
        return [(one.title, one.before, one.after, number(one.distance, 2), _p(one.adjusted)) for one in checks]

    def __repr__(self) -> str:
        return f"<Drift of {self.source}: {self.verdict}>"

    def __str__(self) -> str:
        lines = [self.verdict, self.explanation]
        if rows := self.table(self.changed):
            widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
            lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (HEAD, *rows)]
        return "\n".join([*lines, *self.notes])

    def _card(self) -> Card:
        checks = self.changed or self.checks[:5]
        table = Table.of(HEAD, self.table(checks), "What has changed." if self.changed else "The largest differences.")
        facts = {"anomalous rows": self.explanation, "advice": self.advice} | dict(
            zip(("notes",), self.notes, strict=False)
        )
        return Card(self.verdict, facts, [table] if checks else (), figures=(self.draw,) if self._drawable else ())

    @property
    def _drawable(self) -> bool:
        return any(one.overlay is not None for one in self.checks)

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """The distributions of the reference and the new data over each other, the most changed first."""
        return self._draw(("column", "score", "latent"), theme)

    def page(self, path: str | Path) -> Page:
        """Write a self-contained page with the verdict, the distributions and all checks, and return its path.

        Raises:
            IsthmusError: the path can't be written to.
        """
        from isthmus.drawing.pages import fill_page, write_page  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

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
        return write_page(path, page)

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
            words = (
                "The anomaly scores, the reconstruction errors, and each latent dimension of the code."
                if "score" in about
                else ""
            )
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


def _p(value: float) -> str:
    return number(value, 2) if value else "< 10⁻³⁰⁰"

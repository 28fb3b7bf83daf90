"""The page of a detection: the scores, the most anomalous samples with their reasons, and the columns to blame."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.drawing.pages import fill_page
from isthmus.drawing.pages import write_page as write_file
from isthmus.drawing.plates import Section, plate
from isthmus.formatting import number, percent
from isthmus.shown import Page
from isthmus.trained import TrainedModel
from isthmus.uses.cells import Cell, Value
from isthmus.uses.detect import Anomaly, Detection

if TYPE_CHECKING:
    pass

MOST_COLUMNS, MOST_FACTS = 12, 3
"""Columns that are listed as reasons, and columns that aren't learnt from, such as names, that are shown of a row."""
CALLED = {
    "error": "reconstruction error",
    "likelihood": "−log p(x)",
    "unexplained": "unexplained share",
    "distance": "distance of the code from the training codes",
    "neighbours": "distance of the code from its neighbours in training",
    "prototypes": "distance from the nearest training samples",
    "combined": "distance from the nearest training samples and from the reconstruction",
}
READING = (
    "Rows are counted from 0, without the line of column names. The expected value is the one that the model suggests "
    "from the row's other columns. The share is the part of the score that goes away when the value is put right, in "
    "addition to those above it: 100\u202f% would leave the score of a usual row."
)


def write_page(path: str | Path, run: TrainedModel, found: Detection, *, source: str = "the samples") -> Page:
    """Write the page of a detection, whole or not at all, and return its path. It needs no network and no script.

    source: what the samples come from, for the title.

    Raises:
        IsthmusError: `path` can't be written to.
    """
    return write_file(path, render(run, found, source=source))


def render(run: TrainedModel, found: Detection, *, source: str) -> str:
    """The page of a detection as HTML."""
    anomalous, count = int(found.anomalous.sum()), len(found.scores)
    table = found.samples.kind == "table"
    things = "rows" if table else "windows" if found.steps is not None else "tiles" if found.tile else "samples"
    called = CALLED.get(found.by, found.by)
    seen = " The model was trained on them, so the threshold is too low." if found.part == "train" else ""
    finite = found.scores[found.scores.isfinite()]
    return fill_page(
        "detection.html",
        source=Path(source).name or source,
        verdict=f"{anomalous:,} of {count:,} {things} are anomalous ({percent(anomalous / count)}).",
        explanation=f"Their score ({called}) is over {number(found.threshold)}. {percent(found.quantile)} of the run's "
        f"own {things} ({found.part} part) score below that.{seen}",
        cards=[
            (f"{count:,}", things),
            (f"{anomalous:,}", "anomalous"),
            (number(found.threshold), "threshold"),
            (number(float(finite.median())) if len(finite) else "–", "median score"),
            (_score(found.most_anomalous[0].score), "highest score"),
        ],
        reading=READING,
        rows=[_row(one, _facts(found, place)) for place, one in enumerate(found.most_anomalous)] if table else [],
        reasons=[
            {"column": column, "count": f"{rows:,}", "share": rows / anomalous, "words": percent(rows / anomalous, 0)}
            for column, rows in found.reasons[:MOST_COLUMNS]
        ],
        sections=[_scores(found), *([] if table else [_pictures(run, found)])],
        facts=[
            ("score", called),
            (
                "threshold",
                f"{number(found.threshold)}, the {percent(found.quantile)} quantile of the {found.part} part",
            ),
            ("source", source),
            ("run", str(run.folder) if run.folder is not None else "in memory"),
        ],
    )


def _row(one: Anomaly, facts: list[str]) -> dict[str, Any]:
    """A row of a table for the page."""
    told = one.explanation
    return {
        "name": f"Row {one.sample:,}",
        "score": _score(one.score),
        "facts": facts,
        "sentence": "" if told is None else str(told),
        "cells": [_cell(cell) for cell in one.columns],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    given = "a category that the model does not know" if cell.kind == "unknown" else _words(cell.given)
    return {
        "column": cell.column,
        "given": given,
        "expected": _words(cell.expected),
        "share": cell.share,
        "words": percent(cell.share, 0 if cell.share >= 0.01 else 1),
    }


def _facts(found: Detection, place: int) -> list[str]:
    """A row's values in columns that the model doesn't learn from, such as its name."""
    unused = found.samples.unused
    if unused is None:
        return []
    names = unused.column_names[:MOST_FACTS]
    return [f"{name} {unused[name][place].as_py()}" for name in names]


def _scores(found: Detection) -> Section:
    """The distribution of the scores, with the threshold."""
    histogram = plate(
        "Distribution",
        found.draw_scores,
        f"Histogram of the scores of the run's {found.part} part and of these samples; threshold "
        f"{number(found.threshold)}.",
        f"The run's {found.part} part (filled) and these samples (line). Dashed: the threshold. Scores to its right "
        "are anomalous. If the two distributions differ, these data differ from the training data as a whole.",
    )
    return Section("Scores", [histogram])


def _pictures(run: TrainedModel, found: Detection) -> Section:
    """The most anomalous samples that are no rows of a table, drawn."""
    titles = [_score(one.score) for one in found.most_anomalous]

    drawn = plate(
        "The most anomalous",
        found.draw,
        f"The {len(titles)} samples with the highest scores: {', '.join(titles)}.",
        "The samples with the highest scores, and where their errors are large.",
    )
    return Section("The most anomalous samples", [drawn])


def _score(value: float) -> str:
    return number(value) if math.isfinite(value) else "not finite"


def _words(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:g}"

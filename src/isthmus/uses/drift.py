"""Drift: whether new data still look like the data that a model was trained on."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal

from isthmus.data import Data, Samples
from isthmus.data.missing import fill_missing
from isthmus.data.sources import called
from isthmus.data.stream import Stream, divided
from isthmus.drawing.look import Look
from isthmus.errors import DataError, Remark, UseError, nearest
from isthmus.measures.two_samples import smallest_distance
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run
from isthmus.uses.detector import By, Detector, detector
from isthmus.uses.drift_checks import column_differences, judged, model_differences
from isthmus.uses.drift_result import Drift
from isthmus.uses.summary import MOST, Summary, TableColumn, columns_of, held, summarise, thinning

LEAST = 20
"""Rows below which two distributions are not compared."""


@takes_run
def drift(
    run: TrainedModel,
    source: Any,
    by: By | Literal["auto"] = "auto",
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

    Compared are the share of anomalous rows, the distribution of the anomaly scores, of the reconstruction errors and
    of each latent dimension; for tables also the values, the missing cells and the unknown categories of each column.
    Two samples of numbers are compared by the Kolmogorov-Smirnov test, categories and numbers with few values by the
    chi-squared test, shares by Fisher's exact test.

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
    ignore = [ignore] if isinstance(ignore, str) else list(ignore)
    _check_names(ignore, [column.name for column in columns])
    data, notes = run.open(), list[str]()
    held_out = LEAST if reference is not None else sum(len(data.parts[name]) for name in ("validation", "test"))
    found: list[Detector] = []
    if held_out >= LEAST:
        found = _detectors(run, by, quantile)
    elif columns:
        notes.append(
            f"The run has {held_out} held-out rows, and errors on rows that a model was trained on are too small to "
            "compare with. So only the columns are compared. Train with a validation or test part, or give held-out "
            "rows with reference=."
        )
    else:
        raise UseError(
            f"The run has {held_out} held-out samples: expected {LEAST} or more to compare with. Give held-out samples "
            "with reference=, or train with a validation or test part."
        )
    stream = held(run, source, **read_options)
    pieces = stream
    if columns and reference is None and data.description.get("fill") is not None and not data.description["source"]:
        notes.append("Missing cells are filled in, as in training, because the run has no source to count them in.")
        pieces = _filled(run, stream)
    new = summarise(run, pieces, columns, found, seed=seed)
    _check_rows(called(source), new.rows)
    if reference is None:
        with_model, with_columns = _of_run(run, data, columns, found, seed)
    else:
        with_model = with_columns = summarise(run, held(run, reference, **read_options), columns, found, seed=seed)
        _check_rows(called(reference), with_columns.rows)
    look = Look.of(run)
    differences = list(column_differences(columns, with_columns, new, look, ignore)) if columns else []
    if found and min(new.scored, with_model.scored) < LEAST:
        notes.append(
            f"Only {new.scored:,} rows have no missing cell, and the model takes no others. So only the columns are "
            "compared."
        )
        found = []
    if found:
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
    usual = with_model if found else with_columns
    return Drift(
        called(source),
        "the run's own data" if reference is None else called(reference),
        new.rows,
        max(with_model.rows, with_columns.rows),
        (new.anomalous, new.scored) if found else None,
        (usual.anomalous, usual.scored) if found else None,
        found[0].by if found else None,
        found[0].threshold if found else None,
        judged(differences, level=level, distance=distance, share=share),
        level,
        distance,
        share,
        tuple(notes),
        tuple(stream.skipped),
    )


def _detectors(run: TrainedModel, by: By | Literal["auto"], quantile: float) -> list[Detector]:
    """The detector of anomalous rows; and that of the error, which shows best how the columns depend on each other."""
    found = [detector(run, by, quantile=quantile)]
    return found if found[0].by == "error" else [*found, detector(run, "error", quantile=quantile)]


def _of_run(
    run: TrainedModel, data: Data, columns: Sequence[TableColumn], found: Sequence[Detector], seed: int
) -> tuple[Summary, Summary]:
    """The summaries of the run's own data: of its held-out rows for the model, and of all rows for the columns."""
    parts = [part for part in data.parts.values() if len(part)]
    outside = [part for name, part in data.parts.items() if name != "train" and len(part)]
    every = _joined(parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # they were shown in training
        if columns and data.description.get("fill") is not None and (source := data.description.get("source")):
            every = held(run, source)  # where missing cells are still missing
        with_columns = summarise(run, every, columns, (), seed=seed) if columns else Summary(())
        with_model = summarise(run, _joined(outside), (), found, seed=seed) if found else Summary(())
    return with_model, with_columns


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


def _check_names(ignore: Sequence[str], names: Sequence[str]) -> None:
    for name in ignore:
        if name not in names:
            raise DataError(f"ignore= names {name!r}, which is no column of the model. {nearest(name, names)}")


def _check_bounds(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < 1:
            raise DataError(f"{name}={value:g}: expected a number between 0 and 1, such as {name}=0.05.")

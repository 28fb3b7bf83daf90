"""Explain: why rows of a table have their anomaly scores, and what would make them normal."""

from collections.abc import Sequence
from typing import Any, Literal

from isthmus.trained import TrainedEnsemble, TrainedModel
from isthmus.uses.arguments import takes_run
from isthmus.uses.detector import DRAWS, By, detector
from isthmus.uses.explanations import Explanations


@takes_run
def explain(
    run: TrainedModel | TrainedEnsemble,
    source: Any,
    rows: Sequence[int] | None = None,
    by: By | Literal["auto"] = "auto",
    *,
    quick: bool = False,
    quantile: float = 0.99,
    draws: int = DRAWS,
    clean: bool = False,
    **read_options: Any,
) -> Explanations:
    """Explain the rows of a table, one by one, by any anomaly score.

        for row in ist.explain(run, "new.csv", rows=[7, 11]):
            print(row.score, row.reasons)
            print(row)      # With age 41 instead of 410, this row would be normal.
        ist.explain(run, "new.csv").table()     # an Arrow table with a row for each of them

    Each reason is a column with the given value, the value that the model expects from the row's other cells, in the
    data's own units, and its share of the score: the part of the score's excess over the usual one that the correction
    removes, in addition to the reasons before it. The usual score is the median of the run's own samples; a row whose
    score is not above it has no reasons.

    rows: their numbers, counted from 0; None explains all. quick: whether rows that are not anomalous are searched
        quickly, for one reason at most, as the command does. by, quantile, draws, clean: as for `detector`.
    read_options: how to read the source, as for `read_samples`. The source is read completely; `detect` explains larger
        ones in pieces.

    Raises:
        UseError, DataError: as `detector`; or the source can't be read, does not fit the model, or isn't a table.
    """
    found = detector(run, by, quantile=quantile, draws=draws, clean=clean)
    samples = run.read(source, **read_options)
    return found.explain(samples if rows is None else samples.take(rows), quick=quick)

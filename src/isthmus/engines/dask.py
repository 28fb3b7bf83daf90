"""Dask: a use of a run for every partition of a Dask frame."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from isthmus.data.arrow_tables import arrow_table
from isthmus.data.frames import as_frame
from isthmus.engines.scoring import Scoring, Use
from isthmus.errors import DataError
from isthmus.extras import needs
from isthmus.trained import TrainedModel
from isthmus.undisturbed import undisturbed

if TYPE_CHECKING:
    import pandas as pd


def map(
    run: TrainedModel,
    frame: Any,
    use: Use = "encode",
    *,
    keep: str | Iterable[str] = (),
    column: str | None = None,
    **options: Any,
) -> Any:
    """Use a run on every partition of a Dask frame, and return the results as a Dask frame, which is lazy.

        codes = ist.dask.map(run, dask.dataframe.read_parquet("lake"), keep="id")
        codes.to_parquet("codes")

    Partitions, rows and their index keep their order. The scheduler is yours: threads, processes or a cluster. For the
    other arguments and the errors see `isthmus.engines.ray.map`.

    Raises:
        MissingPackageError: Dask isn't installed (`isthmus[dask]`).
    """
    with undisturbed():
        frames = needs("dask.dataframe", "dask", "ist.dask")
    if not isinstance(frame, frames.DataFrame):
        raise DataError(f"Got a value of type {type(frame).__name__}: expected a Dask DataFrame.")
    scoring = Scoring.of(run, use, list(frame.columns), keep=keep, column=column, **options)
    made = frame.map_partitions(_Partition(scoring), meta=_Partition(scoring)(frame._meta))
    return made.clear_divisions() if use == "compress" else made  # which has no rows for the index


class _Partition:
    """A scoring of pandas frames."""

    def __init__(self, scoring: Scoring) -> None:
        self.scoring = scoring

    def __call__(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """The results with the frame's index; the columns to keep as they are."""
        chosen = frame[list(dict.fromkeys([*self.scoring.keep, *self.scoring.needed]))]
        made = as_frame(self.scoring(arrow_table(chosen, "the partition")), chosen)
        if self.scoring.use == "compress":
            return made
        return made.assign(**{name: frame[name] for name in self.scoring.keep})

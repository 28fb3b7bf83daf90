"""Spark: a use of a run for every batch of a Spark frame."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from isthmus.engines.scoring import Scoring, Use
from isthmus.errors import DataError
from isthmus.extras import needs
from isthmus.trained import TrainedModel
from isthmus.undisturbed import undisturbed


def map(
    run: TrainedModel,
    frame: Any,
    use: Use = "encode",
    *,
    keep: str | Iterable[str] = (),
    column: str | None = None,
    **options: Any,
) -> Any:
    """Use a run on every batch of a Spark frame, and return the results as a Spark frame, which is lazy.

        codes = ist.spark.map(run, spark.read.parquet("lake"), keep="id")
        codes.write.parquet("codes")

    Spark promises no order of rows, so `keep` a key. Every batch has `spark.sql.execution.arrow.maxRecordsPerBatch`
    rows, and the workers load the run once per task. Frames of Spark Connect work too. For the other arguments and the
    errors see `isthmus.engines.ray.map`.

    Raises:
        MissingPackageError: PySpark isn't installed (`isthmus[spark]`).
    """
    with undisturbed():
        sql = needs("pyspark.sql.types", "spark", "ist.spark")
        arrow = needs("pyspark.sql.pandas.types", "spark", "ist.spark")
    if not hasattr(frame, "mapInArrow"):
        raise DataError(f"Got a value of type {type(frame).__name__}: expected a Spark DataFrame.")
    scoring = Scoring.of(run, use, frame.columns, keep=keep, column=column, **options)
    kept = [frame.schema[name] for name in scoring.keep]
    if use == "compress":
        kept = [sql.StructField(one.name, sql.ArrayType(one.dataType)) for one in kept]
    made = arrow.from_arrow_schema(scoring.results, prefer_timestamp_ntz=True)
    chosen = frame.select(*dict.fromkeys([*scoring.keep, *scoring.needed]))

    def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from scoring(pa.Table.from_batches([batch])).to_batches()

    return chosen.mapInArrow(each, sql.StructType([*kept, *made.fields]))

"""Scoring: a use of a run for batches of a table, wherever an engine sends it."""

import copy
import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import pyarrow as pa
from torch import Tensor

from isthmus.codec import compress
from isthmus.data.media import Recording, Text
from isthmus.data.media.medium import medium_of
from isthmus.data.write import table_of
from isthmus.engines.cells import lists_of, values_of
from isthmus.errors import DataError, UseError, nearest, renamed
from isthmus.formatting import listed
from isthmus.trained import TrainedModel
from isthmus.trained.rows import dated, label_column, named_schema
from isthmus.training.settings import find_device
from isthmus.uses.detector import Detector, detector
from isthmus.uses.explanations import over
from isthmus.uses.tables import scores_table
from isthmus.version import VERSION

Use = Literal["encode", "reconstruct", "fill", "detect", "compress"]
CONTENT, ROWS = "content", "rows"
"""The columns of `compress`: the bytes of a file, and the number of its samples."""


@dataclass(eq=False)
class Scoring:
    """A use of a run, as a function from an Arrow table to an Arrow table that engines send to their workers.

    needed: the columns that the model takes. column: the one column with the samples, if the model takes no rows of a
    table. keep: columns that the result has unchanged. found: for `detect`. options: of `compress`.
    """

    run: TrainedModel
    use: Use
    needed: tuple[str, ...]
    column: str | None
    keep: tuple[str, ...]
    found: Detector | None = None
    options: dict[str, Any] = field(default_factory=dict)
    version: str = VERSION

    @classmethod
    def of(
        cls,
        run: TrainedModel,
        use: Use,
        given: Sequence[str],
        *,
        keep: str | Iterable[str] = (),
        column: str | None = None,
        **options: Any,
    ) -> Self:
        """A use for tables with the columns `given`. For the arguments and errors see `isthmus.engines.ray.map`."""
        if not hasattr(run, "model") or not hasattr(run, "description"):
            raise UseError(f"Got a value of type {type(run).__name__}: expected a run, from ist.fit or ist.load.")
        if use not in get_args(Use):
            raise UseError(f"There is no use {use!r}. {nearest(str(use), get_args(Use))}")
        if isinstance(medium_of(run.description), Recording):
            raise UseError(
                "This model takes windows of recordings, but an engine cuts rows into batches anywhere. Score each "
                "recording by itself, with run.stream(recording)."
            )
        if options and use not in ("detect", "compress"):
            raise UseError(f"{use} has no option {next(iter(options))!r}. Leave it out.")
        kept = (keep,) if isinstance(keep, str) else tuple(keep)
        needed = _needed(run, given, kept, column)
        if unknown := [name for name in kept if name not in given]:
            raise DataError(f"keep: there is no column {unknown[0]!r}. {nearest(unknown[0], list(given))}")
        if use == "fill":
            if not run.model.conditioning.mask:
                raise UseError("This model fills no missing values: train one with missing='keep', such as 'table'.")
            run.filler()  # which the run keeps
        run = dated(_portable(run))
        made = cls(run, use, needed, None if named_schema(run) is not None else needed[0], kept, options=options)
        if use == "detect":
            made.found = replace(detector(run, **options), run=None)
        run.data = None
        if twice := set(kept) & set(made.results.names):
            raise DataError(f"The result of {use} has a column {min(twice)!r} too. Rename it, or leave it out of keep.")
        return made

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The result for each row of a table, and the columns to keep.

        Raises:
            UseError: this process has another version of Isthmus than the one that sent it.
            DataError: the rows can't be read.
        """
        schema = self.schema(batch.schema)
        if not batch.num_rows:
            return schema.empty_table()
        made = getattr(self, f"_{self.use}")(batch)
        if self.use == "compress":
            kept = [pa.ListArray.from_arrays([0, len(batch)], batch[name].combine_chunks()) for name in self.keep]
        else:
            kept = [batch[name] for name in self.keep]
        if made.num_rows != (1 if self.use == "compress" else batch.num_rows):
            raise UseError(
                f"{batch.num_rows} rows became {made.num_rows} samples, so that results can't stand in their rows. "
                "Score these data piece by piece, with run.stream(source)."
            )
        made = made.cast(self.results)
        return pa.table([*kept, *made.columns], names=schema.names).cast(schema)

    def schema(self, given: pa.Schema) -> pa.Schema:
        """The columns of the result for a table with these columns."""
        kept = [given.field(name) for name in self.keep]
        if self.use == "compress":
            kept = [pa.field(one.name, pa.list_(one.type)) for one in kept]
        return pa.schema([*kept, *self.results])

    @cached_property
    def results(self) -> pa.Schema:
        """The columns of the result, without those to keep; text in place of dictionaries, which Spark doesn't have."""
        shape, like = tuple(self.run.model.shape), self.run.description
        precise = np.dtype(np.float64 if self.run.model.scaling.precise else np.float32)
        if self.use == "detect":
            return pa.schema([("score", pa.float64()), ("anomalous", pa.bool_())])
        if self.use == "compress":
            return pa.schema([(CONTENT, pa.binary()), (ROWS, pa.int64())])
        if self.use == "encode":
            made = table_of(np.zeros((1, math.prod(self.run.model.code_shape)), np.float32), None)
        elif self.column is None:
            made = table_of(np.zeros((1, *shape), precise), like)
        elif isinstance(medium_of(like), Text):
            return pa.schema([("text", pa.string())])
        else:
            made = pa.table({"sample": lists_of(np.zeros((1, *shape), precise))})
        plain = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in made.schema]
        return pa.schema(list(zip(made.column_names, plain, strict=True)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In another process: refuse another version; compute on its device."""
        check_version(state["version"], VERSION)
        self.__dict__.update(state)
        self.run.model.to(find_device("auto")).eval()

    def _samples(self, batch: pa.Table) -> Any:
        """The batch as a source for the run."""
        return batch.select(self.needed) if self.column is None else values_of(batch[self.column], self.column)

    def _encode(self, batch: pa.Table) -> pa.Table:
        return table_of(self.run.encode(self.run.read(self._samples(batch))).numpy(), None)

    def _reconstruct(self, batch: pa.Table) -> pa.Table:
        source = self._samples(batch)
        whole = self.column is not None and self.run.covers(source, {})
        return self._written(self.run.reconstruct(source if whole else self.run.read(source)))

    def _fill(self, batch: pa.Table) -> pa.Table:
        source = self._samples(batch)
        if self.column is not None:
            return self._written(self.run.fill(self.run.read(source)))
        return self.run.fill(source).select(self.results.names)

    def _detect(self, batch: pa.Table) -> pa.Table:
        assert self.found is not None
        scores = self.found.scores(self.run.read(self._samples(batch)))
        return scores_table(scores, over(scores, self.found.threshold))

    def _compress(self, batch: pa.Table) -> pa.Table:
        with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
            target = Path(folder) / "batch.isth"
            compress(self.run, self.run.read(self._samples(batch)), target, **self.options)
            return pa.table({CONTENT: [target.read_bytes()], ROWS: [batch.num_rows]})

    def _written(self, made: Tensor) -> pa.Table:
        """(N, …) samples in raw units as columns."""
        values, medium = made.numpy(), medium_of(self.run.description)
        if isinstance(medium, Text):
            return pa.table({"text": pa.array(list(medium.decode(values)), pa.string())})
        if self.column is None:
            return table_of(values, self.run.description)
        return pa.table({"sample": lists_of(values)})


def check_version(sent: str, here: str, where: str = "A worker") -> None:
    """Raise UseError if a worker has another version of Isthmus than the process that sent it work."""
    if sent != here:
        raise UseError(
            f"{where} has Isthmus {here}, but this program has {sent}: expected the same version everywhere. Install "
            f"it there: pip install isthmus=={sent}."
        )


def _needed(run: TrainedModel, given: Sequence[str], keep: Sequence[str], column: str | None) -> tuple[str, ...]:
    """The columns that a model takes from tables with the columns `given`."""
    schema = named_schema(run)
    if schema is None:
        others = [name for name in given if name not in keep]
        if column is None and len(others) != 1:
            raise DataError(
                f"This model takes samples from one column, and there are {listed(list(map(repr, others)))}. Name the "
                "column: column=."
            )
        column = others[0] if column is None else column
        if column not in given:
            raise DataError(f"There is no column {column!r}. {nearest(column, list(given))}")
        return (column,)
    if column is not None:
        raise DataError("This model takes rows of a table, not one column. Leave column= out.")
    label = label_column(run)
    needed = (*schema.names, *(() if label is None else (label,)))
    if missing := [name for name in needed if name not in given]:
        raise DataError(
            f"The dataset lacks the column{'s' * (len(missing) > 1)} {listed(list(map(repr, missing)))} of the model. "
            f"{renamed(missing, [name for name in given if name not in needed])}"
        )
    return needed


def _portable(run: TrainedModel) -> TrainedModel:
    """A copy of the run for other processes: its model on the processor, and nothing that only this machine has."""
    model = copy.deepcopy(run.model).cpu().eval()
    return replace(run, model=model, folder=None, pca=None, history=[])

"""Searching: the samples of a source whose codes are nearest to those of other samples."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from isthmus.errors import UseError
from isthmus.formatting import number
from isthmus.shown import Card, Shown, Table
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import PARTS, some_samples, takes_run
from isthmus.uses.code_index import CodeIndex

NEAREST = 10
"""How many samples are found by default."""


@dataclass(frozen=True, eq=False, repr=False)
class Matches(Shown):
    """The k samples nearest to each of Q queries, by their codes.

    rows: (Q, k) int64, their numbers in the source, counted from 0; the nearest first, and of equals the first ones.
    distances: (Q, k), the bits in which two codes differ (int64), or Euclidean distances of codes (float32).
    unit: "bits" or "distance". source: where they were found. queries, names: of the queries and of the source's
    samples, if they have names.
    """

    rows: Tensor
    distances: Tensor
    unit: str
    source: str
    queries: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def table(self) -> dict[str, list[Any]]:
        """The matches as columns: query, rank, sample, name and distance or bits."""
        asked, k = self.rows.shape
        rows = self.rows.flatten().tolist()
        queries = self.queries or tuple(map(str, range(asked)))
        made: dict[str, list[Any]] = {
            "query": [query for query in queries for _ in range(k)],
            "rank": list(range(1, k + 1)) * asked,
            "sample": rows,
        }
        if self.names:
            made["name"] = [self.names[row] for row in rows]
        return made | {self.unit: self.distances.flatten().tolist()}

    def to_json(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {"source": self.source, "unit": self.unit, "matches": self.table()}

    def _card(self) -> Card:
        columns = self.table()
        rows = [[str(value) if isinstance(value, int | str) else number(value) for value in row]
                for row in zip(*columns.values(), strict=True)]  # fmt: skip
        asked, k = self.rows.shape
        words = f"{asked:,} {'query' if asked == 1 else 'queries'}, the {k} nearest of {self.source} to each"
        return Card(words, tables=[Table.of(tuple(columns), rows)])


@takes_run
def search(
    run: TrainedModel,
    query: Any,
    source: Any = None,
    *,
    k: int = NEAREST,
    index: str | Path | None = None,
    overwrite: bool = False,
    progress: Any = None,
    **read_options: Any,
) -> Matches:
    """The k samples of a source whose codes are nearest to those of each query.

        found = ist.search(run, "test:7")                               # in the run's training part
        found = ist.search(run, "new.zip", "photos", k=5, index="photos.safetensors")

    Codes of bits (recipes "hashing", "lfq") are compared by their Hamming distance: a million in a few milliseconds.
    Other codes are compared by their Euclidean distance.

    query: samples as `Run.encode` takes them; or one by its number, such as 7 or "test:7" (see `blend`).
    source: where to search: a part of the run's data ("train", the default, "validation", "test"), anything that
        `Run.encode` takes, or a `CodeIndex`.
    index: a file (.safetensors) that keeps the source's codes. If it exists, it is used, and the source isn't read.
    overwrite: replace the file.
    read_options: how to read query and source, as for `Run.encode`.

    Raises:
        UseError: k is not a positive whole number; or the index belongs to another model or source.
        DataError: query or source can't be read.
    """
    if k < 1:
        raise UseError(f"k={k}: expected a whole number from 1, the number of samples to find.")
    found = _index(run, source, index, overwrite, progress, read_options)
    asked, called = some_samples(run, query, **read_options)
    distances, rows = found.nearest(run.encode(asked), run.model, k)
    queries = asked.names or ((called,) if len(asked) == 1 else ())
    return Matches(rows, distances, "bits" if found.binary else "distance", found.source, tuple(queries), found.names)


def _index(
    run: TrainedModel,
    source: Any,
    path: str | Path | None,
    overwrite: bool,
    progress: Any,
    read_options: dict[str, Any],
) -> CodeIndex:
    """The index that is given or kept in a file, or else a new one, which is then kept there."""
    if isinstance(source, CodeIndex):
        return source
    place = "train" if source is None else source
    named = isinstance(place, str | Path)
    called = f"the {place} part" if place in PARTS and named else str(place) if named else "the given samples"
    if path is not None and Path(path).expanduser().exists() and not overwrite:
        found = CodeIndex.load(Path(path).expanduser())
        if source is not None and named and found.source != called:
            raise UseError(
                f"{path} is an index of {found.source}, not of {called}. Leave the source out, give another file, or "
                "replace the index (overwrite=True, --force)."
            )
        return found
    stream = run.stream(run.open().parts[place]) if place in PARTS and named else run.stream(place, **read_options)
    made = CodeIndex.of(run, stream, called, progress)
    if path is not None:
        made.save(Path(path).expanduser())
    return made

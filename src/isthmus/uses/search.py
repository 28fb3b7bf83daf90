"""Searching: the samples of a source whose codes are nearest to those of other samples."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.drawing.look import Look
from isthmus.errors import UseError
from isthmus.formatting import number
from isthmus.shown import Card, Shown, Table
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import PARTS, some_samples, takes_run
from isthmus.uses.code_index import CodeIndex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

NEAREST = 10
"""How many samples are found by default."""
DRAWN, ACROSS = 6, 10
"""The most queries that are drawn, and the most of the nearest samples of each."""


@dataclass(frozen=True, eq=False, repr=False)
class Matches(Shown):
    """The k samples nearest to each of Q queries, by their codes.

    rows: (Q, k) int64, their numbers in the source, counted from 0; the nearest first, and of equals the first ones.
    distances: (Q, k), the bits in which two codes differ (int64), or Euclidean distances of codes (float32).
    unit: "bits" or "distance". source: where they were found. queries, names: of the queries and of the source's
    samples, if they have names. pair: gives the samples of the first queries and of the source, to draw them.
    """

    rows: Tensor
    distances: Tensor
    unit: str
    source: str
    queries: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    pair: Callable[[], tuple[Samples, Samples, Look]] | None = None

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """The first queries, at most `DRAWN`, and next to each its nearest samples.

        Raises:
            UseError: the samples aren't known, because only their codes were given.
            DataError: the source can't be read any more.
        """
        from isthmus.drawing.rows import sample_rows  # noqa: PLC0415 Matplotlib takes half a second
        from isthmus.drawing.theme import LIGHT  # noqa: PLC0415

        if self.pair is None:
            raise UseError(
                "The samples of an index can't be drawn, because it holds their codes alone. Give the source."
            )
        asked, among, look = self.pair()
        across = min(self.rows.shape[1], ACROSS)
        called = self.queries or tuple(f"query {place}" for place in range(len(self.rows)))
        rows = {
            f"{called[place]}": torch.cat([asked[place : place + 1].tensor(), among.take(near[:across]).tensor()])
            for place, near in enumerate(self.rows[:DRAWN])
        }
        captions = ["query", *map(str, range(1, across + 1))]
        return sample_rows(rows, look, captions=captions, theme=theme or LIGHT)

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
        figures = () if self.pair is None else (self.draw,)
        return Card(words, tables=[Table.of(tuple(columns), rows)], figures=figures)


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
    unit = "bits" if found.binary else "distance"
    place = next((part for part in PARTS if found.source == _called(part)), source)

    def pair() -> tuple[Samples, Samples, Look]:
        parts = isinstance(place, str) and place in PARTS
        return asked, run.open().parts[place] if parts else run.read(place, **read_options), Look.of(run)

    known = not isinstance(place, CodeIndex) and place is not None
    return Matches(rows, distances, unit, found.source, tuple(queries), found.names, pair if known else None)


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
    part = named and str(place) in PARTS
    called = _called(str(place)) if part else str(place) if named else "the given samples"
    if path is not None and Path(path).expanduser().exists() and not overwrite:
        found = CodeIndex.load(Path(path).expanduser())
        if source is not None and named and found.source != called:
            raise UseError(
                f"{path} is an index of {found.source}, not of {called}. Leave the source out, give another file, or "
                "replace the index (overwrite=True, --force)."
            )
        return found
    stream = run.stream(run.open().parts[str(place)]) if part else run.stream(place, **read_options)
    made = CodeIndex.of(run, stream, called, progress)
    if path is not None:
        made.save(Path(path).expanduser())
    return made


def _called(part: str) -> str:
    """What an index calls a part of the run's data."""
    return f"the {part} part"

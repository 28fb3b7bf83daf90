"""Streams: a source in pieces that are read ahead, so that it may be larger than memory."""

import importlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, Unpack

import numpy as np

from isthmus.data.ahead import ahead, side_by_side
from isthmus.data.fit import check_units
from isthmus.data.folders import file_pieces, folder_pieces, zip_pieces
from isthmus.data.missing import NothingLeftError
from isthmus.data.options import Options, OptionWords, as_wanted
from isthmus.data.picture_formats import format_of
from isthmus.data.raw import Raw
from isthmus.data.read import as_taken, inherited, of_patches, read_samples
from isthmus.data.readers.addresses import is_database
from isthmus.data.readers.known import BY_SUFFIX, function
from isthmus.data.recordings import expects_recordings
from isthmus.data.samples import Samples
from isthmus.data.sources import (
    IN_BLOCKS,
    called,
    check_used,
    is_folder,
    is_zarr,
    medium_reader,
    of_tables,
    reading,
)
from isthmus.data.tiles import one_picture
from isthmus.errors import DataError, remark
from isthmus.shown import Shown

Made = TypeVar("Made")

PIECE = 2**24
"""The largest default size of a piece in bytes; each worker has one piece, and about five wait."""

MOST = 2**15
"""The largest default number of samples in a piece: work begins when the first piece has been read."""

SMALL = 2**24
"""A file of fewer bytes is read completely, and then divided."""


@dataclass(repr=False)
class Stream(Shown):
    """A source in pieces, `Samples` each. You can iterate over it several times.

    count: the number of samples; None if it is unknown before the end.
    begin: starts again from the first piece.
    skipped: names of unreadable pictures that were skipped so far.
    """

    count: int | None
    begin: Callable[[], Iterator[Samples]]
    skipped: list[str] = field(default_factory=list)

    def checked(self, check: Callable[[Samples], object]) -> "Stream":
        """The same stream with a check of each piece as it is read; `check` raises an error for a bad piece."""

        def begin() -> Iterator[Samples]:
            for piece in self.begin():
                check(piece)
                yield piece

        return replace(self, begin=begin)

    def through(
        self, use: Callable[[Samples], Made], workers: int | None = None
    ) -> Generator[tuple[Samples, Made], None, None]:
        """Each piece with the result of `use` on it, in order.

        Reading, `use` and your code between the pieces (for example writing) run at the same time. `use` is called in
        several threads: `workers`, each with its share of PyTorch's threads; None uses PyTorch's number of threads, at
        most 8. Set 1 if `use` needs the pieces in order.
        """
        with closing(iter(self)) as pieces:  # an error in `use` ends the reading at once
            yield from side_by_side(pieces, use, workers)

    def __iter__(self) -> Generator[Samples, None, None]:
        self.skipped.clear()
        return ahead(self.begin())


def stream_samples(
    source: Any,
    *,
    like: Mapping[str, Any] | None = None,
    part: str | None = None,
    rows: int | None = None,
    **options: Unpack[OptionWords],
) -> Stream:
    """Read any source like `read_samples`, but a piece at a time, so that memory doesn't grow with the source.

    `.npy`, Parquet, text tables (except compressed ones), folders and zips of pictures
    are read in pieces. Any other source, small files, and one part of a source are read completely and then divided.
    Unreadable pictures are skipped, and named in `Stream.skipped`.

    rows: samples in a piece; None takes 16 MiB of samples, at most 32,768.
    For the other arguments see `read_samples`. An error in a piece is raised when you reach that piece.

    Raises:
        DataError: the source can't be read, or doesn't fit the model.
    """
    chosen = Options.of(inherited(like) | options)
    unfilled = chosen.missing == "fill" and (like is None or like.get("fill") is None)
    skipped: list[str] = []
    opened, path = None, Path()
    with reading(source):
        recordings = expects_recordings(chosen, like)  # which are cut as a whole, see `isthmus.data.timewise`
        if isinstance(source, str) and is_database(source) and not (unfilled or recordings or part is not None):
            opened = function("readers.databases:address_pieces")(source, chosen, like, _rows(rows, like, chosen))
        path = Path(source).expanduser() if isinstance(source, str | os.PathLike) else path
        in_memory = not isinstance(source, str | os.PathLike) or not path.exists()
        if not (in_memory or unfilled or recordings or part is not None or (rows is None and _small(path))):
            opened = _open(path, chosen, like, _rows(rows, like, chosen), skipped)
    if opened is None:
        return divided(read_samples(source, like=like, part=part, **options), rows)
    count, begin = opened
    where_from = called(source)
    if of_patches(like) and not chosen.patches:
        count = None  # the number of tiles depends on each picture's size

    def pieces() -> Iterator[Samples]:
        done = kept = 0
        raws = begin()
        while True:
            with reading(source):  # only the reading, not the use of a piece
                raw = next(raws, None)
                if raw is None:
                    break
                if not done:
                    check_used(replace(raw, origin=where_from), chosen, like, where_from)
                where = f"{where_from}, from sample {done} on," if done else where_from
                done += len(raw.values)
                try:
                    piece = as_taken(raw, chosen, where, like)
                except NothingLeftError:
                    remark(f"{where} has missing numbers in all of {len(raw.values)} samples: they are left out.")
                    continue
            kept += len(piece)
            yield piece
        if not kept:
            raise DataError(f"{where_from} has no readable sample{_named(skipped)}: expected at least one.")

    return Stream(count, pieces, skipped)


def stream_pictures(source: Any, like: Mapping[str, Any], **options: Unpack[OptionWords]) -> Stream:
    """For a model of patches, the whole pictures of a source, each as one piece; otherwise like `stream_samples`.

    like: `Data.description` of the model's data, with the options to read the pictures.

    Raises:
        DataError: as `stream_samples`; or the pictures have other channels than the model's.
    """
    channels, where = like["shape"][0], called(source)

    def check(samples: Samples) -> None:
        if samples.kind != "pictures" or samples.shape[0] != channels:
            advice = as_wanted([samples.shape], tuple(like["shape"][:1]) + samples.shape[1:])
            raise DataError(
                f"{where} has samples of shape {samples.shape}: expected pictures with {channels} "
                f"channel{'s' * (channels != 1)}, as in the model's training. "
                + (f"Read them with {advice}." if advice else "Convert the pictures first.")
            )
        check_units(samples, like, where)

    whole: dict[str, Any] = {**inherited(like), **options}
    return stream_samples(one_picture(source, channels), rows=1, **whole).checked(check)


def divided(samples: Samples, rows: int | None = None) -> Stream:
    """Samples in memory, or mapped from a file, in pieces of `size` rows."""
    size = rows or max(1, PIECE // max(1, 4 * int(np.prod(samples.shape))))
    starts = range(0, len(samples), size)
    return Stream(
        len(samples),
        lambda: (samples.take(np.arange(start, min(start + size, len(samples)))) for start in starts),
    )


def _open(
    path: Path, options: Options, like: Mapping[str, Any] | None, rows: int, skipped: list[str]
) -> tuple[int | None, Callable[[], Iterator[Raw]]] | None:
    """The number of samples and a function that starts reading; None if the source can't be read in pieces."""
    folder, suffix = is_folder(path), path.suffix.lower()
    if module := medium_reader(path, options, like):
        made = importlib.import_module(f"isthmus.data.{module}")
        return made.file_pieces(path, options, like, rows, skipped) if module in IN_BLOCKS else None
    if folder or suffix == ".zip":
        if is_zarr(path):
            return None
        if of_tables(path, options):
            return function("readers.shards:table_pieces")(path, options, like, rows)
        return (folder_pieces if folder else zip_pieces)(path, options, rows, skipped)
    if _has_frames(path):
        return file_pieces(path, options, rows, skipped)
    format = BY_SUFFIX.get(suffix)
    return function(format.pieces)(path, options, like, rows) if format and format.pieces else None


def _rows(rows: int | None, like: Mapping[str, Any] | None, options: Options) -> int:
    """The number of samples that are read together."""
    if of_patches(like) and not options.patches:
        return 1  # whole pictures, each of its own size
    if rows is not None:
        return rows
    numbers = int(np.prod(like["shape"])) if like else 1024
    return min(max(PIECE // (4 * max(1, numbers)), 1), MOST)


def _has_frames(path: Path) -> bool:
    """Whether a file has several pictures, by its name."""
    format = format_of(path.name)
    return format is not None and format.several


def _small(path: Path) -> bool:
    """Whether the source has picture files; these may be damaged, so they are read one by one."""
    several = path.suffix.lower() == ".zip" or _has_frames(path)
    return path.is_file() and not several and path.stat().st_size < SMALL


def _named(skipped: list[str]) -> str:
    return f" ({', '.join(skipped[:5])}{' …' * (len(skipped) > 5)})" if skipped else ""

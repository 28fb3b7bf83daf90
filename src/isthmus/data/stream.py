"""Streams: a source in pieces, read one ahead of their use, so that it may be larger than memory."""

import importlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, Unpack

import numpy as np

from isthmus.data.ahead import ahead, side_by_side
from isthmus.data.arrays import npy_pieces
from isthmus.data.fit import check_units
from isthmus.data.folders import folder_pieces, zip_pieces
from isthmus.data.missing import NothingLeftError
from isthmus.data.options import Options, OptionWords, as_wanted
from isthmus.data.raw import Raw
from isthmus.data.read import as_taken, inherited, of_patches, read_samples
from isthmus.data.samples import Samples
from isthmus.data.sources import TEXT, called, check_used, unreadable
from isthmus.data.tiles import one_picture
from isthmus.errors import DataError, remark

Made = TypeVar("Made")

PIECE = 2**24
"""Bytes that the numbers of a piece take at most, unless its size is given; each worker has one, and some five wait."""

MOST = 2**15
"""Samples in a piece at most, unless its size is given: nothing is used before the first piece has been read."""

SMALL = 2**24
"""A file of fewer bytes is read as a whole, and then divided."""


@dataclass
class Stream:
    """A source in pieces, `Samples` each, to be gone through as often as wanted.

    count: how many samples there are; None where nobody knows before the end.
    begin: starts from the first piece again.
    skipped: names of the pictures that could not be read, and were left out, as far as it has been gone through.
    """

    count: int | None
    begin: Callable[[], Iterator[Samples]]
    skipped: list[str] = field(default_factory=list)

    def checked(self, check: Callable[[Samples], object]) -> "Stream":
        """The same, each piece checked as it is read; `check` raises where it won't do."""

        def begin() -> Iterator[Samples]:
            for piece in self.begin():
                check(piece)
                yield piece

        return replace(self, begin=begin)

    def through(
        self, use: Callable[[Samples], Made], workers: int | None = None
    ) -> Generator[tuple[Samples, Made], None, None]:
        """Each piece with what `use` makes of it, in their order, made while pieces before it are written, say.

        Pieces are read, used and written side by side, and `use` is called in several threads at once: `workers`, each
        with its share of PyTorch's threads; as many as PyTorch has, 8 at most, where it is None. Give 1 where `use`
        must see the pieces in their order.
        """
        with closing(iter(self)) as pieces:  # an error in `use` is to end the reading at once
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
    """Read any source as `read_samples` does, a piece at a time, so that memory does not grow with it.

    `.npy`, Parquet, text tables (but for packed ones and those parted by blanks), folders and zips of pictures are read
    in pieces; any other source, small files, and one part of a source are read as a whole and then divided. Pictures
    that can't be read are left out, and named in `Stream.skipped`.

    rows: samples in a piece; as many as take 16 MiB, but 32,768 at most, where it is None.
    The rest as for `read_samples`. What is wrong with a piece is said when it is come to.

    Raises:
        DataError: the source can't be read, or does not fit the model.
    """
    chosen = Options.of(inherited(like) | options)
    path = Path(source).expanduser() if isinstance(source, str | os.PathLike) else Path()
    unfilled = chosen.missing == "fill" and (like is None or like.get("fill") is None)
    in_memory = not isinstance(source, str | os.PathLike) or not path.exists()
    skipped: list[str] = []
    opened = None
    if not (in_memory or unfilled or part is not None or (rows is None and _small(path))):
        opened = _open(path, chosen, like, _rows(rows, like, chosen), skipped)
    if opened is None:
        return divided(read_samples(source, like=like, part=part, **options), rows)
    count, begin = opened
    if of_patches(like) and not chosen.patches:
        count = None  # of tiles, which each picture has as many of as it is large

    def pieces() -> Iterator[Samples]:
        done = kept = 0
        try:
            for raw in begin():
                if not done:
                    check_used(replace(raw, origin=str(path)), chosen, like, str(path))
                where = f"{path}, from sample {done} on," if done else str(path)
                done += len(raw.values)
                try:
                    piece = as_taken(raw, chosen, where, like)
                except NothingLeftError:
                    remark(f"{where} lacks numbers in all of {len(raw.values)} samples: they are left out.")
                    continue
                kept += len(piece)
                yield piece
        except OSError as error:
            raise unreadable(path, error) from error
        if not kept:
            raise DataError(f"{path} has no sample that can be read{_named(skipped)}: expected at least one.")

    return Stream(count, pieces, skipped)


def stream_pictures(source: Any, like: Mapping[str, Any], **options: Unpack[OptionWords]) -> Stream:
    """The whole pictures of a source, each a piece of its own size, for a model of patches; else as `stream_samples`.

    like: `Data.description` of the model's data, by whose options the pictures are read.

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
                + (f"Read them with {advice}." if advice else "Convert them first.")
            )
        check_units(samples, like, where)

    whole: dict[str, Any] = {**inherited(like), **options}
    return stream_samples(one_picture(source, channels), rows=1, **whole).checked(check)


def divided(samples: Samples, rows: int | None = None) -> Stream:
    """Samples in memory, or mapped from a file, in pieces of so many rows."""
    size = rows or max(1, PIECE // max(1, 4 * int(np.prod(samples.shape))))
    starts = range(0, len(samples), size)
    return Stream(
        len(samples),
        lambda: (samples.take(np.arange(start, min(start + size, len(samples)))) for start in starts),
    )


def _open(
    path: Path, options: Options, like: Mapping[str, Any] | None, rows: int, skipped: list[str]
) -> tuple[int | None, Callable[[], Iterator[Raw]]] | None:
    """How many samples there are, and what begins to read them; None where the source can only be read as a whole."""
    try:
        if path.is_dir():
            return folder_pieces(path, options, rows, skipped)
        suffix = path.suffix.lower()
        if suffix == ".zip":
            return zip_pieces(path, options, rows, skipped)
        if suffix == ".npy":
            return npy_pieces(path, rows)
        if suffix == ".parquet":
            return _tables("tables").parquet_pieces(path, options, like, rows)
        if suffix in TEXT:
            return _tables("text").text_pieces(path, options, like, rows)
    except OSError as error:
        raise unreadable(path, error) from error
    return None


def _tables(module: str) -> Any:
    """Arrow is imported when it is first needed: it takes some 40 MB."""
    return importlib.import_module(f"isthmus.data.{module}")


def _rows(rows: int | None, like: Mapping[str, Any] | None, options: Options) -> int:
    """Samples that are read together."""
    if of_patches(like) and not options.patches:
        return 1  # whole pictures, each of its own size
    if rows is not None:
        return rows
    numbers = int(np.prod(like["shape"])) if like else 1024
    return min(max(PIECE // (4 * max(1, numbers)), 1), MOST)


def _small(path: Path) -> bool:
    """Pictures are packed, and may be damaged: they are always read one by one."""
    return path.is_file() and path.suffix.lower() != ".zip" and path.stat().st_size < SMALL


def _named(skipped: list[str]) -> str:
    return f" ({', '.join(skipped[:5])}{' …' * (len(skipped) > 5)})" if skipped else ""

"""Sources larger than memory: which are streamed in training, and the pass over one that learns its facts."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from isthmus.data.blocks import Blocks
from isthmus.data.curves import rows_seen
from isthmus.data.describe import SPREAD
from isthmus.data.gather import is_mapped
from isthmus.data.layout import IN_WINDOW, Layout
from isthmus.data.named import NAMES
from isthmus.data.options import Options
from isthmus.data.precision import spread
from isthmus.data.raw import Raw
from isthmus.data.readers.addresses import is_database
from isthmus.data.readers.known import function
from isthmus.data.samples import SIZES, Samples
from isthmus.data.sources import ADDRESS, called, check_used, is_folder, is_zarr, of_tables
from isthmus.data.splits import split
from isthmus.errors import DataError, collected_remarks, remark
from isthmus.memory import available

PARQUET = (".parquet", ".pq")
WEB = ("http", "https")
HELD = 2**27
"""The largest size in bytes of a validation or test part that is kept in memory although its source is streamed."""
ROW_NUMBERS = 16
"""Bytes of memory for each row of a streamed source: its number, and its place in the order of an epoch."""
OF_RECORDINGS = ("window", "step", "time", "groups", "patches")
"""Options of sources that can't be streamed."""


def streamed(source: Any, options: Options) -> tuple[Raw, Options] | None:
    """A source whose values stay where they are, and how it is read; None if it is to be read into memory.

    Without `options.stream`, a source is streamed if it would need more than half of the free memory.

    Raises:
        DataError: `options.stream` is set, and the source can't be streamed.
    """
    if options.stream is False:
        return None
    found = _found(source, options)
    if found is None:
        if options.stream and not _may_be_mapped(source):
            raise not_streamed(source)
        return None
    made, notes = found
    if options.stream is None:
        free = available() or 2**62
        if made.bytes <= min(options.max_bytes, free // 2) or not made.plausible:
            return None
        fits = made.bytes <= free // 2
        room = f"max_bytes={options.max_bytes} are allowed" if fits else f"{free / 1e9:,.1f} GB are free"
        remark(
            f"{called(source)} needs {made.bytes / 1e9:,.1f} GB in memory, and {room}. So it is streamed: training "
            "reads it in every epoch, and shuffles it within windows. To read it into memory: stream=False."
        )
    for note in notes:
        remark(note)
    raw = made.raw(options)
    least = ROW_NUMBERS * len(raw.values)
    if least > options.max_bytes:
        raise DataError(
            f"{called(source)} has {len(raw.values):,} rows, whose numbers alone need {least} bytes: expected at most "
            f"max_bytes={options.max_bytes}. If you trust it, raise max_bytes."
        )
    address = isinstance(source, str) and ADDRESS.match(source) and not source.lower().startswith("file://")
    raw = replace(raw, origin=called(source) if address else str(_path(source).resolve()))
    check_used(raw, options, None, called(source))
    return raw, replace(options, stream=True)


def laid_out(samples: Samples, options: Options) -> Samples:
    """The same with a layout, if the samples are mapped from a file and are to be streamed."""
    if samples.layout is not None or not isinstance(samples.values, np.ndarray) or not is_mapped(samples.values):
        return samples
    size = _size(samples)
    if options.stream is None and size <= (available() or 2**62) // 2:
        return samples
    if options.stream is False:
        return samples
    count, row = len(samples), max(1, size // max(1, len(samples)))
    rows = max(1, options.shuffle_bytes // row // IN_WINDOW)  # each block is a group, because none needs another
    groups = np.full(-(-count // rows), rows)
    groups[-1] = count - rows * (len(groups) - 1)
    return replace(samples, layout=Layout.of(groups.tolist(), row, options.shuffle_bytes))


def surveyed(raw: Raw, fractions: Mapping[str, float], seed: int) -> Raw:
    """The same after a pass over streamed tables, which keeps the rows that opening looks at until `settled`.

    Opening then reads the source only once more, for the scaling.
    """
    train = raw.values
    if not isinstance(train, Blocks) or raw.kind != "table":
        return raw
    count, size = len(train), train.dtype.itemsize * int(np.prod(train.shape[1:]))
    wanted = [spread(count, SPREAD)]
    if count >= 3:
        divided = split(count, fractions["validation"], fractions["test"], seed)
        wanted.append(divided.train[rows_seen(len(divided.train), int(np.prod(train.shape[1:])))])
        wanted += [part for part in (divided.validation, divided.test) if len(part) * size <= HELD]
    train.survey(np.unique(np.concatenate(wanted)))
    for part in raw.parts.values():
        if isinstance(part.values, Blocks):
            few = len(part.values) * size > HELD
            part.values.survey(spread(len(part.values), SPREAD) if few else np.arange(len(part.values)))
    return replace(raw, schema=raw.schema and raw.schema.within(train.low))


def held(parts: Mapping[str, Samples]) -> dict[str, Samples]:
    """The parts; validation and test in memory if they are small, so that they aren't read in every epoch."""
    return {name: part if name == "train" else part.held(HELD) for name, part in parts.items()}


def settled(parts: Mapping[str, Samples]) -> None:
    """Free the rows that were kept while the data were opened."""
    for part in parts.values():
        if isinstance(part.values, Blocks):
            part.values.forget()


def not_streamed(source: Any) -> DataError:
    """The error for a source that can't be streamed."""
    return DataError(
        f"{called(source)} can't be streamed: expected Parquet (a file or a folder, here or at an address), a .npy, a "
        "folder of .npy files with kind='table', or a folder of pictures with one frame each; without windows, groups, "
        "patches or damaged samples. Write a table as Parquet first, or leave stream out."
    )


def _found(source: Any, options: Options) -> tuple[Any, list[str]] | None:
    """The files of a source that can be streamed, and the remarks on them; None if it can't be."""
    unset = Options()
    if not isinstance(source, str | os.PathLike) or source in NAMES or not os.fspath(source):
        return None
    if options.kind not in (None, "table", "pictures") or any(
        getattr(options, name) != getattr(unset, name) for name in OF_RECORDINGS
    ):
        return None
    with collected_remarks() as notes:
        text = os.fspath(source)
        if ADDRESS.match(text) and isinstance(source, str) and not text.lower().startswith("file://"):
            found = _at_address(text, options)
        else:
            found = _here(_path(source), options)
    return None if found is None else (found, notes)


def _here(path: Path, options: Options) -> Any:
    """The files at a path."""
    folder = is_folder(path)
    if not folder or (of_tables(path, options) and not is_zarr(path)):
        wanted = (folder or path.suffix.lower() in PARQUET) and options.kind != "pictures"
        return function("readers.parquet_blocks:Shards.of")(path, options) if wanted else None
    if options.kind == "table" and not is_zarr(path):
        return function("readers.array_blocks:ArrayShards.of")(path, options)
    if is_zarr(path) or options.missing not in ("error", "keep"):
        return None
    return function("picture_blocks:PictureFiles.of")(path, options)


def _at_address(address: str, options: Options) -> Any:
    """The files at an address; without `options.stream`, only where their names promise Parquet."""
    parts = urlsplit(address)
    suffix = PurePosixPath(parts.path).suffix.lower()
    certain = suffix in PARQUET or (not suffix and parts.scheme.lower() not in WEB)
    if is_database(address) or options.kind == "pictures" or not (options.stream or certain):
        return None
    with function("readers.remote:explained")(address, options):
        return function("readers.parquet_blocks:Shards.of")(address, options)


def _may_be_mapped(source: Any) -> bool:
    """Whether the source is an array that can be mapped from its file; `laid_out` then streams it."""
    if isinstance(source, str | os.PathLike):
        return _path(source).suffix.lower() == ".npy"
    return isinstance(source, np.ndarray) and is_mapped(source)


def _path(source: Any) -> Path:
    text = os.fspath(source)
    return Path(url2pathname(urlsplit(text).path) if text.lower().startswith("file://") else text).expanduser()


def _size(samples: Samples) -> int:
    """The bytes that samples need in memory."""
    return len(samples) * int(np.prod(samples.shape)) * SIZES[samples.dtype]

"""Shards: one table in several files, in a folder or a zip, such as CSV, Parquet or Feather."""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from isthmus.data.entries import Entry, divide, natural, stem_of
from isthmus.data.folders import collected, suffixes_in
from isthmus.data.joining import Piece, joining
from isthmus.data.options import Options
from isthmus.data.part_names import split_name
from isthmus.data.raw import Raw
from isthmus.data.readers.known import BY_SUFFIX, SHARDS, function
from isthmus.data.tables import following, from_arrow
from isthmus.errors import DataError, remark, shown_as
from isthmus.formatting import listed

KEPT_BY_OTHERS = ("_SUCCESS", "_metadata", "_common_metadata", "dataset_info.json", "state.json", "dataset_dict.json")
"""Files that programs write next to shards."""
Read = Callable[[Path, Options, Mapping[str, Any] | None], Raw]
_PARTITION = re.compile(r"([^/=]+)=([^/]*)")


def read_tables(path: Path, options: Options, like: Mapping[str, Any] | None, read: Read) -> Raw:
    """The rows of all tables in a folder or zip, in the natural order of their names; `read` reads one file.

    Files or folders whose names say train, validation or test are parts. Folders such as `year=2024` (Hive's
    partitions) become columns. `options.array` chooses one file.

    Raises:
        DataError: the tables have different columns, or one can't be read.
    """
    with collected(path, options, SHARDS, None) as found, tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        entries = [entry for entry in found if PurePosixPath(entry.name).name not in KEPT_BY_OTHERS]
        if options.array in {entry.name for entry in entries}:
            entries = [entry for entry in entries if entry.name == options.array]
            options = replace(options, array=None)
        else:
            _tell_others(path, options)
        entries.sort(key=lambda entry: natural(entry.name))
        file_of = partial(_as_file, path, Path(folder))
        return join_tables(entries, file_of, options, like, read, str(path))


def join_tables(
    entries: Sequence[Entry],
    file_of: Callable[[Entry], contextlib.AbstractContextManager[Path]],
    options: Options,
    like: Mapping[str, Any] | None,
    read: Read,
    where: str,
) -> Raw:
    """The rows of the tables in these files, in their order. file_of: a context with the file of an entry."""

    def of(entry: Entry) -> Piece:
        with file_of(entry) as file, shown_as(str(file), f"{where}/{entry.name}"):
            return _table(file, entry, options, like, read)

    named = {_in_part(entry.name): entry for entry in entries}
    places = {name: place for place, name in enumerate(named)}
    parts = divide([Entry(name, entry.open) for name, entry in named.items()], where).parts
    if len(parts) == 1:
        table, texts = _joined(entries, of, where)
        return from_arrow(table, options, where, like, texts=texts)
    train: Raw | None = None
    others: dict[str, Raw] = {}
    for part, some in parts.items():  # the training part is the first, and defines what the columns hold
        table, texts = _joined(
            [named[name] for name in sorted((one.name for one in some), key=places.__getitem__)], of, where
        )
        if train is None:
            train = from_arrow(table, options, where, like, texts=texts)
        else:
            known = like or following(train, options)
            others[part] = from_arrow(table, options, f"{where} ({part})", known, texts=texts)
    assert train is not None
    return replace(train, parts=others)


def table_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[None, Callable[[], Iterator[Raw]]] | None:
    """The rows of all tables in a folder, `size` at a time; None where a file can only be read whole.

    Raises:
        DataError: as `read_tables`, when the rows are read.
    """
    if not path.is_dir():
        return None
    with collected(path, options, SHARDS, None) as found:
        named = {_in_part(e.name): e for e in found if PurePosixPath(e.name).name not in KEPT_BY_OTHERS}
    parts = divide([Entry(name, entry.open) for name, entry in named.items()], str(path)).parts
    files = [
        path / named.get(e.name, e).name for some in parts.values() for e in sorted(some, key=lambda e: natural(e.name))
    ]
    formats = [BY_SUFFIX.get(file.suffix.lower()) for file in files]
    if options.array is not None or any(
        not format or not format.pieces or "=" in str(file) for file, format in zip(files, formats, strict=True)
    ):
        return None

    def pieces() -> Iterator[Raw]:
        known = like
        for file, format in zip(files, formats, strict=True):
            begun = function(format.pieces)(file, options, known, size) if format else None
            for raw in begun[1]() if begun else ():
                known = known or following(raw, options)
                yield raw

    if any(
        format and function(format.pieces)(file, options, like, size) is None
        for file, format in zip(files, formats, strict=True)
    ):
        return None
    return None, pieces


def _joined(entries: Sequence[Entry], of: Callable[[Entry], Piece], where: str) -> Piece:
    pieces = [of(entry) for entry in entries]
    tables, texts = [table for table, _ in pieces], frozenset[str]().union(*(texts for _, texts in pieces))
    wanted = tables[0].column_names
    for entry, table in zip(entries[1:], tables[1:], strict=True):
        if sorted(table.column_names) != sorted(wanted):
            more = sorted({*table.column_names} ^ {*wanted})
            raise DataError(
                f"{where}: {entry.name} has other columns than {entries[0].name} ({listed(list(map(repr, more)))}): "
                f"expected shards of one table. Choose one file with array={entries[0].name!r}."
            )
    tables = [table.select(wanted) for table in tables]
    try:
        return pa.concat_tables(tables, promote_options="permissive"), texts
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # numbers in one, text in another
        alike = [_as_text(table, _differing(tables)) for table in tables]
        return pa.concat_tables(alike, promote_options="permissive"), texts


def _differing(tables: Sequence[pa.Table]) -> set[str]:
    """Columns that hold text in some tables and other types in others."""
    kinds = {name: {table.schema.field(name).type for table in tables} for name in tables[0].column_names}
    return {name for name, there in kinds.items() if len(there) > 1 and any(not _is_number(kind) for kind in there)}


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    for place, name in enumerate(table.column_names):
        if name in names:
            table = table.set_column(place, name, table[name].cast(pa.string()))
    return table


def _table(file: Path, entry: Entry, options: Options, like: Mapping[str, Any] | None, read: Read) -> Piece:
    """The table in a file, with a column for each partition."""
    with joining() as tables:
        read(file, options, like)
    if len(tables) != 1:
        raise DataError(f"{entry.name} holds no table: expected shards of one table. Remove it from the folder.")
    table, texts = tables[0]
    for name, value in partitions(entry.name).items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * len(table)))
    return table, texts


def partitions(name: str) -> dict[str, Any]:
    """The columns that the folders of a file's path stand for, such as `year=2024`, and their values."""
    return {column: _plain(unquote(value)) for column, value in _PARTITION.findall(str(PurePosixPath(name).parent))}


def in_parts(names: Sequence[str], where: str) -> dict[str, list[str]]:
    """The files of each part, "train" first, in the natural order of their names."""
    named = {_in_part(name): name for name in sorted(names, key=natural)}
    places = {name: place for place, name in enumerate(named)}
    parts = divide([Entry(name, _unopened) for name in named], where).parts
    return {
        part: [named[name] for name in sorted((entry.name for entry in some), key=places.__getitem__)]
        for part, some in parts.items()
    }


def _unopened() -> Any:
    raise NotImplementedError  # of a file whose name alone is needed


def _plain(value: str) -> Any:
    if value == "__HIVE_DEFAULT_PARTITION__":
        return None
    try:
        return int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        return value


def _in_part(name: str) -> str:
    """The name, in the folder of a part where the file's own name says one."""
    if "/" in name:
        return name
    found = split_name(re.sub(r"\d+", "", stem_of(name)).split("-of-")[0].strip("-_. "), None)
    return name if found is None else f"{found[0]}/{name}"


@contextlib.contextmanager
def _as_file(path: Path, folder: Path, entry: Entry) -> Iterator[Path]:
    """A file of its own: that in the folder, or a member of a zip, unpacked for as long as it is read."""
    if path.is_dir():
        yield path / entry.name
        return
    target = folder / PurePosixPath(entry.name).name
    with entry.open() as content, target.open("wb") as file:
        shutil.copyfileobj(content, file)
    try:
        yield target
    finally:
        target.unlink(missing_ok=True)


def _tell_others(path: Path, options: Options) -> None:
    """Remark on files that are no tables."""
    others = {s: n for s, n in suffixes_in(path, options).items() if s not in SHARDS and s not in ("", ".json", ".crc")}
    if others:
        some = listed([f"{count} of type {suffix}" for suffix, count in sorted(others.items())])
        count = sum(others.values())
        remark(f"{path}: {count} other file{'s are' if count > 1 else ' is'} not read ({some}).")

"""Parquet in blocks: one file or a folder of shards, here or at an address, that training reads in every epoch."""

import contextlib
import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as systems
import pyarrow.parquet as pq

from isthmus.data.blocks import Blocks
from isthmus.data.entries import has_suffix
from isthmus.data.folders import names_in
from isthmus.data.labels import encode_labels
from isthmus.data.layout import LANES, Layout
from isthmus.data.nested import plain_columns
from isthmus.data.options import Options
from isthmus.data.precision import spread
from isthmus.data.raw import Raw
from isthmus.data.readers.known import SHARDS
from isthmus.data.readers.remote import file_system, files_at
from isthmus.data.readers.shards import KEPT_BY_OTHERS, in_parts, partitions
from isthmus.data.schema.categories import MOST, coded, encode
from isthmus.data.schema.column import is_text
from isthmus.data.tables import ROW, as_written, check_columns, following, from_arrow, slim
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

SUFFIXES = (".parquet", ".pq")
SAMPLE, PLACES = 2**16, 16
"""The rows from which the kinds of the columns are inferred, and the places from which they come."""
PAGES = 2**27
"""Bytes for the open pages of all columns of all row groups that are read at a time; a page takes about 1 MiB."""
BUFFER = 2**16
"""Bytes that are read from a file on this machine at a time, for each column."""
DENSEST = 200
"""Bytes of values that a byte of a file may hold; one that says more may have been made to fill the memory."""
FOOTERS = 16
"""Files whose footers are read at the same time."""


@dataclass(frozen=True)
class Shard:
    """A file: its bytes, its row groups' rows, the types of its columns, and the columns that its folders stand for."""

    system: systems.FileSystem
    path: str
    name: str
    size: int
    groups: tuple[int, ...]
    schema: pa.Schema
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, system: systems.FileSystem, path: str, name: str, below: str) -> "Shard":
        """The file at this path. name: for messages. below: its path in the folder that is the source."""
        with read_again(name), system.open_input_file(path) as opened, pq.ParquetFile(opened) as file:
            found = file.metadata
            groups = tuple(found.row_group(number).num_rows for number in range(found.num_row_groups))
            return cls(system, path, name, opened.size(), groups, file.schema_arrow, partitions(below))

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""
        return [*self.schema.names, *(name for name in self.fixed if name not in self.schema.names)]

    def batches(self, group: int, size: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of a row group, `size` at a time, with texts dictionary-encoded. columns: None for all."""
        texts = [field.name for field in self.schema if is_text(field.type)]
        here = isinstance(self.system, systems.LocalFileSystem)
        nested = any(pa.types.is_nested(field.type) for field in self.schema)
        own = None if columns is None or nested else [name for name in columns if name in self.schema.names]
        begin = sum(self.groups[:group]) + 1
        with read_again(self.name), self.system.open_input_file(self.path) as opened:
            ways: dict[str, Any] = {"pre_buffer": not here, "buffer_size": BUFFER if here else 0}
            with pq.ParquetFile(opened, read_dictionary=texts, **ways) as file:
                if file.metadata.num_row_groups != len(self.groups):
                    raise DataError(f"{self.name} has changed since the data were opened. Restore the old file.")
                read = file.iter_batches(size, row_groups=[group], columns=own, use_threads=False)
                for table in _of_size(map(_as_table, read), size):
                    yield self._whole(table, columns).replace_schema_metadata({ROW: str(begin)})
                    begin += len(table)

    def _whole(self, table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
        """Rows of the file with plain columns, and with those that the folders stand for."""
        table = plain_columns(table)
        for name, value in self.fixed.items():
            if name not in table.column_names and (columns is None or name in columns):
                table = table.append_column(name, pa.array([value] * len(table)))
        return table


@dataclass(frozen=True)
class Shards:
    """The files of each part of a source, "train" first. where: the source, for messages."""

    parts: Mapping[str, Sequence[Shard]]
    where: str

    @classmethod
    def of(cls, source: str | Path, options: Options) -> "Shards | None":
        """Those of a file or folder here (a path), or at an address; None if it isn't Parquet alone.

        Raises:
            DataError: the files have different columns.
        """
        system, base = (systems.LocalFileSystem(), str(source))
        if isinstance(source, str):
            system, base = file_system(source, options)
            names = files_at(system, base)
        else:
            names = names_in(source, options) if source.is_dir() else [""]
        names = [name for name in names if name.rpartition("/")[2] not in KEPT_BY_OTHERS]
        if names != [""]:
            names = [name for name in names if has_suffix(name, SHARDS)]
        if options.array in names:
            names = [options.array]
        if not names or not all((name or base).lower().endswith(SUFFIXES) for name in names):
            return None
        where = str(source)
        made = {
            part: [
                (f"{base}/{name}" if name else base, f"{where.rstrip('/')}/{name}" if name else where, name)
                for name in some
            ]
            for part, some in in_parts(names, where).items()
        }
        with ThreadPoolExecutor(FOOTERS) as pool:
            parts = {part: list(pool.map(lambda one: Shard.of(system, *one), some)) for part, some in made.items()}
        return cls({part: some for part, some in parts.items() if some}, where)

    def __post_init__(self) -> None:
        first = self._all[0]
        for shard in self._all:
            check_columns(len(shard.columns), shard.name)
            if more := sorted({*shard.columns} ^ {*first.columns}):
                raise DataError(
                    f"{shard.name} has other columns than {first.name} ({listed(list(map(repr, more)))}): expected "
                    "shards of one table. Remove it from the folder."
                )

    @property
    def _all(self) -> list[Shard]:
        return [shard for some in self.parts.values() for shard in some]

    @property
    def bytes(self) -> int:
        """About the bytes of memory that all values need."""
        return 4 * sum(sum(shard.groups) for shard in self._all) * len(self._all[0].columns)

    @property
    def plausible(self) -> bool:
        """Whether the files are large enough for their values; a small one may else take forever to read."""
        return self.bytes <= DENSEST * sum(shard.size for shard in self._all)

    def raw(self, options: Options) -> Raw:
        """The values as `Blocks`.

        The kinds of the columns are inferred from at most `SAMPLE` rows, spread over the training part; names of
        categories and labels come from all rows.

        Raises:
            DataError: a file can't be read, or a column doesn't fit.
        """
        train = self.parts["train"]
        sample = from_arrow(
            _sample(train, (*as_written(options, None), *train[0].fixed)), options, self.where, texts=_texts(train)
        )
        if sample.schema is None:
            raise DataError(f"{self.where} is read as {options.kind}, which can't be streamed. Set stream=False.")
        sample = self._categorised(sample, options)
        labels, names = self._labels(options)
        made = {}
        for part, shards in self.parts.items():
            values, layout = blocks_of(shards, sample, options)
            made[part] = replace(
                sample, values=values, layout=layout, labels=labels.get(part), label_names=names, names=(), unused=None
            )
        return replace(made.pop("train"), parts=made)

    def _categorised(self, sample: Raw, options: Options) -> Raw:
        """The sample's facts with the categories of all rows of the training part."""
        schema = sample.schema
        wanted = [column for column in schema.used if column.kind == "category"] if schema else []
        if schema is None or not wanted:
            return sample
        found: dict[str, list[pa.Array]] = {column.name: [] for column in wanted}
        for table in _column_tables(self.parts["train"], list(found)):
            for name, values in found.items():
                values.append(pa.array(coded(table[name])[0]))
        columns, names = {column.name: column for column in schema.columns}, {}
        for column in wanted:
            every = pa.chunked_array(_alike(found[column.name]))
            if len(every.unique()) > MOST and column.name not in options.categorical:
                count = len(every.unique())
                columns[column.name] = column.replace(kind="id", used=False, why=f"{count:,} different names")
                remark(
                    f"{self.where}: left out {column.name!r} ({count:,} different names). To use it: "
                    f"categorical={column.name}."
                )
                continue
            names[column.name] = encode(every, column, (), self.where, kept=True)[1]
        made = schema.replace(tuple(columns.values()))
        firsts = made.firsts
        categories = tuple(names.get(firsts[at].name, ()) if at in firsts else () for at in range(len(made.features)))
        values = np.empty((0, len(made.features)), np.asarray(sample.values).dtype)
        return replace(
            sample,
            values=values,
            schema=made,
            columns=made.features if made.named else (),
            categories=categories if any(categories) else (),
        )

    def _labels(self, options: Options) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """(rows,) the labels of each part as numbers, and their names."""
        label = options.label
        if label is None:
            return {}, ()
        columns = self._all[0].columns
        name = str(label) if str(label) in columns else columns[int(label)]
        tables = {part: list(_column_tables(shards, [name])) for part, shards in self.parts.items()}
        chunks = [chunk for some in tables.values() for table in some for chunk in table[name].chunks]
        values, places = coded(pa.chunked_array(_alike(chunks)))
        given = [*values, None] if (places < 0).any() else values
        numbers, names = encode_labels(given, len(given))
        if numbers is None:
            return {}, ()
        ends = np.cumsum([sum(map(len, some)) for some in tables.values()])[:-1]
        return dict(zip(tables, np.split(numbers.numpy()[places], ends), strict=True)), names


def blocks_of(shards: Sequence[Shard], sample: Raw, options: Options) -> tuple[Any, Layout]:
    """The shards' rows as `Blocks`, and their layout. sample: rows of the same table."""
    groups = [(shard, group) for shard in shards for group in range(len(shard.groups)) if shard.groups[group]]
    row = int(np.prod(sample.values.shape[1:])) * sample.values.dtype.itemsize
    lanes = max(1, min(LANES, PAGES // 2**20 // max(1, len(shards[0].columns))))
    layout = Layout.of([shard.groups[group] for shard, group in groups], row, options.shuffle_bytes, lanes)
    columns = None if sample.schema is None else [column.name for column in sample.schema.used]
    tables, texts, exact = _Tables(groups, layout, columns), _texts(shards), as_written(options, None)
    # only the columns that are learnt from are read, so that no option names one that isn't there
    chosen = replace(options, label=None, id=None, columns=(), exclude=(), categorical=(), types=())
    known = following(sample, chosen)

    def read(number: int) -> np.ndarray:
        shard, table = tables(number)
        if sample.values.dtype == np.float64:  # float32 as in memory where that loses nothing
            table = slim(table.to_batches(), exact)
        values = from_arrow(table, chosen, shard.name, known, whole=False, texts=texts).values
        return np.asarray(values)

    shape, kind = sample.values.shape[1:], sample.values.dtype
    return Blocks(layout.starts, shape, kind, read, close=tables.close), layout


class _Tables:
    """Reads the rows of a block; row groups stay open, so that the next block of each follows without a new start."""

    def __init__(self, groups: list[tuple[Shard, int]], layout: Layout, columns: Sequence[str] | None) -> None:
        self._groups, self._layout, self._columns = groups, layout, columns
        self._first = np.searchsorted(layout.groups, np.arange(len(groups)))
        self._open: OrderedDict[int, tuple[int, Iterator[pa.Table]]] = OrderedDict()
        self._lock = threading.Lock()  # for an epoch is read by a thread

    def close(self) -> None:
        """Close all row groups that are open."""
        with self._lock:
            self._open.clear()

    def __call__(self, number: int) -> tuple[Shard, pa.Table]:
        starts, group = self._layout.starts, int(self._layout.groups[number])
        shard, place = self._groups[group]
        rows = int(starts[number + 1] - starts[number])
        with self._lock:
            at, tables = self._open.pop(group, (number + 1, iter(())))
            if at > number:
                at = int(self._first[group])
                tables = shard.batches(place, int(starts[at + 1] - starts[at]), self._columns)
            table = next(itertools.islice(tables, number - at, None), None)
            at = number + 1
            if table is None or len(table) != rows:
                found = 0 if table is None else len(table)
                raise DataError(
                    f"{shard.name} has changed since the data were opened: {found} rows where there were {rows}. "
                    "Restore the old file; isthmus resume then continues a training from its last checkpoint."
                )
            if number + 1 < len(self._layout.groups) and self._layout.groups[number + 1] == group:
                self._open[group] = (at, tables)
                while len(self._open) > self._layout.lanes:
                    self._open.popitem(last=False)
        return shard, table


@contextlib.contextmanager
def read_again(name: str, errors: Any = (pa.ArrowException, OSError, ValueError)) -> Iterator[None]:
    """Errors while a file is read become a DataError that says how to go on."""
    again = "isthmus resume then continues a training from its last checkpoint."
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{name} does not exist any more. Restore it; {again}") from error
    except errors as error:  # a name of this function, because a file may be closed when Python ends
        if isinstance(error, DataError):
            raise
        said = " ".join(str(error).split())[:120]
        raise DataError(
            f"{name} is damaged or not a Parquet file, or can't be reached ({said}). Restore it; {again}"
        ) from error


def _sample(shards: Sequence[Shard], exact: Sequence[str | int]) -> pa.Table:
    """Rows from which the kinds of the columns are inferred: all of few, else the first of some row groups."""
    groups = [(shard, group) for shard in shards for group in range(len(shard.groups)) if shard.groups[group]]
    if not groups:
        return next(iter(shards)).schema.empty_table()
    if sum(shard.groups[group] for shard, group in groups) > SAMPLE:
        groups = [groups[place] for place in spread(len(groups), PLACES)]
        size = SAMPLE // len(groups)
        tables = [next(shard.batches(group, size)) for shard, group in groups]
    else:
        tables = [table for shard, group in groups for table in shard.batches(group, SAMPLE)]
    alike = [table.select(tables[0].column_names).replace_schema_metadata(None) for table in tables]
    return slim(pa.concat_tables(alike, promote_options="permissive").to_batches(), exact)


def _column_tables(shards: Sequence[Shard], columns: Sequence[str]) -> Iterator[pa.Table]:
    """These columns of all rows, a row group at a time."""
    for shard in shards:
        for group, rows in enumerate(shard.groups):
            if rows:
                yield from shard.batches(group, SAMPLE, columns)


def _texts(shards: Sequence[Shard]) -> list[str]:
    """The columns of text that aren't known to be categories."""
    return [field.name for field in shards[0].schema if is_text(field.type) and not pa.types.is_dictionary(field.type)]


def _alike(arrays: Sequence[pa.Array]) -> list[pa.Array]:
    """Arrays of one type; those without a value have none of their own."""
    kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
    return [array.cast(next(iter(kinds))) for array in arrays] if len(kinds) == 1 else list(arrays)


def _of_size(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """The same rows, in tables of exactly so many, and the rest."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= size:
            joined = pa.concat_tables(held, promote_options="permissive")
            yield joined.slice(0, size)
            held = [joined.slice(size)] if len(joined) > size else []
    if held:
        yield pa.concat_tables(held, promote_options="permissive")


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])

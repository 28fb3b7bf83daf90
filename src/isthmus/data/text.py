"""Text tables: CSV, TSV and columns separated by blanks, with or without names; also gzipped."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from isthmus.data.cells import unguarded
from isthmus.data.delimited import Block, Layout, TextFile, blocks, find_layout, text_file
from isthmus.data.delimited.delimiter import BLANKS, QUOTED
from isthmus.data.delimited.file import MARKS
from isthmus.data.delimited.header import NUMBER
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.schema.column import is_number
from isthmus.data.schema.schema import schema_of
from isthmus.data.tables import (
    NAME,
    ROW,
    as_written,
    check_asked,
    check_columns,
    following,
    from_arrow,
    give_back,
    is_precise,
    slim,
)
from isthmus.errors import DataError, remark

BLOCK = 2**20
"""The bytes of a text table that are parsed at a time, unless `ROWS` rows need more."""
ROWS = 64
SMALL = 2**25  # bytes
LARGEST_BLOCK = 2**31 - 1  # bytes; Arrow's own limit
BYTES_QUOTED = re.compile(QUOTED.pattern.encode())
COMMENT = re.compile(rb"(?m)^(?:#|%|//)[^\n]*")


def read_text(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a text table (see `from_arrow`). Its layout is detected unless given.

    Raises:
        DataError: the file isn't text, has rows of different lengths or too many columns, or its columns don't fit.
    """
    with _explained(path):
        return _whole(path, options, like)


def _whole(path: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    reader = _Reader.of(path, options, like)
    exact = as_written(options, like)
    # a large table is made of short numbers block by block, so that all its long ones are never there together
    size = max(BLOCK, ROWS * reader.layout.row)
    large = reader.file.size > SMALL
    precise = is_precise(like)
    parts = [slim(table.to_batches(), exact, precise=precise) if large else table for table in reader.tables(size)]
    table = reader.joined(parts, size) if parts else reader.empty()
    del parts
    raw = from_arrow(table, options, str(path), like, named=reader.layout.named)
    del table
    give_back()
    return raw


def text_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[None, Callable[[], Iterator[Raw]]]:
    """The rows of a text table, about `size` at a time, each piece as from `read_text`.

    Raises:
        DataError: as `read_text`, when the rows are read.
    """
    reader = _Reader.of(path, options, like)
    block = min(max(2**16, size * reader.layout.row), 2**26)

    def pieces() -> Iterator[Raw]:
        known = like
        with _explained(path):
            for table in reader.tables(block):
                raw = from_arrow(table, options, str(path), known, named=reader.layout.named, whole=False)
                known = known or following(raw, options)
                yield raw

    return None, pieces


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Convert Arrow's errors for a text table to DataError."""
    try:
        yield
    except pa.ArrowInvalid as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(
            f"{path} can't be read as a text table ({said}). Set its delimiter= or its encoding=."
        ) from error


@dataclass(frozen=True)
class _Reader:
    """A text table that is read with these options, for the model that `like` describes."""

    file: TextFile
    layout: Layout
    options: Options
    like: Mapping[str, Any] | None

    @classmethod
    def of(cls, path: Path, options: Options, like: Mapping[str, Any] | None) -> "_Reader":
        file = text_file(path, options)
        layout = find_layout(file, options, like)
        check_columns(len(layout.names), str(path))
        return cls(file, layout, options, like)

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns, without that of an index that nobody asked for."""
        index = self.layout.index
        if index is None or self._asks_for(index):
            return list(self.layout.names)
        if self.like is None:
            remark(
                f"{self.file.path}: the first column has no name of its own and is left out as an index. To learn from "
                f"it, set types='{index}=number'."
            )
        return [name for name in self.layout.names if name != index]

    def _asks_for(self, index: str) -> bool:
        options = self.options
        typed = (text.partition("=")[0] for text in options.types)
        asked = (options.label, options.id, *options.columns, *options.categorical, *typed)
        return index in (*asked, *(self._learnt or ()))

    @cached_property
    def _learnt(self) -> tuple[str, ...] | None:
        """The columns that the model takes, if they have names."""
        schema = schema_of(self.like)
        return schema.names if schema is not None and schema.named else None

    @cached_property
    def wanted(self) -> list[str]:
        """The columns whose cells are converted: those to learn from, the labels and the names."""
        options, names = self.options, self.names
        if options.columns:
            chosen = set(options.columns)
        elif self._learnt is not None and self.layout.named:
            chosen = set(self._learnt)
        else:
            chosen = set(names) - set(options.exclude)
        label = options.label
        if isinstance(label, int) and str(label) not in names and -len(names) <= label < len(names):
            label = names[label]
        chosen |= {NAME, options.id or NAME, str(label)}
        return [name for name in names if name in chosen]

    @cached_property
    def _read(self) -> list[str]:
        """The columns that are read: for a model all, because results show those that it doesn't take."""
        if not self.wanted:
            check_asked(self.names, self.options, str(self.file.path))
        return (self.wanted or self.names[:1]) if self.like is None else self.names

    @cached_property
    def _types(self) -> dict[str, pa.DataType]:
        """The types of columns that aren't inferred: those that aren't wanted stay text."""
        wanted = set(self.wanted)
        return self._padded | {name: pa.string() for name in self._read if name not in wanted}

    @cached_property
    def _padded(self) -> dict[str, pa.DataType]:
        """Columns of labels and categories whose numbers are names with zeros at the start, such as "007"."""
        typed = (text.partition("=") for text in self.options.types)
        exact = {
            *as_written(self.options, self.like),
            self.options.id,
            *(name for name, _, kind in typed if kind == "category"),
        }
        count = len(self.names)
        return {
            name: pa.string()
            for place, name in enumerate(self.names)
            if name in self.layout.padded and {name, place, place - count} & exact
        }

    def tables(
        self, size: int, columns: Sequence[str] | None = None, types: Mapping[str, pa.DataType] | None = None
    ) -> Iterator[pa.Table]:
        """The rows, about `size` bytes at a time. Columns that aren't wanted have no values.

        Each table has the types that its own cells show: a column may have numbers first and text later.
        columns: of each table, all by default.

        Raises:
            DataError: rows have different lengths, or the file isn't a table.
        """
        layout = self.layout
        cut = blocks(
            self.file.chunks(),
            size,
            self.file.path,
            delimiter=layout.delimiter,
            quoted=self.file.quoted,
            start=layout.start,
            end=layout.end,
            line=layout.line,
        )
        names = self.names if columns is None else list(columns)
        read, fixed = (self._read, self._types) if types is None else (names, types)
        # to find out a type takes Arrow longer than to read values of it, so a block is read with those of the last one
        known = {**dict.fromkeys(self.layout.floats.intersection(read), pa.float64()), **fixed}
        for block in cut:
            text = self._plain(block.text)
            if not text.strip():
                continue
            try:
                found = self._parsed(Block(text, block.line), read, known)
            except pa.ArrowInvalid:
                found = self._parsed(Block(text, block.line), read, fixed)
            if not found.num_rows:
                continue
            known = _common(known, found.schema)
            of = dict(zip(read, found.columns, strict=True))
            none = pa.chunked_array([pa.nulls(found.num_rows)])
            columns_ = [of.get(name, none) for name in names]
            made = pa.Table.from_arrays(columns_, names, metadata={ROW: str(block.line)})
            yield unguarded(made) if self.file.guarded else made

    def _plain(self, text: bytes) -> bytes:
        """The records of a block, with a delimiter of one character and without comments."""
        if self.layout.comments and self.file.commented and not self.file.quoted and self.layout.kinds[0] == NUMBER:
            text = COMMENT.sub(b"", text)
        if self.layout.delimiter != BLANKS:
            return text
        return b"".join(b"\t".join(_between_blanks(line)) + b"\n" for line in text.split(b"\n"))

    def _parsed(self, block: Block, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        ragged: list[Any] = []
        delimiter = "\t" if self.layout.delimiter == BLANKS else self.layout.delimiter

        def note(row: Any) -> str:
            if not (self.layout.comments and row.text.startswith(MARKS)):
                ragged.append(row)
            return "skip"

        table = arrow_csv.read_csv(
            pa.BufferReader(_buffer(block.text)),
            arrow_csv.ReadOptions(
                column_names=self.layout.every,
                block_size=min(len(block.text) + 1, LARGEST_BLOCK),
                use_threads=False,
            ),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=self.file.quoted, invalid_row_handler=note),
            arrow_csv.ConvertOptions(include_columns=list(columns), column_types=dict(types)),
        )
        if ragged:
            row = ragged[0]
            before = b"\n" + block.text
            found = re.search(b"\n" + re.escape(row.text.encode()) + b"[\r\n]", before)
            number = block.line + (row.number - 1 if found is None else before.count(b"\n", 0, found.start()))
            raise DataError(
                f"{self.file.path}: row {number} has {row.actual_columns} values where {row.expected_columns} were "
                f"expected ({row.text[:40]!r}). Correct the row, or set the file's delimiter=."
            )
        return table

    def joined(self, parts: list[pa.Table], size: int) -> pa.Table:
        """One table. A column that has numbers in some parts and text in others is read again as text."""
        mixed = _mixed([part.schema for part in parts])
        if mixed:
            texts = self.tables(size, mixed, dict.fromkeys(mixed, pa.string()))
            places = [parts[0].schema.get_field_index(name) for name in mixed]
            for number, text in enumerate(texts):
                columns = parts[number].columns
                for place, column in zip(places, text.columns, strict=True):
                    columns[place] = column
                parts[number] = pa.Table.from_arrays(columns, self.names, metadata=parts[number].schema.metadata)
        return pa.concat_tables(parts, promote_options="permissive").replace_schema_metadata(parts[0].schema.metadata)

    def empty(self) -> pa.Table:
        """A table without rows."""
        return pa.table({name: pa.nulls(0) for name in self.names})


def _common(known: Mapping[str, pa.DataType], found: pa.Schema) -> dict[str, pa.DataType]:
    """The types by which the next block is read: those of the blocks so far, or one that all their cells have."""
    common = dict(known)
    for name, kind in zip(found.names, found.types, strict=True):
        before = known.get(name)
        if before is None and not pa.types.is_null(kind):
            common[name] = kind
        elif before is not None and before != kind and not pa.types.is_null(kind):
            numbers = all(is_number(one) and not pa.types.is_boolean(one) for one in (before, kind))
            common[name] = pa.float64() if numbers else pa.string()
    return common


def _mixed(schemas: Sequence[pa.Schema]) -> list[str]:
    """The columns that have types in several parts which only text has in common."""
    if all(schema.equals(schemas[0]) for schema in schemas[1:]):
        return []
    found = []
    for fields in zip(*schemas, strict=True):
        kinds = {field.type for field in fields if not pa.types.is_null(field.type)}
        numbers = all(is_number(kind) and not pa.types.is_boolean(kind) for kind in kinds)
        times = all(pa.types.is_date(kind) or pa.types.is_timestamp(kind) for kind in kinds)
        if len(kinds) > 1 and not numbers and not times:
            found.append(fields[0].name)
    return found


def _buffer(text: bytes) -> pa.Buffer:
    """The text in memory that Python doesn't own.

    Arrow's threads release their input only after the table is returned. If Python exits at that moment, as it does
    after an error, a thread that releases a Python object aborts the process.
    """
    own = pa.allocate_buffer(len(text))
    memoryview(own).cast("B")[:] = text
    return own


def _between_blanks(line: bytes) -> list[bytes]:
    return line.split() if b'"' not in line else BYTES_QUOTED.findall(line)

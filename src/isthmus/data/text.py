"""Text tables: CSV, TSV and columns separated by blanks, with or without a header; also gzipped."""

import contextlib
import csv
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from isthmus.data.cells import unguarded, unguarded_name
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.tables import as_written, check_columns, following, from_arrow, give_back, is_precise, slim
from isthmus.data.unpacked import unpacked
from isthmus.errors import DataError

BLANKS = " "  # any run of blanks
NO_NUMBER = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "inf", "-inf", "true", "false"}
HEAD = 2**16  # bytes in which the first line is looked for
LONGEST_LINE = 2**24  # bytes
_END = re.compile(rb"[\r\n]")
LARGEST_BLOCK = 2**31 - 1  # bytes; Arrow's own limit


def read_text(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a text table (see `from_arrow`). The delimiter and the header are detected unless given.

    Raises:
        DataError: the file isn't text, has rows of different lengths or too many columns, or its columns don't fit.
    """
    content = _content(path, options)
    first = _first_line(content, path)
    delimiter = options.delimiter or _delimiter(first, path)
    cells = first.split() if delimiter == BLANKS else next(csv.reader([first], delimiter=delimiter))
    check_columns(len(cells), str(path))
    _check_lines(content, path)
    header = _has_header(cells, options)
    if delimiter == BLANKS:
        content, delimiter = _as_buffer(list(_tabbed(content))), "\t"
    layout = _Layout(delimiter, header, quoted=_has_quotes(content))
    table = _parse(content, layout, path, options, like, max(2**20, 64 * len(first)))
    del content
    raw = _raw(table, header, options, path, like)
    del table
    give_back()
    return raw


def text_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[None, Callable[[], Iterator[Raw]]] | None:
    """The rows of a text table, about `size` at a time, each piece as from `read_text`.

    None if columns are separated by blanks or the file is compressed: such a file can only be read completely.

    Raises:
        DataError: as `read_text`, when the rows are read; or a column starts with numbers and contains text later.
    """
    with path.open("rb") as file:
        head = pa.py_buffer(file.read(LONGEST_LINE))
    first = _first_line(head, path)
    delimiter = options.delimiter or _delimiter(first, path)
    if delimiter == BLANKS or path.suffix == ".gz":
        return None
    cells = next(csv.reader([first], delimiter=delimiter))
    check_columns(len(cells), str(path))
    header = _has_header(cells, options)
    with path.open("rb") as file:
        quoted = any(b'"' in chunk for chunk in iter(lambda: file.read(2**24), b""))
    layout = _Layout(delimiter, header, quoted)
    block = min(max(2**16, size * (len(first) + 1)), 2**26)

    def pieces() -> Iterator[Raw]:
        with _told(path) as ragged:
            known = like
            for batch in layout.batches(lambda: path, block, ragged):
                if batch.num_rows:
                    raw = _raw(pa.Table.from_batches([batch]), header, options, path, known, whole=False)
                    known = known or following(raw, options)
                    yield raw

    return None, pieces


def _wide(kind: pa.DataType) -> pa.DataType:
    """A type that also fits later rows, if the first ones hold whole numbers or nothing."""
    return pa.float64() if pa.types.is_integer(kind) or pa.types.is_null(kind) else kind


def _has_header(cells: Sequence[str], options: Options) -> bool:
    return not all(map(_may_be_value, cells)) if options.header is None else options.header


def _raw(
    table: pa.Table, header: bool, options: Options, path: Path, like: Mapping[str, Any] | None, *, whole: bool = True
) -> Raw:
    table = unguarded(table)
    names = _names(table, path) if header else [str(i) for i in range(table.num_columns)]
    return from_arrow(table.rename_columns(names), options, str(path), like, named=header, whole=whole)


def _names(table: pa.Table, path: Path) -> list[str]:
    try:
        return [unguarded_name(name.strip()) for name in table.column_names]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} has column names that are not UTF-8: save it as UTF-8.") from error


def _content(path: Path, options: Options) -> pa.Buffer:
    """The whole text in memory that Python doesn't own, with a line break at the end.

    Arrow's threads release their input only after the table is returned. If Python exits at that moment, as it does
    after an error, a thread that releases a Python object aborts the process. The line break is needed because Arrow
    finds no row in a single line without one.
    """
    if path.suffix == ".gz":
        return _as_buffer(unpacked(path, options.max_bytes))
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        own = pa.allocate_buffer(size + 1)
        view = memoryview(own).cast("B")
        read = file.readinto(view[:size])
        view[read:] = b"\n" * (size + 1 - read)
    return own


def _as_buffer(pieces: list[bytes]) -> pa.Buffer:
    """Pieces of text joined, as in `_content`; the list is emptied meanwhile, so that nothing is in memory twice."""
    own = pa.allocate_buffer(sum(map(len, pieces)) + 1)
    view = memoryview(own).cast("B")
    place = 0
    for number, piece in enumerate(pieces):
        view[place : place + len(piece)] = piece
        place += len(piece)
        pieces[number] = b""
    view[place:] = b"\n"
    return own


def _windows(content: pa.Buffer, size: int) -> Iterator[bytes]:
    view = memoryview(content)
    return (bytes(view[start : start + size]) for start in range(0, len(view), size))


def _has_quotes(content: pa.Buffer) -> bool:
    return any(b'"' in window for window in _windows(content, 2**20))


def _check_lines(content: pa.Buffer, path: Path) -> None:
    """Raise DataError if a line is too long for a text table, before it is parsed."""
    if any(len(window) == LONGEST_LINE and not _END.search(window) for window in _windows(content, LONGEST_LINE)):
        raise _too_long(path)


def _too_long(path: Path) -> DataError:
    return DataError(
        f"{path} has a line of more than {LONGEST_LINE} bytes: expected a text table with one line for each sample. "
        "Check that you gave the right file, or save the values as .npy."
    )


def _tabbed(content: pa.Buffer) -> Iterator[bytes]:
    """The text with each run of blanks replaced by a tab, in pieces."""
    rest = b""
    for window in _windows(content, 2**20):
        *lines, rest = (rest + window).split(b"\n")
        yield b"".join(b"\t".join(line.split()) + b"\n" for line in lines)
    yield b"\t".join(rest.split())


def _first_line(content: pa.Buffer, path: Path) -> str:
    """The first line that is not blank."""
    view = memoryview(content)
    head = bytes(view[:HEAD])
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise DataError(f"{path} is not UTF-8 text: expected a text table. Save it as UTF-8, or check its type.")
    if len(view) > len(head) and not _END.search(head.lstrip()):
        head = bytes(view[:LONGEST_LINE])
        if len(head) == LONGEST_LINE and not _END.search(head.lstrip()):
            raise _too_long(path)
    try:
        # the last character may be cut in two
        text = head.decode("utf-8-sig", errors="strict" if len(view) <= len(head) else "ignore")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}): expected a text table in UTF-8.") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty: expected rows of numbers. Check that you gave the right file.")
    return lines[0]


def _delimiter(line: str, path: Path) -> str:
    if "\t" in line:
        return "\t"
    counts = {mark: line.count(mark) for mark in (",", ";")}
    found = max(counts, key=lambda mark: counts[mark])
    if counts[found]:
        return found
    blank = ".txt" in path.suffixes or ".tsv" in path.suffixes
    return BLANKS if blank or all(map(_may_be_value, line.split())) else ","


def _may_be_value(cell: str) -> bool:
    cell = cell.strip()
    if cell.lower() in NO_NUMBER:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class _Layout:
    """The format of a text table; quoted: whether cells may be quoted, and then contain line breaks."""

    delimiter: str
    header: bool
    quoted: bool

    def read(self, block: int, *, threads: bool = False) -> arrow_csv.ReadOptions:
        return arrow_csv.ReadOptions(autogenerate_column_names=not self.header, block_size=block, use_threads=threads)

    def parse(self, note: Callable[[Any], str] | None) -> arrow_csv.ParseOptions:
        return arrow_csv.ParseOptions(
            delimiter=self.delimiter, newlines_in_values=self.quoted, invalid_row_handler=note
        )

    def batches(
        self, source: Callable[[], Any], block: int, ragged: list[Any], exact: Collection[str | int] = ()
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a file, or of a reader of it, a block at a time.

        Columns keep the type of their first rows; but whole numbers may have fractions later, except in `exact`
        columns.
        """
        with arrow_csv.open_csv(source(), self.read(block), self.parse(_noting(ragged))) as rows:
            types = {field.name: field.type for field in rows.schema}
        wide = {
            name: _wide(kind)
            for place, (name, kind) in enumerate(types.items())
            if not {name.strip(), place, place - len(types)} & set(exact)
        }
        converting = arrow_csv.ConvertOptions(column_types=wide)
        with arrow_csv.open_csv(source(), self.read(block), self.parse(_noting(ragged)), converting) as rows:
            yield from rows


def _parse(
    content: pa.Buffer,
    layout: _Layout,
    path: Path,
    options: Options,
    like: Mapping[str, Any] | None,
    block: int,
) -> pa.Table:
    """The table; read a block at a time where that can be, so that it is never there as long numbers and short ones."""
    asked = as_written(options, like)
    with contextlib.suppress(pa.ArrowInvalid):
        ragged: list[Any] = []
        table = slim(
            layout.batches(lambda: pa.BufferReader(content), block, ragged, asked), asked, precise=is_precise(like)
        )
        if table.num_rows and not ragged:
            return table
    with _told(path) as ragged:
        # types are guessed from the first block, which a later one may belie; and only one thread numbers its rows
        whole = min(max(content.size + 1, 2**20), LARGEST_BLOCK)
        return arrow_csv.read_csv(pa.BufferReader(content), layout.read(whole), layout.parse(_noting(ragged)))


def _noting(ragged: list[Any]) -> Callable[[Any], str]:
    def note(row: Any) -> str:
        ragged.append(row)
        return "skip"

    return note


@contextlib.contextmanager
def _told(path: Path) -> Iterator[list[Any]]:
    """Convert Arrow's errors for a text table to DataError; yields a list that collects rows of a wrong length."""
    ragged: list[Any] = []
    try:
        yield ragged
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} can't be read as a text table ({said}). Check its delimiter and encoding.") from error
    if ragged:
        row = ragged[0]
        number = "" if row.number is None else f" {row.number}"
        raise DataError(
            f"{path}: row{number} has {row.actual_columns} values where {row.expected_columns} were expected "
            f"({row.text[:40]!r}). Correct the row, or set the file's delimiter=."
        )

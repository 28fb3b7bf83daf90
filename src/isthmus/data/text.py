"""Text tables: CSV, TSV and columns parted by blanks, with a first line of names or without; gzipped too."""

import contextlib
import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.tables import from_arrow
from isthmus.errors import DataError

BLANKS = " "  # any run of blanks
NO_NUMBER = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "inf", "-inf", "true", "false"}
HEAD = 2**16  # bytes in which the first line is looked for
LARGEST_BLOCK = 2**31 - 1  # bytes; Arrow's own limit


def read_text(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """What a text table holds (see `from_arrow`). Its delimiter and whether it has a header are found out or given.

    Raises:
        DataError: the file is no text, has rows of different lengths, or its columns are not what is wanted.
    """
    content = _content(path, options)
    first = _first_line(content, path)
    delimiter = options.delimiter or _delimiter(first, path)
    cells = first.split() if delimiter == BLANKS else next(csv.reader([first], delimiter=delimiter))
    header = _has_header(cells, options)
    if delimiter == BLANKS:
        content, delimiter = b"\n".join(b"\t".join(line.split()) for line in content.splitlines()), "\t"
    content = content if content.endswith(b"\n") else content + b"\n"  # Arrow finds no row in a lone unended line
    layout = _Layout(delimiter, header, quoted=b'"' in content)
    own = _arrows_own(content)
    del content
    table = _parse(own, layout, path)
    return _raw(table, header, options, path, like)


def text_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[None, Callable[[], Iterator[Raw]]] | None:
    """The rows of a text table, some bytes for about `size` of them at a time, each piece as `read_text` gives all.

    None where columns are parted by blanks, or the text is packed: such a file can be read as a whole only.

    Raises:
        DataError: as `read_text`, when the rows are come to; a column whose first rows are numbers holds no text later.
    """
    with path.open("rb") as file:
        head = file.read(HEAD + 1)
    first = _first_line(head, path)
    delimiter = options.delimiter or _delimiter(first, path)
    if delimiter == BLANKS or path.suffix == ".gz":
        return None
    header = _has_header(next(csv.reader([first], delimiter=delimiter)), options)
    layout = _Layout(delimiter, header, quoted=_has_quotes(path))
    block = min(max(2**16, size * (len(first) + 1)), 2**26)

    def pieces() -> Iterator[Raw]:
        with _told(path) as ragged:
            with layout.opened(path, block, ragged) as rows:
                types = {field.name: _wide(field.type) for field in rows.schema}
            with layout.opened(path, block, ragged, types) as rows:
                for batch in rows:
                    if batch.num_rows:
                        yield _raw(pa.Table.from_batches([batch]), header, options, path, like)

    return None, pieces


def _wide(kind: pa.DataType) -> pa.DataType:
    """The type that takes what later rows may hold, where the first ones hold whole numbers or nothing."""
    return pa.float64() if pa.types.is_integer(kind) or pa.types.is_null(kind) else kind


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in chunk for chunk in iter(lambda: file.read(2**24), b""))


def _has_header(cells: Sequence[str], options: Options) -> bool:
    return not all(map(_may_be_value, cells)) if options.header is None else options.header


def _raw(table: pa.Table, header: bool, options: Options, path: Path, like: Mapping[str, Any] | None) -> Raw:
    names = _names(table, path) if header else [str(i) for i in range(table.num_columns)]
    return from_arrow(table.rename_columns(names), options, str(path), like, named=header)


def _names(table: pa.Table, path: Path) -> list[str]:
    try:
        return [name.strip() for name in table.column_names]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} has column names that are not UTF-8: save it as UTF-8.") from error


def _content(path: Path, options: Options) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            content = file.read(options.max_bytes + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut short ({error}). Get or write it again.") from error
    if len(content) > options.max_bytes:
        raise DataError(f"{path} unpacks to more than max_bytes={options.max_bytes}. If you trust it, raise max_bytes.")
    return content


def _first_line(content: bytes, path: Path) -> str:
    """The first line that is not blank."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:HEAD]:
        raise DataError(f"{path} is not UTF-8 text: expected a text table. Save it as UTF-8, or check its type.")
    head = content[:HEAD]
    try:
        # the last character may be cut in two
        text = head.decode("utf-8-sig", errors="strict" if len(content) <= HEAD else "ignore")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}): expected a text table in UTF-8.") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty: expected rows of numbers. Check that it is the file you meant.")
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
    """How a text table is written; quoted: cells may stand in quotes, and then hold the ends of lines."""

    delimiter: str
    header: bool
    quoted: bool

    def read(self, block: int, *, threads: bool = False) -> arrow_csv.ReadOptions:
        return arrow_csv.ReadOptions(autogenerate_column_names=not self.header, block_size=block, use_threads=threads)

    def parse(self, note: Callable[[Any], str] | None) -> arrow_csv.ParseOptions:
        return arrow_csv.ParseOptions(
            delimiter=self.delimiter, newlines_in_values=self.quoted, invalid_row_handler=note
        )

    def opened(
        self, path: Path, block: int, ragged: list[Any], types: Mapping[str, pa.DataType] | None = None
    ) -> arrow_csv.CSVStreamingReader:
        """To be read a block at a time."""
        converting = arrow_csv.ConvertOptions(column_types=types)
        return arrow_csv.open_csv(path, self.read(block), self.parse(_noting(ragged)), converting)


def _arrows_own(content: bytes) -> pa.Buffer:
    """The same in memory that is no object of Python's.

    Arrow's threads let go of what they read only after the table is returned; where Python ends just then, as it does
    after an error, a thread that has to give back an object of Python's ends the process by SIGABRT.
    """
    own = pa.allocate_buffer(len(content))
    memoryview(own).cast("B")[:] = content
    return own


def _parse(content: pa.Buffer, layout: _Layout, path: Path) -> pa.Table:
    with _told(path) as ragged:
        try:
            return arrow_csv.read_csv(pa.BufferReader(content), layout.read(2**20, threads=True), layout.parse(None))
        except pa.ArrowInvalid:
            # types are guessed from the first block, which a later one may belie; and only one thread numbers its rows
            block = min(max(content.size + 1, 2**20), LARGEST_BLOCK)
            return arrow_csv.read_csv(pa.BufferReader(content), layout.read(block), layout.parse(_noting(ragged)))


def _noting(ragged: list[Any]) -> Callable[[Any], str]:
    def note(row: Any) -> str:
        ragged.append(row)
        return "skip"

    return note


@contextlib.contextmanager
def _told(path: Path) -> Iterator[list[Any]]:
    """Say in our words what is wrong with a text table; what is given takes the rows of a wrong length."""
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
            f"({row.text[:40]!r}). Mend the row, or say which delimiter= the file has."
        )

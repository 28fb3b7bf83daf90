"""Text tables: CSV, TSV and columns parted by blanks, with a first line of names or without; gzipped too."""

import csv
import gzip
import io
import zlib
from collections.abc import Mapping
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
    header = not all(map(_may_be_value, cells)) if options.header is None else options.header
    if delimiter == BLANKS:
        content, delimiter = b"\n".join(b"\t".join(line.split()) for line in content.splitlines()), "\t"
    content = content if content.endswith(b"\n") else content + b"\n"  # Arrow finds no row in a lone unended line
    table = _parse(content, delimiter, header, path)
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


def _parse(content: bytes, delimiter: str, header: bool, path: Path) -> pa.Table:
    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "skip"

    def parse(*, whole: bool, threads: bool) -> pa.Table:
        block = min(max(len(content) + 1, 2**20), LARGEST_BLOCK) if whole else 2**20
        return arrow_csv.read_csv(
            io.BytesIO(content),
            arrow_csv.ReadOptions(autogenerate_column_names=not header, block_size=block, use_threads=threads),
            arrow_csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=b'"' in content,
                invalid_row_handler=note if not threads else None,
            ),
        )

    try:
        try:
            return parse(whole=False, threads=True)
        except pa.ArrowInvalid:
            # types are guessed from the first block, which a later one may belie; and only one thread numbers its rows
            table = parse(whole=True, threads=False)
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
    return table

"""Spreadsheets: Excel (`.xlsx`, `.xlsm`, `.xlsb`, `.xls`) and OpenDocument (`.ods`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from isthmus.data.datasets import column_of
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.tables import from_arrow
from isthmus.errors import DataError, nearest, remark
from isthmus.extras import needs
from isthmus.formatting import listed

SEEN = 100
"""Rows that are looked at to find a second row of names."""


def read_spreadsheet(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read one sheet as a table: the one that `options.array` names, or the first with cells.

    The first row with cells holds the names of the columns, if it holds any text; `options.header` overrules that. Of
    two rows of names, the other one (titles above groups of columns, or units) is left out; `options.skip` overrules.

    Raises:
        DataError: the file is damaged or needs a password, or has no such sheet, or no cells.
    """
    rows, sheet = _rows(path, options)
    rows = _without_second_header(rows, path) if options.skip is None else rows[options.skip :]
    if not rows:
        raise DataError(f"{path}: sheet {sheet!r} has no rows after the first {options.skip}: set a smaller skip=.")
    header = any(isinstance(cell, str) and cell for cell in rows[0]) if options.header is None else options.header
    body = rows[1:] if header else rows
    if not body:
        raise DataError(
            f"{path}: sheet {sheet!r} has names of columns, but no rows below them: expected a row for each sample."
        )
    kept = [place for place in range(len(rows[0])) if any(not _empty(row[place]) for row in body)]
    names = [_name(rows[0][place], place) if header else str(place) for place in kept]
    columns = [column_of([None if _empty(row[place]) else row[place] for row in body]) for place in kept]
    return from_arrow(pa.table(columns, names=names), options, str(path), like, named=header)


def _rows(path: Path, options: Options) -> tuple[list[list[Any]], str]:
    """The rows of the wanted sheet, without empty ones, and its name."""
    calamine = needs("python_calamine", "excel", "Reading spreadsheets")
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            names = list(book.sheet_names)
            if options.array is not None and options.array not in names:
                raise DataError(f"array={options.array!r}: {path} has no such sheet. {nearest(options.array, names)}")
            for name in names if options.array is None else [options.array]:
                rows = [row for row in book.get_sheet_by_name(name).to_python() if not all(map(_empty, row))]
                if rows:
                    others = [other for other in names if other != name]
                    if others and options.array is None:
                        remark(
                            f"{path}: the sheet {name!r} is read; {len(others)} other sheet{'s' * (len(others) > 1)} "
                            f"({listed(others)}) not. Choose one with array=."
                        )
                    return rows, name
    except (DataError, Warning):
        raise
    except Exception as error:  # calamine has an error of its own for each format
        raise _unreadable(path, error) from error
    raise DataError(
        f"{path} has no cells in {_sheets(names, options)}: expected a table. Check that it is the right file."
    )


def _without_second_header(rows: list[list[Any]], path: Path) -> list[list[Any]]:
    """The rows without one of two rows of names: units below the names, or titles of groups of columns above them.

    The second row holds no sample if all its cells are text, and those below some of them are numbers.
    """
    if len(rows) < 3 or not any(isinstance(cell, str) and cell for cell in rows[0]):
        return rows
    used = [place for place in range(len(rows[0])) if any(not _empty(row[place]) for row in rows[1:])]
    some = rows[2 : 2 + SEEN]
    columns = [[row[place] for row in some if not _empty(row[place])] for place in used]
    numeric = any(column and all(isinstance(cell, float | int) for cell in column) for column in columns)
    if not numeric or not all(isinstance(rows[1][place], str) and rows[1][place] for place in used):
        return rows
    names = [rows[0][place] for place in used]
    full = not any(map(_empty, names)) and len({*map(str, names)}) == len(names)
    left, kept = (1, 0) if full else (0, 1)
    shown = ", ".join(str(cell) for cell in rows[left] if not _empty(cell))[:50]
    which = "second" if full else "first"
    remark(f"{path}: its {which} row ({shown!r}) is left out. If it is a sample or holds names, set skip=0.")
    return [rows[kept], *rows[2:]]


def _sheets(names: Sequence[str], options: Options) -> str:
    return f"sheet {options.array!r}" if options.array is not None else f"its {len(names)} sheets"


def _unreadable(path: Path, error: Exception) -> DataError:
    with path.open("rb") as file:
        head = file.read(2**16)
    locked = "password" in str(error).lower() or "EncryptedPackage".encode("utf-16-le") in head
    if locked or (head.startswith(b"\xd0\xcf\x11\xe0") and path.suffix.lower() in (".xlsx", ".xlsm", ".xlsb")):
        return DataError(
            f"{path} is protected by a password: expected a workbook that opens without one. Open it in a spreadsheet "
            "program, save it without a password, and read that."
        )
    said = " ".join(str(error).split())[:120]
    return DataError(f"{path} is damaged or no spreadsheet ({said}). Save it again, for example as .xlsx or .csv.")


def _empty(cell: Any) -> bool:
    return cell is None or cell == ""


def _name(cell: Any, place: int) -> str:
    if _empty(cell):
        return f"column {place}"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()

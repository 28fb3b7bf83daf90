"""Writing tables in formats other than text and Parquet: a writer takes Arrow tables, one after the other."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import ipc, orc

from isthmus.errors import DataError
from isthmus.extras import needs

MOST_ROWS, MOST_COLUMNS = 2**20 - 1, 2**14
"""What a sheet of a spreadsheet holds below its first row."""
TABLE = "samples"
"""The name of the table in a database, and of the sheet in a workbook."""
SIGNED = {"uint8": pa.int16(), "uint16": pa.int32(), "uint32": pa.int64(), "uint64": pa.float64()}
"""What ORC has instead of types without a sign."""
WriteTable = Callable[[pa.Table], None]


@contextlib.contextmanager
def arrow_writer(path: Path, schema: pa.Schema) -> Iterator[WriteTable]:
    """Feather's second version, which is the Arrow IPC file format."""
    with ipc.new_file(str(path), schema, options=ipc.IpcWriteOptions(compression="lz4")) as writer:
        yield writer.write_table


@contextlib.contextmanager
def orc_writer(path: Path, schema: pa.Schema) -> Iterator[WriteTable]:
    """ORC."""
    signed = pa.schema([field.with_type(SIGNED.get(str(field.type), field.type)) for field in schema])
    with orc.ORCWriter(str(path)) as writer:
        yield lambda table: writer.write(table.cast(signed))


@contextlib.contextmanager
def lines_writer(path: Path, schema: pa.Schema) -> Iterator[WriteTable]:
    """JSON lines: an object for each row, with null for what is missing."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        yield lambda table: file.writelines(f"{_json(row)}\n" for row in table.to_pylist())


@contextlib.contextmanager
def json_writer(path: Path, schema: pa.Schema) -> Iterator[WriteTable]:
    """JSON: a list of objects."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        begin = "[\n"

        def write(table: pa.Table) -> None:
            nonlocal begin
            for row in table.to_pylist():
                file.write(begin + _json(row))
                begin = ",\n"

        yield write
        file.write("\n]\n")


@contextlib.contextmanager
def sheet_writer(path: Path, schema: pa.Schema) -> Iterator[WriteTable]:
    """Excel's `.xlsx`: one sheet, with the columns' names in its first row. Text is never a formula.

    Raises:
        DataError: a sheet can't hold so many rows or columns.
    """
    openpyxl = needs("openpyxl", "excel", "Writing .xlsx")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(TABLE)
    cell_of: Any = needs("openpyxl.cell", "excel", "Writing .xlsx").WriteOnlyCell
    rows = 0

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = cell_of(sheet)
        text._value, text.data_type = value, "s"  # its setter takes "=…" for a formula
        return text

    def write(table: pa.Table) -> None:
        nonlocal rows
        rows += len(table)
        if rows > MOST_ROWS or table.num_columns > MOST_COLUMNS:
            raise DataError(
                f"A sheet holds at most {MOST_ROWS:,} rows and {MOST_COLUMNS:,} columns: there are at least {rows:,} "
                f"and {table.num_columns:,}. Write a .parquet or .csv instead."
            )
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            sheet.append([cell(value) for value in row])

    sheet.append([cell(name) for name in schema.names])
    try:
        yield write
    except BaseException:
        sheet.close()  # its own file of rows, which is waiting for more
        raise
    book.save(path)


@contextlib.contextmanager
def sqlite_writer(path: Path, schema: pa.Schema) -> Iterator[WriteTable]:
    """SQLite: one table."""
    quoted = ['"{}"'.format(name.replace('"', '""')) for name in schema.names]
    kinds = ["text" if pa.types.is_string(field.type) else "real" for field in schema]
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("pragma journal_mode = off")  # the file appears only when it is complete
        database.execute("pragma synchronous = off")
        declared = ", ".join(f"{name} {kind}" for name, kind in zip(quoted, kinds, strict=True))
        database.execute(f"create table {TABLE} ({declared})")
        insert = f"insert into {TABLE} values ({', '.join('?' * len(quoted))})"  # noqa: S608  # no value is in it

        def write(table: pa.Table) -> None:
            database.executemany(insert, zip(*(column.to_pylist() for column in table.columns), strict=True))

        yield write
        database.commit()


def _json(row: dict[str, Any]) -> str:
    finite = {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124  # NaN
    return json.dumps(finite, ensure_ascii=False, default=str)


WRITERS: dict[str, Callable[[Path, pa.Schema], contextlib.AbstractContextManager[WriteTable]]] = {
    **dict.fromkeys((".feather", ".arrow", ".ipc"), arrow_writer),
    ".orc": orc_writer,
    **dict.fromkeys((".jsonl", ".ndjson"), lines_writer),
    ".json": json_writer,
    ".xlsx": sheet_writer,
    **dict.fromkeys((".sqlite", ".sqlite3", ".db", ".db3"), sqlite_writer),
}
"""By the suffix of the file."""

"""Databases: SQLite files, and any database by an address, read by SQL and never written."""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import pyarrow as pa

from isthmus.data.datasets import column_of
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.readers.addresses import without_password
from isthmus.data.tables import from_arrow, in_pieces
from isthmus.errors import DataError, nearest
from isthmus.extras import needs
from isthmus.formatting import listed

PACKAGES = {"MySQLdb": "mysqlclient", "psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary"}
"""Packages of drivers that have other names."""
READS = ("select", "with", "values", "from", "table")
"""First words of a query that reads."""
BATCH = 2**15
WAIT_SECONDS = 5.0
"""How long to wait for a database that another process has locked."""
MAGIC = b"SQLite format 3\0"

Rows = Callable[[int], Iterator[tuple[Sequence[str], list[Sequence[Any]]]]]
"""Yields the names of the columns and at most so many rows at a time."""


def read_sqlite(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read the only table of an SQLite file, or the one that `options.array` names.

    Raises:
        DataError: it is locked, damaged or no SQLite file, has no or several tables, or no rows.
    """
    return _whole(_sqlite_rows(path, "", options.array or "", str(path)), options, str(path), like)


def sqlite_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[None, Callable[[], Iterator[Raw]]]:
    """The same, `size` rows at a time; their number is unknown."""
    rows = _sqlite_rows(path, "", options.array or "", str(path))
    return None, lambda: _pieces(rows, options, str(path), like, size)


def read_address(address: str, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a table or a query from a database: `sqlite:///file.db?table=t`, `postgresql://host/db?query=select …`.

    Raises:
        DataError: the database can't be reached or read, or the query doesn't read, or returns nothing.
    """
    return _whole(_address_rows(address, options), options, without_password(address), like)


def address_pieces(
    address: str, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[None, Callable[[], Iterator[Raw]]]:
    """The same, `size` rows at a time."""
    rows = _address_rows(address, options)
    return None, lambda: _pieces(rows, options, without_password(address), like, size)


def _whole(rows: Rows, options: Options, called: str, like: Mapping[str, Any] | None) -> Raw:
    names: Sequence[str] = ()
    columns: list[list[Any]] = []
    size = 0
    for names, some in rows(BATCH):
        columns = columns or [[] for _ in names]
        for column, cells in zip(columns, zip(*some, strict=True), strict=True):
            column.extend(cells)
        size += 8 * len(some) * len(names)
        if size > options.max_bytes:
            raise DataError(
                f"{called} needs more than max_bytes={options.max_bytes} of memory. Choose fewer rows or columns with "
                "a query, or raise max_bytes."
            )
    return from_arrow(_table(names, columns), options, called, like)


def _pieces(rows: Rows, options: Options, called: str, like: Mapping[str, Any] | None, size: int) -> Iterator[Raw]:
    tables = (_table(names, list(zip(*some, strict=True))) for names, some in rows(size))
    return in_pieces(tables, options, called, like)


def _table(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> pa.Table:
    return pa.table([column_of(list(map(_plain, column))) for column in columns], names=list(names))


def _plain(cell: Any) -> Any:
    """A cell as a type that Arrow knows: exact decimals, such as those of PostgreSQL, as fractions."""
    return float(cell) if type(cell).__name__ == "Decimal" else cell


def _address_rows(address: str, options: Options) -> Rows:
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    query, table = asked.pop("query", ""), asked.pop("table", options.array or "")
    if query and table:
        raise DataError(f"{without_password(address)} has table= and query=: expected one of them. Leave one out.")
    if query and query.split(None, 1)[0].lower() not in READS:
        raise DataError(
            f"{without_password(address)}: the query begins with {query.split(None, 1)[0]!r}: expected one that reads, "
            "such as select. A database is never changed."
        )
    plain = urlunsplit(parts._replace(query=urlencode(asked)))
    if parts.scheme.partition("+")[0] == "sqlite":
        name = unquote(parts.path.removeprefix("/"))
        if not name or parts.netloc:
            raise DataError(
                f"{without_password(address)} names no file: expected sqlite:///file.db?table=t, or "
                "sqlite:////folder/file.db with the whole path."
            )
        return _sqlite_rows(Path(name), query, table, without_password(address))
    return _engine_rows(plain, query, table, without_password(address))


def _sqlite_rows(path: Path, query: str, table: str, called: str) -> Rows:
    def rows(size: int) -> Iterator[tuple[Sequence[str], list[Sequence[Any]]]]:
        with _sqlite(path, called) as database:
            found = query
            if not query:
                known = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
                name = _chosen(table, [name for (name,) in database.execute(known)], called)
                found = 'select * from "{}"'.format(name.replace('"', '""'))  # noqa: S608  # a name of the database
            cursor = database.execute(found)
            yield from _fetched([d[0] for d in cursor.description or ()], cursor.fetchmany, size, called, found)

    return rows


@contextlib.contextmanager
def _sqlite(path: Path, called: str) -> Iterator[sqlite3.Connection]:
    """An SQLite file, opened for reading only."""
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: expected an SQLite file. Check the path.") from error
    if head != MAGIC:
        raise DataError(
            f"{called} is no SQLite file, is damaged, or is encrypted: it does not begin with {MAGIC[:-1].decode()!r}. "
            "Check that it is the right file, or export the table as .csv."
        )
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS)) as database:
            database.execute("pragma query_only = on")
            yield database
    except sqlite3.Error as error:
        said = " ".join(str(error).split())[:160]
        if "locked" in said or "busy" in said:
            raise DataError(
                f"{called} is locked by another process ({said}). Close the program that writes to it, or copy the "
                "file and read the copy."
            ) from error
        if isinstance(error, sqlite3.DatabaseError) and ("malformed" in said or "not a database" in said):
            raise DataError(
                f"{called} is damaged or encrypted ({said}). Restore a copy, or recover it with sqlite3's .recover."
            ) from error
        raise DataError(f"{called} can't be read ({said}). Check the table and the query.") from error


def _engine_rows(address: str, query: str, table: str, called: str) -> Rows:
    sql = needs("sqlalchemy", "sql", "Reading this database")

    def rows(size: int) -> Iterator[tuple[Sequence[str], list[Sequence[Any]]]]:
        try:
            engine = sql.create_engine(_with_driver(address))
        except sql.exc.NoSuchModuleError as error:
            kind = address.partition("://")[0]
            raise DataError(f"{called}: SQLAlchemy knows no {kind!r}. Install its dialect with pip.") from error
        except ImportError as error:
            driver = getattr(error, "name", None) or "a driver"
            package = PACKAGES.get(driver, driver)
            raise DataError(
                f"{called} needs {driver}, which is not installed here. Install it: pip install '{package}'."
            ) from error
        except sql.exc.ArgumentError as error:
            raise DataError(f"{called} is no address of a database: expected postgresql://user@host/name.") from error
        try:
            with engine.connect() as connection:
                quoted = engine.dialect.identifier_preparer.quote
                name = table if query else _chosen(table, sql.inspect(connection).get_table_names(), called)
                found = query or f"select * from {quoted(name)}"  # noqa: S608  # a name of the database
                result = connection.execution_options(stream_results=True).execute(sql.text(found))
                yield from _fetched(list(result.keys()), result.fetchmany, size, called, found)
                connection.rollback()
        except sql.exc.SQLAlchemyError as error:
            said = " ".join(str(getattr(error, "orig", None) or error).split())[:160]
            raise DataError(
                f"{called} can't be read ({said}). Check the address, the password and the query."
            ) from error
        finally:
            engine.dispose()

    return rows


def _with_driver(address: str) -> str:
    """The address with the spelling that SQLAlchemy takes."""
    return re.sub(r"^postgres://", "postgresql://", address)


def _fetched(
    names: Sequence[str], fetch: Callable[[int], Sequence[Sequence[Any]]], size: int, called: str, query: str
) -> Iterator[tuple[Sequence[str], list[Sequence[Any]]]]:
    if not names:
        raise DataError(
            f"{called}: the query returns no columns ({query[:60]}): expected one that reads, such as select."
        )
    some = list(fetch(size))
    if not some:
        raise DataError(
            f"{called} returns no rows ({query[:80]}): expected at least one. Check the table and the query."
        )
    while some:
        yield names, some
        some = list(fetch(size))


def _chosen(asked: str, tables: Sequence[str], called: str) -> str:
    """The name of the table to read."""
    if asked:
        if asked not in tables:
            raise DataError(f"{called} has no table {asked!r}. {nearest(asked, tables)}")
        return asked
    if len(tables) == 1:
        return tables[0]
    if not tables:
        raise DataError(f"{called} has no tables: expected one with a row for each sample.")
    raise DataError(
        f"{called} has {len(tables)} tables ({listed(list(tables))}): expected one. Choose it with array={tables[0]!r}."
    )

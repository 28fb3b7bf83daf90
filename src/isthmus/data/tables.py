"""Tables: Arrow tables and Parquet files as float32 columns."""

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from isthmus.data.categories import categorical_columns, encode, values_of
from isthmus.data.joining import held_back
from isthmus.data.nested import plain_columns
from isthmus.data.options import AUTO, Options
from isthmus.data.raw import Raw
from isthmus.errors import DataError, nearest, remark, renamed
from isthmus.formatting import listed

NAME = "name"  # a text column with this name holds the samples' names
MOST_COLUMNS = 100_000
"""Arrow takes some kilobytes for each column beside its values."""
BATCH = 2**15  # rows of a table whose columns are put side by side at a time


def read_parquet(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a Parquet file (see `from_arrow`).

    Raises:
        DataError: the file is damaged, unpacks to more than the limit, or its columns don't fit.
    """
    with _told(path), _parquet(path) as file:
        count = file.metadata.num_rows
        unpacked = 4 * count * file.metadata.num_columns
        if unpacked > options.max_bytes:
            raise DataError(
                f"{path} unpacks to {unpacked} bytes: expected at most max_bytes={options.max_bytes}. "
                "If you trust it, raise max_bytes."
            )
        check_columns(file.metadata.num_columns, str(path))
        file.schema_arrow.names  # noqa: B018  # names that are no UTF-8 are found out here
        batches = file.iter_batches(BATCH, use_threads=False)
        table = slim(batches, as_written(options, like)) if count else file.read()
        if table.num_rows != count:
            raise DataError(
                f"{path} is damaged: it has {table.num_rows} rows, expected {count}. Download or write it again."
            )
    raw = from_arrow(table, options, str(path), like)
    del table
    give_back()
    return raw


def give_back() -> None:
    """Return Arrow's unused memory to the system."""
    pa.default_memory_pool().release_unused()


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """An open Parquet file. Text is read dictionary-encoded, so that a repeated name is in memory once.

    Reading ahead is off, because it would read a whole row group and keep its memory.
    """
    with pq.ParquetFile(path) as file:
        text = [field.name for field in file.schema_arrow if is_text(field.type)]
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20, read_dictionary=text) as file:
        yield file


def check_columns(count: int, called: str) -> None:
    """Raise DataError if a table has so many columns that Arrow would need gigabytes for them."""
    if count > MOST_COLUMNS:
        raise DataError(
            f"{called} has {count:,} columns: expected at most {MOST_COLUMNS:,} in a table with column names. "
            "Save the values as a .npy array with numpy.save and read that."
        )


def as_written(options: Options, like: Mapping[str, Any] | None) -> tuple[str | int, ...]:
    """Columns, by name or place, that hold labels or categories, so that numbers in them are names."""
    known = (like or {}).get("columns") if (like or {}).get("categories") else ()
    return tuple(name for name in (options.label, *options.categorical, *(known or ())) if name is not None)


def slim(batches: Iterable[pa.RecordBatch], exact: Collection[str | int] = ()) -> pa.Table:
    """A table of these batches with float32 numbers, except in `exact` columns.

    So a table is never in memory as float64 and float32 at the same time. Without a batch it has no columns.
    """
    slimmed = []
    for batch in batches:
        names, count = batch.schema.names, batch.num_columns
        short = [
            is_number(column.type)
            and not pa.types.is_boolean(column.type)  # which may be a category
            and not {names[place].strip(), place, place - count} & set(exact)
            for place, column in enumerate(batch.columns)
        ]
        columns = [
            pc.cast(_floating(column), pa.float32(), safe=False) if shorten else column
            for column, shorten in zip(batch.columns, short, strict=True)
        ]
        slimmed.append(pa.record_batch(columns, names, metadata=batch.schema.metadata))
    give_back()
    return pa.Table.from_batches(slimmed) if slimmed else pa.table({})


def parquet_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[int, Callable[[], Iterator[Raw]]]:
    """The number of rows of a Parquet file, and the rows, `size` at a time, as from `read_parquet`.

    Raises:
        DataError: as `read_parquet`, when the rows are read.
    """
    with _told(path), pq.ParquetFile(path) as file:
        count = file.metadata.num_rows
        check_columns(file.metadata.num_columns, str(path))

    def pieces() -> Iterator[Raw]:
        with _told(path), _parquet(path) as file:
            if not count:
                yield from_arrow(file.read(), options, str(path), like)
            for batch in file.iter_batches(size, use_threads=False):  # threads would take half as much time again
                yield from_arrow(pa.Table.from_batches([batch]), options, str(path), like)

    return count, pieces


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Convert Arrow's errors for a Parquet file to DataError."""
    try:
        yield
    except (DataError, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or not a Parquet file ({said}). Download or write it again.") from error


def from_arrow(
    table: pa.Table, options: Options, called: str, like: Mapping[str, Any] | None = None, *, named: bool = True
) -> Raw:
    """The wanted columns of `table` as one float32 matrix, in the wanted order, with separate labels and names.

    like: description of a model's data; its columns are the wanted ones, found by name.
    named: whether the columns have names; otherwise messages give their number.

    Raises:
        DataError: a column is missing, duplicated, or not numeric.
    """
    table = plain_columns(_without_index(table))
    if held_back(table):
        return Raw(np.empty((0, 0), np.float32))
    columns = table.column_names
    doubled = sorted({name for name in columns if columns.count(name) > 1}) if len(set(columns)) < len(columns) else []
    if doubled:
        raise DataError(
            f"{called} has several columns named {listed(list(map(repr, doubled)))}: expected each name once. "
            "Rename them."
        )
    if not table.num_rows or not columns:
        raise DataError(
            f"{called} has {table.num_rows} rows and {len(columns)} columns: expected at least one of each."
        )
    label = _label(columns, options, called, like, named)
    own_names = (
        NAME if NAME in columns and is_text(table[NAME].type) and NAME not in (label, *options.columns) else None
    )
    taken = [column for column in (label, own_names) if column is not None]
    _check_asked(columns, options, called)
    if like is not None and like.get("columns") and named and not options.columns:
        wanted = _models(columns, taken, options, called, like)
    else:
        wanted = [c for c in options.columns or columns if c not in taken and c not in options.exclude]
    if not wanted:
        raise DataError(f"{called} has no columns left to learn from. Change columns=, exclude= or label=.")
    categories = categorical_columns(table, wanted, options, like)
    values, names = _matrix(table, wanted, categories, called, named=named, kept=options.missing in ("keep", "fill"))
    return Raw(
        values,
        None if label is None else _classes(table[label]),
        names=tuple(map(str, values_of(table[own_names]))) if own_names else (),
        columns=tuple(wanted) if named else (),
        categories=names if any(names) else (),
        kind=None if options.kind else "table",
    )


def _without_index(table: pa.Table) -> pa.Table:
    """The table without the columns of a pandas index."""
    try:
        indices = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        return table
    gone = [name for name in indices if isinstance(name, str) and name in table.column_names]
    return table.drop_columns(gone) if gone else table


def _label(
    columns: list[str], options: Options, called: str, like: Mapping[str, Any] | None, named: bool
) -> str | None:
    """The name of the label column."""
    asked = options.label
    if asked is None:
        return None
    if not named and like is not None and len(columns) == int(np.prod(like["shape"])):
        return None  # the labels are already excluded
    if str(asked) in columns:
        return str(asked)
    if isinstance(asked, int) and -len(columns) <= asked < len(columns):
        return columns[asked]
    if options.forgives("label", like):
        return None  # a model needs no labels
    raise DataError(f"label={asked!r}: {called} has no such column. {nearest(str(asked), columns)}")


def _check_asked(columns: list[str], options: Options, called: str) -> None:
    for option in ("columns", "exclude", "categorical"):
        given = getattr(options, option)
        unknown = [name for name in given if name not in columns and (option, given) != ("categorical", AUTO)]
        if unknown:
            raise DataError(f"{option}={unknown[0]!r}: {called} has no such column. {nearest(unknown[0], columns)}")


def _models(columns: list[str], taken: list[str], options: Options, called: str, like: Mapping[str, Any]) -> list[str]:
    """The columns of a model's training data, in its order."""
    wanted = list(like["columns"])
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise DataError(
            f"{called} lacks the column{'s' * (len(missing) > 1)} {listed(list(map(repr, missing)))}: "
            f"expected the {len(wanted)} columns of the model's training data. "
            f"{renamed(missing, [name for name in columns if name not in wanted])}"
        )
    ignored = {*taken, *wanted, *options.exclude, *(like.get("options") or {}).get("exclude", ())}
    extra = [name for name in columns if name not in ignored]
    if extra:
        some = listed(list(map(repr, extra)))
        remark(f"{called} has columns that the model does not know: {some}. They are ignored.")
    return wanted


def _matrix(
    table: pa.Table,
    wanted: list[str],
    categories: Mapping[str, tuple[str, ...]],
    called: str,
    *,
    named: bool,
    kept: bool,
) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
    """`(rows, wanted)` float32, with NaN for missing values, and the names of each column's categories."""
    unfit = [name for name in wanted if name not in categories and not is_number(table[name].type)]
    if unfit:
        shown = listed([_described(table[name], name, named) for name in unfit])
        names = ",".join(unfit[:5])
        raise DataError(
            f"{called} has columns that aren't numeric: {shown}. "
            f"Read them as categories with categorical='auto', leave them out with exclude='{names}', or name one as "
            "label=."
        )
    matrix = np.empty((table.num_rows, len(wanted)), np.float32)
    named_by: list[tuple[str, ...]] = [()] * len(wanted)
    for position, name in enumerate(wanted):
        if name in categories:
            matrix[:, position], named_by[position] = encode(table, name, categories[name], called, kept=kept)
    places = [position for position, name in enumerate(wanted) if name not in categories]
    done, numeric = 0, table.select([wanted[position] for position in places])
    for batch in numeric.to_batches(max_chunksize=BATCH) if places else ():
        numbers = _numbers(batch)
        if numbers.shape == matrix.shape:
            return numbers, tuple(named_by)
        matrix[done : done + len(numbers), places] = numbers
        done += len(numbers)
    return matrix, tuple(named_by)


def _numbers(batch: pa.RecordBatch) -> np.ndarray:
    """`(rows, columns)` float32, with NaN for missing values; made in one call, which lets other threads run."""
    columns = [_floating(column) for column in batch.columns]
    laid: Any = pa.RecordBatch.from_arrays(columns, batch.schema.names).to_tensor(null_to_nan=True, row_major=True)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is then reported as such
        return laid.to_numpy().astype(np.float32, copy=False)


def _floating(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column if pa.types.is_float32(column.type) else pc.cast(column, pa.float64(), safe=False)


def _classes(column: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(column.type):
        return values_of(column)
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    return column.to_numpy() if numeric and not column.null_count else column.to_pylist()


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_null)
    return any(check(kind) for check in checks)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _described(column: pa.ChunkedArray, name: str, named: bool) -> str:
    called = repr(name) if named else f"column {name}"
    if not is_text(column.type):
        return f"{called} ({column.type})"
    example = next((text for text in column.to_pylist() if text is not None and not reads_as_number(text)), "")
    return f"{called} (text, such as {example[:20]!r})"


def reads_as_number(text: str) -> bool:
    """Whether Python takes a text for a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True

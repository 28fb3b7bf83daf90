"""Tables: Arrow tables and Parquet files as columns of numbers."""

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from isthmus.data.joining import held_back
from isthmus.data.nested import plain_columns
from isthmus.data.options import AUTO, Options
from isthmus.data.precision import ROWS, loses, may_lose, spread
from isthmus.data.raw import Raw
from isthmus.data.schema import Column, Schema
from isthmus.data.schema.categories import encode, values_of
from isthmus.data.schema.column import is_number, is_text
from isthmus.data.schema.infer import bounded, find_codes, infer, remark_on_columns
from isthmus.data.schema.schema import schema_of
from isthmus.data.timed import exact_columns, taken_aside
from isthmus.errors import DataError, nearest, remark, renamed
from isthmus.formatting import listed
from isthmus.plain import reads_as_number

NAME = "name"  # a text column with this name holds the samples' names
ROW = b"isthmus.row"
"""In a table's metadata: the number of its first row in the file, from 1."""
MOST_COLUMNS = 100_000
"""Arrow takes some kilobytes for each column beside its values."""
BATCH, NUMBERS = 2**15, 2**22
"""Rows of a table, or numbers if these are more rows, whose columns are put next to each other at a time."""


def read_parquet(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a Parquet file (see `from_arrow`).

    Raises:
        DataError: the file is damaged, unpacks to more than the limit, or its columns don't fit.
    """
    with explained(path), _parquet(path) as (file, texts):
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
        known = schema_of(like)
        used = set(known.names) if known is not None else {*file.schema_arrow.names}
        exact = (*as_written(options, like), *(name for name in file.schema_arrow.names if name not in used))
        table = slim(batches, exact, precise=is_precise(like)) if count else file.read()
        if table.num_rows != count:
            raise DataError(
                f"{path} is damaged: it has {table.num_rows} rows, expected {count}. Download or write it again."
            )
    raw = from_arrow(table, options, str(path), like, texts=texts)
    del table
    give_back()
    return raw


def give_back() -> None:
    """Return Arrow's unused memory to the system."""
    pa.default_memory_pool().release_unused()


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[tuple[pq.ParquetFile, list[str]]]:
    """An open Parquet file, and the names of its columns of text.

    Text is read dictionary-encoded, so that a repeated name is in memory once.

    Reading ahead is off, because it would read a whole row group and keep its memory.
    """
    with pq.ParquetFile(path) as file:
        plain = [field for field in file.schema_arrow if not pa.types.is_dictionary(field.type)]
        text = [field.name for field in plain if is_text(field.type)]
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20, read_dictionary=text) as file:
        yield file, text


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
    named = (options.label, *options.categorical, *exact_columns(options, like), *(known or ()))
    return tuple(name for name in named if name is not None)


def is_precise(like: Mapping[str, Any] | None) -> bool:
    """Whether a model's numbers are float64, so that further data are read as float64 too."""
    return (like or {}).get("dtype") == "float64"


def slim(batches: Iterable[pa.RecordBatch], exact: Collection[str | int] = (), *, precise: bool = False) -> pa.Table:
    """A table of these batches with float32 numbers, except in `exact` columns and where float32 may lose something.

    So a table is never in memory as float64 and float32 at the same time. Without a batch it has no columns.

    precise: whether all numbers keep their type.
    """
    slimmed, exact = [], set(exact)
    for batch in batches:
        names, types, count = batch.schema.names, batch.schema.types, batch.num_columns
        short = [
            is_number(column.type)
            and not pa.types.is_boolean(column.type)  # which may be a category
            and not {names[place].strip(), place, place - count} & exact
            for place, column in enumerate(batch.columns)
        ]
        kept = {place for place, shorten in enumerate(short) if shorten and _is_wide(types[place])}
        if kept and not precise:
            risky = batch.num_rows and may_lose(_some(batch.select(sorted(kept)))).any()
            kept = kept if risky else set()  # of all columns, because they end in one matrix
        columns = [
            column if not shorten else _floating(column) if place in kept else _short(column)
            for place, (column, shorten) in enumerate(zip(batch.columns, short, strict=True))
        ]
        slimmed.append(pa.table(columns, names).replace_schema_metadata(batch.schema.metadata))
    give_back()
    if not slimmed:
        return pa.table({})
    alike = all(one.schema.equals(slimmed[0].schema) for one in slimmed)
    return pa.concat_tables(slimmed, promote_options="none" if alike else "permissive")


def _some(numbers: pa.RecordBatch | pa.Table) -> np.ndarray:
    """`(rows, columns)` float64 of a few rows, evenly spread."""
    table = pa.Table.from_batches([numbers]) if isinstance(numbers, pa.RecordBatch) else numbers
    if len(table) > ROWS:  # pa.array would import pandas
        table = table.take(pa.Array.from_buffers(pa.int64(), ROWS, [None, pa.py_buffer(spread(len(table)))]))
    return _numbers(table.combine_chunks().to_batches()[0], np.float64)


def _is_wide(kind: pa.DataType) -> bool:
    """Whether numbers of this type may not fit into float32."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    narrow = (pa.types.is_float32, pa.types.is_float16, pa.types.is_boolean, pa.types.is_null)
    return (
        is_number(kind)
        and not any(check(kind) for check in narrow)
        and not (pa.types.is_integer(kind) and kind.bit_width < 32)
    )


def _short(column: pa.Array) -> pa.Array:
    return pc.cast(_floating(column), pa.float32(), safe=False)


def parquet_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[int, Callable[[], Iterator[Raw]]]:
    """The number of rows of a Parquet file, and the rows, `size` at a time, as from `read_parquet`.

    Raises:
        DataError: as `read_parquet`, when the rows are read.
    """
    with explained(path), pq.ParquetFile(path) as file:
        count = file.metadata.num_rows
        check_columns(file.metadata.num_columns, str(path))

    def pieces() -> Iterator[Raw]:
        with explained(path), _parquet(path) as (file, texts):
            if not count:
                yield from_arrow(file.read(), options, str(path), like)
            batches = file.iter_batches(size, use_threads=False)  # threads would take half as much time again
            yield from in_pieces(batches, options, str(path), like, texts)

    return count, pieces


def in_pieces(
    batches: Iterable[pa.RecordBatch | pa.Table],
    options: Options,
    called: str,
    like: Mapping[str, Any] | None,
    texts: Collection[str] = (),
) -> Iterator[Raw]:
    """The rows of a table that comes in pieces, each as from `from_arrow`; the first defines what the columns hold."""
    known = like
    for batch in batches:
        table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        raw = from_arrow(table, options, called, known, whole=False, texts=texts)
        known = known or following(raw, options)
        yield raw


@contextlib.contextmanager
def explained(path: Path, kind: str = "a Parquet file") -> Iterator[None]:
    """Convert Arrow's errors for a file of this kind to DataError."""
    try:
        yield
    except (DataError, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or not {kind} ({said}). Download or write it again.") from error


def from_arrow(
    table: pa.Table,
    options: Options,
    called: str,
    like: Mapping[str, Any] | None = None,
    *,
    named: bool = True,
    whole: bool = True,
    texts: Collection[str] = (),
) -> Raw:
    """The columns of `table` that a model learns from as one matrix, with separate labels and names.

    What each column holds is inferred (`isthmus.data.schema`), or known from the model's data.

    like: description of a model's data; its columns are the wanted ones, found by name.
    named: whether the columns have names; otherwise messages give their number.
    whole, texts: as for `infer`.

    Raises:
        DataError: a column is missing, duplicated, or holds values of another kind than expected.
    """
    table = plain_columns(table)
    if held_back(without_index(table), texts):
        return Raw(np.empty((0, 0), np.float32))
    table, aside, options = taken_aside(table, options, called, like)
    table = _plain_types(without_index(table))
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
    own_names = _names_column(table, options, label, called, like)
    roles = {name: role for name, role in ((label, "the label"), (own_names, "names the rows")) if name is not None}
    check_asked(columns, options, called)
    schema = _schema(table, options, called, like, roles, named=named, whole=whole, texts=texts)
    if not schema.used:
        raise DataError(f"{called} has no columns left to learn from. Change columns=, exclude=, types= or label=.")
    about = like or {}
    known: dict[str, Sequence[str]] = dict(zip(about.get("columns") or (), about.get("categories") or (), strict=False))
    kept, precise = options.missing in ("keep", "fill"), None if like is None else is_precise(like)
    values, names = _matrix(table, schema, known, called, kept=kept, precise=precise)
    if like is None and options.kind in (None, "table"):
        schema = bounded(find_codes(values, schema, options, called), values)
        if whole:
            remark_on_columns(values, schema, called)
    used = set(schema.names)
    unused = table.select([name for name in columns if name not in used])
    if aside is not None and options.kind in (None, "table"):
        unused = aside.before(unused)
    return Raw(
        values,
        None if label is None else _classes(table[label]),
        names=tuple(map(str, values_of(table[own_names]))) if own_names else (),
        columns=schema.features if named else (),
        categories=names if any(names) else (),
        kind=None if options.kind else "table",
        aside=aside,
        precise=values.dtype == np.float64,
        schema=schema if options.kind in (None, "table") else None,
        unused=unused if unused.num_columns else None,
    )


def following(raw: Raw, options: Options) -> dict[str, Any] | None:
    """A description of the first rows of a table, by which the next ones are read; None if they aren't a table's."""
    if raw.schema is None:
        return None
    return {
        "shape": list(raw.values.shape[1:]),
        "dtype": "float64" if raw.precise else "float32",
        "columns": list(raw.columns),
        "categories": [list(names) for names in raw.categories],
        "schema": raw.schema.to_json(),
        "options": options.to_json(),
    }


def _names_column(
    table: pa.Table, options: Options, label: str | None, called: str, like: Mapping[str, Any] | None
) -> str | None:
    """The column with the samples' names: `id=`, or one of text that is called name."""
    if options.id is not None:
        if options.id in table.column_names:
            return options.id
        if options.forgives("id", like):
            return None
        raise DataError(f"id={options.id!r}: {called} has no such column. {nearest(options.id, table.column_names)}")
    plain = NAME in table.column_names and is_text(table[NAME].type)
    return NAME if plain and NAME not in (label, *options.columns) else None


def _schema(
    table: pa.Table,
    options: Options,
    called: str,
    like: Mapping[str, Any] | None,
    roles: Mapping[str, str],
    *,
    named: bool,
    whole: bool,
    texts: Collection[str],
) -> Schema:
    """The schema of the model's data with its columns in this table, or the table's own."""
    columns, known = table.column_names, schema_of(like)
    if known is not None and not options.columns:
        if named and known.named:
            _check_there(columns, roles, options, called, known, like or {})
        elif len(columns) == len(known.names):  # a table without names, of nothing but what the model takes
            known = _numbered(known, columns)
        elif len(columns) == len(known.columns) + len(roles) - sum(c.name in roles for c in known.columns):
            pass
        elif not named:
            raise DataError(
                f"{called} has {len(columns)} columns without names: expected the {len(known.names)} columns of the "
                f"model's training data. Give a table of these columns, or one with their names."
            )
        return known.coded(options, like)
    wanted = [c for c in options.columns or columns if c not in roles and c not in options.exclude]
    if known is not None:
        same = known.replace(tuple(column for column in known.columns if column.name in wanted))
        if set(same.names) == set(wanted):
            return same
    if options.kind not in (None, "table"):
        return _of_numbers(table, wanted, options, called, named=named)
    return infer(table, wanted, options, called, roles, named=named, whole=whole, texts=texts)


def _numbered(schema: Schema, columns: list[str]) -> Schema:
    """The used columns of a schema under the names of a table's columns, in order."""
    used = [column.replace(name=name) for column, name in zip(schema.used, columns, strict=True)]
    return schema.replace(tuple(used))


def _of_numbers(table: pa.Table, wanted: list[str], options: Options, called: str, *, named: bool) -> Schema:
    """The schema of rows that are series or pictures, whose columns are all numbers."""
    unfit = [name for name in wanted if not is_number(table[name].type)]
    if unfit:
        shown = listed([_described(table[name], name, named) for name in unfit])
        raise DataError(
            f"{called} has columns that aren't numeric: {shown}. Rows are read as {options.kind}, so all columns must "
            f"be numbers. Leave these out with exclude='{','.join(unfit[:5])}', or name one as label=."
        )
    return Schema(columns=tuple(Column(name=name) for name in wanted), named=named)


def _plain_types(table: pa.Table) -> pa.Table:
    """The table with polars' views of text as text, because Arrow has few functions for them."""
    for place, field in enumerate(table.schema):
        kind, column = field.type, table.column(place)
        if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
            chunks = [
                pa.DictionaryArray.from_arrays(chunk.indices.cast(pa.int64()), chunk.dictionary.cast(pa.string()))
                for chunk in column.chunks
            ]
            table = table.set_column(
                place, field.name, pa.chunked_array(chunks, pa.dictionary(pa.int64(), pa.string()))
            )
        elif pa.types.is_string_view(kind):
            table = table.set_column(place, field.name, column.cast(pa.string()))
    return table


def without_index(table: pa.Table) -> pa.Table:
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


def check_asked(columns: Sequence[str], options: Options, called: str) -> None:
    """Raise DataError if columns that the options name aren't there."""
    types, there = tuple(text.partition("=")[0] for text in options.types), set(columns)
    for option in ("columns", "exclude", "categorical", "types"):
        given = types if option == "types" else getattr(options, option)
        unknown = [name for name in given if name not in there and (option, given) != ("categorical", AUTO)]
        if unknown:
            raise DataError(f"{option}={unknown[0]!r}: {called} has no such column. {nearest(unknown[0], columns)}")


def _check_there(
    columns: list[str],
    roles: Mapping[str, str],
    options: Options,
    called: str,
    known: Schema,
    like: Mapping[str, Any],
) -> None:
    """Raise DataError if a column of the model's training data is missing; remark on unknown columns."""
    wanted = list(known.names)
    there = set(columns)
    missing = [name for name in wanted if name not in there]
    if missing:
        raise DataError(
            f"{called} lacks the column{'s' * (len(missing) > 1)} {listed(list(map(repr, missing)))}: "
            f"expected the {len(wanted)} columns of the model's training data. "
            f"{renamed(missing, [name for name in columns if name not in wanted])}"
        )
    seen = [column.name for column in known.columns]
    ignored = {*roles, *seen, *options.exclude, *(like.get("options") or {}).get("exclude", ())}
    extra = [name for name in columns if name not in ignored]
    if extra:
        some = listed(list(map(repr, extra)))
        remark(f"{called} has columns that the model does not know: {some}. They are ignored.")


def _matrix(
    table: pa.Table,
    schema: Schema,
    known: Mapping[str, Sequence[str]],
    called: str,
    *,
    kept: bool,
    precise: bool | None,
) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
    """`(rows, features)`, with NaN for missing values; and each feature's categories.

    known: the categories of columns, if a model has them. precise: whether the matrix is float64 instead of float32;
        None decides by the values: it is if float32 would lose a part of a column's spread.
    """
    columns = dict(zip(table.column_names, table.columns, strict=True))
    first = int((table.schema.metadata or {}).get(ROW, 1))
    matrix = np.empty(
        (table.num_rows, len(schema.features)),
        np.float64 if precise or (precise is None and schema.exact) else np.float32,
    )
    named_by: list[tuple[str, ...]] = [()] * matrix.shape[1]
    plain: list[tuple[int, str]] = []  # columns of numbers that need no look at their cells
    place = 0
    for column in schema.used:
        own = columns[column.name]
        if column.kind == "category":
            names = tuple(known.get(column.name) or ())
            matrix[:, place], named_by[place] = encode(own, column, names, called, kept=kept)
        elif _needs_no_look(column, own.type):
            plain.append((place, column.name))
        else:
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is then reported as such
                for offset, numbers in enumerate(column.encode(own, called, first)):
                    if precise is None and matrix.dtype == np.float32 and loses(numbers[:, None], "table"):
                        matrix = _as_float64(matrix)
                    matrix[:, place + offset] = numbers
        place += len(column.features)
    places = [at for at, _ in plain]
    numeric, done = table.select([name for _, name in plain]), 0
    if precise is None and matrix.dtype == np.float32 and _loses(numeric):
        matrix = _as_float64(matrix)
    every: Any = slice(None) if len(places) == matrix.shape[1] else places
    for batch in numeric.to_batches(max_chunksize=max(BATCH, NUMBERS // max(1, len(plain)))) if plain else ():
        numbers = _numbers(batch, matrix.dtype)
        if numbers.shape == matrix.shape:
            return numbers, tuple(named_by)
        matrix[done : done + len(numbers), every] = numbers
        done += len(numbers)
    return matrix, tuple(named_by)


def _needs_no_look(column: Column, kind: pa.DataType) -> bool:
    """Whether values of this type are the column's numbers as they are."""
    fits = is_number(kind) if column.kind == "number" else column.kind == "boolean" and pa.types.is_boolean(kind)
    return fits and not column.missing


def _as_float64(matrix: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # numbers that aren't written yet can be anything
        return matrix.astype(np.float64)


def _loses(numeric: pa.Table) -> bool:
    """Whether float32 would lose a part of a column's spread; of many rows, a few and each column's bounds are seen."""
    wide = numeric.select([field.name for field in numeric.schema if _is_wide(field.type)])
    if not wide.num_columns:
        return False
    rows = _some(wide)
    if len(rows) < wide.num_rows:
        rows = rows.copy()
        for place in np.flatnonzero((rows == rows[:1]).all(0)):  # the others may still differ
            low_high: Any = pc.call_function("min_max", [wide[int(place)]])
            rows[[0, -1], place] = [float(bound.as_py() or 0) for bound in low_high.values()]
    return loses(rows, "table")


def _numbers(batch: pa.RecordBatch, kind: Any) -> np.ndarray:
    """`(rows, columns)` of this type, with NaN for missing values; made in calls that let other threads run."""
    columns = [_floating(column) for column in batch.columns]
    laid: Any = pa.RecordBatch.from_arrays(columns, batch.schema.names).to_tensor(null_to_nan=True, row_major=False)
    # PyTorch turns columns to rows three times as fast as Arrow
    rows = torch.from_numpy(laid.to_numpy().T).t().contiguous().numpy()
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is then reported as such
        return rows.astype(kind, copy=False)


def _floating(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kept = pa.types.is_float32(column.type) or pa.types.is_float64(column.type)
    return column if kept else pc.cast(column, pa.float64(), safe=False)


def _classes(column: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(column.type):
        return values_of(column)
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    return column.to_numpy() if numeric and not column.null_count else column.to_pylist()


def _described(column: pa.ChunkedArray, name: str, named: bool) -> str:
    called = repr(name) if named else f"column {name}"
    if not is_text(column.type):
        return f"{called} ({column.type})"
    texts = enumerate(column.to_pylist())
    row, example = next(((row, text) for row, text in texts if text is not None and not reads_as_number(text)), (0, ""))
    return f"{called} (text, such as {example[:20]!r} in row {row:,}, counted from 0)"

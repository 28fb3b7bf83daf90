"""Timed tables: the columns of time stamps and groups are taken out of an Arrow table before its numbers are read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from isthmus.data.aside import Aside, numbered
from isthmus.data.media import Recording
from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options
from isthmus.data.schema.column import is_text
from isthmus.data.schema.texts import ABSENT, TIMES, as_dates, date_form, exchanged, plain_text, without
from isthmus.data.series import LOOKED_AT, follow
from isthmus.errors import DataError, nearest, remark, renamed
from isthmus.formatting import listed

pc: Any = compute  # which makes its functions when it is imported

TIME_NAMES = ("time", "timestamp", "datetime", "date", "epoch", "unix_time")
"""Names of columns of numbers that are time stamps if they grow from row to row, whatever their case."""
VARIABLE_NAMES = ("variable", "sensor", "channel", "parameter", "metric", "signal", "item", "itemid", "tag", "name")
"""Names of columns of text that say what the number in each row of a long table measures, whatever their case."""
FEW = 64
"""Cells of a column of text that are looked at."""
LEAST = 10
"""Rows of a table with time stamps on which there is a remark."""


def taken_aside(
    table: pa.Table, options: Options, called: str, like: Mapping[str, Any] | None = None
) -> tuple[pa.Table, Aside | None, Options]:
    """The table without its columns of time stamps and groups, these, and how to read the rest.

    like: description of a model's data; for a model of recordings, the rest are its channels.

    Raises:
        DataError: a column that an option names is missing, or its values are no time stamps.
    """
    medium = medium_of(like)
    of_recordings = isinstance(medium, Recording)
    asked = options.kind == "series" or any(getattr(options, name) is not None for name in ("window", "step", "time"))
    series = of_recordings or (asked and options.kind in (None, "series"))
    group = _named(table, "groups", options.groups or (medium.group if of_recordings else None), options, called, like)
    time = _named(table, "time", options.time or (medium.time if of_recordings else None), options, called, like)
    if time is None and series:
        time = _found(table, options, group)
    if time is None and not series and like is None and group is None:
        _remark_on_time(table, options, called)
    if series and time is not None:
        table = _pivoted(table, time, group, options, called)
    if series:
        options = _of_channels(table, options, called, medium.channels if of_recordings else ())
    if time is None and group is None:
        return table, None, options
    times, zone = (None, "") if time is None else times_of(table[time], time, called)
    numbers, names = (None, ()) if group is None else numbered(np.asarray(_plain(table[group])))
    taken = [name for name in (group, time) if name is not None]
    shown = [_shown(name) for name in taken]
    aside = Aside(
        times,
        "" if time is None else _shown(time),
        zone,
        numbers,
        "" if group is None else _shown(group),
        names,
        table.select(taken).rename_columns(shown),
    )
    return table.drop_columns(taken), aside, options


def _of_channels(table: pa.Table, options: Options, called: str, channels: tuple[str, ...]) -> Options:
    """The options to read the columns of recordings: all are numbers, and a model's channels come in its order.

    Raises:
        DataError: a channel is missing.
    """
    missing = [name for name in channels if name not in table.column_names]
    if missing:
        raise DataError(
            f"{called} lacks the column{'s' * (len(missing) > 1)} {listed(list(map(repr, missing)))}: expected the "
            f"{len(channels)} channels of the model's training data. {renamed(missing, table.column_names)}"
        )
    return replace(options, kind="series", columns=channels or options.columns)


def exact_columns(options: Options, like: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Columns whose numbers must not be rounded, because they may be time stamps or name groups."""
    medium = medium_of(like)
    own = (medium.time, medium.group) if isinstance(medium, Recording) else ()
    usual = TIME_NAMES if own or options.kind == "series" or options.window is not None else ()
    written = [spelt for name in usual for spelt in (name, name.capitalize(), name.upper())]
    return tuple(name for name in (options.time, options.groups, *own, *written) if name)


def times_of(column: pa.ChunkedArray, name: str, called: str) -> tuple[np.ndarray, str]:
    """(rows,) datetime64[ns] in UTC, or float64, of a column of time stamps; and its time zone, "" if it has none.

    Raises:
        DataError: it holds neither dates, nor numbers, nor text that can be read as dates.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64), ""
    if pa.types.is_duration(kind):
        return column.cast(pa.duration("ns")).cast(pa.int64()).to_numpy().astype(np.float64) / 1e9, ""
    if is_text(kind):
        column = _parsed(column, name, called)
    if not _is_date(column.type):
        raise DataError(
            f"{called}: the column {name!r} is of type {kind}: expected time stamps, as dates, ISO text or numbers. "
            "Name the right column with time=."
        )
    zone = getattr(column.type, "tz", None) or ""
    try:
        stamps = column.cast(pa.timestamp("ns", column.type.tz) if zone else pa.timestamp("ns"), safe=False)
    except pa.ArrowInvalid as error:
        raise DataError(f"{called}: the dates of {name!r} lie outside 1678 to 2262. Check the column.") from error
    return np.asarray(stamps.cast(pa.timestamp("ns")).to_numpy()).astype("datetime64[ns]"), zone


def _named(
    table: pa.Table, option: str, name: str | None, options: Options, called: str, like: Mapping[str, Any] | None
) -> str | None:
    """The column that an option names; None if a source for a model lacks it."""
    if not name:
        return None
    found = next((column for column in table.column_names if name in (column, _shown(column))), None)
    if found is None and like is None:
        raise DataError(f"{option}={name!r}: {called} has no such column. {nearest(name, table.column_names)}")
    if found is None and getattr(options, option) is not None and not options.forgives(option, like):
        raise DataError(f"{option}={name!r}: {called} has no such column. {nearest(name, table.column_names)}")
    return found


def _found(table: pa.Table, options: Options, group: str | None) -> str | None:
    """The first column of dates, of text that is dates, or of growing numbers with the name of a time."""
    free = [name for name in table.column_names if name not in (group, options.label, *options.exclude)]
    free = [name for name in free if table.column_names.count(name) == 1]
    for fits in (lambda name: _is_date(table[name].type), lambda name: _is_dated(table[name])):
        if found := next((name for name in free if fits(name)), None):
            return found
    return next((name for name in free if name.strip().lower() in TIME_NAMES and _grows(table[name])), None)


def _remark_on_time(table: pa.Table, options: Options, called: str) -> None:
    """Remark on a table whose rows seem to follow each other in time, because its parts are drawn at random."""
    if options.kind is not None or table.num_rows < LEAST or len(set(table.column_names)) < table.num_columns:
        return
    dates = (name for name in table.column_names if _is_date(table[name].type) and name not in options.exclude)
    found = next((name for name in dates if pc.count_distinct(table[name]).as_py() == table.num_rows), None)
    numbers = [place for place, kind in enumerate(table.schema.types) if pa.types.is_floating(kind)]
    if found is None or not numbers:
        return
    middle = max(0, (table.num_rows - LOOKED_AT) // 2)
    order = pc.sort_indices(table[found]).slice(middle, LOOKED_AT)
    some = [table[place].take(order).cast(pa.float64()).fill_null(np.nan).to_numpy() for place in numbers]
    if follow(np.column_stack(some)):
        remark(
            f"{called}: its rows follow each other in time ({_shown(found)!r}) and are alike, but they are divided at "
            "random. kind='series' cuts windows of a recording and divides them by time."
        )


def _pivoted(table: pa.Table, time: str, group: str | None, options: Options, called: str) -> pa.Table:
    """A long table, with a row for each variable and time, as one with a column for each variable."""
    apart = (time, group, options.label, *options.exclude)
    rest = [name for name in table.column_names if name not in apart and name not in _index(table)]
    text = [name for name in rest if is_text(table[name].type) and name.strip().lower() in VARIABLE_NAMES]
    if len(rest) != 2 or len(text) != 1:
        return table
    variable = text[0]
    value = next(name for name in rest if name != variable)
    if not (pa.types.is_integer(table[value].type) or pa.types.is_floating(table[value].type)):
        return table
    keys = [name for name in (group, time) if name is not None]
    number, names = numbered(np.asarray(_plain(table[variable])))
    rows = table.append_column("row number", pa.array(np.arange(table.num_rows)))
    first = rows.group_by(keys, use_threads=False).aggregate([("row number", "min")])
    order = {
        tuple(key): place for place, key in enumerate(zip(*(first[name].to_pylist() for name in keys), strict=True))
    }
    places = np.array([order[key] for key in zip(*(table[name].to_pylist() for name in keys), strict=True)])
    if len(np.unique(places * len(names) + number)) < table.num_rows:
        raise DataError(
            f"{called} has several values of one {variable!r} at one time: expected one. Name the column that tells "
            "the "
            "recordings apart with groups=."
        )
    wide = np.full((len(order), len(names)), np.nan)
    wide[places, number] = table[value].cast(pa.float64()).to_numpy()
    kept = table.take(first["row number_min"]).drop_columns([variable, value])
    remark(
        f"{called} has one value in each row; {variable!r} names the {len(names)} channels and {value!r} holds their "
        "values. For another reading, give a column for each channel."
    )
    for name, own in zip(names, wide.T, strict=True):
        kept = kept.append_column(name, pa.array(np.ascontiguousarray(own), from_pandas=True))
    return kept


def _index(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name.startswith("__index_level_")]


def _shown(name: str) -> str:
    """The name for people; the index of a data frame may have none."""
    return "time" if name.startswith("__index_level_") else name


def _plain(column: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    numeric = pa.types.is_integer(column.type) and not column.null_count
    return (
        column.to_numpy() if numeric else np.array(["" if v is None else v for v in column.to_pylist()], dtype=object)
    )


def _is_date(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _is_dated(column: pa.ChunkedArray) -> bool:
    """Whether the first cells of a column of text are dates."""
    if not is_text(column.type):
        return False
    some = column.slice(0, FEW).drop_null()
    if not len(some):
        return False
    try:
        _parsed(some, "", "")
    except DataError:
        return False
    return True


def _grows(column: pa.ChunkedArray) -> bool:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)) or column.null_count:
        return False
    numbers = column.cast(pa.float64(), safe=False).to_numpy()
    return len(numbers) > 1 and bool(np.mean(np.diff(numbers) > 0) > 0.9)


def _parsed(column: pa.ChunkedArray, name: str, called: str) -> pa.ChunkedArray:
    """Text as time stamps. If day and month could be exchanged, the form with evenly spaced rows in order counts.

    Raises:
        DataError: it isn't dates.
    """
    texts = without(plain_text(column), ABSENT)
    known = texts.drop_null()
    form, share, doubtful = date_form(known) if len(known) else ("", 0.0, False)
    if share < 1 or form in TIMES:
        wrong = next(
            (cell for cell in known.to_pylist() if not form or as_dates(pa.array([cell]), form)[0].as_py() is None), ""
        )
        raise DataError(
            f"{called}: {wrong!r} in the column {name!r} is no time stamp: expected dates and times, such as "
            "2024-03-01 10:00, or numbers. Convert the column, or name another with time=."
        )
    if doubtful:
        form = min((form, exchanged(form)), key=lambda form: _unevenness(as_dates(known, form)))
    if doubtful and called:
        remark(f"{called}: the time stamps of {name!r} are read as {form}. If this is wrong, write ISO dates.")
    return pa.chunked_array([as_dates(texts, form)])


def _unevenness(stamps: pa.Array) -> float:
    """How much the differences of time stamps vary, as a share of their mean; infinite if they are not in order."""
    differences = np.diff(stamps.cast(pa.int64()).to_numpy())
    in_order = len(differences) and differences.min() >= 0 and differences.max() > 0
    return float(differences.std() / differences.mean()) if in_order else np.inf

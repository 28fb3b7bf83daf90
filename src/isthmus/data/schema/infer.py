"""Inferring a schema: what each column of a table holds, decided from all of its values."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from isthmus.data.options import AUTO, Options
from isthmus.data.precision import spread
from isthmus.data.schema.categories import ALIKE, FEW, MOST
from isthmus.data.schema.column import (
    KINDS,
    NO_INPUT,
    PERIODS,
    Column,
    Cycle,
    is_moment,
    is_number,
    is_text,
)
from isthmus.data.schema.schema import Schema
from isthmus.data.schema.texts import (
    ABSENT,
    TIMES,
    as_dates,
    as_one,
    date_form,
    exchanged,
    number_form,
    pc,
    plain_text,
    seconds_of,
    without,
)
from isthmus.errors import DataError, nearest, remark
from isthmus.formatting import listed
from isthmus.plain import reads_as_number

MOSTLY = 0.95
"""The share of the cells of a text column that must be numbers or dates for the column to hold these."""
LONG = 40
"""Characters on average from which names are free text."""
ID_NAME = re.compile(
    r"(?i)^(id|.*[_ .\-]id|index|idx|row|rowid|row_?(nr|no|num|number)|uuid|guid|key|unnamed: ?0|nr|no)$|[a-z]I[Dd]$"
)
SENTINELS = (*(float(sign * int("9" * length)) for length in range(2, 9) for sign in (-1, 1)), -32768.0)
"""Numbers that often mean a missing value."""
LEAST_SHARE = 0.005
"""The share of the rows that a number must have to count as a code for a missing value."""
MOSTLY_MISSING = 0.9
"""The share of missing values from which a column is remarked on."""
SEEN = 4096
"""Rows, spread over the table, that are looked at where all of them aren't needed."""


def infer(
    table: pa.Table,
    wanted: Collection[str],
    options: Options,
    called: str,
    roles: Mapping[str, str],
    *,
    named: bool,
    whole: bool = True,
    texts: Collection[str] = (),
) -> Schema:
    """The schema of a table.

    wanted: the columns to learn from, unless they turn out to hold nothing that can be learnt. roles: why a column
    isn't wanted, by name. whole: whether these are all rows; otherwise a column without values is one of numbers.
    texts: columns of text that are dictionary-encoded to save memory; others are because they hold categories. Remarks
    say what was decided and how to overrule it.

    Raises:
        DataError: a column holds values that can't be read; or no column is left.
    """
    asked = dict(text.split("=", 1) for text in options.types)
    given = options.na_values or ()
    bare = Column(name="", missing=() if given == ("none",) else given, usual=options.na_values is None)
    notes: list[str] = []
    unread: list[str] = []
    made: dict[str, Column] = {}
    columns = dict(zip(table.column_names, table.columns, strict=True))
    for name in wanted:
        kind = columns[name].type
        if not (is_number(kind) or is_text(kind) or is_moment(kind)):
            unread.append(f"{name!r} ({kind})" if named else f"column {name} ({kind})")
            continue
        made_of, asked_for = bare.replace(name=name), asked.get(name)
        if asked_for is None:
            column = _inferred(columns[name], made_of, options, notes, is_category=name not in texts)
        else:
            column = _as_asked(columns[name], asked_for, made_of)
        if column.kind == "empty" and not whole:
            column = made_of
        made[name] = (
            column.replace(type=str(kind))
            if column.kind in ("number", "boolean", "date", "time", "duration")
            else column
        )
    if unread:
        names = ",".join(name for name in wanted if name not in made)
        raise DataError(
            f"{called} has columns that hold neither numbers, text nor dates: {listed(unread)}. Leave them out with "
            f"exclude='{names}', or make columns of numbers of them first."
        )
    out = [column for column in made.values() if not column.used]
    _tell(called, out, notes)
    rest = {
        name: Column(name=name, kind="text", used=False, why=roles.get(name, "left out"))
        for name in columns
        if name not in made
    }
    in_order = list(made) == [name for name in columns if name in made]
    every = made | rest
    return Schema(columns=tuple(every[name] for name in (columns if in_order else every)), named=named)


def _tell(called: str, out: list[Column], notes: list[str]) -> None:
    if out:
        some = listed([f"{column.name!r} ({column.why})" for column in out])
        notes.insert(0, f"left out {some}")
    if notes:
        remark(
            f"{called}: {'; '.join(notes)}. To see every column: isthmus inspect. To overrule: types=, na_values=, "
            "columns= or exclude=."
        )


def _inferred(
    column: pa.ChunkedArray, made: Column, options: Options, notes: list[str], *, is_category: bool
) -> Column:
    """made: the column without its kind, with the codes for missing values that the options give."""
    if made.name in options.categorical:
        return made.replace(kind="category")
    if column.null_count == len(column) and len(column) > 1:
        return made.replace(kind="empty", used=False, why="no value in any row")
    if is_moment(column.type):
        return _moments(column, made)
    if is_text(column.type):
        sure = is_category and pa.types.is_dictionary(column.type)
        return _categories(plain_text(column), made, notes, sure=True) if sure else _of_text(column, made, notes)
    return _of_numbers(column, made, options)


def _of_numbers(column: pa.ChunkedArray, made: Column, options: Options) -> Column:
    if pa.types.is_boolean(column.type):
        return made.replace(kind="category" if options.categorical == AUTO else "boolean")
    if len(column) >= FEW and ID_NAME.search(made.name) and _numbers_rows(column):
        return made.replace(kind="id", used=False, why="identifies rows")
    return made


def _numbers_rows(column: pa.ChunkedArray) -> bool:
    """Whether numbers are whole and all different."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)) or column.null_count:
        return False
    floats = pc.cast(column, pa.float64(), safe=False)
    return len(pc.unique(column)) == len(column) and pc.all(pc.equal(pc.floor(floats), floats)).as_py()


def _as_asked(column: pa.ChunkedArray, asked: str, made: Column) -> Column:
    """A column of the kind, or with dates of the format, that `types=` gives."""
    name, kind = made.name, column.type
    if "%" not in asked and asked not in KINDS:
        raise DataError(
            f"types= gives column {name!r} the type {asked!r}. {nearest(asked, [*KINDS])} A format of dates, such as "
            "%d/%m/%Y, is possible too."
        )
    if asked in NO_INPUT:
        return made.replace(kind=asked, used=False, why="left out by types=")
    if asked == "category":
        return made.replace(kind="category")
    if is_text(kind) and asked != "boolean":
        return _text_as_asked(column, asked, made)
    fits = is_number(kind) if asked in ("number", "boolean") else is_moment(kind) and "%" not in asked
    if not fits:
        raise DataError(f"types= gives column {name!r} the type {asked!r}, but it holds values of type {kind}.")
    return made.replace(kind=asked) if is_number(kind) else _moments(column, made)


def _text_as_asked(column: pa.ChunkedArray, asked: str, made: Column) -> Column:
    made = made.replace(kind="number" if asked == "number" else "date")
    texts = without(plain_text(column), made.absent)
    if "%" in asked:
        return _dated(texts, made.replace(form=asked))
    known = pc.drop_null(pc.unique(texts))
    if asked == "number":
        return made.replace(form=number_form(known)[0])
    form, _, _ = date_form(known)
    if not form:
        cell = known[0].as_py() if len(known) else ""
        raise DataError(
            f"types= gives column {made.name!r} the type {asked!r}, but no format of dates fits its cells, such as "
            f"{cell!r}. Give the format instead, such as types='{made.name}=%d/%m/%Y'."
        )
    return _dated(texts, made.replace(form=form))


def _of_text(column: pa.ChunkedArray, made: Column, notes: list[str]) -> Column:
    texts, name = plain_text(column), made.name
    known = pc.drop_null(without(texts, made.absent))  # as of a number
    if not len(known):
        return made.replace(kind="empty", used=False, why="no value in any row")
    some = known.take(spread(len(known), SEEN))
    form, share, doubtful = _decided(number_form, some, known)
    if share >= MOSTLY:
        _note_codes(texts, made, notes)
        if doubtful:
            notes.append(f"{name!r}: a comma is read as a separator of thousands, as in {form}")
        return made.replace(form=form, why=f"text of numbers such as {known[0].as_py()[:20]}")
    form, share, doubtful = _decided(date_form, some, known)
    if share >= MOSTLY:
        _note_codes(texts, made, notes)
        if doubtful:
            other = exchanged(form)
            notes.append(
                f"{name!r}: dates are read as {form}; if day and month are exchanged, set types='{name}={other}'"
            )
        return _dated(without(texts, made.absent), made.replace(form=form))
    return _categories(texts, made, notes)


def _decided(form_of: Callable[[pa.Array], tuple[str, float, bool]], some: pa.Array, known: pa.Array) -> Any:
    """What `form_of` finds in some texts, or in all where these leave a doubt."""
    found = form_of(some)
    return form_of(known) if found[2] and len(some) < len(known) else found


def _note_codes(texts: pa.Array, made: Column, notes: list[str]) -> None:
    """Note the codes for missing values that are there, besides the ones that always mean it."""
    usual = {*made.absent} - {*ABSENT, *made.missing}
    found = [code for code in pc.unique(texts).to_pylist() if code in usual]
    if found:
        notes.append(f"{made.name!r}: {listed(list(map(repr, found)), most=3)} read as missing")


def _dated(texts: pa.Array, made: Column) -> Column:
    found = as_dates(texts, made.form)
    return _moments(found.cast(pa.time64("us")) if made.form in TIMES else found, made)


def _moments(given: pa.Array | pa.ChunkedArray, made: Column) -> Column:
    """A column of dates, times of day or durations, with the cycles that its values can show."""
    column = as_one(given)
    if pa.types.is_duration(column.type):
        return made.replace(kind="duration", why="becomes seconds")
    if pa.types.is_time(column.type):
        return made.replace(kind="time", cycles=("day",), why="becomes seconds since midnight and its place in the day")
    seconds = seconds_of(column)
    seconds = seconds[np.isfinite(seconds)]
    span = float(np.ptp(seconds)) if len(seconds) else 0.0
    cycles: list[Cycle] = []
    if span >= 2 * PERIODS["day"] and bool((seconds % PERIODS["day"] != seconds[0] % PERIODS["day"]).any()):
        cycles.append("day")
    if span >= 2 * PERIODS["week"] and len(np.unique(seconds // PERIODS["day"] % 7)) > 1:
        cycles.append("week")
    if span >= PERIODS["year"]:
        cycles.append("year")
    places = f" and its place in the {listed(cycles)}" if cycles else ""
    return made.replace(kind="date", cycles=tuple(cycles), why=f"becomes seconds since 1970{places}")


def _categories(texts: pa.Array, made: Column, notes: list[str], *, sure: bool = False) -> Column:
    """A column of categories; or one of names or sentences, which tell each row apart."""
    made = made.replace(kind="category")
    known = pc.drop_null(without(texts, made.absent))
    different, rows = len(pc.unique(known)), len(known)
    alike = (rows >= FEW and different > ALIKE * rows) or different > MOST
    if alike and not sure:
        some = known[: min(rows, 1000)]
        length = float(pc.mean(pc.utf8_length(some)).as_py())
        words = float(pc.mean(pc.count_substring(some, " ")).as_py()) + 1
        if length > LONG or words > 3:
            return made.replace(kind="text", used=False, why="free text")
        return made.replace(kind="id", used=False, why=f"{different:,} different names in {rows:,} rows")
    _note_codes(texts, made, notes)
    return made.replace(why=f"{different} different names")


def find_codes(values: np.ndarray, schema: Schema, options: Options, called: str) -> Schema:
    """The schema with the numbers that mean a missing value, such as -999, which become NaN in `values` in place.

    A number counts as one if it consists of nines or is another usual code, is the least or the largest of its column,
    occurs in at least `LEAST_SHARE` of the rows, and lies further from all other values than these span.

    values: (rows, features).
    """
    codes = tuple(float(code) for code in options.na_values or () if reads_as_number(code))
    if (options.na_values is not None and not codes) or (not codes and len(values) < FEW):
        return schema
    notes: list[str] = []
    missing: dict[str, list[str]] = {}
    for place, several in sorted(_frequent(values, codes or SENTINELS).items()):
        column, own = schema.firsts.get(place), values[:, place]
        if column is None or column.kind != "number":
            continue
        for code in several:
            if codes or _apart(own, code):
                count = int((own == code).sum())
                own[own == code] = np.nan
                missing.setdefault(column.name, []).append(f"{code:g}")
                if not codes:
                    notes.append(f"{column.name!r}: {code:g} read as missing ({count:,} rows)")
    if notes:
        remark(
            f"{called}: {'; '.join(notes[:5])}{'; …' * (len(notes) > 5)}. If these are values, set na_values='none'."
        )
    return schema.replace(
        tuple(
            column.replace(missing=(*column.missing, *missing[column.name])) if column.name in missing else column
            for column in schema.columns
        )
    )


def bounded(schema: Schema, values: np.ndarray) -> Schema:
    """The schema with a lower bound of 0 for numbers that are never negative, so that none comes out negative.

    values: (rows, features).
    """
    firsts = {column.name: place for place, column in schema.firsts.items() if column.kind == "number"}
    least = np.fmin.reduce(values, axis=0) if len(values) else np.full(values.shape[1], np.nan)
    return schema.replace(
        tuple(
            column.replace(lower=0.0) if column.name in firsts and least[firsts[column.name]] >= 0 else column
            for column in schema.columns
        )
    )


def remark_on_columns(values: np.ndarray, schema: Schema, called: str) -> None:
    """Remark on columns that are mostly missing, and on columns that are equal in every row of many.

    values: (rows, features).
    """
    if len(values) < FEW:
        return
    own = {first: column.name for first, column in schema.firsts.items() if column.kind == "number"}
    missing = np.isnan(values).mean(0)
    mostly = [name for place, name in own.items() if missing[place] > MOSTLY_MISSING]
    if mostly:
        remark(f"{called}: mostly missing: {listed(list(map(repr, mostly)))}. To leave them out: exclude=.")
    few = values[spread(len(values), 100)]
    first_of: dict[bytes, int] = {}
    same = []
    for place, name in own.items():
        other = first_of.setdefault(few[:, place].tobytes(), place)
        constant = bool((few[:, place] == few[0, place]).all())
        if other != place and not constant and np.array_equal(values[:, place], values[:, other], equal_nan=True):
            same.append(f"{name!r} is {own[other]!r}")
    if same:
        remark(f"{called}: equal columns, which then count twice: {listed(same)}. To leave them out: exclude=.")


def _frequent(values: np.ndarray, codes: tuple[float, ...]) -> dict[int, list[float]]:
    """The codes that occur often enough in each column, by its place; of given codes, all that occur."""
    given = codes is not SENTINELS
    rows = values if given or len(values) <= SEEN else values[spread(len(values), SEEN)]
    least = 1 if given else max(2, LEAST_SHARE * len(rows))
    found: dict[int, list[float]] = {}
    for code in codes:
        for place in np.flatnonzero((rows == np.asarray(code, rows.dtype)).sum(0) >= least):
            found.setdefault(int(place), []).append(code)
    return found


def _apart(own: np.ndarray, code: float) -> bool:
    others = own[np.isfinite(own) & (own != code)]
    if not len(others):
        return False
    low, high = float(others.min()), float(others.max())
    return min(abs(code - low), abs(code - high)) > high - low and not low < code < high

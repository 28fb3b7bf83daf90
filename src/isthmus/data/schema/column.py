"""A column of a table: what it holds, and the numbers that a model gets of it."""

import re
from typing import Any, Literal, Self, get_args

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from isthmus.data.schema.texts import (
    ABSENT,
    CODES,
    ISO,
    WORDS,
    as_dates,
    as_numbers,
    as_one,
    date_form,
    number_form,
    pc,
    plain_text,
    seconds_of,
    without,
)
from isthmus.errors import DataError
from isthmus.plain import reads_as_number

ColumnKind = Literal["number", "boolean", "category", "date", "time", "duration", "id", "text", "empty"]
KINDS: tuple[str, ...] = get_args(ColumnKind)
NO_INPUT: tuple[str, ...] = ("id", "text", "empty")
"""Kinds of columns that a model doesn't learn from."""
Cycle = Literal["day", "week", "year"]
PERIODS: dict[str, float] = {"day": 86400.0, "week": 7 * 86400.0, "year": 365.2425 * 86400.0}
"""Seconds."""
LATEST = 9.2e12
"""Seconds from 1970 to the last date that microseconds can tell."""
THURSDAY = 4 * 86400.0
"""1970 began on a Thursday; weeks begin on Monday."""


class Column(BaseModel):
    """A column of a source, as a schema describes it.

    kind: what it holds. why: a reason in words where that isn't obvious, for users. type: the source's type of its
    values, in Arrow's words. form: how text is read: an example of a number, "1.234,5", or a date's format.
    missing: cells that mean a missing value, as text; usual: whether usual ones, such as ?, do too. cycles: those of a
    date that the model gets as sine and cosine. used: whether the model learns from it. lower: the least value that it
    can have, if that is known.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    kind: ColumnKind = "number"
    used: bool = True
    why: str = ""
    type: str = ""
    form: str = ""
    missing: tuple[str, ...] = ()
    usual: bool = True
    cycles: tuple[Cycle, ...] = ()
    lower: float | None = None

    def replace(self, **changes: Any) -> Self:
        """The same with changed fields."""
        return self.model_copy(update=changes)  # a table may have 100,000 of them

    @property
    def exact(self) -> bool:
        """Whether its numbers need float64: seconds since 1970 have ten digits before the point."""
        return self.kind == "date"

    @property
    def absent(self) -> tuple[str, ...]:
        """Cells of text that mean a missing value."""
        usual = (*CODES, *(() if self.kind == "category" else WORDS)) if self.usual else ()
        return (*ABSENT, *usual, *self.missing)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the numbers that the model gets: its own, then sine and cosine of each cycle."""
        if not self.cycles:
            return (self.name,) if self.used else ()
        parts = (f"{self.name}.{cycle}.{part}" for cycle in self.cycles for part in ("sin", "cos"))
        return (self.name, *parts) if self.used else ()

    def encode(self, column: pa.ChunkedArray, called: str, first: int = 1) -> list[np.ndarray]:
        """(rows,) float64 numbers of each feature, NaN for missing values. Not for categories.

        called: the source, for messages. first: the number of the first row in it.

        Raises:
            DataError: a cell isn't of the column's kind; the message names the row.
        """
        typed = self._typed(column, called, first)
        if self.kind in ("number", "boolean"):
            return [
                np.asarray(
                    pc.fill_null(pc.cast(typed, pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
                )
            ]
        seconds = seconds_of(typed)
        local = seconds
        if self.cycles and pa.types.is_timestamp(typed.type) and typed.type.tz not in (None, "UTC"):
            local = seconds_of(pc.local_timestamp(typed))
        angles = (
            2 * np.pi * (local + (THURSDAY - 86400.0 if cycle == "week" else 0.0)) / PERIODS[cycle]
            for cycle in self.cycles
        )
        return [seconds, *(turn(angle) for angle in angles for turn in (np.sin, np.cos))]

    def _typed(self, column: pa.ChunkedArray, called: str, first: int) -> pa.Array:
        """The column as numbers or dates, with null for missing values."""
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if is_text(kind):
            texts = without(plain_text(column), self.absent)
            read = {"number": self._numbers, "boolean": _booleans}.get(self.kind, self._dates)
            found = read(texts)
            wrong = pc.and_(pc.is_valid(texts), pc.is_null(found))
            if pc.any(wrong).as_py():
                self._refuse(texts, wrong, called, first)
            return found
        whole = as_one(column)
        if pa.types.is_dictionary(column.type):
            whole = whole.cast(kind)
        if self.kind in ("number", "boolean"):
            if not is_number(kind):
                raise self._changed(kind, called)
            numbers = pc.cast(whole, pa.float64(), safe=False)
            if self.kind == "boolean" and not pc.all(pc.is_in(numbers, pa.array([0.0, 1.0, None]))).as_py():
                raise self._changed(kind, called)
            codes = [float(code) for code in self.missing if reads_as_number(code)]
            return (
                pc.if_else(pc.is_in(numbers, pa.array(codes, pa.float64())), pa.scalar(None, pa.float64()), numbers)
                if codes
                else numbers
            )
        if pa.types.is_null(kind):
            return pa.nulls(len(whole), pa.timestamp("us") if self.kind == "date" else pa.duration("us"))
        if not is_moment(kind):
            raise self._changed(kind, called)
        return whole

    def _numbers(self, texts: pa.Array) -> pa.Array:
        return as_numbers(texts, self.form or number_form(pc.drop_null(texts))[0])

    def _dates(self, texts: pa.Array) -> pa.Array:
        form = self.form or date_form(pc.drop_null(texts))[0] or ISO  # in training, they were dates by their type
        found = as_dates(texts, form)
        return found.cast(pa.time64("us")) if self.kind == "time" and pa.types.is_timestamp(found.type) else found

    def _changed(self, kind: pa.DataType, called: str) -> DataError:
        return DataError(
            f"{called}, column {self.name!r}, has values of type {kind}: expected {KIND_WORDS[self.kind]}, as in the "
            "model's training. Convert the column first."
        )

    def _refuse(self, texts: pa.Array, wrong: pa.Array, called: str, first: int) -> None:
        rows = np.flatnonzero(wrong.to_numpy(zero_copy_only=False))
        cell = texts[int(rows[0])].as_py()[:40]
        several = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
        form = f" of the form {self.form}" if self.form and self.kind != "number" else ""
        row = int(rows[0]) + first
        raise DataError(
            f"{called}, column {self.name!r}, row {row:,}{several}: {cell!r} is not a {self.kind}{form}. "
            f"Correct the cell, treat it as missing with na_values={cell!r}, or leave the column out with "
            f"exclude={self.name!r}."
        )

    def decode(self, values: np.ndarray) -> pa.Array:
        """The column again from (rows,) numbers of its own feature, in its source's type; null for NaN."""
        absent = np.isnan(values)
        if self.kind == "number":
            values = values if self.lower is None else values.clip(self.lower)
            return pa.array(np.ascontiguousarray(values), from_pandas=bool(absent.any()))
        if self.kind == "boolean":
            return pa.array(np.nan_to_num(values) >= 0.5, mask=absent)
        seconds = np.where(absent, 0, values)
        seconds = seconds % PERIODS["day"] if self.kind == "time" else seconds.clip(-LATEST, LATEST)
        whole = pa.array((seconds * 1e6).round().astype(np.int64), mask=absent)
        if self.kind == "duration":
            return whole.cast(pa.duration("us"))
        return self._moments(whole)

    def possible(self, values: np.ndarray) -> np.ndarray:
        """(rows, features) the values nearest to these that the column can hold.

        These are true or false, a date with its own cycles, or a number that isn't below the bound.
        """
        if self.kind == "number":
            return values if self.lower is None else np.maximum(values, self.lower)
        if self.kind == "boolean":
            return values.round().clip(0, 1)
        if self.kind in (*NO_INPUT, "category"):
            return values
        return np.stack(self.encode(pa.chunked_array([self.decode(values[:, 0])]), self.name), 1)

    def _moments(self, whole: pa.Array) -> pa.Array:
        """Microseconds since 1970, or since midnight, in the form of the source."""
        moments = whole.cast(pa.timestamp("us"))
        if self.form and self.form != ISO:
            return pc.strftime(pc.floor_temporal(moments, unit="second").cast(pa.timestamp("s")), self.form)
        if self.kind == "time" and self.type.startswith("time32"):
            return pc.floor_temporal(moments, unit="second").cast(pa.time32("s"))
        if self.kind == "time":
            return whole.cast(pa.time64("us"))
        return _as_source(moments, self.type)


KIND_WORDS = {
    "number": "numbers",
    "boolean": "true and false",
    "category": "categories",
    "date": "dates",
    "time": "times of day",
    "duration": "durations",
    "id": "identifiers",
    "text": "text",
    "empty": "nothing",
}
"""Each kind in the plural, for messages and tables."""


def _booleans(texts: pa.Array) -> pa.Array:
    """True and false in any case, also as 1 and 0; null for other texts."""
    lower = pc.utf8_lower(texts)
    yes, no = (pc.is_in(lower, pa.array(words)) for words in (("true", "1"), ("false", "0")))
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))


def _as_source(moments: pa.Array, kind: str) -> pa.Array:
    """Timestamps in microseconds in a source's type, such as "timestamp[ns, tz=Europe/Berlin]" or "date32[day]"."""
    if kind.startswith("date32"):
        return pc.round_temporal(moments, unit="day").cast(pa.date32())
    found = re.fullmatch(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]", kind)
    if found is None:
        return moments
    unit: Any = found[1]
    if found[2]:
        moments = pc.assume_timezone(moments, "UTC").cast(pa.timestamp("us", found[2]))
    try:
        return moments.cast(pa.timestamp(unit, found[2]), safe=False)
    except pa.ArrowInvalid:
        return moments


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_null)
    return any(check(kind) for check in checks)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_moment(kind: pa.DataType) -> bool:
    """Whether a column of this type holds dates, times or durations."""
    return pa.types.is_temporal(kind) and not pa.types.is_interval(kind)

"""Rows of a table as JSON: checked cell by cell against the columns of a model, so that each has one clear message."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import pyarrow as pa

from isthmus.data.schema.categories import category_text
from isthmus.data.schema.column import Column, is_moment, is_number, is_text
from isthmus.data.schema.texts import ISO
from isthmus.data.tables import NAME
from isthmus.errors import DataError, nearest, renamed
from isthmus.formatting import listed
from isthmus.trained import TrainedModel
from isthmus.trained.rows import label_column, named_schema

Cell = float | bool | str | None
ARROW = {"number": pa.float64(), "boolean": pa.bool_()}
"""The types of columns made of JSON; all others are text."""
SHOWN = 5
"""The most categories that a message lists."""


@dataclass(frozen=True)
class _Field:
    """A column that a model takes: what it accepts, and how a cell is converted.

    known: the names of its categories.
    """

    column: Column
    known: Collection[str] = ()

    def cell(self, value: Any) -> Cell:
        """A JSON value as the cell of an Arrow column.

        Raises:
            ValueError: it isn't one; the message says what is expected.
        """
        kind = self.column.kind
        if value is None:
            return None
        if kind == "number":
            if type(value) is float or type(value) is int:
                return float(value)
            raise ValueError("expected a number or null")
        if kind == "boolean":
            if value is True or value is False:
                return value
            raise ValueError("expected true, false or null")
        if kind == "category":
            if isinstance(value, str | int | float):
                return self.category(category_text(value))
            raise ValueError("expected a category or null")
        if isinstance(value, str) and self._reads(value):
            return value
        form = f" of the form {self.column.form}" if self.column.form else ""
        raise ValueError(f"expected a {kind}{form} as text, or null")

    def _reads(self, text: str) -> bool:
        """Whether a text can be a date of the column's form; the model's reader has the last word."""
        form = self.column.form
        try:
            if self.column.kind == "date" and form == ISO:
                datetime.fromisoformat(text)
            elif self.column.kind == "date" and "%" in form:
                datetime.strptime(text, form)  # its zone doesn't matter
        except ValueError:
            return False
        return True

    def category(self, text: str) -> str | None:
        """The name of a category, None if it stands for a missing one."""
        if text in self.known:
            return text
        if text in self.column.absent:
            return None
        known = list(self.known)
        some = ", ".join(map(repr, known[:SHOWN]))
        more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
        raise ValueError(f"the model does not know this category; it knows {some}{more}")


@dataclass(frozen=True)
class TableRows:
    """The columns of a model of tables, by which rows are read.

    fields: of the columns that it takes, in order. optional: names of other columns of the training data, which are
    ignored. label: the column with the condition of a conditional model, which is then needed.
    """

    fields: tuple[_Field, ...]
    optional: frozenset[str]
    label: str | None = None

    @classmethod
    def of(cls, run: TrainedModel) -> Self | None:
        """Those of a run; None if its samples are no rows with named columns."""
        schema = named_schema(run)
        if schema is None:
            return None
        said = run.description
        known: dict[str, Sequence[str]] = dict(
            zip(said.get("columns") or (), said.get("categories") or (), strict=False)
        )
        fields = tuple(_Field(column, tuple(known.get(column.name) or ())) for column in schema.used)
        options = said.get("options") or {}
        others = {column.name for column in schema.columns} | set(options.get("exclude") or ()) | {NAME}
        others |= {str(options[name]) for name in ("label", "id") if options.get(name) is not None}
        names = {one.column.name for one in fields}
        return cls(fields, frozenset(others - names), label_column(run))

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that a row needs, in order."""
        named = tuple(one.column.name for one in self.fields)
        return named if self.label is None else (*named, self.label)

    def cells(self, rows: Sequence[Any]) -> list[list[Cell]]:
        """The columns of rows, each an object by column name or a list in the order of `names`.

        Raises:
            DataError: a row lacks a column or has an unknown one, or a cell can't be read; the message names both.
        """
        names, count = self.names, len(self.names)
        needed = set(names)
        columns: list[list[Cell]] = [[] for _ in names]
        for number, row in enumerate(rows):
            if isinstance(row, Mapping):
                if row.keys() != needed:
                    self._check_names(row.keys(), f"Row {number}")
                values = [row[name] for name in names]
            elif isinstance(row, list):
                if len(row) != count:
                    raise DataError(
                        f"Row {number} has {len(row)} values: expected {count}, one for each of the columns "
                        f"{listed(list(names))}."
                    )
                values = row
            else:
                raise DataError(f"Row {number} is {row!r:.40}: expected an object by column name, or a list of values.")
            place = 0
            try:
                for place, one in enumerate(self.fields):
                    columns[place].append(one.cell(values[place]))
                if self.label is not None:
                    columns[-1].append(None if values[-1] is None else category_text(values[-1]))
            except (ValueError, OverflowError) as error:
                why = error if isinstance(error, ValueError) else "expected a number that fits into 64 bits"
                raise DataError(f"Row {number}, column {names[place]!r}: {values[place]!r:.60}: {why}.") from None
        return columns

    def table(self, columns: Sequence[Sequence[Cell]]) -> pa.Table:
        """The columns of `cells` as an Arrow table."""
        kinds = [ARROW.get(one.column.kind, pa.string()) for one in self.fields]
        kinds += [] if self.label is None else [pa.string()]
        arrays = [pa.array(cells, kind) for cells, kind in zip(columns, kinds, strict=True)]
        return pa.table(arrays, names=list(self.names))

    def check(self, table: pa.Table) -> None:
        """Raise DataError unless an Arrow table has the columns of the model, with cells that it knows."""
        self._check_names(table.column_names, "The table")
        fits: dict[str, Callable[[pa.DataType], bool]] = {"number": is_number, "boolean": is_number}
        for one in self.fields:
            name, kind = one.column.name, table.schema.field(one.column.name).type
            if one.column.kind == "category":
                for value in table[name].unique().to_pylist():
                    try:
                        one.cell(value)
                    except ValueError as error:
                        raise DataError(f"Column {name!r}: {value!r:.60}: {error}.") from None
            elif not fits.get(one.column.kind, lambda kind: is_moment(kind) or is_text(kind))(kind):
                raise DataError(f"Column {name!r} has values of type {kind}: expected a {one.column.kind}.")

    def _check_names(self, given: Collection[str], called: str) -> None:
        names = self.names
        if unknown := [name for name in given if name not in names and name not in self.optional]:
            raise DataError(
                f"{called} has the unknown column{'s' * (len(unknown) > 1)} {listed(list(map(repr, unknown)))}. "
                f"{nearest(unknown[0], names)}"
            )
        if missing := [name for name in names if name not in given]:
            raise DataError(
                f"{called} lacks the column{'s' * (len(missing) > 1)} {listed(list(map(repr, missing)))}. "
                f"{renamed(missing, [name for name in given if name not in names])} A missing value is null."
            )

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of a row."""
        cells = {one.column.name: _cell_schema(one) for one in self.fields}
        if self.label is not None:
            cells[self.label] = {"type": ["string", "integer"], "description": "the class"}
        by_name = {
            "type": "object",
            "title": "by column name",
            "properties": cells,
            "required": list(self.names),
            "additionalProperties": False,
        }
        count = len(self.names)
        in_order = {
            "type": "array",
            "title": "in the order of the columns",
            "prefixItems": list(cells.values()),
            "minItems": count,
            "maxItems": count,
        }
        return {"oneOf": [by_name, in_order]}


def _cell_schema(field: _Field) -> dict[str, Any]:
    kind = field.column.kind
    if kind == "number":
        return {"type": ["number", "null"], "minimum": -1e30, "maximum": 1e30}
    if kind == "boolean":
        return {"type": ["boolean", "null"]}
    if kind == "category":
        return {"enum": [*field.known, None]}
    text: dict[str, Any] = {"type": ["string", "null"]}
    if kind == "date" and field.column.form == ISO:
        return text | {"format": "date-time"}
    return text | {"description": f"a {kind}{f' of the form {field.column.form}' * bool(field.column.form)}"}

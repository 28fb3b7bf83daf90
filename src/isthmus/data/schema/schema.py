"""A schema: the columns of a table, and the way back from a model's numbers to the table."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from isthmus.data.options import Options
from isthmus.data.schema.categories import decode
from isthmus.data.schema.column import Column
from isthmus.errors import DataError


class Schema(BaseModel):
    """The columns of a table, in their order, with those that a model doesn't learn from.

    named: whether the columns have names of their own; otherwise they are numbered from 0.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    columns: tuple[Column, ...]
    named: bool = True

    @functools.cached_property
    def used(self) -> tuple[Column, ...]:
        """The columns that a model learns from."""
        return tuple(column for column in self.columns if column.used)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that a model learns from."""
        return tuple(column.name for column in self.used)

    @functools.cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the numbers that a model gets."""
        return tuple(name for column in self.used for name in column.features)

    @property
    def exact(self) -> bool:
        """Whether the numbers need float64."""
        return any(column.exact for column in self.used)

    def replace(self, columns: tuple[Column, ...]) -> Self:
        """The same schema with other columns."""
        return type(self)(columns=columns, named=self.named)

    def coded(self, options: Options, like: Mapping[str, Any] | None) -> Self:
        """The schema with the cells that `na_values=` gives in addition for new data."""
        if not options.na_values or options.forgives("na_values", like) or options.na_values == ("none",):
            return self
        added = options.na_values
        return self.replace(tuple(c.replace(missing=(*c.missing, *added)) for c in self.columns))

    @functools.cached_property
    def firsts(self) -> dict[int, Column]:
        """The columns by the place of their first feature."""
        places = np.cumsum([0, *(len(column.features) for column in self.used)]).tolist()
        return dict(zip(places, self.used, strict=False))

    def within(self, low: np.ndarray) -> Self:
        """The schema without lower bounds that are above the least values, (features,), of all rows."""
        above = {
            column.name
            for place, column in self.firsts.items()
            if column.lower is not None and not low[place] >= column.lower
        }
        return self.replace(tuple(c.replace(lower=None) if c.name in above else c for c in self.columns))

    def to_json(self) -> dict[str, Any]:
        """The schema as JSON data; fields at their defaults are left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, said: Any) -> Self:
        """The schema from the data of `to_json`.

        Raises:
            DataError: it isn't a schema.
        """
        try:
            return cls.model_validate(said)
        except ValidationError as error:
            raise DataError(f"{said!r:.80} does not describe the columns of a table.") from error

    def told(self, place: int, value: float) -> str | None:
        """A number of a feature for people, if it stands for a date, a time, a duration, or true and false."""
        found = self.written(place, np.array([value]))
        return None if found is None else found[0]

    def written(self, place: int, values: np.ndarray) -> list[str] | None:
        """(N,) numbers of a feature as `told`; None for a number and a category."""
        column = self.firsts.get(place)
        if column is None or column.kind in ("number", "category"):
            return None
        return list(map(str, column.decode(values).to_pylist()))

    def possible(self, values: np.ndarray) -> np.ndarray:
        """(N, features) the values nearest to these that the columns can hold (`Column.possible`)."""
        made = np.array(values)
        for first, column in self.firsts.items():
            own = slice(first, first + len(column.features))
            made[:, own] = column.possible(made[:, own])
        return made

    def table(self, values: np.ndarray, categories: Sequence[Sequence[str]] = ()) -> pa.Table:
        """(N, features) numbers as a table of the used columns in their source's types.

        categories: the names of each feature's categories, as in `Samples`.
        """
        arrays = []
        for place, column in self.firsts.items():
            own, names = values[:, place], categories[place] if categories else ()
            arrays.append(decode(own, names) if names else column.decode(own))
        return pa.table(arrays, names=list(self.names))


def schema_of(like: Mapping[str, Any] | None) -> Schema | None:
    """The schema of the tables that a model takes, from the description of its data; None for other data."""
    if like is None:
        return None
    if like.get("schema"):
        return Schema.from_json(like["schema"])
    columns = like.get("columns") or ()
    if not columns:
        return None
    categories = like.get("categories") or [()] * len(columns)  # a run of before schemas
    return Schema(columns=tuple(_plain(zip(columns, categories, strict=True))))


def _plain(columns: Iterable[tuple[str, Sequence[str]]]) -> Iterable[Column]:
    return (Column(name=name, kind="category" if names else "number") for name, names in columns)

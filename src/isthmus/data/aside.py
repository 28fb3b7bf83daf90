"""Aside: the facts about rows that are not learnt: their time stamps and the group that each belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from isthmus.errors import DataError


@dataclass(frozen=True, eq=False)
class Aside:
    """The time stamps and groups of rows, which are not among their values.

    times: (rows,) datetime64[ns] in UTC, or float64; NaT or NaN where missing; None if the rows have no time stamps.
    time: the name of their column. zone: in which dates and times are shown, such as "Europe/Vienna"; "" if unknown.
    groups: (rows,) int64, indices into `group_names`; or None. group: the name of their column.
    table: the two columns as they were given, as an Arrow table, for written files; or None.
    """

    times: np.ndarray | None = None
    time: str = ""
    zone: str = ""
    groups: np.ndarray | None = None
    group: str = ""
    group_names: tuple[str, ...] = ()
    table: Any = None

    def before(self, table: Any) -> Any:
        """An Arrow table of the same rows with the columns of time stamps and groups before its own."""
        if self.table is not None:
            for place, name in enumerate(self.table.column_names):
                table = table.add_column(place, name, self.table[name])
        return table

    def updated(self, other: "Aside") -> Self:
        """These facts, with those of `other` in place of the ones that it has."""
        empty = Aside()
        given = {name: value for name, value in vars(other).items() if value is not getattr(empty, name)}
        return replace(self, **given)


def aside_of_memory(time: Any, groups: Any, count: int, called: str) -> Aside:
    """The facts about values in memory.

    time, groups: (count,) values each, or None.

    Raises:
        DataError: there are more or fewer of them, or the times are neither dates nor numbers.
    """
    found = Aside()
    for name, given in (("time", time), ("groups", groups)):
        if given is not None and (np.ndim(given) != 1 or len(given) != count):
            raise DataError(
                f"{name}= has the shape {np.shape(given)}, but {called} has {count} rows: expected one value for each. "
                "For a table, you can also give the name of a column."
            )
    if time is not None:
        found = replace(found, times=_times(np.asarray(time), called), time="time")
    if groups is not None:
        numbers, names = numbered(np.asarray(groups))
        found = replace(found, groups=numbers, group="group", group_names=names)
    return found


def stacked(tables: Sequence[Any], files: np.ndarray) -> Any:
    """The Arrow tables of several files below each other, with a first column "file"."""
    import pyarrow as pa  # noqa: PLC0415  it takes 40 MB that arrays don't need

    file = pa.table({"file": files})
    if any(table is None for table in tables):
        return file
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowInvalid:  # the files write their times in different ways
        return file
    return joined if "file" in joined.column_names else joined.add_column(0, "file", file["file"])


def numbered(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """(rows,) values of any type as the numbers of their different ones, in order, and these as text."""
    try:
        different, numbers = np.unique(values, return_inverse=True)
    except TypeError:  # of several types, or None among text
        different, numbers = np.unique(
            np.array(["" if one is None else str(one) for one in values]), return_inverse=True
        )
    return numbers.reshape(-1).astype(np.int64), tuple(map(str, different.tolist()))


def _times(given: np.ndarray, called: str) -> np.ndarray:
    if given.dtype.kind in "iuf":
        return given.astype(np.float64)
    try:
        return given.astype("datetime64[ns]")
    except (ValueError, TypeError) as error:
        said = " ".join(str(error).split())[:80]
        raise DataError(
            f"The times of {called} can't be read ({said}): expected numbers, or dates and times as ISO text, such as "
            "2024-03-01 10:00."
        ) from error

"""Categories: columns of a table whose values are names, as numbers, and as names again."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from isthmus.data.options import AUTO, Options
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

MOST = 1000
"""Categories of one column; more are taken for names or sentences."""
ALIKE, FEW = 0.9, 20
"""Where more than this share of so many rows or more each have a category of their own, it names rows."""
ABSENT = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")
"""Cells of text that are no category, but say that there is none."""


def categorical_columns(
    table: pa.Table, wanted: Sequence[str], options: Options, like: Mapping[str, Any] | None
) -> dict[str, tuple[str, ...]]:
    """The wanted columns that hold categories, and what these are called, where a model knows them; else ()."""
    if like is not None and like.get("categories"):
        known = dict(zip(like["columns"], map(tuple, like["categories"]), strict=True))
        return {name: known[name] for name in wanted if known.get(name)}
    if options.categorical == AUTO:
        return {name: () for name in wanted if _names_things(table[name].type)}
    return {name: () for name in wanted if name in options.categorical}


def encode(table: pa.Table, name: str, known: tuple[str, ...], source: str, *, kept: bool) -> tuple[np.ndarray, tuple]:
    """(rows,) float32 numbers of a named column's categories, NaN where there is none, and what they are called.

    known: the names, by number; () takes those that are there, by the alphabet, numbers by their size.
    kept: whether a name that is unknown is taken, with a remark: its number is then one past the last that is known.

    Raises:
        DataError: there are no categories, too many, or unknown ones that aren't taken.
    """
    values, called = values_of(table[name]), f"Column {name!r} of {source}"
    there = [value for value in dict.fromkeys(values) if value is not None and value not in ABSENT]
    ordered = known or tuple(map(_text, sorted(there)))
    if not 1 <= len(ordered) <= MOST:
        raise DataError(
            f"{called} has {len(ordered)} categories: expected 1 to {MOST}. Leave it out with exclude=, or, "
            "if it holds numbers, don't name it in categorical=."
        )
    number = {one: place for place, one in enumerate(ordered)}
    names = [None if value is None or value in ABSENT else _text(value) for value in values]
    rows = sum(one is not None for one in names)
    if not known and rows >= FEW and len(ordered) > ALIKE * rows:
        remark(
            f"{called} has {len(ordered)} categories in {rows} rows: it tells rows apart, and there is hardly anything "
            f"to learn from it. Leave it out with exclude={name!r}."
        )
    strange = sorted({one for one in names if one is not None and one not in number})
    if strange:
        some, instead = listed(list(map(repr, strange)), most=3), ", ".join(map(repr, ordered[:5]))
        what = f"{called} holds {some}, which the model does not know (but {instead})"
        if not kept:
            raise DataError(f"{what}. Change them, or say missing='keep' to take them for unknown.")
        remark(f"{what}: taken for unknown, which counts as wrong.")
    past = len(ordered)
    return np.array([np.nan if one is None else number.get(one, past) for one in names], np.float32), ordered


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; of one that is packed as a dictionary, each name is in memory once."""
    if not pa.types.is_dictionary(column.type):
        return column.to_pylist()
    found: list[Any] = []
    for chunk in column.chunks:
        names = [*chunk.dictionary.to_pylist(), None]
        found += [names[-1 if place is None else place] for place in chunk.indices.to_pylist()]
    return found


def decode(numbers: np.ndarray, names: Sequence[str]) -> pa.Array:
    """The names of (rows,) numbers, rounded to the nearest there is; nothing where a number is NaN or unknown."""
    missing = np.isnan(numbers) | (numbers >= len(names))
    places = np.where(missing, 0, numbers).round().clip(0, len(names) - 1).astype(np.int32)
    return pa.array(np.asarray(names, dtype=object)[places], pa.string(), mask=missing)


def _names_things(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_boolean)
    return any(check(kind) for check in checks)


def _text(value: Any) -> str:
    """As a cell of a text table has it: true and false as Arrow writes them, whole numbers without a point."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

"""Categories: table columns of names, encoded as numbers and decoded to names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from isthmus.data.options import AUTO, Options
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

MOST = 1000
"""The largest number of categories in a column; a column with more holds names or sentences."""
ALIKE, FEW = 0.9, 20
"""A column of FEW rows or more identifies rows if its categories exceed this share (ALIKE) of them."""
ABSENT = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")
"""Text cells that mean a missing category."""


def categorical_columns(
    table: pa.Table, wanted: Sequence[str], options: Options, like: Mapping[str, Any] | None
) -> dict[str, tuple[str, ...]]:
    """The wanted columns that hold categories, with the categories' names if a model has them, else ()."""
    if like is not None and like.get("categories"):
        known = dict(zip(like["columns"], map(tuple, like["categories"]), strict=True))
        return {name: known[name] for name in wanted if known.get(name)}
    if options.categorical == AUTO:
        return {name: () for name in wanted if _names_things(table[name].type)}
    return {name: () for name in wanted if name in options.categorical}


def encode(table: pa.Table, name: str, known: tuple[str, ...], source: str, *, kept: bool) -> tuple[np.ndarray, tuple]:
    """(rows,) float32 numbers of a column's categories, NaN for a missing one, and the categories' names.

    known: the names, by number; () uses the names in the column, in alphabetical or numerical order.
    kept: whether an unknown name is accepted, with a remark; its number is then one past the last known one.

    Raises:
        DataError: there are no categories, too many, or unknown ones that aren't accepted.
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
            f"{called} has {len(ordered)} categories in {rows} rows: it identifies rows, so there is hardly anything "
            f"to learn from it. Leave it out with exclude={name!r}."
        )
    strange = sorted({one for one in names if one is not None and one not in number})
    if strange:
        some, instead = listed(list(map(repr, strange)), most=3), ", ".join(map(repr, ordered[:5]))
        fault = f"{called} contains {some}, which the model does not know (it knows {instead})"
        if not kept:
            raise DataError(f"{fault}. Change them, or set missing='keep' to treat them as unknown.")
        remark(f"{fault}. They are treated as unknown and count as wrong.")
    past = len(ordered)
    return np.array([np.nan if one is None else number.get(one, past) for one in names], np.float32), ordered


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; for a dictionary-encoded column, each name is in memory once."""
    if not pa.types.is_dictionary(column.type):
        return column.to_pylist()
    found: list[Any] = []
    for chunk in column.chunks:
        names = [*chunk.dictionary.to_pylist(), None]
        found += [names[-1 if place is None else place] for place in chunk.indices.to_pylist()]
    return found


def decode(numbers: np.ndarray, names: Sequence[str]) -> pa.Array:
    """The names of (rows,) numbers, rounded to the nearest category; null if a number is NaN or unknown."""
    missing = np.isnan(numbers) | (numbers >= len(names))
    places = np.where(missing, 0, numbers).round().clip(0, len(names) - 1).astype(np.int32)
    return pa.array(np.asarray(names, dtype=object)[places], pa.string(), mask=missing)


def _names_things(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_boolean)
    return any(check(kind) for check in checks)


def _text(value: Any) -> str:
    """The value as text in a table: true and false as Arrow writes them, whole numbers without a point."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

"""Categories: table columns of names, encoded as numbers and decoded to names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from isthmus.data.schema.column import Column
from isthmus.errors import DataError, remark
from isthmus.formatting import listed
from isthmus.plain import reads_as_number

MOST = 1000
"""The largest number of categories in a column; a column with more holds names or sentences."""
ALIKE, FEW = 0.9, 20
"""A column of FEW rows or more identifies rows if its categories exceed this share (ALIKE) of them."""


def encode(
    column: pa.ChunkedArray, like: Column, known: tuple[str, ...], source: str, *, kept: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(rows,) float32 numbers of a column's categories, NaN for a missing one, and the categories' names.

    like: the column's name, and its cells that mean a missing category.
    known: the names, by number; () uses the names in the column, in alphabetical or numerical order.
    kept: whether an unknown name is accepted, with a remark; its number is then one past the last known one.

    Raises:
        DataError: there are no categories, too many, or unknown ones that aren't accepted.
    """
    called, absent = f"Column {like.name!r} of {source}", set(like.absent)
    values, places = coded(column)
    given = [None if value is None else category_text(value) for value in values]
    given = [None if text in absent else text for text in given]
    used = np.bincount(places[places >= 0], minlength=len(given)) > 0
    there = {
        text: value for text, value, is_used in zip(given, values, used, strict=True) if text is not None and is_used
    }
    numeric = all(isinstance(value, int | float) for value in there.values())
    ordered = known or tuple(sorted(there, key=there.__getitem__ if numeric else None))
    if not 1 <= len(ordered) <= MOST:
        raise DataError(
            f"{called} has {len(ordered)} categories: expected 1 to {MOST}. Leave it out with exclude={like.name!r}, "
            "or, if it holds numbers, don't name it in categorical=."
        )
    number = {one: place for place, one in enumerate(ordered)}
    unknown = sorted(text for text in there if text not in number)
    if unknown and len(unknown) == len(there) and numeric and not any(map(reads_as_number, ordered)):
        raise DataError(
            f"{called} has values of type {column.type}: expected categories such as {ordered[0]!r}, as in the model's "
            "training. Convert the column first."
        )
    if unknown:
        some, instead = listed(list(map(repr, unknown)), most=3), ", ".join(map(repr, ordered[:5]))
        fault = f"{called} contains {some}, which the model does not know (it knows {instead})"
        if not kept:
            raise DataError(f"{fault}. Change them, or set missing='keep' to treat them as unknown.")
        remark(f"{fault}. They are treated as unknown and count as wrong.")
    past = len(ordered)
    numbers = np.array([np.nan if text is None else number.get(text, past) for text in given] + [np.nan], np.float32)
    return numbers[places], ordered


def coded(column: pa.ChunkedArray) -> tuple[list[Any], np.ndarray]:
    """The different values of a column, and (rows,) the place of each row's value, -1 for none."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries()
    if not coded.num_chunks:
        return [], np.empty(0, np.int64)
    values = coded.chunk(0).dictionary.to_pylist()
    places = [
        np.asarray(chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False))
        for chunk in coded.chunks
    ]
    return values, np.concatenate(places)


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; for a dictionary-encoded column, each name is in memory once."""
    if not pa.types.is_dictionary(column.type):
        return column.to_pylist()
    values, places = coded(column)
    values = [*values, None]
    return [values[place] for place in places.tolist()]


def decode(numbers: np.ndarray, names: Sequence[str]) -> pa.Array:
    """The names of (rows,) numbers, rounded to the nearest category; null if a number is NaN or unknown."""
    missing = np.isnan(numbers) | (numbers >= len(names))
    places = np.where(missing, 0, numbers).round().clip(0, len(names) - 1).astype(np.int32)
    return pa.array(np.asarray(names, dtype=object)[places], pa.string(), mask=missing)


def category_text(value: Any) -> str:
    """The value as text in a table: true and false as Arrow writes them, whole numbers without a point."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()

"""Cells of tables that hold whole samples: lists, tensors and texts to arrays, and back."""

from typing import Any

import numpy as np
import pyarrow as pa

from isthmus.errors import DataError


def values_of(column: pa.ChunkedArray, called: str) -> Any:
    """A column of N samples as (N, …) numbers, or as a list of N texts.

    Raises:
        DataError: its cells are no lists or tensors of equal shapes and no texts, or some are missing.
    """
    cells: Any = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if cells.null_count:
        raise DataError(
            f"Column {called!r} has {cells.null_count} missing samples: expected none. Leave these rows out."
        )
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        return cells.to_pylist()
    if isinstance(cells, pa.FixedShapeTensorArray):
        return cells.to_numpy_ndarray()
    if isinstance(cells, pa.ExtensionArray):  # Ray's own tensors
        made = cells.to_numpy(zero_copy_only=False)
        if made.dtype != object:
            return made
    else:
        made = _nested(cells, called)
        if made is not None:
            return made
    raise DataError(f"Column {called!r} has cells of type {cells.type}: expected lists or tensors of numbers, or text.")


def lists_of(values: np.ndarray) -> pa.Array:
    """(N, …) numbers as N nested lists."""
    made: Any = pa.array(np.ascontiguousarray(values).reshape(-1))
    for size in reversed(values.shape[1:]):
        made = pa.ListArray.from_arrays(np.arange(0, len(made) + 1, size, dtype=np.int32), made)
    return made


def _nested(cells: Any, called: str) -> np.ndarray | None:
    """N nested lists of equal lengths as (N, …) numbers; None for other cells."""
    shape = [len(cells)]
    while pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type) or pa.types.is_fixed_size_list(cells.type):
        flat = cells.flatten()
        size, left = divmod(len(flat), max(1, len(cells)))
        lengths = cells.value_lengths() if not pa.types.is_fixed_size_list(cells.type) else None
        if left or (lengths is not None and lengths.unique().to_pylist() != [size]):
            raise DataError(f"Column {called!r} has samples of different lengths: expected equal ones.")
        shape.append(size)
        cells = flat
    number = pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_boolean(cells.type)
    return cells.to_numpy(zero_copy_only=False).reshape(shape) if len(shape) > 1 and number else None

"""Nested columns of Arrow tables: structures and lists of numbers become plain columns."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WIDEST = 2**14
"""The largest number of columns that one column of lists becomes."""


def plain_columns(table: pa.Table) -> pa.Table:
    """The same table with each column of structures, or of lists of one length of numbers, as several columns.

    Their names are those of the column and of the field, or the place in the list: `size.width`, `vector.0`.
    """
    if not any(pa.types.is_nested(field.type) for field in table.schema):
        return table
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    names: list[str] = []
    columns: list[Any] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        spread = _spread(column) if _is_list(column.type) else None
        names += [name] if spread is None else [f"{name}.{place}" for place in range(len(spread))]
        columns += [column] if spread is None else spread
    return pa.table(columns, names=names, metadata=table.schema.metadata) if columns else table


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _spread(column: pa.ChunkedArray) -> list[pa.Array] | None:
    """The columns of a column of lists of numbers of one length; None if it is no such column."""
    kind = column.type.value_type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)) or column.null_count:
        return None
    lengths = pc.unique(pc.list_value_length(column)).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
    if len(lengths) != 1 or not 1 <= lengths[0] <= WIDEST:
        return None
    flat = pc.list_flatten(column).combine_chunks()  # pyright: ignore[reportAttributeAccessIssue]
    values = flat.to_numpy(zero_copy_only=False).reshape(len(column), lengths[0])
    return [pa.array(np.ascontiguousarray(one)) for one in values.T]

"""Data frames: results as tables of the library that the samples came from."""

import importlib
from collections.abc import Sized
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.data.tables import without_index
from isthmus.data.write import table_of

pc: Any = compute  # which makes its functions when it is imported


def framed(values: Tensor, source: Any, samples: Samples | None = None, like: dict[str, Any] | None = None) -> Any:
    """(N, ...) numbers that were made of a data frame, as a data frame with its index.

    samples: those of the source, whose unused columns the result gets too. like: the description of a model's data, for
    numbers of its shape; other numbers, such as codes, get the columns z0, z1, ….
    """
    return as_frame(table_of(values.numpy(), like, unused=None if samples is None else samples.unused), source)


def framed_filled(filled: Tensor, source: Any, samples: Samples, like: dict[str, Any]) -> Any:
    """(N, D) filled rows of a data frame, as a data frame whose known numbers are those of the source, bit for bit.

    A column of whole numbers keeps its type if the filled numbers are whole, too.
    """
    made = table_of(filled.numpy(), like, unused=samples.unused)
    given = without_index(pa.table(source))
    for place, name in enumerate(samples.columns):
        if name not in given.column_names or name not in made.column_names:
            continue
        own, new = given[name].combine_chunks(), made[name].combine_chunks()
        if not (_is_number(own.type) and _is_number(new.type)):
            continue
        hole = pa.array(samples.tensor()[:, place].isnan().numpy())
        fills = new.filter(hole)
        whole = pa.types.is_integer(own.type) and not pc.equal(pc.round(fills), fills).to_pylist().count(False)
        kind = own.type if whole or pa.types.is_floating(own.type) else pa.float64()
        put = pc.if_else(hole, new.cast(kind, safe=False), own.cast(kind, safe=False))
        made = made.set_column(made.column_names.index(name), name, put)
    return as_frame(made, source)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def framed_windows(values: Tensor, source: Any, samples: Samples) -> Any:
    """(N, ...) numbers that were made of the windows of a data frame, as a data frame with the windows' names."""
    return as_frame(table_of(values.numpy(), None, names=samples.names), source)


def framed_rows(table: pa.Table, source: Any) -> Any:
    """An Arrow table with the time stamps and a row for each row of a data frame, as such a frame with its index."""
    frame = as_frame(table, source)
    if isinstance(columns := getattr(source, "columns", None), Sized) and type(source).__module__.startswith("pandas"):
        return frame[[name for name in frame.columns if name in columns] or list(frame.columns)]
    return frame


def as_frame(table: pa.Table, source: Any) -> Any:
    """An Arrow table as a data frame of the same library as `source`, with its index if it has as many rows."""
    library = type(source).__module__.partition(".")[0]
    if library == "polars":
        return importlib.import_module("polars").from_arrow(table)
    if library != "pandas":
        return table
    frame: Any = table.to_pandas()
    if len(frame) == len(source):
        frame.index = source.index
    for name in set(frame.columns) & set(getattr(source, "columns", ())):
        if getattr(source[name].dtype, "name", "") == "category":
            frame[name] = frame[name].astype(source[name].dtype)
    return frame


def numbers_of(frame: Any) -> np.ndarray:
    """(N, columns) float64 numbers of a data frame, such as codes."""
    columns = without_index(pa.table(frame)).columns
    return np.column_stack([column.to_numpy() for column in columns]).astype(np.float64)

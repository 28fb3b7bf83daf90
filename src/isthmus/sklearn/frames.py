"""Frames: results as a data frame of the library that X or `set_output` names."""

import importlib
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.utils._set_output import _get_output_config

from isthmus.data.arrow_tables import arrow_table
from isthmus.data.frames import as_frame, numbers_of
from isthmus.data.schema.column import is_number
from isthmus.data.tables import without_index

LIBRARIES = ("pandas", "polars")


def as_output(frame: Any, estimator: Any) -> Any:
    """A data frame as a transformer returns it: an array if all columns are numbers, or if it is an Arrow table.

    Other data frames stay so, as one of the library that `set_output` names, if any.
    """
    table = without_index(arrow_table(frame, "the result"))
    if all(is_number(kind) for kind in table.schema.types):
        return numbers_of(frame)
    wanted, library = _get_output_config("transform", estimator)["dense"], library_of(frame)
    if wanted in LIBRARIES and wanted != library:
        return as_frame(table, importlib.import_module(wanted).DataFrame())
    if library not in LIBRARIES:
        return cells_of(table)
    return frame


def cells_of(table: pa.Table) -> np.ndarray:
    """(rows, columns) the cells of an Arrow table as objects."""
    return np.column_stack([np.array(column.to_pylist(), dtype=object) for column in table.columns])


def library_of(frame: Any) -> str:
    """The library of a data frame: "pandas", "polars" or "pyarrow"."""
    return type(frame).__module__.partition(".")[0]


def head_of(frame: Any) -> Any:
    """The data frame without its rows; it has the columns, their types, and their categories."""
    return frame[:0]


def to_bytes(head: Any) -> dict[str, Any]:
    """The head of a data frame as what can be saved without pickle."""
    table = arrow_table(head, "the data frame")
    batch = pa.RecordBatch.from_arrays([_whole(column) for column in table.columns], schema=table.schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_batch(batch)
    return {"frame_library": library_of(head), "frame_head": np.frombuffer(sink.getvalue(), np.uint8).copy()}


def of_bytes(saved: dict[str, Any]) -> Any:
    """The head of a data frame again, which is taken out of what was saved; None if there is none."""
    library, head = saved.pop("frame_library", None), saved.pop("frame_head", None)
    if library is None:
        return None
    table = pa.ipc.open_stream(head.tobytes()).read_all()
    if library == "pandas":
        return table.to_pandas()
    return as_frame(table, importlib.import_module("polars").DataFrame()) if library == "polars" else table


def _whole(column: pa.ChunkedArray) -> Any:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)

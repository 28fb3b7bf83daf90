"""Arrow tables of data frames, of arrays with fields, and of columns in memory.

Source: the Arrow PyCapsule Interface, https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from isthmus.data.arrays import as_array
from isthmus.data.datasets import column_of
from isthmus.errors import DataError
from isthmus.formatting import listed


def arrow_table(source: Any, called: str) -> pa.Table:
    """A data frame or Arrow table as an Arrow table. A pandas index stays marked.

    Raises:
        DataError: it isn't a table.
    """
    try:
        if isinstance(source, pa.Table):
            table = source
        elif hasattr(source, "iloc") and hasattr(source, "dtypes"):
            table = _of_pandas(source)
        elif hasattr(source, "__arrow_c_stream__"):
            table = pa.RecordBatchReader.from_stream(source).read_all()
        else:
            table = pa.Table.from_batches([pa.record_batch(source)])
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        said = " ".join(str(error).split())[:120]
        raise DataError(
            f"{called} is not a table of plain columns ({said}): expected a data frame. Convert it, or give an array."
        ) from error
    return table


def joined(tables: Iterable[Any], called: str, max_bytes: int) -> pa.Table:
    """The rows of several data frames or Arrow tables with equal columns, one after the other.

    Raises:
        DataError: their columns differ, or they need more than `max_bytes`.
    """
    made: list[pa.Table] = []
    for table in tables:
        made.append(arrow_table(table, called))
        if sum(one.nbytes for one in made) > max_bytes:
            raise DataError(
                f"{called} needs more than max_bytes={max_bytes} of memory. Write the tables to a folder of Parquet "
                "files and give that, or raise max_bytes."
            )
    try:
        return pa.concat_tables(made, promote_options="permissive").replace_schema_metadata()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{called} has tables of different columns ({said}): expected equal ones.") from error


def of_fields(array: np.ndarray, called: str) -> pa.Table:
    """An array with fields (structured or record array), `(N,)`, as a table with a column for each.

    A field that is an array becomes several columns.

    Raises:
        DataError: it has more axes.
    """
    if array.ndim != 1:
        raise DataError(f"{called} has fields and the shape {array.shape}: expected (N,), a row for each sample.")
    columns: dict[str, Any] = {}
    for name in array.dtype.names or ():
        field = array[name]
        if field.dtype.names:
            nested = of_fields(field, called)
            columns.update({f"{name}.{inner}": nested[inner] for inner in nested.column_names})
        elif field.ndim > 1:
            flat = field.reshape(len(field), -1)
            columns.update({f"{name}.{place}": _cells(column) for place, column in enumerate(flat.T)})
        else:
            columns[name] = _cells(field)
    return pa.table(columns)


def of_objects(array: np.ndarray) -> pa.Table:
    """An array `(N, columns)` of mixed objects or words as a table; its columns have numbers for names."""
    return pa.table({str(place): _cells(column) for place, column in enumerate(array.T)})


def of_columns(columns: Mapping[str, Any], called: str) -> pa.Table:
    """Columns by their names, of one length, as a table.

    Raises:
        DataError: a column has another length.
    """
    made = {str(name): _column(column) for name, column in columns.items()}
    lengths = {name: len(column) for name, column in made.items()}
    if len(set(lengths.values())) > 1:
        some = listed([f"{name} has {length}" for name, length in lengths.items()])
        raise DataError(f"{called} has columns of different lengths ({some}): expected a cell of each in every row.")
    return pa.table(made)


def _column(column: Any) -> Any:
    if hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
        return pa.chunked_array(column) if hasattr(column, "__arrow_c_stream__") else pa.array(column)
    if isinstance(column, list | tuple):
        return column_of(column)
    return _cells(as_array(column))


def _cells(column: np.ndarray) -> pa.Array:
    """A column of any type of NumPy; bytes are text in UTF-8."""
    if column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8", "replace")
    if column.dtype.kind in "OU":
        return column_of(column.tolist())
    if not column.dtype.isnative:
        column = column.astype(column.dtype.newbyteorder("="))
    return pa.array(np.ascontiguousarray(column))


def _of_pandas(frame: Any) -> pa.Table:
    """A pandas frame, with sparse columns filled with their zeros and columns of mixed objects as text."""
    if getattr(frame.columns, "nlevels", 1) > 1:
        names = ["/".join(str(level) for level in name if str(level)) for name in frame.columns]
        frame = frame.set_axis(names, axis=1)
    sparse = [place for place, kind in enumerate(frame.dtypes) if type(kind).__name__ == "SparseDtype"]
    if sparse:
        columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
        full = {place: columns[place].sparse.to_dense() for place in sparse}
        names = list(frame.columns)
        frame = frame.iloc[:, :0].assign(**{f"c{p}": full.get(p, column) for p, column in enumerate(columns)})
        frame = frame.set_axis(names, axis=1)
    try:
        return pa.Table.from_pandas(frame)
    except (pa.ArrowException, TypeError, ValueError):
        return _column_by_column(frame)


def _column_by_column(frame: Any) -> pa.Table:
    """A pandas frame whose columns of mixed objects, such as 1 and "a", are text."""
    columns = []
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        try:
            made = pa.Array.from_pandas(column)
        except (pa.ArrowException, TypeError, ValueError):
            made = pa.array([None if cell is None or cell != cell else str(cell) for cell in column])  # noqa: PLR0124
        columns.append(made)
    return pa.table(columns, names=list(map(str, frame.columns)))

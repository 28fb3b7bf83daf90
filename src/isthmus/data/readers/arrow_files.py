"""Arrow files: Feather and Arrow IPC (files and streams), and ORC."""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import feather, ipc, orc

from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.tables import check_columns, explained, from_arrow, in_pieces
from isthmus.errors import DataError

FILE, OLD = b"ARROW1", b"FEA1"


def read_feather(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a Feather file, or an Arrow IPC file or stream (see `from_arrow`).

    Raises:
        DataError: the file is damaged, unpacks to more than the limit, or its columns don't fit.
    """
    with explained(path, "an Arrow or Feather file"):
        if _begins(path, OLD):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that this version is old
                table = feather.read_table(path, memory_map=True)
            return from_arrow(table, options, str(path), like)
        with _opened(path) as (schema, batches):
            kept, size = [], 0
            for batch in batches:
                kept.append(batch)
                size += batch.nbytes
                if size > options.max_bytes:
                    raise _too_large(path, options)
            return from_arrow(pa.Table.from_batches(kept, schema), options, str(path), like)


def feather_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[int | None, Callable[[], Iterator[Raw]]] | None:
    """The rows of such a file, `size` at a time; None for a file of Feather's first version."""
    if _begins(path, OLD):
        return None

    def pieces() -> Iterator[Raw]:
        with explained(path, "an Arrow or Feather file"), _opened(path) as (_, batches):
            yield from in_pieces(_sliced(batches, size), options, str(path), like)

    return None, pieces


def read_orc(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read an ORC file (see `from_arrow`).

    Raises:
        DataError: the file is damaged, unpacks to more than the limit, or its columns don't fit.
    """
    with explained(path, "an ORC file"):
        file = orc.ORCFile(path)
        check_columns(len(file.schema), str(path))
        if 4 * file.nrows * len(file.schema) > options.max_bytes:
            raise _too_large(path, options)
        return from_arrow(file.read(), options, str(path), like)


def orc_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[int, Callable[[], Iterator[Raw]]]:
    """The number of rows of an ORC file, and the rows, at most `size` at a time."""
    with explained(path, "an ORC file"):
        count = orc.ORCFile(path).nrows

    def pieces() -> Iterator[Raw]:
        with explained(path, "an ORC file"):
            file = orc.ORCFile(path)
            stripes = (file.read_stripe(stripe) for stripe in range(file.nstripes))
            yield from in_pieces(_sliced(stripes, size), options, str(path), like)

    return count, pieces


def _sliced(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    return (batch.slice(start, size) for batch in batches for start in range(0, batch.num_rows, size))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The schema and the batches of an Arrow file or stream, which is mapped into memory."""
    with pa.memory_map(str(path)) as content:
        if _begins(path, FILE):
            file = ipc.open_file(content)
            check_columns(len(file.schema), str(path))
            yield file.schema, (file.get_batch(number) for number in range(file.num_record_batches))
        else:
            stream = ipc.open_stream(content)
            check_columns(len(stream.schema), str(path))
            yield stream.schema, iter(stream)


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _too_large(path: Path, options: Options) -> DataError:
    return DataError(
        f"{path} unpacks to more than max_bytes={options.max_bytes}. If you trust it, raise max_bytes, or choose "
        "columns and write them to another file."
    )

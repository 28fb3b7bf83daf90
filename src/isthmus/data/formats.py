"""Formats: writing samples in each format, a piece at a time. The file appears when it is complete."""

import contextlib
import gzip
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy
from pyarrow import csv as arrow_csv

from isthmus.data.cells import guarded
from isthmus.data.idx import write_idx
from isthmus.data.media import Medium, Recording
from isthmus.data.picture_formats import WRITTEN as PICTURES
from isthmus.data.write_pictures import write_file, write_folder, write_picture, write_zip
from isthmus.data.write_sound import write_recording, write_recordings
from isthmus.data.write_tables import WRITERS
from isthmus.errors import DataError
from isthmus.extras import needs
from isthmus.plain import utf8
from isthmus.storage.files import whole_file

WriteAll = Callable[[Path, np.ndarray, Sequence[str]], None]
Write = Callable[[Any, Sequence[str]], None]
"""Takes a piece, as a table or an array, and its samples' names."""

PARQUET = (".parquet", ".pq")
DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": " "}
TABLES = (".csv", ".tsv", ".parquet", ".pq", *WRITERS)
"""Tables that have names of columns."""
GROUP_ROWS, GROUP_BYTES = 2**15, 2**23
"""Rows, or bytes, of a table that are written together: each column of a group costs as much as a thousand rows."""


@contextlib.contextmanager
def write_npy(path: Path, count: int | None) -> Iterator[Write]:
    """One array. Its header has the number of samples, so it is rewritten at the end, in the same number of bytes."""
    with whole_file(path) as beside, beside.open("wb") as file:
        written, first = 0, np.empty(0)

        def header() -> None:
            about = {"descr": npy.dtype_to_descr(first.dtype), "fortran_order": False}
            file.seek(0)
            npy.write_array_header_1_0(file, {**about, "shape": (written, *first.shape[1:])})

        def write(array: np.ndarray, names: Sequence[str]) -> None:
            nonlocal written, first
            if not written:
                first = array[:0]
                header()
            _check_same(path, first, array)
            file.write(np.ascontiguousarray(array).data)
            written += len(array)

        yield write
        if written:
            header()


@contextlib.contextmanager
def write_table(suffix: str, path: Path, count: int | None) -> Iterator[Write]:
    """Tables. The first piece defines the file's columns. In text, no cell is a formula (see `guarded`)."""
    with whole_file(path) as beside, contextlib.ExitStack() as stack:
        writer: Any = None
        waiting: list[pa.Table] = []

        def opened(schema: pa.Schema) -> Callable[[pa.Table], Any]:
            if suffix in WRITERS:
                return stack.enter_context(WRITERS[suffix](beside, schema))
            if suffix in PARQUET:
                repeating: Any = _repeating(schema)  # which Arrow takes, but does not declare
                return stack.enter_context(pq.ParquetWriter(beside, schema, use_dictionary=repeating)).write_table
            options = arrow_csv.WriteOptions(
                include_header=suffix != ".txt", delimiter=DELIMITERS[suffix], quoting_style="needed"
            )
            return stack.enter_context(arrow_csv.CSVWriter(beside, schema, write_options=options)).write_table

        def write(table: pa.Table, names: Sequence[str]) -> None:
            nonlocal writer
            table = guarded(table) if suffix in DELIMITERS else table
            writer = opened(table.schema) if writer is None else writer
            waiting.append(table)
            if sum(map(len, waiting)) >= GROUP_ROWS or sum(each.nbytes for each in waiting) >= GROUP_BYTES:
                flush()

        def flush() -> None:
            writer(pa.concat_tables(waiting))
            waiting.clear()

        yield write
        if waiting:
            flush()


@contextlib.contextmanager
def write_windows(medium: Recording, suffix: str, path: Path, count: int | None) -> Iterator[Write]:
    """Windows of recordings (N, channels, length) as a table: a row for each step, with the sample's name or number."""
    with write_table(suffix, path, count) as write_rows:
        done = 0

        def write(array: np.ndarray, names: Sequence[str]) -> None:
            nonlocal done
            number, channels, length = array.shape
            called = medium.channels or tuple(f"x{channel}" for channel in range(channels))
            of_rows = list(map(utf8, names)) or np.arange(done, done + number)
            columns = [pa.array(np.repeat(of_rows, length)), pa.array(np.tile(np.arange(length), number))]
            columns += [pa.array(np.ascontiguousarray(own.ravel()), from_pandas=True) for own in array.swapaxes(0, 1)]
            write_rows(pa.table(columns, names=["sample", "step", *called]), ())
            done += number

        yield write


def _repeating(schema: pa.Schema) -> list[str]:
    """Columns with repeated values; searching floats for repetitions would take half of the writing time."""
    return [field.name for field in schema if not pa.types.is_floating(field.type)]


@contextlib.contextmanager
def write_together(write_all: WriteAll, path: Path, count: int | None) -> Iterator[Write]:
    """For formats that need all samples before they begin: the pieces are kept in memory."""
    pieces: list[np.ndarray] = []
    called: list[str] = []

    def write(array: np.ndarray, names: Sequence[str]) -> None:
        if pieces:
            _check_same(path, pieces[0], array)
        pieces.append(array)
        called.extend(names)

    with whole_file(path) as beside:
        yield write
        if pieces:
            write_all(beside, pieces[0] if len(pieces) == 1 else np.concatenate(pieces), called)


def _npz(path: Path, array: np.ndarray, names: Sequence[str]) -> None:
    arrays = {"X": array, **({"names": np.array(list(map(utf8, names)), dtype=np.str_)} if names else {})}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _npy_gz(path: Path, array: np.ndarray, names: Sequence[str]) -> None:
    with path.open("wb") as file, gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        npy.write_array(packed, np.ascontiguousarray(array), allow_pickle=False)


def _safetensors(path: Path, array: np.ndarray, names: Sequence[str]) -> None:
    from safetensors.numpy import save  # noqa: PLC0415  # other formats don't need it

    path.write_bytes(save({"X": np.ascontiguousarray(array)}))


def _hdf5(path: Path, array: np.ndarray, names: Sequence[str]) -> None:
    h5py = needs("h5py", "hdf5", "Writing HDF5 files")
    with h5py.File(path, "w") as file:
        file["X"] = array
        if names:
            file["names"] = list(map(utf8, names))


def _idx(gzipped: bool, path: Path, array: np.ndarray, names: Sequence[str]) -> None:
    write_idx(path, array[:, 0] if array.ndim == 4 and array.shape[1] == 1 else array, gzipped=gzipped)


def _joined(medium: Medium, suffix: str, path: Path, array: np.ndarray, names: Sequence[str]) -> None:
    path.write_bytes(medium.joined(array, suffix))


def _check_same(path: Path, first: np.ndarray, array: np.ndarray) -> None:
    if array.shape[1:] != first.shape[1:] or array.dtype != first.dtype:
        raise DataError(
            f"The samples for {path} differ: the first have shape {first.shape[1:]} and type {first.dtype}, later ones "
            f"{array.shape[1:]} and {array.dtype}. Give all samples one shape and type."
        )


Format = Callable[[Path, int | None], contextlib.AbstractContextManager[Write]]


def format_of(suffix: str, medium: Medium | None) -> Format | None:
    """The writer for a path with this suffix; samples of a medium have formats of their own. None if there is none."""
    if medium is None or suffix not in (*medium.suffixes, "", ".zip"):
        return FORMATS.get(suffix)
    if medium.together or isinstance(medium, Recording):
        by_step = isinstance(medium, Recording)
        whole = partial(write_windows, medium, suffix) if by_step else partial(write_together, medium.write)
        return whole if suffix in medium.suffixes else None
    if medium.recorded is not None:
        return (
            partial(write_recording, medium.recorded, suffix)
            if suffix in medium.suffixes
            else partial(write_recordings, medium.recorded, suffix == ".zip")
        )
    if suffix in medium.suffixes and medium.joins:
        return partial(write_together, partial(_joined, medium, suffix))
    if suffix in medium.suffixes:
        return partial(write_file, lambda sample: medium.file(sample, suffix))
    usual = medium.suffixes[0]
    return partial(write_zip if suffix else write_folder, encode=lambda one: medium.file(one, usual), suffix=usual)


FORMATS: dict[str, Format] = {
    ".npy": write_npy,
    ".npz": partial(write_together, _npz),
    ".npy.gz": partial(write_together, _npy_gz),
    ".safetensors": partial(write_together, _safetensors),
    **dict.fromkeys((".h5", ".hdf5"), partial(write_together, _hdf5)),
    **{suffix: partial(write_table, suffix) for suffix in (*TABLES, ".txt")},
    ".idx": partial(write_together, partial(_idx, False)),
    ".idx.gz": partial(write_together, partial(_idx, True)),
    ".zip": write_zip,
    **dict.fromkeys(PICTURES, write_picture),
    "": write_folder,
}
"""Writers by the path's suffix; "" is a folder. Each gets the path and, if known, the number of samples."""

"""Writing samples and codes in every format that can be read: atomically, at once or piece by piece."""

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from isthmus.data.containers import is_table
from isthmus.data.formats import FORMATS, TABLES, Format, format_of
from isthmus.data.media import Medium, Text
from isthmus.data.media.medium import medium_of
from isthmus.data.picture_formats import WRITTEN as PICTURES
from isthmus.data.picture_formats import format_of as picture_format
from isthmus.data.read import of_patches
from isthmus.data.samples import as_tensor
from isthmus.data.schema.categories import decode
from isthmus.data.schema.schema import schema_of
from isthmus.data.sources import IDX_NAME
from isthmus.data.tables import NAME, without_index
from isthmus.data.write_pictures import as_bytes, as_pixels, picture_file, suffix_in
from isthmus.errors import DataError, nearest
from isthmus.plain import utf8
from isthmus.storage.replacing import finish_swap


class Put(Protocol):
    """Writes a piece: `(N, ...)` values in raw units and, if there are any, the N samples' names.

    unused: an Arrow table of N rows with further columns, such as `Samples.unused`; only tables take them. after: the
    same, with columns that come after those of the values.
    """

    def __call__(
        self, values: np.ndarray | Tensor, names: Sequence[str] = (), unused: Any = None, after: Any = None
    ) -> None:
        """Write them."""
        ...


def write_samples(
    path: str | os.PathLike[str],
    values: Any,
    *,
    like: Mapping[str, Any] | None = None,
    names: Sequence[str] = (),
    columns: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write `values`, `(N, ...)` in raw units, in the format of the path's suffix. Returns the path.

    A data frame is written with its own columns, as a table.

    names: of the samples: the files' names in a folder or zip (with a new suffix), a text column "name" in a table.
    For the other arguments and the errors see `open_writer`.
    """
    if is_table(values):
        table = without_index(pa.table(values))
        return write_rows(path, table, overwrite=overwrite)
    with open_writer(path, like=like, columns=columns, count=len(values), overwrite=overwrite) as put:
        put(values, names)
    return Path(path).expanduser()


@contextlib.contextmanager
def open_writer(
    path: str | os.PathLike[str],
    *,
    like: Mapping[str, Any] | None = None,
    columns: Sequence[str] = (),
    count: int | None = None,
    overwrite: bool = False,
) -> Iterator[Put]:
    """A context with a function that writes samples a piece at a time, `put(values, names=())`; all or nothing is kept.

        with open_writer("codes.parquet") as put:
            for piece, codes in run.stream("large.parquet").through(run.encode):
                put(codes, piece.names)

    Suffixes: `.npy`, `.npy.gz`; `.npz`, `.safetensors`, `.h5` (the array is called X); with names of columns `.csv`,
    `.tsv`, `.parquet`, `.feather`, `.arrow`, `.orc`, `.xlsx`, `.json`, `.jsonl`, `.sqlite` (the table is called
    samples); `.txt` (blanks between, no names); `.idx`, `.idx.gz`; `.zip` (of PNGs); a picture such as `.png` (of one
    sample); none: a folder of PNGs. All but `.npy.gz`, `.npz`, `.safetensors`, `.h5`, `.xlsx` and IDX need no more
    memory than a piece.

    Samples of a medium (`isthmus.data.media`) are also written in its own formats: text as `.txt` or `.jsonl`, a line
    each; notes as `.mid` or `.wav`, one after the other; sound as `.wav`, `.flac` or `.ogg`, with the windows of each
    recording joined.

    like: `Data.description` of a model's data. Values of the same shape get its column names and category names, and
        become bytes if it had bytes; in pictures of 8 bits, its range of values becomes black to white.
    columns: names of the columns in a table; by default those of `like`, or x0, x1, … for values of its shape, or z0,
        z1, … for others, such as codes.
    count: the number of samples, if known: it sets the digits in the numbers of pictures without names.
    overwrite: whether to replace an existing file. A folder is only replaced if it contains nothing but pictures.

    In pictures, floats are rounded and clipped to 0..255. If the data of `like` were files of 16 bits, PNG, TIFF, PGM
    and PPM get 16 bits; if they were floats, TIFF gets floats, and a folder or zip gets TIFFs. In text, cells and names
    that a spreadsheet would treat as formulas get an apostrophe, which is removed when they are read; numbers stay
    numbers.

    Raises:
        DataError: the suffix is unknown, the path exists already, the values don't suit the format, or there are none.
        IsthmusError: the disk is full, or the place isn't writable; no partial file is left.
    """
    path = Path(path).expanduser()
    medium = medium_of(like)
    suffix, write_format = _format(path, medium)
    if medium is None and suffix in ("", ".zip") and suffix_in(suffix, like) == ".tiff":
        write_format: Any = partial(write_format, encode=partial(picture_file, suffix=".tiff"), suffix=".tiff")
    _check_free(path, overwrite, folder=suffix == "")
    empty = True
    with write_format(path, count) as write:

        def put(values: np.ndarray | Tensor, names: Sequence[str] = (), unused: Any = None, after: Any = None) -> None:
            nonlocal empty
            array = _array(values, precise=like is not None and like.get("dtype") == "float64")
            if names and len(names) != len(array):
                raise DataError(f"There are {len(names)} names for {len(array)} samples: give one for each, or none.")
            made = _as_written(array, suffix, like, columns, names, unused, path)
            if after is not None and isinstance(made, pa.Table):
                made = _joined(made, after)
            write(made, names)
            empty = False

        yield put
        if empty:
            raise DataError(f"There are no samples to write to {path}: expected at least one.")


def write_rows(path: str | os.PathLike[str], table: pa.Table, *, overwrite: bool = False) -> Path:
    """Write an Arrow table in a format of tables, or its numbers as `.npy` or `.npz`.

    Raises:
        DataError: the suffix is another one, or the path exists already.
        IsthmusError: the disk is full, or the place isn't writable; no partial file is left.
    """
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        numbers = [column for column in table.columns if pa.types.is_floating(column.type)]
        return write_samples(path, np.stack([column.to_numpy() for column in numbers], 1), overwrite=overwrite)
    if suffix not in TABLES:
        raise DataError(f"{path}: rows of a table are written as {', '.join(TABLES)} or .npy. Change the suffix.")
    _check_free(path, overwrite, folder=False)
    with FORMATS[suffix](path, len(table)) as write:
        write(table, ())
    return path


def _joined(table: pa.Table, after: pa.Table) -> pa.Table:
    """The columns of both tables; if both have a name, the columns of the second one."""
    both = dict(zip(table.column_names, table.columns, strict=True))
    for name in after.column_names:
        both.pop(name, None)
    return pa.table(both | dict(zip(after.column_names, after.columns, strict=True)))


def _as_written(
    array: np.ndarray,
    suffix: str,
    like: Mapping[str, Any] | None,
    columns: Sequence[str],
    names: Sequence[str],
    unused: Any,
    path: Path,
) -> Any:
    """The samples in the form that the format needs: a table, or an array of its shape and type."""
    if of_patches(like) and like is not None and array.ndim == 4 and array.shape[1] == like["shape"][0]:
        like = {**like, "shape": array.shape[1:]}  # whole pictures of a model of patches have any size
    if like is not None and math.prod(like["shape"]) != math.prod(array.shape[1:]):
        like = None
    if like is not None:
        array = array.reshape(len(array), *like["shape"])
    medium = medium_of(like)
    if medium is not None and suffix in (*medium.suffixes, "", ".zip"):
        return array
    if isinstance(medium, Text) and suffix in TABLES:
        columns_of = {NAME: list(map(utf8, names))} if names else {}
        return pa.table(columns_of | {"text": medium.decode(array)})
    if suffix in ("", ".zip", *PICTURES):
        return as_pixels(array, like, str(path), suffix)
    if like is not None and like.get("dtype") == "uint8" and like.get("kind") == "pictures":
        array = as_bytes(array, like, str(path))
    if suffix == ".txt":
        return table_of(array, like, columns)
    return table_of(array, like, columns, names, unused) if suffix in TABLES else array


def _array(values: np.ndarray | Tensor, *, precise: bool) -> np.ndarray:
    """The values as an array; floats become float32, but float64 stays if `precise`."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        as_it_is = not values.is_floating_point() or (precise and values.dtype == torch.float64)
        array = (values if as_it_is else values.float()).numpy()
    else:
        array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise DataError(f"Values of type {array.dtype} are not numbers: expected integers, floats or booleans.")
    if array.dtype.kind == "f" and array.dtype != np.float32:
        array = as_tensor(array, precise=precise and array.dtype.itemsize >= 8).numpy()
    if array.ndim < 2 or not array.size:
        raise DataError(f"Values of shape {array.shape} aren't samples: expected (N, ...) with at least one value.")
    return array


def _format(path: Path, medium: Medium | None) -> tuple[str, Format]:
    """The suffix that determines the format, in lower case, "" for a folder; and the writer."""
    suffix = path.suffix.lower()
    if IDX_NAME.search(path.name):
        suffix = ".idx.gz" if path.suffix == ".gz" else ".idx"
    elif path.name.lower().endswith(".npy.gz"):
        suffix = ".npy.gz"
    elif path.is_dir():
        suffix = ""
    found = format_of(suffix, medium)
    if found is not None:
        return suffix, found
    if (read := picture_format(path.name)) is not None and not read.written:
        raise DataError(
            f"{path}: {read.name} is only read, not written. Use another suffix, such as .png, .tiff or .npy."
        )
    known = [*(medium.suffixes if medium is not None else ()), *filter(None, FORMATS)]
    if not suffix:
        raise DataError(f"{path} has no suffix, but all samples go into one file. {nearest(suffix, known[:2])}")
    raise DataError(f"{path}: the suffix {suffix!r} is unknown. {nearest(suffix, known)}")


def _check_free(path: Path, overwrite: bool, *, folder: bool) -> None:
    if folder:
        finish_swap(path)
    if not path.exists():
        return
    if not overwrite:
        raise DataError(f"{path} exists already: expected a new path. Choose another, or set overwrite=True.")
    if path.is_dir() is not folder:
        found, wanted = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise DataError(f"{path} is a {found}: expected a {wanted} to replace. Choose another path.")


def _columns(array: np.ndarray, like: Mapping[str, Any] | None, given: Sequence[str]) -> list[str]:
    count = math.prod(array.shape[1:])
    names = (
        list(map(utf8, given))
        or list((like or {}).get("columns") or ())
        or [f"{'z' if like is None else 'x'}{i}" for i in range(count)]
    )
    if len(names) != count:
        raise DataError(f"There are {len(names)} column names for {count} values a sample: give one for each, or none.")
    doubled = [name for name in names if names.count(name) > 1] if len(set(names)) < count else []
    if doubled:
        raise DataError(f"The column name {doubled[0]!r} is given more than once: expected different names.")
    return names


def table_of(
    array: np.ndarray,
    like: Mapping[str, Any] | None,
    columns: Sequence[str] = (),
    names: Sequence[str] = (),
    unused: Any = None,
) -> pa.Table:
    """(N, ...) numbers as an Arrow table; of a model's table, in the types of its source and with its unused columns.

    The arguments are those of `open_writer` and of `Put`.

    Raises:
        DataError: there are too few or too many column names, or some are the same.
    """
    flat = array.reshape(len(array), -1)
    schema = None if columns or like is None else schema_of(like)
    if schema is not None and schema.named and len(schema.features) == flat.shape[1]:
        made = schema.table(flat, (like or {}).get("categories") or ())
        order = [column.name for column in schema.columns]
    else:
        called = _columns(array, like, columns)
        categories = (like or {}).get("categories") or [()] * len(called)
        holed = bool(np.isnan(flat).any())  # then NaN becomes an empty cell; else nothing needs to be copied again
        made = pa.table(
            [
                decode(own, known) if known else pa.array(np.ascontiguousarray(own), from_pandas=holed)
                for own, known in zip(flat.T, categories, strict=True)
            ],
            names=called,
        )
        order = []
    if unused is not None:
        further = [name for name in unused.column_names if name not in made.column_names]
        both = dict(zip(further, unused.select(further).columns, strict=True))
        both |= dict(zip(made.column_names, made.columns, strict=True))
        known = [name for name in order if name in both]
        return pa.table({name: both[name] for name in dict.fromkeys([*known, *both])})
    if names and NAME not in made.column_names:
        return made.add_column(0, NAME, pa.array(list(map(utf8, names)), pa.string()))
    return made

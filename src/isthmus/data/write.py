"""Writing samples and codes, in every format that can be read; whole or not at all."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv
from torch import Tensor

from isthmus.data.categories import decode
from isthmus.data.idx import write_idx
from isthmus.data.pictures import SUFFIXES as PICTURES
from isthmus.data.samples import as_tensor
from isthmus.data.sources import IDX_NAME
from isthmus.data.tables import NAME
from isthmus.data.write_pictures import as_bytes, write_folder, write_picture, write_zip
from isthmus.errors import DataError, nearest
from isthmus.files import write_whole

TABLES = (".csv", ".tsv", ".parquet")
KNOWN = (".npy", ".npz", *TABLES, ".txt", ".idx", ".idx.gz", ".zip", *PICTURES)


def write_samples(
    path: str | os.PathLike[str],
    values: np.ndarray | Tensor,
    *,
    like: Mapping[str, Any] | None = None,
    names: Sequence[str] = (),
    columns: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write `values`, `(N, ...)` in raw units, in the format that the path's ending says; gives the path.

    Endings: `.npy`; `.npz` (the array is called X); `.csv`, `.tsv`, `.parquet` with names of columns; `.txt` (blanks
    between, no names); `.idx`, `.idx.gz`; `.zip` (of PNGs); a picture such as `.png` (of one sample); none: a folder
    of PNGs.

    like: `Data.description` of the data that these are like, a model's. Values of its shape get its columns' names
        and its categories' names, and are bytes again where it had bytes; in pictures, its range of values becomes
        black to white.
    names: of the samples: the files' names in a folder or zip (with a new suffix), a text column "name" in a table.
    columns: names of the columns in a table; else `like`'s, or x0, x1, … for values that are like it, or z0, z1, …
        for others, such as codes.
    overwrite: replace what is there. A folder is only replaced if it holds nothing but pictures.

    In pictures, floats are rounded and cut off at 0 and 255.

    Raises:
        DataError: the ending is unknown, something is there already, or the values don't suit the format.
        IsthmusError: the disk is full, or the place can't be written to; nothing is left half-written.
    """
    path = Path(path).expanduser()
    array = _array(values)
    if names and len(names) != len(array):
        raise DataError(f"{len(names)} names for {len(array)} samples: give one for each, or none.")
    suffix = _suffix(path)
    _check_free(path, overwrite, folder=suffix == "")
    alike = like is not None and math.prod(like["shape"]) == math.prod(array.shape[1:])
    if alike and like is not None:
        array = array.reshape(len(array), *like["shape"])
    if suffix in ("", ".zip", *PICTURES):
        pictures = as_bytes(array, like if alike else None, str(path))
        if suffix == "":
            write_folder(path, pictures, names)
        elif suffix == ".zip":
            write_zip(path, pictures, names)
        else:
            write_picture(path, pictures)
        return path
    if alike and like is not None and like.get("dtype") == "uint8" and like.get("kind") == "pictures":
        array = as_bytes(array, like, str(path))
    if suffix in TABLES or suffix == ".txt":
        categories = (like.get("categories") or ()) if alike and like is not None else ()
        table = _table(
            array, names if suffix != ".txt" else (), _columns(array, like if alike else None, columns), categories
        )
        write_whole(path, lambda beside: _write_table(beside, table, suffix))
    elif suffix == ".npy":
        write_whole(path, lambda beside: _save(beside, array))
    elif suffix == ".npz":
        write_whole(path, lambda beside: _save_many(beside, array, names))
    else:
        grey = array[:, 0] if array.ndim == 4 and array.shape[1] == 1 else array
        write_whole(path, lambda beside: write_idx(beside, grey, gzipped=path.suffix == ".gz"))
    return path


def _array(values: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        array = (values if values.dtype.is_floating_point is False else values.float()).numpy()
    else:
        array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise DataError(f"Values of type {array.dtype} are not numbers: expected integers, floats or booleans.")
    if array.dtype.kind == "f" and array.dtype != np.float32:
        array = as_tensor(array).numpy()
    if array.ndim < 2 or not array.size:
        raise DataError(f"Values of shape {array.shape} are no samples: expected (N, ...) with at least one value.")
    return array


def _suffix(path: Path) -> str:
    """The ending by which the format is known, in small letters; "" for a folder."""
    if IDX_NAME.search(path.name):
        return ".idx"
    suffix = path.suffix.lower()
    if path.is_dir() or not suffix:
        return ""
    if suffix not in KNOWN:
        raise DataError(f"{path}: nothing is written as {suffix!r}. {nearest(suffix, KNOWN)}")
    return suffix


def _check_free(path: Path, overwrite: bool, *, folder: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise DataError(f"{path} is there already: expected a new path. Choose another, or say overwrite=True.")
    if path.is_dir() is not folder:
        found, wanted = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise DataError(f"{path} is a {found}: expected a {wanted} to replace. Choose another path.")


def _columns(array: np.ndarray, like: Mapping[str, Any] | None, given: Sequence[str]) -> list[str]:
    count = math.prod(array.shape[1:])
    names = (
        list(given)
        or list((like or {}).get("columns") or ())
        or [f"{'z' if like is None else 'x'}{i}" for i in range(count)]
    )
    if len(names) != count:
        raise DataError(f"{len(names)} column names for {count} values a sample: give one for each, or none.")
    doubled = [name for name in names if names.count(name) > 1] if len(set(names)) < count else []
    if doubled:
        raise DataError(f"The column name {doubled[0]!r} is given more than once: expected different names.")
    return names


def _table(
    array: np.ndarray, names: Sequence[str], columns: list[str], categories: Sequence[Sequence[str]]
) -> pa.Table:
    flat = array.reshape(len(array), -1)
    # NaN becomes a cell that is empty
    arrays = [pa.array(np.ascontiguousarray(column), from_pandas=True) for column in flat.T]
    for place, known in enumerate(categories):
        if known:
            arrays[place] = decode(flat[:, place], known)
    if names and NAME not in columns:
        return pa.table([pa.array(list(names), pa.string()), *arrays], names=[NAME, *columns])
    return pa.table(arrays, names=columns)


def _write_table(path: Path, table: pa.Table, suffix: str) -> None:
    if suffix == ".parquet":
        pq.write_table(table, path)
        return
    mark = {".csv": ",", ".tsv": "\t", ".txt": " "}[suffix]
    options = arrow_csv.WriteOptions(include_header=suffix != ".txt", delimiter=mark, quoting_style="needed")
    arrow_csv.write_csv(table, path, options)


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:  # np.save with a path would add a suffix of its own
        np.save(file, array, allow_pickle=False)


def _save_many(path: Path, array: np.ndarray, names: Sequence[str]) -> None:
    arrays = {"X": array, **({"names": np.array(names, dtype=np.str_)} if names else {})}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)

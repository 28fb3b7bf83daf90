"""MATLAB: `.mat` files of versions 4 to 7 by SciPy, and of version 7.3, which is HDF5.

Arrays of numbers and text are read, which runs no code; objects and functions are refused.
"""

import contextlib
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import LABELS, from_mapping, is_sparse
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.readers import hdf5
from isthmus.errors import DataError, nearest, remark
from isthmus.formatting import listed

NUMBERS = (
    "double",
    "single",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "logical",
    "sparse",
)


MATRIX, COMPRESSED = 14, 15
"""Types of the elements that hold an array."""
NUMERIC = range(6, 16)
"""Classes of arrays of numbers."""
TYPES = (1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18)
"""Types of elements that hold numbers or text."""
TAGS = 2**16
"""Bytes at the beginning of an array, in which its tags stand."""


def read_matlab(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """The arrays of a `.mat` file, by their names as in an `.npz` (see `from_mapping`), or by `options.array`.

    Samples on the last axis, as in `(height, width, channels, N)`, are found by the number of labels.

    Raises:
        DataError: the file is damaged, has no array of numbers, or it isn't plain which one holds the samples.
    """
    with path.open("rb") as file:
        head = file.read(520)
    arrays = _of_hdf5(path, options) if hdf5.MAGIC in head else _of_scipy(path, options)
    if options.array is not None and options.array not in arrays and not options.forgives("array", like):
        raise DataError(
            f"array={options.array!r}: {path} has no such array of numbers. {nearest(options.array, arrays)}"
        )
    return from_mapping(_samples_first(arrays, options, path), options, str(path), like)


def _check_types(path: Path) -> None:
    """Refuse arrays of numbers whose type is none: SciPy's compiled reader ends the process on them.

    Source: MathWorks, MAT-file format, version 5: elements are a tag (type and bytes) and their data, filled up to
    eight bytes; those of up to four bytes follow their tag directly.
    """
    with path.open("rb") as file:
        head = file.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:])
        while order is not None and len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(order + "II", tag)
            begun = file.tell()
            content = file.read(min(size, TAGS))
            if kind == COMPRESSED:
                packed, content = content, b""
                with contextlib.suppress(zlib.error):  # what is damaged is refused by SciPy
                    content = zlib.decompressobj().decompress(packed, TAGS)[8:]
            if kind in (MATRIX, COMPRESSED) and content[8:9] and content[8 if order == "<" else 11] in NUMERIC:
                place = 16  # after the flags: dimensions, name, numbers
                for _ in range(3):
                    if len(content) < place + 8:
                        break
                    own, bytes_ = struct.unpack_from(order + "II", content, place)
                    short = own >> 16
                    if (own & 0xFFFF if short else own) not in TYPES:
                        raise ValueError(f"it has numbers of the unknown type {own}")
                    place += 8 if short else 8 + -(-bytes_ // 8) * 8
            file.seek(begun + size)


def _of_scipy(path: Path, options: Options) -> dict[str, np.ndarray]:
    from scipy import io  # noqa: PLC0415  # a part of SciPy that only this format needs

    try:
        _check_types(path)
        held = io.whosmat(path)
        wanted = [name for name, shape, kind in held if kind in NUMBERS and _size(shape, kind) > 0]
        if not wanted:
            raise DataError(
                f"{path} has no array of numbers ({_shown(held)}): expected one, or X and y. Objects, functions, "
                "structures and cells are not read: save the numbers in a variable of their own."
            )
        needed = sum(_size(shape, kind) for name, shape, kind in held if name in wanted and kind != "sparse")
        if needed > max(options.max_bytes, path.stat().st_size):
            raise DataError(
                f"{path} unpacks to {needed} bytes: expected at most max_bytes={options.max_bytes}. "
                "If you trust it, raise max_bytes."
            )
        found = io.loadmat(path, variable_names=wanted, verify_compressed_data_integrity=True)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a parser of foreign bytes raises whatever it pleases
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or no MATLAB file ({said}). Save it again, or as .csv.") from error
    return {name: _flat(found[name]) for name in wanted if name in found}


def _of_hdf5(path: Path, options: Options) -> dict[str, np.ndarray]:
    """The arrays of version 7.3, which has their axes in reverse order."""
    with hdf5.opened(path) as file:
        sets = {
            name: each
            for name, each in hdf5.arrays_in(file, path).items()
            if each.dtype.kind in "biuf"
            and each.size
            and not name.startswith("#")
            and b"MATLAB_empty" not in each.attrs
        }
        needed = sum(each.size * each.dtype.itemsize for each in sets.values())
        if needed > max(options.max_bytes, path.stat().st_size):
            raise DataError(
                f"{path} unpacks to {needed} bytes: expected at most max_bytes={options.max_bytes}. "
                "If you trust it, raise max_bytes."
            )
        if not sets:
            raise DataError(
                f"{path} has no array of numbers: expected one, or X and y. Save the numbers in a variable."
            )
        return {name: _flat(each[()].T) for name, each in sets.items()}


def _samples_first(arrays: dict[str, Any], options: Options, path: Path) -> dict[str, Any]:
    """The arrays, with the last axis first where it counts the labels and the first doesn't."""
    names = {name.lower(): name for name in arrays}
    label = options.label if options.label in arrays else next((names[n] for n in LABELS if n in names), None)
    if label is None:
        return arrays
    count = len(arrays[label])
    turned = {
        name: np.moveaxis(array, -1, 0)
        for name, array in arrays.items()
        if name != label and array.ndim > 1 and array.shape[-1] == count != array.shape[0]
    }
    if turned:
        remark(f"{path}: {listed(list(turned))} has its {count} samples on the last axis, which is put first.")
    return {**arrays, **turned}


def _flat(array: Any) -> Any:
    """A row or a column of MATLAB, which has no arrays of one axis, as one."""
    if is_sparse(array):
        return array
    return array.reshape(-1) if array.ndim == 2 and 1 in array.shape and array.size > 1 else array


def _size(shape: tuple[int, ...], kind: str) -> int:
    return int(np.prod(shape)) * {"double": 8, "int64": 8, "uint64": 8, "single": 4, "int32": 4, "uint32": 4}.get(
        kind, 2
    )


def _shown(held: list[Any]) -> str:
    names = [name if name.isprintable() and len(name) < 64 else repr(name[:30]) for name, _, _ in held]
    return listed([f"{name} ({kind})" for name, (_, _, kind) in zip(names, held, strict=True)]) or "it is empty"

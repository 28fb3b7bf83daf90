"""IDX: the format of MNIST's own files, plain or gzipped; read and written.

Source: LeCun, Cortes, Burges, THE MNIST DATABASE: big-endian; two zero bytes, a type, the number of axes, their sizes.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.errors import DataError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
MOST_AXES = 8  # more speak of another format
PIECE = 2**24  # bytes asked for at a time


def read_idx(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """The array of an IDX file; with labels if `train-images-idx3-ubyte` has its `train-labels-idx1-ubyte`.

    Raises:
        DataError: the file is damaged, cut short or too large.
    """
    labels = None
    if "-images" in path.name:
        stem = path.name.removesuffix(".gz").replace("-images", "-labels").replace("idx3", "idx1")
        beside = [path.with_name(name) for name in (stem, stem + ".gz") if path.with_name(name).is_file()]
        labels = idx_array(beside[0], options.max_bytes) if beside else None
    return Raw(idx_array(path, options.max_bytes), labels)


def idx_array(path: Path, max_bytes: int) -> np.ndarray:
    """The array of an IDX file, in the machine's byte order.

    Raises:
        DataError: the file is damaged or cut short, or unpacks to more than `max_bytes`.
    """
    try:
        with gzip.open(path) if _gzipped(path) else path.open("rb") as file:
            return _read(file, path, max_bytes)  # type: ignore[arg-type]  # GzipFile reads as IO[bytes] does
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut short ({error}). Download or write it again.") from error


def write_idx(path: Path, values: np.ndarray, *, gzipped: bool) -> None:
    """Write `values` as IDX; a type that IDX doesn't have becomes the nearest one (booleans become bytes).

    Raises:
        DataError: there are more than 8 axes.
    """
    if values.ndim > MOST_AXES:
        raise DataError(f"The values have {values.ndim} axes: an IDX file can have at most {MOST_AXES}. Reshape them.")
    word = {"b1": "u1", "u2": "i4", "f2": "f4", "u4": "f8", "i8": "f8", "u8": "f8"}.get(values.dtype.str[1:])
    values = values.astype(word) if word else values
    code = CODES[values.dtype.str[1:]]
    header = struct.pack(f">HBB{values.ndim}I", 0, code, values.ndim, *values.shape)
    body = np.ascontiguousarray(values, dtype=TYPES[code])
    with path.open("wb") as file:
        if gzipped:  # without a name and a time in it, so that equal values make equal files
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0, compresslevel=6) as packed:
                packed.write(header)
                packed.write(body.data)
        else:
            file.write(header)
            file.write(body.data)


def _gzipped(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _read(file: IO[bytes], path: Path, max_bytes: int) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or not 1 <= start[3] <= MOST_AXES:
        raise DataError(
            f"{path} is not an IDX file: expected it to begin with 0, 0, a type and the number of axes. "
            "Check that it is the right file."
        )
    dtype, axes = np.dtype(TYPES[start[2]]), start[3]
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"{path} is cut short within its header. Download or write it again.")
    shape = struct.unpack(f">{axes}I", sizes)
    promised = math.prod(shape) * dtype.itemsize
    if promised > max_bytes:
        raise DataError(
            f"{path} unpacks to {promised} bytes: expected at most max_bytes={max_bytes}. "
            "If you trust it, raise max_bytes."
        )
    body = bytearray()  # which grows with what comes, so that a header that lies reserves nothing
    while len(body) < promised and (piece := file.read(min(PIECE, promised - len(body)))):
        body += piece
    if len(body) < promised:
        raise DataError(
            f"{path} is cut short: its header declares {promised} bytes of values, but it has {len(body)}. "
            "Download or write it again."
        )
    if file.read(1):
        raise DataError(f"{path} has more values than its header declares ({promised} bytes). Write it again.")
    array = np.frombuffer(body, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)

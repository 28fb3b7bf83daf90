"""Unpacking compressed files a piece at a time, so that memory only holds what has been unpacked."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from isthmus.errors import DataError

PIECE = 2**20  # bytes
SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
"""Of files that are compressed whole."""


def unpacked(path: Path, max_bytes: int) -> list[bytes]:
    """The content of a compressed file, in pieces.

    Raises:
        DataError: it is damaged, cut short, or unpacks to more than `max_bytes`.
    """
    return list(_pieces(path, max_bytes))


def unpack(path: Path, target: Path, max_bytes: int) -> None:
    """Write the content of a compressed file to another file.

    Raises:
        DataError: as `unpacked`.
    """
    with target.open("wb") as file:
        for piece in _pieces(path, max_bytes):
            file.write(piece)


def _pieces(path: Path, max_bytes: int) -> Iterator[bytes]:
    size = 0
    try:
        with _opened(path) as file:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > max_bytes:
                    raise DataError(
                        f"{path} unpacks to more than max_bytes={max_bytes}. If you trust it, raise max_bytes."
                    )
                yield piece
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, OSError, ValueError) as error:
        if isinstance(error, DataError) or getattr(error, "errno", None):
            raise
        raise DataError(f"{path} is damaged or cut short ({error}). Download or write it again.") from error


def _opened(path: Path) -> IO[bytes] | Any:
    match path.suffix.lower():
        case ".bz2":
            return bz2.open(path)
        case ".xz":
            return lzma.open(path)
        case ".zst":
            import pyarrow as pa  # noqa: PLC0415  # Python before 3.14 has no Zstandard of its own

            return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        case _:
            return gzip.open(path)

"""Unpacking gzipped files a piece at a time, so that memory only holds what has been unpacked."""

import gzip
import zlib
from pathlib import Path

from isthmus.errors import DataError

PIECE = 2**20  # bytes


def unpacked(path: Path, max_bytes: int) -> list[bytes]:
    """The content of a gzipped file, in pieces.

    Raises:
        DataError: it is damaged, cut short, or unpacks to more than `max_bytes`.
    """
    pieces, size = [], 0
    try:
        with gzip.open(path) as file:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > max_bytes:
                    raise DataError(
                        f"{path} unpacks to more than max_bytes={max_bytes}. If you trust it, raise max_bytes."
                    )
                pieces.append(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut short ({error}). Download or write it again.") from error
    return pieces

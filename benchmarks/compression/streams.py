"""General compressors, of a stream of bytes, and Parquet, of a table."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Stream:
    """A general compressor at its strongest."""

    name: str
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes, int], bytes]
    """From the packed bytes and the number of bytes that they hold."""


STREAMS = (
    Stream("gzip", lambda raw: gzip.compress(raw, 9), lambda packed, _: gzip.decompress(packed)),
    Stream("bz2", lambda raw: bz2.compress(raw, 9), lambda packed, _: bz2.decompress(packed)),
    Stream("xz", lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME), lambda file, _: lzma.decompress(file)),
    Stream(
        "zstd",
        lambda raw: pa.Codec("zstd", compression_level=22).compress(raw, asbytes=True),
        lambda packed, size: pa.Codec("zstd").decompress(packed, size, asbytes=True),
    ),
)


def parquet(table: np.ndarray) -> bytes:
    """A Parquet file with a column for each feature of (N, D), compressed by zstd at its strongest level."""
    sink = pa.BufferOutputStream()
    columns = {f"x{place}": np.ascontiguousarray(column) for place, column in enumerate(table.T)}
    pq.write_table(pa.table(columns), sink, compression="zstd", compression_level=22)
    return sink.getvalue().to_pybytes()


def smallest(table: np.ndarray) -> np.ndarray:
    """Whole numbers in the smallest integer type that holds them all.

    Raises:
        ValueError: some are no whole numbers.
    """
    if not is_whole(table):
        raise ValueError("The table has values that are not whole numbers.")
    low, high = int(table.min()), int(table.max())
    types = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64)
    return table.astype(next(kind for kind in types if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max))


def is_whole(table: np.ndarray) -> bool:
    """Whether all values are finite whole numbers."""
    return bool(np.isfinite(table).all() and (table == np.round(table)).all())

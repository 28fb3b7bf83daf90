"""The file of compressed samples: a header, blocks with a checksum each, and an index."""

import json
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from isthmus.codec.packing import DamagedError, Reader, numbers, part
from isthmus.errors import DataError
from isthmus.storage.files import open_regular

MAGIC, END = b"\x93ISTH", b"HTSI"
VERSION = 1
LONGEST_HEADER = 2**20
MOST_SAMPLES = 2**62
LONGEST_NAME = 2**15
"""In bytes of JSON."""
_WORDS = (
    b'{"count": , "model": {"name": "", "fingerprint": ""}, "kind": "pictures", "dtype": "uint8", "shape": [1, 28, 28]}'
)
"""Common words of headers, so that they take few bytes."""


@dataclass(frozen=True)
class Entry:
    """A block in the index: where it begins, its bytes, and how many samples it has."""

    start: int
    size: int
    count: int


def write_header(file: BinaryIO, header: dict[str, Any]) -> int:
    """Write the header; returns where the first block begins."""
    packer = zlib.compressobj(9, zdict=_WORDS)
    packed = packer.compress(json.dumps(header).encode()) + packer.flush()
    whole = MAGIC + bytes([VERSION]) + part(packed)
    file.write(whole + checksum(whole))
    return len(whole) + 4


def write_block(file: BinaryIO, start: int, count: int, content: bytes) -> Entry:
    """Write a block after the last one, which ended at `start`."""
    file.write(checksum(content) + content)
    return Entry(start, len(content) + 4, count)


def write_index(file: BinaryIO, entries: list[Entry]) -> None:
    """Write the index, which ends the file."""
    index = numbers([value for entry in entries for value in (entry.size, entry.count)])
    file.write(index + checksum(index) + struct.pack("<I", len(index) + 4) + END)


class CodecFile:
    """A compressed file, open for reading: its header, and its blocks in any order.

        with CodecFile(path) as file:
            content = file.block(3)

    header: the fields that were written. entries: the blocks. Its length is the number of samples.

    Raises:
        DataError: the file is missing, damaged or cut off, has another format, or was written by a later version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self._turn = Path(path).expanduser(), threading.Lock()
        if not self.path.exists():
            raise DataError(f"{self.path} does not exist: expected a file that `isthmus compress` wrote.")
        try:
            self._file = open_regular(self.path)
        except OSError as error:
            raise DataError(f"{self.path} can't be read: {error.strerror}. Give a file that you can read.") from error
        try:
            self.header, self.entries = self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "CodecFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return sum(entry.count for entry in self.entries)

    def block(self, place: int) -> bytes:
        """The content of a block; several threads may ask for some at once."""
        entry = self.entries[place]
        with self._turn:
            self._file.seek(entry.start)
            whole = self._file.read(entry.size)
        if len(whole) < entry.size or whole[:4] != checksum(whole[4:]):
            raise damaged(self.path, f"block {place}, samples {self.first(place)} on, has another checksum")
        return whole[4:]

    def first(self, place: int) -> int:
        """The number of the first sample of a block."""
        return sum(entry.count for entry in self.entries[:place])

    def holding(self, rows: range) -> Iterator[int]:
        """The blocks with any of these samples."""
        start = 0
        for place, entry in enumerate(self.entries):
            if start < rows.stop and start + entry.count > rows.start:
                yield place
            start += entry.count

    def _read(self) -> tuple[dict[str, Any], list[Entry]]:
        size = self._file.seek(0, 2)
        self._file.seek(0)
        start = self._file.read(min(size, LONGEST_HEADER))
        if not start.startswith(MAGIC):
            raise DataError(
                f"{self.path} isn't a compressed file of Isthmus: expected one that `isthmus compress` wrote."
            )
        if start[5:6] and start[5] != VERSION:
            raise DataError(
                f"{self.path} has the format {start[5]}, but this version of Isthmus reads format {VERSION}. "
                "Install a later version: pip install -U isthmus."
            )
        try:
            reader = Reader(start)
            reader.take(len(MAGIC) + 1)
            packed = reader.part()
            begun = len(start) - reader.left
            if reader.take(4) != checksum(start[:begun]):
                raise DamagedError("its header has another checksum")
            unpacker = zlib.decompressobj(zdict=_WORDS)
            header = json.loads(unpacker.decompress(packed, LONGEST_HEADER))
            if not isinstance(header, dict) or not isinstance(header.get("model"), dict):
                raise DamagedError("its header has no fields")
            return header, self._index(begun + 4, size)
        except DamagedError as error:
            raise damaged(self.path, str(error)) from error
        except (zlib.error, ValueError, RecursionError) as error:
            raise damaged(self.path, "its header can't be read") from error

    def _index(self, start: int, size: int) -> list[Entry]:
        self._file.seek(max(0, size - 8))
        end = self._file.read(8)
        if size < start + 8 or end[4:] != END:
            raise DamagedError("its end is missing: it was cut off")
        (length,) = struct.unpack("<I", end[:4])
        if length < 4 or length > size - 8 - start:
            raise DamagedError("its index can't be read")
        self._file.seek(size - 8 - length)
        index = self._file.read(length)
        if index[-4:] != checksum(index[:-4]):
            raise DamagedError("its index has another checksum")
        values = Reader(index[:-4]).numbers(length * 1100)
        entries, total = [], 0
        for own, count in values.reshape(-1, 2).tolist():
            total += count
            if own < 4 or count < 0 or total > MOST_SAMPLES:
                raise DamagedError("its index can't be right")
            entries.append(Entry(start, own, count))
            start += own
        if start != size - 8 - length:
            raise DamagedError("its blocks don't fill it")
        return entries


def damaged(path: Path, cause: str) -> DataError:
    """The error for a damaged file."""
    return DataError(f"{path} is damaged: {cause}. Restore it from a copy, or compress the samples again.")


def checksum(content: bytes | np.ndarray) -> bytes:
    """Four bytes that change when the content does."""
    return struct.pack("<I", zlib.crc32(content if isinstance(content, bytes) else content.tobytes()))


def name_bytes(names: tuple[str, ...]) -> bytes:
    """The samples' names, compressed; empty without names."""
    return part(zlib.compress(json.dumps(names).encode(), 9) if names else b"")


def names_from(reader: Reader, count: int) -> tuple[str, ...]:
    """The inverse of `name_bytes`."""
    packed = reader.part()
    if not packed:
        return ()
    try:
        names = json.loads(zlib.decompressobj().decompress(packed, 2 + count * LONGEST_NAME))
    except (zlib.error, ValueError, RecursionError) as error:
        raise DamagedError("its names can't be read") from error
    if not isinstance(names, list) or len(names) != count or not all(isinstance(name, str) for name in names):
        raise DamagedError("its names don't fit the samples")
    return tuple(names)

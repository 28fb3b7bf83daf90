"""Small values in few bytes: whole numbers, arrays and parts of a block, one after the other."""

import zlib
from collections.abc import Sequence

import numpy as np

from isthmus.errors import UseError


class DamagedError(UseError):
    """The bytes aren't what a codec wrote."""


def number(value: int) -> bytes:
    """A whole number of 0 or more, seven bits a byte."""
    made = bytearray()
    while value >= 128:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def part(content: bytes) -> bytes:
    """Bytes with their length before them."""
    return number(len(content)) + content


def numbers(values: Sequence[int] | np.ndarray) -> bytes:
    """Whole numbers of either sign, compressed."""
    zigzag = [2 * value if value >= 0 else -2 * value - 1 for value in map(int, values)]
    plain = b"".join(map(number, zigzag))
    return part(number(len(zigzag)) + zlib.compress(plain, 9))


class Reader:
    """Takes values from bytes in the order in which they were written.

    Raises:
        DamagedError: from each method, if the bytes end too soon or can't be what was written.
    """

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def left(self) -> int:
        """The number of bytes that haven't been taken."""
        return len(self._content) - self._at

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > self.left:
            raise DamagedError("it ends too soon")
        self._at += count
        return self._content[self._at - count : self._at]

    def number(self) -> int:
        """See `number`."""
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise DamagedError("a number in it is too large")

    def part(self) -> bytes:
        """See `part`."""
        return self.take(self.number())

    def numbers(self, most: int) -> np.ndarray:
        """See `numbers`: int64. most: of them are allowed."""
        inner = Reader(self.part())
        count = inner.number()
        if count > most:
            raise DamagedError("a list in it is too long")
        try:
            unpacker = zlib.decompressobj()
            plain = Reader(unpacker.decompress(inner.take(inner.left), 10 * most))
        except zlib.error as error:
            raise DamagedError("a list in it can't be unpacked") from error
        zigzag = [plain.number() for _ in range(count)]
        return np.array([value // 2 if value % 2 == 0 else -(value + 1) // 2 for value in zigzag], np.int64)

"""Cutting a text table into blocks of whole records: a line each, or several where a quoted cell has line breaks."""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from isthmus.errors import DataError

LONGEST_LINE = 2**24  # bytes
LONGEST_CELL = 2**22
"""The largest number of bytes of a record that goes over several lines, unless a single line is longer."""


@dataclass(frozen=True)
class Block:
    """Whole records. line: the number of the first one's line in the file, from 1."""

    text: bytes
    line: int


def blocks(
    chunks: Iterable[bytes], size: int, path: Path, *, delimiter: str, quoted: bool, start: int, end: int, line: int
) -> Iterator[Block]:
    """The records from byte `start` to byte `end`, about `size` bytes at a time, each block with a line end.

    delimiter: the character between cells, or a blank for runs of blanks. quoted: whether a cell may be quoted.
    line: the number of the line at `start`.

    Raises:
        DataError: a line is too long for a text table, or a quotation mark is never closed.
    """
    held: list[bytes] = []
    total, want = 0, size
    for chunk in _pieces(_between(chunks, start, end), size):
        held.append(chunk)
        total += len(chunk)
        if total < want:
            continue
        text = b"".join(held)
        whole = _whole(text, delimiter) if quoted else text.rfind(b"\n") + 1
        if whole:
            yield Block(text[:whole], line)
            line += text.count(b"\n", 0, whole)
        elif b"\n" not in text and len(text) > LONGEST_LINE:
            raise _too_long(path)
        elif len(text) > max(LONGEST_CELL, 8 * text.find(b"\n")) and b"\n" in text:
            raise _unclosed(path, line)
        held = [text[whole:]]
        total = len(held[0])
        want = size if whole else max(size, 2 * total)  # so that a long record is not looked through again and again
    text = b"".join(held)
    if not text:
        return
    check_lines(text, path)
    if not text.endswith(b"\n"):
        text += b"\n"
    if quoted and text.count(b'"') % 2:
        whole = _tokenised(text, delimiter)
        if whole < len(text):
            raise _unclosed(path, line + text.count(b"\n", 0, whole))
    yield Block(text, line)


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes, at most `size` at a time."""
    return (chunk[start : start + size] for chunk in chunks for start in range(0, len(chunk), size))


def _between(chunks: Iterable[bytes], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end`."""
    place = 0
    for chunk in chunks:
        if place >= end:
            return
        piece = chunk[max(0, start - place) : end - place]
        place += len(chunk)
        if piece:
            yield piece


def _whole(text: bytes, delimiter: str) -> int:
    """The number of bytes up to the last line end that is in no quoted cell.

    An even number of quotation marks before a line end means that it is in none, unless a mark stands in an unquoted
    cell. So the cells are only looked at one by one where that is so, or where no line end has an even number.
    """
    if _stray(delimiter).search(text) is not None:
        return _tokenised(text, delimiter)
    end = text.rfind(b"\n") + 1
    odd = text.count(b'"', 0, end) % 2
    while end and odd:
        before = text.rfind(b"\n", 0, end - 1) + 1
        odd ^= text.count(b'"', before, end) % 2
        end = before
    return end or _tokenised(text, delimiter)


def _tokenised(text: bytes, delimiter: str) -> int:
    """The same, found cell by cell."""
    record = _record(delimiter)
    end = 0
    while (found := record.match(text, end)) is not None:
        end = found.end()
    return end


@functools.cache
def _stray(delimiter: str) -> re.Pattern[bytes]:
    """A quotation mark within an unquoted cell."""
    outside = rb'[^%b\r\n"]' % re.escape(delimiter.encode())
    return re.compile(rb'"(?<=%b")%b' % (outside, outside))


@functools.cache
def _record(delimiter: str) -> re.Pattern[bytes]:
    mark = re.escape(delimiter.encode())
    cell = rb'(?>"(?>[^"]|"")*+"[^%b\n]*+|(?!")[^%b\n]*+)' % (mark, mark)
    return re.compile(rb"(?>%b%b)*+%b\n" % (cell, mark, cell))


def check_lines(text: bytes, path: Path) -> None:
    """Raise DataError if a line is too long for a text table."""
    starts = range(0, len(text) - LONGEST_LINE + 1, LONGEST_LINE)
    if any(text.find(b"\n", start, start + LONGEST_LINE) < 0 for start in starts):
        raise _too_long(path)


def _too_long(path: Path) -> DataError:
    return DataError(
        f"{path} has a line of more than {LONGEST_LINE} bytes: expected a text table with one line for each sample. "
        "Check that you gave the right file, or save the values as .npy."
    )


def _unclosed(path: Path, line: int) -> DataError:
    return DataError(
        f"{path}: row {line} has a quotation mark that is never closed: expected a second one at the end of the cell. "
        "Correct the row."
    )

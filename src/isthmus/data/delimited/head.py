"""The head of a text table: its first lines, cut into records."""

import csv
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from isthmus.data.delimited.delimiter import BLANKS, cells_of
from isthmus.data.delimited.file import TextFile
from isthmus.data.delimited.records import LONGEST_LINE, check_lines

HEAD, ROWS, MOST = 2**16, 8, 2000
"""The layout is found from so many bytes, but from at least ROWS and at most MOST lines."""


@dataclass(frozen=True)
class Record:
    """A record of the head. start, end: its bytes. line: its number in the file, from 1."""

    cells: tuple[str, ...]
    text: str
    start: int
    end: int
    line: int


def head_lines(file: TextFile) -> list[str]:
    """The first lines with their ends."""
    head, chunks = b"", file.chunks()
    for chunk in chunks:
        head += chunk
        if (len(head) >= HEAD and head.count(b"\n", 0, LONGEST_LINE) >= ROWS) or len(head) > LONGEST_LINE:
            break
    whole = len(head) >= file.size
    check_lines(head, file.path)
    if not whole:
        enough = head.find(b"\n", HEAD) if head.count(b"\n", 0, HEAD) >= ROWS else -1
        head = head[: enough + 1] if enough >= 0 else head[: head.rfind(b"\n") + 1]
    return re.findall(r"[^\n]*\n|[^\n]+$", head.decode("utf-8", errors="replace"))[:MOST]


def records_of(lines: Sequence[str], first: int, delimiter: str) -> list[Record]:
    """The records of the head, without blank lines; the first of them is in line `first`, counted from 0."""
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line.encode()))
    found = []
    place = first
    while place < len(lines):
        count = _lines_of_record(lines, place, delimiter)
        text = "".join(lines[place : place + count])
        if text.strip():
            cells = (cells_in(text, delimiter) or [[""]])[0]
            found.append(Record(tuple(cells), text, ends[place], ends[place + count], place + 1))
        place += count
    return found


def _lines_of_record(lines: Sequence[str], place: int, delimiter: str) -> int:
    """The number of lines of the record in line `place`."""
    if delimiter == BLANKS or '"' not in lines[place]:
        return 1
    reader = csv.reader(itertools.islice(lines, place, None), delimiter=delimiter)
    try:
        next(reader)
    except csv.Error:  # a cell longer than the csv module takes
        return 1
    return reader.line_num


def cells_in(text: str, delimiter: str) -> list[list[str]]:
    """The cells of a record, as the only row; or no row for an empty one."""
    try:
        return cells_of([text], delimiter)
    except csv.Error:
        return [text.rstrip("\r\n").split(delimiter)]

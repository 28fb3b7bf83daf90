"""The delimiter of a text table: the character that cuts its lines into equally many cells."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from isthmus.data.delimited.header import MISSING, TEXT, kind_of

BLANKS = " "
"""Any run of blanks."""
MARKS = ("\t", ";", "|", ",")
LINES, CELLS = 30, 400
"""Lines, and cells of each line, that are looked at."""
QUOTED = re.compile(r'(?:"[^"]*"|[^\s"])+')
"""A cell between blanks, which may be quoted."""


def find_delimiter(lines: Sequence[str], path: Path) -> str:
    """The delimiter of these lines, none of which is blank."""
    some = lines[:LINES]
    scores = {mark: _score(some, mark) for mark in MARKS}
    best = max(MARKS, key=lambda mark: scores[mark])
    blanks = _score(some, BLANKS)
    cut, alike, values = scores[best]
    text = any(suffix in (".txt", ".tsv", ".dat") for suffix in path.suffixes)
    if blanks[0] and (not cut or (blanks[1] >= alike and blanks[2] == 1 > values)) and (text or blanks[2] >= 0.5):
        return BLANKS
    return best if cut else (BLANKS if text else ",")


def cells_of(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The cells of lines, each of which is a record."""
    if delimiter == BLANKS:
        return [line.split() if '"' not in line else [c.strip('"') for c in QUOTED.findall(line)] for line in lines]
    return list(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter))


def _score(lines: Sequence[str], mark: str) -> tuple[bool, float, float]:
    """Whether the mark cuts most lines, the share of lines that have the usual number of cells, and of values."""
    try:
        rows = [row for row in cells_of(lines, mark) if row]
    except csv.Error:  # a cell longer than the csv module takes
        rows = [line.rstrip("\n").split(mark) for line in lines]
    counts = Counter(map(len, rows))
    several = {count: times for count, times in counts.items() if count > 1}
    if sum(several.values()) < max(1, len(rows) // 3):
        return (False, 0.0, 0.0)
    usual = max(several, key=lambda count: (several[count], count))
    cells = [kind_of(cell) for row in rows if len(row) == usual for cell in row[:CELLS]]
    values = sum(kind not in (TEXT, MISSING) for kind in cells) / max(1, sum(kind != MISSING for kind in cells))
    return (True, several[usual] / len(rows), values)

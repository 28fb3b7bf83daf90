"""The lines below the data of a text table: sums, and notes such as its source."""

import re
from collections.abc import Sequence

from isthmus.data.delimited.file import TextFile
from isthmus.data.delimited.head import Record, cells_in
from isthmus.data.delimited.header import NUMBER, TEXT, TIME, is_note, is_total, kind_of

FOOT = 10
"""The most lines below the data."""


def footer(
    file: TextFile, delimiter: str, width: int, kinds: Sequence[str], start: int, data: Sequence[Record]
) -> list[str]:
    """The lines below the data, with the blank ones between them."""
    tail = file.tail
    if len(tail) < file.size:
        tail = tail[tail.find(b"\n") + 1 :]
    lines = re.findall(r"[^\n]*\n|[^\n]+$", tail.decode("utf-8", errors="replace"))
    found: list[str] = []
    left = file.size - start
    size = noted = 0
    for place in range(len(lines) - 1, -1, -1):
        text = lines[place]
        size += len(text.encode())
        if size >= left or len(found) > FOOT or text.count('"') % 2:
            break
        cells = (cells_in(text, delimiter) or [[""]])[0]
        gap = place > 0 and not lines[place - 1].strip(f'\r\n"{delimiter} ')
        if any(cell.strip() for cell in cells):
            if not _is_foot(cells, width, kinds, gap=gap):
                break
            noted = len(found) + 1
        elif len(cells) > 1:  # an empty row of a spreadsheet
            noted = len(found) + 1
        found.append(text)
    foot = found[:noted][::-1]
    end = file.size - sum(len(text.encode()) for text in foot)
    summed = any(is_total(text.strip("\"' ")) for text in foot)
    if summed and any(is_total(record.cells[0]) for record in data if record.end <= end):
        return []  # which is then a category
    return foot


def _is_foot(cells: Sequence[str], width: int, kinds: Sequence[str], *, gap: bool) -> bool:
    """Whether a line is a note or a sum below the data; gap: whether a blank line is above it."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    first = filled[0]
    if kind_of(first) != TEXT or width == 1:
        return False
    if is_total(first) and len(cells) <= width:
        return True
    if len(cells) == width and (len(filled) > 1 or width == 2):
        return False
    return is_note(first) or kinds[0] in (NUMBER, TIME) or gap or len(first.split()) > 2

"""The layout of a text table: its delimiter, its names, and the lines above, between and below that are not data."""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.data.cells import unguarded_name
from isthmus.data.delimited.delimiter import BLANKS, cells_of, find_delimiter
from isthmus.data.delimited.file import MARKS, TextFile
from isthmus.data.delimited.header import (
    MISSING,
    NUMBER,
    TEXT,
    TIME,
    are_units,
    column_kinds,
    decide,
    is_below_names,
    is_note,
    is_total,
    kind_of,
)
from isthmus.data.delimited.records import LONGEST_LINE, check_lines
from isthmus.data.options import Options
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

HEAD, ROWS, MOST = 2**16, 8, 2000
"""The layout is found from so many bytes, but from at least ROWS and at most MOST lines."""
SEEN = 200
"""The columns that are compared; the others are taken to be like them."""
FOOT = 10
"""The most lines below the data."""
NAME = "name"  # as in `isthmus.data.tables`
INDEX = "index"
"""The name of an index column that has none."""
_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
_PANDAS_INDEX = re.compile(r"^Unnamed: 0(\.\d+)?$")


@dataclass(frozen=True)
class Record:
    """A record of the head. start, end: its bytes. line: its number in the file, from 1."""

    cells: tuple[str, ...]
    text: str
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out.

    delimiter: the character between cells; a blank for any run of blanks.
    names: of the columns, all different, "0", "1", … where the file has none. named: whether it has.
    start, end: the bytes of the data in the file, as UTF-8. line: the number of the line at `start`, from 1.
    kinds: of the first columns' cells, at most `SEEN`, see `isthmus.data.delimited.header`.
    index: the column without a name, which is left out unless it is asked for; None where there is none.
    spare: an empty column after each line's last delimiter. It isn't in `names`.
    floats: columns whose first cells are numbers with a point. padded: columns whose whole numbers begin with zeros,
        such as "007".
    comments: whether lines that start with a comment mark are left out.
    """

    delimiter: str
    names: tuple[str, ...]
    named: bool
    start: int
    end: int
    line: int
    kinds: tuple[str, ...]
    index: str | None = None
    spare: bool = False
    floats: frozenset[str] = frozenset()
    padded: frozenset[str] = frozenset()
    comments: bool = True
    row: int = 0  # bytes of a record

    @property
    def every(self) -> list[str]:
        """The names of all columns, with that of the spare one."""
        return [*self.names, ""] if self.spare else list(self.names)


def find_layout(file: TextFile, options: Options, like: Mapping[str, Any] | None = None) -> Layout:
    """The layout of a text table, from its first and last lines. Guesses that may be wrong are remarked on.

    Raises:
        DataError: it is empty, has a line that is too long, or a row of names that doesn't fit the rows below.
    """
    lines = _head(file)
    skip, start = options.skip, 0
    asked = options.delimiter
    if lines and (found := re.fullmatch(r"sep=(.)\s*", lines[0])):
        asked, start = asked or found[1], 1
    start += skip or 0
    body = [line for line in lines[start:] if line.strip() and (skip is not None or not line.startswith(MARKS))]
    if not body:
        raise DataError(f"{file.path} is empty: expected rows of numbers. Check that you gave the right file.")
    delimiter = asked or find_delimiter(body, file.path)
    records = _records(lines, start, delimiter)
    return _laid_out(records, delimiter, file, options, like)


def _head(file: TextFile) -> list[str]:
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


def _records(lines: Sequence[str], first: int, delimiter: str) -> list[Record]:
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
            cells = (_cells(text, delimiter) or [[""]])[0]
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


def _cells(text: str, delimiter: str) -> list[list[str]]:
    try:
        return cells_of([text], delimiter)
    except csv.Error:
        return [text.rstrip("\r\n").split(delimiter)]


def _laid_out(
    records: list[Record], delimiter: str, file: TextFile, options: Options, like: Mapping[str, Any] | None
) -> Layout:
    where, guess = str(file.path), options.skip is None
    plain = _without_comments(records) if guess else records
    width = _width(plain)
    above = _titles(plain, width) if guess else 0
    table = plain[above:]
    if above:
        _remark_lines(where, "first", [record.text for record in plain[:above]])
    most = max(4, min(50, 2**16 // width))
    below = [record.cells for record in table[1 : most + 1] if len(record.cells) == width]
    spare = bool(below) and width > 1 and all(not row[-1].strip() for row in below)
    first = _fitted(table[0], width, below, spare=spare, where=where)
    spare = spare and not first[-1].strip()
    names, rows = _names([first, *below], options, like, where, guess=guess)
    if not rows and options.header is None and (said := _commented_names(records, table[0], width, delimiter)):
        remark(
            f"{where}: the names of the columns come from the comment {said!r:.60}. Set header=False if they are none."
        )
        names = said
    kept = table[rows:] or table[-1:]
    data = [record for record in kept[:most] if len(record.cells) == width] if len(table) > rows else []
    kinds = column_kinds([record.cells[:SEEN] for record in data]) or [MISSING]
    start = table[0].start if not rows else table[rows - 1].end
    foot = _footer(file, delimiter, width, kinds, start, data) if guess and data else []
    if foot:
        _remark_lines(where, "last", [text for text in foot if text.strip(f'\r\n"{delimiter} ')])
    count = width - spare
    called, index = (
        _called(names[:count], kinds, where, options, like) if names else (list(map(str, range(count))), None)
    )
    columns = list(zip(*(record.cells for record in data[:10]), strict=True))
    return Layout(
        delimiter,
        tuple(called),
        bool(names),
        start,
        file.size - sum(len(text.encode()) for text in foot),
        table[rows].line if len(table) > rows else table[-1].line + 1,
        tuple(kinds),
        index,
        spare,
        frozenset(name for name, cells in zip(called, columns, strict=False) if _are_floats(cells)),
        frozenset(name for name, cells in zip(called, columns, strict=False) if any(map(_is_padded, cells))),
        guess,
        max(len(record.text) for record in table),
    )


def _without_comments(records: list[Record]) -> list[Record]:
    """The records that are no comments; a mark may also start the text in a first column."""
    plain = [record for record in records if not record.text.startswith(MARKS)]
    if not plain or len(plain) == len(records):
        return records
    width = _width(plain)
    text = column_kinds([record.cells[:1] for record in plain[1:] if record.cells])[:1] != [NUMBER]
    top = plain[0].line
    return [
        record
        for record in records
        if not record.text.startswith(MARKS) or (text and record.line > top and len(record.cells) == width)
    ]


def _width(records: Sequence[Record]) -> int:
    """The number of cells of most records; one cell only if hardly any record has several."""
    counts = Counter(len(record.cells) for record in records)
    last = {len(record.cells): place for place, record in enumerate(records)}
    several = [count for count in counts if count > 1]
    chosen = several if 3 * sum(counts[count] for count in several) >= len(records) else list(counts)
    return max(chosen, key=lambda count: (counts[count], last[count]))


def _titles(records: Sequence[Record], width: int) -> int:
    """The number of lines above the table: they have fewer cells than its rows."""
    if width == 1:
        return 0
    for place, record in enumerate(records):
        filled = sum(bool(cell.strip()) for cell in record.cells)
        alone = filled <= 1 and width > 2
        last = place + 1 < len(records) and len(records[place + 1].cells) == width
        short = len(record.cells) == width - 1 and width > 2 and last
        if not alone and (len(record.cells) >= width or short):
            return place
    return 0


def _fitted(
    record: Record, width: int, below: Sequence[tuple[str, ...]], *, spare: bool, where: str
) -> tuple[str, ...]:
    """The cells of the first row, as many as those below have.

    A row with a name less is R's: the first column holds the names of the rows.
    """
    cells = record.cells
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    if len(cells) == width or not below:
        return cells
    if len(cells) == width - 1 and spare:
        return (*cells, "")
    if len(cells) == width - 1 and all(kind_of(cell) == TEXT for cell in cells) and _is_index(below):
        return ("", *cells)
    raise DataError(
        f"{where}: row {record.line} has {len(cells)} cells, but most rows below it have {width}: expected a name for "
        f"each column ({record.text.strip()[:40]!r}). Correct the row, leave it out with skip={record.line}, or set "
        "the file's delimiter=."
    )


def _is_index(rows: Sequence[tuple[str, ...]]) -> bool:
    """Whether the first column names the rows: by different texts, or by numbers that count up."""
    cells = [row[0].strip() for row in rows]
    text = all(kind_of(cell) in (TEXT, TIME) for cell in cells)
    return len(set(cells)) == len(cells) and (
        text or cells == [str(i + int(cells[0] == "1")) for i in range(len(cells))]
    )


def _names(
    rows: Sequence[tuple[str, ...]],
    options: Options,
    like: Mapping[str, Any] | None,
    where: str,
    *,
    guess: bool,
) -> tuple[tuple[str, ...], int]:
    """The names in the first rows, () for none, and the number of rows that hold them and their units."""
    first = rows[0]
    known = set((like or {}).get("columns") or ())
    if options.header is not None:
        header = options.header
    elif known and known <= {unguarded_name(cell.strip()) for cell in first}:
        header = True
    else:
        decision = decide([row[:SEEN] for row in rows])
        header = decision.header
        if decision.unsure:
            reads, other = ("names of columns", "False") if header else ("a sample", "True")
            remark(
                f"{where}: the first row is read as {reads}, but {decision.unsure}. If this is wrong, set "
                f"header={other}."
            )
    if not header:
        return (), 0
    below = rows[1:]
    kinds = column_kinds([row[:SEEN] for row in below[1:]])
    if not guess or not kinds or not is_below_names(below[0][:SEEN], kinds):
        return first, 1
    second = below[0]
    filled = [cell.strip() for cell in first if cell.strip()]
    if are_units(second) and len(set(filled)) == len(filled):
        units = ",".join(cell.strip() for cell in second)
        remark(
            f"{where}: the row below the names is read as units ({units[:60]}) and is left out. If it is a sample, set "
            "skip=0."
        )
        return first, 2
    upper = list(first)
    for place, cell in enumerate(upper):
        if place and not cell.strip() and upper[place - 1].strip() and second[place].strip():
            upper[place] = upper[place - 1]  # a heading over several columns
    joined = tuple(" ".join(filter(None, (a.strip(), b.strip()))) for a, b in zip(upper, second, strict=True))
    remark(
        f"{where} has two rows of names, which are joined: {listed([repr(name) for name in joined if name], most=3)}. "
        "If the second is a sample, set skip=0."
    )
    third = below[1] if len(below) > 1 else ()
    return joined, 3 if len(third) > 2 and third[0].strip() and not any(cell.strip() for cell in third[1:]) else 2


def _commented_names(records: Sequence[Record], first: Record, width: int, delimiter: str) -> tuple[str, ...] | None:
    """The names in the last comment above the data, if it has one for each column."""
    comments = [record for record in records if record.line < first.line and record.text.startswith(MARKS)]
    if not comments:
        return None
    text = re.sub(r"^[#%/]+\s*", "", comments[-1].text)
    for mark in (delimiter, BLANKS):
        cells = [cell.strip() for cell in (_cells(text, mark) or [[]])[0]]
        if len(cells) == width and len(set(cells)) == width > 1 and all(kind_of(cell) == TEXT for cell in cells):
            return tuple(cells)
    return None


def _called(
    names: Sequence[str], kinds: Sequence[str], where: str, options: Options, like: Mapping[str, Any] | None
) -> tuple[list[str], str | None]:
    """A different name for each column, and the index column among them."""
    called = [unguarded_name(name.strip()) for name in names]
    index = None
    if len(called) > 1 and (not called[0] or _PANDAS_INDEX.match(called[0])):
        if kinds[0] == TEXT and NAME not in called:
            called[0] = NAME
        else:
            called[0] = index = called[0] or (INDEX if INDEX not in called else "Unnamed: 0")
    filled = [name or f"Unnamed: {place}" for place, name in enumerate(called)]
    taken, seen = set(filled), set[str]()
    doubled = []
    for place, name in enumerate(filled):
        if name in seen:
            doubled.append(name)
            filled[place] = next(new for i in itertools.count(1) if (new := f"{name}.{i}") not in taken)
            taken.add(filled[place])
        seen.add(name)
    if doubled:
        some = listed([repr(name) for name in dict.fromkeys(doubled)], most=3)
        remark(f"{where} has several columns named {some}: the second is called {doubled[0] + '.1'!r}, and so on.")
    return filled, index


def _footer(
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
        cells = (_cells(text, delimiter) or [[""]])[0]
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


def _are_floats(cells: Sequence[str]) -> bool:
    return any("." in cell for cell in cells) and all(not cell or _PLAIN.match(cell) for cell in cells)


def _is_padded(cell: str) -> bool:
    cell = cell.strip()
    return len(cell) > 1 and cell[0] == "0" and cell.isdigit()


def _remark_lines(where: str, place: str, texts: Sequence[str]) -> None:
    """Remark on lines that are not read."""
    if not texts:
        return
    some = repr(" ".join(texts[0].split())[:50])
    if len(texts) == 1:
        remark(f"{where}: its {place} line ({some}) is left out. If it is a sample or holds names, set skip=0.")
    else:
        remark(
            f"{where}: its {place} {len(texts)} lines ({some} and so on) are left out. If they are samples or hold "
            "names, set skip=0."
        )

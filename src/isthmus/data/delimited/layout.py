"""The layout of a text table: its delimiter, its names, and the lines above, between and below that are not data."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.data.delimited.delimiter import find_delimiter
from isthmus.data.delimited.file import MARKS, TextFile
from isthmus.data.delimited.foot import footer
from isthmus.data.delimited.head import Record, head_lines, records_of
from isthmus.data.delimited.header import MISSING, NUMBER, column_kinds
from isthmus.data.delimited.names import SEEN, called_by, commented_names, fitted, names_of
from isthmus.data.options import Options
from isthmus.errors import DataError, remark

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


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
    lines = head_lines(file)
    skip, start = options.skip, 0
    asked = options.delimiter
    if lines and (found := re.fullmatch(r"sep=(.)\s*", lines[0])):
        asked, start = asked or found[1], 1
    start += skip or 0
    body = [line for line in lines[start:] if line.strip() and (skip is not None or not line.startswith(MARKS))]
    if not body:
        raise DataError(f"{file.path} is empty: expected rows of numbers. Check that you gave the right file.")
    delimiter = asked or find_delimiter(body, file.path)
    records = records_of(lines, start, delimiter)
    return _laid_out(records, delimiter, file, options, like)


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
    first = fitted(table[0], width, below, spare=spare, where=where)
    spare = spare and not first[-1].strip()
    names, rows = names_of([first, *below], options, like, where, guess=guess)
    if not rows and options.header is None and (said := commented_names(records, table[0], width, delimiter)):
        remark(
            f"{where}: the names of the columns come from the comment {said!r:.60}. Set header=False if they are none."
        )
        names = said
    kept = table[rows:] or table[-1:]
    data = [record for record in kept[:most] if len(record.cells) == width] if len(table) > rows else []
    kinds = column_kinds([record.cells[:SEEN] for record in data]) or [MISSING]
    start = table[0].start if not rows else table[rows - 1].end
    foot = footer(file, delimiter, width, kinds, start, data) if guess and data else []
    if foot:
        _remark_lines(where, "last", [text for text in foot if text.strip(f'\r\n"{delimiter} ')])
    count = width - spare
    called, index = (
        called_by(names[:count], kinds, where, options, like) if names else (list(map(str, range(count))), None)
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

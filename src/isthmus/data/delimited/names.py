"""The names of a text table's columns, from its first rows or a comment above them."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from isthmus.data.cells import unguarded_name
from isthmus.data.delimited.delimiter import BLANKS
from isthmus.data.delimited.file import MARKS
from isthmus.data.delimited.head import Record, cells_in
from isthmus.data.delimited.header import TEXT, TIME, are_units, column_kinds, decide, is_below_names, kind_of
from isthmus.data.options import Options
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

NAME = "name"  # as in `isthmus.data.tables`
INDEX = "index"
"""The name of an index column that has none."""
_PANDAS_INDEX = re.compile(r"^Unnamed: 0(\.\d+)?$")
SEEN = 200
"""The columns that are compared; the others are taken to be like them."""


def names_of(
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


def fitted(record: Record, width: int, below: Sequence[tuple[str, ...]], *, spare: bool, where: str) -> tuple[str, ...]:
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


def commented_names(records: Sequence[Record], first: Record, width: int, delimiter: str) -> tuple[str, ...] | None:
    """The names in the last comment above the data, if it has one for each column."""
    comments = [record for record in records if record.line < first.line and record.text.startswith(MARKS)]
    if not comments:
        return None
    text = re.sub(r"^[#%/]+\s*", "", comments[-1].text)
    for mark in (delimiter, BLANKS):
        cells = [cell.strip() for cell in (cells_in(text, mark) or [[]])[0]]
        if len(cells) == width and len(set(cells)) == width > 1 and all(kind_of(cell) == TEXT for cell in cells):
            return tuple(cells)
    return None


def called_by(
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

"""Whether the first row of a text table holds names: its cells are compared with those of the rows below."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER, TIME, TEXT, MISSING = "number", "time", "text", "missing"
"""The kinds of a cell."""
CODES = {"", "?", "-", "--", ".", "*", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil", "missing", "<na>"}
"""Cells that stand for a missing value, in lower case."""
VALUES = {"inf", "-inf", "+inf", "infinity", "-infinity", "true", "false"}
YEARS = range(1800, 2201)
FEW, MANY = 3, 8
"""Numbers in a row that go up by one from 0 or 1 may be names if there are FEW; with any other step, MANY."""
_AMOUNT = re.compile(r"^[-+(]?[$€£¥]?\s?[-+]?(\d{1,3}([,.' \u00a0]\d{3})+|\d+)?([.,]\d*)?([eE][-+]?\d+)?\s?[%€$£¥)]?$")
_TIME = re.compile(
    r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{8}T\d{4,6})?([T ]?\d{1,2}:\d{2}(:\d{2})?.*)?$"
    r"|^\d{1,2}[ -][A-Za-z]{3}[ -]\d{2,4}"
)
_UNIT = re.compile(
    r"^(\[.*\]|\(.*\)|[°º%µμ‰Ω€$£].*|.*[/²³·^°].*|-|1|[kKMGmcdnuhp]?(m|g|s|A|K|V|W|J|N|Pa|Hz|L|l|mol|bar|Wh|eV|B|b|bit|t)"
    r"|deg\w*|min|h|hr|hrs|hours?|sec|seconds?|days?|d|years?|yr|mi|ft|in|inch|lb|lbs|oz|mph|kmh|kph|kts?|knots?|rpm"
    r"|psi|mmHg|ppm|ppb|ppt|dB|dBA|F|C|celsius|kelvin|fahrenheit|meters?|metres?|volts?|amps?|watts?|percent|pct|units?"
    r"|count|counts|string|text|int|integer|float|double|number|date|time|cm2|m2|m3|km2|none|n/?a|a\.?u\.?|usd|eur|gbp)$",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"^\W*(grand |sub)?(totals?|sums?|mean|average|avg|gesamt|summe|total(e|es)?|overall)\b", re.IGNORECASE
)
_NOTE = re.compile(
    r"^\W*(source|sources|notes?|footnotes?|quelle|copyright|©|generated|exported|created|end of)\b", re.I
)


def kind_of(cell: str) -> str:
    """NUMBER, TIME, TEXT or MISSING; amounts such as "1,234.5", "1,5", "$3" and "40 %" are numbers.

    >>> [kind_of(cell) for cell in ("1e-3", "1.234,5", "-$3", "2024-01-31 10:00", "?", "no. 5")]
    ['number', 'number', 'number', 'time', 'missing', 'text']
    """
    cell = cell.strip()
    if cell.lower() in CODES:
        return MISSING
    if cell.lower() in VALUES or _is_float(cell):
        return NUMBER
    if not any(map(str.isdigit, cell)):
        return TEXT
    if _AMOUNT.match(cell):
        return NUMBER
    return TIME if _TIME.match(cell) else TEXT


@dataclass(frozen=True)
class Decision:
    """Whether the first row holds names. unsure: what speaks for another decision; empty where it is clear."""

    header: bool
    unsure: str = ""


def column_kinds(rows: Sequence[Sequence[str]]) -> list[str]:
    """The kind of most cells of each column, apart from missing ones; MISSING where all are."""
    found = []
    for column in zip(*rows, strict=False):
        kinds = [kind for kind in map(kind_of, column) if kind != MISSING]
        found.append(max(dict.fromkeys(kinds), key=kinds.count) if kinds else MISSING)
    return found


def decide(rows: Sequence[Sequence[str]]) -> Decision:
    """Whether the first of these rows, all of one length, holds the names of the columns."""
    first, below = rows[0], rows[1:]
    own = list(map(kind_of, first))
    if not below:
        return Decision(TEXT in own or TIME in own)
    kinds = column_kinds(below[1:] if len(below) > 1 else below)
    values = [place for place, kind in enumerate(kinds) if kind in (NUMBER, TIME)]
    named = sum(own[place] == TEXT for place in values)
    same = [place for place in values if own[place] in (NUMBER, TIME)]
    if named and named >= len(same):
        return Decision(True, "some of its cells are numbers" if same else "")
    if same and _are_names([first[place] for place in same], [[row[place] for place in same] for row in below]):
        return Decision(True, "its cells are numbers that count up")
    if same:
        return Decision(False, "some of its cells are text" if TEXT in own else "")
    return _decide_by_text(first, below)


def _decide_by_text(first: Sequence[str], below: Sequence[Sequence[str]]) -> Decision:
    """The decision where no column has a number in its first row: names are different and don't return below."""
    unsure = "all its cells are text"
    if len({cell.strip() for cell in first if cell.strip()}) < sum(bool(cell.strip()) for cell in first):
        return Decision(False, unsure)
    for place, cell in enumerate(first):
        column = [row[place].strip() for row in below]
        if cell.strip() and kind_of(cell) == TEXT and cell.strip() in column:
            return Decision(False, unsure)
    return Decision(True, unsure)


def _are_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether numbers in the first row are names: they count up, and those below don't."""
    numbers = list(map(_number, first))
    step = _step(first)
    if None in numbers or any(step is not None and _step(row) == step for row in below):
        return False
    whole = all(re.fullmatch(r"\d+", cell.strip()) for cell in first)
    years = whole and all(number in YEARS for number in numbers)
    if years and (step is not None or len(first) == 1):
        return len(below) >= FEW and not any(_number(cell) in YEARS for row in below for cell in row)
    fractions = all(kind_of(cell) == MISSING or re.search(r"[.,eE]", cell) for row in below for cell in row)
    if len(first) == 1:
        return whole and numbers[0] == 0 and fractions and len(below) >= FEW
    if step == 1 and whole and numbers[0] in (0, 1):
        return len(first) >= FEW or fractions
    return step is not None and len(first) >= MANY


def _step(row: Sequence[str]) -> float | None:
    """The step of numbers that go up or down evenly; None for others."""
    numbers = [_number(cell) for cell in row]
    if None in numbers or len(numbers) < 2:
        return None
    steps = [after - before for before, after in itertools.pairwise(numbers)]  # type: ignore[operator]
    even = steps[0] != 0 and all(abs(step - steps[0]) <= 1e-6 * abs(steps[0]) for step in steps)
    return round(steps[0], 9) if even else None


def is_below_names(row: Sequence[str], kinds: Sequence[str]) -> bool:
    """Whether a row below the names continues them: text, and no number, where the columns have values."""
    over = [kind_of(cell) for cell, kind in zip(row, kinds, strict=True) if kind in (NUMBER, TIME)]
    return (TEXT in over and NUMBER not in over and TIME not in over) or _all_units(row, kinds)


def _all_units(row: Sequence[str], kinds: Sequence[str]) -> bool:
    """Whether every column of numbers has a unit here, which may look like a missing value, and some are not that."""
    over = [cell.strip() for cell, kind in zip(row, kinds, strict=True) if kind == NUMBER]
    return bool(over) and all(_UNIT.match(cell) for cell in over) and any(kind_of(cell) == TEXT for cell in over)


def are_units(row: Sequence[str]) -> bool:
    """Whether the cells of a row are units of measurement, most of them at least."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return 2 * sum(_UNIT.match(cell) is not None for cell in cells) > len(cells)


def is_total(cell: str) -> bool:
    """Whether a row that begins with this cell sums up the rows above it."""
    return _TOTAL.match(cell) is not None


def is_note(cell: str) -> bool:
    """Whether a line that begins so is about the table, such as its source."""
    return _NOTE.match(cell) is not None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _is_float(cell: str) -> bool:
    return _number(cell) is not None

"""Cells of text that stand for numbers, dates or nothing, recognised and converted a whole column at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

pc: Any = compute  # which makes its functions when it is imported

ABSENT = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "NaT", "#N/A", "<NA>")
"""Text cells that always mean a missing value."""
CODES = ("?", "-", "--", "—", ".", "..", "*", "n/a", "na", "n.a.", "(null)", "\\N", "#NV", "k.A.")
"""Text cells that usually mean a missing value; users get a remark."""
WORDS = ("None", "none", "missing", "Missing", "unknown", "Unknown", "nil", "void", "null")
"""Words that mean a missing value in a column of numbers or dates, but may be a category."""

POINT, COMMA = "1,234.5", "1.234,5"
"""How a column writes its numbers, by an example."""
_SIGN, _SPACE = r"[+\-−]?", r"[ '  ’]"
_SHAPES = {
    POINT: rf"^{_SIGN}(\d+|\d{{1,3}}((,|{_SPACE})\d{{3}})+)?(\.\d*)?([eE][+\-]?\d+)?$",
    COMMA: rf"^{_SIGN}(\d+|\d{{1,3}}((\.|{_SPACE})\d{{3}})+)?(,\d*)?([eE][+\-]?\d+)?$",
}
_DIGIT = r"\d"
_UNIT = r"(?i)^\s*(€|\$|£|¥|USD|EUR|GBP|CHF)?\s*|\s*(%|€|\$|£|¥|USD|EUR|GBP|CHF|kr)?\s*$"

DATES = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%y",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
)
"""Formats of dates, tried in this order: where both fit, the month comes before the day, as in pandas."""
TIMES = ("%H:%M:%S", "%H:%M")
SPAN = "1 day 02:03:04"
"""Durations as pandas and Python write them."""
_SPAN = (
    r"^(?P<sign>-?)(?:(?P<days>\d+) days?,? ?)?(?:\+?(?P<hours>\d+):(?P<minutes>\d{2}):(?P<seconds>\d{2}(?:\.\d+)?))?$"
)
ISO = "ISO 8601"
"""Dates with fractions of a second or a time zone, which Arrow reads itself."""


def as_one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column as one array."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.unify_dictionaries().chunks) if column.num_chunks else pa.array([], column.type)


def plain_text(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column as one array of text without blanks around it."""
    column = as_one(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return pc.utf8_trim_whitespace(column.cast(pa.string()))


def without(texts: pa.Array, codes: Sequence[str]) -> pa.Array:
    """The texts with null for those that mean a missing value."""
    return pc.if_else(pc.is_in(texts, pa.array(codes, pa.string())), pa.scalar(None, pa.string()), texts)


def number_form(texts: pa.Array) -> tuple[str, float, bool]:
    """How numbers are written in texts without nulls: form, the share of texts that are numbers, and whether the other
    form fits as well but means other numbers.
    """
    bare = _bare(texts)
    written = pc.match_substring_regex(bare, _DIGIT)
    fits = {form: pc.and_(written, pc.match_substring_regex(bare, shape)) for form, shape in _SHAPES.items()}
    shares = {form: float(pc.mean(fit.cast(pa.float64())).as_py() or 0.0) for form, fit in fits.items()}
    form = COMMA if shares[COMMA] > shares[POINT] else POINT
    both = shares[POINT] == shares[COMMA] and shares[POINT] > 0
    if not both:
        return form, shares[form], False
    groups = pc.any(pc.match_substring_regex(bare, r"[.,]")).as_py()
    return form, shares[form], bool(groups) and bool(pc.any(pc.match_substring_regex(bare, ",")).as_py())


def as_numbers(texts: pa.Array, form: str) -> pa.Array:
    """Float64 numbers; null for texts that aren't numbers. A number with a per cent sign stays as it is written."""
    bare = _bare(texts)
    fits = pc.and_(pc.match_substring_regex(bare, _SHAPES[form]), pc.match_substring_regex(bare, _DIGIT))
    grouping = rf",|{_SPACE}" if form == POINT else rf"\.|{_SPACE}"
    bare = pc.replace_substring_regex(bare, grouping, "")
    bare = pc.replace_substring(bare, "−", "-")
    if form == COMMA:
        bare = pc.replace_substring(bare, ",", ".")
    bare = pc.replace_substring_regex(bare, r"^\+", "")
    return pc.if_else(fits, bare, pa.scalar(None, pa.string())).cast(pa.float64())


def _bare(texts: pa.Array) -> pa.Array:
    """Without currency and per cent; a minus may stand before the currency."""
    texts = pc.replace_substring_regex(texts, r"^([+\-−])\s*(€|\$|£|¥)", r"\1")
    return pc.replace_substring_regex(texts, _UNIT, "")


def date_form(texts: pa.Array) -> tuple[str, float, bool]:
    """The format of dates in texts without nulls: format, the share of texts that have it, and whether day and month
    could be exchanged in all of them. The format is "" if there are no dates.
    """
    some = texts[: min(len(texts), 100)]
    if not pc.any(pc.match_substring_regex(some, r"\d")).as_py():
        return "", 0.0, False
    best, share = "", 0.0
    for form in (*DATES, *TIMES, ISO, SPAN):
        tried = pc.mean(pc.is_valid(as_dates(some, form)).cast(pa.float64())).as_py()
        if tried > max(share, 0.5):
            found = float(pc.mean(pc.is_valid(as_dates(texts, form)).cast(pa.float64())).as_py())
            if found > share:
                best, share = form, found
        if share == 1.0:
            break
    other = exchanged(best)
    doubtful = bool(other) and pc.all(pc.is_valid(as_dates(texts, other))).as_py()
    same = doubtful and as_dates(texts, other).equals(as_dates(texts, best))
    return best, share, doubtful and not same


def exchanged(form: str) -> str:
    """The format with day and month exchanged, if it begins with both as numbers."""
    if form[:2] == "%m" and form[3:5] == "%d":
        return f"%d{form[2]}%m{form[5:]}"
    if form[:2] == "%d" and form[3:5] == "%m" and form[2] != ".":
        return f"%m{form[2]}%d{form[5:]}"
    return ""


def as_dates(texts: pa.Array, form: str) -> pa.Array:
    """Timestamps in microseconds, or durations; null for texts of another format. ISO: in UTC if texts have a zone."""
    if form == ISO:
        return _each(texts, _iso)
    if form == SPAN:
        return _durations(texts)
    found = pc.strptime(texts, form, "us", error_is_null=True)
    # strptime takes short years and single digits; what is written back must be what was read
    return pc.if_else(_strict(texts, form), found, pa.scalar(None, found.type))


def _strict(texts: pa.Array, form: str) -> pa.Array:
    """Whether texts have a year of as many digits as the format says, and nothing after it."""
    parts = {
        "%Y": r"\d{4}",
        "%y": r"\d{2}",
        "%m": r"\d{1,2}",
        "%d": r"\d{1,2}",
        "%H": r"\d{1,2}",
        "%M": r"\d{2}",
        "%S": r"\d{2}",
        "%b": r"[A-Za-z]{3}\.?",
        "%B": r"[A-Za-z]+",
    }
    pattern = form.replace(".", r"\.")
    for word, shape in parts.items():
        pattern = pattern.replace(word, shape)
    return pc.match_substring_regex(texts, f"^{pattern}$")


def _durations(texts: pa.Array) -> pa.Array:
    shaped = pc.and_(pc.match_substring_regex(texts, _SPAN), pc.match_substring_regex(texts, r"day|:.*:"))
    parts = pc.extract_regex(texts, _SPAN)
    units = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
    total = pa.scalar(0.0)
    for name, unit in units.items():
        text = pc.struct_field(parts, name)
        total = pc.add(total, pc.multiply(pc.if_else(pc.equal(text, ""), "0", text).cast(pa.float64()), unit))
    negative = pc.equal(pc.struct_field(parts, "sign"), "-")
    micro = pc.round(pc.multiply(pc.if_else(negative, pc.negate(total), total), 1e6)).cast(pa.int64())
    return pc.if_else(shaped, micro, pa.scalar(None, pa.int64())).cast(pa.duration("us"))


def _iso(texts: pa.Array) -> pa.Array:
    zoned = bool(len(texts)) and pc.any(pc.match_substring_regex(texts, r"(Z|[+\-]\d{2}:?\d{2})$")).as_py()
    return texts.cast(pa.timestamp("us", "UTC") if zoned else pa.timestamp("us"))


def _each(texts: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The converted texts; if some can't be, null for those, found by their shape."""
    shaped = pc.match_substring_regex(
        texts, r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+\-]\d{2}:?\d{2})?$"
    )
    try:
        return convert(pc.if_else(shaped, texts, pa.scalar(None, pa.string())))
    except pa.ArrowInvalid:
        return pa.nulls(len(texts), pa.timestamp("us"))


def seconds_of(column: pa.Array) -> np.ndarray:
    """(rows,) float64 seconds of dates since 1970, of times since midnight, of durations; NaN for missing ones."""
    kind = column.type
    if pa.types.is_date(kind):
        column, unit = column.cast(pa.timestamp("us")), 1e6
    else:
        if pa.types.is_time32(kind):
            column = column.cast(pa.time32("ms")).cast(pa.time64("us"))
        unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
    whole = pc.cast(column, pa.int64())
    return np.asarray(pc.fill_null(whole, 0).to_numpy(zero_copy_only=False), np.float64) / unit + np.where(
        pc.is_null(whole).to_numpy(zero_copy_only=False), np.nan, 0.0
    )

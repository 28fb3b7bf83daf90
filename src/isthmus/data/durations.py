"""Durations: lengths of time as words, "1h" or "30min", and back."""

import math
import re
from typing import Any

from isthmus.errors import DataError

UNITS = {
    "d": 86400.0,
    "h": 3600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
}
"""Seconds of the units that durations are written in, the longest first."""
MOST = 10**6
"""A measured duration of more nanoseconds, for example, isn't meant to the nanosecond."""
_SPELLINGS = {
    "day": "d",
    "days": "d",
    "hour": "h",
    "hours": "h",
    "m": "min",
    "minute": "min",
    "minutes": "min",
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "µs": "us",
}
_WRITTEN = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([a-zµ]+)\s*", re.IGNORECASE)


def seconds_of(written: str) -> float | None:
    """The seconds of a duration; None if the text is none.

    >>> seconds_of("1h"), seconds_of("2.5 min"), seconds_of("soon")
    (3600.0, 150.0, None)
    """
    if (found := _WRITTEN.fullmatch(written)) is None:
        return None
    word = found[2].lower()
    unit = UNITS.get(_SPELLINGS.get(word, word))
    return None if unit is None else float(found[1]) * unit


def duration_words(seconds: float) -> str:
    """A duration in the longest unit of which it is a whole number, or in about so many seconds.

    >>> duration_words(3600), duration_words(90), duration_words(0.25), duration_words(58.828254844)
    ('1 h', '90 s', '250 ms', '58.83 s')
    """
    for unit, size in UNITS.items():
        count = seconds / size
        if 1 <= count < MOST and math.isclose(count, round(count), rel_tol=1e-9):
            return f"{round(count):,} {unit}"
    return f"{seconds:.4g} s"


def checked_length(name: str, value: Any) -> float | str | None:
    """The option `name`: a positive number, or a duration as text; numbers that are written as text become numbers.

    Raises:
        DataError: it is neither.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            if (seconds := seconds_of(value)) is not None and seconds > 0:
                return value
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise DataError(f"{name}={value!r}: expected a number above 0, or a duration such as '1h', '30min' or '10s'.")
    return value

"""Formatting of numbers, shares and counts, the same on the command line, in reports and in pictures."""

import math
from collections.abc import Sequence

NARROW = "\u202f"
"""A narrow no-break space."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3) -> str:
    """A number with `digits` significant digits. Digits before the point and whole numbers are kept; None is a dash.

    >>> [number(value) for value in (0.012345, 1.5, 34, 52821.4, 1.5e-7, None)]
    ['0.0123', '1.50', '34', '52,821', '1.50×10⁻⁷', '–']
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e7:
        if float(value).is_integer():
            return _signed(f"{value:,.0f}")
        if abs(value) < 10**digits:
            value = float(f"{value:.{digits - 1}e}")  # first, so that 9.996 becomes 10.0 and not 10.00
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        return _signed(f"{value:,.{decimals}f}")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return _signed(mantissa) + "×10" + str(int(exponent)).translate(_RAISED)


def percent(share: float, decimals: int | None = None) -> str:
    """A share of 1 as a percentage. By default it has one decimal, and two near 0 % and 100 %."""
    if decimals is None:
        decimals = 1 if 0.001 <= abs(share) <= 0.999 else 2
    text = f"{100 * share:.{decimals}f}"
    return _signed(f"{text if float(text) else 0}{NARROW}%")


def listed(words: Sequence[str], most: int = 5) -> str:
    """The first `most` words, and the number of the others.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _signed(text: str) -> str:
    return text.replace("-", "−")

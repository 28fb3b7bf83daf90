"""Plain text: names made safe for any terminal, page or file."""

import re

_ORDERS = "\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Characters that move the cursor, change colours, end lines or reverse the direction of text."""
_HALVES = "\ud800-\udfff"
"""Bytes of a file's name that aren't UTF-8, in Python's form, which can't be encoded."""
_UNSAFE, _NO_UTF8, _ENDS = re.compile(f"[{_ORDERS}{_HALVES}]"), re.compile(f"[{_HALVES}]"), re.compile(r"[\t\n]")


def plain(text: str, *, line: bool = False) -> str:
    r"""The text with characters that control a terminal or can't be encoded written as escapes, such as `\x1b`.

    line: whether tabs and line breaks are escaped too, so that one line stays one.

    >>> plain("\x1b[31mred, \udcf6")
    '\\x1b[31mred, \\xf6'
    """
    text = _UNSAFE.sub(_written_out, text)
    return _ENDS.sub(_written_out, text) if line else text


def utf8(text: str) -> str:
    r"""The text with bytes that aren't UTF-8 written as escapes, for UTF-8 files: the byte F6 becomes `\xf6`."""
    return _NO_UTF8.sub(_written_out, text)


def plain_json(text: str) -> str:
    """A JSON text with unsafe characters as JSON escapes, so that names are read unchanged."""
    return _UNSAFE.sub(lambda unsafe: f"\\u{ord(unsafe[0]):04x}", text)


def _written_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # a byte as `os.fsdecode` keeps it
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def reads_as_number(text: str) -> bool:
    """Whether Python takes a text for a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True

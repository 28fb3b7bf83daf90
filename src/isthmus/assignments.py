"""Assignments: `key=value` words, as the command line and names of candidates have them."""

import json
from typing import Any

from isthmus.errors import DataError


def read_assignment(word: str) -> tuple[str, Any]:
    """A `key=value` word: the value is JSON where it can be, a list where it has commas, else text.

    >>> [read_assignment(word) for word in ("code=32", "network.widths=128,64", "activation=relu", "tied=true")]
    [('code', 32), ('network.widths', [128, 64]), ('activation', 'relu'), ('tied', True)]

    Raises:
        DataError: it is not `key=value`.
    """
    key, equals, text = word.partition("=")
    key = key.strip().replace("-", "_")
    if not equals or not key.replace(".", "_").isidentifier():
        raise DataError(f"{word!r}: expected key=value, as in code=32.")
    return key, _value(text.strip())


def _value(text: str) -> Any:
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for attempt in (text, f"[{text.rstrip(',')}]") if "," in text else (text,):
        try:
            return json.loads(attempt)
        except (ValueError, RecursionError):  # RecursionError: brackets within brackets without an end
            continue
    return text

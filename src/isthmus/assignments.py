"""Assignments: `key=value` words on the command line and in names of candidates."""

import json
from typing import Any

from isthmus.errors import DataError


def read_assignment(word: str) -> tuple[str, Any]:
    """Parse a `key=value` word: the value is JSON if possible, a list if it has commas, else text.

    >>> [read_assignment(word) for word in ("code=32", "network.widths=128,64", "activation=relu", "tied=true")]
    [('code', 32), ('network.widths', [128, 64]), ('activation', 'relu'), ('tied', True)]

    Raises:
        DataError: the word isn't of the form `key=value`.
    """
    key, equals, text = word.partition("=")
    key = key.strip().replace("-", "_")
    if not equals or not key.replace(".", "_").isidentifier():
        raise DataError(f"{word!r} is not an assignment: expected key=value, as in code=32.")
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

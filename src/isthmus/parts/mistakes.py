"""Validation errors of a value's fields, as one readable line."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from isthmus.errors import nearest

_LIMITS = {
    "greater_than_equal": ("ge", "of at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "of at most"),
    "less_than": ("lt", "below"),
}
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a table of fields",
    "model": "a table of fields",
}


def explain(called: str, prefix: str, fields: Iterable[str], error: ValidationError) -> str:
    """The message for a validation error: the field, the value given and the values expected.

    called: the object, as the subject of a sentence ("The dense network"). prefix: its name before a field's
    ("network", for "network.widths"). fields: the known fields.
    """
    said: list[str] = []
    wrong: dict[str, list[Any]] = {}
    for problem in error.errors():
        path = _path(prefix, problem["loc"])
        if problem["type"] == "extra_forbidden":
            said.append(f"{called} has no option {problem['loc'][-1]!r}. {nearest(str(problem['loc'][-1]), fields)}")
        elif problem["type"] == "missing":
            said.append(f"{called} needs {problem['loc'][-1]!r}.")
        elif isinstance(cause := problem.get("ctx", {}).get("error"), ValueError):
            said.append(str(cause))
        else:
            wrong.setdefault(".".join(map(str, problem["loc"][:1])), []).append((path, problem))
    for problems in wrong.values():
        said += _field(problems)
    return " ".join(said)


def brief(value: Any, most: int = 60) -> str:
    """The value in one line of at most `most` characters."""
    try:
        text = " ".join(repr(value).split())
    except (RecursionError, ValueError):  # lists within lists; a whole number of thousands of digits
        text = f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= most else text[: most - 1] + "…"


def _field(problems: list[Any]) -> list[str]:
    """The messages for one field.

    If several forms are allowed (a number or a list), pydantic reports an error for each. The intended form is the one
    whose error is deepest, or concerns the value's size instead of its type.
    """

    def nearness(path: str, problem: Any) -> tuple[int, bool]:
        return path.count("["), problem["type"] in _LIMITS

    best = max(nearness(*pair) for pair in problems)
    expected: dict[tuple[str, str], list[str]] = {}
    hint = ""
    for path, problem in problems:
        if nearness(path, problem) == best:
            words = expected.setdefault((path, brief(problem["input"])), [])
            words += [_expected(problem)] if _expected(problem) not in words else []
            hint = hint or _hint(problem)
    return [f"{path} is {given}: expected {' or '.join(words)}.{hint}" for (path, given), words in expected.items()]


def _path(prefix: str, steps: tuple[int | str, ...]) -> str:
    """A path such as `network.widths[0]`, without pydantic's names for the forms of a field ("constrained-int")."""
    path = prefix
    for number, step in enumerate(steps):
        if isinstance(step, int):
            path += f"[{step}]"
        elif number == 0 or (step.isidentifier() and step not in {"int", "float", "bool", "str", "none"}):
            path += f".{step}"
    return path


def _expected(problem: Any) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in _LIMITS:
        name, relation = _LIMITS[kind]
        return f"{'a whole number' if isinstance(context[name], int) else 'a number'} {relation} {context[name]:g}"
    if kind == "literal_error":
        return context["expected"]
    if (family := kind.split("_")[0]) in _TYPES:
        return _TYPES[family]
    return problem["msg"].removeprefix("Input should be ")


def _hint(problem: Any) -> str:
    """The nearest of the words that a field allows, if one is near."""
    if problem["type"] != "literal_error" or not isinstance(problem["input"], str):
        return ""
    hint = nearest(problem["input"], re.findall(r"'([^']+)'", problem["ctx"]["expected"]))
    return f" {hint}" if hint.startswith("Did") else ""

"""How the values of options are read from words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from isthmus.assignments import read_assignment
from isthmus.errors import DataError
from isthmus.options import Defined


def size(text: str) -> tuple[int, int]:
    """`28` or `28x32` (height x width) as a picture's size.

    Raises:
        typer.BadParameter: it is neither.
    """
    sides = text.lower().replace(",", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
        raise typer.BadParameter(f"{text!r} is not a size: expected 28, or 28x32 for height x width")
    return int(sides[0]), int(sides[-1])


def names(texts: Sequence[str] | None) -> list[str] | None:
    """Names given by several options, or separated by commas in one; None where none is given."""
    found = [name.strip() for text in texts or () for name in text.split(",") if name.strip()]
    return found or None


def number(defined: Defined, text: str) -> Any:
    """The number that an option is given, or one of the words that it takes.

    Raises:
        typer.BadParameter: it is neither, or out of bounds.
    """
    if text in defined.choices:
        return text
    try:
        value = (defined.number or float)(text)
        allowed = defined.allows(value)
    except ValueError:
        allowed, value = False, None
    if not allowed:
        raise typer.BadParameter(f"{text!r}: expected {defined.expected}")
    return value


def ending(target: Path, *endings: str, called: str = "--out") -> Path:
    """A path that says by its ending that it is to hold what is written there.

    Raises:
        typer.BadParameter: its ending says something else.
    """
    if target.suffix.lower() not in endings:
        raise typer.BadParameter(f"{called} {target}: expected a path that ends in {' or '.join(endings)}")
    return target


def whole(word: str) -> int:
    """A whole number.

    Raises:
        typer.BadParameter: it is none.
    """
    if not word.strip().isdecimal():
        raise typer.BadParameter(f"{word!r} is no whole number from 0 on")
    return int(word)


def settings(pairs: Sequence[str] | None) -> dict[str, Any]:
    """Read `key=value` words; a value is JSON where it can be, a list where it has commas, else text.

    >>> settings(["code=32", "hidden=128,64", "activation=relu", "tied=true"])
    {'code': 32, 'hidden': [128, 64], 'activation': 'relu', 'tied': True}

    Raises:
        typer.BadParameter: a word is not `key=value`, or a key is given twice.
    """
    read: dict[str, Any] = {}
    for pair in pairs or ():
        try:
            key, value = read_assignment(pair)
        except DataError as error:
            raise typer.BadParameter(f"--set {pair!r}: expected key=value, as in --set code=32") from error
        if key in read:
            raise typer.BadParameter(f"--set {key} is given twice: say it once")
        read[key] = value
    return read

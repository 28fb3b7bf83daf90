"""What Isthmus says when it can't go on, and the remarks it makes when it can."""

import difflib
import os
import re
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

from isthmus.plain import plain

_PACKAGE = f"{Path(__file__).parent}{os.sep}"


class IsthmusError(Exception):
    """Anything that Isthmus refuses, in one message: what was given, what was expected, what to do.

    Names in the message are made safe to show (`isthmus.plain`).
    """

    def __init__(self, message: str = "", *more: object) -> None:
        super().__init__(plain(_begun(message)), *more)


class DataError(IsthmusError, ValueError):
    """The data can't be read, or don't fit what they are given to."""


class BlueprintError(IsthmusError, ValueError):
    """The parts of a model don't fit each other, the data, or what a part can be."""


class RunError(IsthmusError):
    """A run's folder is damaged, foreign, taken or incomplete."""


class TrainingError(IsthmusError, ArithmeticError):
    """Training can't go on: the loss or the gradients are no longer finite."""


class UseError(IsthmusError, ValueError):
    """The model can't be used in this way."""


class Remark(UserWarning):
    """Something that is allowed but worth knowing; the command line prints it as a note."""


def remark(message: str) -> None:
    """Tell the user, once per place, something worth knowing that stops nothing; the place is a line of theirs."""
    frame, level, outside = sys._getframe(1), 2, 2  # as `warnings` counts: 2 is whoever called `remark`
    while frame is not None:
        level += 1
        if frame.f_code.co_filename.startswith(_PACKAGE):
            outside = level  # a level above our outermost line: other libraries may lie between ours
        frame = frame.f_back
    warnings.warn(plain(_begun(message)), Remark, stacklevel=outside)


def out_of_memory(error: BaseException) -> bool:
    """Whether the system, PyTorch or Arrow had not as much memory as was asked for, or could not even count it."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("allocate memory", "out of memory", "Storage size calculation overflowed", "array is too big")
    return isinstance(error, RuntimeError | ValueError) and any(word in str(error) for word in words)


def nearest(name: str, known: Iterable[str]) -> str:
    """The words that end a message about an unknown name: the nearest known ones, or all of them (20 at most).

    >>> nearest("depe", ["deep", "conv"])
    "Did you mean 'deep'?"
    """
    known = list(known)
    if not known:
        return "There are none here."
    if close := alike(name, known):
        return f"Did you mean {' or '.join(map(repr, close))}?"
    return f"Known: {', '.join(known[:20])}{' and more' if len(known) > 20 else ''}."


def renamed(missing: Iterable[str], there: Iterable[str]) -> str:
    """The words that end a message about columns that are missing: which of those that are there may be meant.

    >>> renamed(["weight", "age"], ["Weight", "city"])
    "Is 'Weight' meant to be 'weight'? Add or rename them."
    """
    there = list(there)
    near = next(((close[0], name) for name in missing if (close := alike(name, there))), None)
    return (f"Is {near[0]!r} meant to be {near[1]!r}? " if near else "") + "Add or rename them."


def _begun(message: str) -> str:
    """A message that begins with an object in memory, "the DataFrame has …", as a sentence begins."""
    return f"T{message[1:]}" if re.match(r"the \w+ ", message) else message


def alike(name: str, known: Iterable[str]) -> list[str]:
    """The two nearest at most of the known names, of those that are near at all."""
    by_lower_case = {other.lower(): other for other in known}
    return [by_lower_case[other] for other in difflib.get_close_matches(name.lower(), by_lower_case, n=2, cutoff=0.5)]

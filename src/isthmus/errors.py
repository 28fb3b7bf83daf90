"""Errors and remarks."""

import contextlib
import difflib
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

from isthmus.plain import plain

_PACKAGE = f"{Path(__file__).parent}{os.sep}"
_SHOWN: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("shown", default=())
_COLLECTED: ContextVar[list[str] | None] = ContextVar("collected", default=None)


class IsthmusError(Exception):
    """The base of all errors. The message names the fault, the expected value and a remedy.

    Names in the message are made safe to show (`isthmus.plain`).
    """

    def __init__(self, message: str = "", *more: object) -> None:
        super().__init__(plain(_begun(_as_shown(message))), *more)


class DataError(IsthmusError, ValueError):
    """The data can't be read, or don't fit the model."""


class BlueprintError(IsthmusError, ValueError):
    """The parts of a model don't fit each other or the data, or an option of a part is invalid."""


class RunError(IsthmusError):
    """A run's folder is damaged, incomplete, in use, or not written by Isthmus."""


class TrainingError(IsthmusError, ArithmeticError):
    """Training can't continue: the loss or the gradients are no longer finite."""


class ElsewhereError(IsthmusError):
    """Training can't continue, because of an error that the first of several processes has met, and reports itself."""


class UseError(IsthmusError, ValueError):
    """The model can't be used in this way."""


class Remark(UserWarning):
    """A warning about something that is allowed but worth knowing. The command line prints it as a note."""


def remark(message: str) -> None:
    """Warn the user without stopping. The warning is shown once per line of the user's code."""
    text = plain(_begun(_as_shown(message)))
    if (collected := _COLLECTED.get()) is not None:
        collected.append(text)
        return
    frame, level, outside = sys._getframe(1), 2, 2  # as `warnings` counts: 2 is the caller of `remark`
    while frame is not None:
        level += 1
        if frame.f_code.co_filename.startswith(_PACKAGE):
            outside = level  # a level above our outermost line: other libraries may lie between ours
        frame = frame.f_back
    warnings.warn(text, Remark, stacklevel=outside)


@contextlib.contextmanager
def collected_remarks() -> Iterator[list[str]]:
    """Within the block, in this thread, remarks are added to the list that it gives, and are not shown."""
    found: list[str] = []
    before = _COLLECTED.set(found)
    try:
        yield found
    finally:
        _COLLECTED.reset(before)


@contextlib.contextmanager
def shown_as(path: str, name: str) -> Iterator[None]:
    """Within the block, in this thread, errors and remarks name a temporary file `path` by the source it comes from."""
    before = _SHOWN.set((*_SHOWN.get(), (path, name)))
    try:
        yield
    finally:
        _SHOWN.reset(before)


def out_of_memory(error: BaseException) -> bool:
    """Whether the error means that the system, PyTorch or Arrow had too little memory, or the size overflowed."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("allocate memory", "out of memory", "Storage size calculation overflowed", "array is too big")
    return isinstance(error, RuntimeError | ValueError) and any(word in str(error) for word in words)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known names, or all of them (at most 20).

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
    """The end of a message about missing columns: a similar name among the existing columns.

    >>> renamed(["weight", "age"], ["Weight", "city"])
    "Is 'Weight' meant to be 'weight'? Add or rename them."
    """
    there = list(there)
    near = next(((close[0], name) for name in missing if (close := alike(name, there))), None)
    return (f"Is {near[0]!r} meant to be {near[1]!r}? " if near else "") + "Add or rename them."


def _as_shown(message: str) -> str:
    for path, name in reversed(_SHOWN.get()):
        message = message.replace(path, name)
    return message


def _begun(message: str) -> str:
    """The message with a capital letter, if it begins with an object in memory ("the DataFrame has …")."""
    return f"T{message[1:]}" if re.match(r"the \w+[ ,]", message) else message


def alike(name: str, known: Iterable[str]) -> list[str]:
    """At most two known names that are similar to this one, the nearest first."""
    by_lower_case = {other.lower(): other for other in known}
    return [by_lower_case[other] for other in difflib.get_close_matches(name.lower(), by_lower_case, n=2, cutoff=0.5)]

"""A finding: one problem of a model, with its number, its picture and its cure."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

Severity = Literal["serious", "mild"]
"""Serious: the model is useless, or its numbers are misleading. Mild: it works, but a better one is easy to get."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure of the problem, drawn on request, with a text alternative and a caption."""

    draw: "Callable[[Theme], Figure]"
    alt: str
    caption: str


@dataclass(frozen=True, eq=False)
class Finding:
    """The result of one check.

    name: the problem. words: the problem in this model, in a sentence or two. number, unit: the measurement. limit: the
    limit for a healthy model; `healthy` is the side of it. cure: how to solve the problem, in words; command: the cure
    as a command, or as a line of Python for a run without a folder; "" if no other training on the same data would
    solve it. picture: drawn on request.
    """

    name: str
    severity: Severity
    words: str
    number: float
    unit: str
    limit: float
    healthy: Literal["at most", "at least"]
    cure: str
    command: str
    picture: Picture | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything but the picture."""
        names = ("name", "severity", "words", "number", "unit", "limit", "healthy", "cure", "command")
        return {name: getattr(self, name) for name in names}


def drawings() -> ModuleType:
    """The figures of findings, imported when one is drawn: Matplotlib takes half a second and 50 MB."""
    from isthmus.drawing import signs  # noqa: PLC0415

    return signs


def share(value: float) -> str:
    """A share of 1 as a percentage."""
    return f"{100 * value:.0f} %"

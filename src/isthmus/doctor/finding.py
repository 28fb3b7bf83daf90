"""A finding: one illness of a model, with its number, its picture and its cure."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

Severity = Literal["serious", "mild"]
"""Serious: the model isn't what it seems to be, or is of no use. Mild: it works, and could be better for less."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure of what is wrong, drawn when asked for; in words for those who can't see it, and a caption."""

    draw: "Callable[[Theme], Figure]"
    alt: str
    caption: str


@dataclass(frozen=True, eq=False)
class Finding:
    """What one check found.

    name: the illness. words: what is seen, in a sentence or two. number, unit: what was measured. limit: what a healthy
    model keeps to, `healthy` says which side of it. cure: what ends the finding, in words; command: the same to be
    typed, a line of Python for a run that has no folder; "" where no other training of the same data would end it.
    picture: drawn when asked for.
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
    """The figures of findings, loaded when one is drawn: Matplotlib takes half a second and 50 MB."""
    from isthmus.drawing import signs  # noqa: PLC0415

    return signs


def share(value: float) -> str:
    """A share of 1 as a percentage."""
    return f"{100 * value:.0f} %"

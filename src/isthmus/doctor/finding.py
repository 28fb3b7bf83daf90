"""A finding: one problem of a model, with its number, its picture and its cure."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from isthmus.formatting import number
from isthmus.shown import Card, Shown, ShownList, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

Severity = Literal["serious", "mild"]
"""Serious: the model is useless, or its numbers are misleading. Mild: it works, but a better one is easy to get."""


@dataclass(frozen=True, eq=False, repr=False)
class Picture(Shown):
    """A figure of the problem, drawn on request, with a text alternative and a caption."""

    draw: "Callable[[Theme], Figure]"
    alt: str
    caption: str


@dataclass(frozen=True, eq=False, repr=False)
class Finding(Shown):
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

    def draw(self, theme: "Theme | None" = None) -> "Figure | None":
        """The picture of the problem; None if it has none."""
        return None if self.picture is None else self.picture.draw(theme or _light())

    @property
    def measured(self) -> str:
        """The number with its unit, and the limit of a healthy model."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{number(self.number)}{unit} (healthy: {self.healthy} {number(self.limit)})"

    def _card(self) -> Card:
        facts = {"severity": self.severity, "measured": self.measured, "cure": self.cure}
        figures = (self.draw,) if self.picture is not None else ()
        return Card(f"{self.name}. {self.words}", facts, figures=figures, code=self.command)


class Findings(ShownList[Finding]):
    """The problems of a run; an empty list if there are none."""

    def _card(self) -> Card:
        if not self:
            return Card("no problem was found")
        rows = [(one.severity, one.name, one.words, one.cure, one.command) for one in self]
        head = ("severity", "problem", "in this model", "cure", "command")
        count = f"{len(self)} problem{'s' * (len(self) != 1)}"
        return Card(count, tables=[Table(head, rows, code=(4,))], figures=[one.draw for one in self if one.picture])


def drawings() -> ModuleType:
    """The figures of findings, imported when one is drawn: Matplotlib takes half a second and 50 MB."""
    from isthmus.drawing import signs  # noqa: PLC0415

    return signs


def _light() -> "Theme":
    from isthmus.drawing.theme import LIGHT  # noqa: PLC0415

    return LIGHT


def share(value: float) -> str:
    """A share of 1 as a percentage."""
    return f"{100 * value:.0f} %"

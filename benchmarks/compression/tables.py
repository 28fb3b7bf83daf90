"""A table of results: for the terminal, for the documentation, and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import rich.table
from rich.table import Column

from isthmus.formatting import number

Cell = str | float | None
"""A text, a number (infinity: never), or nothing."""
DIGITS = 4


@dataclass(frozen=True)
class Table:
    """Rows under a title. notes: sentences below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def terminal(self) -> rich.table.Table:
        """For rich."""
        made = rich.table.Table(*(Column(title, justify=self._side(place)) for place, title in enumerate(self.columns)))
        made.title = self.title
        for row in self.rows:
            made.add_row(*map(text, row))
        return made

    def markdown(self) -> str:
        """For the documentation, with the title as a heading."""
        rules = ["--:" if self._side(place) == "right" else "---" for place in range(len(self.columns))]
        lines = [self.columns, rules, *([text(cell) for cell in row] for row in self.rows)]
        body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return f"## {self.title}\n\n{body}\n" + "".join(f"{note}\n\n" for note in self.notes)

    def _side(self, place: int) -> str:
        return "right" if any(isinstance(row[place], int | float) for row in self.rows) else "left"


def text(cell: Cell) -> str:
    """A cell as text; numbers with four digits."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    return "never" if cell == math.inf else number(cell, DIGITS)

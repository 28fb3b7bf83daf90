"""A recipe: a named blueprint, and how a table of them is shown."""

import html
import textwrap
from dataclasses import dataclass
from typing import Literal

from isthmus.model.blueprint import Blueprint


@dataclass(frozen=True)
class Recipe:
    """A named blueprint.

    source: the paper or lecture it comes from. advice: when to choose it. data: the kind of data it takes.
    """

    name: str
    summary: str
    advice: str
    source: str
    blueprint: Blueprint
    data: Literal["any", "pictures", "colour", "series", "table", "text", "sound"] = "any"


class Recipes(dict[str, Recipe]):
    """The recipes by name. Printed or shown in a notebook, they are a table of summaries and advice."""

    def __repr__(self) -> str:
        indent = max(map(len, self), default=0) + 2
        lines = [
            textwrap.fill(
                f"{row.name:{indent}}{row.summary} {row.advice}", 110, subsequent_indent=" " * indent, tabsize=1
            )
            for row in self.values()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = (
            [f"<code>{html.escape(row.name)}</code>", html.escape(row.summary), html.escape(row.advice)]
            for row in self.values()
        )
        cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><tr><th>recipe</th><th>what it is</th><th>when to choose it</th></tr>{cells}</table>"

"""A recipe: a named blueprint, and how a table of them is shown."""

from dataclasses import dataclass
from typing import Literal

from isthmus.model.blueprint import Blueprint
from isthmus.shown import Card, Shown, Table


@dataclass(frozen=True, repr=False)
class Recipe(Shown):
    """A named blueprint.

    source: the paper or lecture it comes from. advice: when to choose it. data: the kind of data it takes; "pairs" are
    samples with an input each, `open_data(samples, damaged=inputs)`.
    """

    name: str
    summary: str
    advice: str
    source: str
    blueprint: Blueprint
    data: Literal["any", "pictures", "colour", "series", "table", "text", "sound", "pairs", "graph"] = "any"

    def _card(self) -> Card:
        facts = {"when to choose it": self.advice, "takes": self.data, "source": self.source}
        return Card(f"{self.name}. {self.summary}", facts, self.blueprint._card().tables)


class Recipes(Shown, dict[str, Recipe]):
    """The recipes by name. Printed or shown in a notebook, they are a table of summaries and advice."""

    def __repr__(self) -> str:
        return f"<{len(self)} recipes: {', '.join(self)}. For their summaries: print(ist.recipes())>"

    def _card(self) -> Card:
        rows = [(row.name, row.summary, row.advice) for row in self.values()]
        table = Table(("recipe", "what it is", "when to choose it"), rows, code=(0,))
        return Card(f"{len(self)} recipes", tables=[table])

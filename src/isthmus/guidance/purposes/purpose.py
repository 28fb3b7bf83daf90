"""A purpose: the words that find it, the recipes for each kind of data, and what to do with the trained model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Way:
    """A recipe for a purpose.

    why: when to choose it, if the recipe's own advice doesn't say it for this purpose. options: as `--set` takes them.
    reading: how an example is read for it, by the names of `open_data`. using: options of what comes next.
    """

    recipe: str
    why: str = ""
    options: tuple[str, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)
    using: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Purpose:
    """A purpose.

    title: "find anomalous samples". found_by: the words that find it in a free text, in the singular; two words joined
    by a hyphen must both be there. ways: for each kind of data, the recipes, the usual first choice first. command,
    code: what to do with the trained model, for a shell and in Python. page: of the documentation. measure: of the
    survey, which decides the order of the recipes; "" for the order here. simpler: a simpler tool for a kind of data,
    or for "any". labels: whether the data need labels. files: the command for a folder of files, if it is another one.
    """

    name: str
    title: str
    found_by: str
    ways: Mapping[str, tuple[Way, ...]]
    command: str
    code: str
    page: str
    measure: str = ""
    simpler: Mapping[str, str] = field(default_factory=dict)
    labels: bool = False
    files: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The words that find it."""
        return tuple(self.found_by.split())


def ways(*rows: str | Way) -> tuple[Way, ...]:
    """Recipes in their usual order; a name alone stands for the recipe with its own advice."""
    return tuple(Way(one) if isinstance(one, str) else one for one in rows)

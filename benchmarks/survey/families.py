"""The family of each recipe: the file of `isthmus.model.recipes` that has its row."""

import functools
import importlib
import pkgutil

from isthmus.model import recipes


@functools.cache
def families() -> dict[str, str]:
    """Family by recipe: `{"vanilla": "basic", …}`."""
    found = {}
    for module in pkgutil.iter_modules(recipes.__path__):
        rows = getattr(importlib.import_module(f"{recipes.__name__}.{module.name}"), "ROWS", ())
        found |= {row.name: module.name.replace("_", " ") for row in rows}
    return found

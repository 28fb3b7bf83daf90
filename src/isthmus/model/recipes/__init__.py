"""The recipes: named blueprints. Each is one row, with its purpose and its source."""

from typing import Any

from isthmus.data.data import Data
from isthmus.errors import BlueprintError, nearest
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe, Recipes
from isthmus.model.recipes import basic, by_data, pictures, prior_matching, quantised, regularised, variational
from isthmus.synonyms import meant_recipes

_GROUPS = (basic, regularised, variational, prior_matching, pictures, by_data, quantised)
RECIPES = Recipes({row.name: row for group in _GROUPS for row in group.ROWS})


def recipe(name: str, **options: Any) -> Blueprint:
    """The blueprint of a named recipe, with options changed (see `Blueprint.with_options`).

        recipe("deep", code=16, widths=(256, 64), distance="bce")

    Raises:
        BlueprintError: there is no such recipe or option (the nearest names are listed), or a value is invalid.
    """
    return find_recipe(name).blueprint.with_options(**options)


def recipes() -> Recipes:
    """All recipes, by name."""
    return RECIPES


def find_recipe(name: str) -> Recipe:
    """The recipe of this name or of a synonym (`isthmus.synonyms`): "vqvae" is "vq".

    Raises:
        BlueprintError: there is none, or the name is ambiguous; the nearest names are listed.
    """
    if name in RECIPES:
        return RECIPES[name]
    meant = meant_recipes(str(name), RECIPES)
    if len(meant) == 1:
        return RECIPES[meant[0]]
    hint = f"Did you mean {' or '.join(map(repr, meant))}?" if meant else nearest(str(name), RECIPES)
    raise BlueprintError(f"There is no recipe {name!r}. {hint}")


def usual_recipe(data: Data) -> str:
    """The name of the recipe to begin with: by whether the data are tokens, or a table with categories or holes."""
    if data.kind == "tokens" and data.medium is not None:
        return "text-vae" if data.medium.kind == "text" else "music-vae"
    mixed = data.kind == "table" and (any(data.train.categories) or data.holed)
    return "table" if mixed else "deep"

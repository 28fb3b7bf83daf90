"""Candidates: the models of a comparison as words, such as `vae`, `vae@weight=4` and the grid `vae@weight=1/2/4`."""

import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from isthmus.assignments import read_assignment
from isthmus.errors import BlueprintError, DataError

SYNTAX = "RECIPE@KEY=VALUE,KEY=VALUE, with a/b/c for several values"


class Candidate(NamedTuple):
    """One model: its name in the study, its recipe, and its changed options."""

    name: str
    recipe: str
    options: dict[str, Any]


def read_candidates(words: Sequence[str]) -> list[Candidate]:
    """The models that the words name, in order; a grid stands for all its combinations.

    >>> [candidate.name for candidate in read_candidates(["deep", "vae@weight=1/4,code=8/16"])]
    ['deep', 'vae@weight=1,code=8', 'vae@weight=1,code=16', 'vae@weight=4,code=8', 'vae@weight=4,code=16']

    Raises:
        BlueprintError: a word has the wrong form, or two words name the same model.
    """
    found: list[Candidate] = []
    for word in words:
        recipe, at, rest = word.partition("@")
        # a comma before KEY= begins an option, any other belongs to a list
        options = re.split(r",(?=[\w.-]+=)", rest) if at else []
        pairs = [option.partition("=") for option in options]
        if not recipe or not all(key and equals and value for key, equals, value in pairs):
            raise BlueprintError(f"{word!r} names no model: expected {SYNTAX}. For example: vae@weight=1/2/4,code=8.")
        grid = [[f"{key}={value}" for value in values.split("/")] for key, _, values in pairs]
        for chosen in itertools.product(*grid):
            name = f"{recipe}@{','.join(chosen)}" if chosen else recipe
            try:
                found.append(Candidate(name, recipe, dict(read_assignment(one) for one in chosen)))
            except DataError as error:
                raise BlueprintError(
                    f"{word!r} names no model. {error} Expected: {SYNTAX}, for example vae@weight=1/2/4."
                ) from error
    names = [candidate.name for candidate in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BlueprintError(f"The model {twice!r} is given twice: expected each model once. Leave one out.")
    return found

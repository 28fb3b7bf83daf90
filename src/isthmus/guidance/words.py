"""Free text: which purpose and which kind of data it names, with typing errors tolerated."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from isthmus.errors import UseError, alike
from isthmus.guidance.kinds import KINDS, Kind
from isthmus.guidance.purposes import PURPOSES, Purpose

LEAST = 5
"""Letters that a word has at least, if it may have a typing error."""
ALIKE = 0.8
"""Words with the same first letter that are more alike than this, by `difflib`, are one with a typing error."""


class Named(Protocol):
    """A row of a table that words find."""

    @property
    def name(self) -> str:
        """Its name, which finds it at once."""
        ...

    @property
    def title(self) -> str:
        """Its name in words, which finds it, too."""
        ...

    @property
    def words(self) -> tuple[str, ...]:
        """The words that find it."""
        ...


class Meant(NamedTuple):
    """What a text means. kind: of the data, or None if the text names none. others: purposes that fit as well."""

    purpose: Purpose
    kind: Kind | None
    others: tuple[Purpose, ...]


def meant(text: str) -> Meant:
    """The purpose, and the kind of data if there is one, that a text names.

    >>> found = meant("anomalies in a table")
    >>> found.purpose.name, found.kind.name
    ('anomalies', 'table')

    Raises:
        UseError: it names no purpose, or a kind of data that there is no recipe for.
    """
    tokens = _tokens(text)
    kinds = [KINDS[name] for name in _best(_scores(tokens, "", KINDS))]
    scores = _scores(tokens, text, PURPOSES)
    fits = {name: _fitting(PURPOSES[name], kinds) for name in scores}
    best = _best({name: (score, bool(fits[name])) for name, score in scores.items()})
    if not best:
        near = alike(text, PURPOSES)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise UseError(f"No purpose is named by {text!r}. {hint}Purposes: {', '.join(PURPOSES)}.")
    purpose, *others = (PURPOSES[name] for name in best)
    if kinds and not fits[purpose.name]:
        raise unfit(purpose, kinds[0])
    return Meant(purpose, next(iter(fits[purpose.name]), None), tuple(others))


def kind_for(purpose: Purpose, kind: Kind) -> Kind | None:
    """The kind, or a near one, that the purpose has recipes for; None if there is none."""
    return next((KINDS[name] for name in (kind.name, *kind.near) if name in purpose.ways), None)


def unfit(purpose: Purpose, kind: Kind) -> UseError:
    """The error of a purpose without a recipe for this kind of data."""
    there = "; ".join(KINDS[name].title for name in purpose.ways)
    return UseError(f"There is no recipe to {purpose.title} for {kind.title}. Expected: {there}.")


def _fitting(purpose: Purpose, kinds: Iterable[Kind]) -> list[Kind]:
    return [found for kind in kinds if (found := kind_for(purpose, kind)) is not None]


def _scores(tokens: Sequence[str], text: str, table: Mapping[str, Named]) -> dict[str, float]:
    """For each row that the text points to, how clearly: words that point to few rows count more."""
    own = [row.name for row in table.values() if text.strip().lower() in (row.name, row.title)]
    if own:
        return {own[0]: 1.0}
    shared = Counter(word for row in table.values() for word in {*row.words, row.name})
    scores: dict[str, float] = {}
    for row in table.values():
        found: dict[tuple[str, ...], float] = {}  # each token counts once, whichever words it is like
        for word in {*row.words, row.name}:
            if there := _there(word, tokens):
                found[there] = max(found.get(there, 0.0), 1 / shared[word])
        scores[row.name] = sum(found.values())
    return {name: score for name, score in scores.items() if score}


def _best(scores: Mapping[str, Any]) -> list[str]:
    return [name for name, score in scores.items() if score == max(scores.values())]


def _there(word: str, tokens: Sequence[str]) -> tuple[str, ...]:
    """The tokens that all parts of a word stand for; () if one is missing."""
    found = [next((token for token in tokens if _same(part, token)), "") for part in word.split("-")]
    return tuple(found) if all(found) else ()


def _same(word: str, token: str) -> bool:
    word = _singular(word)
    if word == token or min(len(word), len(token)) < LEAST or word[0] != token[0]:
        return word == token
    return difflib.SequenceMatcher(None, word, token).ratio() > ALIKE


def _tokens(text: str) -> list[str]:
    return [_singular(word) for word in re.findall(r"[^\W_]+", text.lower())]


def _singular(word: str) -> str:
    """The word without its plural's ending: "anomalies" is "anomaly", "boxes" is "box"."""
    for ending, instead, least in (("ies", "y", 5), ("xes", "x", 4), ("s", "", 4)):
        if word.endswith(ending) and len(word) >= least and not word.endswith(("ss", "us", "ous", "series")):
            return word[: -len(ending)] + instead
    return word

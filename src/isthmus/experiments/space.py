"""The space of a search: the options that vary, each with a range or a list of values, from the options' own bounds."""

import json
import math
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from isthmus.assignments import read_assignment
from isthmus.errors import BlueprintError, DataError
from isthmus.model.blueprint import Blueprint
from isthmus.options import Defined, TrainingOptions, options_of
from isthmus.parts import Value
from isthmus.synonyms import SETTINGS

TRAINING = options_of(TrainingOptions)
USUAL = ("learning_rate", "batch_size", "activation", "normalisation", "dropout", "widths", "channels")
"""The options that vary by default, if the model has them. They change how a model learns, not what: models with
another code, distance, penalty or corruption solve another task, and their losses can't be compared."""
DROPOUT = 0.5
FACTOR, TIMES = 10.0, 4
"""How far a number without bounds varies: by this factor each way; whole numbers by this many times."""
ACTIVATIONS = ("relu", "leaky-relu", "elu", "gelu", "silu", "tanh")
BATCHES = (32, 64, 128, 256, 512)
SYNTAX = "KEY, KEY=LOW:HIGH, KEY=LOW:HIGH:log, or KEY=a/b/c"


class Dimension(Value):
    """One option of a space.

    name: of a setting of the training or an option of the model. low, high: of a range, both included. log: whether the
    range is searched by its logarithm. whole: whether its numbers are whole. values: instead of a range, as JSON.
    usual: the value without a search, as JSON. comparable: whether models with other values have losses that can be
    compared.
    """

    name: str
    low: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    high: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    log: bool = False
    whole: bool = False
    values: tuple[str, ...] = ()
    usual: str = ""
    comparable: bool = True

    def suggested(self, trial: Any) -> Any:
        """The value that an Optuna trial gets."""
        if self.values:
            return json.loads(trial.suggest_categorical(self.name, self.values))
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    @property
    def start(self) -> dict[str, Any]:
        """The usual value as Optuna keeps it, if it lies in the space."""
        if not self.usual:
            return {}
        if self.values:
            return {self.name: self.usual} if self.usual in self.values else {}
        value = json.loads(self.usual)
        number = isinstance(value, int | float) and self.low <= value <= self.high
        return {self.name: value} if number else {}

    @property
    def setting(self) -> bool:
        """Whether it is a setting of the training, not an option of the model."""
        return self.name in TRAINING


class _Known(NamedTuple):
    """An option as found in the settings or the model: its name, its definition, its usual value, and its part."""

    name: str
    defined: Defined
    usual: Any
    place: str


def usual_space(blueprint: Blueprint, settings: dict[str, Any]) -> tuple[Dimension, ...]:
    """The options that vary by default: those of the training and of the network that the user has not set.

    blueprint: resolved, so that its sizes are known.
    """
    options = blueprint.options()
    hidden = options.get("widths", options.get("channels"))
    inert = ("activation", "normalisation", "dropout", "widths", "channels") if not hidden else ()
    names = [name for name in USUAL if name not in settings and (name in TRAINING or name in options)]
    return tuple(_by_itself(_find(name, blueprint, settings)) for name in names if name not in inert)


def read_space(words: Sequence[str], blueprint: Blueprint, settings: dict[str, Any]) -> tuple[Dimension, ...]:
    """The dimensions that words name: an option alone, with a range `code=8:64`, or with values `activation=relu/silu`.

    Raises:
        BlueprintError: there is no such option, or its range or values won't do.
    """
    found = tuple(_dimension(word, blueprint, settings) for word in words)
    names = [dimension.name for dimension in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BlueprintError(f"The space has {twice!r} twice: expected each option once.")
    if not found:
        raise BlueprintError(f"The space is empty: expected options, each as {SYNTAX}.")
    return found


def _dimension(word: str, blueprint: Blueprint, settings: dict[str, Any]) -> Dimension:
    key, equals, rest = word.partition("=")
    known = _find(key.strip(), blueprint, settings)
    if not equals:
        return _by_itself(known)
    ends = rest.split(":")
    if len(ends) in (2, 3) and ends[2:] in ([], ["log"]):
        try:
            low, high = (float(end) for end in ends[:2])
        except ValueError:
            low = high = math.nan
        if not low < high:
            raise BlueprintError(f"{word!r}: expected a range of two numbers, the smaller one first, as {SYNTAX}.")
        whole = known.defined.number is int
        _check(known, [int(end) if whole else end for end in (low, high)], blueprint, settings)
        log = len(ends) == 3 or (low > 0 and high / low >= FACTOR)
        return _made(known, low=low, high=high, log=log and low > 0, whole=whole)
    try:
        values = [read_assignment(f"{key}={value}")[1] for value in rest.split("/")]
    except DataError as error:
        raise BlueprintError(f"{word!r}: expected {SYNTAX}.") from error
    _check(known, values, blueprint, settings)
    return _made(known, values=tuple(json.dumps(value) for value in values))


def _find(name: str, blueprint: Blueprint, settings: dict[str, Any]) -> _Known:
    """The setting or option of this name."""
    setting = SETTINGS.get(name, name)
    if setting in TRAINING:
        usual = settings.get(setting, TRAINING[setting].default)
        return _Known(setting, TRAINING[setting], usual, "")
    place, defined = blueprint.option(name)
    return _Known(name, defined, defined.default, place)


def _by_itself(known: _Known) -> Dimension:
    """The range or the values of an option, from its choices, its bounds and its usual value.

    Raises:
        BlueprintError: they give no range.
    """
    values = _listed(known)
    if values:
        return _made(known, values=tuple(map(json.dumps, values)))
    if known.name.rpartition(".")[2] == "dropout":
        return _made(known, low=0.0, high=DROPOUT)
    bounds, whole = known.defined.bounds, known.defined.number is int
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    usual = known.usual if isinstance(known.usual, int | float) else 0
    if usual > 0:
        factor = TIMES if whole else FACTOR
        low, high = max(usual / factor, low or 0), min(usual * factor, math.inf if high is None else high)
        ends = (max(1, round(low)), round(high)) if whole else (low, high)
        return _made(known, low=ends[0], high=ends[1], log=True, whole=whole)
    if low is not None and high is not None and high < 2**53 and not {"gt", "lt"} & bounds.keys():
        return _made(known, low=low, high=high, whole=whole)
    name = known.name
    raise BlueprintError(f"{name} has no bounds of its own: give a range, such as {name}=LOW:HIGH, or values, a/b/c.")


def _listed(known: _Known) -> list[Any]:
    """The values of an option that takes no range: sizes of batches and layers, words, yes or no."""
    name, defined, usual, _ = known
    if name == "batch_size":
        return list(BATCHES)
    if isinstance(usual, list | tuple) and usual:
        return _scaled(tuple(usual))
    if defined.forms == (bool,):
        return [False, True]
    if defined.choices and defined.number is None:
        some = [word for word in defined.choices if name.rpartition(".")[2] != "activation" or word in ACTIVATIONS]
        return [*([None] if defined.optional else []), *some]
    return []


def _scaled(widths: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Widths or channels at half, once and twice the size, and with a layer less and a layer more."""
    made = [tuple(max(1, round(width * factor)) for width in widths) for factor in (0.5, 1, 2)]
    *outer, last = widths
    return list(dict.fromkeys([*made, *([tuple(outer)] if outer else []), (*outer, last, max(1, last // 2))]))


def _check(known: _Known, values: Sequence[Any], blueprint: Blueprint, settings: dict[str, Any]) -> None:
    """Raise an error if the option can't have one of these values."""
    from isthmus.training.settings import Settings  # noqa: PLC0415

    for value in values:
        if known.place:
            blueprint.with_options(**{known.name: value})
        else:
            Settings(**settings | {known.name: value})


def _made(known: _Known, **fields: Any) -> Dimension:
    try:
        usual = json.dumps(known.usual)
    except TypeError:
        usual = ""
    # another size of the code, or another layer, is measured by the same loss
    return Dimension(name=known.name, usual=usual, comparable=known.place in ("", "network", "code"), **fields)

"""Option: the help text and the command-line form of a field, written in its annotation."""

import functools
import inspect
import math
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Interval, Le, Lt

from isthmus.errors import nearest

TRAINING, DATA, TABLES, PICTURES, ARRAYS = "The training", "The data", "Tables", "Pictures", "Arrays and files"
SEQUENCES = "Text, music, sound and recordings"
DETAILS, STUDY = "The training in detail", "The study"
GROUPS = (STUDY, TRAINING, DATA, TABLES, PICTURES, SEQUENCES, ARRAYS, DETAILS)
"""The headings of options, in the order in which the help shows them: first those that most people need."""
GIB = 2**30
_BOUNDS = ((Ge, "ge"), (Gt, "gt"), (Le, "le"), (Lt, "lt"))
C = TypeVar("C", bound=type)


@dataclass(frozen=True)
class Option:
    """What an annotation says of an option beside its type and bounds.

    help: one to three sentences. Other options are named as in Python, `size=`; the command line writes `--size`.
    metavar: stands for the value in the command's help; the choices where None.
    group: the heading under which the help and the documentation list the option.
    flag: its name on the command line, where that isn't the field's name with dashes.
    short: its one-letter flag, such as "-e".
    default: the default in words, where the value itself says too little.
    chosen: what is chosen from the model and the data where the epochs are left open; the default holds otherwise.
    spellings: other words for values, and the values that they mean.
    offered: whether commands have the option; Python has them all.
    """

    help: str
    metavar: str | None = None
    group: str = ""
    flag: str = ""
    short: str = ""
    default: str = ""
    chosen: str = ""
    spellings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    offered: bool = True


@dataclass(frozen=True)
class Defined:
    """An option as its class defines it.

    name: in Python. annotation: its type, with bounds and choices. default: None where each use has its own.
    """

    name: str
    annotation: Any
    default: Any
    option: Option

    @property
    def word(self) -> str:
        """Its name on the command line, as an argument of the command's function: "split_seed"."""
        return self.flag[2:].replace("-", "_")

    @property
    def flag(self) -> str:
        """Its name on the command line: "--split-seed"."""
        return self.option.flag or f"--{self.name.replace('_', '-')}"

    @functools.cached_property
    def forms(self) -> tuple[Any, ...]:
        """The types that a value may have, without None and without bounds: (int, Literal["auto"])."""
        return tuple(form for form, _ in _forms(self.annotation) if form is not types.NoneType)

    @functools.cached_property
    def optional(self) -> bool:
        """Whether None is a value."""
        return any(form is types.NoneType for form, _ in _forms(self.annotation))

    @functools.cached_property
    def number(self) -> type[int] | type[float] | None:
        """The type of a number that the option takes; None where it takes none, or any text."""
        return None if str in self.forms else next((form for form in (int, float) if form in self.forms), None)

    @functools.cached_property
    def choices(self) -> tuple[str, ...]:
        """The words that the option takes; a yes or no beside other words is one of them."""
        words = tuple(word for form in self.forms if get_origin(form) is Literal for word in get_args(form))
        return (*words, "yes", "no") if words and bool in self.forms else words

    @functools.cached_property
    def bounds(self) -> dict[str, Any]:
        """The bounds of a number, among ge, gt, le and lt."""
        found: dict[str, Any] = {}
        for _, metadata in _forms(self.annotation):
            for bound in metadata:
                names = [name for kind, name in _BOUNDS if isinstance(bound, kind | Interval)]
                found |= {name: limit for name in names if (limit := getattr(bound, name)) is not None}
        return found

    @property
    def expected(self) -> str:
        """The numbers and words that the option takes, in words: "a whole number of 1 or more, or auto".

        Bounds that only the computer's numbers set, such as 2**63, are left out.
        """
        kind = {int: "a whole number", float: "a number", None: ""}[self.number]
        words = {"ge": "of {} or more", "gt": "above {}", "le": "of at most {}", "lt": "below {}"}
        limits = [words[name].format(shown(limit)) for name, limit in self.bounds.items() if abs(limit) < 2**53]
        parts = [" ".join([kind, " and ".join(limits)]).strip(), *self.choices]
        return ", or ".join(part for part in parts if part)

    def allows(self, number: float) -> bool:
        """Whether a number is finite and within the bounds."""
        low = number >= self.bounds.get("ge", -math.inf) and number > self.bounds.get("gt", -math.inf)
        return low and number <= self.bounds.get("le", math.inf) and number < self.bounds.get("lt", math.inf)

    def mistake(self, value: Any) -> str:
        """What is wrong with a value given in Python, in a sentence; empty where nothing is.

        Raises:
            TypeError: it isn't of a type that can be compared with the bounds.
        """
        if value in self.choices or (value is None and self.optional):
            return ""
        if self.number is not None:
            allowed = value is not None and self.allows(value)
            return "" if allowed else f"{self.name}={value!r}: expected {self.expected}."
        return f"{self.name}={value!r} is unknown. {nearest(str(value), self.choices)}" if self.choices else ""

    def value(self, word: Any) -> Any:
        """The value in Python of a word on the command line."""
        if bool in self.forms and word in ("yes", "no"):
            return word == "yes"
        return self.option.spellings.get(word, word) if isinstance(word, str) else word

    def default_words(self, *, chosen: bool = False) -> str:
        """The default in words; empty where there is none.

        chosen: whether the default is chosen from the model and the data where the epochs are left open.
        """
        plain = self.option.default or shown(self.default)
        if not (chosen and self.option.chosen):
            return plain
        if self.name == "epochs":
            return self.option.chosen
        return f"{self.option.chosen}, or {plain} with epochs="


@functools.cache
def options_of(cls: type) -> Mapping[str, Defined]:
    """The options that a class defines, by their names in Python, in the order of its fields."""
    found = {}
    for name, annotation in get_type_hints(cls, include_extras=True).items():
        option = next((data for data in getattr(annotation, "__metadata__", ()) if isinstance(data, Option)), None)
        if option is not None:
            found[name] = Defined(name, annotation, getattr(cls, name, None), option)
    return types.MappingProxyType(found)


def described(definition: type) -> Callable[[C], C]:
    """Add to a class's docstring, before what it raises, the name and help of every option of `definition`."""

    def describe(cls: C) -> C:
        texts = [f"{name}: {defined.option.help}" for name, defined in options_of(definition).items()]
        lines = [textwrap.fill(text, 116, subsequent_indent="    ", break_on_hyphens=False) for text in texts]
        head, *errors = inspect.cleandoc(cls.__doc__ or "").split("\n\nRaises:")
        cls.__doc__ = "\n\nRaises:".join(["\n".join([head, "", *lines]), *errors])
        return cls

    return describe


def shown(value: Any) -> str:
    """A default or a bound as help texts write it.

    >>> [shown(value) for value in (1e-3, 100_000_000, 4 * 2**30, "auto", None, ())]
    ['0.001', '100,000,000', '4 GiB', 'auto', '', '']
    """
    match value:
        case None | () | bool():
            return ""
        case int() if value >= GIB and value % GIB == 0:
            return f"{value // GIB:,} GiB"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _forms(annotation: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """The types of a union, each with the metadata that stands around it."""
    if get_origin(annotation) is Annotated:
        inner, *given = get_args(annotation)
        metadata = [bound for one in given for bound in getattr(one, "metadata", [one])]  # of pydantic's Field
        return [(form, (*metadata, *more)) for form, more in _forms(inner)]
    if get_origin(annotation) in (Union, types.UnionType):
        return [form for one in get_args(annotation) for form in _forms(one)]
    return [(annotation, ())]

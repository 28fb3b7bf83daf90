"""Sets of options that several commands offer, made for typer from their definitions in `isthmus.options`."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from annotated_types import Interval

from isthmus.cli.parsing import names, number, size
from isthmus.cli.wording import in_our_words
from isthmus.options import Defined, Option
from isthmus.options.option import GROUPS

Command = Callable[..., None]
_NAMED = inspect.Parameter.KEYWORD_ONLY


def offers(
    argument: str, known: Iterable[Defined], *, defaults: Mapping[str, str] | None = None, chosen: bool = False
) -> Callable[[Command], Command]:
    """Give a command these options, where its own argument of the name `argument` stands.

    The command then gets in that argument, as a dictionary by their names in Python, the values that were given; the
    others keep the defaults of Python.

    known: the options; those that no command offers are left out.
    defaults: in words, by their names in Python, where the command has other ones. chosen: see `as_typer`.
    """
    offered = {defined.word: defined for defined in known if defined.option.offered}
    defaults = defaults or {}

    def give(command: Command) -> Command:
        @functools.wraps(command)
        def offering(**given: Any) -> None:
            values = {word: value for word in offered if (value := given.pop(word)) is not None}
            named = {offered[word].name: offered[word].value(value) for word, value in values.items()}
            command(**given, **{argument: named})

        own = inspect.signature(command, eval_str=True)
        options = [
            inspect.Parameter(
                word,
                _NAMED,
                default=None,
                annotation=Annotated[
                    _type(defined) | None, as_typer(defined, default=defaults.get(defined.name), chosen=chosen)
                ],
            )
            for word, defined in offered.items()
        ]
        parameters: list[inspect.Parameter] = []
        for parameter in own.parameters.values():
            parameters += options if parameter.name == argument else [parameter.replace(kind=_NAMED)]
        parameters.sort(key=_rank)  # the order of the help's panels
        # what typer looks at, in the place of the command's own
        offering.__dict__["__signature__"] = own.replace(parameters=parameters)
        offering.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return offering

    return give


def as_typer(
    defined: Defined, *, help: str | None = None, default: str | None = None, chosen: bool = False, panel: bool = True
) -> Any:
    """The command-line form of an option, as typer takes it in an `Annotated` type.

    help, default: in words, instead of the definition's.
    chosen: whether a default is chosen from the model and the data where the epochs are left open.
    panel: whether the help lists it under its group's heading.
    """
    option = defined.option
    default = defined.default_words(chosen=chosen) if default is None else default
    flag = f"{defined.flag}/--no-{defined.flag[2:]}" if _is_switch(defined) else defined.flag
    return typer.Option(
        flag,
        *([option.short] if option.short else []),
        help=in_our_words(f"{help or option.help} [default: {default}]" if default else help or option.help),
        metavar="" if _is_switch(defined) else option.metavar or "|".join(defined.choices),
        show_default=False,
        rich_help_panel=(option.group or None) if panel else None,
        **_reading(defined),
    )


def ranged(
    *flags: str,
    kind: type[int] | type[float] = int,
    help: str,
    metavar: str = "N",
    panel: str | None = None,
    **bounds: Any,
) -> Any:
    """A command's own option that takes a number within bounds (ge, gt, le, lt), as typer takes it in `Annotated`."""
    defined = Defined("", Annotated[kind, Interval(**bounds)], None, Option(help))
    parser = functools.partial(number, defined)
    return typer.Option(*flags, metavar=metavar, help=help, parser=parser, rich_help_panel=panel)


def switch(*flags: str, help: str, **more: Any) -> Any:
    """A command's own option that takes no value, as typer takes it in `Annotated`."""
    return typer.Option(*flags, metavar="", help=help, **more)


def _type(defined: Defined) -> Any:
    """The type that typer is to see: a list of names, a switch, a choice among words, a folder or text."""
    if _is_names(defined):
        return list[str]
    if _is_switch(defined):
        return bool
    if defined.choices and defined.number is None:
        return Literal[(*defined.choices, *defined.option.spellings)]
    return Path if Path in defined.forms else str


def _reading(defined: Defined) -> dict[str, Any]:
    """How typer reads the value, where its type doesn't say so."""
    if defined.number is not None:
        return {"parser": functools.partial(number, defined)}
    if tuple[int, int] in defined.forms:
        return {"parser": size}
    return {"callback": names} if _is_names(defined) else {}


def _is_names(defined: Defined) -> bool:
    return tuple[str, ...] in defined.forms


def _is_switch(defined: Defined) -> bool:
    return defined.forms == (bool,)


def _rank(parameter: inspect.Parameter) -> int:
    """The place of a parameter's heading among `GROUPS`; a command's own come first."""
    info = next(iter(getattr(parameter.annotation, "__metadata__", ())), None)
    panel = getattr(info, "rich_help_panel", None)
    return GROUPS.index(panel) if panel in GROUPS else -1

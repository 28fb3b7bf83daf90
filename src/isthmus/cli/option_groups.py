"""Sets of options that several commands offer, each defined once, and how a command is given some of them."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

Command = Callable[..., None]
_NAMED = inspect.Parameter.KEYWORD_ONLY


def offers(argument: str, known: Mapping[str, Any], *words: str) -> Callable[[Command], Command]:
    """Give a command the options of these names, where its own argument of the name `argument` stands.

    The command then gets in that argument, as a mapping, those that somebody gave.

    known: the options by their names in Python, as annotations that typer understands.
    """

    def give(command: Command) -> Command:
        @functools.wraps(command)
        def offering(**given: Any) -> None:
            taken = {word: given.pop(word) for word in words}
            command(**given, **{argument: {word: value for word, value in taken.items() if value is not None}})

        own = inspect.signature(command, eval_str=True)
        options = [inspect.Parameter(word, _NAMED, default=None, annotation=known[word]) for word in words]
        parameters: list[inspect.Parameter] = []
        for parameter in own.parameters.values():
            parameters += options if parameter.name == argument else [parameter.replace(kind=_NAMED)]
        # what typer looks at, in the place of the command's own
        offering.__dict__["__signature__"] = own.replace(parameters=parameters)
        offering.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return offering

    return give

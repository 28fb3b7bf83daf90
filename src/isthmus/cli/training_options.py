"""The options of a command that trains: those of `isthmus.training.Settings`."""

from collections.abc import Callable, Mapping
from typing import Any

from isthmus.cli.option_groups import Command, offers
from isthmus.options import TrainingOptions, options_of

Settings = dict[str, Any]
TRAINING = options_of(TrainingOptions)


def trains(
    *names: str, defaults: Mapping[str, str] | None = None, chosen: bool = False
) -> Callable[[Command], Command]:
    """Give a command the options of these names in Python, where its own argument `settings` stands.

    The command then gets in `settings` the values that were given, as `Settings` takes them.

    defaults, chosen: see `offers`.
    """
    return offers("settings", [TRAINING[name] for name in names], defaults=defaults, chosen=chosen)

"""The options of a command that reads data: those of `open_data` and `read_samples`."""

from collections.abc import Callable
from typing import Any

from isthmus.cli.option_groups import Command, offers
from isthmus.options import DivisionOptions, ReadingOptions, options_of

ReadOptions = dict[str, Any]
READING = tuple(options_of(ReadingOptions))
"""The options for reading a source."""
DIVIDING = ("validation", "test", "seed", "scaling")
"""The options for dividing and scaling the samples."""


def reads(*names: str) -> Callable[[Command], Command]:
    """Give a command the options of these names in Python, where its own argument `read_options` stands.

    The command then gets in `read_options` the values that were given, as `open_data` and `read_samples` take them.
    """
    known = {**options_of(ReadingOptions), **options_of(DivisionOptions)}
    return offers("read_options", [known[name] for name in names])

"""The options that all studies share: folder, seeds, processes, and the training that is the same for all models."""

from collections.abc import Callable
from typing import Any

from isthmus.cli.option_groups import Command, offers
from isthmus.cli.training_options import trains
from isthmus.options import StudyOptions, options_of

Study = dict[str, Any]
BUDGET = ("epochs", "layer_epochs", "batch_size", "learning_rate", "schedule", "patience", "precision", "device")
"""Of the training, the same for all: the same number of epochs, so that none is compared with another budget."""


def studies(
    *settings: str, out: str, seeds: int | None, defaults: dict[str, str] | None = None
) -> Callable[[Command], Command]:
    """Give a command the options of a study, where its own arguments `study` and `settings` stand.

    The command then gets in `study` the values that were given, as `sweep`, `compare` and `pretrain` take them.

    settings: the names of the training options. out, seeds, defaults: the command's defaults, for the help; None for
    a study that has no seeds.
    """
    known = [option for name, option in options_of(StudyOptions).items() if name != "seeds" or seeds is not None]
    shared = offers("study", known, defaults={"out": out, "seeds": str(seeds)})
    trained = trains(*settings, defaults=defaults)

    def give(command: Command) -> Command:
        return shared(trained(command))

    return give

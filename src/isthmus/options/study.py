"""Study options: what `sweep`, `compare` and `pretrain` share."""

from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from isthmus.options.option import STUDY, Option

Count = Annotated[int, Ge(1)]


class StudyOptions:
    """The arguments that every study takes. Each has its own default of `seeds`."""

    out: Annotated[
        Path | None,
        Option(
            "The study's folder. The same command again repeats no training that is finished there.",
            "FOLDER",
            STUDY,
            short="-o",
            default="runs/SOURCE-COMMAND, or RUN-pretrain",
        ),
    ] = None
    seeds: Annotated[
        Count,
        Option(
            "Trainings of each model, each from a seed of its own.",
            "N",
            STUDY,
            default="1 in sweep, 3 in compare, 5 in pretrain",
        ),
    ]
    jobs: Annotated[
        Count,
        Option("Trainings at the same time, each a process; they share the cores.", "N", STUDY, short="-j"),
    ] = 1

"""Division options: how `open_data` divides and scales samples, and which part of a source to take."""

from typing import Annotated, Literal

from annotated_types import Interval

from isthmus.options.option import DATA, Option

ScalingKind = Literal["bytes", "standardise", "minmax", "rms", "none"]
Part = Literal["train", "validation", "test"]
Share = Annotated[float, Interval(ge=0, lt=1)]


class DivisionOptions:
    """The arguments of `open_data` and `read_samples` besides the reading options."""

    damaged: Annotated[
        str | None,
        Option(
            "Damaged versions of the samples, which a model learns to restore: for a folder of pictures, a folder "
            "with the same file names.",
            "SOURCE",
            DATA,
        ),
    ] = None
    validation: Annotated[
        Share, Option("The share of the samples for the validation part, which early stopping watches.", "X", DATA)
    ] = 0.1
    test: Annotated[
        Share, Option("The share of the samples for the test part, which is used for evaluation only.", "X", DATA)
    ] = 0.1
    seed: Annotated[
        Annotated[int, Interval(ge=0, lt=2**63)],
        Option("The seed of the random division into parts.", "N", DATA, flag="--split-seed"),
    ] = 0
    scaling: Annotated[
        Literal["auto"] | ScalingKind,
        Option(
            "How to scale the values, learnt from the training part: bytes (divide by 255), standardise (mean 0, "
            "variance 1), minmax (0 to 1), rms (divide all by their root mean square, for activations) or none. auto "
            "decides by the data, and bends a table's columns with heavy tails first.",
            "CHOICE",
            DATA,
        ),
    ] = "auto"
    part: Annotated[
        Part | None, Option("Take only the train, validation or test part of a source that has parts.", "PART", DATA)
    ] = None

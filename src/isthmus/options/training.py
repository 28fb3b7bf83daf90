"""Training options: the choices of a training run."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval

from isthmus.options.option import DETAILS, TRAINING, Option

Count = Annotated[int, Interval(ge=1, le=2**53)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]


@dataclass  # so that type checkers know the keywords of `Settings`
class TrainingOptions:
    """The training options with their defaults; `isthmus.training.Settings` checks them."""

    epochs: Annotated[
        Count,
        Option(
            "Passes over the training part.", "N", TRAINING, short="-e", chosen="chosen from the model and the data"
        ),
    ] = 20
    layer_epochs: Annotated[
        Count,
        Option(
            "Passes for each layer alone, before `epochs=` for the whole model, in recipes that train layer by layer "
            "(stacked).",
            "N",
            DETAILS,
        ),
    ] = 5
    batch_size: Annotated[
        Count | Literal["auto"],
        Option(
            "Samples in one training step.",
            "N",
            TRAINING,
            short="-b",
            default="at most 256",
            chosen="chosen from the data",
        ),
    ] = "auto"
    optimiser: Annotated[
        Literal["adam", "adamw", "rmsprop", "sgd"],
        Option("The rule that changes the weights: adam, adamw, rmsprop or sgd.", "NAME", DETAILS),
    ] = "adam"
    learning_rate: Annotated[
        Positive,
        Option(
            "The highest learning rate of the run; the warm-up and the schedule lower it.",
            "X",
            TRAINING,
            chosen="chosen from the model",
        ),
    ] = 1e-3
    momentum: Annotated[
        Annotated[float, Interval(ge=0, lt=1)], Option("The momentum of sgd and rmsprop.", "X", DETAILS)
    ] = 0.9
    weight_decay: Annotated[
        NotNegative,
        Option("Strength of weight decay: decoupled in adamw, an L2 penalty in the other optimisers.", "X", DETAILS),
    ] = 0.0
    schedule: Annotated[
        Literal["constant", "cosine", "linear", "exponential", "step"],
        Option(
            "How the learning rate falls: constant (it stays), cosine or linear (to 0), exponential (to 1 %), step (to "
            "a tenth after half of the steps, to a hundredth after three quarters).",
            "NAME",
            DETAILS,
            chosen="cosine",
        ),
    ] = "constant"
    warmup: Annotated[
        NotNegative, Option("Epochs at the start in which the learning rate grows from 0.", "N", DETAILS)
    ] = 0.0
    clip: Annotated[
        NotNegative | Literal["auto"],
        Option(
            "The largest norm of the gradient: larger gradients are scaled down to it; 0 switches this off. auto is "
            "ten times the usual norm, so that only exploding gradients are cut.",
            "X",
            DETAILS,
        ),
    ] = "auto"
    precision: Annotated[
        Literal["float32", "bfloat16"],
        Option(
            "The number format of matrix products: float32 or bfloat16 (short: fp32, bf16). Weights, loss and the "
            "optimiser stay in float32.",
            "FORMAT",
            DETAILS,
            spellings={"fp32": "float32", "f32": "float32", "bf16": "bfloat16"},
        ),
    ] = "float32"
    compile: Annotated[
        bool | Literal["auto"],
        Option(
            "Whether to compile the training step. auto compiles where the run is long enough to make up for the "
            "seconds that compiling takes.",
            group=DETAILS,
        ),
    ] = "auto"
    device: Annotated[
        str,
        Option("Where to compute: cpu, cuda, cuda:1 or mps. auto takes the fastest one.", "NAME", TRAINING),
    ] = "auto"
    patience: Annotated[
        Count | None,
        Option(
            "Stop after this many epochs without a better validation loss.",
            "N",
            TRAINING,
            default="no early stopping",
            chosen="a third of the epochs",
        ),
    ] = None
    min_delta: Annotated[
        NotNegative, Option("How far the validation loss must fall to count as better.", group=DETAILS, offered=False)
    ] = 0.0
    seed: Annotated[
        Annotated[int, Interval(ge=0, lt=2**63)],
        Option("The seed of every random draw of the run.", "N", TRAINING),
    ] = 0
    checkpoint_seconds: Annotated[
        NotNegative, Option("The least time between two checkpoints, in seconds.", group=DETAILS, offered=False)
    ] = 2.0

"""Options that say how a model is trained: `isthmus.training.Settings`, for every command that trains."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from isthmus.cli.option_groups import Command, offers
from isthmus.cli.options import LARGEST_SEED

Settings = dict[str, Any]
PANEL = "The training"


def trains(*words: str) -> Callable[[Command], Command]:
    """Give a command the options of these names, where its own argument `settings` stands.

    The command then gets in `settings` those that somebody gave, as `fit` takes them; the others are at its defaults.
    """
    return offers("settings", OPTIONS, *words)


def in_python(settings: Settings) -> Settings:
    """The settings as `fit` takes them: whether to compile is said in words on the command line."""
    said = {"yes": True, "no": False}
    return {word: said.get(value, value) if word == "compile" else value for word, value in settings.items()}


def _option(*words: str, help: str, **more: Any) -> Any:
    return typer.Option(*words, help=help, rich_help_panel=PANEL, show_default=False, **more)


def epochs(default: str) -> Any:
    """The option `--epochs`, for a command with this default."""
    words = f"Passes over the training part. [default: {default}]"
    return Annotated[int | None, _option("--epochs", "-e", min=1, metavar="N", help=words)]


OPTIONS: dict[str, Any] = {
    "epochs": epochs("chosen from the data, with what of the rate, schedule, batch and patience isn't given"),
    "layer_epochs": Annotated[
        int | None,
        _option(min=1, metavar="N", help="For each layer before those, in a stacked model. [default: 5]"),
    ],
    "batch_size": Annotated[
        int | None,
        _option(
            "--batch-size", "-b", min=1, metavar="N", help="Samples a step. [default: up to 256, less for few samples]"
        ),
    ],
    "optimiser": Annotated[
        Literal["adam", "adamw", "rmsprop", "sgd"] | None, _option(help="What moves the weights. [default: adam]")
    ],
    "learning_rate": Annotated[
        float | None,
        _option("--learning-rate", metavar="X", help="At its highest. [default: chosen; with --epochs 0.001]"),
    ],
    "momentum": Annotated[float | None, _option(metavar="X", help="Of sgd and rmsprop. [default: 0.9]")],
    "weight_decay": Annotated[float | None, _option(metavar="X", help="Decoupled with adamw. [default: 0]")],
    "schedule": Annotated[
        Literal["constant", "cosine", "linear", "exponential", "step"] | None,
        _option(help="Of the learning rate. [default: cosine; with --epochs constant]"),
    ],
    "warmup": Annotated[
        float | None, _option(metavar="N", help="Epochs in which the learning rate grows from 0. [default: 0]")
    ],
    "clip": Annotated[
        float | None,
        _option(metavar="X", help="Largest norm of the gradient; 0 for any. [default: ten times the usual]"),
    ],
    "precision": Annotated[
        Literal["float32", "bfloat16", "fp32", "bf16"] | None, _option(help="Of the products. [default: float32]")
    ],
    "compile": Annotated[
        Literal["auto", "yes", "no"] | None,
        _option(help="Compile the training step; auto, the default: where it pays."),
    ],
    "device": Annotated[str | None, _option(metavar="NAME", help="cpu, cuda, mps. [default: the fastest there is]")],
    "patience": Annotated[
        int | None,
        _option(min=1, metavar="N", help="Stop after so many epochs without a better validation loss."),
    ],
    "seed": Annotated[
        int | None, _option(min=0, max=LARGEST_SEED, metavar="N", help="Of all random draws. [default: 0]")
    ],
}
"""A word for each field of `isthmus.training.Settings` that people choose."""

"""How a model is trained: every choice of a run, as data."""

import math
from collections.abc import Mapping
from typing import Any, Self

import torch
from pydantic import field_validator, model_validator

from isthmus.errors import TrainingError, nearest
from isthmus.options import TrainingOptions, described, options_of
from isthmus.parts import Value
from isthmus.synonyms import OPTIONS, SETTINGS, translated


@described(TrainingOptions)
class Settings(Value, TrainingOptions):
    """The choices of a training run. They are saved with it, so that it can be resumed and repeated.

    `clip=None` is 0. Other libraries' names for these are understood, too: `lr=` is `learning_rate=`.
    """

    @field_validator("clip", mode="before")
    @classmethod
    def _no_limit(cls, clip: Any) -> Any:
        return 0.0 if clip is None else clip

    @field_validator("precision", mode="before")
    @classmethod
    def _short_names(cls, precision: Any) -> Any:
        return options_of(TrainingOptions)["precision"].value(precision)

    @model_validator(mode="before")
    @classmethod
    def _translated(cls, given: Any) -> Any:
        """Other words for settings (`isthmus.synonyms`): `lr=` is `learning_rate=`."""
        if not isinstance(given, dict):
            return given
        if option := next((word for word in given if word not in cls.model_fields and word in OPTIONS), None):
            raise ValueError(
                f"{option!r} is no setting of training, but an option of the model: give {OPTIONS[option]}= to "
                "recipe(…), or to with_options of its blueprint."
            )
        return translated(given, SETTINGS, cls.model_fields)

    def replace(self, **fields: Any) -> Self:
        """A copy with other values in these fields, validated; by other words for them, too."""
        return super().replace(**translated(fields, SETTINGS, type(self).model_fields))


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings by their own names, after seeing that they will do; what is not given stays so.

    Raises:
        BlueprintError: one is unknown, or its value won't do.
    """
    Settings(**settings)
    return translated(settings, SETTINGS, Settings.model_fields)


def learning_rate_factor(schedule: str, progress: float) -> float:
    """What the learning rate is multiplied by when this share (0 to 1) of all steps is done."""
    match schedule:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case "linear":
            return 1 - progress
        case "exponential":
            return 0.01**progress
        case "step":
            return 0.01 if progress >= 0.75 else 0.1 if progress >= 0.5 else 1.0
        case _:
            return 1.0


def find_batch_size(settings: Settings, samples: int) -> int:
    """The settings' own; for "auto" 256, or for few samples the power of two that makes some 64 steps an epoch."""
    if settings.batch_size != "auto":
        return settings.batch_size
    return max(16, min(256, 2 ** int(math.log2(max(1, samples // 64)))))


def find_device(name: str) -> torch.device:
    """The device of this name; "auto" is the accelerator where there is one, else the CPU.

    Raises:
        TrainingError: there is no such device here.
    """
    if name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        known = ["auto", "cpu"] + ([str(found)] if (found := torch.accelerator.current_accelerator()) else [])
        raise TrainingError(f"There is no device {name!r} here. {nearest(name, known)}") from error
    return device


def learning_rate_at(settings: Settings, step: int, steps_per_epoch: int) -> float:
    """The learning rate of the step with this number, counted from 0 over the whole run."""
    factor = learning_rate_factor(settings.schedule, step / (settings.epochs * steps_per_epoch))
    warmup = settings.warmup * steps_per_epoch
    if warmup > 0:
        factor *= min(1.0, (step + 1) / warmup)
    return settings.learning_rate * factor

"""How a model is trained: every choice of a run, as data."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BeforeValidator, Field, model_validator

from isthmus.errors import TrainingError, nearest
from isthmus.parts import Value
from isthmus.synonyms import OPTIONS, SETTINGS, translated

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1, le=2**53)]
NotNegative = Annotated[float, Field(ge=0)]
_SHORT = {"bf16": "bfloat16", "fp32": "float32", "f32": "float32"}


class Settings(Value):
    """The choices of a training run. They are saved with it, so that it can be resumed and repeated.

    epochs: passes over the training part.
    layer_epochs: passes for each layer before those, where the blueprint is solved layer by layer.
    batch_size: samples a step; "auto" is 256, and less for few samples, so that an epoch has some 64 steps.
    optimiser: "adam", "adamw", "rmsprop" or "sgd".
    learning_rate: at its highest; the schedule and the warm-up take it from there.
    momentum: of "sgd" and "rmsprop".
    weight_decay: decoupled with "adamw", an L2 term in the gradient with the others.
    schedule: "constant", "cosine" (to 0 at the last step), "linear" (to 0), "exponential" (to 1 %), "step" (a tenth
        after half of the steps, a hundredth after three quarters).
    warmup: epochs in which the learning rate grows from 0 to the schedule's.
    clip: largest norm of the whole gradient; 0 or None leaves it alone. "auto" is ten times what the norm usually is,
        so that only a gradient that explodes is cut.
    precision: "float32", or "bfloat16" for the products (weights, loss and optimiser stay float32).
    compile: True, False, or "auto": where the run is long enough to win the compilation's seconds back.
    device: "auto", or PyTorch's name of one ("cpu", "cuda", "cuda:1", "mps").
    patience: epochs without a better validation loss after which training stops; None never stops early.
    min_delta: by how much the validation loss must fall to count as better.
    seed: of the order of the samples and of every random draw.
    checkpoint_seconds: least time between two checkpoints at the ends of epochs.
    """

    epochs: Count = 20
    layer_epochs: Count = 5
    batch_size: Count | Literal["auto"] = "auto"
    optimiser: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    learning_rate: Positive = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NotNegative = 0.0
    schedule: Literal["constant", "cosine", "linear", "exponential", "step"] = "constant"
    warmup: NotNegative = 0.0
    clip: Annotated[NotNegative | Literal["auto"], BeforeValidator(lambda most: 0.0 if most is None else most)] = "auto"
    precision: Annotated[Literal["float32", "bfloat16"], BeforeValidator(lambda name: _SHORT.get(name, name))] = (
        "float32"
    )
    compile: bool | Literal["auto"] = "auto"
    device: str = "auto"
    patience: Count | None = None
    min_delta: NotNegative = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    checkpoint_seconds: NotNegative = 2.0

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

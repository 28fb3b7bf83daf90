"""The custom distance: your own function or module, such as `nn.L1Loss()`."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field, SkipValidation, model_validator
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.distances.distance import Distance


class Custom(Distance):
    """A function or module of (reconstruction, target), both (N, *shape), that returns a loss.

    Pass it directly as the distance: `Blueprint(distance=nn.L1Loss())`. It may return (N, *shape) losses, whose mean
    over a sample is taken; (N,) losses; or one loss for the whole batch. For a module with a `reduction`, Isthmus sets
    it to "none" and reduces each sample by the module's mean or sum. Missing numbers are set equal on both sides, so
    they add nothing to a loss of differences.

    The function is code and is not saved. To load or resume a run of such a model, build the model again with the same
    function and pass it: `ist.load(folder, model=…)`. If it has weights, they are not trained.

    function: the function or module. name: its name in messages and in the saved model.
    """

    unit: ClassVar[str] = "units of its own"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    function: SkipValidation[Any] = Field(exclude=True, repr=False)
    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        function = fields.get("function")
        if not callable(function):
            raise BlueprintError(
                f"The distance {fields.get('name') or 'custom'} is a custom function, which is code and is not saved. "
                "Build the model again with the same function and pass it: load(folder, model=…)."
            )
        return fields | {"name": fields.get("name") or _name_of(function)}

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *shape), (N, *shape) to (N,); `observed` (N, *shape) is False for numbers that don't count.

        Raises:
            BlueprintError: the function doesn't return a loss for these samples.
        """
        self._check_shapes(output, target)
        picture, count = self.picture(output), target.shape[0]
        if observed is not None:
            picture = picture.where(observed, target)
        function, summed = _unreduced(self.function, target)
        made = function(picture, target)
        if not isinstance(made, Tensor) or tuple(made.shape) not in {(), (count,), tuple(target.shape)}:
            given = f"a {type(made).__name__}" if not isinstance(made, Tensor) else f"the shape {tuple(made.shape)}"
            raise BlueprintError(
                f"The distance {self.name} returns {given} for {count} samples: expected {tuple(target.shape)}, one "
                f"loss for each number, {(count,)}, one for each sample, or a single loss. Change its return value."
            )
        if made.ndim < 2:
            return made.expand(count)
        total = made.flatten(1).sum(1)
        if summed:
            return total
        return total / (made[0].numel() if observed is None else observed.flatten(1).sum(1).clamp(min=1))


def _unreduced(function: Callable[..., Any], like: Tensor) -> tuple[Callable[..., Any], bool]:
    """The function without its own reduction, on the device of `like`; and whether to sum instead of averaging."""
    if not isinstance(function, nn.Module):
        return function, False
    weight = next(function.parameters(), None)
    if weight is not None and weight.device != like.device:
        function.to(like.device)
    reduction = getattr(function, "reduction", None)
    if reduction not in ("mean", "sum", "batchmean"):
        return function, False
    plain = copy.copy(function)
    plain.reduction = "none"  # pyright: ignore[reportArgumentType]
    return plain, reduction != "mean"


def _name_of(function: Any) -> str:
    if isinstance(function, nn.Module):
        return type(function).__name__
    return getattr(function, "__qualname__", type(function).__name__)

"""The distance that is a function or a module of your own, such as `nn.L1Loss()`."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field, SkipValidation, model_validator
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.distances.distance import Distance


class Custom(Distance):
    """A function of (picture, target), both (N, *shape), that gives a loss; or a module that does.

    Give it as it is, where a distance is wanted: `Blueprint(distance=nn.L1Loss())`. It may give (N, *shape) what each
    number adds, whose mean over a sample is taken; (N,) numbers; or one number for the whole batch. A module with a
    `reduction` is asked for "none" and reduced sample by sample, by the mean or the sum as it says. Numbers that are
    missing are made equal on both sides, so that they add nothing to a loss of differences.

    The function is code and is not saved. To load or resume a run of such a model, build the model again with the same
    function and give it: `ist.load(folder, model=…)`. Weights that it has are used and not trained.

    function: what is called. name: what it is called in messages and in the saved model.
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
                f"The distance {fields.get('name') or 'custom'} is a function of your own, which is code and not "
                "saved. Build the model again with the same function, and give it: load(folder, model=…)."
            )
        return fields | {"name": fields.get("name") or _name_of(function)}

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *shape), (N, *shape) to (N,); `observed` (N, *shape), where given, is False for what doesn't count.

        Raises:
            BlueprintError: the function gives no loss of these samples.
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
                f"The distance {self.name} gives {given} for {count} samples: expected {tuple(target.shape)}, a number "
                f"for each number, {(count,)}, one for each sample, or a single number. Change what it returns."
            )
        if made.ndim < 2:
            return made.expand(count)
        total = made.flatten(1).sum(1)
        if summed:
            return total
        return total / (made[0].numel() if observed is None else observed.flatten(1).sum(1).clamp(min=1))


def _unreduced(function: Callable[..., Any], like: Tensor) -> tuple[Callable[..., Any], bool]:
    """The function without a reduction of its own, on the device of `like`; and whether it is to be summed."""
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

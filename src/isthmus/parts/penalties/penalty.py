"""What every penalty is: something that the loss adds to the distance, one number per sample."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model
from isthmus.parts.part import Part, Shape

TAKEN = frozenset(
    ("loss", "distance", "code", "epoch", "learning_rate", "seconds", "samples_per_second", "network", "corruption")
)
"""What a row of the history, or a blueprint, calls something else than a penalty."""

Weight = Annotated[float, Field(ge=0)] | Literal["auto"]


class Penalty(Part):
    """Something that the loss adds, weighted.

    weight: how much it counts beside the distance. "auto" is settled by the data, for kinds that say how.
    warmup: over how many epochs the weight grows from 0, in a straight line.
    cycle: after how many epochs the warm-up begins again; never where 0. It then takes half the cycle, unless `warmup`
        says otherwise. Source: Fu et al., Cyclical annealing schedule, NAACL (2019).

    A kind may have weights of its own (`module`). Where these learn against the model, they are a rival: the kind then
    says their loss (`rival`), and lets them stand still when it is called (`isthmus.parts.layers.frozen`).

    over_batch: whether it looks at a batch as a whole (a mean over samples, say), which then isn't cut in pieces.
    scheduled: whether it wants to know how far training is: `out.batch.epochs`, (N,), None after training.
    towards_prior: whether it draws the codes, taken together, towards their prior, which can then be drawn from.
    """

    over_batch: ClassVar[bool] = False
    scheduled: ClassVar[bool] = False
    towards_prior: ClassVar[bool] = False

    weight: Weight = 1.0
    warmup: Annotated[float, Field(ge=0)] = 0.0
    cycle: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _check_cycle(self) -> Self:
        if self.cycle and self.warmup > self.cycle:
            raise BlueprintError(
                f"The warm-up of {self.warmup:g} epochs would begin again before its end, after cycle={self.cycle:g}. "
                f"Say warmup={self.cycle / 2:g}, or a longer cycle."
            )
        return self

    def resolve(self, spec: DataSpec) -> Self:
        """The same penalty with its weight decided for data of which this is known."""
        return self.replace(weight=self.auto_weight(spec)) if self.weight == "auto" else self

    def auto_weight(self, spec: DataSpec) -> float:
        """What a weight of "auto" comes to; 1 for kinds that don't say."""
        return 1.0

    @property
    def full_weight(self) -> float:
        """The weight when any warm-up is over, once it is settled."""
        return self.auto_weight(DataSpec()) if isinstance(self.weight, str) else self.weight

    @classmethod
    def _is_taken(cls, kind: str) -> bool:
        """A penalty's kind is its term's name in the history, and its part's name among a blueprint's options."""
        return kind in TAKEN or kind.startswith("validation_")

    @property
    def has_rival(self) -> bool:
        """Whether its own weights learn against the model."""
        return type(self).rival is not Penalty.rival

    @property
    def own_rate(self) -> float:
        """The learning rate of its own weights, as a multiple of the model's."""
        return 1.0

    def weight_at(self, epochs: float) -> float:
        """The weight after so many epochs."""
        rise = self.warmup or self.cycle / 2
        if self.cycle:
            epochs %= self.cycle
        return self.full_weight * min(1.0, epochs / rise) if rise else self.full_weight

    def check(self, model: Model) -> None:
        """Raise BlueprintError where the model hasn't what the penalty needs; asked once, when it is built."""

    def module(self, shape: Shape, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """Weights of its own, for samples and codes of these shapes, where it has any.

        They are trained, saved and resumed with the model's; `model.module_of(self)` finds them.
        """
        return None

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Any:
        """The random numbers for a batch of `count` samples: a tensor, N first, or several by name; None for none."""
        return None

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) penalty of each sample, not yet weighted; (K·N,) where the code's K draws differ in it.

        A penalty that draws nothing may leave `draws` out.
        """
        raise NotImplementedError

    def rival(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) loss by which the penalty's own weights learn, from a pass through which nothing flows back."""
        raise NotImplementedError


def names_of(penalties: Sequence[Penalty]) -> list[str]:
    """The penalties' kinds, numbered where one comes again: activation-l1, activation-l1#2."""
    kinds = [penalty.kind for penalty in penalties]
    counts = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return [f"{kind}#{count}" if count > 1 else kind for kind, count in zip(kinds, counts, strict=True)]

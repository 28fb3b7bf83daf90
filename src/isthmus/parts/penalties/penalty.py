"""The base of all penalties: a term that the loss adds to the distance, one number per sample."""

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
"""Names that are reserved, because a row of the history or a blueprint uses them for other things."""

Weight = Annotated[float, Field(ge=0)] | Literal["auto"]


class Penalty(Part):
    """A weighted term of the loss.

    weight: its weight relative to the distance. "auto" is decided from the data, for kinds that support it.
    warmup: the number of epochs over which the weight grows linearly from 0.
    cycle: the number of epochs after which the warm-up starts again; 0 for never. The warm-up then takes half the
        cycle, unless `warmup` is set. Source: Fu et al., Cyclical annealing schedule, NAACL (2019).

    A kind may have its own weights (`module`). If these learn against the model, they are a rival: the kind then
    defines their loss (`rival`), and keeps them fixed when it is called (`isthmus.parts.layers.frozen`).

    over_batch: whether it needs the whole batch (for example a mean over samples); such a batch isn't cut in pieces.
        Where several processes share the batch, `isthmus.parts.shared_batch.whole` gives what all of them have.
    scheduled: whether it needs the training's progress: `out.batch.epochs`, (N,), None after training.
    towards_prior: whether it pulls the distribution of the codes towards their prior, so that you can draw from it.
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
                f"The warm-up of {self.warmup:g} epochs is longer than cycle={self.cycle:g}, after which it restarts. "
                f"Set warmup={self.cycle / 2:g}, or a longer cycle."
            )
        return self

    def resolve(self, spec: DataSpec) -> Self:
        """The same penalty with its weight decided from these facts about the data."""
        return self.replace(weight=self.auto_weight(spec)) if self.weight == "auto" else self

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight that "auto" gives; 1 unless the kind overrides it."""
        return 1.0

    @property
    def full_weight(self) -> float:
        """The weight after any warm-up."""
        return self.auto_weight(DataSpec()) if isinstance(self.weight, str) else self.weight

    @classmethod
    def _is_taken(cls, kind: str) -> bool:
        """A penalty's kind is its term's name in the history, and its part's name among a blueprint's options."""
        return kind in TAKEN or kind.startswith("validation_")

    @property
    def has_rival(self) -> bool:
        """Whether its weights learn against the model."""
        return type(self).rival is not Penalty.rival

    @property
    def own_rate(self) -> float:
        """The learning rate of its weights, as a multiple of the model's."""
        return 1.0

    def weight_at(self, epochs: float) -> float:
        """The weight after this many epochs."""
        rise = self.warmup or self.cycle / 2
        if self.cycle:
            epochs %= self.cycle
        return self.full_weight * min(1.0, epochs / rise) if rise else self.full_weight

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the penalty doesn't fit the model; called once, when the model is built."""

    def module(self, shape: Shape, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """The module with the penalty's weights, for samples and codes of these shapes, if it has any.

        It is trained, saved and resumed with the model; `model.module_of(self)` returns it.
        """
        return None

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Any:
        """The random numbers for a batch of `count` samples: one tensor, N first, or several by name; or None."""
        return None

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) penalty of each sample, not yet weighted; (K·N,) if the code's K draws have different penalties.

        A penalty without random numbers may leave `draws` out.
        """
        raise NotImplementedError

    def rival(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) loss that trains the penalty's weights, from a pass without gradients."""
        raise NotImplementedError


def names_of(penalties: Sequence[Penalty]) -> list[str]:
    """The penalties' kinds, numbered if a kind occurs again: activation-l1, activation-l1#2."""
    kinds = [penalty.kind for penalty in penalties]
    counts = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return [f"{kind}#{count}" if count > 1 else kind for kind, count in zip(kinds, counts, strict=True)]

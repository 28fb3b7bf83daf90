"""What every code is: what the encoder's features become before the decoder sees them."""

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor, nn

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Part, Shape
from isthmus.parts.priors import Prior, StandardNormal

LEFT_OPEN = ("auto", "wide")
"""Sizes that the data settle."""


class CodeKind(Part):
    """How the encoder's features become a code.

    size: how many numbers the code has, or its shape; None takes what the network makes by itself. "auto" is settled
        by the data: as many as their principal components need for three quarters of the variance, but no more than
        half of a sample's numbers; "wide" is four times a sample's numbers, for codes that are overcomplete on purpose.
    most: how many numbers "auto" and "wide" come to at most.
    prior: what codes are distributed like before anything is known of the sample; penalties draw them towards it, and
        new samples are drawn from it.
    differentiable: whether the code moves with the features, so that its derivative tells something.
    compiles: whether a step with it can be compiled.
    """

    family: ClassVar[str] = "code"
    differentiable: ClassVar[bool] = True
    compiles: ClassVar[bool] = True

    size: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] | Literal["auto", "wide"] | None = None
    most: Annotated[int, Field(ge=1)] = 32
    prior: SerializeAsAny[Prior] = StandardNormal()

    def resolve(self, spec: DataSpec) -> Self:
        """The same code with its size decided for data of which this is known."""
        if self.size == "auto":
            return self.replace(size=self._size(spec))
        return self.replace(size=spec.wide(self.most)) if self.size == "wide" else self

    def _size(self, spec: DataSpec) -> int:
        """How many numbers "auto" comes to."""
        return spec.size(self.most)

    @property
    def asks_dimensions(self) -> bool:
        """Whether `resolve` wants to know how many dimensions the data have, which takes a moment to find."""
        return self.size == "auto"

    @property
    def range(self) -> tuple[float, float] | None:
        """What the code's numbers are sure to lie in; None where they are unbounded."""
        return None

    def check(self, code: Shape) -> None:
        """Raise BlueprintError where a code of this shape can't be made; asked once, when the model is built."""

    def shape(self, natural: Shape | None) -> Shape | None:
        """The code's shape; `natural` is the network's own. None where neither says one."""
        if self.size is None:
            return natural
        if isinstance(self.size, str):
            return (self.most,)
        return (self.size,) if isinstance(self.size, int) else self.size

    def features(self, code: Shape) -> Shape:
        """The shape of the features that a code of this shape is made from."""
        return code

    def bits(self, code: Shape) -> float | None:
        """Bits that one sample's code of this shape takes, all indices with as many; None of real numbers."""
        return None

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """The weights that belong to the code itself (a code book, say), where it has any."""
        return None

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor | None:
        """The random numbers for `count` samples, N first, where the code is drawn; draws: how many times each."""
        return None

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, *features) to a Code."""
        raise NotImplementedError

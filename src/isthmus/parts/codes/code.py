"""The base of all codes: how the encoder's features become the decoder's input."""

import math
from collections.abc import Generator
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Batch, Code
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.model import Model
from isthmus.parts.part import Part, Shape
from isthmus.parts.priors import Prior, StandardNormal

Turns = Generator[tuple[DiagonalGaussian | None, DiagonalGaussian], Tensor, Tensor]
"""See `CodeKind.in_turn`."""
LEFT_OPEN = ("auto", "wide")
"""Sizes that are decided from the data."""


class CodeKind(Part):
    """How the encoder's features become a code.

    size: the number of latent dimensions, or the code's shape; None uses the network's natural shape. "auto" is decided
        from the data: the number of principal components that explain three quarters of the variance, at most half of a
        sample's numbers. "wide" is four times a sample's numbers, for overcomplete codes.
    most: the upper limit of "auto" and "wide".
    prior: the distribution of codes before a sample is known. Penalties pull the codes towards it, and new samples are
        drawn from it.
    differentiable: whether the code has a useful derivative with respect to the features.
    compiles: whether a training step with this code can be compiled.
    binary: whether each latent dimension has two values, so that distances count the differing bits.
    drawn: whether a trained model can draw codes around their means, from the standard normal numbers of `draw`.
    relaxed: whether training draws codes that the posterior can't have, so that their log-densities say nothing.
    gates: whether it is sparse, and its `Code` has the gates.
    """

    family: ClassVar[str] = "code"
    differentiable: ClassVar[bool] = True
    compiles: ClassVar[bool] = True
    binary: ClassVar[bool] = False
    drawn: ClassVar[bool] = False
    relaxed: ClassVar[bool] = False
    gates: ClassVar[bool] = False

    size: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] | Literal["auto", "wide"] | None = None
    most: Annotated[int, Field(ge=1)] = 32
    prior: SerializeAsAny[Prior] = StandardNormal()

    def resolve(self, spec: DataSpec) -> Self:
        """The same code with its size decided from these facts about the data."""
        if self.size == "auto":
            return self.replace(size=self._size(spec))
        return self.replace(size=spec.wide(self.most)) if self.size == "wide" else self

    def _size(self, spec: DataSpec) -> int:
        """The size that "auto" gives."""
        return spec.size(self.most)

    @property
    def asks_dimensions(self) -> bool:
        """Whether `resolve` needs the data's number of dimensions, which takes a moment to compute."""
        return self.size == "auto"

    @property
    def scheduled(self) -> bool:
        """Whether it needs the training's progress (see `during`)."""
        return False

    @property
    def range(self) -> tuple[float, float] | None:
        """The bounds of the latent dimensions; None if they are unbounded."""
        return None

    @property
    def own_rate(self) -> float:
        """The learning rate of the code's own weights, as a multiple of the model's."""
        return 1.0

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if a code of this shape isn't possible; called once, when the model is built."""

    def check_model(self, model: Model) -> None:
        """Raise BlueprintError if the code doesn't fit the model; called once, when the model is built."""

    def shape(self, natural: Shape | None) -> Shape | None:
        """The code's shape; `natural` is the network's own. None if neither gives one."""
        if self.size is None:
            return natural
        if isinstance(self.size, str):
            return (self.most,)
        return (self.size,) if isinstance(self.size, int) else self.size

    def features(self, code: Shape) -> Shape:
        """The shape of the features that a code of this shape is made from."""
        return code

    def bits(self, code: Shape) -> float | None:
        """Bits for one sample's code of this shape, with indices of equal length; None for codes of real numbers."""
        symbols, places = self.symbols(code), self.places(code)
        return None if symbols is None or places is None else math.prod(places) * math.log2(symbols)

    def symbols(self, code: Shape) -> int | None:
        """How many values each of `Code.indices` can have; None for codes of real numbers."""
        return None

    def places(self, code: Shape) -> Shape | None:
        """The shape of a sample's `Code.indices`; None for codes of real numbers."""
        return None

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """The module with the code's own weights (for example a code book), if it has any."""
        return None

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor | None:
        """The random numbers for `count` samples, N first, if the code is random; draws: how many per sample."""
        return None

    def during(
        self, epochs: Tensor | None, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None
    ) -> Code:
        """The Code after (N,) epochs of training, for codes with a schedule; epochs is None after training."""
        return self(features, draws, module)

    def moved(self, code: Code, batch: Batch, model: Model) -> Code:
        """The Code that the decoder gets, for codes whose posterior asks the decoder; unchanged for all others."""
        return code

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, …) `Code.indices`; for quantised codes only."""
        raise NotImplementedError

    def in_turn(self, features: Tensor | None, count: int, code: Shape, module: nn.Module | None = None) -> Turns:
        """The levels of the codes of `count` samples in the order in which they are drawn, for a codec.

        A generator that yields the posterior, or None without features, and the prior of a level given the levels
        above. You send the drawn level, and it returns the (N, *code) codes at the end.

        Raises:
            BlueprintError: the code has no posterior, or its prior isn't normal given the levels above.
        """
        raise BlueprintError(f"A {self.kind} code has no posterior to draw codes from. Use a gaussian or ladder code.")

    def kl(self, code: Code) -> Tensor | None:
        """(N, *code) KL divergence of each latent dimension to the prior, in nats.

        None if the code has no posterior, or the prior no closed form.
        """
        return None if code.distribution is None else self.prior.kl(code.distribution)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, *features)."""
        raise NotImplementedError


def check_flat(code: Shape, called: str, size: str) -> None:
    """Raise BlueprintError unless a code, called "A ladder code", is flat. size: an example, for the message."""
    if len(code) != 1:
        raise BlueprintError(f"{called} must be flat, but this one has shape {code}. Set code={size}.")

"""The code: what the encoder's features become before the decoder sees them."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import ACTIVATIONS, Activation
from isthmus.parts.part import Part, Shape


@dataclass
class Code:
    """What a code kind made of a batch's features.

    z: (N, *code) what the decoder gets; (K·N, *code) where the code draws K times, draw by draw.
    distribution: the posterior that z was drawn from, where there is one.
    indices: which entries of a code book stand for z, where there is one.
    loss: (N,) what the code itself adds to the loss (a commitment, say), where it does.
    """

    z: Tensor
    distribution: Any = None
    indices: Tensor | None = None
    loss: Tensor | None = None


class CodeKind(Part):
    """How the encoder's features become a code.

    size: how many numbers the code has, or its shape; None takes what the network makes by itself.
    differentiable: whether the code moves with the features, so that its derivative tells something.
    """

    family: ClassVar[str] = "code"
    differentiable: ClassVar[bool] = True

    size: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] | None = None

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
        return (self.size,) if isinstance(self.size, int) else self.size

    def features(self, code: Shape) -> Shape:
        """The shape of the features that a code of this shape is made from."""
        return code

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """The weights that belong to the code itself (a code book, say), where it has any."""
        return None

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> Tensor | None:
        """The random numbers that one batch of `count` samples needs, where it needs any."""
        return None

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, *features) to a Code."""
        raise NotImplementedError


class Plain(CodeKind):
    r"""The features themselves, through an activation: :math:`z = \sigma(f(x))`.

    Of any size: undercomplete (smaller than the data), just complete, or overcomplete (larger: the model can then learn
    to copy, unless a penalty or a corruption keeps it from that).

    activation: the lectures use "relu"; "identity" leaves the features as they are.
    """

    activation: Activation = "identity"

    @property
    def range(self) -> tuple[float, float] | None:
        """Of the activation."""
        return {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}.get(self.activation)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, *code) to the Code whose z is the activated features."""
        return Code(z=ACTIVATIONS[self.activation]()(features))


Share = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)]
"""A number of units; below 1, a share of them."""


class TopK(CodeKind):
    r"""The k largest features stay, the others become 0: :math:`z_i = f_i` where :math:`f_i` is among the k largest.

    Exactly k units describe a sample. Few make features that are parts or whole prototypes, more make strokes.

    k: how many stay; below 1, as a share of the code.
    k_test: how many stay once training is over; the paper takes some more (α·k, α up to 3), for the code to be used.
        As many as in training where None.

    Source: Makhzani & Frey, k-sparse autoencoders, ICLR (2014).
    """

    k: Share = 0.1
    k_test: Share | None = None

    def check(self, code: Shape) -> None:
        """Raise BlueprintError where more shall stay than there are."""
        for name in ("k", "k_test"):
            self._count(name, math.prod(code))

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """No weights; only what tells training from the time after it."""
        return None if self.k_test is None else nn.Module()

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, *code) to the Code with k numbers a sample that stay."""
        flat = features.flatten(1)
        resting = module is not None and not module.training
        kept = flat.topk(self._count("k_test" if resting else "k", flat.shape[1]), sorted=False)
        return Code(z=torch.zeros_like(flat).scatter(1, kept.indices, kept.values).view_as(features))

    def _count(self, name: str, size: int) -> int:
        """How many of `size` numbers stay."""
        wanted = getattr(self, name)
        if wanted is None:
            return self._count("k", size)
        if wanted > size:
            raise BlueprintError(
                f"{name}={wanted} is larger than the code ({size} numbers). "
                f"Keep fewer ({name}={max(1, size // 10)}, say), or take a larger code."
            )
        return wanted if isinstance(wanted, int) else max(1, round(wanted * size))

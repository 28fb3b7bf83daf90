"""The code in which the largest features stay."""

import math
from typing import Annotated, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape

Share = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)]
"""A number of units; below 1, a share of them."""


class TopK(CodeKind):
    r"""The k largest features stay, the others become 0: :math:`z_i = f_i` where :math:`f_i` is among the k largest.

    Exactly k units describe a sample. Few make features that are parts or whole prototypes, more make strokes.

    k: how many stay; below 1, as a share of the code. "auto" is settled by the data, as the size of a narrow code is,
        at most `most_k`.
    k_test: how many stay once training is over; the paper takes some more (α·k, α up to 3), for the code to be used.
        As many as in training where None.

    Source: Makhzani & Frey, k-sparse autoencoders, ICLR (2014).
    """

    k: Share | Literal["auto"] = 0.1
    most_k: Annotated[int, Field(ge=1)] = 25
    k_test: Share | None = None

    @property
    def asks_dimensions(self) -> bool:
        """Whether its size or its k rests on them."""
        return self.k == "auto" or super().asks_dimensions

    def resolve(self, spec: DataSpec) -> Self:
        """The same code with its size and k decided."""
        code = super().resolve(spec)
        if self.k != "auto":
            return code
        own = code.shape(None)
        return code.replace(k=min(spec.size(self.most_k), self.most_k if own is None else math.prod(own)))

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
        evaluating = module is not None and not module.training
        kept = flat.topk(self._count("k_test" if evaluating else "k", flat.shape[1]), sorted=False)
        return Code(z=torch.zeros_like(flat).scatter(1, kept.indices, kept.values).view_as(features))

    def _count(self, name: str, size: int) -> int:
        """How many of `size` numbers stay."""
        wanted = getattr(self, name)
        if wanted is None:
            return self._count("k", size)
        if wanted == "auto":
            return min(self.most_k, size)
        if wanted > size:
            raise BlueprintError(
                f"{name}={wanted} is larger than the code ({size} numbers). "
                f"Keep fewer ({name}={max(1, size // 10)}, say), or take a larger code."
            )
        return wanted if isinstance(wanted, int) else max(1, round(wanted * size))

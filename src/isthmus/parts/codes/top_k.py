"""The code that keeps only the largest features."""

import math
from typing import Annotated, ClassVar, Literal, Self

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


class _Counted(CodeKind):
    """A code of which k features are kept.

    k: the number of features to keep; below 1, a share of the code. "auto" is decided from the data, like the size of
        an undercomplete code, at most `most_k`.
    """

    gates: ClassVar[bool] = True

    k: Share | Literal["auto"] = 0.1
    most_k: Annotated[int, Field(ge=1)] = 25

    @property
    def asks_dimensions(self) -> bool:
        """Whether its size or its k depends on the data's dimensions."""
        return self.k == "auto" or super().asks_dimensions

    def resolve(self, spec: DataSpec) -> Self:
        """The same code with its size and k decided."""
        code = super().resolve(spec)
        if self.k != "auto":
            return code
        own = code.shape(None)
        return code.replace(k=min(spec.size(self.most_k), self.most_k if own is None else math.prod(own)))

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if k is larger than the code."""
        self._count("k", math.prod(code))

    def count(self, size: int) -> int:
        """How many of `size` features are kept."""
        return self._count("k", size)

    def _count(self, name: str, size: int) -> int:
        """How many of `size` numbers are kept."""
        wanted = getattr(self, name)
        if wanted is None:
            return self._count("k", size)
        if wanted == "auto":
            return min(self.most_k, size)
        if wanted > size:
            raise BlueprintError(
                f"{name}={wanted} is larger than the code ({size} numbers). "
                f"Use a smaller value, such as {name}={max(1, size // 10)}, or a larger code."
            )
        return wanted if isinstance(wanted, int) else max(1, round(wanted * size))


class TopK(_Counted):
    r"""The k largest features are kept, the others become 0: :math:`z_i = f_i` if :math:`f_i` is among the k largest.

    Exactly k units describe a sample. A small k learns whole prototypes or parts, a larger k learns strokes.

    k: the number of features to keep; below 1, a share of the code. "auto" is decided from the data, like the size of
        an undercomplete code, at most `most_k`.
    k_test: the number to keep after training. The paper uses somewhat more than k (α·k, α up to 3). None: as in
        training.
    rectified: whether negative features become 0 even if they are among the k largest, as in dictionaries of
        activations; a sample then has at most k units.

    Source: Makhzani & Frey, k-sparse autoencoders, ICLR (2014); rectified: Gao et al., Scaling and evaluating sparse
    autoencoders (2024), arXiv 2406.04093.
    """

    later: ClassVar[tuple[str, ...]] = ("rectified",)

    k_test: Share | None = None
    rectified: bool = False

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if k is larger than the code."""
        super().check(code)
        self._count("k_test", math.prod(code))

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """A module without weights, whose mode distinguishes training from evaluation."""
        return None if self.k_test is None else nn.Module()

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, *code) features, with k non-zero numbers per sample."""
        flat = features.flatten(1)
        evaluating = module is not None and not module.training
        kept = flat.topk(self._count("k_test" if evaluating else "k", flat.shape[1]), sorted=False)
        values = kept.values.relu() if self.rectified else kept.values
        z = torch.zeros_like(flat).scatter(1, kept.indices, values)
        return Code(z=z.view_as(features), gates=features)

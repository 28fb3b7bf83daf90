"""Residual finite scalar quantisation: what rounding leaves is rounded again, on a finer scale."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.codes.quantised import Fsq
from isthmus.parts.constants import constant
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.vectors import laid_out, on_grid, vectors_of

SLACK = 1e-3
"""By how much the bounds are wider than the outermost levels, so that these can be reached."""


class Rfsq(Fsq):
    r"""`fsq` in several rounds: each further round divides the step that is left by the number of levels.

    A number is within half a step of its first level; the second round rounds its place in this step to the middle of
    one of as many parts, and so on.
    The first indices alone give a coarse reconstruction, and each further round adds as many bits. There is still no
    book to learn. With one round it is `fsq`.

    quantisers: the number of rounds.

    Source: `ResidualFSQ` of `vector-quantize-pytorch`; Mentzer et al., Finite scalar quantization, ICLR (2024).
    """

    quantisers: Annotated[int, Field(ge=1)] = 2

    def places(self, code: Shape) -> Shape:
        """(*grid, vectors a position · rounds)."""
        *grid, vectors = super().places(code)
        return (*grid, vectors * self.quantisers)

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module | None:  # pyright: ignore[reportIncompatibleMethodOverride] it has none
        """None: it has no weights."""
        return None

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, C, *grid), in the same shape, with indices (N, *grid, C / levels · rounds)."""
        with torch.autocast(features.device.type, enabled=False):
            bounded = self._bounded(vectors_of(features, len(self.levels)).float())
            half, levels, basis = self._constants(bounded)
            digits = ((bounded.detach() * half).round() + half).clamp(min=0).minimum(levels - 1)
            total, indices, width = (digits - half) / half, [digits], 1 / half
            for _ in range(self.quantisers - 1):
                rest = (bounded.detach() - total) / width + 0.5
                digits = (rest * levels).floor().clamp(min=0).minimum(levels - 1)
                total = total + width * ((digits + 0.5) / levels - 0.5)
                indices.append(digits)
                width = width / levels
            z = total + (bounded - bounded.detach())
            indices = [(digits * basis).sum(-1).round().long() for digits in indices]
        found = on_grid(torch.stack(indices, -1), features)
        return Code(laid_out(z, features.shape[1:]).to(features.dtype), indices=found)

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, …) indices: the sum of all rounds."""
        first, *others = indices.reshape(len(indices), -1, self.quantisers).unbind(2)
        levels = torch.tensor(self.levels)
        basis = torch.tensor([1, *self.levels[:-1]]).cumprod(0)
        z = vectors_of(super().from_indices(first, code, module), len(self.levels))
        width = 1 / (levels // 2).double()
        for one in others:
            z = z + width * ((one[..., None] // basis % levels + 0.5) / levels - 0.5)
            width = width / levels
        return laid_out(z, code)

    def _bounded(self, vectors: Tensor) -> Tensor:
        """(N, V, L) to the same within the levels, in -1..1."""
        half, _, _ = self._constants(vectors)
        reach = constant(tuple((level - 1) * (1 + SLACK) / 2 for level in self.levels), vectors)
        offset = constant(tuple(0.0 if level % 2 else 0.5 for level in self.levels), vectors)
        return (torch.tanh(vectors + torch.atanh(offset / reach)) * reach - offset) / half

    def _constants(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Half the levels, the levels, and the value of each digit of an index; (L,) each."""
        half = tuple(level // 2 for level in self.levels)
        basis = tuple(math.prod(self.levels[:place]) for place in range(len(self.levels)))
        return constant(half, like), constant(self.levels, like), constant(basis, like)

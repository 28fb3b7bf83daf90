"""Quantised codes of two levels: a coarse grid of vectors for the whole, and a fine one for the detail."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.codes.quantised import Vq
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.layers import initialise
from isthmus.parts.part import Shape
from isthmus.parts.vectors import laid_out, vectors_for


class Vq2(Vq):
    r"""Two levels of vectors: the upper is quantised first, on half the grid; the lower sees features and upper.

    The upper level describes the whole sample and the lower one the detail. From the features, layers make the upper
    vectors, one for every 2 × 2 positions (or every two), and quantise them by a book of their own. From the features
    and the upper entries, other layers make the lower vectors. The decoder gets both: the first half of the channels is
    the lower level, and the second half the upper level, repeated over its positions. Of a flat code, the two halves
    are the levels.

    entries: of each of the two books. width: of the features and of the layers between the levels.

    The indices begin with the upper level's, so that a sequence model of them draws the whole before the detail.

    Source: Razavi, van den Oord & Vinyals, Generating diverse high-fidelity images with VQ-VAE-2, NeurIPS (2019). There
    transposed convolutions widen the upper level for the decoder; here the decoder's own layers do.
    """

    width: Annotated[int, Field(ge=1)] = 64

    def shape(self, natural: Shape | None) -> Shape | None:
        """Without a given size: the network's positions, with an even number of channels."""
        code = super().shape(natural)
        return code if self.size is not None or code is None else (code[0] + code[0] % 2, *code[1:])

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if the code has no two equal halves that can be cut into whole vectors."""
        if code[0] % 2:
            raise BlueprintError(
                f"A vq2 code has two levels of equal width, but its size is {code[0]}. Use an even size, such as "
                f"code={code[0] + 1}."
            )
        super().check(_half(code))

    def features(self, code: Shape) -> Shape:
        """`width` features at each position."""
        return (self.width, *code[1:])

    def places(self, code: Shape) -> Shape:
        """(vectors of the upper level + vectors of the lower level,)."""
        return (sum(self._counts(code)),)

    def _size(self, spec: DataSpec) -> int:
        """Twice the size of one level, each with half the bits."""
        return 2 * self.length * vectors_for(spec, 2 * math.log2(self.entries), self.most // (2 * self.length))

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The two books, and the layers that lead to them."""
        length = self._length(_half(code))
        books = [self._books(length, 1, generator) for _ in range(2)]
        return Levels(code, self.width, *books, generator=generator)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, width, *grid) to the Code, with indices (N, vectors) and the commitment of both levels."""
        if module is None:
            raise self._needs_book()
        assert isinstance(module, Levels)
        upper, above, loss = self._quantised(module.above(features).to(features.dtype), draws, module.upper)
        wide = _widened(upper, tuple(features.shape[2:]))
        seen = torch.cat([features, wide], 1)
        lower, below, detail = self._quantised(module.below(seen).to(features.dtype), draws, module.lower)
        indices = torch.cat([above.flatten(1), below.flatten(1)], 1)
        return Code(torch.cat([lower, wide], 1), indices=indices, loss=(loss + detail) / 2)

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, vectors) indices: the entries of both levels."""
        assert isinstance(module, Levels)
        above, below = indices.reshape(len(indices), -1).split(self._counts(code), 1)
        half = _half(code)
        (upper,), (lower,) = self._entries(above, 1, module.upper), self._entries(below, 1, module.lower)
        wide = _widened(laid_out(upper, _coarse(half)), half[1:])
        return torch.cat([laid_out(lower, half), wide], 1)

    def _counts(self, code: Shape) -> tuple[int, int]:
        """How many vectors the upper and the lower level have."""
        half = _half(code)
        length = self._length(half)
        return math.prod(_coarse(half)) // length, math.prod(half) // length


class Levels(nn.Module):
    """above: features to the upper level's. below: features and upper entries to the lower's. upper, lower: books."""

    def __init__(
        self, code: Shape, width: int, upper: nn.Module, lower: nn.Module, *, generator: torch.Generator
    ) -> None:
        super().__init__()
        half, axes = code[0] // 2, len(code) - 1
        self.above = nn.Sequential(
            nn.LeakyReLU(0.01), Halve(width, width, axes), nn.LeakyReLU(0.01), _product(width, half, axes)
        )
        self.below = nn.Sequential(
            nn.LeakyReLU(0.01), _product(width + half, width, axes), nn.LeakyReLU(0.01), _product(width, half, axes)
        )
        self.upper, self.lower = upper, lower
        for layers in (self.above, self.below):
            products = [layer for layer in layers.modules() if hasattr(layer, "weight")]
            for layer in products:
                initialise(layer, "identity" if layer is products[-1] else "leaky-relu", generator)


class Halve(nn.Module):
    """(N, C, *grid) to half the grid, rounded up: each result sees two positions along each axis."""

    def __init__(self, given: int, made: int, axes: int) -> None:
        super().__init__()
        self.axes = axes
        self.product = _product(given, made, axes, size=2)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        sizes = [side for size in reversed(x.shape[2:]) for side in (0, size % 2)]
        return self.product(F.pad(x, sizes) if any(sizes) else x)


def _product(given: int, made: int, axes: int, size: int = 1) -> nn.Module:
    """A linear layer for flat features, else a convolution with a stride of its size."""
    kinds = {1: nn.Conv1d, 2: nn.Conv2d}
    return kinds[axes](given, made, size, stride=size) if axes else nn.Linear(given, made)


def _half(code: Shape) -> Shape:
    """The shape of one level on the whole grid."""
    return (max(1, code[0] // 2), *code[1:])


def _coarse(code: Shape) -> Shape:
    """The same on half the grid, rounded up."""
    return (code[0], *(-(-size // 2) for size in code[1:]))


def _widened(x: Tensor, grid: Shape) -> Tensor:
    """(N, C, *half the grid) with each position repeated over the positions it stands for."""
    for axis, size in enumerate(grid, start=2):
        x = x.repeat_interleave(2, axis).narrow(axis, 0, size)
    return x

"""Product quantisation: each slice of a vector has a book of its own."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.parts.codes.quantised import Vq
from isthmus.parts.part import Shape
from isthmus.parts.vectors import laid_out, vectors_of

TERMS, SQUARINGS = 12, 6
"""Of the exponential of a turn: exact to the last digits of float64 for turns of a norm up to 32."""


class Pq(Vq):
    r"""Each slice of `length` numbers is replaced by the nearest entry of its own book.

    So n slices have :math:`K^n` vectors between them, at the cost of a book of K entries for each. A flat code is one
    vector, and a code (C, H, W) has one at each position; a smaller vector is one slice. All else is as in `vq`, where
    the pieces of a flat code share one book.

    rotated: whether a learnt rotation comes before the slices and is undone after them (optimised product
        quantisation), so that the slices need not be those of the encoder.

    Source: Jégou, Douze & Schmid, Product quantization for nearest neighbor search, TPAMI 33 (2011); in a network:
    Baevski et al., wav2vec 2.0, NeurIPS (2020), with two books; rotated: Ge et al., Optimized product
    quantization, TPAMI 36 (2014).
    """

    sliced: ClassVar[bool] = True
    later: ClassVar[tuple[str, ...]] = ("rotated",)

    rotated: bool = False

    def books_of(self, code: Shape) -> int:
        """One for each slice."""
        return code[0] // self._length(code)

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The books, and the rotation's (d, d) `turn`, of which it is the exponential; at first none."""
        books = super().module(code, generator)
        if self.rotated:
            books.register_parameter("turn", nn.Parameter(torch.zeros(code[0], code[0])))
        return books

    def _quantised(self, features: Tensor, draws: Tensor | None, module: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
        if not self.rotated:
            return super()._quantised(features, draws, module)
        rotation, shape = rotation_of(module.get_parameter("turn")), features.shape[1:]
        turned = laid_out(vectors_of(features, shape[0]) @ rotation.T, shape)
        z, indices, loss = super()._quantised(turned, draws, module)
        return laid_out(vectors_of(z, shape[0]) @ rotation, shape), indices, loss

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, …) indices: the books' entries next to each other."""
        vectors = torch.cat(self._entries(indices, self.books_of(code), module), 2)
        if self.rotated and module is not None:
            vectors = vectors @ rotation_of(module.get_parameter("turn").double())
        return laid_out(vectors, code)

    def _length(self, code: Shape) -> int:
        return min(self.length, code[0])

    def _vector(self, code: Shape) -> int:
        return code[0]


def rotation_of(turn: Tensor) -> Tensor:
    r"""(d, d) to the rotation :math:`e^{A - A^\top}`.

    It is the power series of a small part of the turn, squared: products alone, because no exported format has
    PyTorch's `matrix_exp`.
    """
    with torch.autocast(turn.device.type, enabled=False):
        one, part = torch.eye(len(turn), dtype=turn.dtype, device=turn.device), (turn - turn.T) / 2**SQUARINGS
        rotation = one
        for place in range(TERMS, 0, -1):
            rotation = one + part @ rotation / place
        for _ in range(SQUARINGS):
            rotation = rotation @ rotation
    return rotation

"""Product quantisation: each slice of a vector has a book of its own."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.parts.codes.quantised import Vq
from isthmus.parts.part import Shape
from isthmus.parts.vectors import laid_out


class Pq(Vq):
    r"""Each slice of `length` numbers is replaced by the nearest entry of its own book.

    So n slices have :math:`K^n` vectors between them, at the cost of a book of K entries for each. A flat code is one
    vector, and a code (C, H, W) has one at each position; a smaller vector is one slice. All else is as in `vq`, where
    the pieces of a flat code share one book.

    Source: Jégou, Douze & Schmid, Product quantization for nearest neighbor search, TPAMI 33 (2011); in a network:
    Baevski et al., wav2vec 2.0, NeurIPS (2020), with two books.
    """

    sliced: ClassVar[bool] = True

    def books_of(self, code: Shape) -> int:
        """One for each slice."""
        return code[0] // self._length(code)

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, …) indices: the books' entries next to each other."""
        return laid_out(torch.cat(self._entries(indices, self.books_of(code), module), 2), code)

    def _length(self, code: Shape) -> int:
        return min(self.length, code[0])

    def _vector(self, code: Shape) -> int:
        return code[0]

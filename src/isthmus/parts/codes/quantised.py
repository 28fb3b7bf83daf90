"""Quantised codes: each vector of the code is one of a finite set, so a sample is a few whole numbers."""

import contextlib
import math
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.extras import needs
from isthmus.parts.codes.books import Learning, look_up
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.shared_batch import whole_count
from isthmus.parts.vectors import laid_out, on_grid, vectors_for, vectors_of

DEAD = 0.1
"""An entry used less often than this share of the mean use is dead. It is moved to a vector of the batch."""


class Vq(CodeKind):
    r"""Each vector is replaced by the nearest entry of a book: :math:`z = e_k,\ k = \arg\min_j \lVert f - e_j\rVert`.

    A code (C, H, W) has one vector per position; a flat code is cut into vectors of `length` numbers. All share one
    book. The gradient passes straight through, :math:`\partial z / \partial f = 1`, and the loss gains the commitment
    :math:`\beta\,\overline{(f - \mathrm{sg}[z])^2}`, the mean over a sample's numbers. Each entry is the moving average
    of the vectors assigned to it. An entry that is hardly used is moved to a vector of the batch; in the first step,
    this moves nearly all entries.

    entries: the number of entries in the book.
    length: numbers per vector of a flat code; a smaller code is one vector.
    commitment: the weight β.
    decay: of the moving averages.

    Source: van den Oord, Vinyals & Kavukcuoglu, Neural discrete representation learning, NeurIPS (2017), with the
    averages of its appendix A.1; `vector-quantize-pytorch`.
    """

    differentiable: ClassVar[bool] = False
    compiles: ClassVar[bool] = False
    sliced: ClassVar[bool] = False

    entries: Annotated[int, Field(ge=2)] = 512
    length: Annotated[int, Field(ge=1)] = 8
    commitment: Annotated[float, Field(ge=0)] = 0.25
    decay: Annotated[float, Field(gt=0, lt=1)] = 0.99

    def books_of(self, code: Shape) -> int:
        """The number of books for each vector."""
        return 1

    def symbols(self, code: Shape) -> int:
        """The number of entries."""
        return self.entries

    def places(self, code: Shape) -> Shape:
        """(*grid, vectors a position · books)."""
        return (*code[1:], code[0] // self._vector(code) * self.books_of(code))

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if a flat code can't be cut into whole vectors."""
        if code[0] % self._length(code):
            raise BlueprintError(
                f"A code of {code[0]} numbers can't be cut into vectors of length={self.length}. "
                f"Use a multiple of {self.length} as the size of the code, or a divisor of {code[0]} as the length."
            )

    def _size(self, spec: DataSpec) -> int:
        """The size with enough vectors for about four bits for each of the data's dimensions."""
        bits = self.books_of((self.length,)) * math.log2(self.entries)
        return self.length * vectors_for(spec, bits, self.most // self.length)

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The books. All entries start as unused, so the first step moves them to vectors."""
        return self._books(self._length(code), self.books_of(code), generator)

    def _books(self, length: int, count: int, generator: torch.Generator) -> nn.Module:
        """So many books of vectors of this length."""
        with _seeded(int(torch.randint(2**62, (), generator=generator))):
            books = _library(self.kind).ResidualVQ(
                dim=length,
                num_quantizers=count,
                codebook_size=self.entries,
                decay=self.decay,
                threshold_ema_dead_code=1,
                commitment_weight=0.0,
                rotation_trick=False,
            )
        for name, buffer in books.named_buffers():
            if name.endswith(("cluster_size", "embed_avg")):
                buffer.zero_()
        return books

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N,) seeds; the first one decides to which vectors dead entries are moved."""
        return torch.randint(2**62, (count,), generator=generator, device=generator.device)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, C, *grid), in the same shape, with indices (N, *grid, vectors · books) and its commitment.

        The books learn in training mode if draws are given; otherwise they are fixed.
        """
        if module is None:
            raise self._needs_book()
        z, indices, loss = self._quantised(features, draws, module)
        return Code(z, indices=on_grid(indices, features), loss=loss)

    def _quantised(self, features: Tensor, draws: Tensor | None, module: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
        """(N, C, *grid) features to the code, the indices (N, vectors, books) and the commitment (N,)."""
        vectors = vectors_of(features.detach(), self._vector(tuple(features.shape[1:])))
        learning = None
        if module.training and draws is not None:
            dead = DEAD * whole_count(len(vectors)) * vectors.shape[1] / self.entries
            learning = Learning(draws, self.decay, dead, dead / DEAD)
        with torch.autocast(features.device.type, enabled=False):
            nearest, indices = look_up(module, vectors, learning, sliced=self.sliced)
        z = laid_out(nearest, features.shape[1:]).to(features.dtype)
        loss = self.commitment * (features - z).square().flatten(1).mean(1)
        # the value is the entries exactly, the gradient is the features'
        return z + (features - features.detach()), indices, loss

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, …) indices: the sum of the books' entries."""
        first, *others = self._entries(indices, self.books_of(code), module)
        for entries in others:
            first = first + entries
        return laid_out(first, code)

    def _entries(self, indices: Tensor, books: int, module: nn.Module | None) -> list[Tensor]:
        """The (N, vectors, length) entries of each book, float64, of (N, …) indices."""
        assert module is not None
        each = indices.reshape(len(indices), -1, books).unbind(2)
        return [book.double()[own] for book, own in zip(module.codebooks, each, strict=True)]  # pyright: ignore

    def _length(self, code: Shape) -> int:
        """Numbers per vector, for a code of this shape."""
        channels, *grid = code
        return channels if grid else min(self.length, channels)

    def _needs_book(self) -> BlueprintError:
        return BlueprintError(
            f"A {self.kind} code needs its book. In addition to code=, give code_module=code.module(shape, generator)."
        )

    def _vector(self, code: Shape) -> int:
        """Numbers that are quantised together, by one book or several."""
        return self._length(code)


class Rvq(Vq):
    r"""Several books in turn, each for the remainder of the ones before: :math:`z = \sum_i e^{(i)}_{k_i}`.

    It is as fine as one book of :math:`K^n` entries, at the cost of :math:`nK`. The first indices alone give a coarse
    reconstruction. The commitment is that of the sum.

    quantisers: the number of books, n.

    Source: Zeghidour et al., SoundStream: an end-to-end neural audio codec (2021); `vector-quantize-pytorch`.
    """

    quantisers: Annotated[int, Field(ge=1)] = 4

    def books_of(self, code: Shape) -> int:
        """The number of quantisers."""
        return self.quantisers


class Fsq(CodeKind):
    r"""Each number is rounded to one of a few levels: :math:`z = \mathrm{round}(\tfrac{L}{2} \tanh f)`, to -1..1.

    A vector has one number for each of `levels`, so there are :math:`\prod_i L_i` entries by construction: there is no
    book to learn, no entry can die, and the loss gets no extra term. The gradient passes straight through the rounding.

    A code (C, H, W) has one vector per position; the network makes as many channels as there are levels. A flat code is
    cut into vectors, so its size must be a multiple of the number of levels.

    levels: 3 or more each. The paper uses (8, 6, 5) for 2⁸ entries, (8, 5, 5, 5) for 2¹⁰, (7, 5, 5, 5, 5) for 2¹².

    Source: Mentzer et al., Finite scalar quantization: VQ-VAE made simple, ICLR (2024), arXiv 2309.15505;
    `vector-quantize-pytorch`.
    """

    differentiable: ClassVar[bool] = False

    levels: Annotated[tuple[Annotated[int, Field(ge=3)], ...], Field(min_length=1)] = (8, 5, 5, 5)

    @property
    def range(self) -> tuple[float, float]:
        """The bounds of the scaled levels."""
        return -1.0, 1.0

    @property
    def entries(self) -> int:
        """The number of different vectors."""
        return math.prod(self.levels)

    def _size(self, spec: DataSpec) -> int:
        """The size with enough vectors for about four bits for each of the data's dimensions."""
        length = len(self.levels)
        return length * vectors_for(spec, math.log2(self.entries), self.most // length)

    def shape(self, natural: Shape | None) -> Shape:
        """Without a given size: the network's positions, or one, with a number for each of the levels."""
        return super().shape(None) or (len(self.levels), *(natural or ())[1:])

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if the code can't be cut into vectors of one number per level."""
        if code[0] % len(self.levels):
            raise BlueprintError(
                f"A code of {code[0]} numbers can't be cut into vectors of {len(self.levels)} levels. "
                f"Use a multiple of {len(self.levels)} as the size of the code, or other levels."
            )

    def symbols(self, code: Shape) -> int:
        """The number of different vectors."""
        return self.entries

    def places(self, code: Shape) -> Shape:
        """(*grid, vectors a position)."""
        return (*code[1:], code[0] // len(self.levels))

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The module that rounds to the levels; it has no weights."""
        return _library(self.kind).FSQ(list(self.levels))

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, C, *grid), in the same shape, with indices (N, *grid, C / levels)."""
        if module is None:
            module = self.module(tuple(features.shape[1:]), torch.Generator())
        with torch.autocast(features.device.type, enabled=False):
            z, indices = module(vectors_of(features, len(self.levels)))
        return Code(
            laid_out(z, features.shape[1:]).to(features.dtype), indices=on_grid(indices[..., None].long(), features)
        )

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, …) indices: the levels are the index's digits."""
        levels = torch.tensor(self.levels)
        basis = torch.tensor([1, *self.levels[:-1]]).cumprod(0)
        digits = indices.reshape(len(indices), -1, 1) // basis % levels
        half = levels // 2
        z = (digits - half).double() / half
        return laid_out(z, code)


def _library(kind: str) -> ModuleType:
    package = "vector-quantize-pytorch"
    return needs("vector_quantize_pytorch", "quantised", f"The {kind} code", package=package)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed PyTorch's global random state, which the library uses, and restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield

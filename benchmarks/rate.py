"""Bits: how a book of symbols is used, and what principal components make of as many bits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import isthmus as ist
from isthmus.pca import principal_components

DEEPEST = 8
"""Bits of one component, at most."""
ROUNDS = 40
"""Of Lloyd's algorithm."""


@dataclass(frozen=True)
class Coded:
    """What a quantised model made of samples: (N, *shape) scaled pictures, (N, …) indices."""

    pictures: Tensor
    indices: Tensor


@torch.no_grad()
def coded(model: ist.Autoencoder, samples: ist.Samples) -> Coded:
    """Through the code and back."""
    seen = [model.eval()(raw) for raw in samples.batches(1000)]
    indices = [one.code.indices for one in seen if one.code.indices is not None]
    return Coded(torch.cat([one.reconstruction for one in seen]), torch.cat(indices))


def use_of_book(indices: Tensor, entries: int) -> tuple[float, float]:
    """Perplexity of the indices, and the share of the entries that occur at all.

    The perplexity is the exponential of the entropy: how many entries would be as hard to guess, were all as frequent.
    """
    shares = torch.bincount(indices.flatten(), minlength=entries).double() / indices.numel()
    return float(torch.special.entr(shares).sum().exp()), float((shares > 0).double().mean())


def pca_at(data: ist.Data, bits: int) -> Callable[[Tensor], Tensor]:
    """The map of (N, *shape) scaled samples to what is left of them after so many bits each.

    The training part's components, each rounded to the 2ᵇ levels that are best for it (Lloyd, Least squares
    quantization in PCM, 1982). The bits go, one after the other, to where one more takes off the most error: what
    reverse water-filling comes to where bits are whole. Pictures are clipped to the values that the data can have.
    No index is shorter than another, here or in the quantised codes: nothing is coded by its frequency.
    """
    train = data.scaling(data.train.tensor())
    pca = principal_components(data.train, data.scaling, min(2 * bits, *train.flatten(1).shape))
    scores = pca.encode(train).T.contiguous()
    books = [_books(own) for own in scores]
    errors = [[_error(own, book) for book in tried] for own, tried in zip(scores, books, strict=True)]
    given = [0] * len(books)
    for _ in range(bits):
        gains = [own[b] - own[b + 1] if b < DEEPEST else 0.0 for own, b in zip(errors, given, strict=True)]
        given[gains.index(max(gains))] += 1
    chosen = [tried[b] for tried, b in zip(books, given, strict=True)]

    def use(scaled: Tensor) -> Tensor:
        kept = pca.encode(scaled).T.contiguous()
        rounded = torch.stack([_rounded(own, book) for own, book in zip(kept, chosen, strict=True)], 1)
        picture = pca.decode(rounded).view_as(scaled)
        return picture if data.scaling.range is None else picture.clamp(*data.scaling.range)

    return use


def _books(scores: Tensor) -> list[Tensor]:
    """The best levels for (N,) scores with 0, 1, … bits: each (2ᵇ,), ascending."""
    ordered = scores.double().sort().values
    sums = torch.cat([ordered.new_zeros(1), ordered.cumsum(0)])
    books = []
    for bits in range(DEEPEST + 1):
        places = (torch.arange(2**bits, dtype=torch.float64) + 0.5) / 2**bits * (len(ordered) - 1)
        levels = ordered[places.long()]
        for _ in range(ROUNDS):
            inner = torch.searchsorted(ordered, (levels[1:] + levels[:-1]) / 2)
            ends = torch.cat([inner.new_zeros(1), inner, inner.new_full((1,), len(ordered))])
            counts = ends.diff()
            levels = torch.where(counts > 0, sums[ends].diff() / counts.clamp(min=1), levels)
        books.append(levels.float())
    return books


def _rounded(scores: Tensor, book: Tensor) -> Tensor:
    """(N,) each score's nearest level."""
    return book[torch.bucketize(scores, (book[1:] + book[:-1]) / 2)]


def _error(scores: Tensor, book: Tensor) -> float:
    return float((scores - _rounded(scores, book)).double().square().mean())

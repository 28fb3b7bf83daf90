"""Looking up vectors in books whose entries learn, by the same operations whatever the values are.

So an accelerator can capture the step as a graph. The mathematics is that of `vector-quantize-pytorch`, whose modules
hold the books; on a CPU the bits are the same.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.parts.shared_batch import whole

SMOOTHING = 1e-5
"""Added to each entry's use, so that nothing is divided by 0."""
NEAREST = 1e-8
"""The least squared distance."""
MIXERS = (-4658895280553007687, -7723592293110705685)
"""The multipliers of SplitMix64 (Steele, Lea & Flood, 2014), as signed numbers."""
STRIDE = -7046029254386353131
"""Its step from one number to the next, which is odd."""

Revival = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""(K,) the dead entries, and how many vectors there are, to the entries to move (K,), and the vectors they get (K,)."""


@dataclass(frozen=True)
class Learning:
    """How the entries learn.

    seeds: (N,) int64; they decide to which vectors dead entries are moved. decay: of the moving averages.
    dead: the use below which an entry is dead. revived: the use of an entry that was moved.
    """

    seeds: Tensor
    decay: float
    dead: float
    revived: float


def look_up(
    books: nn.Module, vectors: Tensor, learning: Learning | None = None, *, sliced: bool = False
) -> tuple[Tensor, Tensor]:
    """(N, V, d) to the sums of their nearest entries, (N, V, d), and these entries' indices (N, V, books).

    Each book gets the remainder of those before it; if sliced, a slice of its own, and the entries of all are joined.
    With `learning`, the entries then become the moving averages of the whole batch's vectors (see
    `isthmus.parts.shared_batch`), and dead ones are moved.
    """
    modules, found, indices = list(_books(books)), [], []
    revival = None if learning is None else _revival(whole(learning.seeds), vectors.shape[1])
    slices = vectors.chunk(len(modules), -1) if sliced else ()
    rest = vectors
    for place, book in enumerate(modules):
        rest = slices[place] if sliced else rest
        flat = rest.flatten(0, 1).to(book.embed.dtype)
        index = _nearest(book.embed[0], flat)
        entries = book.embed[0].index_select(0, index).view_as(rest).to(vectors.dtype)
        if learning is not None and revival is not None:
            everyone = whole(rest).flatten(0, 1).to(flat.dtype)
            _move(book, everyone, whole(index.view(vectors.shape[:2])).flatten(), learning.decay)
            _revive(book, everyone, learning, revival)
        rest = rest - entries
        found.append(entries)
        indices.append(index.view(vectors.shape[:2]))
    joined = torch.cat(found, -1) if sliced else sum(found, torch.zeros_like(vectors))
    return joined, torch.stack(indices, -1)


def _books(books: nn.Module) -> Iterator[Any]:
    """The library's modules, with embed (1, K, d), cluster_size (1, K) and embed_avg (1, K, d)."""
    for layer in books.get_submodule("layers").children():
        yield layer.get_submodule("_codebook")


def _nearest(entries: Tensor, vectors: Tensor) -> Tensor:
    """(K, d), (M, d) to (M,) the nearest entries."""
    squares = vectors.square().sum(1)[:, None] + entries.square().sum(1)
    products = torch.einsum("b i d, b j d -> b i j", vectors[None], entries[None])[0]
    return (-(squares + products * -2).clamp(min=NEAREST).sqrt()).argmax(1)


def _move(book: Any, vectors: Tensor, index: Tensor, decay: float) -> None:
    """Move the averages of use and of vectors, and set the entries to them."""
    chosen = (index[:, None] == torch.arange(book.embed.shape[1], device=index.device)).to(vectors.dtype)[None]
    sums = torch.einsum("h n d, h n c -> h c d", vectors[None], chosen).contiguous()
    book.cluster_size.lerp_(chosen.sum(1), 1 - decay)
    book.embed_avg.lerp_(sums, 1 - decay)
    total = book.cluster_size.sum(-1, keepdim=True)
    smoothed = (book.cluster_size + SMOOTHING) / (total + book.embed.shape[1] * SMOOTHING) * total
    book.embed.copy_(book.embed_avg / smoothed[..., None])


def _revive(book: Any, vectors: Tensor, learning: Learning, revival: Revival) -> None:
    """Move dead entries to vectors."""
    moved, source = revival(book.cluster_size[0] < learning.dead, len(vectors))
    taken = vectors.index_select(0, source)[None]
    book.embed.copy_(torch.where(moved[:, None], taken, book.embed))
    book.cluster_size.masked_fill_(moved, learning.revived)
    book.embed_avg.copy_(torch.where(moved[:, None], taken * learning.revived, book.embed_avg))


def _revival(seeds: Tensor, each: int) -> Revival:
    """The choice of vectors for dead entries, by (N,) seeds, for samples of `each` vectors; another one at each call.

    If there are more dead entries than vectors, the others stay for the next step.
    """
    if seeds.device.type == "cpu":
        return _by_generator(torch.Generator().manual_seed(int(seeds[0])))
    calls = itertools.count()
    return lambda dead, count: _in_order(dead, _mixed(seeds, each, next(calls)).argsort())


def _by_generator(generator: torch.Generator) -> Revival:
    """The library's choice."""

    def choose(dead: Tensor, count: int) -> tuple[Tensor, Tensor]:
        places = dead.nonzero()[:, 0]
        source = torch.zeros_like(dead, dtype=torch.int64)
        if not len(places):
            return dead, source
        if len(places) > count:
            places = places[torch.randperm(len(places), generator=generator)[:count]].sort().values
        source[places] = torch.randperm(count, generator=generator)[: len(places)]
        return torch.zeros_like(dead).index_fill_(0, places, value=True), source

    return choose


def _in_order(dead: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """The first dead entries get the vectors in this order."""
    rank = dead.cumsum(0) - 1
    return dead & (rank < len(order)), order[rank.clamp(0, len(order) - 1)]


def _mixed(seeds: Tensor, each: int, call: int) -> Tensor:
    """(N,) to (N · each,) int64: other numbers for each vector and call, which look random."""
    places = (torch.arange(each, device=seeds.device) + call * each) * STRIDE
    x = (seeds[:, None] + places).flatten()
    for shift, multiplier in zip((30, 27), MIXERS, strict=True):
        x = (x ^ (x >> shift)) * multiplier
    return x ^ (x >> 31)

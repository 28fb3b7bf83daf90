"""An n-gram model: the baseline for tokens. It knows the tokens just before each, but no code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.errors import DataError
from isthmus.parts.distances.tokens import counted
from isthmus.shown import Shown

ORDER = 5
"""The longest n-gram, where the vocabulary allows it: its number must fit in 62 bits."""
_BATCH = 4096
_PAD = 1
"""Added to each token, so that 0 can mean "before the beginning"."""


@dataclass(frozen=True, eq=False, repr=False)
class NGram(Shown):
    r"""The probability of each token from the few tokens before it, with Witten and Bell's interpolation.

    .. math:: p(w|h) = \frac{c(hw) + t(h)\, p(w|h')}{c(h) + t(h)}

    with c the counts, t(h) the number of different tokens after h, and h' the context h without its first token. The
    shortest context is empty, and below it all tokens are equally likely. `unigram` uses the empty context alone.

    grams, counts: for each length from 1 on, the n-grams that occur, as ascending int64 numbers, and how often.
    tokens: the size of the vocabulary. mean: (T,) the most frequent token at each place, as float64.

    Source: Witten & Bell, The zero-frequency problem, IEEE Trans. Information Theory 37 (1991).
    """

    grams: tuple[Tensor, ...]
    counts: tuple[Tensor, ...]
    tokens: int
    mean: Tensor

    @property
    def size(self) -> int:
        """The length of its n-grams."""
        return len(self.grams)

    def nats(self, values: Tensor, order: int | None = None) -> Tensor:
        """(N, T) tokens to (N, T) float64 nats of each, given those before it in its row.

        order: the longest n-gram that is used; 1 for the unigrams.
        """
        tokens, base = values.cpu().long(), self.tokens + _PAD
        shares = torch.full(tokens.shape, 1 / self.tokens, dtype=torch.float64)
        for length, (grams, counts) in enumerate(self._up_to(order)):
            first = _contexts(tokens, length, self.tokens) * base
            found = _count(grams, counts, first + tokens + _PAD)
            total, kinds = _followers(grams, counts, first, base)
            mixed = (found + kinds * shares) / (total + kinds).clamp(min=1)
            shares = torch.where(total > 0, mixed, shares)
        return -shares.log()

    def reconstruct(self, values: Tensor, order: int | None = None) -> Tensor:
        """(N, T) tokens to the (N, T) float32 token that most often follows the longest known context of each place."""
        tokens, base = values.cpu().long(), self.tokens + _PAD
        made = torch.zeros(tokens.shape)
        for length, (grams, counts) in enumerate(self._up_to(order)):
            contexts, best = _best_followers(grams, counts, base)
            wanted = _contexts(tokens, length, self.tokens)
            place = torch.searchsorted(contexts, wanted).clamp(max=len(contexts) - 1)
            made = torch.where(contexts[place] == wanted, best[place].float(), made)
        return made.to(values.device)

    def to_tensors(self) -> dict[str, Tensor]:
        """The n-grams as named tensors for safetensors; `from_tensors` restores them exactly."""
        named = {f"grams{n}": grams for n, grams in enumerate(self.grams, start=1)}
        named |= {f"counts{n}": counts for n, counts in enumerate(self.counts, start=1)}
        return named | {"tokens": torch.tensor([self.tokens]), "mean": self.mean}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> NGram:
        """The n-grams from the tensors of `to_tensors`.

        Raises:
            DataError: a tensor is missing, or they don't fit each other.
        """
        orders = [n for n in range(1, ORDER + 1) if f"grams{n}" in tensors]
        whole = "tokens" in tensors and "mean" in tensors and all(f"counts{n}" in tensors for n in orders)
        if not orders or orders != list(range(1, len(orders) + 1)) or not whole:
            raise DataError("These n-grams lack some tensors. Learn them again from the training part.")
        grams, counts = (tuple(tensors[f"{name}{n}"].long() for n in orders) for name in ("grams", "counts"))
        pairs = list(zip(grams, counts, strict=True))
        if any(g.shape != c.shape or g.dim() != 1 or bool((g.diff() <= 0).any()) for g, c in pairs):
            raise DataError("These n-grams don't fit their counts. Learn them again from the training part.")
        return cls(grams, counts, int(tensors["tokens"]), tensors["mean"].double())

    def _up_to(self, order: int | None) -> list[tuple[Tensor, Tensor]]:
        """The n-grams and counts of each length up to this one."""
        return list(zip(self.grams, self.counts, strict=True))[:order]


def learn_ngrams(samples: Samples, tokens: int) -> NGram:
    """The n-grams of samples of tokens, each up to and including its end (the first 0).

    Raises:
        DataError: there are no samples.
    """
    if not len(samples):
        raise DataError("There are no samples to count n-grams in: expected at least one. Give more samples.")
    base = tokens + _PAD
    order = max(1, min(ORDER, int(62 / math.log2(base))))
    found: list[list[np.ndarray]] = [[] for _ in range(order)]
    places = np.zeros((samples.shape[0], tokens), np.int64)
    for batch in samples.batches(_BATCH):
        rows = batch.long()
        text = counted(rows)
        for length in range(order):
            found[length].append((_contexts(rows, length, tokens) * base + rows + _PAD)[text].numpy())
        flat = (torch.arange(rows.shape[1]) * tokens + rows)[text]
        places += torch.bincount(flat, minlength=places.size).view(places.shape).numpy()
    pairs = [np.unique(np.concatenate(each), return_counts=True) for each in found]
    grams = tuple(torch.from_numpy(numbers) for numbers, _ in pairs)
    counts = tuple(torch.from_numpy(times) for _, times in pairs)
    return NGram(grams, counts, tokens, torch.from_numpy(places.argmax(1)).double())


def _contexts(rows: Tensor, length: int, tokens: int) -> Tensor:
    """(N, T) tokens to the (N, T) number of the `length` tokens before each, 0 standing for "before the beginning"."""
    base, made = tokens + _PAD, torch.zeros_like(rows)
    for back in range(length, 0, -1):
        before = torch.nn.functional.pad(rows + _PAD, (back, 0))[:, : rows.shape[1]]
        made = made * base + before
    return made


def _count(grams: Tensor, counts: Tensor, wanted: Tensor) -> Tensor:
    """How often each wanted n-gram occurs, float64."""
    place = torch.searchsorted(grams, wanted).clamp(max=len(grams) - 1)
    return torch.where(grams[place] == wanted, counts[place], 0).double()


def _followers(grams: Tensor, counts: Tensor, first: Tensor, base: int) -> tuple[Tensor, Tensor]:
    """How often a context occurs, and the different tokens after it; first: the least number of an n-gram with it."""
    sums = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
    low, high = torch.searchsorted(grams, first), torch.searchsorted(grams, first + base)
    return (sums[high] - sums[low]).double(), (high - low).double()


def _best_followers(grams: Tensor, counts: Tensor, base: int) -> tuple[Tensor, Tensor]:
    """The contexts that occur, ascending, and the most frequent token after each, the first of equals."""
    order = counts.argsort(descending=True, stable=True)
    order = order[(grams[order] // base).argsort(stable=True)]
    contexts = grams[order] // base
    starts = torch.nn.functional.pad(contexts.diff() > 0, (1, 0), value=True)
    return contexts[starts], grams[order][starts] % base - _PAD

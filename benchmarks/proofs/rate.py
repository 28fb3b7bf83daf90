"""Bits: how a book of symbols is used, and what principal components make of as many bits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import isthmus as ist
from isthmus.pca import principal_components
from isthmus.quantised_pca import quantise


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
    """The map of (N, *shape) scaled samples to what is left of them after so many bits each (`quantise`).

    Pictures are clipped to the values that the data can have.
    """
    width = data.train.tensor().flatten(1).shape[1]
    pca = principal_components(data.train, data.scaling, min(bits, len(data.train), width))
    rounded = quantise(pca, data.train, data.scaling, bits)

    def use(scaled: Tensor) -> Tensor:
        picture = rounded.reconstruct(scaled)
        return picture if data.scaling.range is None else picture.clamp(*data.scaling.range)

    return use

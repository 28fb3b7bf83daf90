"""Batches of tokens of similar lengths, so that little time is spent on what follows the ends."""

import torch
from torch import Tensor

from isthmus.data import Samples
from isthmus.parts.distances.tokens import counted

WINDOW = 16
"""Batches among which samples are exchanged, so that each batch has samples of similar lengths.

On lines of text this cuts batches of 64 tokens to 40; 4 cuts them to 44, and learns no more in an epoch.
"""
STEP = 8
"""Lengths of batches are multiples of this, so that libraries prepare few different products."""


def lengths_of(samples: Samples) -> Tensor:
    """(N,) the number of tokens of each sample, with its end, rounded up to a multiple of `STEP`."""
    counts = [counted(batch).sum(1) for batch in samples.batches(samples.at_a_time)]
    rounded = -(-torch.cat(counts) // STEP) * STEP
    return rounded.clamp(max=samples.shape[0])


def by_length(order: Tensor, lengths: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """(N,) an order of samples changed so that batches of `size` have samples of similar lengths.

    Samples change places only within windows of `WINDOW` batches, and then the batches are shuffled. Samples that don't
    fill a batch stay at the end.
    """
    whole = len(order) // size * size
    windows = order[:whole].split(WINDOW * size)
    batches = [window[lengths[window].argsort(stable=True)].view(-1, size) for window in windows]
    if not whole:
        return order
    shuffled = torch.cat(batches)[torch.randperm(whole // size, generator=generator)]
    return torch.cat([shuffled.flatten(), order[whole:]])

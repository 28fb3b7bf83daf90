"""The lengths of samples of tokens, so that no time is spent on what follows the ends."""

import torch
from torch import Tensor

from isthmus.data import Samples
from isthmus.parts.distances.tokens import counted

STEP = 8
"""Lengths of batches are multiples of this, so that libraries prepare few different products."""


def lengths_of(samples: Samples) -> Tensor:
    """(N,) the number of tokens of each sample, with its end, rounded up to a multiple of `STEP`."""
    counts = [counted(batch).sum(1) for batch in samples.batches(samples.at_a_time)]
    rounded = -(-torch.cat(counts) // STEP) * STEP
    return rounded.clamp(max=samples.shape[0])

"""Samples through a model, a batch at a time."""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.errors import DataError
from isthmus.threads import shared_cores


@torch.no_grad()
def through(use: Callable[[Tensor, Tensor | None], Tensor], samples: Samples, size: int) -> Tensor:
    """(N, …) on the CPU: what a use makes of (B, *shape) raw samples and their labels, if any, `size` at a time.

    The module that is used should be in evaluation mode.

    Raises:
        DataError: the result is not finite; the message names the sample.
    """
    made, done = torch.empty(0), 0
    # watching the machine would take longer than a single batch
    with shared_cores() if len(samples) > size else contextlib.nullcontext():
        for raw, labels in samples.labelled(size):
            part = use(raw, labels).cpu()
            if not bool(part.isfinite().all()):
                row = done + int((~part.flatten(1).isfinite()).any(1).nonzero()[0])
                raise DataError(
                    f"The model's output for sample {row} is not finite: its values are far outside the range of the "
                    "training data. Check their units, or leave that sample out."
                )
            if len(part) == len(samples):
                return part
            if not done:  # all at once: parts between the batches would keep the allocator from using memory again
                made = part.new_empty(len(samples), *part.shape[1:])
            made[done : done + len(part)] = part
            done += len(part)
    return made

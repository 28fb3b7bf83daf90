"""Samples through a model, a batch at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.errors import DataError


@torch.no_grad()
def through(use: Callable[[Tensor, Tensor | None], Tensor], samples: Samples, size: int) -> Tensor:
    """(N, …) on the CPU: what a use makes of (B, *shape) raw samples and their labels, if any, `size` at a time.

    The module that is used should be in evaluation mode.

    Raises:
        DataError: the result is not finite; the message names the sample.
    """
    made: list[Tensor] = []
    for raw, labels in samples.labelled(size):
        made.append(use(raw, labels).cpu())
        if not bool(made[-1].isfinite().all()):
            row = sum(map(len, made[:-1])) + int((~made[-1].flatten(1).isfinite()).any(1).nonzero()[0])
            raise DataError(
                f"The model makes no finite numbers of sample {row}: its values are far outside of those that the "
                "model was trained on. Check their units, or leave that sample out."
            )
    return torch.cat(made)

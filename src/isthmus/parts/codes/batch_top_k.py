"""The code that keeps the largest features of a whole batch, and a threshold of them after training."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.codes.top_k import _Counted
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.shared_batch import whole


class BatchTopK(_Counted):
    r"""The k · N largest positive features of a batch of N are kept, the others become 0.

    A sample has k active units on average, and more of them if it needs more. After training, a sample must not depend
    on the others of its batch: a feature is then kept if it is larger than a threshold,

    .. math:: \theta = \mathrm{E}_\text{batch}\left[\min\{z_{ni} : z_{ni} > 0\}\right],

    the mean of the smallest kept feature over the batches of the training: all of them at first, then with a decay.

    k: the mean number of features to keep; below 1, a share of the code. "auto" is decided from the data, like the size
        of an undercomplete code, at most `most_k`.
    decay: of the mean over batches.

    Source: Bussmann, Leask & Nanda, BatchTopK sparse autoencoders (2024), arXiv 2412.06410.
    """

    decay: Annotated[float, Field(gt=0, lt=1)] = 0.99

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The threshold."""
        return Threshold()

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, *code) features. In training mode, the threshold learns."""
        positive = features.relu()
        if isinstance(module, Threshold) and not module.training:
            return Code(z=positive * (positive > module.threshold), gates=features)
        everyone = whole(positive.detach())
        count = self._count("k", features[0].numel()) * len(everyone)
        kept = everyone.flatten().topk(count, sorted=False).values
        if isinstance(module, Threshold):
            module.learn(kept, self.decay)
        return Code(z=positive * (positive >= kept.amin()), gates=features)


class Threshold(nn.Module):
    """The mean of the smallest kept feature: `threshold` (), from so many `batches` ()."""

    threshold: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("batches", torch.zeros(()))

    @torch.no_grad()
    def learn(self, kept: Tensor, decay: float) -> None:
        """Move the threshold towards the smallest positive of the kept features (M,), if there is one."""
        least = torch.where(kept > 0, kept, torch.inf).amin().to(self.threshold.dtype)
        share = (1 / (self.batches + 1)).clamp(min=1 - decay)
        some = least.isfinite()
        self.threshold.copy_(torch.where(some, self.threshold + share * (least - self.threshold), self.threshold))
        self.batches.add_(some)

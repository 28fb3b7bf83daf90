"""Explained: the share of the variance of samples that a model reconstructs."""

import numpy as np
import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.model.autoencoder import Autoencoder
from isthmus.uses.scores import element_errors


def explained_share(model: Autoencoder, samples: Samples, weights: np.ndarray | None = None) -> float:
    r"""The coefficient of determination of the reconstruction, :math:`1 - \sum (x - \hat x)^2 / \sum (x - \bar x)^2`.

    All numbers are scaled as in training, and count alike. A wrong category counts as 1, and the mean of categories is
    the most frequent one. Missing numbers don't count. 1 is an exact reconstruction, 0 is no better than the mean; NaN
    for samples without any variance, unless they are reconstructed exactly.

    weights: (N,), of the samples.
    """
    each = torch.ones(len(samples)) if weights is None else torch.as_tensor(weights)
    each = each.double()[:, None]
    missed = float((element_errors(model, samples).flatten(1).double() * each).sum())
    scaled = torch.cat([model.scaling(raw).cpu().double().flatten(1) for raw in samples.batches(samples.at_a_time)])
    known = ~scaled.isnan()
    scaled, each = scaled.nan_to_num(0.0), each * known
    mean = (scaled * each).sum(0) / each.sum(0).clamp(min=1e-300)
    spread = (scaled - mean).square() * each
    for place, levels in enumerate(model.scaling.levels):
        if levels:
            spread[:, place] = _not_usual(scaled[:, place], each[:, place])
    total = float(spread.sum())
    return 1 - missed / total if total else (1.0 if not missed else float("nan"))


def _not_usual(categories: Tensor, weights: Tensor) -> Tensor:
    """(N,) the weight of each category that isn't the most frequent one."""
    counts = torch.bincount(categories.long(), weights)
    return torch.where(categories == counts.argmax(), 0.0, weights)

"""Probabilistic PCA: what the linear model of a VAE's kind costs, in nats a sample.

Source: Tipping & Bishop, Probabilistic principal component analysis, J. R. Statist. Soc. B 61 (1999).
"""

import math

import torch
from torch import Tensor

from isthmus.pca import PCA

CLIPS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""How far a Bernoulli's mean is kept from 0 and 1; the best of them is taken."""
DRAWS = 4


def gaussian_cost(pca: PCA, scaled: Tensor) -> float:
    r"""Mean -log p(x) of (N, *shape) samples under :math:`\mathcal N(\mu, WW^\top + \sigma^2 I)`, in closed form.

    σ² is the mean variance of the directions that are left out, which is the maximum of the likelihood.
    """
    rows = scaled.flatten(1).double() - pca.mean
    width, size = rows.shape[1], pca.rank
    noise = max((pca.total_variance - float(pca.variances.sum())) / max(1, width - size), 1e-6)
    variances = pca.variances[:size].clamp(min=noise)
    along = rows @ pca.components[:size].T
    off = (rows.square().sum(1) - along.square().sum(1)) / noise
    determinant = variances.log().sum() + (width - size) * math.log(noise)
    squares = (along.square() / variances).sum(1) + off
    return float(0.5 * (width * math.log(2 * math.pi) + determinant + squares).mean())


def bernoulli_cost(pca: PCA, scaled: Tensor, weight: float = 1.0) -> tuple[float, int]:
    r"""The mean negative ELBO of the same linear model with a Bernoulli on each number, and how many components it has.

    Posterior and prior are probabilistic PCA's, the mean is :math:`\mu + Wz` kept within 0..1. As many components as
    are best, none included, chosen on these very samples, in its favour. weight: of the KL.
    """
    rows = scaled.flatten(1).double()
    width = rows.shape[1]
    generator = torch.Generator().manual_seed(0)
    noise_of_z = torch.randn(DRAWS, len(rows), pca.rank, dtype=torch.float64, generator=generator)
    costs = {}
    for size in range(pca.rank + 1):
        variances = pca.variances[:size]
        noise = (pca.total_variance - float(variances.sum())) / max(1, width - size)
        scale = (variances - noise).clamp(min=0).sqrt()
        mean = (rows - pca.mean) @ pca.components[:size].T * scale / variances
        spread = noise / variances
        kl = 0.5 * (spread + mean.square() - 1 - spread.log()).sum(1)
        z = mean + spread.sqrt() * noise_of_z[..., :size]
        made = pca.mean + (z * scale) @ pca.components[:size]
        for clip in CLIPS:
            kept = made.clamp(clip, 1 - clip)
            nats = -(rows * kept.log() + (1 - rows) * (1 - kept).log()).sum(-1).mean(0)
            costs[float((nats + weight * kl).mean()), size] = size
    (best, size) = min(costs)
    return best, size

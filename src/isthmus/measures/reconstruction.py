"""Reconstruction error: how far what came back is from what went in, a number a sample, in scaled space."""

import torch
from torch import Tensor

BEST_PSNR = 100.0
"""Decibels given to an exact reconstruction, whose own ratio is infinite; rounding to bytes stands at about 59."""


def mse(reconstruction: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
    """(N,) mean squared error of each sample: its squared error, per number (that is `observed`). 0 is exact."""
    errors = squares(reconstruction, target, observed)
    return errors.mean(1) if observed is None else errors.sum(1) / observed.flatten(1).sum(1).clamp(min=1)


def sse(reconstruction: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
    """(N,) squared error summed over the numbers of each sample (those `observed`). 0 is exact."""
    return squares(reconstruction, target, observed).sum(1)


def psnr(reconstruction: Tensor, target: Tensor, span: float = 1.0, observed: Tensor | None = None) -> Tensor:
    r"""(N,) peak signal-to-noise ratio of each picture in decibels, :math:`10 \log_{10}(\text{span}^2 / \text{mse})`.

    More is better; exact pictures get `BEST_PSNR`.

    span: the largest value a picture can take less the smallest.
    """
    ratio = 20 * torch.log10(torch.tensor(span)) - 10 * torch.log10(mse(reconstruction, target, observed))
    return ratio.clamp(max=BEST_PSNR)


def ssim(reconstruction: Tensor, target: Tensor, span: float = 1.0) -> Tensor:
    r"""(N,) mean structural similarity of each picture (N, C, H, W), the mean over its channels; 1 is exact.

    Means, variances and the covariance are taken under a Gaussian window of 11 × 11 numbers, σ = 1.5, wherever the
    window lies wholly inside the picture; population moments, :math:`K_1 = 0.01`, :math:`K_2 = 0.03`. A picture lower
    or narrower than 11 gets the largest odd window that fits, with the same σ.

    span: the largest value a picture can take less the smallest.

    Source: Wang, Bovik, Sheikh & Simoncelli, Image quality assessment: from error visibility to structural similarity,
    IEEE Trans. Image Processing 13 (2004).
    """
    _same_shape(reconstruction, target)
    height, width = target.shape[-2:]
    window = min(11, height, width)
    window -= 1 - window % 2
    down, across = _band(height, window).to(target), _band(width, window).to(target)
    x, y = reconstruction.to(target), target
    maps = torch.stack((x, y, x * x, y * y, x * y))
    mean_x, mean_y, square_x, square_y, product = down @ (maps @ across.T)
    steady_mean, steady_spread = (0.01 * span) ** 2, (0.03 * span) ** 2
    spread = square_x - mean_x.square() + square_y - mean_y.square()
    together = product - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + steady_mean) * (2 * together + steady_spread)
    likeness /= (mean_x.square() + mean_y.square() + steady_mean) * (spread + steady_spread)
    return likeness.flatten(1).mean(1)


def explained_variance(reconstruction: Tensor, target: Tensor) -> Tensor:
    r"""(D,) share of each number's variance over the N samples that comes back, :math:`1 - \text{SSE} / \text{SS}`.

    SS is about the samples' own mean. 1 is exact, 0 no better than that mean, below 0 worse; NaN where a number
    does not vary. It belongs to a set, not to a sample: `evaluate` adds it up over batches.
    """
    _same_shape(reconstruction, target)
    x, y = reconstruction.flatten(1).double(), target.flatten(1).double()
    return share((x - y).square().sum(0), (y - y.mean(0)).square().sum(0))


def share(error: Tensor, spread: Tensor) -> Tensor:
    """`1 - error / spread`; NaN where there is no spread."""
    return torch.where(spread > 0, 1 - error / spread, torch.nan)


def squares(reconstruction: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
    """(N, D) squared errors; 0 for what is not `observed`, (N, *shape)."""
    _same_shape(reconstruction, target)
    errors = (reconstruction.float() - target.float()).square()
    return (errors if observed is None else torch.where(observed, errors, 0)).flatten(1)


def _same_shape(reconstruction: Tensor, target: Tensor) -> None:
    # (N, 1) against (N,) would broadcast to (N, N) and give a number that looks like an error.
    if reconstruction.shape != target.shape:
        raise ValueError(
            f"A reconstruction of shape {tuple(reconstruction.shape)} for a target of shape {tuple(target.shape)}: "
            "expected the same shape. Reshape one of them."
        )


def _band(length: int, window: int) -> Tensor:
    """(length - window + 1, length) matrix whose rows slide a Gaussian window along: 3 to 9 × conv2d's speed."""
    at = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
    weights = torch.exp(-at.square() / (2 * 1.5**2))
    weights /= weights.sum()
    places = length - window + 1
    band = torch.zeros(places, length, dtype=torch.float64)
    columns = torch.arange(places)[:, None] + torch.arange(window)
    return band.scatter_(1, columns, weights.expand(places, window))

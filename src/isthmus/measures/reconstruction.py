"""Reconstruction errors: one number per sample, in scaled space."""

import torch
from torch import Tensor

from isthmus.parts.structure import similarity, windows_like

CACHED = 2**17
"""Numbers of pictures whose maps fit into a processor's cache."""
BEST_PSNR = 100.0
"""The decibels of an exact reconstruction, whose ratio is infinite; rounding to bytes gives about 59."""


def mse(reconstruction: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
    """(N,) mean squared error of each sample, over its `observed` numbers. 0 is exact."""
    errors = squares(reconstruction, target, observed)
    return errors.mean(1) if observed is None else errors.sum(1) / observed.flatten(1).sum(1).clamp(min=1)


def sse(reconstruction: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
    """(N,) squared error of each sample, summed over its `observed` numbers. 0 is exact."""
    return squares(reconstruction, target, observed).sum(1)


def psnr(reconstruction: Tensor, target: Tensor, span: float = 1.0, observed: Tensor | None = None) -> Tensor:
    r"""(N,) peak signal-to-noise ratio of each picture in decibels, :math:`10 \log_{10}(\text{span}^2 / \text{mse})`.

    Larger is better; exact reconstructions get `BEST_PSNR`.

    span: the difference between the largest and the smallest value that a picture can have.
    """
    return decibels(mse(reconstruction, target, observed), span)


def decibels(error: Tensor, span: float = 1.0) -> Tensor:
    """(N,) mean squared errors to peak signal-to-noise ratios (see `psnr`)."""
    return (20 * torch.log10(torch.tensor(span)) - 10 * torch.log10(error)).clamp(max=BEST_PSNR)


def ssim(reconstruction: Tensor, target: Tensor, span: float = 1.0) -> Tensor:
    r"""(N,) mean structural similarity of each picture (N, C, H, W), the mean over its channels; 1 is exact.

    Means, variances and the covariance use a Gaussian window of 11 × 11 pixels, σ = 1.5, at all places where it lies
    completely inside the picture; population moments, :math:`K_1 = 0.01`, :math:`K_2 = 0.03`. A picture smaller than 11
    pixels gets the largest odd window that fits, with the same σ.

    span: the difference between the largest and the smallest value that a picture can have.

    Source: Wang, Bovik, Sheikh & Simoncelli, Image quality assessment: from error visibility to structural similarity,
    IEEE Trans. Image Processing 13 (2004).
    """
    _same_shape(reconstruction, target)
    windows = windows_like(target)
    size = max(1, CACHED // max(1, target[:1].numel()))
    pieces = zip(reconstruction.to(target).split(size), target.split(size), strict=True)
    return torch.cat([similarity(x, y, windows, span)[0].mean(1) for x, y in pieces])


def explained_variance(reconstruction: Tensor, target: Tensor) -> Tensor:
    r"""(D,) explained share of each number's variance over the N samples, :math:`1 - \text{SSE} / \text{SS}`.

    SS is about the samples' own mean. 1 is exact, 0 is no better than that mean, below 0 is worse; NaN if a number
    doesn't vary. It is defined for a set of samples: `evaluate` sums over batches.
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
            f"The reconstruction has shape {tuple(reconstruction.shape)}, but the target has {tuple(target.shape)}: "
            "expected the same shape. Reshape one of them."
        )

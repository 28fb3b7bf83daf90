"""Mixtures of normal distributions with full covariances, fitted to points by expectation and maximisation."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.errors import remark

STEPS = 200
"""The most steps of the fit."""


@dataclass(frozen=True)
class FittedMixture:
    r""":math:`\sum_k w_k\,\mathcal N(\mu_k, \Sigma_k)` over D numbers.

    weights: (K,). means: (K, D). covariances: (K, D, D). All float64.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor


def fit_mixture(points: Tensor, components: int, seed: int) -> FittedMixture:
    """The mixture of so many components for (N, D) points, more than there are components."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 slow to import, and needed here alone
    from sklearn.mixture import GaussianMixture  # noqa: PLC0415

    flat = points.detach().cpu().double()
    least = 1e-6 * float(flat.var(0).mean()) + 1e-12  # a constant unit would make the covariance singular
    fitted = GaussianMixture(components, reg_covar=least, max_iter=STEPS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(flat.numpy())
    if not fitted.converged_:
        remark(f"The mixture has not converged after {STEPS} steps. You can use it; fewer components converge faster.")
    found = (torch.from_numpy(values) for values in (fitted.weights_, fitted.means_, fitted.covariances_))
    return FittedMixture(*found)


def factor_of(covariance: Tensor) -> Tensor:
    """(D, D) A with A·Aᵀ the covariance, float32; works for singular covariances too."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()).float()

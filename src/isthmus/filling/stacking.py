"""Stacking: the weights of several predictions, from their errors in cells that were hidden."""

import torch
from torch import Tensor

TRUST = 30.0
"""How many hidden cells the weights of all columns together count for in those of each column."""


def simplex_weights(errors: Tensor, column_of: Tensor, columns: int) -> Tensor:
    """(columns, M) weights of M predictions in each column: none is negative, and they add up to 1.

    errors: (n, M) of hidden cells. column_of: (n,) the column of each. The weights minimise the squared error, and are
    drawn to those that all columns share, which are drawn to equal ones.

    Source: Breiman, Stacked regressions, Machine Learning 24 (1996).
    """
    members = errors.shape[1]
    products = errors.new_zeros(columns, members, members)
    products.index_add_(0, column_of, errors[:, :, None] * errors[:, None, :])
    counts = torch.bincount(column_of, minlength=columns).to(errors)
    mean = products / counts.clamp(min=1)[:, None, None]
    typical = mean.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-9)
    relative = mean / typical[:, None, None]  # so that no column dominates what they share
    there = counts > 0
    shared = relative[there].mean(0) if bool(there.any()) else torch.eye(members).to(errors)
    equal = errors.new_full((1, members), 1 / members)
    cells = max(1.0, float(counts.sum()))
    common = _least_squares(shared[None] * (1 + TRUST / cells), shared[None] * (TRUST / cells) @ equal[0])
    pull = TRUST * shared
    return _least_squares(relative * counts[:, None, None] + pull, (pull @ common[0]).expand(columns, -1))


def shares(first: Tensor, second: Tensor, column_of: Tensor, columns: int) -> Tensor:
    """(columns,) the share, 0 to 1, of a second prediction in its mean with a first one, from their (n,) errors.

    As in `simplex_weights`, each column's is drawn to that of all columns, which is drawn to a half.
    """
    away = first - second  # (1 - s) first + s second = first - s away
    along = sums_by(first * away, column_of, columns)
    square = sums_by(away.square(), column_of, columns)
    counts = torch.bincount(column_of, minlength=columns).to(first)
    typical = (square / counts.clamp(min=1)).clamp(min=1e-9)
    common = float(((along / typical).sum() + TRUST * 0.5) / (float(counts.sum()) + TRUST))
    common = min(1.0, max(0.0, common))
    return ((along + TRUST * typical * common) / (square + TRUST * typical)).clamp(0, 1)


def sums_by(values: Tensor, column_of: Tensor, columns: int) -> Tensor:
    """(columns,) the sums of (n,) values by column."""
    return values.new_zeros(columns).index_add(0, column_of, values)


def _least_squares(products: Tensor, pull: Tensor) -> Tensor:
    """(C, M) the w on the simplex with the least w·products·w / 2 - w·pull, by projected gradients."""
    members = products.shape[-1]
    weights = products.new_full((len(products), members), 1 / members)
    step = 1 / products.diagonal(dim1=1, dim2=2).sum(1, keepdim=True).clamp(min=1e-12)
    for _ in range(300):
        weights = _projected(weights - step * ((products @ weights[..., None])[..., 0] - pull))
    return weights


def _projected(points: Tensor) -> Tensor:
    """(C, M) the nearest points of the simplex (Duchi et al., ICML, 2008)."""
    ordered = points.sort(1, descending=True).values
    above = (ordered.cumsum(1) - 1) / torch.arange(1, points.shape[1] + 1).to(points)
    last = (ordered > above).sum(1, keepdim=True) - 1
    return (points - above.gather(1, last)).clamp(min=0)

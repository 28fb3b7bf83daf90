"""Measures of disentanglement by mutual information: MIG and modularity."""

from typing import Any

import numpy as np

from isthmus.errors import UseError
from isthmus.measures.disentangled.pairs import Pairs

BINS = 20
"""The intervals of a latent dimension."""


def mig(codes: Any, factors: Any, *, bins: int = BINS) -> float:
    r"""The mutual information gap: how much more the best latent dimension knows of a factor than the second best.

    :math:`\frac1K \sum_k \frac{1}{H(v_k)} \left(I(z_{j_k}; v_k) - \max_{j \ne j_k} I(z_j; v_k)\right)`, where
    :math:`j_k` has the largest mutual information with the factor. 1: each factor is known exactly by one latent
    dimension, and no other knows anything about it. 0: the two best know equally much.

    There are several definitions, which give different numbers. Here the codes, which are the posteriors' means for a
    VAE, are divided into intervals of equal width, and the mutual information is that of the counts (Locatello et
    al.). Chen et al. compute it by draws of the posterior instead, which codes alone don't have.

    codes: (N, D). factors: (N, K), classes. bins: intervals of a latent dimension, over its whole range.

    Source: Chen et al., Isolating sources of disentanglement in VAEs, NeurIPS (2018); Locatello et al., Challenging
    common assumptions in the unsupervised learning of disentangled representations, ICML (2019).

    Raises:
        DataError: the arrays don't fit each other, or contain values that can't be measured.
        UseError: `bins` is below 2.
    """
    return gap(Pairs.of(codes, factors), bins)


def modularity(codes: Any, factors: Any, *, bins: int = BINS) -> float:
    r"""Whether each latent dimension knows of one factor only; it may be one of several that do.

    :math:`\frac1D \sum_j \left(1 - \frac{\sum_{k \ne k_j} I(z_j; v_k)^2}{(K-1)\,I(z_j; v_{k_j})^2}\right)`, where
    :math:`k_j` is the factor that dimension j knows most about. A dimension that knows of no factor counts as 0. Mutual
    information as for `mig`.

    codes: (N, D). factors: (N, K), classes, at least two. bins: intervals of a latent dimension.

    Source: Ridgeway & Mozer, Learning deep disentangled embeddings with the F-statistic loss, NeurIPS (2018).

    Raises:
        DataError: the arrays don't fit each other, or contain values that can't be measured.
        UseError: `bins` is below 2.
    """
    return modular(Pairs.of(codes, factors, least_factors=2), bins)


def gap(pairs: Pairs, bins: int) -> float:
    """The MIG of checked arrays."""
    shared, entropies = information(pairs, bins)
    best = np.sort(np.concatenate([np.zeros((1, pairs.count)), shared]), 0)[::-1]  # a lone dimension has no second
    return float(((best[0] - best[1]) / entropies).mean())


def modular(pairs: Pairs, bins: int) -> float:
    """The modularity of checked arrays."""
    squares = information(pairs, bins)[0] ** 2
    most = squares.max(1)
    others = (squares.sum(1) - most) / np.where(most > 0, most, 1) / (pairs.count - 1)
    return float(np.where(most > 0, 1 - others, 0).mean())


def information(pairs: Pairs, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """(D, K) mutual information of each latent dimension and each factor, and (K,) entropies of the factors, in nats.

    Rounding errors are removed, so that a constant dimension has exactly 0.
    """
    if bins < 2:
        raise UseError(f"bins={bins}: expected at least 2 intervals of a latent dimension, such as bins={BINS}.")
    places = intervals(pairs.codes, bins)
    sizes = pairs.factors.max(0) + 1
    of_factors = np.array([_entropy(np.bincount(column)) for column in pairs.factors.T])
    of_codes = [_entropy(np.bincount(column)) for column in places.T]
    shared = np.empty((pairs.dimensions, pairs.count))
    for row, column in enumerate(places.T):
        for place, factor in enumerate(pairs.factors.T):
            joint = _entropy(np.bincount(column * sizes[place] + factor))
            shared[row, place] = of_codes[row] + of_factors[place] - joint
    return np.where(shared > 1e-12, shared, 0), of_factors


def intervals(codes: np.ndarray, bins: int) -> np.ndarray:
    """(N, D) int64 places of numbers among intervals of equal width between each column's least and largest number."""
    least, width = codes.min(0), np.ptp(codes, 0)
    shares = (codes - least) / np.where(width > 0, width, 1)
    return np.minimum((shares * bins).astype(np.int64), bins - 1)


def _entropy(counts: np.ndarray) -> float:
    """In nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())

"""Weights: a sample with weight 2 counts as two samples; and an order of samples that depends on their values alone."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from isthmus.data.samples import Samples

TIMES = 4
"""Weights that are not whole numbers become repetitions, this many for a sample of the mean weight."""
MOST = 16
"""Whole weights are repetitions if their mean is not larger; otherwise they are treated as fractions."""


def rows_for(samples: Samples, X: Any, sample_weight: Any, seed: int) -> np.ndarray:
    """Row numbers of the samples to learn from, in an order that depends only on their values.

    Samples are repeated by their weights, so that everything that is learnt respects them: scaling, start, loss, early
    stopping and thresholds. Equal samples, and a sample with a weight, then give exactly the same model.

    Weights that are not whole numbers, or large ones, are rounded to repetitions at random, so that a sample's expected
    share is that of its weight (systematic resampling: Kitagawa, J. Computational and Graphical Statistics, 1996).

    X: the samples' source, for scikit-learn's check of the weights.

    Raises:
        ValueError: the weights are negative or all zero, or have another length.
    """
    order = np.argsort(keys(samples), kind="stable")
    if sample_weight is None:
        return order
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)[order]
    return np.repeat(order, repetitions(weights, seed))


def repetitions(weights: np.ndarray, seed: int) -> np.ndarray:
    """(N,) how often each sample is repeated for its weight."""
    whole = weights.round()
    if np.array_equal(whole, weights) and weights.sum() <= MOST * len(weights):
        return whole.astype(np.int64)
    total = TIMES * len(weights)
    ends = np.cumsum(weights) / weights.sum() * total
    ends[-1] = total
    shifted = np.floor(ends + np.random.default_rng(seed).random() * (1 - 1e-9)).astype(np.int64)
    counts = np.diff(np.minimum(shifted, total), prepend=0)
    return np.where(weights > 0, counts, 0)


def keys(samples: Samples) -> np.ndarray:
    """(N,) uint64 hashes of the samples' values; equal samples have equal keys."""
    width = int(np.prod(samples.shape))
    factors = np.random.default_rng(0).integers(2**63, size=width, dtype=np.uint64) | np.uint64(1)
    found = []
    for batch in samples.batches(samples.at_a_time):
        values = batch.reshape(len(batch), -1).numpy()
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), values.dtype.type(np.nan), values + 0)  # one NaN, and one zero
            values = values.view(np.uint32 if values.dtype.itemsize == 4 else np.uint64)
        mixed = values.astype(np.uint64) * factors
        mixed ^= mixed >> np.uint64(29)
        found.append((mixed * factors).sum(1, dtype=np.uint64))
    return np.concatenate(found)

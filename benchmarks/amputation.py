"""Amputation: making holes in a whole table, completely at random (MCAR), at random (MAR) or not at random (MNAR)."""

import numpy as np

MECHANISMS = ("MCAR", "MAR", "MNAR")
WHOLE = 0.3
"""The share of the columns without holes, on which the holes of the others depend (MAR)."""


def holes(table: np.ndarray, mechanism: str, share: float, random: np.random.Generator) -> np.ndarray:
    """(N, D) True for the cells to remove from (N, D) numbers without NaN; categories are given as numbers.

    - "MCAR": each cell with the probability `share`.
    - "MAR": 30 % of the columns (at least one) stay whole. In each other column, a cell is removed with a probability
      that depends on the whole columns: a logistic function of a random combination of them.
    - "MNAR": in each column, a cell is removed with a probability that depends on its own value: a logistic function
      that rises or falls with it, so that mostly large or mostly small values are missing.

    The mean of the probabilities is `share` in every column with holes. A row that lost all its cells gets one back.

    Source: Muzellec, Josse, Boyer & Cuturi, Missing data imputation using optimal transport, ICML (2020), whose
    mechanisms these are (logistic masking and self-masking); Rubin, Inference and missing data, Biometrika (1976).
    """
    columns = table.shape[1]
    if mechanism == "MCAR":
        chances = np.full(table.shape, share)
    elif mechanism == "MAR":
        chances = np.zeros(table.shape)
        order = random.permutation(columns)
        causes, holed = np.split(order, [max(1, int(WHOLE * columns))])
        slopes = random.normal(size=(len(causes), len(holed)))
        chances[:, holed] = _logistic(_standard(_standard(table[:, causes]) @ slopes), share)
    elif mechanism == "MNAR":
        chances = _logistic(_standard(table) * random.choice([-1.0, 1.0], columns), share)
    else:
        raise ValueError(f"mechanism={mechanism!r} is unknown: expected one of {', '.join(MECHANISMS)}.")
    made = random.random(table.shape) < chances
    empty = np.flatnonzero(made.all(1))
    made[empty, random.integers(0, columns, len(empty))] = False
    return made


def _standard(values: np.ndarray) -> np.ndarray:
    """(N, D) with mean 0 and deviation 1 in each column; 0 in constant ones."""
    away, deviation = values - values.mean(0), values.std(0)
    return away / np.where(deviation > 0, deviation, 1)


def _logistic(logits: np.ndarray, share: float) -> np.ndarray:
    """(N, D) probabilities σ(logit + b), with each column's b such that its mean is `share`; b by bisection."""
    low, high = np.full(logits.shape[1], -50.0), np.full(logits.shape[1], 50.0)
    for _ in range(60):
        middle = (low + high) / 2
        above = (1 / (1 + np.exp(-logits - middle))).mean(0) > share
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 1 / (1 + np.exp(-logits - (low + high) / 2))

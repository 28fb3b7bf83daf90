"""Two samples: do they come from the same distribution? Tests of numbers, of categories and of shares."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

FEW_VALUES = 20
"""A column of numbers with this many different values or fewer is tested like one of categories."""
LEAST_EXPECTED = 5.0
"""Expected rows of a cell; rarer categories are counted together, because the chi-squared test is wrong for them."""


class Difference(NamedTuple):
    """How far two samples are apart.

    distance: between 0 and 1. For numbers, the Kolmogorov-Smirnov distance: the largest difference between the shares
        of rows up to a value. For categories, the total variation distance: the share of the rows that would need
        another category. For shares, their difference. p: of the test that both samples have one distribution.
    test: its name.
    """

    distance: float
    p: float
    test: str


NONE = Difference(0.0, 1.0, "none")
"""Of two samples that can't differ, such as two constant columns."""


def numbers(before: np.ndarray, after: np.ndarray) -> Difference:
    """Two samples of numbers, (M,) and (N,), without NaN; infinite ones are the largest or the smallest.

    Numbers with few different values are tested like categories. For others, the Kolmogorov-Smirnov test is used; with
    ties its p-value is too large rather than too small.
    """
    if not len(before) or not len(after):
        return NONE
    values = np.unique(np.concatenate([before, after]))
    if len(values) <= FEW_VALUES:
        places = [np.searchsorted(values, one) for one in (before, after)]
        return categories(*(np.bincount(one, minlength=len(values)) for one in places))
    from scipy.stats import ks_2samp  # noqa: PLC0415 slow to import, and needed here alone

    found: Any = ks_2samp(
        before, after, method="asymp"
    )  # the exact one takes minutes, and hardly differs from 20 rows on
    return Difference(float(found.statistic), float(found.pvalue), "Kolmogorov-Smirnov")


def categories(before: np.ndarray, after: np.ndarray) -> Difference:
    """The counts (K,) of K categories in two samples: chi-squared test, Fisher's exact test if two cells remain."""
    table = np.stack([before, after]).astype(np.float64)
    totals = table.sum(1)
    if not totals.all():
        return NONE
    distance = float(np.abs(table[0] / totals[0] - table[1] / totals[1]).sum() / 2)
    cells = _merged(table)
    if cells.shape[1] < 2:
        return NONE._replace(distance=distance)
    if cells.shape[1] == 2:
        return Difference(distance, _exact(cells.astype(np.int64)), "Fisher's exact")
    from scipy.stats import chi2_contingency  # noqa: PLC0415

    found: Any = chi2_contingency(cells, correction=False)
    return Difference(distance, float(found.pvalue), "chi-squared")


def shares(before: tuple[int, int], after: tuple[int, int]) -> Difference:
    """Two shares, each as (rows that have the property, all rows): Fisher's exact test."""
    (some, rows), (others, all_others) = before, after
    if not rows or not all_others or some + others in (0, rows + all_others):
        return NONE
    table = np.array([[some, rows - some], [others, all_others - others]], np.int64)
    return Difference(abs(some / rows - others / all_others), _exact(table), "Fisher's exact")


def interval(some: int, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's confidence interval of a share."""
    from scipy.stats import binomtest  # noqa: PLC0415

    low, high = binomtest(some, rows).proportion_ci(confidence, method="wilson")
    return float(low), float(high)


def adjusted(p: Sequence[float]) -> list[float]:
    """p-values adjusted for their number: of those up to a level, that share at most is expected to be false.

    Source: Benjamini & Hochberg, Controlling the false discovery rate, JRSS B 57 (1995).
    """
    from scipy.stats import false_discovery_control  # noqa: PLC0415

    return false_discovery_control(np.asarray(p, np.float64)).tolist() if len(p) else []


def smallest_distance(before: int, after: int, p: float) -> float:
    """The Kolmogorov-Smirnov distance from which samples of these sizes differ with this p-value."""
    from scipy.stats import kstwo  # noqa: PLC0415

    return float(kstwo.isf(p, max(1, round(before * after / (before + after)))))


def _merged(table: np.ndarray) -> np.ndarray:
    """(2, K) counts with rare categories counted together, so that each cell has enough expected rows."""
    order = np.argsort(table.sum(0), kind="stable")
    table = table[:, order]
    table = table[:, table.sum(0) > 0]
    fraction = table.sum(1).min() / table.sum()
    rare = table.sum(0) * fraction < LEAST_EXPECTED
    cells = np.column_stack([table[:, rare].sum(1), table[:, ~rare]]) if rare.any() else table
    if rare.any() and cells.shape[1] > 2 and cells[:, 0].sum() * fraction < LEAST_EXPECTED:  # still too few together
        cells = np.column_stack([cells[:, :2].sum(1), cells[:, 2:]])
    return cells


def _exact(table: np.ndarray) -> float:
    from scipy.stats import fisher_exact  # noqa: PLC0415

    found: Any = fisher_exact(table)
    return float(found.pvalue)

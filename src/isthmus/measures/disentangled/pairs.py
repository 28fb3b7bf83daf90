"""Codes with their factors, checked: what all measures of disentanglement take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from isthmus.errors import DataError, UseError
from isthmus.seeds import is_seed, wrong_seed

TEST = 1 / 3
"""The share of the samples that predictors are tested on."""
LEAST = 10
"""The least number of samples."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """N samples' codes and factors.

    codes: (N, D) float64. factors: (N, K) int64, the place of each value among the factor's different ones.
    train, test: row numbers, for measures that learn a predictor and test it on other samples.
    """

    codes: np.ndarray
    factors: np.ndarray
    train: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, codes: Any, factors: Any, *, seed: int = 0, least_factors: int = 1) -> "Pairs":
        """From arrays or tensors (N, *code) and (N, K); (N,) is a single factor.

        seed: of the division into two parts. least_factors: how many factors the measure compares.

        Raises:
            DataError: the arrays don't fit each other, numbers are missing, or a factor isn't one of classes that vary.
            UseError: the seed is invalid.
        """
        if not is_seed(seed):
            raise UseError(wrong_seed(seed))
        numbers, classes = _codes(codes), _factors(factors)
        if len(numbers) != len(classes):
            raise DataError(
                f"There are {len(numbers):,} codes and {len(classes):,} rows of factors: expected one row for each "
                "code."
            )
        if classes.shape[1] < least_factors:
            raise DataError(
                f"This measure compares factors, but got {classes.shape[1]}: expected at least {least_factors} columns "
                "of factors. For a single factor, use mig or sap."
            )
        order = np.random.default_rng(seed).permutation(len(numbers))
        count = round(TEST * len(numbers))
        return cls(numbers, classes, order[count:], order[:count])

    def resampled(self, generator: np.random.Generator) -> "Pairs":
        """The same with rows drawn with replacement, within each part, so that no sample is in both."""
        train, test = (generator.choice(rows, len(rows)) for rows in (self.train, self.test))
        order = np.concatenate([train, test])
        places = np.arange(len(order))
        return Pairs(self.codes[order], self.factors[order], places[: len(train)], places[len(train) :])

    @property
    def dimensions(self) -> int:
        """D."""
        return self.codes.shape[1]

    @property
    def count(self) -> int:
        """K."""
        return self.factors.shape[1]


def _codes(given: Any) -> np.ndarray:
    array = _array(given)
    if array.ndim < 2 or array.dtype.kind not in "biuf":
        raise DataError(
            f"Codes of shape {array.shape} and type {array.dtype}: expected numbers of shape (N, D), a row for each "
            "sample. Give the result of run.encode(…), for example."
        )
    array = array.reshape(len(array), -1).astype(np.float64)
    if len(array) < LEAST:
        raise DataError(f"There are {len(array)} codes: expected at least {LEAST}. Give more samples.")
    if not np.isfinite(array).all():
        raise DataError(
            f"{np.count_nonzero(~np.isfinite(array)):,} numbers of the codes are NaN or infinite. Leave these samples "
            "out."
        )
    return array


def _factors(given: Any) -> np.ndarray:
    array = _array(given)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not array.shape[1]:
        raise DataError(f"Factors of shape {array.shape}: expected (N, K), a row for each sample, a column a factor.")
    return np.stack([_classes(column, place) for place, column in enumerate(array.T)], 1)


def _classes(column: np.ndarray, place: int) -> np.ndarray:
    """(N,) int64 places of a factor's values among its different ones."""
    missing = column != column  # noqa: PLR0124  NaN, also among objects
    if np.any(missing):
        raise DataError(f"Factor {place} has {np.count_nonzero(missing):,} missing values. Leave these samples out.")
    values, places = np.unique(column.astype(str) if column.dtype.kind == "O" else column, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"Factor {place} has the same value in every sample, so nothing can follow it. Leave it out.")
    if len(values) > len(column) / 2:
        raise DataError(
            f"Factor {place} has {len(values):,} different values in {len(column):,} samples: expected classes, each "
            "in several samples. Divide a quantity into intervals first, for example with np.digitize."
        )
    return places.reshape(-1).astype(np.int64)


def _array(given: Any) -> np.ndarray:
    return given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)

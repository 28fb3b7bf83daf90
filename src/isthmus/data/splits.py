"""Splits: dividing samples into training, validation and test. The same seed always gives the same split."""

import hashlib
from dataclasses import dataclass

import numpy as np

from isthmus.errors import DataError, remark
from isthmus.options import DivisionOptions
from isthmus.seeds import is_seed, wrong_seed

VALIDATION, TEST = DivisionOptions.validation, DivisionOptions.test


@dataclass(frozen=True)
class Split:
    """Row numbers (int64, ascending) of the three parts. Together they contain every row once."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def sha256(self) -> str:
        """A hash of the whole split, to check later that it is the same."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            digest.update(np.int64(len(part)).tobytes())
            digest.update(np.ascontiguousarray(part, dtype="<i8").data)
        return digest.hexdigest()


def split(
    count: int,
    validation: float = VALIDATION,
    test: float = TEST,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> Split:
    """Divide `count` samples at random.

    validation, test: fractions of the whole, 0 or more, with a sum below 1. Sizes are rounded, but with 3 samples or
        more no requested part is empty; with fewer, all of them go to training, with a remark.
    seed: of the random split, 0 or more.
    groups: (count,) whole numbers, equal for samples that must go to the same part; the fractions are then of groups.

    Raises:
        DataError: there are no samples, or the fractions leave nothing to train on.
    """
    if groups is not None:
        return _by_groups(groups, validation, test, seed)
    if count < 1:
        raise DataError("There are no samples: expected at least one. Check that you gave the right source.")
    for name, fraction in (("validation", validation), ("test", test)):
        if not 0 <= fraction < 1:
            raise DataError(f"{name}={fraction} is not a fraction: expected at least 0 and below 1, such as 0.1.")
    if validation + test >= 1:
        raise DataError(
            f"validation={validation} and test={test} leave nothing to train on: their sum must be below 1."
        )
    if not is_seed(seed):
        raise DataError(wrong_seed(seed))
    if count < 3:
        if validation + test > 0:
            remark(
                f"There {'are' if count > 1 else 'is'} only {count} sample{'s' * (count > 1)}: all go to training, and "
                "validation and test are empty."
            )
        validation = test = 0
    for_validation, for_test = (int(np.floor(count * f + 0.5)) or int(f > 0) for f in (validation, test))
    while for_validation + for_test >= count:  # tiny sets: the larger part gives way
        for_validation, for_test = (
            (for_validation - 1, for_test) if for_validation > for_test else (for_validation, for_test - 1)
        )
    order = np.random.default_rng(seed).permutation(count).astype(np.int64, copy=False)
    of_test, of_validation, of_train = np.split(order, [for_test, for_test + for_validation])
    for part in (of_train, of_validation, of_test):
        part.sort()  # in its place, for the numbers of many small samples are as large as these
    return Split(of_train, of_validation, of_test)


def _by_groups(groups: np.ndarray, validation: float, test: float, seed: int) -> Split:
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < 3 and validation + test > 0:
        remark(
            f"The samples come from only {len(names)} place{'s' * (len(names) > 1)}: all go to training, and "
            "validation and test are empty."
        )
        validation = test = 0
    parts = split(len(names), validation, test, seed)
    return Split(*(np.flatnonzero(np.isin(group, part)) for part in (parts.train, parts.validation, parts.test)))

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
    """Row numbers (int64, ascending) of the three parts. Together they contain every row at most once.

    Only a split by time leaves rows out: windows that reach over the end of a part.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def __len__(self) -> int:
        return len(self.train) + len(self.validation) + len(self.test)

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
    spans: np.ndarray | None = None,
) -> Split:
    """Divide `count` samples: at random, by whole groups, or by time.

    validation, test: fractions of the whole, 0 or more, with a sum below 1. Sizes are rounded, but with 3 samples or
        more no requested part is empty; with fewer, all of them go to training, with a remark.
    seed: of the random split, 0 or more.
    groups: (count,) whole numbers, equal for samples that must go to the same part; the fractions are then of groups.
    spans: (count, 2) whole numbers, the first step of each sample in its group and the one after its last: each group
        is then divided by time, first training, then validation, and the test part last. No two parts share a step;
        samples that reach from one part into the next are left out.

    Raises:
        DataError: there are no samples, or the fractions leave nothing to train on.
    """
    if spans is not None and groups is not None and len(spans):
        split(1 + int(validation + test > 0) * 2, validation, test, seed)  # checks the fractions
        return _by_time(groups, spans, validation, test)
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


def _by_time(groups: np.ndarray, spans: np.ndarray, validation: float, test: float) -> Split:
    parts: list[list[np.ndarray]] = [[], [], []]
    undivided = 0
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        order = rows[np.lexsort((spans[rows, 1], spans[rows, 0]))]
        own = _along(spans[order], validation, test)
        undivided += own is None
        for part, chosen in zip(parts, own or (slice(None), slice(0), slice(0)), strict=True):
            part.append(order[chosen])
    if undivided:
        remark(
            f"{undivided} of {len(np.unique(groups))} recordings are too short to be divided by time: they go to "
            "training "
            "as a whole. Set a shorter window= or step=."
        )
    return Split(*(np.sort(np.concatenate(part)) for part in parts))


def _along(spans: np.ndarray, validation: float, test: float) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The rows of the three parts of one recording, whose spans are in order; None if it is too short to divide.

    Windows that reach over a boundary are left out. If less than half of its share remained for training, validation
    and test get fewer windows.
    """
    starts, ends = spans.T
    count = len(spans)
    least = max(1, int(count * (1 - validation - test) / 2))
    sizes = [int(np.floor(count * share + 0.5)) or int(share > 0) for share in (test, validation)]  # the last first
    while True:
        bound, chosen = count, []
        for size in sizes:
            chosen.append(np.arange(bound - size, bound))
            if size and bound - size >= 0:
                bound = int((ends <= starts[bound - size]).sum())
            elif size:
                bound = -1
                break
        if bound >= least or (bound > 0 and max(sizes) <= 1):
            return np.arange(bound), chosen[1], chosen[0]
        if max(sizes) <= 1:
            return None
        sizes = [max(1, size - 1) if size == max(sizes) else size for size in sizes]

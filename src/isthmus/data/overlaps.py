"""Overlaps: windows that somebody cut from a recording before, each shifted by some steps from the one before."""

import numpy as np
from torch import Tensor

from isthmus.data.blocks import Blocks
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.errors import remark

LEAST = 4
"""Numbers of a window, and of the overlap of two, that must be equal."""
LONGEST = 4096
"""Numbers of the longest window that is looked at."""
PAIRS = 16
"""Consecutive windows that are compared."""
MOSTLY = 0.75
"""The share of these that must overlap: windows of several recordings don't where the next one begins."""


def remark_on_overlaps(raw: Raw, options: Options, called: str) -> None:
    """Remark on samples that are overlapping windows of a recording, because a random split shares their steps.

    raw: a source that is to be divided at random.
    """
    known = raw.medium is not None or raw.groups is not None or raw.texts or raw.kind == "pictures"
    if (
        known
        or isinstance(raw.values, Blocks)
        or raw.values.ndim not in (2, 3)
        or options.kind not in (None, "table", "series")
    ):
        return
    shift = shift_of(raw.values)
    if shift is not None:
        remark(
            f"{called}: each sample repeats the one before, shifted by {shift} step{'s' * (shift > 1)}. Such windows "
            "of one "
            "recording share steps, so a random split tests a model on steps that it was trained on. Give the "
            "recording "
            "itself with kind='series' and window=, or name the recording of each window with groups=."
        )


def shift_of(values: np.ndarray | Tensor) -> int | None:
    """By how many steps (N, T), (N, C, T) or (N, T, C) windows are shifted from one to the next; None if they aren't.

    >>> shift_of(np.lib.stride_tricks.sliding_window_view(np.arange(50.0) ** 2, 10)[::3])
    3
    """
    count = len(values)
    if count <= PAIRS // 2:
        return None
    first = np.unique(np.linspace(0, count - 2, PAIRS).astype(np.int64))
    pairs = [(_array(values[row]), _array(values[row + 1])) for row in first.tolist()]
    if sum(np.array_equal(one, following) for one, following in pairs) > (1 - MOSTLY) * len(pairs):
        return None  # equal samples, which agree by their own period
    if pairs[0][0].size > LONGEST or pairs[0][0].shape[-1] * len(pairs[0][0]) < 2 * LEAST:
        return None
    axes = (0,) if pairs[0][0].ndim == 1 else (1, 0)
    for axis in axes:
        moved = [(np.moveaxis(one, axis, -1), np.moveaxis(next_one, axis, -1)) for one, next_one in pairs]
        if (shift := _common_shift(moved)) is not None:
            return shift
    return None


def _common_shift(pairs: list[tuple[np.ndarray, np.ndarray]]) -> int | None:
    """The smallest shift along the last axis by which most pairs agree; constant windows agree by none."""
    length = pairs[0][0].shape[-1]
    needed = MOSTLY * len(pairs)
    for shift in range(1, length - max(LEAST, length // 8) + 1):
        agreed = 0
        for place, (one, following) in enumerate(pairs):
            kept = one[..., shift:]
            # the first number alone rules most shifts out
            if kept.flat[0] == following.flat[0] and np.array_equal(kept, following[..., :-shift]) and np.ptp(kept) > 0:
                agreed += 1
            elif agreed + len(pairs) - place - 1 < needed:
                break
        if agreed >= needed:
            return shift
    return None


def _array(sample: np.ndarray | Tensor) -> np.ndarray:
    return sample.numpy() if isinstance(sample, Tensor) else np.asarray(sample)

"""Windows that overlap, as users cut them."""

import warnings

import numpy as np
import pytest

from isthmus.data import open_data
from isthmus.data.overlaps import shift_of
from isthmus.errors import Remark

WALK = np.random.default_rng(0).normal(size=(400, 2)).cumsum(0)
WINDOWS = np.lib.stride_tricks.sliding_window_view(WALK, 24, axis=0)[::3]  # (N, C, T)


@pytest.mark.parametrize("values", [WINDOWS, WINDOWS.swapaxes(1, 2), WINDOWS[:, 0]], ids=["NCT", "NTC", "NT"])
def test_the_shift_of_windows_is_found(values):
    assert shift_of(values) == 3


@pytest.mark.parametrize(
    "values", [WALK[:, None] * np.ones((1, 9, 1)), np.zeros((50, 20)), WINDOWS[::20], np.tile([1.0, 4.5], (50, 8))]
)
def test_other_samples_have_no_shift(values):
    assert shift_of(values) is None


@pytest.mark.parametrize("kind", ["series", None])
def test_overlapping_windows_are_remarked_on(kind):
    with pytest.warns(Remark, match="shifted by 3 steps.*window=.*groups="):
        open_data(WINDOWS[:, 0], kind=kind)


def test_windows_whose_recordings_are_named_and_windows_apart_are_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_data(WINDOWS[:, 0], groups=np.arange(len(WINDOWS)) // 20)
        open_data(WINDOWS[:, 0][::8])

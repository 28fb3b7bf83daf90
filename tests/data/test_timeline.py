"""Recordings on a grid of equal steps."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data.timeline import timed, untimed_rows
from isthmus.errors import DataError, Remark

START = np.datetime64("2024-03-01T10:00", "ns")


def minutes(numbers):
    return START + np.asarray(numbers) * np.timedelta64(1, "m")


def quietly(values, times, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        return timed(values, times, None, "it", **options)


@given(
    st.lists(st.integers(1, 9), min_size=10, max_size=30).map(lambda wide: [1] * (len(wide) + 5) + wide),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_values_on_the_grid_come_back_to_their_rows_in_any_order(steps, random):
    places = np.cumsum(steps)
    order = list(range(len(places)))
    random.shuffle(order)
    values = np.arange(2.0 * len(places)).reshape(-1, 2)
    timeline = quietly(values[order], minutes(places)[order])
    back = timeline.back([stretch.values for stretch in timeline.stretches])
    assert np.allclose(back, values[order])


def test_a_long_gap_ends_a_stretch_and_a_short_one_is_interpolated():
    places = [0, 1, 2, 3, 5, 6, 7, 8, 20, 21, 22, 23]
    with pytest.warns(Remark, match=r"1 single steps without a row are interpolated.*its 1 longer gap\."):
        timeline = timed(np.array(places, float)[:, None], minutes(places), None, "it")
    assert [stretch.values[:, 0].tolist() for stretch in timeline.stretches] == [list(range(9)), [20, 21, 22, 23]]
    assert [stretch.first for stretch in timeline.stretches] == [0, 20]
    assert timeline.spacing == 60.0


def test_a_short_gap_is_missing_if_missing_values_are_kept():
    places = [0, 1, 2, 3, 5, 6, 7, 8]
    timeline = quietly(np.array(places, float)[:, None], minutes(places), holes=True)
    assert np.isnan(timeline.stretches[0].values[:, 0]).tolist() == [place == 4 for place in range(9)]


def test_jitter_keeps_the_rows():
    jitter = np.random.default_rng(0).uniform(-0.1, 0.1, 200)
    values = np.arange(200.0)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        timeline = timed(values, np.arange(200) + jitter, None, "it")
    assert np.array_equal(timeline.stretches[0].values, values)


def test_irregular_rows_are_resampled_to_their_median_step():
    times = np.cumsum(np.random.default_rng(0).uniform(0.5, 2.0, 300))
    with pytest.warns(Remark, match="irregular.*linear interpolation"):
        timeline = timed(3 * times[:, None], times, None, "it")
    stretch, spacing = timeline.stretches[0], timeline.spacing
    assert stretch.times is not None
    assert spacing is not None
    assert np.allclose(np.diff(stretch.times)[:-1], spacing)
    assert np.allclose(stretch.values[:-1, 0], 3 * stretch.times[:-1])
    assert np.allclose(timeline.back([stretch.values])[:-2], 3 * times[:-2, None])


def test_rows_with_one_time_stamp_become_their_mean():
    times, values = np.insert(np.arange(20.0), 5, 4), np.insert(np.arange(20.0), 5, 6)[:, None]
    with pytest.warns(Remark, match="1 rows repeat a time stamp.*mean"):
        timeline = timed(values, times, None, "it")
    assert timeline.stretches[0].values[4, 0] == 5
    assert timeline.place.tolist() == times.tolist()


def test_many_rows_with_one_time_stamp_are_several_recordings():
    times = np.tile(np.arange(10.0), 3)
    with pytest.raises(DataError, match=r"20 of 30 rows repeat the time stamp.*groups="):
        timed(np.zeros((30, 1)), times, None, "it")
    groups = np.repeat([0, 1, 2], 10)
    assert [len(stretch.values) for stretch in timed(np.zeros((30, 1)), times, groups, "it").stretches] == [10] * 3


def test_rows_without_a_time_stamp_are_left_out():
    times = np.arange(20.0)
    times[7] = np.nan
    with pytest.warns(Remark) as said:
        timeline = timed(np.arange(20.0)[:, None], times, None, "it")
    assert "1 of 20 rows have no time stamp" in str(said[0].message)
    assert timeline.stretch[7] == -1
    assert np.isnan(timeline.back([stretch.values for stretch in timeline.stretches])[7, 0])


def test_working_days_follow_each_other_over_the_weekend():
    days = np.array([day for day in np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]") if np.is_busday(day)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        timeline = timed(np.arange(len(days), dtype=float)[:, None], days.astype("datetime64[ns]"), None, "it")
    (stretch,) = timeline.stretches
    assert len(stretch.values) == len(days)
    assert stretch.times is not None
    assert stretch.times[5] == days[5].astype("datetime64[s]").astype(int)


def test_months_follow_each_other():
    months = np.arange("2000-01", "2010-01", dtype="datetime64[M]").astype("datetime64[ns]")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        timeline = timed(np.zeros((120, 1)), months, None, "it")
    assert len(timeline.stretches[0].values) == 120


def test_a_models_step_is_kept():
    times = np.arange(0.0, 100, 0.5)
    timeline = quietly(times[:, None], times, spacing=2.0)
    assert timeline.spacing == 2.0
    assert np.allclose(np.diff(timeline.stretches[0].values[:-1, 0]), 2.0)
    coarse = quietly(np.arange(0.0, 100, 4)[:, None], np.arange(0.0, 100, 4), spacing=2.0)
    assert np.allclose(np.diff(coarse.stretches[0].values[:, 0]), 2.0)


def test_rows_of_groups_without_time_stamps_keep_their_order():
    values, groups = np.arange(12.0)[:, None], np.array([1, 0] * 6)
    timeline = untimed_rows(values, groups)
    assert timeline.stretches[0].values[:, 0].tolist() == [1, 3, 5, 7, 9, 11]
    assert np.array_equal(timeline.back([stretch.values for stretch in timeline.stretches]), values)

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data.splits import split
from isthmus.errors import DataError, Remark

FRACTIONS = st.floats(0.01, 0.49)


@given(st.integers(3, 500), FRACTIONS, FRACTIONS, st.integers(0, 2**31))
def test_split_is_a_partition_with_no_empty_part(count, validation, test, seed):
    parts = split(count, validation, test, seed)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(together), np.arange(count))
    assert min(map(len, (parts.train, parts.validation, parts.test))) >= 1


def test_default_split_is_eight_to_one_to_one():
    parts = split(1000)
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [800, 100, 100]


def test_same_seed_gives_the_same_split_and_another_another():
    assert split(100, seed=3).sha256() == split(100, seed=3).sha256()
    assert split(100, seed=3).sha256() != split(100, seed=4).sha256()


def test_split_is_the_same_on_every_machine():
    # held against numbers written down, so that a run resumed with a later NumPy has its own training part
    assert split(10, 0.2, 0.2, seed=0).test.tolist() == [4, 6]


def test_no_validation_can_be_asked_for():
    parts = split(10, validation=0, test=0.2)
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [8, 0, 2]


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_samples_all_go_to_training_with_a_remark(count):
    with pytest.warns(Remark, match="all go to training"):
        parts = split(count)
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [count, 0, 0]


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.1), (0.1, 1.0), (float("nan"), 0.1)])
def test_impossible_fractions_are_refused(validation, test):
    with pytest.raises(DataError):
        split(10, validation, test)


def test_negative_seed_is_refused():
    with pytest.raises(DataError, match="seed=-1"):
        split(10, seed=-1)


def test_no_samples_are_refused():
    with pytest.raises(DataError, match="There are no samples"):
        split(0)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 9))
@settings(max_examples=50)
def test_groups_stay_together(groups, seed):
    groups = np.array(groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # of one or two groups all goes to training
        parts = split(len(groups), 0.2, 0.2, seed, groups)
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(rows) == list(range(len(groups)))
    of = [set(groups[part].tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert not of[0] & of[1]
    assert not of[0] & of[2]
    assert not of[1] & of[2]
    assert bool(of[1] and of[2]) == (len(set(groups.tolist())) > 2)


@given(st.integers(1, 120), st.integers(1, 30), st.integers(1, 20), FRACTIONS, FRACTIONS, st.integers(1, 3))
@settings(deadline=None)
def test_no_two_parts_of_a_split_by_time_share_a_step(count, length, step, validation, test, recordings):
    starts = np.tile(np.arange(count) * step, recordings)
    spans, groups = np.stack((starts, starts + length), 1), np.repeat(np.arange(recordings), count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        parts = split(len(spans), validation, test, groups=groups, spans=spans)
    assert len(parts.train)
    for group in range(recordings):
        of_train, of_validation, of_test = (
            spans[part[groups[part] == group]] for part in (parts.train, parts.validation, parts.test)
        )
        for early, late in ((of_train, of_validation), (of_validation, of_test), (of_train, of_test)):
            assert not len(early) or not len(late) or early[:, 1].max() <= late[:, 0].min()


def test_windows_side_by_side_are_divided_without_loss():
    starts = np.arange(100) * 10
    parts = split(100, 0.1, 0.2, groups=np.zeros(100), spans=np.stack((starts, starts + 10), 1))
    assert (parts.train.tolist(), parts.validation.tolist()) == ([*range(70)], [*range(70, 80)])
    assert parts.test.tolist() == [*range(80, 100)]


def test_a_recording_that_is_too_short_to_divide_is_for_training():
    spans = np.array([[0, 50], [10, 60], [20, 70]])
    with pytest.warns(Remark, match="too short to be divided by time"):
        parts = split(3, groups=np.zeros(3), spans=spans)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (3, 0, 0)

"""Amputation: the stated shares, and probabilities that depend on the right columns."""

import numpy as np
import pytest
from benchmarks.amputation import MECHANISMS, WHOLE, holes

TABLE = np.random.default_rng(0).normal(size=(4000, 10)) @ np.random.default_rng(1).normal(size=(10, 10))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_each_column_with_holes_has_the_stated_share(mechanism, share):
    made = holes(TABLE, mechanism, share, np.random.default_rng(2)).mean(0)
    holed = made[made > 0]
    assert len(holed) == (7 if mechanism == "MAR" else 10)
    assert np.abs(holed - share).max() < 0.03


def test_missing_at_random_depends_on_the_whole_columns_only():
    made = holes(TABLE, "MAR", 0.3, np.random.default_rng(3))
    whole = ~made.any(0)
    assert whole.sum() == int(WHOLE * 10)
    changed = TABLE.copy()
    changed[:, ~whole] = np.random.default_rng(4).normal(size=(4000, 7))
    assert np.array_equal(holes(changed, "MAR", 0.3, np.random.default_rng(3)), made)
    changed = TABLE.copy()
    changed[:, whole] = np.random.default_rng(4).normal(size=(4000, 3))
    assert not np.array_equal(holes(changed, "MAR", 0.3, np.random.default_rng(3)), made)


def test_missing_not_at_random_depends_on_the_value_itself():
    made = holes(TABLE, "MNAR", 0.3, np.random.default_rng(5))
    away = [TABLE[made[:, place], place].mean() - TABLE[:, place].mean() for place in range(10)]
    assert (np.abs(away) > 0.3 * TABLE.std(0)).all()
    changed = TABLE.copy()
    changed[:, 1:] = 0
    assert np.array_equal(holes(changed, "MNAR", 0.3, np.random.default_rng(5))[:, 0], made[:, 0])


def test_missing_completely_at_random_depends_on_nothing():
    one, other = (holes(table, "MCAR", 0.3, np.random.default_rng(6)) for table in (TABLE, TABLE[::-1] * 5))
    assert np.array_equal(one, other)


def test_every_row_keeps_a_cell():
    assert not holes(TABLE[:, :2], "MCAR", 0.9, np.random.default_rng(7)).all(1).any()

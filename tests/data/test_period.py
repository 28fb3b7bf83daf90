"""The period of a series."""

import numpy as np
import pytest

from isthmus.data.period import period_of


@pytest.mark.parametrize("period", [12, 60, 97])
def test_the_period_of_a_noisy_wave_is_found(period):
    steps = np.arange(20 * period)
    noise = np.random.default_rng(0).normal(size=(len(steps), 2))
    waves = np.stack([np.sin(2 * np.pi * steps / period), np.cos(2 * np.pi * steps / period)], 1)
    assert abs(period_of(5 + waves + 0.3 * noise + 0.01 * steps[:, None]) - period) <= 1


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=(3000, 2)),
        np.random.default_rng(0).normal(size=(3000, 1)).cumsum(0),
        np.ones((500, 1)),
        np.full((500, 1), np.nan),
        np.zeros((5, 1)),
    ],
    ids=["noise", "walk", "constant", "missing", "short"],
)
def test_without_a_clear_period_there_is_none(values):
    assert period_of(values) is None

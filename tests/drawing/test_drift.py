"""Overlays: two distributions share their bars, and their panels show both."""

import numpy as np
import pytest

from isthmus.drawing.drift import BARS, BINS, Overlay, overlays
from isthmus.drawing.theme import DARK, png


def test_two_histograms_share_their_bars_and_show_all_but_the_outermost_hundredth():
    random = np.random.default_rng(0)
    made = Overlay.of_numbers(random.normal(size=1000), random.normal(5, 1, size=500))
    assert len(made.before) == len(made.after) == BINS
    assert sum(made.before) == pytest.approx(0.99, abs=0.005)
    assert made.bounds is not None
    assert made.bounds[0] < 0 < 5 < made.bounds[1]
    assert not made.log


def test_values_a_thousand_times_as_large_have_a_logarithmic_axis():
    values = np.random.default_rng(0).uniform(1, 2, 500)
    assert Overlay.of_numbers(values, 1000 * values).log
    assert not Overlay.of_numbers(values - 1.5, 1000 * values).log


def test_whole_numbers_stand_in_the_middle_of_a_bar():
    made = Overlay.of_numbers(np.repeat([0.0, 1, 2, 3], 100), np.repeat([1.0, 2], 50))
    assert made.bounds == (-0.5, 3.5)
    assert made.before == (0.25, 0.25, 0.25, 0.25)
    assert made.after == (0, 0.5, 0.5, 0)
    axes = overlays([("children", made, False)]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "3"]
    assert axes.get_xticks().tolist() == [0.5, 1.5, 3.5]


def test_rare_categories_become_one_bar():
    before, after = np.arange(20, 0, -1), np.ones(20, int)
    made = Overlay.of_categories(before, after, tuple(f"c{place}" for place in range(20)))
    assert len(made.names) == BARS
    assert made.names[-1] == "13 others"
    assert sum(made.before) == pytest.approx(1)


def test_constant_and_infinite_values_are_drawn():
    constant = Overlay.of_numbers(np.ones(9), np.ones(5))
    nothing = Overlay.of_numbers(np.full(3, np.inf), np.ones(5))
    categories = Overlay.of_categories(np.array([3, 1]), np.array([0, 0]), ("$a", "b"))
    figure = overlays([("one", constant, True), ("none", nothing, False), ("$c", categories, False)], theme=DARK)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["● one", r"\$c"]
    assert png(figure)
    assert png(overlays([]))

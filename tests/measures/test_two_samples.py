"""Two samples: distances and p-values against known values and other implementations."""

import numpy as np
import pytest

from isthmus.measures.two_samples import NONE, adjusted, categories, interval, numbers, shares, smallest_distance


def test_the_distance_of_numbers_is_the_largest_difference_of_the_cumulative_shares():
    random = np.random.default_rng(0)
    before, after = random.normal(size=300), random.normal(0.3, 1.2, size=200)
    grid = np.sort(np.concatenate([before, after]))
    steps = [np.searchsorted(np.sort(one), grid, side="right") / len(one) for one in (before, after)]
    assert numbers(before, after).distance == pytest.approx(np.abs(steps[0] - steps[1]).max())


def test_the_p_value_of_numbers_is_the_share_of_shuffles_that_are_as_far_apart():
    random = np.random.default_rng(1)
    before, after = random.normal(size=60), random.normal(0.4, size=50)
    found, both = numbers(before, after), np.concatenate([before, after])
    shuffled = [random.permutation(both) for _ in range(1000)]
    as_far = np.mean([numbers(one[:60], one[60:]).distance >= found.distance - 1e-12 for one in shuffled])
    assert found.p == pytest.approx(as_far, abs=0.04)


def test_infinite_numbers_are_the_largest():
    assert numbers(np.arange(50.0), np.append(np.arange(49.0), np.inf)).distance == pytest.approx(1 / 50)
    assert numbers(np.arange(50.0), np.full(50, np.inf)).distance == 1


def test_numbers_with_few_values_are_tested_like_categories():
    before, after = np.repeat([0.0, 1, 2], [50, 30, 20]), np.repeat([0.0, 1, 5], [20, 30, 50])
    found = numbers(before, after)
    assert found == categories(np.array([50, 30, 20, 0]), np.array([20, 30, 0, 50]))
    assert found.test == "chi-squared"


def test_the_distance_of_categories_is_the_share_of_rows_that_would_change():
    found = categories(np.array([60, 30, 10]), np.array([120, 20, 60]))
    assert found.distance == pytest.approx(0.2)
    expected = np.outer([100, 200], [180, 50, 70]) / 300
    statistic = ((np.array([[60, 30, 10], [120, 20, 60]]) - expected) ** 2 / expected).sum()
    assert found.p == pytest.approx(np.exp(-statistic / 2))  # chi-squared with two degrees of freedom


def test_rare_categories_are_counted_together():
    rare = np.array([500, 400, *[1, 0] * 50])
    other = np.array([500, 400, *[0, 1] * 50])
    assert categories(rare, other).p > 0.5
    assert categories(np.array([100, 3, 0]), np.array([100, 1, 2])).test == "Fisher's exact"


def test_two_shares_are_compared_by_the_exact_test():
    assert shares((8, 10), (1, 6)).p == pytest.approx(0.03497, abs=1e-5)  # R: fisher.test(rbind(c(8, 2), c(1, 5)))
    assert shares((1, 100), (60, 1000)).distance == pytest.approx(0.05)


def test_what_cannot_differ_is_no_evidence():
    assert shares((0, 10), (0, 99)) == shares((5, 5), (7, 7)) == NONE
    assert categories(np.array([10, 0]), np.array([20, 0])).p == 1
    assert numbers(np.empty(0), np.ones(3)) == NONE


def test_an_unchanged_share_is_called_changed_as_rarely_as_the_p_value_says():
    random = np.random.default_rng(2)
    rows = [(random.multinomial(150, [0.5, 0.3, 0.15, 0.05]), random.multinomial(90, [0.5, 0.3, 0.15, 0.05]))
            for _ in range(400)]  # fmt: skip
    assert np.mean([categories(*pair).p <= 0.05 for pair in rows]) < 0.08


def test_p_values_are_adjusted_by_benjamini_and_hochberg():
    given = [0.01, 0.04, 0.03, 0.005, 0.5]
    order = np.argsort(given)
    expected, least = np.empty(5), 1.0
    for rank in range(5, 0, -1):
        least = min(least, given[order[rank - 1]] * 5 / rank)
        expected[order[rank - 1]] = least
    assert adjusted(given) == pytest.approx(expected.tolist())
    assert adjusted([]) == []


def test_the_interval_of_a_share_is_wilson_s():
    assert interval(3, 100) == pytest.approx((0.010255, 0.084519), abs=1e-5)
    low, high = interval(0, 20)
    assert low == 0
    assert high == pytest.approx(0.1611, abs=1e-4)


def test_the_smallest_distance_that_can_be_found_has_that_p_value():
    from scipy.stats import kstwo

    assert kstwo.sf(smallest_distance(200, 100, 0.01), 67) == pytest.approx(0.01)
